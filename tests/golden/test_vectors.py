"""The golden vectors: made again they are the same bytes, they are what the schema says, and a second arithmetic agrees."""

import json
import math
from fractions import Fraction
from pathlib import Path

import mpmath
import numpy as np
import pytest

pytest.importorskip("flint", reason="refopt.golden.make needs python-flint")

import refopt
from refopt.golden import available, vectors
from refopt.golden.inputs import why_none
from refopt.golden.make import text

FOLDER = Path(refopt.__file__).parent / "golden" / "vectors"
rules = pytest.mark.parametrize("name", available())


def test_every_rule_has_vectors_but_those_that_need_a_function_or_nan():
    none = {name for name in refopt.names() if refopt.rule(name).needs} | {"skip_nonfinite"}
    assert available() == [name for name in refopt.names() if name not in none]
    for name in refopt.names():
        assert bool(why_none(refopt.rule(name))) == (name in none)


@rules
def test_made_again_no_byte_changes(name):
    assert text(refopt.rule(name)) == (FOLDER / f"{name}.json").read_text(encoding="utf-8")


def test_the_files_are_small():
    sizes = [path.stat().st_size for path in FOLDER.glob("*.json")]
    assert max(sizes) <= 300_000
    assert sum(sizes) <= 12_000_000


@rules
def test_the_files_are_what_the_schema_says(name):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.validate(vectors(name), json.loads((FOLDER / "schema.json").read_text(encoding="utf-8")))


@rules
def test_the_flags_of_vectors_are_explained_and_digits_proven(name):
    document = vectors(name)
    for vector in document["vectors"]:
        assert set(vector["flags"]) <= set(document["flags"])
        assert vector["proof"]["bits"] >= 128
        assert vector["proof"]["radius"] < 1e-25
        assert len(vector["steps"]) == len(vector["gradients"])
        assert set(document["state"]) <= {*vector["steps"][0], "window"}  # a window of gradients may be too long
        undefined = json.dumps([step["theta"] for step in vector["steps"]]).count("null")
        assert undefined <= 2  # values that lie exactly between two numbers


def divided(x, y):
    return x / y if y else mpmath.nan  # 0 / 0 has no value, nor has anything else over 0 in a vector


class Decimal:
    """A number of mpmath with 80 digits that runs in the rules' array arithmetic: a second witness beside the balls."""

    __hash__ = None

    def __init__(self, value):
        self.value = value.value if isinstance(value, Decimal) else mpmath.mpf(value)

    def _with(of):
        def method(self, other):
            return Decimal(of(self.value, Decimal(other).value)) if _is_number(other) else NotImplemented

        return method

    __add__ = __radd__ = _with(lambda x, y: x + y)
    __sub__, __rsub__ = _with(lambda x, y: x - y), _with(lambda x, y: y - x)
    __mul__ = __rmul__ = _with(lambda x, y: x * y)
    __truediv__, __rtruediv__ = _with(lambda x, y: divided(x, y)), _with(lambda x, y: divided(y, x))
    __pow__, __rpow__ = _with(lambda x, y: x**y), _with(lambda x, y: y**x)
    __mod__ = _with(lambda x, y: x % y)
    __neg__ = lambda self: Decimal(-self.value)  # noqa: E731
    __abs__ = lambda self: Decimal(abs(self.value))  # noqa: E731
    __lt__ = lambda self, other: self.value < Decimal(other).value  # noqa: E731
    __le__ = lambda self, other: self.value <= Decimal(other).value  # noqa: E731
    __gt__ = lambda self, other: self.value > Decimal(other).value  # noqa: E731
    __ge__ = lambda self, other: self.value >= Decimal(other).value  # noqa: E731
    __eq__ = lambda self, other: self.value == Decimal(other).value  # noqa: E731
    __bool__ = lambda self: self.value != 0  # noqa: E731
    sqrt = lambda self: Decimal(mpmath.sqrt(self.value))  # noqa: E731
    exp = lambda self: Decimal(mpmath.exp(self.value))  # noqa: E731
    cos = lambda self: Decimal(mpmath.cos(self.value))  # noqa: E731
    larger = lambda self, other: Decimal(max(self.value, Decimal(other).value))  # noqa: E731
    total = lambda self, entries: Decimal(mpmath.fsum(x.value for x in entries))  # noqa: E731
    conjugate = lambda self: self  # noqa: E731
    identical = lambda self, other: isinstance(other, Decimal) and self.value == other.value  # noqa: E731
    ball = property(lambda self: self)  # what numbers.py knows a number by
    midpoint = property(lambda self: float(self.value))


