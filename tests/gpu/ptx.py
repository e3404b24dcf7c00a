"""A GPU's intermediate language, made by CuPy's compiler and executed in NumPy: no GPU is needed to see which bits come.

`compiled` gives the PTX of a kernel as CuPy would launch it; `Machine` runs that text entry by entry. Every arithmetic
instruction of PTX says how it rounds (``add.rn.f32`` to the nearest, ``.ftz`` with subnormal numbers taken and given as 0), and
that is what is computed here; an instruction that is not known, such as a fused multiply-add, is an error.
"""

import operator
import re

import numpy as np

FLOATS = {"f32": np.float32, "f64": np.float64}
COMPARISONS = {name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
UNORDERED = {f"{name}u": name for name in COMPARISONS}
WHOLE = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "shl": operator.lshift,
    "shr": operator.rshift,
    "and": operator.and_,
    "or": operator.or_,
}


def compiled(reads, writes, text, options, arrays):
    """The PTX of ``cupy.ElementwiseKernel(reads, writes, text, options=options)``; `arrays` tells which are arrays."""
    import cupy
    from cupy._core import _carray, _kernel, _scalar, core
    from cupy.cuda import compiler

    kernel = cupy.ElementwiseKernel(reads, writes, text, "refopt_step", no_return=True, options=options)
    parameters = kernel.in_params + kernel.out_params
    infos = [
        _kernel._ArgInfo(1, cupy.ndarray, p.dtype, 1, True, True)
        if array
        else _kernel._ArgInfo(3, _scalar.CScalar, p.dtype, 0, True, True)
        for p, array in zip(parameters, arrays, strict=True)
    ]
    infos.append(_kernel._ArgInfo(2, _carray.Indexer, None, 1, True, True))
    code = _kernel._get_elementwise_kernel_code(
        tuple(infos), _kernel._TypeMap(()), kernel.params, kernel.operation, kernel.name, kernel.preamble, **kernel.kwargs
    )
    source = "".join(f"#include <{header}>\n" for header in core._cupy_header_list) + code
    every = (
        *core.assemble_cupy_compiler_options(options),
        "-ftz=true",
        "-arch=compute_90",
        "--device-as-default-execution-space",
    )
    ptx, _ = compiler._NVRTCProgram(source, "kernel.cu", (), (), method="ptx").compile(every)
    return ptx if isinstance(ptx, str) else ptx.decode()


def number(text, kind):
    """A register's initial value or a literal: 0f3F800000 is a float32 by its bits."""
    if text.startswith("0f"):
        return np.uint32(int(text[2:], 16)).view(np.float32)
    if text.startswith("0d"):
        return np.uint64(int(text[2:], 16)).view(np.float64)
    return FLOATS[kind](float(text)) if kind in FLOATS else int(text, 0)


