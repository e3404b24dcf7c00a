"""Mechanical mistakes: every small change of a rule's text, as `diagnose` tries them when no mistake of the catalogue fits.

A slip of the pen changes one place: an operator, a name, a factor that is forgotten, a line that stands too early. Here all
such changes are made, one at a time, of the rule's own statements and of the functions that they call. The one that gives a
stranger's numbers says where to look: "as if `m_hat = m / c1` were `m_hat = m`". Those that mean nothing, or the same as the
rule, do no harm: they fit nobody.
"""

from __future__ import annotations

import ast
import copy
import inspect
import itertools
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from refopt.golden.mistakes.edits import Functions, Lines
from refopt.recurrence import Rule

__all__ = ["Variation", "rounded", "variations"]

BEFORE = "_before"  # the name of a value as it was when the step began


@dataclass(frozen=True)
class Variation:
    """A small change: what it is in words, and the edits of the step's text, of init's, of what the step calls."""

    words: str
    lines: Lines = ()
    start: Lines = ()
    functions: Functions = ()
    scope: str | None = None


def variations(rule: Rule) -> Iterator[Variation]:
    """All small changes of the rule's text, the likely ones first; each once."""
    seen = set()
    for variation in _all(rule):
        key = variation.lines, variation.start, variation.functions, variation.scope
        if key not in seen:
            seen.add(key)
            yield variation


def _all(rule: Rule) -> Iterator[Variation]:
    text = _Text(rule)
    yield from _rewritings(text)
    yield from _called(rule)
    yield from _brackets(text)
    yield from _twins(text)
    yield from _firsts(text)
    yield from _swaps(text)
    yield from _moves(text)
    yield from _delays(text)
    yield from _orders(text)
    yield from _stores(text)
    yield from _remembered(text)
    yield from _bounds(text)
    yield from _gradients(text)
    yield from _decays(text)
    yield from _starts(rule)


def _it_computes(new: str, old: str) -> str:
    return f"It computes `{new}` where the rule has `{old}`."


def _assignment(statement: ast.Assign, value: ast.expr) -> str:
    return ast.unparse(ast.Assign(statement.targets, value, lineno=0))


