"""What CuPy answers to, asked of an installed CuPy: no device is needed for it.

``python tests/gpu/cupy_api.py`` writes cupy_api.json beside this file, from which `standin` knows what it must refuse.
"""

import inspect
import json
import re
from pathlib import Path

import numpy as np

PATH = Path(__file__).with_name("cupy_api.json")
ROOMS = ("", "linalg", "lib.stride_tricks")  # of NumPy's namespaces those that refopt uses


def _room(module, name):
    for part in filter(None, name.split(".")):
        module = getattr(module, part)
    return module


def _words(function):
    """The parameters as the head of a lambda, every default 0: ``a, axis=0, *, dtype=0``; None where nobody can tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    bare = [p.replace(annotation=p.empty, default=p.default if p.default is p.empty else 0) for p in parameters]
    return str(inspect.Signature(bare))[1:-1].replace(" = ", "=")


def _method(method):
    """The same of a compiled method, whose documentation begins with its signature."""
    head = re.match(r"_ndarray_base\.\w+\(self(?:, )?(.*?)\)(?: ->.*)?$", (method.__doc__ or "").partition("\n")[0])
    if head is None:
        return _words(method)
    words = [re.sub(r"=.*", "=0", re.sub(r"^[\w ]+ (?=\w)", "", word)) for word in head[1].split(", ") if word]
    return ", ".join(["self", *words])


def _types(function):
    """The loops of a ufunc for NumPy's own types (with ml_dtypes there are more); None of a generalised one."""
    types = getattr(function, "types", None)
    return types and [text for text in types if set(text) <= set("?bBhHiIlLqQefdFD->")]


def _is_ufunc(function):
    return type(function).__name__ in ("ufunc", "_GUFunc")


def measured():
    """The functions, ufuncs and methods of the CuPy that is installed, with their words and types."""
    import cupy
    from cupyx.scipy import special

    functions, ufuncs = {}, {}
    for room in ROOMS:
        theirs, ours = _room(cupy, room), _room(np, room)
        for name in sorted(set(dir(theirs)) & set(dir(ours))):
            function = getattr(theirs, name)
            if name.startswith("_") or not callable(function) or isinstance(function, type) or function is getattr(ours, name):
                continue
            if _is_ufunc(function):
                ufuncs[name] = _types(function)
            elif (words := _words(function)) is not None:
                functions[f"{room}.{name}".lstrip(".")] = words
    specials = {name: _types(f) for name, f in sorted(vars(special).items()) if _is_ufunc(f) and hasattr(f, "types")}
    members = {name: getattr(cupy.ndarray, name) for name in dir(cupy.ndarray) if not name.startswith("_")}
    methods = {name: _method(member) for name, member in members.items() if callable(member)}
    attributes = [name for name, member in members.items() if not callable(member)]
    return {
        "cupy": cupy.__version__,
        "functions": functions,
        "ufuncs": ufuncs,
        "special": specials,
        "methods": methods,
        "attributes": attributes,
    }


if __name__ == "__main__":
    PATH.write_text(json.dumps(measured(), indent=0) + "\n")
