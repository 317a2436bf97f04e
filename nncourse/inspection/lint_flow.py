"""The rules of ``lint_training`` about the numbers that flow: units, gradients, the data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy

from nncourse.autograd.tensor import Tensor
from nncourse.backend import to_numpy
from nncourse.inspection.lint import Finding, Look
from nncourse.inspection.statistics import dead_share, saturated_share
from nncourse.inspection.tracing import Operation
from nncourse.language import catalogue

_ = catalogue("widgets")

_DEAD = 0.9  # share of the units of a layer
_ENOUGH = 8  # examples and units: of fewer, all may be silent by chance


def dead_units(look: Look) -> Iterator[Finding]:
    """Nearly all units of a ReLU are silent for the whole batch, or saturated elsewhere."""
    last = look.maker(look.prediction._data)
    for operation in look.forward.operations:
        out = to_numpy(operation.out)
        if operation is last or out.ndim < 2 or len(out) < _ENOUGH:
            continue
        if operation.name == "ReLU":
            share = dead_share(out)
            units = out.shape[1] if out.ndim == 4 else out.shape[-1]
            if share >= _DEAD and units >= _ENOUGH:
                yield Finding(
                    "dead units",
                    _(
                        "{share}% of the units of {layer} are 0 for every example of the batch: "
                        "they are dead, and no gradient passes them.",
                        share=round(100 * share),
                        layer=_place(operation),
                    ),
                    _(
                        "Biases far below 0, steps that were too long, or inputs that are not "
                        "normalised do that: lower the learning rate, use He initial values, or "
                        "LeakyReLU."
                    ),
                )
        else:
            share = saturated_share(operation.name, out) or 0.0
            if share >= _DEAD:
                yield Finding(
                    "saturated",
                    _(
                        "{share}% of the values of {layer} lie at the ends of its range, where its "
                        "slope is nearly 0.",
                        share=round(100 * share),
                        layer=_place(operation),
                    ),
                    _("Use smaller initial weights (Xavier), and inputs of about unit size."),
                )


def _place(operation: Operation) -> str:
    call = operation.call
    if call is None or not call.name:
        return operation.name
    kind = type(call.module).__name__
    return f"{call.name} ({kind})" if kind == operation.name else f"{operation.name} ({call.name})"


def gradient_sizes(look: Look) -> Iterator[Finding]:
    """Gradients that die out on the way back, or explode."""
    sizes = {}
    for name, gradient in look.gradients.items():
        if gradient is None or gradient.ndim < 2 or not numpy.isfinite(gradient).all():
            continue
        moved = numpy.count_nonzero(gradient)  # an embedding gets gradients for few of its rows
        if moved:
            square = float(numpy.square(gradient, dtype=numpy.float64).sum())
            sizes[name] = math.sqrt(square / moved)
    if not sizes:
        return
    first, last = next(iter(sizes)), list(sizes)[-1]
    if len(sizes) > 1 and sizes[first] < 1e-5 * sizes[last]:
        yield Finding(
            "vanishing gradients",
            _(
                "The gradient vanishes on its way back: {size} in {first}, {end} in {last}.",
                size=f"{sizes[first]:.1e}",
                first=first,
                end=f"{sizes[last]:.1e}",
                last=last,
            ),
            _(
                "Use ReLU-like activations with He initial values (Xavier with tanh), "
                "normalisation, or residual connections; for long sequences, LSTM or GRU."
            ),
        )
    norm = math.sqrt(sum(float(numpy.square(g, dtype=numpy.float64).sum())
                         for g in look.gradients.values() if g is not None))  # fmt: skip
    steep = len(sizes) > 1 and sizes[first] > 1e4 * sizes[last]
    if math.isfinite(norm) and (steep or norm > 1e4 * (1 + abs(look.number))):
        yield Finding(
            "exploding gradients",
            _("The gradient has the length {norm}.", norm=f"{norm:.1e}"),
            _(
                "Use smaller initial weights, normalised inputs, or clip it with "
                "nn.utils.clip_grad_norm_ between backward() and step()."
            ),
        )


# The data


def inputs(look: Look) -> Iterator[Finding]:
    """Integers where numbers with fractions belong; numbers that are far too large."""
    for tensor in _inputs(look.x):
        values = to_numpy(tensor._data)
        if not values.size:
            continue
        if values.dtype.kind in "iub":
            indices = any(o.name == "Embedding" for o in look.forward.operations)
            if not indices and values.ndim > 1 and look.forward.operations:
                yield Finding(
                    "integer inputs",
                    _("The inputs are whole numbers ({dtype}).", dtype=values.dtype),
                    _("Convert and scale them: x.float() / 255, say, for pictures."),
                )
            continue
        if not numpy.isfinite(values).all():
            yield Finding(
                "not finite",
                _("The inputs hold NaN or infinity."),
                _("Leave such examples out, or fill the gaps, before training."),
            )
            continue
        mean, spread = float(values.mean()), float(values.std())
        if abs(mean) > 10 or spread > 10:
            yield Finding(
                "unnormalised inputs",
                _(
                    "The inputs have mean {mean} and standard deviation {spread}.",
                    mean=f"{mean:.3g}",
                    spread=f"{spread:.3g}",
                ),
                _(
                    "Bring them to about mean 0 and deviation 1, with numbers fitted on the "
                    "training data only: data.Standardize does it."
                ),
            )
    y = look.y
    if isinstance(y, Tensor) and y.dtype.kind == "f" and y.numel():
        largest = float(abs(to_numpy(y._data)).max())
        if math.isfinite(largest) and largest > 100:
            yield Finding(
                "unnormalised targets",
                _("The targets reach {largest}; a new network says numbers near 0.",
                  largest=f"{largest:.3g}"),
                _("Scale the targets, too, and the predictions back."),
            )  # fmt: skip


def _inputs(x: Any) -> Iterator[Tensor]:
    if isinstance(x, Tensor):
        yield x
    elif isinstance(x, list | tuple):
        for item in x:
            yield from _inputs(item)
