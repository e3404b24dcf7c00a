"""The defaults of the tables against the signatures of the libraries: also those that twenty steps would not show."""

import ast
import inspect
from types import SimpleNamespace

import pytest
from conftest import import_peer
from variations import find

from refopt.frameworks import FRAMEWORKS
from refopt.golden.libraries import timm_optim

PYTHON = [name for name in FRAMEWORKS if name not in ("onnx", "tfjs")]  # the others have no signatures
# Arguments that are read otherwise than by their default: None stands for a number, or a switch decides.
OTHERWISE = {
    ("torch", "adafactor"): {"floor"},  # None, the machine epsilon
    ("torch", "ema"): {"decay"},  # required: without it the average is another
}


def arguments(call):
    """[(argument of the library, words)] of the outermost call: ("lr", ["lr"]), ("betas", ["beta1", "beta2"])."""
    for keyword in ast.parse(call, mode="eval").body.keywords:
        if isinstance(keyword.value, ast.Name):
            yield keyword.arg, keyword.value.id
        elif isinstance(keyword.value, ast.Tuple) and all(isinstance(part, ast.Name) for part in keyword.value.elts):
            yield keyword.arg, [part.id for part in keyword.value.elts]


def function(framework, call):
    import_peer("torch" if framework in ("timm", "transformers") else framework.partition(".")[0])
    names = call.partition("(")[0].split(".")
    found = timm_optim() if framework == "timm" else import_peer(names[0])
    for depth, name in enumerate(names[1:], 2):
        if not hasattr(found, name):
            import_peer(".".join(names[:depth]))
        found = getattr(found, name)
    return found


@pytest.mark.parametrize(("framework", "entry"), [(name, entry) for name in PYTHON for entry in FRAMEWORKS[name]])
def test_defaults_are_the_library_s(framework, entry):
    reading = FRAMEWORKS[framework][entry]
    parameters = inspect.signature(function(framework, reading.call)).parameters
    default = SimpleNamespace(**{name: parameter.default for name, parameter in parameters.items()})
    for argument, words in arguments(reading.call):
        together = words if isinstance(words, list) else [words]
        if argument not in parameters or set(together) & (set(reading.required) | OTHERWISE.get((framework, entry), set())):
            continue
        theirs = getattr(default, argument)
        ours = tuple(find(reading.rule, word) for word in together)
        if words == "weight_decay" and reading.weight_decay is not None:
            ours = (0.0,)
        if theirs is None:
            assert ours in ((None,), (0.0,), (False,)), f"{argument} has no number for a default"
        elif theirs is inspect.Parameter.empty:
            assert set(together) <= reading.must_be_given
        else:
            assert (tuple(theirs) if isinstance(words, list) else (theirs,)) == ours, argument
