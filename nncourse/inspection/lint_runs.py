"""The rules of ``lint_training`` that run something: a few examples, the program's own functions.

They change the model and the optimiser freely; who calls them puts everything back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy

from nncourse.autograd.mode import is_grad_enabled
from nncourse.autograd.tensor import Tensor
from nncourse.backend import to_numpy
from nncourse.inspection.lint import Finding, Look
from nncourse.inspection.lint_rules import mode_matters
from nncourse.inspection.undisturbed import undisturbed
from nncourse.language import catalogue
from nncourse.optim.adam import Adam
from nncourse.optim.optimizer import Optimizer

_ = catalogue("widgets")

_EXAMPLES = 4
_STEPS = 150
_RATES = (1e-2, 1e-3, 1e-1)  # of Adam; with one of them a few examples can be learned by heart


def few_examples(look: Look) -> Iterator[Finding]:
    """A handful of examples must be learned by heart; if not, something is broken."""
    x, y = _few(look)
    with undisturbed(look.model, look.optimizer, look.loss):
        losses = _overfit(look, look.optimizer, x, y)
    if _learned(losses):
        return
    start, end, steps = losses[0], losses[-1], len(losses) - 1
    told = {"start": f"{start:.3g}", "end": f"{end:.3g}", "steps": steps}
    best = math.inf
    for rate in _RATES:
        with undisturbed(look.model, look.optimizer, look.loss):
            learning = [p for p in look.own.values() if p.requires_grad]
            other = _overfit(look, Adam(learning, lr=rate), x, y)
        best = min(best, *other)
        if _learned(other):
            rates = ", ".join(f"{group['lr']:g}" for group in look.optimizer.param_groups)
            if not math.isfinite(end) or end > 1.5 * abs(start) + 1:
                yield Finding(
                    "learning rate",
                    _(
                        "On a few examples the loss grows from {start} to {end} in {steps} steps "
                        "with the learning rate {rates}.",
                        rates=rates,
                        **told,
                    ),
                    _("The steps are too long: try a tenth of it. training.find_lr finds one."),
                )
            elif look.fresh and min(losses) > start - 0.01 * abs(start):
                yield Finding(
                    "learning rate",
                    _(
                        "On a few examples the loss stays at {end} in {steps} steps with the "
                        "learning rate {rates}, though Adam with {rate} learns them.",
                        rates=rates,
                        rate=f"{rate:g}",
                        **told,
                    ),
                    _("The steps are too short: try ten times it. training.find_lr finds one."),
                )
            return
    yield Finding(
        "cannot overfit",
        _(
            "A few examples cannot be learned by heart: the loss goes from {start} to {best} at "
            "best.",
            start=told["start"],
            best=f"{best:.3g}",
        ),
        _(
            "Do inputs and targets belong together? Is the network large enough, and its path from "
            "input to output whole? Check forward and loss on one example by hand."
        ),
    )


def _learned(losses: list[float]) -> bool:
    return math.isfinite(losses[-1]) and losses[-1] < 0.5 * losses[0]


def _overfit(look: Look, optimizer: Optimizer, x: Any, y: Any) -> list[float]:
    """The losses of steps on the same examples, until half of the first loss is gone."""
    look.model.train()
    for module in look.model.modules():
        if "Dropout" in type(module).__name__:
            module.eval()
    losses: list[float] = []
    with numpy.errstate(all="ignore"):
        for _step in range(_STEPS + 1):
            optimizer.zero_grad()
            value = look.loss(look.model(x), y)
            losses.append(value.item())
            if not math.isfinite(losses[-1]) or _learned(losses):
                break
            value.backward()
            optimizer.step()
    return losses


def _few(look: Look) -> tuple[Any, Any]:
    """A few examples of different classes; the whole batch where it cannot be cut."""
    x, y = look.x, look.y
    cut = isinstance(x, Tensor) and isinstance(y, Tensor) and x.ndim > 0 and y.ndim > 0
    if not cut or not len(x) == len(y) == len(look.prediction) or len(x) <= _EXAMPLES:
        return x, y
    chosen = numpy.linspace(0, len(y) - 1, _EXAMPLES).astype(int).tolist()
    if y.ndim == 1 and y.dtype.kind in "iu":
        firsts = sorted(numpy.unique(to_numpy(y._data), return_index=True)[1].tolist())
        chosen = firsts + [i for i in chosen if i not in set(firsts)]
    index = numpy.array(sorted(chosen[:_EXAMPLES]))
    return Tensor(x._data[index]), Tensor(y._data[index])


# The program's own functions


@contextmanager
def _in_place_of(owner: Any, name: str, function: Any) -> Iterator[None]:
    vars(owner)[name] = function
    try:
        yield
    finally:
        del vars(owner)[name]


@contextmanager
def _watched_forward(look: Look, modes: list[tuple[bool, bool]]) -> Iterator[None]:
    """Note in which modes the model is called: (training, gradients recorded)."""
    forward = look.model.forward

    def watched(*args: Any, **kwargs: Any) -> Any:
        modes.append((look.model.training, is_grad_enabled()))
        return forward(*args, **kwargs)

    with _in_place_of(look.model, "forward", watched):
        yield


def own_step(look: Look, step: Callable[[Any, Any], Any]) -> Iterator[Finding]:
    """What the program's own training step forgets."""
    optimizer, x, y = look.optimizer, look.x, look.y
    look.model.train(look.was_training)
    at_step: list[numpy.ndarray] = []  # all gradients, each time that the optimiser steps
    original = optimizer.step

    def stepped(*args: Any, **kwargs: Any) -> Any:
        at_step.append(_flat(look))
        return original(*args, **kwargs)

    modes: list[tuple[bool, bool]] = []
    with _in_place_of(optimizer, "step", stepped), _watched_forward(look, modes):
        step(x, y)
        if not at_step:
            yield Finding(
                "no step",
                _("The training step never calls this optimiser's step()."),
                _("After backward() comes optimizer.step()."),
            )
            return
        if not at_step[0].any():
            yield Finding(
                "no backward",
                _("When the optimiser steps, all gradients are missing or 0."),
                _(
                    "The order is zero_grad(), backward(), step(): is backward() missing, or "
                    "zero_grad() after it?"
                ),
            )
        elif _flat(look).any():  # it does not clear them at its end, so it must at its beginning
            mark = _mark(look)
            at_step.clear()
            step(x, y)
            if at_step and _still_there(mark, at_step[0]):
                yield Finding(
                    "zero_grad",
                    _("The training step adds to the gradients of the step before."),
                    _("Call optimizer.zero_grad() before backward()."),
                )
    kinds = mode_matters(look)
    if kinds and modes and not any(training for training, _recording in modes):
        yield Finding(
            "train mode",
            _("The training step runs the model in evaluation mode; it has {kinds}.",
              kinds=", ".join(kinds)),
            _("Call model.train() before training, also after each evaluation."),
        )  # fmt: skip