def _is_number(x):
    return isinstance(x, (Decimal, int, float, np.floating))


from numbers import Real  # noqa: E402

Real.register(Decimal)


def decimals(x):
    """The tree with every number as a Decimal, each exactly its binary value."""
    if isinstance(x, dict):
        return {key: decimals(part) for key, part in x.items()}
    if isinstance(x, (list, tuple)):
        return type(x)(map(decimals, x))
    if isinstance(x, np.ndarray):
        out = np.empty(x.shape, dtype=object)
        out.reshape(-1)[:] = [Decimal(value) for value in x.reshape(-1).tolist()]
        return out
    return Decimal(x) if _is_number(x) and not isinstance(x, bool) else x


def nearest(value):
    """The binary64 number nearest to an 80-digit one, by exact rational arithmetic; ties to even."""
    sign, mantissa, exponent, _ = value._mpf_
    exact = Fraction(int(mantissa)) * Fraction(2) ** exponent * (-1) ** sign
    if exact == 0:
        return 0.0
    ulp = Fraction(math.ulp(float(exact)))
    return float(round(exact / ulp) * ulp)


def bound(rule, hyper):
    """The rule with hyper-parameters as Decimals."""
    own = {word: value for word, value in hyper.items() if word in rule.hyper and not isinstance(value, bool)}
    switches = {word: value for word, value in hyper.items() if isinstance(value, bool)}
    numbers = {word: tuple(map(Decimal, x)) if isinstance(x, list) else Decimal(x) for word, x in own.items()}
    inside = {
        word: bound(value, {key: x for key, x in value.hyper.items() if isinstance(x, (int, float))})
        for word, value in rule.hyper.items()
        if isinstance(value, refopt.Rule)
    }
    return rule(**numbers, **switches, **inside)


@rules
def test_a_second_arithmetic_comes_to_the_same_digits(name):
    """The rule's text on 80-digit decimals of mpmath, rounded by rational arithmetic: a random part of every vector."""
    rng, seen = np.random.default_rng(len(name)), 0
    with mpmath.workdps(80):
        for vector in vectors(name)["vectors"]:
            shapes = [tuple(shape) for shape in vector["shapes"]]
            arrays = lambda flat, shapes=shapes: [  # noqa: E731
                x if x is None else decimals(np.array(x, dtype=float).reshape(shape))
                for x, shape in zip(flat, shapes, strict=True)
            ]
            rule, theta = bound(refopt.rule(name), vector["hyper"]), arrays(vector["theta"])
            state = decimals(rule.init(theta))
            if "start" in vector:
                state |= {key: arrays(x) if isinstance(x, list) else Decimal(x) for key, x in vector["start"].items()}
            for number, (gradients, step) in enumerate(zip(vector["gradients"], vector["steps"], strict=True)):
                lr = {"lr": Decimal(vector["lr"][number])} if "lr" in vector else {}
                theta, state = rule.update(theta, arrays(gradients), state, **lr)
                for tensor, expected in zip(theta, step["theta"], strict=True):
                    entries = tensor.reshape(-1)
                    for place in rng.permutation(len(expected))[:2]:
                        if expected[place] is not None:
                            assert nearest(entries[place].value) == expected[place]
                            seen += 1
    assert seen >= 20
