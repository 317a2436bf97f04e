"""What training looks like from outside: loss and accuracy by epoch, gradients by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nncourse.language import catalogue
from nncourse.plots import style

_ = catalogue("plots")


@style.styled
def history(record: Any, axes: Any = None) -> Any:
    """Loss and accuracy by epoch; returns the two axes.

    ``record`` is what ``nncourse.training.fit`` returns, or anything with lists ``loss``,
    ``accuracy``, ``valid_loss`` and ``valid_accuracy``; empty or missing ones are left out.
    """
    if axes is None:
        axes = style.make_axes(9, 3.4, ncols=2)
    series = (
        (axes[0], "loss", _("training"), 0),
        (axes[0], "valid_loss", _("held-out"), 1),
        (axes[1], "accuracy", _("training"), 0),
        (axes[1], "valid_accuracy", _("held-out"), 1),
    )
    for place, name, label, index in series:
        numbers = list(getattr(record, name, None) or [])
        if numbers:
            epochs = np.arange(1, len(numbers) + 1)
            every = max(1, len(numbers) // 8)
            place.plot(epochs, numbers, label=label, markevery=every, **style.line(index))
    axes[0].set_yscale("log")
    axes[0].set_title(_("Loss"))
    axes[1].set_title(_("Accuracy"))
    for place in axes:
        place.set_xlabel(_("epoch"))
        place.xaxis.get_major_locator().set_params(integer=True)
        if place.get_legend_handles_labels()[0]:
            place.legend()
    return axes


@style.styled
def layer_statistics(lines: Any, gradients: bool = False, axes: Any = None) -> Any:
    """Histograms of the outputs of each layer, or of their gradients; returns the axes.

    ``lines`` is what ``inspection.statistics`` returns, or a part of it. Each panel has a range of
    its own, with its deviation written above: what matters is how the deviation changes.
    """
    shown = [line for line in lines if not gradients or line.gradients is not None]
    if not shown:
        raise ValueError("there are no gradients: call statistics(model, x, y, loss)")
    if axes is None:
        axes = style.make_axes(min(14, 2.3 * len(shown) + 0.4), 2.6, ncols=len(shown))
    axes = np.atleast_1d(axes)
    for place, line in zip(axes, shown):
        numbers = np.asarray(line.gradients if gradients else line.outputs, np.float64).ravel()
        numbers = numbers[np.isfinite(numbers)]
        spread = numbers.std() if numbers.size else 0.0
        place.hist(numbers, bins=40, color=style.VERMILLION if gradients else style.BLUE)
        place.set_title(f"{line.kind}\nσ = {spread:.2g}", fontsize=10)
        place.set_yticks([])
        place.locator_params(axis="x", nbins=3)
        place.ticklabel_format(axis="x", style="sci", scilimits=(-2, 3))
    return axes


@style.styled
def learning_rates(search: Any, axes: Any = None) -> Any:
    """The loss against the learning rate, from what ``training.find_lr`` returns; the axes."""
    if axes is None:
        axes = style.make_axes(6.5, 3.6)
    smoothed = search.smoothed
    axes.semilogx(search.rates, search.losses, color=style.FAINT, linewidth=0.8, label=_("batch"))
    axes.semilogx(search.rates, smoothed, color=style.BLUE, label=_("smoothed"))
    if search.suggestion is not None:
        label = _("suggestion: {rate}", rate=f"{search.suggestion:.2g}")
        axes.axvline(search.suggestion, color=style.VERMILLION, linestyle="--", label=label)
    # The explosion at the end, and the empty half below 0, would hide the rest.
    axes.set_ylim(min(0, *search.losses), 1.6 * max(smoothed[: len(smoothed) // 2 + 1]))
    axes.set_xlabel(_("learning rate"))
    axes.set_ylabel(_("loss"))
    axes.legend()
    return axes


@style.styled
def gradient_through_depth(
    norms: Mapping[str, Mapping[Any, Sequence[float]]], axes: Any = None
) -> Any:
    """The gradient's norm in every layer: a panel for each activation, a line for each scale.

    norms[activation][scale] lists the norms from the first layer to the last; they are drawn
    relative to the last one, on a common logarithmic scale. Returns the axes.
    """
    if axes is None:
        axes = style.make_axes(9.5, 3.8, ncols=len(norms), sharey=True)
    axes = np.atleast_1d(axes)
    for place, (name, lines) in zip(axes, norms.items(), strict=True):
        for index, (scale, numbers) in enumerate(lines.items()):
            relative = np.asarray(numbers, dtype=np.float64) / numbers[-1]
            layers = np.arange(1, len(relative) + 1)
            look = style.line(index)
            place.semilogy(layers, relative, label=f"{scale}", markevery=6, **look)
        place.axhline(1.0, color=style.FAINT, linewidth=0.8)
        place.set_title(name)
        place.set_xlabel(_("layer"))
    axes[0].set_ylabel(_("gradient, relative to the last layer"))
    axes[-1].legend(title=_("scale of weights"), loc="lower right")
    return axes
