"""Recording: a rule's step run once on symbols, which note every operation on arrays and on scalars.

`Symbol` stands for an array: NumPy hands it every ufunc through ``__array_ufunc__``, and the answer is a new symbol. `Scalar`
stands for the step count or a hyper-parameter, and notes Python's arithmetic as Python's text; where the step branches on one,
the branch taken now is recorded, with the condition under which that is right. What cannot be noted (a branch on an array, a
sum over all entries) raises `Unrecordable`, which says why.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from refopt import numbers

__all__ = ["Operation", "Recording", "Scalar", "Symbol", "Unrecordable", "record"]


class Unrecordable(Exception):
    """The step cannot be replayed entry by entry; the message says what stands in the way."""


class Operation:
    """One call of a ufunc (or SELECT, or FILL): `inputs` are symbols, scalars and plain numbers, `result` is a symbol.

    `dtypes` are those in which NumPy takes the inputs; a plain number has none of its own.
    """

    __slots__ = ("dtypes", "function", "inputs", "result")

    def __init__(self, function: Any, inputs: tuple[Any, ...], dtypes: tuple[Any, ...], result: Symbol) -> None:
        self.function, self.inputs, self.dtypes, self.result = function, inputs, dtypes, result


class Recording:
    """What a step did: the inputs by name, the operations in order, and the results by name."""

    def __init__(self) -> None:
        self.arrays: dict[str, Symbol] = {}
        self.operations: list[Operation] = []
        self.results: dict[str, Any] = {}
        self.guards: dict[str, bool] = {}
        self.sums = False  # over rows, see `refopt.fast.rows`

    def guard(self, text: str, answer: bool) -> bool:
        """Note what a comparison of scalars answered."""
        self.guards[text] = bool(answer)
        return bool(answer)


# NumPy's `a**2` is square(a), not power(a, 2); so are these exponents of floating-point arrays.
POWERS = {2: np.square, 1: np.positive, 0.5: np.sqrt, -1: np.reciprocal}

INSTEAD = {"clip": "clipped"}  # what `numbers` has for functions of NumPy that are no ufuncs

SELECT, FILL = "where", "full"  # what is no ufunc: a selection of (condition, a, b), one number (x,) everywhere

LONGEST = 10_000  # characters of a scalar's text; a loop that doubles it at every turn must end


class Symbol(NDArrayOperatorsMixin):
    """An array that is not there yet. It has a dtype but no shape: a step that asks for one is not elementwise."""

    __slots__ = ("dtype", "tape")

    def __init__(self, tape: Recording, dtype: Any) -> None:
        self.tape, self.dtype = tape, np.dtype(dtype)

    def note(self, function: Any, inputs: tuple[Any, ...], dtypes: tuple[Any, ...], dtype: Any) -> Symbol:
        """A new symbol of `dtype` for what `function` makes of `inputs`."""
        if np.dtype(dtype).kind not in "fbiu":
            raise Unrecordable(f"an operation gives {np.dtype(dtype)}")
        result = Symbol(self.tape, dtype)
        self.tape.operations.append(Operation(function, inputs, dtypes, result))
        return result

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Symbol:
        if options.get("out") is not None:
            raise Unrecordable(f"it writes into an array that it was given (numpy.{ufunc.__name__} with out, or in place)")
        if method != "__call__" or options or ufunc.nout != 1:
            raise Unrecordable(f"{ufunc.__name__}.{method} is not one operation on each entry")
        try:
            *dtypes, dtype = ufunc.resolve_dtypes((*map(_kind, inputs), None))
        except (TypeError, ValueError) as error:  # a generalised ufunc; a library that has no such loop
            raise Unrecordable(f"{ufunc.__name__}: {error}") from None
        return self.note(ufunc, inputs, tuple(dtypes), dtype)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Symbol:
        if function is np.where and len(inputs) == 3 and not options and _kind(inputs[0]) == np.dtype(bool):
            kinds = [_kind(x) for x in inputs[1:]]
            dtype = np.result_type(*(kind(0) if isinstance(kind, type) else kind for kind in kinds))
            return self.note(SELECT, inputs, (np.dtype(bool), dtype, dtype), dtype)
        if function in (np.zeros_like, np.ones_like) and not options:
            return self.note(FILL, (int(function is np.ones_like),), (self.dtype,), self.dtype)
        if function is np.stack and len(inputs) == 1 and not options:
            from refopt.fast.rows import Rows

            return Rows.stacked(inputs[0])
        name = function.__name__
        if name in INSTEAD:
            raise Unrecordable(f"numpy.{name} is not recorded; refopt.numbers.{INSTEAD[name]} is")
        raise Unrecordable(f"numpy.{name} is no operation on each entry")

    def __pow__(self, exponent: Any) -> Any:
        if self.dtype.kind == "f" and isinstance(_kind(exponent), type):
            for special, function in POWERS.items():
                if exponent == special:  # of a scalar that is a branch, with its guard
                    return function(self)
        return np.power(self, exponent)

    def copy(self) -> Symbol:
        """Itself: nothing ever writes into a symbol."""
        return self

    def astype(self, dtype: Any, copy: bool = True) -> Symbol:
        """The same numbers; a selection between two Python numbers takes the dtype that it is cast to."""
        if np.dtype(dtype) == self.dtype:
            return self
        last = self.tape.operations[-1]
        if last.result is self and last.function is SELECT and not any(isinstance(x, Symbol) for x in last.inputs[1:]):
            self.dtype = np.dtype(dtype)
            last.dtypes = (last.dtypes[0], self.dtype, self.dtype)
            return self
        raise Unrecordable(f"a cast from {self.dtype} to {np.dtype(dtype)}")

    def __bool__(self) -> bool:
        raise Unrecordable("a branch on the values of an array")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("larger", "ball"):
            raise AttributeError(name)
        raise Unrecordable(f"the step asks for .{name} of an array")


def _kind(x: Any) -> Any:
    """What a ufunc's promotion asks of an operand: a dtype, or the type of a Python number, which is weak."""
    if isinstance(x, Symbol):
        return x.dtype
    kind = type(_value(x))
    if kind is bool:
        return np.dtype(bool)
    if kind not in (int, float):  # numpy.float64 is no Python number: it is not weak
        raise Unrecordable(f"an operand is of type {kind.__name__}")
    return kind


