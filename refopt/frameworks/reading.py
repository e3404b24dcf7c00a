"""Reading: what a library means by a rule's name, as data."""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from refopt.recurrence import Rule, nearest

__all__ = ["Reading"]


@dataclass(frozen=True)
class Reading:
    """How one library reads one rule: its dialect and its defaults.

    rule          the rule with the library's readings and defaults bound
    call          how the library is called, with refopt's words for the hyper-parameters that it takes:
                  ``torch.optim.Adam(params, lr=lr, betas=(beta1, beta2), eps=eps)``
    weight_decay  the wrapper that the library's ``weight_decay`` argument stands for, where the rule has none of its own
    note          what surprises: a known defect (with a link), a version, what the call switches off
    bound         how far from the library the reading may be, relative to the largest value that an entry has had
    cause         why it may be further than 1e-12, where it may
    required      words whose argument makes the rule what it is: with its default the library would do something else
    axes          the fewest and the most axes of the tensors for which the library does so, or that it can take
    empty         whether it can take a tensor without entries
    follows_rate  whether a new learning rate counts from the next step on
    nonzero       words for which this holds only where they are not 0
    single        whether its hyper-parameters, but for lr, are float32 numbers
    """

    rule: Rule
    call: str
    weight_decay: Rule | None = None
    note: str = ""
    bound: float = 1e-12
    cause: str = ""
    required: tuple[str, ...] = ()
    axes: tuple[int, int] = (0, 9)
    empty: bool = True
    follows_rate: bool = True
    nonzero: tuple[str, ...] = ()
    single: bool = False

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether the reading holds for tensors of a shape."""
        return self.axes[0] <= len(shape) <= self.axes[1] and (self.empty or math.prod(shape) > 0)

    @cached_property
    def words(self) -> frozenset[str]:
        """The hyper-parameters, by refopt's names, that the library's call takes."""
        named = {node.id for node in ast.walk(ast.parse(self.call)) if isinstance(node, ast.Name)}
        return frozenset(named & {*_words(self.rule), "weight_decay"})

    @cached_property
    def must_be_given(self) -> frozenset[str]:
        """The words for which the library has no default: arguments without a keyword, and ONNX's input R."""
        call = ast.parse(self.call, mode="eval").body
        assert isinstance(call, ast.Call)
        if self.call.startswith("tf."):  # JavaScript has no keywords
            return frozenset(self.required)
        given = [*call.args, *(word.value for word in call.keywords if word.arg == "R")]
        return frozenset(node.id for node in given if isinstance(node, ast.Name)) & self.words

    def bind(self, **hyper: Any) -> Rule:
        """The library's rule with hyper-parameters bound; ``weight_decay`` as the library means it.

        Raises TypeError for a hyper-parameter of the rule that the library does not have. Holes may be filled otherwise.
        """
        function = self.call.partition("(")[0]
        for word in hyper:
            if word in _words(self.rule) - self.words - {"weight_decay"} and not _is_hole(self.rule, word):
                raise TypeError(f"{function} takes no {word}{nearest(word, sorted(self.words))}")
        if "weight_decay" not in hyper or (self.weight_decay is None and "weight_decay" in _words(self.rule)):
            return self.rule(**hyper) if hyper else self.rule
        if self.weight_decay is None:
            raise TypeError(f"{function} has no weight_decay, or its meaning is not known here")
        decay = hyper.pop("weight_decay")
        return self.weight_decay(inner=self.rule(**hyper), weight_decay=decay)

    def default_call(self) -> str:
        """The call without the arguments that have defaults."""
        call, optional = ast.parse(self.call, mode="eval"), self.words.difference(self.required)
        assert isinstance(call.body, ast.Call)
        call.body.keywords = [
            word
            for word in call.body.keywords
            if not any(isinstance(node, ast.Name) and node.id in optional for node in ast.walk(word.value))
        ]
        return ast.unparse(call)


def _is_hole(rule: Rule, word: str) -> bool:
    return word in (*rule.holes, *rule.needs) or (
        rule.inner is not None and (rule.inner is rule.hyper.get(word) or _is_hole(rule.inner, word))
    )


def _words(rule: Rule) -> set[str]:
    return set(rule._words())