class Machine:
    """One thread of a GPU, which goes through all entries. `arrays` are overwritten; `scalars` are numbers of NumPy."""

    def __init__(self, ptx, arguments):
        body = ptx[ptx.index(".visible .entry") :]
        self.lines, self.labels = [], {}
        for line in body[body.index("{\n") + 2 :].splitlines():
            line = line.split("//")[0].strip()
            label = re.match(r"(\$\w+):", line)
            if label:
                self.labels[label[1]] = len(self.lines)
            elif line.endswith(";") and not line.startswith("."):
                self.lines.append(line[:-1])
        self.parameters = []  # each a dict from offset to what lies there
        for i, x in enumerate(arguments):  # of an array its address, size, shape and stride
            array = isinstance(x, np.ndarray)
            self.parameters.append({0: (i + 1) << 40, 8: x.size, 16: x.size, 24: x.itemsize} if array else {0: x})
        size = next(x.size for x in arguments if isinstance(x, np.ndarray))
        self.parameters.append({0: size, 8: size, 16: 0})
        self.arrays = {(i + 1): x for i, x in enumerate(arguments) if isinstance(x, np.ndarray)}
        self.executed = set()

    def run(self):
        """Execute; returns the set of instructions that were met."""
        values, at = {}, 0
        with np.errstate(all="ignore"):
            while at < len(self.lines):
                line, at = self.lines[at], at + 1
                guard = re.match(r"@(!?)(%p\d+)\s+(.*)", line)
                if guard:
                    if values[guard[2]] == bool(guard[1]):
                        continue
                    line = guard[3]
                name, _, rest = line.partition(" ")
                name = name.strip()
                operands = [x.strip() for x in re.split(r",(?![^\[]*\])", rest)] if rest.strip() else []
                self.executed.add(name)
                if name == "ret":
                    return self.executed
                if name.startswith("bra"):
                    at = self.labels[operands[0]]
                else:
                    self._do(name, operands, values)
        return self.executed

    def _place(self, text, values):
        base, _, offset = text.strip("[]").partition("+")
        address = values[base] + int(offset or 0)
        array = self.arrays[address >> 40]
        index, rest = divmod(address & ((1 << 40) - 1), array.itemsize)
        assert rest == 0
        assert 0 <= index < array.size
        return array, index

    def _do(self, name, operands, values):
        operation, *words = name.split(".")
        kind = words[-1]
        read = lambda text: values[text] if text in values else number(text, kind)  # noqa: E731
        if operation == "ld" and words[0] == "param":
            base, _, offset = operands[1].strip("[]").partition("+")
            values[operands[0]] = self.parameters[int(base.rpartition("_")[2])][int(offset or 0)]
        elif operation == "ld" and words[0] == "global":
            array, index = self._place(operands[1], values)
            values[operands[0]] = array[index]
        elif operation == "st" and words[0] == "global":
            array, index = self._place(operands[0], values)
            value = read(operands[1])
            if isinstance(value, int):  # the bits of a constant
                value = np.array(value, f"u{array.itemsize}").view(array.dtype)[()]
            array[index] = value
        elif operands[0].startswith("%p") or kind == "pred":
            values[operands[0]] = self._predicate(operation, words, [self._flushed(read(x), words) for x in operands[1:]])
        elif kind in FLOATS and operation not in ("mov", "selp"):
            x = [self._flushed(read(text), words) for text in operands[1:]]
            values[operands[0]] = self._flushed(self._arithmetic(operation, words, x), words)
        elif operation == "selp":
            values[operands[0]] = read(operands[1]) if values[operands[3]] else read(operands[2])
        elif operation == "mov":
            special = {"%ctaid.x": 0, "%ntid.x": 1, "%tid.x": 0, "%nctaid.x": 1}
            values[operands[0]] = special[operands[1]] if operands[1] in special else read(operands[1])
        else:
            values[operands[0]] = self._whole(operation, words, [read(x) for x in operands[1:]])

    @staticmethod
    def _flushed(x, words):
        subnormal = "ftz" in words and isinstance(x, np.float32) and x != 0 and abs(x) < np.finfo(np.float32).tiny
        return np.copysign(np.float32(0), x) if subnormal else x

    @staticmethod
    def _arithmetic(operation, words, x):
        kind = FLOATS[words[-1]]
        if operation in ("add", "sub", "mul", "div", "sqrt"):
            assert "rn" in words, (operation, words)  # to the nearest, as NumPy
            assert len(words) == 2 + ("ftz" in words), (operation, words)
            function = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "sqrt": np.sqrt}[operation]
            result = function(*x)
        elif operation in ("neg", "abs"):
            result = {"neg": np.negative, "abs": np.absolute}[operation](*x)
        elif operation == "rcp":
            assert "rn" in words, (operation, words)
            result = kind(1) / x[0]
        elif operation in ("max", "min"):  # of a number and NaN the number; 0 is more than −0
            assert set(words) <= {"ftz", words[-1]}, (operation, words)
            result = (np.fmax if operation == "max" else np.fmin)(*x)
            if x[0] == x[1] == 0:
                negative = [bool(np.signbit(y)) for y in x]
                result = kind(-0.0 if (all if operation == "max" else any)(negative) else 0.0)
        elif operation == "copysign":  # its first operand gives the sign
            result = np.copysign(x[1], x[0])
        elif operation == "cvt":
            result = kind(x[0])
        else:
            raise AssertionError(f"unknown instruction {operation}.{'.'.join(words)}")
        assert isinstance(result, kind), (operation, words)
        return result

    @staticmethod
    def _predicate(operation, words, x):
        if operation == "setp":
            if words[-1] in FLOATS and any(y != y for y in x):
                return words[0] in UNORDERED  # those hold of NaN
            return COMPARISONS[UNORDERED.get(words[0], words[0])](*x)
        return {"mov": bool, "and": operator.and_, "or": operator.or_, "xor": operator.xor, "not": operator.not_}[operation](*x)

    @staticmethod
    def _whole(operation, words, x):
        """Arithmetic on addresses and indices."""
        if operation in ("cvt", "cvta"):
            return int(x[0])
        size = 64 if words[0] == "wide" else int(re.sub(r"\D", "", words[-1]))
        value = WHOLE[operation](*map(int, x)) & ((1 << size) - 1)
        return value - (1 << size) if words[-1].startswith("s") and value >> (size - 1) else value
