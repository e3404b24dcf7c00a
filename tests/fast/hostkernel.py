"""A module that compiles the text of a CuPy kernel for the host, so that tests without a GPU run every line of it.

It has what `refopt.fast.kernel` asks of CuPy, on NumPy's arrays: `asarray`, `empty`, and an `ElementwiseKernel` that gives its
text to the system's C compiler. CUDA's C++ and C agree on it but for the names defined below.
"""

import ctypes
import hashlib
import shutil
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import numpy as np

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
IN_C = {"float32": "float", "float64": "double", "bool": "_Bool"}

# Of 0 and −0 the larger is the second one, as for most processors (of a GPU it is 0).
PREAMBLE = """
#define bool _Bool
#define sqrt(x) _Generic((x), float: __builtin_sqrtf, default: __builtin_sqrt)(x)
#define fabs(x) _Generic((x), float: __builtin_fabsf, default: __builtin_fabs)(x)
#define copysign(x, y) _Generic((x), float: __builtin_copysignf, default: __builtin_copysign)(x, y)
#define isnan(x) __builtin_isnan(x)
#define max(a, b) ((a) > (b) ? (a) : (b))
#define min(a, b) ((a) < (b) ? (a) : (b))
"""


class ElementwiseKernel:
    """CuPy's class of that name: parameters, some of which are written, and the text for one entry."""

    directory = tempfile.TemporaryDirectory()

    def __init__(self, reads, writes, text, name, no_return, options):
        assert no_return
        assert options == ("--fmad=false",)  # what is contracted rounds once instead of twice
        self.reads, self.writes = [[tuple(x.split()) for x in part.split(", ") if x] for part in (reads, writes)]
        self.text, self.name, self.functions = text, name, {}

    def _compiled(self, arrays):
        """The machine code; `arrays` says of each parameter whether it is one."""
        if arrays not in self.functions:
            parameters, defined = ["long n"], []
            for (kind, name), array, written in zip(
                [*self.reads, *self.writes], arrays, [*(False for _ in self.reads), *(True for _ in self.writes)], strict=True
            ):
                parameters.append(f"{'' if written else 'const '}{IN_C[kind]} {'*' if array else ''}p_{name}")
                defined.append(f"#define {name} p_{name}{'[i]' if array else ''}")
            source = "\n".join(
                [
                    PREAMBLE,
                    *defined,
                    f"void kernel({', '.join(parameters)}) {{",
                    "for (long i = 0; i < n; i++) {",
                    self.text,
                    "}}",
                ]
            )
            place = Path(self.directory.name) / hashlib.sha256(source.encode()).hexdigest()
            if not place.with_suffix(".so").exists():
                place.with_suffix(".c").write_text(source)
                command = [COMPILER, "-O1", "-ffp-contract=off", "-w", "-shared", "-fPIC", "-o", f"{place}.so", f"{place}.c"]
                subprocess.run(command, check=True, capture_output=True)
            self.functions[arrays] = ctypes.CDLL(f"{place}.so").kernel
        return self.functions[arrays]

    def __call__(self, *arguments):
        parameters = [*self.reads, *self.writes]
        given, size = [], None
        for (kind, _), x in zip(parameters, arguments, strict=True):
            assert x.dtype == np.dtype(kind)
            if isinstance(x, np.ndarray):
                assert x.ndim == 1
                assert x.flags.c_contiguous
                assert size in (None, x.size)
                size = x.size
                given.append(ctypes.c_void_p(x.ctypes.data))
            else:
                assert isinstance(x, np.generic)
                given.append((ctypes.c_float if x.dtype == np.float32 else ctypes.c_double)(x.item()))
        assert all(isinstance(x, np.ndarray) for x in arguments[len(self.reads) :])
        self._compiled(tuple(isinstance(x, np.ndarray) for x in arguments))(ctypes.c_long(size), *given)


def module():
    """The module; a new one, so that nothing of an earlier test is found again."""
    made = types.ModuleType("hostkernel")
    made.__dict__.update(asarray=np.asarray, empty=np.empty, ElementwiseKernel=ElementwiseKernel)
    return made


assert sys.byteorder == "little"
