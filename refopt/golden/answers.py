"""Questions and answers as files: a program in any language reads the one and writes the other, for `check_answers`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from refopt.golden.check import MISSING, Failure, Report, arrays, compare, documents

__all__ = ["ANSWERS", "QUESTIONS", "check_answers", "questions", "read_answers"]

QUESTIONS, ANSWERS = "refopt-golden-questions-1", "refopt-golden-answers-1"
LARGEST = 64_000_000  # bytes; the answers of the longest rule have less than one of them


def questions(rule: str, missing: bool = False, framework: str | None = None) -> dict[str, Any]:
    """The vectors of a rule without their answers: {"format", "rule", "vectors": [{id, hyper, shapes, theta, …}]}.

    Those in which a tensor has no gradient (None, in JSON null) only if `missing`: many programs cannot read them. With
    `framework` those of a library's reading (see `check`).
    """
    found = [vector for vector in documents(rule, framework)["vectors"] if missing or "MissingGradient" not in vector["flags"]]
    kept = [{key: value for key, value in vector.items() if key not in ("steps", "proof")} for vector in found]
    return {"format": QUESTIONS, "rule": rule, "vectors": kept}


def read_answers(path: str | Path) -> dict[str, Any]:
    """An answers file: {"format": "refopt-golden-answers-1", "rule": RULE, "answers": {ID: [parameters after each step]}}.

    The parameters are a list of flat lists, one for each tensor. ValueError for anything else, with what is wrong.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(f"{path} has {size:,} bytes; answers have at most {LARGEST:,}")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply to be an answers file") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("format") != ANSWERS:
        raise ValueError(f'{path} is not an answers file: it must be an object with "format": "{ANSWERS}"')
    if not isinstance(document.get("rule"), str) or not isinstance(document.get("answers"), dict):
        raise ValueError(f'{path} must have "rule", a name, and "answers", an object')
    return document


def check_answers(document: dict[str, Any], framework: str | None = None) -> Report:
    """Compare the answers of a program with the vectors. What it did not answer is skipped; `framework` is as for `check`.

    Raises ValueError for an unknown rule, and for answers to questions that there are not.
    """
    rule, answers = document["rule"], document["answers"]
    expected = documents(rule, framework)
    known = {vector["id"]: vector for vector in expected["vectors"]}
    for name in answers:
        if name not in known:
            raise ValueError(f"there is no vector {name!r} of {rule}; the questions are {', '.join(known)}")
    passed, failures, skipped = [], [], []
    for name, vector in known.items():
        if answers.get(name) is None:
            asked = "MissingGradient" not in vector["flags"]
            skipped.append((name, "it has no answer" if asked else "it has no answer; asked with --missing only"))
            continue
        failure = _walk(answers[name], vector, expected.get("bound", 0.0))
        if failure is not None and math.isnan(failure.got) and _missing(vector, failure):
            skipped.append((name, MISSING))
            continue
        if failure is None:
            passed.append(name)
        else:
            failures.append(failure)
    return Report(rule, tuple(passed), tuple(failures), tuple(skipped))


def _missing(vector: dict[str, Any], failure: Failure) -> bool:
    """Whether the tensor of a failure has no gradient in that step."""
    return failure.tensor is not None and vector["gradients"][failure.step - 1][failure.tensor] is None


def _walk(answer: Any, vector: dict[str, Any], loose: float) -> Failure | None:
    name, flags, shapes = vector["id"], tuple(vector["flags"]), [tuple(shape) for shape in vector["shapes"]]
    before = arrays(vector["theta"], shapes)
    if not isinstance(answer, list) or len(answer) != len(vector["steps"]):
        return Failure(name, flags, 0, f"the answer must be a list of {len(vector['steps'])} steps")
    for step, (given, expected) in enumerate(zip(answer, vector["steps"], strict=True), 1):
        wrong = not_tensors(given, shapes)
        if wrong:
            return Failure(name, flags, step, wrong)
        moved = tensors(given, shapes)
        failure = compare(moved, expected, before, shapes, name, flags, step, loose)
        if failure:
            return failure
        before = moved
    return None


def tensors(given: Any, shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """The parameters that a step of an answer holds; null is NaN."""
    return [
        np.array([math.nan if x is None else float(x) for x in part]).reshape(shape)
        for part, shape in zip(given, shapes, strict=True)
    ]


def not_tensors(given: Any, shapes: list[tuple[int, ...]]) -> str | None:
    """What is wrong with a step of an answer, if anything is."""
    if not isinstance(given, list) or len(given) != len(shapes):
        return f"a step must be a list of {len(shapes)} tensors"
    for number, (part, shape) in enumerate(zip(given, shapes, strict=True)):
        size = math.prod(shape)
        if not isinstance(part, list) or len(part) != size:
            return f"tensor {number} must be a flat list of {size} numbers"
        if not all(map(_is_number, part)):
            return f"tensor {number} holds something that is not a number"
    return None


def _is_number(x: Any) -> bool:
    """What JSON has for a number that fits into float64; null, and what some programs write for it, stand for NaN."""
    return x is None or type(x) is float or (type(x) is int and x.bit_length() < 1024)