class _Text:
    """The statements of a rule's step, and which names are arrays and which are numbers."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.statements = [x for x in _definition(rule.recurrence).body if isinstance(x, ast.Assign)]
        self.state = [name for name in rule.state_names if rule._kinds.get(name) in ("array", "other", None)]
        self.state = [name for name in self.state if name != "inner_state"]
        self.numbers = [
            word for word, value in rule.defaults.items() if isinstance(value, (int, float)) and not isinstance(value, bool)
        ]
        self.counts = [name for name in rule.state_names if rule._kinds.get(name) == "count"]
        self.numbers += [name for name in rule.state_names if rule._kinds.get(name) == "number"]
        known = {*self.numbers, *self.counts, *rule.hyper, "inner_state"}
        self.arrays = ["theta", "g", *self.state]
        for statement in self.statements:
            for name in _targets(statement):
                if name not in (*known, *self.arrays):
                    used = {x.id for x in ast.walk(statement.value) if isinstance(x, ast.Name)}
                    (self.arrays if used & set(self.arrays) else self.numbers).append(name)
        self.lines = [ast.unparse(statement) for statement in self.statements]
        self.computed = [name for name in self.numbers if name not in rule.hyper and name not in rule.state_names]
        self.decays = [name for name in ("beta1", "beta2", "beta", "rho", "momentum") if name in self.numbers]
        self.parts = self.parts_of(self.statements)
        self.begun = f"{self.counts[0]} > 0" if self.counts else "step_() > 0"  # as the step begins

    def parts_of(self, statements: list[ast.Assign]) -> list[ast.expr]:
        """The different products, sums and calls of some lines that are about arrays."""
        found: dict[str, ast.expr] = {}
        for statement in statements:
            for node in ast.walk(_inlined(statement.value, self.rule)):
                names = {x.id for x in ast.walk(node) if isinstance(x, ast.Name)}
                if isinstance(node, (ast.BinOp, ast.Call)) and names & set(self.arrays):
                    found.setdefault(ast.unparse(node), node)
        return list(found.values())

    def here(self, node: ast.expr) -> Iterator[ast.expr]:
        """The changes of this place itself."""
        if isinstance(node, ast.BinOp):
            yield from _of_operator(node)
            names = {x.id for x in ast.walk(node) if isinstance(x, ast.Name)}
            if names and names <= set(self.rule.hyper) & set(self.numbers):
                yield ast.Constant(eval(ast.unparse(node), {}, dict(self.rule.defaults)))  # as somebody worked it out once
            elif names & set(self.arrays):
                yield from map(ast.Name, self.arrays)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield from _of_call(node)
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            for operator in _COMPARISONS:
                if not isinstance(node.ops[0], operator):
                    yield ast.Compare(node.left, [operator()], node.comparators)
            yield from (_expression("True"), _expression("False"))
        elif isinstance(node, ast.IfExp):
            yield from (node.body, node.orelse, ast.IfExp(node.test, node.orelse, node.body))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield node.operand
        elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            old = node.value
            values: set[float] = {0, 1, 2, 0.5, old + 1, old - 1, -old, 2 * old}
            yield from (ast.Constant(value) for value in sorted(values - {old}))
            yield from map(ast.Name, self.numbers if old in (0, 1) else ())
        elif isinstance(node, ast.Name):
            yield from self.of_name(node)

    def of_name(self, node: ast.Name) -> Iterator[ast.expr]:
        """Another name, or the same with something done to it."""
        name = node.id
        if name in self.arrays:
            yield from (ast.Name(other) for other in self.arrays if other != name)
            for form in ("-{}", "abs({})", "sign({})", "sqrt(abs({}))", "{}**2", "{}*abs({})", "total({})", "mean({})"):
                yield _expression(form.format(name, name))
            yield from (_expression(f"{number} * {name}") for number in self.numbers)
            yield from (_expression(f"{name} / {number}") for number in ("lr", *self.computed) if number in self.numbers)
            yield from (_expression(f"({name} {sign} {other})") for other in self.arrays if other != name for sign in "+-")
            yield from (_expression(f"keep_({which!r}, {name!r}, {name})") for which in ("first", "last"))
            yield from self.parts
            for beta in self.decays:
                yield _expression(f"{name} / (1 - {beta}**{self.counts[0] if self.counts else 'done_()'})")
        elif name in self.counts:
            forms = (f"({name} - 1)", f"({name} + 1)", f"max({name} - 1, 1)", f"sqrt({name})", "1", f"({name} % 256)")
            yield from map(_expression, forms)
        elif name in self.numbers:
            yield from (ast.Name(other) for other in (*self.numbers, *self.counts) if other != name)
            for form in ("(1 - {})", "{}**2", "sqrt(abs({}))", "(1 / {})", "0", "1", "-{}"):
                yield _expression(form.format(name))
            for other in self.computed:
                yield from map(_expression, (f"({name} / {other})", f"({name} * {other})", f"({name} / sqrt(abs({other})))"))
            if name == "lr":
                yield from (_expression("rate_('first')"), _expression("rate_('last')"))
            if isinstance(default := self.rule.defaults.get(name), (int, float)) and default:
                yield _expression(f"({name} or {default!r})")
                yield _expression(repr(default))


_COMPARISONS = (ast.Gt, ast.GtE, ast.Lt, ast.LtE, ast.Eq, ast.NotEq)
_TWINS = {"maximum": "minimum", "minimum": "maximum", "mean": "total", "total": "mean", "RMS": "norm", "norm": "RMS"}


def _rewritings(text: _Text) -> Iterator[Variation]:
    """A right-hand side with one place changed; where a reading is called, with the formula of the paper there."""
    for statement, old in zip(text.statements, text.lines, strict=True):
        plain = _inlined(statement.value, text.rule)
        for value in (plain, statement.value, *_distributed(plain)):
            for changed in _walked(value, text.here):
                new = _assignment(statement, changed)
                yield Variation(_it_computes(new, old), ((old, new),))
        if isinstance(statement.targets[0], ast.Tuple):
            continue
        for changed in (ast.UnaryOp(ast.USub(), plain), *(ast.BinOp(ast.Constant(x), ast.Mult(), plain) for x in (2, 0.5))):
            new = _assignment(statement, changed)
            yield Variation(_it_computes(new, old), ((old, new),))
        for changed in _walked(plain, lambda node: _summed(node, text)):
            new = _assignment(statement, changed)
            for scope in dict.fromkeys((None, "tensor")) if text.rule.scope == "element" else (None,):
                yield Variation(_it_computes(new, old) + (" Tensor by tensor." if scope else ""), ((old, new),), scope=scope)


def _distributed(node: ast.expr) -> Iterator[ast.expr]:
    """a·(b + c) written as a·b + a·c, and a·b / c as a·(b / c), so that each part may be changed alone."""

    def here(node: ast.expr) -> Iterator[ast.expr]:
        match node:
            case ast.BinOp(left=ast.BinOp(left=one, op=ast.Mult(), right=two), op=ast.Div(), right=three):
                yield ast.BinOp(one, ast.Mult(), ast.BinOp(two, ast.Div(), three))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            one, two = node.left, node.right
            if isinstance(two, ast.BinOp) and isinstance(two.op, (ast.Add, ast.Sub)):
                parts = (ast.BinOp(one, ast.Mult(), part) for part in (two.left, two.right))
                yield ast.BinOp(next(parts), two.op, next(parts))

    return _walked(node, here)


def _summed(node: ast.expr, text: _Text) -> Iterator[ast.expr]:
    """One number for a tensor where each entry has its own."""
    names = {x.id for x in ast.walk(node) if isinstance(x, ast.Name)}
    if isinstance(node, (ast.Name, ast.BinOp, ast.Call)) and names & set(text.arrays):
        yield from (_call(name, node) for name in ("mean", "total", "norm"))
        old = ast.unparse(node)
        yield _expression(f"largest({old}, None)")
        for axes in ("-1", "0", "tuple(range(1, theta.ndim))"):
            yield from (_expression(f"({name}({old}, {axes}) if theta.ndim > 1 else {old})") for name in ("mean", "total"))
        yield from (
            _expression(form.format(old, old)) for form in ("(({}) / maximum(1, RMS_({})))", "minimum(maximum({}, -1), 1)")
        )


def _of_operator(node: ast.BinOp) -> Iterator[ast.expr]:
    one, two, kind = node.left, node.right, type(node.op)
    yield from (one, two)
    if kind in (ast.Add, ast.Sub):
        yield ast.BinOp(one, ast.Sub() if kind is ast.Add else ast.Add(), two)
        yield _call("abs", node)
        if kind is ast.Sub:
            yield ast.BinOp(two, ast.Sub(), one)
        else:
            yield from (ast.Call(ast.Name(name), [one, two], []) for name in ("maximum", "minimum"))
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "sqrt":
            yield _call("sqrt", ast.BinOp(one.args[0], node.op, two))
    elif kind is ast.Mult:
        yield ast.BinOp(one, ast.Div(), two)
        yield ast.BinOp(one, ast.Add(), two)
        if isinstance(two, ast.Call) and isinstance(two.func, ast.Name) and two.func.id in ("maximum", "minimum"):
            for i in range(2):
                given = [ast.BinOp(one, ast.Mult(), x) if i == j else x for j, x in enumerate(two.args)]
                yield ast.Call(two.func, given, two.keywords)
    elif kind is ast.Div:
        yield ast.BinOp(one, ast.Mult(), two)
        yield ast.BinOp(two, ast.Div(), one)
        yield ast.BinOp(one, ast.Div(), _call("sqrt", two))
        yield ast.BinOp(one, ast.Div(), ast.BinOp(two, ast.Pow(), ast.Constant(2)))
        yield ast.BinOp(one, ast.Div(), ast.BinOp(ast.Constant(1), ast.Add(), two))
        yield ast.BinOp(one, ast.Sub(), two)
    elif kind is ast.Pow:
        yield ast.BinOp(one, ast.Mult(), two)
        yield _call("abs", one)
        yield ast.BinOp(one, ast.Mult(), _call("abs", one))
        if isinstance(one, ast.BinOp) and isinstance(one.op, (ast.Add, ast.Sub)):
            parts = (ast.BinOp(part, ast.Pow(), two) for part in (one.left, one.right))
            yield ast.BinOp(next(parts), one.op, next(parts))
    yield from _unbracketed(node)


def _unbracketed(node: ast.expr) -> Iterator[ast.expr]:
    """A bracket forgotten, or one too many."""
    if not isinstance(node, ast.BinOp):
        return
    one, two, kind = node.left, node.right, type(node.op)
    if kind in (ast.Mult, ast.Div) and isinstance(one, ast.BinOp) and isinstance(one.op, (ast.Add, ast.Sub)):
        yield ast.BinOp(one.left, one.op, ast.BinOp(one.right, node.op, two))
    if kind in (ast.Mult, ast.Div) and isinstance(two, ast.BinOp) and isinstance(two.op, (ast.Add, ast.Sub, ast.Mult, ast.Div)):
        yield ast.BinOp(ast.BinOp(one, node.op, two.left), two.op, two.right)
    if kind in (ast.Add, ast.Sub) and isinstance(two, ast.BinOp) and isinstance(two.op, (ast.Mult, ast.Div, ast.Pow)):
        yield ast.BinOp(ast.BinOp(one, node.op, two.left), two.op, two.right)
    if kind in (ast.Add, ast.Sub) and isinstance(one, ast.BinOp) and isinstance(one.op, (ast.Mult, ast.Div)):
        yield ast.BinOp(one.left, one.op, ast.BinOp(one.right, node.op, two))
    if kind is ast.Pow and isinstance(two, ast.BinOp):
        yield ast.BinOp(ast.BinOp(one, ast.Pow(), two.left), two.op, two.right)
    if kind in (ast.Mult, ast.Div) and isinstance(one, ast.BinOp) and isinstance(one.op, (ast.Mult, ast.Div)):
        left, middle = one.left, one.right
        if isinstance(middle, ast.BinOp) and isinstance(middle.op, (ast.Add, ast.Sub)):
            yield ast.BinOp(ast.BinOp(left, one.op, middle.left), middle.op, ast.BinOp(middle.right, node.op, two))


def _of_call(node: ast.Call) -> Iterator[ast.expr]:
    assert isinstance(node.func, ast.Name)
    name, given = node.func.id, node.args
    if len(given) == 1:
        yield given[0]
        yield ast.BinOp(node, ast.Pow(), ast.Constant(2))
        yield _call("sqrt", node)
    if name == "sqrt":
        if isinstance(given[0], ast.BinOp) and isinstance(given[0].op, (ast.Add, ast.Sub)):
            inside = given[0]
            yield ast.BinOp(_call("sqrt", inside.left), inside.op, inside.right)
            yield ast.BinOp(_call("sqrt", inside.left), inside.op, _call("sqrt", inside.right))
    elif name == "where":
        condition, one, two = given[:3]
        yield from (one, two, ast.Call(node.func, [condition, two, one], node.keywords))
    elif name in ("maximum", "minimum"):
        yield from given
        yield ast.BinOp(given[0], ast.Add(), given[1])
        if isinstance(given[0], ast.BinOp) and isinstance(given[0].op, ast.Mult):
            weight = ast.unparse(given[0].left)
            yield _expression(f"{ast.unparse(given[0])} + (1 - {weight}) * ({ast.unparse(given[1])})")
    elif name == "sign":
        yield _expression(f"where({ast.unparse(given[0])} >= 0, 1, -1, like=theta)")
        yield _expression(f"where({ast.unparse(given[0])} > 0, 1, -1, like=theta)")
        yield _expression(f"where({ast.unparse(given[0])} > 0, 1, 0, like=theta)")
        for eps in ("1e-8", "1e-12", "1e-16"):
            yield _expression(f"{ast.unparse(given[0])} / (abs({ast.unparse(given[0])}) + {eps})")
    if name in _TWINS:
        yield ast.Call(ast.Name(_TWINS[name]), given, node.keywords)
    if name in ("norm", "RMS"):
        yield _call("total", _call("abs", given[0]))
        x = ast.unparse(given[0])
        yield from (_expression(f"sqrt(total({x} * {x}, {axes}))") for axes in ("-1", "0", "tuple(range(1, theta.ndim))"))
        yield _expression(f"largest(abs({ast.unparse(given[0])}), None)")
    if name == "largest":
        yield from (ast.Call(ast.Name(other), given, node.keywords) for other in ("total", "mean"))
    if name in ("total", "mean") and len(given) == 2 and isinstance(given[1], (ast.Constant, ast.UnaryOp)):
        axis = ast.literal_eval(given[1])
        yield ast.Call(node.func, [given[0], ast.Constant(-3 - axis if axis < 0 else 1 - axis)], node.keywords)


def _called(rule: Rule) -> Iterator[Variation]:
    """A change inside a reading of more than one line, or inside a function that the rule's paper names."""
    used = {x.id for x in ast.walk(_definition(rule.recurrence)) if isinstance(x, ast.Name)}
    functions = {hole: rule.hyper[hole] for hole in rule.holes}
    functions |= {name: x for name, x in rule.recurrence.__globals__.items() if name in used and _is_helper(x)}
    for name, function in functions.items():
        definition = _definition(function)
        arguments = [argument.arg for argument in definition.args.args]
        text = object.__new__(_Text)
        text.rule, text.state, text.counts = rule, [], []
        text.numbers = [word for word in arguments if word in rule.hyper or word in ("coefficient", "c1", "c2")]
        text.arrays = [word for word in arguments if word not in (*text.numbers, "t")]
        text.counts = [word for word in arguments if word == "t"]
        text.computed, text.decays, text.parts = [], [], []
        if {"g", "theta", "weight_decay"} <= set(arguments):
            text.parts.append(_expression("(g + weight_decay * theta)"))
        for node in ast.walk(definition):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id not in text.arrays:
                text.arrays.append(node.id)
        for statement in definition.body:
            if isinstance(statement, ast.Expr):
                continue
            old = ast.unparse(statement)
            for changed in _walked(statement, text.here):
                new = ast.unparse(changed)
                words = f"In `{function.__name__}`: it computes `{new}` where the rule has `{old}`."
                yield Variation(words, functions=((name, ((old, new),)),))


