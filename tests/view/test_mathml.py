"""The formulas of all rules: read back from their MathML and computed, they give the numbers of the step."""

import builtins
import re
import sys
import xml.etree.ElementTree as ET

import adversarial
import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="refopt.view needs matplotlib")

import refopt
from refopt import numbers
from refopt.view.mathml import equations

GREEK = dict(
    zip(
        "alpha beta gamma delta eps zeta eta theta kappa mu nu xi rho sigma lambd lamb".split(),  # noqa: SIM905
        "αβγδεζηθκμνξρσλλ",
        strict=True,
    )
)
FUNCTIONS = {"max": numbers.maximum, "min": numbers.minimum, "∑": numbers.total, "exp": numbers.exp}
METHODS = {
    "size": lambda x: x.size,
    "shape": lambda x: x.shape,
    "ndim": lambda x: x.ndim,
    "lr": lambda x: x.lr,
    "reshape": lambda x, shape: x.reshape(shape),
}
SIGNS = {
    "−": "-", "\u2062": "*", "⋅": "*", "mod": "%", "=": "==", "≤": "<=", "≥": ">=", "≠": "!=", "…": "*", "∈": " in ",
    "and": " and ", "or": " or ", "\u2061": "",
}  # fmt: skip


def looks(name, others):
    """How a name must look, worked out here again: (letter or word with its accent, subscripts)."""
    letters = {"lr": "η", "weight_decay": "λ"}
    used = {GREEK.get(re.match(r"[a-z]*", other)[0]) for other in others if other not in letters}
    if name in letters:
        return (name if letters[name] in used else letters[name]), ()
    head, *tails = name.split("_")
    base, number = re.match(r"(\D*)(\d*)", head).groups()
    base = letters.get(base, base) if letters.get(base) not in used else base
    base = GREEK.get(base, base)
    if len(base) > 1:
        return name, ()
    accent = "".join({"hat": "^", "bar": "¯"}[tail] for tail in tails if tail in ("hat", "bar"))
    tails = [{"inf": "∞"}.get(tail, GREEK.get(tail, tail)) for tail in tails if tail not in ("hat", "bar", "t")]
    return base + accent, tuple([number] * bool(number) + tails)


class Reader:
    """Turns MathML into Python text in which ``at(look, time)`` is the value of a name."""

    def __init__(self, known):
        self.known = known

    def read(self, node):
        parts = list(node)
        match node.tag:
            case "math":
                return "".join(map(self.read, parts))
            case "mrow":
                return self.row(parts)
            case "mn":
                return node.text
            case "mo":
                return SIGNS.get(node.text, node.text)
            case "mi":
                return self.name(node.text, ())
            case "mover":
                return self.name(parts[0].text + parts[1].text, ())
            case "msub":
                return self.name("".join(parts[0].itertext()), self.subscripts(parts[1]))
            case "msubsup":
                return f"({self.name(''.join(parts[0].itertext()), self.subscripts(parts[1]))}**({self.read(parts[2])}))"
            case "msup":
                return f"(({self.read(parts[0])})**({self.read(parts[1])}))"
            case "mfrac":
                return f"(({self.read(parts[0])})/({self.read(parts[1])}))"
            case "msqrt":
                return f"sqrt({self.read(parts[0])})"
        raise AssertionError(f"{node.tag} is not expected here: {''.join(node.itertext())}")

    def subscripts(self, node):
        return tuple("".join(node.itertext()).split(","))

    def name(self, look, subscripts):
        time = subscripts[-1] if subscripts[-1:] in (("t",), ("t−1",)) else ""
        key = look, subscripts[: len(subscripts) - bool(time)]
        if key not in self.known:
            return look  # a function, a keyword, a name inside a comprehension
        return f"at({key!r}, {time!r})"

    def row(self, parts):
        fence = parts[0].text if parts and parts[0].get("fence") else None
        if fence in ("|", "‖"):
            return f"{'abs' if fence == '|' else 'norm'}({''.join(map(self.read, parts[1:-1]))})"
        if fence == "{":
            *rows, (last, _) = parts[1]
            chosen = []
            for value, when in rows:
                condition = "".join(map(self.read, list(when[0])[1:]))  # after the word "if"
                chosen.append(f"({condition}, lambda: {self.cell(value)})")
            return f"cases([{', '.join(chosen)}], lambda: {self.cell(last)})"
        texts = list(map(self.read, parts))
        if "|" in texts:  # a comprehension
            bar = texts.index("|")
            return f"[{''.join(texts[1:bar])} for {''.join(texts[bar + 1 :])}"
        if len(parts) == 3 and parts[1].text == "\u2061":  # a function and its arguments
            name = "".join(parts[0].itertext())
            arguments = texts[2].replace("axis==", "axis=")
            return f"call({name!r}, {arguments[1:]}" if arguments != "()" else f"call({name!r})"
        return "".join(texts)

    def cell(self, cell):
        return "".join(map(self.read, cell))


def cases(rows, otherwise):
    """The first value whose condition holds, entry by entry where it is an array."""
    if not rows:
        return otherwise()
    (condition, value), *rest = rows
    if np.ndim(condition) == 0:
        return value() if condition else cases(rest, otherwise)
    return np.where(condition, value(), cases(rest, otherwise))


def same(a, b):
    if isinstance(a, (dict, list, tuple)):
        keys = a if isinstance(a, dict) else range(len(a))
        return len(a) == len(b) and all(same(a[key], b[key]) for key in keys)
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-12, atol=1e-300, equal_nan=True)