def _flat(look: Look) -> numpy.ndarray:
    parts = [
        numpy.zeros(p.numel()) if p._grad is None else to_numpy(p._grad._data).ravel()
        for p in look.optimised
    ]
    return numpy.concatenate(parts).astype(numpy.float64)


def _mark(look: Look) -> numpy.ndarray:
    """Put numbers into the gradients that nobody could mistake for gradients; returns them."""
    size = 1e6 * (1 + abs(_flat(look)).max())
    random = numpy.random.default_rng(0)
    for p in look.optimised:
        signs = random.choice([-size, size], p.shape).astype(p.dtype)
        p._grad = Tensor(signs)
    return _flat(look)


def _still_there(mark: numpy.ndarray, gradient: numpy.ndarray) -> bool:
    """Does the gradient point where the mark did, whatever its length (it may be clipped)?"""
    length = float(numpy.linalg.norm(gradient)) or 1.0
    along = float(mark @ gradient) / (float(numpy.linalg.norm(mark)) * length)
    # A gradient of one or two numbers may point anywhere by chance.
    return along > 0.99 and (len(mark) >= 16 or length > 1e-3 * float(numpy.linalg.norm(mark)))


def evaluation(look: Look, evaluate: Callable[[], Any]) -> Iterator[Finding]:
    """What the program's own evaluation forgets."""
    look.model.train()  # as it is after training
    modes: list[tuple[bool, bool]] = []
    with _watched_forward(look, modes):
        evaluate()
    kinds = mode_matters(look)
    if kinds and any(training for training, _recording in modes):
        yield Finding(
            "eval mode",
            _("The evaluation runs the model in training mode; it has {kinds}.",
              kinds=", ".join(kinds)),
            _("Call model.eval() before it, and model.train() afterwards."),
        )  # fmt: skip
    if any(recording for _training, recording in modes):
        yield Finding(
            "no_grad",
            _("The evaluation records a graph that nobody uses."),
            _("Put it inside with nnc.no_grad(): it saves time and memory."),
        )