def _is_helper(x: Any) -> bool:
    return inspect.isfunction(x) and x.__module__.startswith("refopt.") and x.__module__ != "refopt.numbers"


def _brackets(text: _Text) -> Iterator[Variation]:
    """Two lines written as one, and a bracket forgotten."""
    formulas: dict[str, ast.expr] = {}
    for statement, old in zip(text.statements, text.lines, strict=True):
        value = _inlined(statement.value, text.rule)
        inside = {x.id for x in ast.walk(value) if isinstance(x, ast.Name)}
        for name in sorted(inside & formulas.keys()):
            whole = _Renaming({name: formulas[name]}).visit(copy.deepcopy(value))
            for changed in _walked(whole, _unbracketed):
                new = _assignment(statement, changed)
                yield Variation(_it_computes(new, old), ((old, new),))
        for name in _targets(statement):
            formulas.pop(name, None)
            if name not in inside and not isinstance(statement.targets[0], ast.Tuple):
                formulas[name] = value


def _walked(node: Any, here: Callable[[ast.expr], Iterator[ast.expr]]) -> Iterator[Any]:
    """All changes of one place, this one or one inside."""
    if isinstance(node, ast.expr):
        yield from here(node)
    for name, value in ast.iter_fields(node):
        parts = value if isinstance(value, list) else [value]
        for i, part in enumerate(parts):
            plain = isinstance(part, ast.Name) and (name == "func" or isinstance(part.ctx, ast.Store))
            if isinstance(part, (ast.expr, ast.stmt, ast.comprehension, ast.keyword)) and not plain:
                for changed in _walked(part, here):
                    new = copy.copy(node)
                    setattr(new, name, [*parts[:i], changed, *parts[i + 1 :]] if isinstance(value, list) else changed)
                    yield new


