"""Make the vectors: every number from a ball proof, nothing from a floating-point run. Made again, no byte changes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from refopt.frameworks import Reading
from refopt.golden.inputs import FLAGS, Design, designs
from refopt.recurrence import Rule

if TYPE_CHECKING:
    from refopt.exact.proof import Proof

__all__ = ["document", "text", "write"]

FORMAT = "refopt-golden-1"
DETAILED = 2  # so many vectors of a rule show every name of the step; the others parameters and state
LONGEST = 300  # a name with more numbers than this (a window of gradients) is left out


def document(rule: Rule, reading: Reading | None = None) -> dict[str, Any]:
    """Everything that the file of a rule holds; in a library's reading with the hyper-parameters that the library has."""
    found = list(designs(rule))
    bind = rule if reading is None else reading.bind
    if reading is not None:
        found = list(_possible(found, reading))
    bounds = [bind(**design.hyper) for design in found]
    if reading is not None and reading.single:
        bounds = [_in_float32(bound) for bound in bounds]
    vectors = [_vector(rule, i, design, bound) for i, (design, bound) in enumerate(zip(found, bounds, strict=True), 1)]
    flags = {
        flag: {"note": note, "links": [f"https://github.com/{link}" for link in links]}
        for flag, (note, links) in FLAGS.items()
        if any(flag in design.flags for design in found)
    }
    return {
        "format": FORMAT,
        "rule": rule.name,
        "paper": rule.paper,
        "scope": rule.scope,
        "state": list(rule.state_names),
        "readings": {hole: rule.hyper[hole].__name__ for hole in rule.holes},
        "flags": flags,
        "vectors": vectors,
    }


def _possible(found: list[Design], reading: Reading) -> Iterator[Design]:
    """The designs that a library can be asked: with its words, tensors that it takes, states that are the rule's own."""
    for design in found:
        hyper = {word: x for word, x in design.hyper.items() if word in reading.words}
        rate = design.lr is None or (reading.follows_rate and "lr" in reading.words)
        state = design.state is None or set(design.state) == set(reading.bind(**hyper).state_names)
        here = [i for i, x in enumerate(design.theta) if reading.takes(x.shape)]
        nonzero = all(hyper.get(word, 1) for word in reading.nonzero)
        if here and rate and state and nonzero and (hyper or not design.hyper):
            theta, gradients = [design.theta[i] for i in here], [[tensors[i] for i in here] for tensors in design.gradients]
            yield replace(design, hyper=hyper, theta=theta, gradients=gradients)


def _in_float32(rule: Rule) -> Rule:
    """The rule with its hyper-parameters, but for the learning rate, as float32 numbers."""
    own = {word: float(np.float32(x)) for word, x in rule.hyper.items() if isinstance(x, float) and word != "lr"}
    inside = {word: _in_float32(x) for word, x in rule.hyper.items() if isinstance(x, Rule)}
    return rule(**own, **inside)


def _vector(rule: Rule, number: int, design: Design, bound: Rule) -> dict[str, Any]:
    hyper = {word: value for word, value in ({**rule.hyper, **bound.hyper}).items() if isinstance(value, (int, float, tuple))}
    hyper |= {word: value for word, value in design.hyper.items() if word in hyper}
    steps, leaves = _steps(rule, bound, design, hyper, detailed=number <= DETAILED)
    return {
        "id": f"{rule.name}/{number}",
        "comment": design.comment,
        "flags": list(design.flags),
        "hyper": {word: list(value) if isinstance(value, tuple) else value for word, value in hyper.items()},
        "shapes": [list(x.shape) for x in design.theta],
        "theta": [_numbers(x) for x in design.theta],
        **({"start": {name: _given(value) for name, value in design.state.items()}} if design.state else {}),
        **({"lr": design.lr} if design.lr else {}),
        "gradients": [[None if g is None else _numbers(g) for g in tensors] for tensors in design.gradients],
        "steps": steps,
        "proof": {
            "bits": max(leaf.bits for leaf in leaves),
            "radius": _upper(max((_largest(leaf.radius) for leaf in leaves), default=0.0)),
        },
    }


def _steps(
    rule: Rule, bound: Rule, design: Design, hyper: Mapping[str, Any], detailed: bool
) -> tuple[list[dict[str, Any]], list[Proof]]:
    """What the file says of each step, and the proofs behind it.

    Tensors that lose their gradient after so many steps are proven apart from the others, over these steps; then they stay.
    """
    from refopt.exact.proof import Proof, prove

    ends: dict[int, list[int]] = {}
    for i in range(len(design.theta)):
        ends.setdefault(sum(tensors[i] is not None for tensors in design.gradients), []).append(i)
    whole = len(design.gradients)
    assert whole in ends, "some tensor must have all gradients"
    steps: list[dict[str, Any]] = []
    leaves: list[Proof] = []
    for end in sorted(ends, reverse=True):
        if not end:
            continue
        theta, gradients = (
            [design.theta[i] for i in ends[end]],
            [[tensors[i] for i in ends[end]] for tensors in design.gradients],
        )
        proofs = prove(bound, theta, gradients[:end], state=design.state, lr=design.lr)
        shown = [name for name in (proofs[0] if detailed else ("theta", *rule.state_names)) if name in proofs[0]]
        shown = [name for name in shown if name not in (*hyper, "g")]
        shown = [name for name in shown if sum(_size(leaf.value) for leaf in _leaves(proofs[0][name], Proof)) <= LONGEST]
        leaves += [leaf for step in proofs for name in shown for leaf in _leaves(step[name], Proof)]
        part = [
            {name: _values(step[name], Proof) for name in shown} | {"ulps": {name: _ulps(step[name], Proof) for name in shown}}
            for step in proofs
        ]
        steps = part if end == whole else steps
        if len(ends) > 1:
            steps = [_inserted(steps[t], part[min(t, end - 1)], ends[end], end, t, len(design.theta)) for t in range(whole)]
    for i in ends.get(0, []):
        for step in steps:
            step["theta"][i], step["ulps"]["theta"][i] = _numbers(design.theta[i]), [0] * design.theta[i].size
    return steps, leaves