def _demand_python(*numbers: Any) -> None:
    for x in numbers:
        if type(_value(x)) not in (int, float, bool):
            raise Unrecordable(f"scalar arithmetic with a {type(_value(x)).__name__}")


def _scalar_operation(text: str, of: Callable[[Any, Any], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def combined(tape: Recording, a: Any, b: Any) -> Any:
        if isinstance(a, Symbol) or isinstance(b, Symbol):
            return NotImplemented
        _demand_python(a, b)
        return Scalar(tape, f"({_text(a)} {text} {_text(b)})", of(_value(a), _value(b)), _reads(a) | _reads(b))

    return (lambda self, other: combined(self.tape, self, other)), (lambda self, other: combined(self.tape, other, self))


def _comparison(text: str, of: Callable[[Any, Any], bool]) -> Callable[[Scalar, Any], Any]:
    def compared(self: Scalar, other: Any) -> Any:
        if isinstance(other, Symbol):
            return NotImplemented
        _demand_python(other)
        return self.tape.guard(f"({self.text} {text} {_text(other)})", of(self.value, _value(other)))

    return compared


def _text(x: Any) -> str:
    """A number as Python's text; a float's repr is that float again."""
    if isinstance(x, Scalar):
        return x.text
    if isinstance(x, float) and not math.isfinite(x):
        return f"float('{x}')"
    return f"({x!r})" if repr(x).startswith("-") else repr(x)


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Scalar) else x


def _reads(x: Any) -> frozenset[str]:
    return x.reads if isinstance(x, Scalar) else frozenset()


class Scalar:
    """A Python number that is only known when the step is replayed: its text, the names in it, its value at the recording.

    A comparison is answered by the value, and becomes a guard: the recording holds as long as the answer stays the same.
    """

    __slots__ = ("reads", "tape", "text", "value")
    __hash__ = None  # type: ignore[assignment]  # no key of a dict: its value is not known
    dtype = None  # not an array, whoever asks

    def __init__(self, tape: Recording, text: str, value: Any, reads: frozenset[str]) -> None:
        if len(text) > LONGEST:
            raise Unrecordable("its arithmetic on scalars is too long")
        self.tape, self.text, self.value, self.reads = tape, text, value, reads

    __add__, __radd__ = _scalar_operation("+", operator.add)
    __sub__, __rsub__ = _scalar_operation("-", operator.sub)
    __mul__, __rmul__ = _scalar_operation("*", operator.mul)
    __truediv__, __rtruediv__ = _scalar_operation("/", operator.truediv)
    __pow__, __rpow__ = _scalar_operation("**", operator.pow)
    __mod__, __rmod__ = _scalar_operation("%", operator.mod)
    __floordiv__, __rfloordiv__ = _scalar_operation("//", operator.floordiv)
    __lt__, __le__ = _comparison("<", operator.lt), _comparison("<=", operator.le)
    __gt__, __ge__ = _comparison(">", operator.gt), _comparison(">=", operator.ge)
    __eq__, __ne__ = _comparison("==", operator.eq), _comparison("!=", operator.ne)

    def __neg__(self) -> Scalar:
        return Scalar(self.tape, f"(-{self.text})", -self.value, self.reads)

    def __pos__(self) -> Scalar:
        return self

    def __abs__(self) -> Scalar:
        return Scalar(self.tape, f"abs({self.text})", abs(self.value), self.reads)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        symbol = next((x for x in inputs if isinstance(x, Symbol)), None)
        if symbol is not None:
            return symbol.__array_ufunc__(ufunc, method, *inputs, **options)
        function = getattr(numbers, ufunc.__name__, None)
        # Only what `numbers` asks for: its exp of a Python number is math.exp, NumPy's own may round to the neighbour.
        if method != "__call__" or options or function is None or sys._getframe(1).f_globals is not vars(numbers):
            raise Unrecordable(f"numpy.{ufunc.__name__} of a scalar")
        _demand_python(*inputs)
        text = f"_numbers.{ufunc.__name__}({', '.join(map(_text, inputs))})"
        return Scalar(self.tape, text, function(*map(_value, inputs)), frozenset().union(*map(_reads, inputs)))

    def __bool__(self) -> bool:
        return self.tape.guard(f"bool({self.text})", bool(self.value))

    def __repr__(self) -> str:
        self.tape.guard(f"({self.text} == {_text(self.value)})", True)
        return repr(self.value)

    def __float__(self) -> float:
        self.tape.guard(f"({self.text} == {_text(self.value)})", True)
        return float(self.value)

    def __int__(self) -> int:
        self.tape.guard(f"({self.text} == {_text(self.value)})", True)
        return int(self.value)

    __index__ = __int__


def record(
    step: Callable[..., dict[str, Any]],
    arrays: Mapping[str, Any],
    scalars: Mapping[str, Any],
    others: Mapping[str, Any],
    wanted: list[str],
) -> Recording:
    """Run `step` on symbols: `arrays` are names with their dtypes, `scalars` names with their values now, `others` stay as
    they are. `wanted` names the results that count; operations that only serve others are left out. Raises `Unrecordable`.
    """
    tape = Recording()
    tape.arrays = {name: Symbol(tape, dtype) for name, dtype in arrays.items()}
    numbers_now = {name: Scalar(tape, name, value, frozenset([name])) for name, value in scalars.items()}
    try:
        outcome = step(**tape.arrays, **numbers_now, **others)
        if not isinstance(outcome, Mapping):
            raise Unrecordable("its step does not return its names, as return locals() does")
        tape.results = {name: outcome[name] for name in wanted}
    except Unrecordable:
        raise
    except Exception as error:  # a rule may do with an array what no symbol can
        raise Unrecordable(f"{type(error).__name__}: {error}") from None
    needed = {id(value) for value in tape.results.values()}
    kept = []
    for operation in reversed(tape.operations):
        if id(operation.result) in needed:
            kept.append(operation)
            needed.update(id(x) for x in operation.inputs if isinstance(x, Symbol))
    tape.operations = kept[::-1]
    return tape