def _twins(text: _Text) -> Iterator[Variation]:
    """The same change in two lines that are alike but for their names: c1 and c2, m and v."""
    shapes: dict[str, list[int]] = {}
    values = [_inlined(statement.value, text.rule) for statement in text.statements]
    for i, value in enumerate(values):
        blank = _Renaming({x.id: ast.Name("_") for x in ast.walk(value) if isinstance(x, ast.Name)})
        shapes.setdefault(ast.dump(blank.visit(copy.deepcopy(value))), []).append(i)
    for alike in shapes.values():
        for i, j in itertools.combinations(alike, 2):
            one, two = text.statements[i], text.statements[j]
            pairs = zip(ast.walk(values[i]), ast.walk(values[j]), strict=True)
            names = {x.id: y.id for x, y in pairs if isinstance(x, ast.Name) and isinstance(y, ast.Name)}
            names |= dict(zip(_targets(one), _targets(two), strict=False))
            for changed in _walked(values[i], text.here):
                other = _Renaming({x: ast.Name(y) for x, y in names.items()}).visit(copy.deepcopy(changed))
                new = _assignment(one, changed), _assignment(two, other)
                words = f"It computes `{new[0]}` and `{new[1]}` where the rule has `{text.lines[i]}` and `{text.lines[j]}`."
                yield Variation(words, ((text.lines[i], new[0]), (text.lines[j], new[1])))
            for k, statement in enumerate(text.statements):
                for mapping in (names, {y: x for x, y in names.items()}):
                    mixed = _Renaming({x: ast.Name(y) for x, y in mapping.items()}).visit(copy.deepcopy(statement.value))
                    new_line = _assignment(statement, mixed)
                    if new_line != text.lines[k]:
                        yield Variation(_it_computes(new_line, text.lines[k]), ((text.lines[k], new_line),))


