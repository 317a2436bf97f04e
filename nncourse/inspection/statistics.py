"""What flows through a network: the numbers that each layer puts out, and their gradients.

For lectures on initial values and activations: do they keep their size through depth, do units
saturate or die? ``plots.layer_statistics`` draws it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

from nncourse.autograd.mode import enable_grad
from nncourse.autograd.tensor import Tensor
from nncourse.backend import to_numpy
from nncourse.inspection.undisturbed import undisturbed
from nncourse.language import catalogue
from nncourse.nn.module import Module

_ = catalogue("widgets")

# The ends of the range of activations that have one: near them the slope is nearly 0.
_ENDS = {"Tanh": (-1.0, 1.0), "Sigmoid": (0.0, 1.0)}
_NEAR = 0.01  # of the range


@dataclass(frozen=True, eq=False)
class LayerStatistics:
    """One call of a layer. outputs and gradients (or None) are all numbers, as arrays.

    saturated: the share of outputs within 1% of an end of the range, for tanh and sigmoid. dead:
    the share of units that are 0 for all examples; a unit is a channel of (N, C, H, W), otherwise
    an entry of the last axis.
    """

    name: str
    kind: str
    outputs: numpy.ndarray
    gradients: numpy.ndarray | None
    saturated: float | None
    dead: float

    @property
    def mean(self) -> float:
        return float(self.outputs.mean(dtype=numpy.float64))

    @property
    def std(self) -> float:
        return float(self.outputs.std(dtype=numpy.float64))

    @property
    def gradient_std(self) -> float | None:
        gradients = self.gradients
        return None if gradients is None else float(gradients.std(dtype=numpy.float64))


class Statistics(list[LayerStatistics]):
    """Of all layers, in the order of their calls; prints as a table."""

    def __repr__(self) -> str:
        heads = [_("layer"), _("mean"), _("deviation"), _("gradient"), _("saturated"), _("dead")]
        cells = [heads]
        for line in self:
            slope = "" if line.gradient_std is None else f"{line.gradient_std:.2e}"
            saturated = "" if line.saturated is None else f"{100 * line.saturated:.0f}%"
            layer = f"{line.name} ({line.kind})" if line.name else line.kind
            numbers = f"{line.mean:.3f}", f"{line.std:.3f}"
            cells.append([layer, *numbers, slope, saturated, f"{100 * line.dead:.0f}%"])
        widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
        return "\n".join(
            "  ".join([row[0].ljust(widths[0]), *[c.rjust(w) for c, w in zip(row[1:], widths[1:])]])
            for row in cells
        )


def statistics(
    model: Module,
    x: Any,
    y: Tensor | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    layers: tuple[type[Module], ...] | None = None,
) -> Statistics:
    """The outputs of the layers for the batch ``x``, and with ``y`` and ``loss`` their gradients.

    layers: which kinds of modules to look at; all those without modules inside, if not given.
    Gradients are those of loss(model(x), y) by the outputs. The model is afterwards as it was.
    """
    if (y is None) != (loss is None):
        raise ValueError("gradients need both y and loss")
    names = {id(module): name for name, module in model.named_modules()}
    chosen = [
        module
        for module in model.modules()
        if (isinstance(module, layers) if layers else not any(module.children()))
    ]
    calls: list[tuple[Module, Tensor]] = []
    slopes: dict[int, numpy.ndarray] = {}

    def note(module: Module, _inputs: Any, out: Any) -> None:
        first = out[0] if isinstance(out, tuple) else out
        number = len(calls)
        # What comes after may overwrite it in place.
        calls.append((module, Tensor(first._data.copy())))
        if loss is not None and first.requires_grad:
            first.register_hook(lambda g: slopes.__setitem__(number, to_numpy(g._data).copy()))

    with undisturbed(model, loss), enable_grad():
        handles = [module.register_forward_hook(note) for module in chosen]
        try:
            prediction = model(x)
            if loss is not None and y is not None:
                loss(prediction, y).backward()
        finally:
            for handle in handles:
                handle.remove()
    return Statistics(
        [
            _of_call(names[id(module)], module, to_numpy(out._data), slopes.get(i))
            for i, (module, out) in enumerate(calls)
        ]
    )


def _of_call(
    name: str, module: Module, out: numpy.ndarray, gradient: numpy.ndarray | None
) -> LayerStatistics:
    kind = type(module).__name__
    return LayerStatistics(name, kind, out, gradient, saturated_share(kind, out), dead_share(out))


def saturated_share(kind: str, out: numpy.ndarray) -> float | None:
    """The share of outputs near the ends of an activation's range; None if it has none."""
    if kind not in _ENDS:
        return None
    low, high = _ENDS[kind]
    near = _NEAR * (high - low)
    return float(((out < low + near) | (out > high - near)).mean())


def dead_share(out: numpy.ndarray) -> float:
    """The share of units that are 0 for all examples: channels of images, else last entries."""
    if out.ndim < 2:
        return 0.0
    unit = 1 if out.ndim == 4 else out.ndim - 1
    others = tuple(axis for axis in range(out.ndim) if axis != unit)
    return float((out == 0).all(others).mean())
