"""Is this training set up as it was meant? Checks of a model, its optimiser, a batch and a loss.

Most mistakes in a training program raise no error: it just learns badly. ``lint_training`` runs one
step, looks at it, tries to overfit a few examples, and says what is wrong and what to do. Nothing
is changed by it: see ``undisturbed``.

A rule is a function of a ``Look`` that yields findings; ``lint_rules`` and ``lint_runs`` hold them.
A rule speaks only when it is sure: a healthy network gets no findings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from nncourse.autograd.tensor import Leaf, Tensor
from nncourse.backend import Array
from nncourse.inspection.tracing import Operation, tracing
from nncourse.nn.module import Module
from nncourse.optim.optimizer import Optimizer

_VIEWS = {"Reshape", "Permute", "Slice", "Expand", "Clone"}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong. rule: its name; what: what was seen; do: what to do about it."""

    rule: str
    what: str
    do: str

    def __str__(self) -> str:
        return f"{self.what}\n    {self.do}"


class Findings(list[Finding]):
    """All findings, the gravest first; prints as a list."""

    def rules(self) -> list[str]:
        """The names of the rules that found something."""
        return [finding.rule for finding in self]

    def __repr__(self) -> str:
        from nncourse.inspection.lint_rules import nothing_found

        return "\n".join(f"- {finding}" for finding in self) or nothing_found()


class Look:
    """One step of training, taken apart: what the rules look at."""

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        batch: tuple[Any, Any],
        loss: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        self.model, self.optimizer, self.loss = model, optimizer, loss
        self.x, self.y = batch
        self.fresh = optimizer.steps_taken == 0
        self.was_training = model.training
        self.own = dict(model.named_parameters())
        if isinstance(loss, Module):
            self.own |= {f"loss.{name}": p for name, p in loss.named_parameters()}
        self.optimised = [p for group in optimizer.param_groups for p in group["params"]]

    def run(self, before: dict[int, Array]) -> None:
        """Forward and backward. before: copies of the gradients that were there, by parameter."""
        self.before = before
        self.model.train()
        with tracing(self.model) as self.forward:
            self.prediction = self.model(self.x)
        with tracing() as self.loss_trace:
            self.value = self.loss(self.prediction, self.y)
        self.leaves = list(_leaves(self.value))
        self.made = {id(o.out): o for o in (*self.forward.operations, *self.loss_trace.operations)}
        if self.value.requires_grad and self.value.numel() == 1:
            self.value.backward()
        self.gradients = {name: _gradient(p) for name, p in self.own.items() if p.requires_grad}

    @property
    def number(self) -> float:
        return self.value.item() if self.value.numel() == 1 else math.nan

    @property
    def classes(self) -> int | None:
        """How many classes there are, if the targets are classes and the prediction scores them."""
        scores, y = self.prediction, self.y
        if not isinstance(y, Tensor) or y.dtype.kind not in "iu" or scores.ndim < 2:
            return None
        if scores.shape[:-1] == y.shape or (scores.shape[0], *scores.shape[2:]) == y.shape:
            return scores.shape[-1] if scores.shape[:-1] == y.shape else scores.shape[1]
        return None

    def maker(self, array: Array) -> Operation | None:
        """The operation that made an array, changes of shape passed over."""
        operation = self.made.get(id(array))
        while operation is not None and operation.name in _VIEWS and operation.inputs:
            operation = self.made.get(id(operation.inputs[0]))
        return operation


def _leaves(value: Tensor) -> Iterator[Tensor]:
    """The tensors at the ends of the graph."""
    seen: set[int] = set()
    waiting: list[Any] = [value.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Leaf):
            tensor = node.tensor()
            if tensor is not None:
                yield tensor
        else:
            waiting += node.edges


def _gradient(p: Tensor) -> Array | None:
    return None if p._grad is None else p._grad._data


def lint_training(
    model: Module,
    optimizer: Optimizer,
    batch: tuple[Any, Any],
    loss: Callable[[Tensor, Tensor], Tensor],
    *,
    step: Callable[[Any, Any], Any] | None = None,
    evaluate: Callable[[], Any] | None = None,
) -> Findings:
    """Look for mistakes in a training program, before it runs for hours; returns the findings.

    batch: (x, y), as the loader yields it; loss: called as loss(model(x), y).
    step: the program's own training step, called as step(x, y): one forward and backward pass and
    one step of this very optimiser. It is run twice, to see whether ``zero_grad`` and ``train()``
    are forgotten. evaluate: the program's own evaluation, called without arguments, to see whether
    ``eval()`` and ``no_grad()`` are.

    The model, the optimiser and all random generators are afterwards as they were, to the last bit.
    """
    from nncourse.inspection.lint_rules import RULES
    from nncourse.inspection.lint_runs import evaluation, few_examples, own_step
    from nncourse.inspection.undisturbed import undisturbed

    parts = [model, optimizer, loss]
    look = Look(model, optimizer, batch, loss)
    before = {id(p): g.copy() for p in look.own.values() if (g := _gradient(p)) is not None}
    found = Findings()
    with undisturbed(*parts):
        look.run(before)
        for rule in RULES:
            found += rule(look)
    grave = {finding.rule for finding in found}
    if not grave & {"no gradient", "not finite"}:  # otherwise it cannot learn anyway
        with undisturbed(*parts):
            found += few_examples(look)
    if step is not None:
        with undisturbed(*parts):
            found += own_step(look, step)
    if evaluate is not None:
        with undisturbed(*parts):
            found += evaluation(look, evaluate)
    return found