def _firsts(text: _Text) -> Iterator[Variation]:
    """What is otherwise in the first step, or in all others; what changes only where a condition of the rule holds."""
    flags = [
        name for x, name in ((x, _targets(x)[0]) for x in text.statements if _targets(x)) if isinstance(x.value, ast.Compare)
    ]
    for statement, old in zip(text.statements, text.lines, strict=True):
        names = _targets(statement)
        if isinstance(statement.targets[0], ast.Tuple) or names[0] in text.counts:
            continue
        begun = ("", f"begun_ = {text.begun}")
        whole = ast.unparse(_inlined(statement.value, text.rule))
        parts = [ast.unparse(x) for x in ast.walk(_inlined(statement.value, text.rule)) if isinstance(x, (ast.BinOp, ast.Name))]
        for part in dict.fromkeys((*parts, "g", *(ast.unparse(x) for x in text.parts))):
            for test, words in (("begun_", "in the first step"), ("not begun_", "in all steps but the first")):
                new = f"{names[0]} = ({whole}) if {test} else {part}"
                yield Variation(f"`{names[0]} = {part}` {words}, in the place of `{old}`.", (begun, (old, new)))
        if names[0] in text.state:
            for flag in flags:
                for test in (flag, f"not {flag}"):
                    new = f"{names[0]} = ({whole}) if {test} else {names[0]}"
                    yield Variation(f"The line `{old}` is done only if {test}.", ((old, new),))


def _swaps(text: _Text) -> Iterator[Variation]:
    """Two parts of a line in each other's places, or one name where another should be, all along the line."""
    for statement, old in zip(text.statements, text.lines, strict=True):
        value = _inlined(statement.value, text.rule)
        parts = [x for x in ast.walk(value) if isinstance(x, (ast.BinOp, ast.Name, ast.Call)) and x is not value]
        parts = list({ast.unparse(x): x for x in parts}.values())
        for one, two in itertools.combinations(parts, 2):
            texts = ast.unparse(one), ast.unparse(two)
            if any(ast.unparse(x) == texts[1] for x in ast.walk(one)) or any(ast.unparse(x) == texts[0] for x in ast.walk(two)):
                continue  # one is inside the other
            new = _assignment(statement, _Exchange({texts[0]: two, texts[1]: one}).visit(copy.deepcopy(value)))
            yield Variation(_it_computes(new, old), ((old, new),))
        places = [x for x in ast.walk(value) if isinstance(x, ast.Name)]
        for one, two in itertools.combinations(places, 2):
            if one.id != two.id:
                new = _assignment(statement, _AtPlaces({id(one): two.id, id(two): one.id}).visited(value))
                yield Variation(_it_computes(new, old), ((old, new),))
        names = {x.id for x in places}
        for kind in (text.numbers, text.arrays):
            for name in sorted(names & set(kind)):
                for other in kind:
                    if other != name:
                        new = _assignment(statement, _Renaming({name: ast.Name(other)}).visit(copy.deepcopy(value)))
                        yield Variation(_it_computes(new, old), ((old, new),))


class _AtPlaces:
    """Other names at some places of an expression, which are told by the identity of their nodes."""

    def __init__(self, new: dict[int, str]) -> None:
        self.new = new

    def visited(self, node: Any) -> Any:
        if id(node) in self.new:
            return ast.Name(self.new[id(node)])
        if not isinstance(node, ast.AST):
            return [self.visited(x) for x in node] if isinstance(node, list) else node
        made = copy.copy(node)
        for name, value in ast.iter_fields(node):
            setattr(made, name, self.visited(value))
        return made


class _Exchange(ast.NodeTransformer):
    def __init__(self, new: dict[str, ast.expr]) -> None:
        self.new = new

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and (new := self.new.get(ast.unparse(node))) is not None:
            return new
        return self.generic_visit(node)


def _moves(text: _Text) -> Iterator[Variation]:
    """A factor or a term that stands in another line, or in another place of its line."""
    places = [
        (i, statement, _inlined(statement.value, text.rule))
        for i, statement in enumerate(text.statements)
        if not isinstance(statement.targets[0], ast.Tuple)
    ]
    for i, statement, value in places:
        old = text.lines[i]
        for form, part, rest in _taken(value):
            for j, other, whole in places:
                added = _expression(form.format(ast.unparse(rest if j == i else whole), ast.unparse(part)))
                if j == i:
                    for new in (added, *_walked(rest, partial(_put, form, part))):
                        edits: Lines = ((old, _assignment(statement, new)),)
                        yield Variation(_it_computes(edits[0][1], old), edits)
                    continue
                for put in (added, *_walked(whole, partial(_put, form, part))):
                    edits = ((old, _assignment(statement, rest)), (text.lines[j], _assignment(other, put)))
                    words = f"{_it_computes(edits[0][1], old).rstrip('.')}, and `{edits[1][1]}` for `{text.lines[j]}`."
                    yield Variation(words, edits)


def _put(form: str, part: ast.expr, node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, (ast.BinOp, ast.Name, ast.Call)):
        yield _expression(form.format(ast.unparse(node), ast.unparse(part)))