def _inserted(step: dict[str, Any], part: dict[str, Any], places: list[int], end: int, t: int, tensors: int) -> dict[str, Any]:
    """A step of all tensors, with what was proven of some put in their places; null for the state of those that have ended."""
    new: dict[str, Any] = {"ulps": {}}
    for name, value in part.items():
        if name == "ulps" or not isinstance(value, list) or len(value) != len(places):
            new |= {name: step[name]} if name in step and name != "ulps" else {}
            continue
        for target, source, before in ((new, value, step), (new["ulps"], part["ulps"][name], step["ulps"])):
            wide = before.get(name)
            wide = list(wide) if isinstance(wide, list) and len(wide) == tensors else [None] * tensors
            for i, place in enumerate(places):
                wide[place] = source[i] if t < end or name == "theta" else None
            target[name] = wide
    numbers = {name: x for name, x in step.items() if name != "ulps" and not isinstance(x, (list, dict))}
    return numbers | new | {"ulps": {name: step["ulps"][name] for name in numbers} | new["ulps"]}


def _size(value: Any) -> int:
    return sum(map(_size, value)) if isinstance(value, (list, tuple)) else int(np.size(value))


def _leaves(part: Any, proof: Any) -> list[Any]:
    return [part] if isinstance(part, proof) else [leaf for inside in part.values() for leaf in _leaves(inside, proof)]


def _values(part: Any, proof: Any) -> Any:
    """Values as JSON: a list of flat lists for what has theta's tensors, one number, or what is nested as it is."""
    if not isinstance(part, proof):
        return {str(key): _values(inside, proof) for key, inside in part.items()}
    return _map(part.value, lambda x: None if math.isnan(x) else x)


def _ulps(part: Any, proof: Any) -> Any:
    if not isinstance(part, proof):
        return {str(key): _ulps(inside, proof) for key, inside in part.items()}
    return _map(part.ulps, lambda x: None if not math.isfinite(x) else math.ceil(x))


def _map(value: Any, function: Any) -> Any:
    """A list of flat lists for a list of tensors; one number for a number; a flat list for anything else."""
    if isinstance(value, (list, tuple)):
        return [[function(x) for x in np.asarray(part, dtype=float).reshape(-1).tolist()] for part in value]
    array = np.asarray(value, dtype=float)
    return [function(x) for x in array.reshape(-1).tolist()] if array.ndim else function(array.item())


def _numbers(x: np.ndarray) -> list[float]:
    return x.reshape(-1).tolist()


def _given(value: Any) -> Any:
    return [_numbers(x) for x in value] if isinstance(value, list) else value


def _largest(radius: Any) -> float:
    parts = radius if isinstance(radius, (list, tuple)) else list(radius.values()) if isinstance(radius, Mapping) else [radius]
    finite = [np.asarray(part, dtype=float)[np.isfinite(part)] for part in parts]
    return max((float(part.max()) for part in finite if part.size), default=0.0)


def _upper(radius: float) -> float:
    """A short number that is not smaller."""
    return float(f"{radius * 1.1:.0e}")


def text(rule: Rule) -> str:
    """The file of a rule: one vector a few lines, numbers in their shortest form that reads back as the same number."""
    whole = document(rule)
    vectors = whole.pop("vectors")
    head = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)[:-2]
    body = ",\n".join(_compact(vector) for vector in vectors)
    return f'{head},\n "vectors": [\n{body}\n ]\n}}\n'


def _compact(vector: dict[str, Any]) -> str:
    dump = lambda x: json.dumps(x, ensure_ascii=False, allow_nan=False, separators=(",", ":"))  # noqa: E731
    steps = ",\n   ".join(dump(step) for step in vector["steps"])
    rest = {key: value for key, value in vector.items() if key != "steps"}
    return f'  {dump(rest)[:-1]},"steps":[\n   {steps}]}}'


def write(rule: Rule, folder: Path) -> Path:
    """Write ``RULE.json`` into a folder, whole or not at all."""
    path = folder / f"{rule.name}.json"
    new = path.with_suffix(".part")
    new.write_text(text(rule), encoding="utf-8")
    new.replace(path)
    return path