class Step:
    """One step of a rule: what its names are before it, and, as far as it is computed, after it."""

    def __init__(self, rule, known, before, now):
        self.rule, self.known, self.before, self.now, self.counting = rule, known, before, now, False
        self.functions = vars(builtins) | vars(numbers) | vars(sys.modules[rule.recurrence.__module__])

    def at(self, key, time):
        name = self.known[key]
        if name == "t":
            return self.before["t"] if self.counting else self.now["t"]
        if time == "t−1":
            return self.before[name]
        return self.now[name] if time == "t" else self.rule.hyper[name]

    def call(self, function, *arguments, **keywords):
        if function in ("inner", "inner.propose"):
            return (self.rule.inner.update if function == "inner" else self.rule.inner.propose)(*arguments)
        if function == "∇loss":
            return self.rule.hyper["grad"](*arguments)
        found = (
            FUNCTIONS.get(function) or self.rule.hyper.get(function) or self.functions.get(function) or METHODS.get(function)
        )
        return found(*arguments, **keywords)

    def compute(self, text):
        scope = {"at": self.at, "call": self.call, "cases": cases, "inner": self.rule.inner}
        return eval(text, scope | {"norm": numbers.norm, "sqrt": numbers.sqrt})


@pytest.mark.parametrize("name", refopt.names())
def test_read_back_and_computed_the_formulas_give_the_numbers_of_the_step(name):
    rule = adversarial.ready(refopt.rule(name))
    found = equations(rule)
    assigned = [other for equation in found for other in equation.names]
    names = {"theta", "g", *rule.state_names, *rule.hyper, *assigned}
    known = {looks(other, names): other for other in names}
    assert len(known) == len(names), "two names look alike"
    reader, theta = Reader(known), np.array([2.0, -0.5])
    state = rule.init(theta)
    for record in refopt.walk(rule, theta, adversarial.bowl, 6):
        step = Step(rule, known, {"theta": theta, **state}, {"g": record["g"], "t": record.get("t")})
        lines = {(line.source, line.name): line.value for line in refopt.narrate(rule, theta, record["g"], state)}
        for equation in found:
            tree = ET.fromstring(equation.mathml)
            sign = next(place for place, node in enumerate(tree) if node.text in ("=", "←"))
            step.counting = tree[sign].text == "←"
            left = re.findall(r"at\((\(.*?\)\)), '(.*?)'\)", "".join(map(reader.read, tree[:sign])))
            assert {known[eval(key)]: time for key, time in left} == {x: "" if x == "t" else "t" for x in equation.names}
            text = "".join(map(reader.read, tree[sign + 1 :]))
            value = step.compute(text)
            for other, part in zip(equation.names, value if len(equation.names) > 1 else [value], strict=True):
                assert same(part, lines[equation.source, other]), (equation.source, text)
                step.now[other] = lines[equation.source, other]
        theta, state = record["theta"], {key: record[key] for key in rule.state_names}


def tokens(mathml):
    return "".join(ET.fromstring(mathml).itertext()).replace("\u2062", " ").replace("\u2061", "").replace("\u00a0", " ")


def test_adams_formulas_as_a_paper_writes_them():
    by_name = {equation.names[0]: tokens(equation.mathml) for equation in equations(refopt.adam)}
    assert by_name == {
        "t": "t←t+1",
        "c1": "c1,t=1−β1t",
        "c2": "c2,t=1−β2t",
        "m": "mt=β1 mt−1+(1−β1) gt",
        "v": "vt=β2 vt−1+(1−β2) gt2",
        "m_hat": "m^t=mtc1,t",
        "v_hat": "v^t=vtc2,t",
        "denom": "denomt=v^t+ε",
        "update": "updatet=η m^tdenomt",
        "theta": "θt=θt−1−updatet",
    }
    (m,) = [equation.mathml for equation in equations(refopt.adam) if equation.names == ("m",)]
    assert m.startswith(
        "<math><msub><mi>m</mi><mrow><mi>t</mi></mrow></msub><mo>=</mo><msub><mi>β</mi><mrow><mn>1</mn></mrow></msub>"
    )


def test_a_hole_shows_the_reading_that_fills_it():
    def denom(rule):
        return next(tokens(equation.mathml) for equation in equations(rule) if equation.names == ("denom",))

    assert denom(refopt.adam) == "denomt=v^t+ε"
    assert denom(refopt.rule("adam", framework="keras")) == "denomt=v^t+εc2,t"  # √v̂ + ε/√c₂


def test_constants_keep_their_digits():
    def step(theta, g):
        a = 1.2345678e-9 * g
        b = 12345678 * g + 1e-8 * g
        theta = theta - 0.1234567 * a - b
        return locals()

    a, b, theta = (tokens(one.mathml) for one in equations(refopt.Rule(lambda theta: {}, step, name="odd")))
    assert a == "at=1.2345678⋅10−9 gt"
    assert b == "bt=12345678 gt+10−8 gt"
    assert "0.1234567" in theta


def test_what_has_no_sign_keeps_its_text_and_products_do_not_run_into_words():
    def step(theta, g, *, lr=0.5, momentum=0.9):
        update: object = lr * (lambda x: x)(g)
        update += momentum * theta * 2
        theta = theta - update
        return locals()

    first, second, _ = equations(refopt.Rule(lambda theta: {}, step, name="odd"))
    assert "lambda x: x" in tokens(first.mathml)
    assert tokens(second.mathml) == "updatet=updatet+momentum⋅θt−1⋅2"
    assert all(ET.fromstring(equation.mathml).tag == "math" for equation in (first, second))