def _taken(value: ast.expr) -> Iterator[tuple[str, ast.expr, ast.expr]]:
    """Each factor and term of an expression: how it is put elsewhere, the part, and what remains without it."""

    def here(node: ast.expr) -> Iterator[ast.expr]:
        if isinstance(node, ast.BinOp) and type(node.op) in _FORMS:
            if isinstance(node.op, (ast.Mult, ast.Add)):
                yield ast.Tuple([_expression(repr(_FORMS[type(node.op)])), node.left, node.right])
            yield ast.Tuple([_expression(repr(_FORMS[type(node.op)])), node.right, node.left])

    for changed in _walked(value, here):
        marks = [x for x in ast.walk(changed) if isinstance(x, ast.Tuple) and isinstance(x.elts[0], ast.Constant)]
        marks = [x for x in marks if isinstance(x.elts[0], ast.Constant) and isinstance(x.elts[0].value, str)]
        (mark,) = marks
        form, part, kept = mark.elts
        assert isinstance(form, ast.Constant)
        yield str(form.value), part, _Exchange({ast.unparse(mark): kept}).visit(copy.deepcopy(changed))


_FORMS = {ast.Mult: "({}) * ({})", ast.Div: "({}) / ({})", ast.Add: "({}) + ({})", ast.Sub: "({}) - ({})"}


def rounded(rule: Rule) -> Iterator[Variation]:
    """One line in fewer bits than float64 has."""
    text = _Text(rule)
    for statement, line in zip(text.statements, text.lines, strict=True):
        names = {x.id for x in ast.walk(statement.value) if isinstance(x, ast.Name)} & {
            *text.numbers,
            *text.arrays,
            *text.counts,
        }
        singles = _Renaming({name: _call("single_", ast.Name(name)) for name in names}).visit(_inlined(statement.value, rule))
        targets = _targets(statement)
        back = "; ".join(f"{name} = double_({name})" for name in targets)
        for new in (
            f"{_assignment(statement, singles)}; {back}",
            f"{line}; " + "; ".join(f"{x} = double_(single_({x}))" for x in targets),
        ):
            yield Variation(f"The line `{line}` is computed in float32.", ((line, new),))
        for form in ("half_", "brain_"):
            new = f"{line}; " + "; ".join(f"{x} = double_({form}({x}))" for x in targets)
            yield Variation(
                f"The result of `{line}` is rounded to {'float16' if form == 'half_' else 'bfloat16'}.", ((line, new),)
            )


def _delays(text: _Text) -> Iterator[Variation]:
    """A name that is read as it was before the step, in one line or in all lines that come after its own."""
    for name in (*text.state, *text.counts, "theta"):
        keep = ("", f"{name}{BEFORE} = {name}")
        after = False
        everywhere = []
        for statement, old in zip(text.statements, text.lines, strict=True):
            if after and any(isinstance(x, ast.Name) and x.id == name for x in ast.walk(statement.value)):
                late = (old, _assignment(statement, _renamed(statement.value, name)))
                everywhere.append(late)
                yield Variation(f"The line `{old}` uses {name} as it was before this step.", (keep, late))
                begun = ("", f"{keep[1]}; begun_ = {text.begun}")
                either = _Renaming({name: _expression(f"({name}{BEFORE} if begun_ else {name})")}).visit(
                    copy.deepcopy(statement.value)
                )
                words = f"The line `{old}` uses {name} as it was before this step, but not in the first."
                yield Variation(words, (begun, (old, _assignment(statement, either))))
            after = after or name in _targets(statement)
        if len(everywhere) > 1:
            yield Variation(f"{name} is renewed after it is used: the step uses that of the step before.", (keep, *everywhere))
    for name in text.counts:
        own = next((line for x, line in zip(text.statements, text.lines, strict=True) if name in _targets(x)), None)
        for words, form, back in ((f"{name} is one too small", "- 1", "+ 1"), (f"{name} is one too large", "+ 1", "- 1")):
            if own is not None:
                edits = (own, f"{own}; {name} = {name} {form}"), ("return", f"{name} = {name} {back}")
                yield Variation(f"{words} wherever it is used.", edits)


def _orders(text: _Text) -> Iterator[Variation]:
    """A line that stands earlier or later, or not at all."""
    kept = {"theta", "g", *text.rule.state_names}
    for i, line in enumerate(text.lines):
        if set(_targets(text.statements[i])) <= kept:
            yield Variation(f"The line `{line}` is missing.", ((line, "pass"),))
        for j, other in enumerate(text.lines):
            if j < i - 1:
                yield Variation(f"The line `{line}` comes before `{other}`.", ((line, "pass"), (other, f"{line}; {other}")))
            elif j > i:
                yield Variation(f"The line `{line}` comes after `{other}`.", ((line, "pass"), (other, f"{other}; {line}")))
    for line in text.lines:
        yield Variation(f"The line `{line}` is done twice.", ((line, f"{line}; {line}"),))


