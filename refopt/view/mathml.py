"""Formulas from the text of a rule: each source line of its step as MathML, so that the formula is written once.

``m = beta1 * m + (1 - beta1) * g`` becomes m_t = β₁ m_{t−1} + (1 − β₁) g_t: a name that is read before its assignment is at
t − 1, after it at t; hyper-parameters have no time. A hole shows the formula of the reading that fills it. What has no sign of
its own (a slice, a method) keeps its Python text.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from html import escape
from typing import Any, NamedTuple

from refopt.recurrence import Rule

__all__ = ["Equation", "equations"]

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "eps": "ε", "zeta": "ζ", "eta": "η", "theta": "θ", "kappa": "κ",
    "mu": "μ", "nu": "ν", "xi": "ξ", "rho": "ρ", "sigma": "σ", "lambd": "λ", "lamb": "λ", "inf": "∞",
}  # fmt: skip
LETTERS = {"lr": "η", "weight_decay": "λ"}  # the field's letters, where a rule uses them for nothing else
ACCENTS = {"hat": "^", "bar": "¯"}
ARITHMETIC = {"sqrt", "maximum", "minimum", "where", "abs", "exp", "cos", "norm", "total", "sign"}  # as a hole may be shown
FENCES = {"abs": "|", "norm": "‖"}
OPERATORS = {"maximum": "max", "minimum": "min", "total": "∑", "grad": "∇loss"}
ONLY_DTYPE = {"like", "strict"}  # keywords that say nothing of the value
SIGNS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "−", ast.Mod: "mod", ast.Eq: "=", ast.NotEq: "≠", ast.Lt: "<", ast.LtE: "≤", ast.Gt: ">",
    ast.GtE: "≥", ast.And: "and", ast.Or: "or",
}  # fmt: skip
TIMES, APPLIED = "\u2062", "\u2061"  # invisible: a product, a function and its argument

# How tightly a construct binds; an operand that binds less is put in parentheses.
CASES, LOGIC, COMPARISON, SUM, NEGATIVE, PRODUCT, ATOM = range(7)


class Equation(NamedTuple):
    """One assignment of a step: its source as `refopt.narrate` gives it, the names it gives a value to, its formula."""

    source: str
    names: tuple[str, ...]
    mathml: str


def equations(rule: Rule) -> list[Equation]:
    """The formulas of a rule's step, in the order of its text; each `mathml` is one ``<math>`` element.

    >>> equations(refopt.signsgd)[0].names
    ('update',)

    Raises OSError where the source of the rule is not at hand (it was typed into a prompt).
    """
    text = textwrap.dedent(inspect.getsource(rule.recurrence))
    function, rows = ast.parse(text).body[0], text.splitlines()
    assert isinstance(function, ast.FunctionDef)
    writer = _Writer(rule, {argument.arg for argument in function.args.args})
    found = []
    for statement in sorted(ast.walk(function), key=lambda node: getattr(node, "lineno", 0)):
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        elif isinstance(statement, ast.AugAssign):
            read = ast.copy_location(ast.parse(ast.unparse(statement.target), mode="eval").body, statement)
            targets, value = [statement.target], ast.BinOp(read, statement.op, statement.value)
        else:
            continue
        names = tuple(node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))
        source = "\n".join(rows[statement.lineno - 1 : statement.end_lineno]).strip()
        found.append(Equation(source, names, writer.assignment(targets, value, names)))
    return found


class _Writer:
    """Writes the statements of one step, in their order."""

    def __init__(self, rule: Rule, inputs: set[str]) -> None:
        self.known = {name: "t" if name == "g" else "t−1" for name in inputs}  # at which time a name is when it is read
        self.holes = {name: found for name in rule.holes if (found := _formula(rule.hyper[name])) is not None}
        used = {*inputs, *rule.hyper, *rule.recurrence.__code__.co_varnames}
        taken = {GREEK.get(_split(name)[0]) for name in used if name not in LETTERS}
        self.letters = {name: letter for name, letter in LETTERS.items() if letter not in taken}

    def assignment(self, targets: list[ast.expr], value: ast.expr, names: tuple[str, ...]) -> str:
        """``targets = value``; from here on the names are at t."""
        counts = names == ("t",) and ast.unparse(value) == "t + 1"
        if counts:
            self.known["t"] = "t"
        right = self.write(value)
        self.known.update(dict.fromkeys(names, "t"))
        sign = _operator("←" if counts else "=")
        return f"<math>{sign.join(self.write(target) for target in targets)}{sign}{right}</math>"

    def write(self, node: ast.expr, least: int = CASES) -> str:
        """The formula of an expression, in parentheses where it binds less than `least`."""
        text, binding = self._written(node)
        return text if binding >= least else _fenced("(", text, ")")

    def _written(self, node: ast.expr) -> tuple[str, int]:
        match node:
            case ast.Name(id=name):
                return self._name(name)
            case ast.Constant(value=value):
                return self._constant(value), ATOM
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return f"<mfrac>{_row(self.write(left))}{_row(self.write(right))}</mfrac>", ATOM
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                sign = "⋅" if self._ends_in_word(left) or self._begins_with_word(right) else TIMES
                return self.write(left, NEGATIVE) + f"<mo>{sign}</mo>" + self.write(right, ATOM), PRODUCT
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(left, right), ATOM
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                return self.write(left, ATOM) + _operator("mod") + self.write(right, ATOM), PRODUCT
            case ast.BinOp(left=left, op=op, right=right) if type(op) in SIGNS:
                return self.write(left, SUM) + _operator(SIGNS[type(op)]) + self.write(right, PRODUCT), SUM
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return "<mo form='prefix'>−</mo>" + self.write(operand, PRODUCT), NEGATIVE
            case ast.BoolOp(op=op, values=values):
                return _operator(SIGNS[type(op)]).join(self.write(value, COMPARISON) for value in values), LOGIC
            case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in SIGNS for op in ops):
                pairs = zip(ops, others, strict=True)
                tail = "".join(_operator(SIGNS[type(op)]) + self.write(other, SUM) for op, other in pairs)
                return self.write(left, SUM) + tail, COMPARISON
            case ast.IfExp(test=test, body=body, orelse=otherwise):
                return self._cases(test, body, otherwise), CASES
            case ast.Call():
                return self._call(node)
            case ast.Attribute(value=value, attr=attribute):
                return _applied(attribute, [self.write(value)]), ATOM
            case ast.Subscript(value=value, slice=index):
                return self.write(value, ATOM) + _fenced("[", self.write(index), "]"), ATOM
            case ast.Tuple(elts=parts):
                return _fenced("(", self._list(parts), ")"), ATOM
            case ast.List(elts=parts):
                return _fenced("[", self._list(parts), "]"), ATOM
            case ast.Starred(value=value):
                return "<mo>…</mo>" + self.write(value, ATOM), ATOM
            case ast.Slice(lower=low, upper=high):
                low_text, high_text = (self.write(end) if end is not None else "" for end in (low, high))
                return f"{low_text}<mo>:</mo>{high_text}", ATOM
            case ast.ListComp(elt=element, generators=[ast.comprehension(target=target, iter=source, ifs=[])]):
                return self._comprehension(element, target, source), ATOM
        return f"<mtext>{escape(ast.unparse(node))}</mtext>", CASES

    def _list(self, parts: list[ast.expr]) -> str:
        return "<mo separator='true'>,</mo>".join(self.write(part) for part in parts)

    def _constant(self, value: Any) -> str:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return f"<mi>{escape(str(value))}</mi>"
        short = f"{value:g}"
        digits, _, power = (short if float(short) == value else repr(value)).partition("e")
        if not power:
            return f"<mn>{int(value) if value == int(value) else repr(value)}</mn>"
        ten = f"<msup><mn>10</mn><mn>{int(power)}</mn></msup>".replace("-", "−")
        return ten if digits == "1" else f"<mn>{digits}</mn><mo>⋅</mo>{ten}"

    def _name(self, name: str) -> tuple[str, int]:
        time = self.known.get(name)
        if name == "t":
            return ("<mi>t</mi>", ATOM) if time != "t−1" else ("<mi>t</mi>" + _operator("−") + "<mn>1</mn>", SUM)
        base, subscripts, accents = self._parts(name)
        if time is not None and subscripts[-1:] != ["t"]:
            subscripts = [*subscripts, time]
        letter = f"<mi>{base}</mi>"
        for accent in accents:
            letter = f"<mover accent='true'>{letter}<mo>{accent}</mo></mover>"
        if not subscripts:
            return letter, ATOM
        return f"<msub>{letter}{_row('<mo>,</mo>'.join(map(_subscript, subscripts)))}</msub>", ATOM

    def _parts(self, name: str) -> tuple[str, list[str], list[str]]:
        """Letter or word, subscripts, accents."""
        if name in self.letters:
            return self.letters[name], [], []
        base, number, tails = _split(name)
        base = self.letters.get(base, GREEK.get(base, base))
        if len(base) > 1:
            return name, [], []
        accents = [ACCENTS[tail] for tail in tails if tail in ACCENTS]
        plain = [GREEK.get(tail, tail) for tail in tails if tail not in ACCENTS]
        return base, [*([number] if number else []), *plain], accents

    def _power(self, base: ast.expr, exponent: ast.expr) -> str:
        above = _row(self.write(exponent))
        if not isinstance(base, (ast.Name, ast.Call, ast.Constant)):
            return f"<msup>{_fenced('(', self.write(base), ')')}{above}</msup>"
        below, binding = self._written(base)
        if below.startswith("<msub>") and binding == ATOM and isinstance(base, ast.Name):
            return f"<msubsup>{below[len('<msub>') : -len('</msub>')]}{above}</msubsup>"
        whole = isinstance(base, (ast.Name, ast.Constant)) and below.count("<m") == 1
        return f"<msup>{_row(below) if whole else _fenced('(', below, ')')}{above}</msup>"

    def _cases(self, test: ast.expr, body: ast.expr, otherwise: ast.expr) -> str:
        """A value, where it holds, and another elsewhere; one that is again a choice goes on in the next row."""
        rows = [(self.write(body), "<mtext>if\u00a0</mtext>" + self.write(test))]
        while (inside := _choice(otherwise)) is not None:
            rows.append((self.write(inside[1]), "<mtext>if\u00a0</mtext>" + self.write(inside[0])))
            otherwise = inside[2]
        rows.append((self.write(otherwise), "<mtext>otherwise</mtext>"))
        table = "".join(f"<mtr><mtd>{value}</mtd><mtd>{_row(when)}</mtd></mtr>" for value, when in rows)
        return f"<mrow><mo fence='true'>{{</mo><mtable columnalign='left'>{table}</mtable></mrow>"

    def _call(self, node: ast.Call) -> tuple[str, int]:
        name, arguments = ast.unparse(node.func), node.args
        plain = not node.keywords
        if name in self.holes and plain and (body := self.holes[name](arguments)) is not None:
            return self._written(body)
        if (choice := _choice(node)) is not None:
            return self._cases(*choice), CASES
        if name == "sqrt" and plain:
            return f"<msqrt>{_row(self.write(arguments[0]))}</msqrt>", ATOM
        if name in FENCES and plain:
            return _fenced(FENCES[name], self.write(arguments[0]), FENCES[name]), ATOM
        if name == "bool":
            return self._written(arguments[0])
        if isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Name):
            name, arguments = node.func.attr, [node.func.value, *arguments]
        texts = [self.write(argument) for argument in arguments]
        for keyword in node.keywords:
            if keyword.arg not in ONLY_DTYPE:
                texts.append(f"<mi>{keyword.arg}</mi>{_operator('=')}{self.write(keyword.value)}")
        return _applied(OPERATORS.get(name, name.removesuffix(".update")), texts), ATOM

    def _comprehension(self, element: ast.expr, target: ast.expr, source: ast.expr) -> str:
        here = {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
        text = self.write(source)
        outside = {name: self.known.pop(name) for name in here if name in self.known}
        inside = self.write(element) + _operator("|") + self.write(target)
        self.known |= outside
        return _fenced("[", inside + _operator("∈") + text, "]")

    def _ends_in_word(self, node: ast.expr) -> bool:
        """Whether a factor that follows would run into the letters of this one."""
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            node = node.right
        return isinstance(node, ast.Name) and len(self._parts(node.id)[0]) > 1

    def _begins_with_word(self, node: ast.expr) -> bool:
        """Whether this factor would run into the letters of the one before: a word, a function, or a number."""
        if isinstance(node, ast.Call):
            return ast.unparse(node.func) not in (*FENCES, "sqrt")
        return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and len(self._parts(node.id)[0]) > 1)


def _choice(node: ast.expr) -> tuple[ast.expr, ast.expr, ast.expr] | None:
    """What is asked, the value where it holds, the value elsewhere; None of an expression that does not choose."""
    match node:
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            return test, body, otherwise
        case ast.Call(func=ast.Name(id="where"), args=[test, body, otherwise]):
            return test, body, otherwise
    return None


def _formula(function: Callable[..., Any]) -> Callable[[list[ast.expr]], ast.expr | None] | None:
    """What a function of one formula gives for arguments, as an expression; None of one that has more lines."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):
        return None
    if not isinstance(tree, ast.FunctionDef) or tree.args.vararg or tree.args.kwonlyargs:
        return None
    body = [line for line in tree.body if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))]
    if len(body) != 1 or not isinstance(body[0], ast.Return) or body[0].value is None:
        return None
    called = {node.func.id for node in ast.walk(body[0]) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    if not called <= ARITHMETIC:
        return None
    names, defaults, result = [argument.arg for argument in tree.args.args], tree.args.defaults, ast.unparse(body[0].value)

    def filled(arguments: list[ast.expr]) -> ast.expr | None:
        missing = len(names) - len(arguments)
        if missing > len(defaults):
            return None
        values = [*arguments, *defaults[len(defaults) - missing :]]
        return _Filled(dict(zip(names, values, strict=True))).visit(ast.parse(result, mode="eval").body)

    return filled


class _Filled(ast.NodeTransformer):
    """Puts expressions in the place of names."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:  # the name that ast asks for
        """The expression that a name stands for."""
        return self.values.get(node.id, node)


def _split(name: str) -> tuple[str, str, list[str]]:
    """beta1 is (beta, 1, []); c1_rate is (c, 1, [rate])."""
    head, *tails = name.split("_")
    found = re.fullmatch(r"([^\W\d]+)(\d*)", head)
    return (found[1], found[2], tails) if found else (name, "", [])


def _subscript(text: str) -> str:
    if text == "t−1":
        return "<mi>t</mi><mo>−</mo><mn>1</mn>"
    return f"<mn>{text}</mn>" if text.isdigit() else f"<mi>{text}</mi>"


def _row(text: str) -> str:
    return f"<mrow>{text}</mrow>"


def _operator(sign: str) -> str:
    space = " lspace='.3em' rspace='.3em'" if sign.isalpha() else ""
    return f"<mo{space}>{escape(sign)}</mo>"


def _fenced(left: str, inside: str, right: str) -> str:
    return f"<mrow><mo fence='true'>{left}</mo>{inside}<mo fence='true'>{right}</mo></mrow>"


def _applied(name: str, arguments: list[str]) -> str:
    word = f"<mo>{name}</mo>" if name == "∑" else f"<mi>{escape(name)}</mi>"
    inside = "<mo separator='true'>,</mo>".join(arguments)
    return f"<mrow>{word}<mo>{APPLIED}</mo>{_fenced('(', inside, ')')}</mrow>"
