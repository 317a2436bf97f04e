"""The rules of ``lint_training`` that look at one step: parameters, modes, the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy

from nncourse.autograd.mode import no_grad
from nncourse.autograd.tensor import Tensor
from nncourse.backend import to_numpy
from nncourse.inspection.lint import Finding, Look
from nncourse.inspection.lint_flow import dead_units, gradient_sizes, inputs
from nncourse.language import catalogue
from nncourse.nn import functional as F

_ = catalogue("widgets")


def nothing_found() -> str:
    """What an empty list of findings says."""
    return _("No mistakes found.")


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:4])
    return (
        shown
        if len(names) <= 4
        else _("{names} and {count} more", names=shown, count=len(names) - 4)
    )


# Parameters


def unregistered(look: Look) -> Iterator[Finding]:
    """The loss depends on a tensor that learns but belongs to nobody."""
    known = {id(p) for p in (*look.own.values(), *look.optimised)} | {id(look.x), id(look.y)}
    strays = [leaf for leaf in look.leaves if id(leaf) not in known]
    if strays:
        shapes = ", ".join(str(tuple(t.shape)) for t in strays[:4])
        yield Finding(
            "unregistered",
            _(
                "The loss depends on {count} tensors that require gradients but are neither "
                "parameters of the model nor in the optimiser; their shapes: {shapes}.",
                count=len(strays),
                shapes=shapes,
            ),
            _(
                "Make each an attribute of its module, as nn.Parameter(...) or as a layer; what is "
                "hidden in an object of another kind, or made anew in forward, is not found."
            ),
        )


def not_optimised(look: Look) -> Iterator[Finding]:
    """Parameters that the optimiser does not have, or has of another model."""
    have = {id(p) for p in look.optimised}
    left = [name for name, p in look.own.items() if p.requires_grad and id(p) not in have]
    if left:
        yield Finding(
            "not optimised",
            _("Not in the optimiser, so never changed: {names}.", names=_names(left)),
            _(
                "Make the optimiser after all layers are set, from model.parameters(). If they are "
                "to stay as they are, say so with requires_grad_(False)."
            ),
        )
    own = {id(p) for p in look.own.values()}
    used = {id(leaf) for leaf in look.leaves}
    foreign = [p for p in look.optimised if id(p) not in own and id(p) not in used]
    if foreign:
        yield Finding(
            "foreign",
            _(
                "The optimiser holds {count} parameters that are not the model's and do not act on "
                "this loss.",
                count=len(foreign),
            ),
            _("It was made for another model, or before layers were replaced: make it anew."),
        )


def no_gradient(look: Look) -> Iterator[Finding]:
    """Parameters that the loss does not depend on."""
    if not look.value.requires_grad:
        yield Finding(
            "no gradient",
            _("The loss does not depend on any parameter: there is nothing to learn from."),
            _(
                "Somewhere between the parameters and the loss the graph is cut: by .detach(), "
                ".data, .numpy(), .item(), argmax, a comparison, or no_grad()."
            ),
        )
        return
    if look.value.numel() != 1:
        yield Finding(
            "no gradient",
            _("The loss has shape {shape}; it must be one number.", shape=tuple(look.value.shape)),
            _("Take its mean over the batch: loss.mean()."),
        )
        return
    cut = [name for name, gradient in look.gradients.items() if gradient is None]
    if cut:
        yield Finding(
            "unused",
            _("No gradient reaches {names}: the loss does not depend on them.", names=_names(cut)),
            _(
                "Is the layer called in forward, and its result used? Is the path cut by "
                ".detach(), .data or no_grad()?"
            ),
        )


def not_zeroed(look: Look) -> Iterator[Finding]:
    """The gradients that were there are a multiple of this batch's."""
    pairs = [
        (look.before[id(p)].ravel(), gradient.ravel())
        for name, p in look.own.items()
        if id(p) in look.before and (gradient := look.gradients.get(name)) is not None
    ]
    if not pairs:
        return
    had, now = (numpy.concatenate(v).astype(numpy.float64) for v in zip(*pairs))
    square = float(now @ now)
    if not square or not math.isfinite(square):
        return
    times = float(had @ now) / square
    apart = float(numpy.linalg.norm(had - times * now)) / math.sqrt(square)
    if round(times) >= 2 and abs(times - round(times)) < 1e-3 * times and apart < 1e-3 * times:
        yield Finding(
            "zero_grad",
            _("The gradients hold {times} times that of this batch.", times=round(times)),
            _("backward() adds to what is there: call optimizer.zero_grad() before each one."),
        )


# Modes


def mode_matters(look: Look) -> list[str]:
    """The layers that behave differently in training, by the names of their kinds."""
    kinds = {type(module).__name__ for module in look.model.modules()}
    return sorted(kind for kind in kinds if "Dropout" in kind or kind.startswith("BatchNorm"))


def evaluation_mode(look: Look) -> Iterator[Finding]:
    """The model is about to be trained in evaluation mode."""
    kinds = mode_matters(look)
    if not look.was_training and kinds:
        yield Finding(
            "train mode",
            _("The model is in evaluation mode, and has {kinds}.", kinds=", ".join(kinds)),
            _("Call model.train() before training, also after each evaluation."),
        )


# The loss