def _stores(text: _Text) -> Iterator[Variation]:
    """What is kept for the next step is something else."""
    parts = [
        ast.unparse(x) for s in text.statements for x in ast.walk(_inlined(s.value, text.rule)) if isinstance(x, ast.BinOp)
    ]
    for name in text.state:
        for other in dict.fromkeys((*text.arrays, *text.numbers, f"-{name}", f"0 * {name}", f"abs({name})", *parts)):
            if other != name:
                yield Variation(f"`{other}` is kept as the {name} of the next step.", (("return", f"{name} = {other}"),))
                if text.counts:
                    new = f"{name} = {other} if {text.counts[0]} == 1 else {name}"
                    yield Variation(f"In the first step `{other}` is kept as {name}.", (("return", new),))
    for name, other in itertools.permutations(text.state, 2):
        own = next((line for x, line in zip(text.statements, text.lines, strict=True) if name in _targets(x)), None)
        if own is not None:
            words = f"{name} and {other} are one array, {name} written first."
            yield Variation(words, ((own, f"{own}; {other} = {name}"), ("return", f"{name} = {other}")))
            second = next((line for x, line in zip(text.statements, text.lines, strict=True) if other in _targets(x)), None)
            if second is not None:
                both = (own, f"{own}; {other} = {name}"), (second, f"{second}; {name} = {other}")
                yield Variation(f"{name} and {other} are one array, {name} written first and {other} over it.", both)
        yield Variation(
            f"{name} and {other} are swapped from step to step.", (("return", f"{name}, {other} = {other}, {name}"),)
        )
    for other in (*text.arrays[1:], *dict.fromkeys(parts)):
        yield Variation(f"`{other}` is subtracted from theta once more.", (("return", f"theta = theta - {other}"),))
        if other in text.arrays and other not in ("g", *text.state):
            yield Variation(f"theta becomes {other}.", (("return", f"theta = {other}"),))


def _remembered(text: _Text) -> Iterator[Variation]:
    """What is computed once and kept, or renewed one step late."""
    for statement, line in zip(text.statements, text.lines, strict=True):
        for name in _targets(statement):
            for which, words in (("first", "that of the first step for good"), ("last", "that of the step before")):
                new = f"{line}; {name} = keep_({which!r}, {name!r}, {name})"
                yield Variation(f"{name} is {words}, after `{line}`.", ((line, new),))
    for word in text.numbers:
        if word in text.rule._step_names:
            new = f"{word} = keep_('first', {word!r}, {word})"
            yield Variation(f"{word} is that of the first step for good.", (("", new),))


def _bounds(text: _Text) -> Iterator[Variation]:
    """What is kept within bounds that nobody asked for, or left alone in tensors of few axes."""
    for statement, line in zip(text.statements, text.lines, strict=True):
        for name in _targets(statement):
            if name in text.counts:
                continue
            for bound in ("minimum({}, 1)", "minimum({}, 10)", "maximum({}, 0)", "maximum({}, 1)", "maximum({}, 0.01)",
                          "minimum(maximum({}, 0.01), 10)", "minimum(maximum({}, -1), 1)", "maximum({}, 1e-8)",
                          "maximum({}, 1e-12)", "minimum(maximum({}, 0.1), 10)", "abs({})", "{} / maximum(1, RMS_({}))",
                          "{} / maximum(1, norm({}))", "{} / norm({})", "{} - mean({})", "{} + 1e-8", "{} + 1e-12",
                          "{} + eps", "minimum({} / lr, 1)", "minimum({}, lr)"):  # fmt: skip
                if ("eps" in bound and "eps" not in text.numbers) or ("lr" in bound and "lr" not in text.numbers):
                    continue
                new = f"{name} = {bound.format(*[name] * bound.count('{}'))}"
                yield Variation(f"`{new}` after `{line}`.", ((line, f"{line}; {new}"),))
                if text.rule.scope == "element" and ("norm" in bound or "mean" in bound or "RMS" in bound):
                    yield Variation(f"`{new}` after `{line}`, tensor by tensor.", ((line, f"{line}; {new}"),), scope="tensor")
            if text.rule.scope == "tensor":
                for least, words in ((1, "without axes"), (2, "of fewer than two axes"), (3, "of fewer than three axes")):
                    for value in (0, 1):
                        new = f"{line}; {name} = {name} if theta.ndim >= {least} else {value}"
                        yield Variation(f"{name} is {value} in tensors {words}, after `{line}`.", ((line, new),))


def _gradients(text: _Text) -> Iterator[Variation]:
    """The gradient that goes in is another, or the step is scaled."""
    hyper = [word for word in text.numbers if word in text.rule._step_names]
    for new, words in (
        ("-g", "negated"), ("sign(g)", "replaced by its sign"), ("g / 2", "halved"), ("2 * g", "doubled"),
        ("g / max(g.size, 1)", "divided by the number of entries"), ("g / (norm(g) + 1e-300)", "scaled to length 1"),
        ("g / (norm(g) + 1e-8)", "scaled to length 1"), ("g / (norm(g) + 1e-12)", "scaled to length 1"),
        ("g - mean(g)", "centred"), ("g + theta", "that plus the parameters"), ("abs(g)", "replaced by its size"),
        ("g * minimum(1, 1 / (norm(g) + 1e-300))", "scaled to a length of at most 1"),
        ("g * minimum(1, 1 / (norm(g) + 1e-6))", "scaled to a length of at most 1"),
        *((f"{word} * g", f"multiplied by {word}") for word in hyper),
        *((f"(1 - {word}) * g", f"multiplied by 1 - {word}") for word in hyper),
    ):  # fmt: skip
        yield Variation(f"The gradient is {words} before anything else.", (("", f"g = {new}"),))
        if text.rule.scope == "element" and "(g" in new and "abs" not in new and "sign" not in new:
            yield Variation(f"Each tensor's gradient is {words} before anything else.", (("", f"g = {new}"),), scope="tensor")
    for new, words in (("g - mean(g, tuple(range(1, g.ndim)))", "centred over all axes but the first"),):
        yield Variation(f"The gradient of a tensor is {words}.", (("", f"g = {new} if g.ndim > 1 else g"),), scope="tensor")
    if "lr" in text.rule._step_names:
        t = text.counts[0] if text.counts else "(done_() - 1)"
        for form in (f"lr / sqrt({t} + 1)", f"lr / ({t} + 1)", f"lr / sqrt({t} + 2)", f"lr * ({t} + 1)", f"lr * 0.999**{t}",
                     f"lr / ({t} + 2)", f"lr * minimum(1, ({t} + 1) / 10)"):  # fmt: skip
            yield Variation(f"The learning rate is {form}, t being the steps done.", (("", f"lr = {form}"),))


def _decays(text: _Text) -> Iterator[Variation]:
    """Weight decay in another form, at another place."""
    if "weight_decay" not in text.rule._step_names:
        return
    off = ("", "decay_ = weight_decay; weight_decay = 0 * weight_decay; start_ = theta")
    forms = [f"{name} = {name} + decay_ * theta" for name in text.arrays if name not in ("theta", "start_")]
    forms += [f"{name} = {name} + lr * decay_ * theta" for name in text.arrays if name not in ("theta", "g", *text.state)]
    forms += [
        "theta = theta - lr * decay_ * theta", "theta = theta - decay_ * theta", "theta = theta + lr * decay_ * theta",
        "theta = theta - lr * decay_ * start_", "theta = theta - decay_ * start_", "theta = theta - lr**2 * decay_ * theta",
        "theta = theta / (1 + lr * decay_)", "theta = theta - lr * decay_ * sign(theta)", "theta = theta - lr * decay_",
        "theta = theta - lr * decay_ * g", "theta = theta - lr / 2 * decay_ * theta", "theta = theta - 2 * lr * decay_ * theta",
        "g = g - decay_ * theta", "g = g + 2 * decay_ * theta", "g = g + decay_ * sign(theta)", "g = g + decay_",
    ]  # fmt: skip
    for form in forms:
        for place in ("", *text.lines):
            words = f"Weight decay is `{form.replace('decay_', 'weight_decay').replace('start_', 'theta')}`, "
            if place:
                edits: Lines = off, (place, f"{place}; {form}")
                words += f"after `{place}`."
            else:
                edits = (("", f"{off[1]}; {form}"),)
                words += "before anything else."
            yield Variation(words, edits)


def _starts(rule: Rule) -> Iterator[Variation]:
    """The state begins otherwise."""
    begin = _definition(rule.start).body[-1]
    if not (isinstance(begin, ast.Return) and isinstance(begin.value, ast.Call)):
        return
    words = [word for word, value in rule.defaults.items() if isinstance(value, float) and word in rule._start_names]

    def starts(entries: list[ast.keyword]) -> Lines:
        assert isinstance(begin, ast.Return)
        assert isinstance(begin.value, ast.Call)
        new = ast.Return(ast.Call(begin.value.func, begin.value.args, entries))
        return ((ast.unparse(begin), ast.unparse(new)),)

    entries = begin.value.keywords
    for i, entry in enumerate(entries):
        kind = rule._kinds.get(entry.arg or "")
        forms = ["1", "-1", "2"] if kind == "count" else ["0.0", "1.0"] if kind == "number" else []
        if kind in ("array", "other"):
            forms = ["copy(theta)", "zeros_like(theta) + 1", "zeros_like(theta)"]
            for word in words:
                forms += [f"zeros_like(theta) + {word}", f"zeros_like(theta) + sqrt({word})", f"zeros_like(theta) + {word}**2"]
        for form in forms:
            new = [*entries[:i], ast.keyword(entry.arg, _expression(form)), *entries[i + 1 :]]
            yield Variation(f"{entry.arg} begins as {form}.", start=starts(new))
        for j in range(i):
            new = [*entries]
            new[i], new[j] = ast.keyword(entry.arg, entries[j].value), ast.keyword(entries[j].arg, entry.value)
            yield Variation(f"{entry.arg} and {entries[j].arg} begin with each other's values.", start=starts(new))


def _targets(statement: ast.Assign) -> list[str]:
    target = statement.targets[0]
    parts = target.elts if isinstance(target, ast.Tuple) else [target]
    return [part.id for part in parts if isinstance(part, ast.Name)]


def _definition(function: Callable[..., Any]) -> ast.FunctionDef:
    definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(definition, ast.FunctionDef)
    return definition


class _Renaming(ast.NodeTransformer):
    def __init__(self, new: dict[str, ast.expr]) -> None:
        self.new = new

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.new.get(node.id, node)


def _renamed(node: ast.expr, name: str) -> ast.expr:
    return _Renaming({name: ast.Name(name + BEFORE)}).visit(copy.deepcopy(node))


class _Inlining(ast.NodeTransformer):
    """Puts the formula of a reading where it is called, if it is one expression."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.func, ast.Name) or node.func.id not in self.rule.holes or node.keywords:
            return node
        definition = _definition(self.rule.hyper[node.func.id])
        *_, last = definition.body
        assigned = len(definition.body) > 2 or not isinstance(last, ast.Return) or last.value is None
        names = [argument.arg for argument in definition.args.args]
        if assigned or len(node.args) > len(names):
            return node
        assert isinstance(last, ast.Return)
        assert last.value is not None
        return _Renaming(dict(zip(names, node.args, strict=False))).visit(copy.deepcopy(last.value))


def _inlined(node: ast.expr, rule: Rule) -> ast.expr:
    return _Inlining(rule).visit(copy.deepcopy(node))


def _call(name: str, node: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name), [node], [])


def _expression(text: str) -> ast.expr:
    statement = ast.parse(text).body[0]
    assert isinstance(statement, ast.Expr)
    return statement.value