def initial_loss(look: Look) -> Iterator[Finding]:
    """Before any training, a classifier should not know better or worse than ln C."""
    if not math.isfinite(look.number):
        return
    classes = look.classes
    if classes is None and _binary(look):
        classes = 2
    if classes is None or not look.fresh or look.number < 0:
        return
    expected = math.log(classes)
    room = 1 + 2 / math.sqrt(max(1, look.y.numel()))
    if look.number > expected + room:
        yield Finding(
            "initial loss",
            _(
                "The loss at the start is {loss}; with {classes} classes and no knowledge it is "
                "ln {classes} = {expected}.",
                loss=f"{look.number:.3g}",
                classes=classes,
                expected=f"{expected:.3g}",
            ),
            _(
                "The first scores are far too large, or the loss is a sum instead of a mean: scale "
                "inputs to about unit size, use the usual initial weights, check the reduction."
            ),
        )


def _binary(look: Look) -> bool:
    p, y = look.prediction, look.y
    if not isinstance(y, Tensor) or p.shape != y.shape or y.dtype.kind != "f" or not y.numel():
        return False
    values = to_numpy(y._data)
    if not ((values == 0) | (values == 1)).all():
        return False
    with no_grad():
        return _close(look.number, F.binary_cross_entropy_with_logits(p.detach(), y).item()) or (
            _maker_name(look) == "Sigmoid"
            and _close(look.number, F.binary_cross_entropy(p.detach(), y).item())
        )


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6)


def _maker_name(look: Look) -> str | None:
    maker = look.maker(look.prediction._data)
    return None if maker is None else maker.name


def twice(look: Look) -> Iterator[Finding]:
    """Softmax or sigmoid in the model, and again in the loss."""
    last = _maker_name(look)
    if last == "Softmax":
        for operation in look.loss_trace.operations:
            if operation.name in ("CrossEntropy", "LogSoftmax", "Softmax"):
                maker = look.maker(operation.inputs[0])
                if maker is not None and maker.name == "Softmax":
                    yield _twice("softmax", "CrossEntropyLoss", "NLLLoss", "LogSoftmax")
                    return
    if last == "Sigmoid" and isinstance(look.y, Tensor) and look.prediction.shape == look.y.shape:
        with no_grad():
            p, y = look.prediction.detach(), look.y
            logits = F.binary_cross_entropy_with_logits(p, y.to(p.dtype)).item()
        if _close(look.number, logits):
            yield _twice("sigmoid", "BCEWithLogitsLoss", "BCELoss", "Sigmoid")


def _twice(what: str, loss: str, other: str, layer: str) -> Finding:
    return Finding(
        "applied twice",
        _(
            "The model ends with {what}, and {loss} applies it once more: gradients become small "
            "and the loss cannot come near 0.",
            what=what,
            loss=loss,
        ),
        _(
            "Leave {what} out of the model; or keep {layer} there and use {other}.",
            what=what,
            layer=layer,
            other=other,
        ),
    )


def not_log_probabilities(look: Look) -> Iterator[Finding]:
    """NLLLoss on something else than logarithms of probabilities."""
    scores = look.prediction
    if look.classes is None or scores.shape[:-1] != look.y.shape:
        return
    s = to_numpy(scores._data).reshape(-1, scores.shape[-1]).astype(numpy.float64)
    y = to_numpy(look.y._data).ravel()
    if not y.size or y.min() < 0 or y.max() >= s.shape[1] or not numpy.isfinite(s).all():
        return
    if not _close(look.number, float(-s[numpy.arange(len(y)), y].mean())):
        return
    total = numpy.exp(s - s.max(1, keepdims=True)).sum(1)
    if abs(numpy.log(total) + s.max(1)).max() > 1e-3:
        yield Finding(
            "no logarithm",
            _("NLLLoss gets numbers that are not logarithms of probabilities."),
            _("End the model with LogSoftmax, or use CrossEntropyLoss on the scores themselves."),
        )


def broadcast(look: Look) -> Iterator[Finding]:
    """(N, 1) against (N) in the loss: an N x N table of differences."""
    if not isinstance(look.y, Tensor):
        return
    shapes = {look.prediction.shape, look.y.shape}
    for operation in look.loss_trace.operations:
        given = operation.inputs[:2]
        if len(given) < 2 or not operation.kind.broadcasts or len(shapes) < 2:
            continue
        larger = operation.out.size > max(a.size for a in given)
        if larger and {a.shape for a in given} == shapes:
            yield Finding(
                "broadcast",
                _(
                    "The loss compares predictions {prediction} with targets {target}, and "
                    "broadcasting makes {result} of them: each prediction meets every target.",
                    prediction=tuple(look.prediction.shape),
                    target=tuple(look.y.shape),
                    result=operation.out.shape,
                ),
                _("Bring both to one shape: y.unsqueeze(1), or model(x).squeeze(1)."),
            )
            return


def finite(look: Look) -> Iterator[Finding]:
    """NaN or infinity in the loss or in the gradients."""
    bad = [n for n, g in look.gradients.items() if g is not None and not numpy.isfinite(g).all()]
    if not numpy.isfinite(to_numpy(look.value._data)).all():
        what = _("The loss is {loss}.", loss=to_numpy(look.value._data).ravel()[0])
    elif bad:
        what = _("The gradients of {names} hold NaN or infinity.", names=_names(bad))
    else:
        return
    yield Finding(
        "not finite",
        what,
        _("Run forward and backward inside nnc.autograd.detect_anomaly(): it names the line."),
    )


RULES = (
    finite,
    no_gradient,
    unregistered,
    not_optimised,
    not_zeroed,
    evaluation_mode,
    twice,
    not_log_probabilities,
    broadcast,
    inputs,
    initial_loss,
    dead_units,
    gradient_sizes,
)
