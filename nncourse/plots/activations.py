"""Pictures of activations and of what initial values do through depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nncourse.language import catalogue
from nncourse.plots import style

_ = catalogue("plots")


@style.styled
def activation_curves(z: Any, curves: Mapping[str, tuple[Any, Any]], axes: Any = None) -> Any:
    """Activation functions and their derivatives, curves[name] = (f(z), f'(z)); two axes."""
    if axes is None:
        axes = style.make_axes(9.5, 3.4, ncols=2)
    for k, (name, both) in enumerate(curves.items()):
        look = {**style.line(k), "marker": ""}
        for place, values in zip(axes, both):
            place.plot(z, values, label=name, **look)
    axes[0].set_title("$f(z)$")
    axes[1].set_title("$f'(z)$")
    axes[0].set_ylim(-1.6, 3)
    axes[0].legend(fontsize=8)
    for place in axes:
        place.set_xlabel("$z$")
    return axes


@style.styled
def deviations_through_depth(
    deviations: Mapping[str, Mapping[str, Sequence[float]]], label: str = "", axes: Any = None
) -> Any:
    """The standard deviation in every layer, a panel for each activation, a line for each start.

    deviations[activation][start] lists numbers from the first layer to the last. Returns the axes.
    """
    if axes is None:
        axes = style.make_axes(9.5, 3.4, ncols=len(deviations), sharey=True)
    for place, (name, lines) in zip(np.atleast_1d(axes), deviations.items(), strict=True):
        for k, (start, values) in enumerate(lines.items()):
            layers = np.arange(1, len(values) + 1)
            place.semilogy(layers, np.maximum(values, 1e-12), label=start, markevery=4,
                           **style.line(k))  # fmt: skip
        place.set_title(name)
        place.set_xlabel(_("layer"))
    np.atleast_1d(axes)[0].set_ylabel(label)
    np.atleast_1d(axes)[-1].legend(fontsize=9)
    return axes


@style.styled
def loss_curves(
    losses: Mapping[str, Sequence[float]], guess: float | None = None, axes: Any = None
) -> Any:
    """Training losses by step, a line for each run; ``guess`` marks the loss of guessing."""
    place = style.make_axes(8, 3.2) if axes is None else axes
    for k, (name, values) in enumerate(losses.items()):
        every = max(1, len(values) // 8)
        place.plot(values, label=name, markevery=every, **style.line(k))
    if guess is not None:
        place.axhline(guess, color=style.FAINT, linewidth=1)
        place.annotate(_("guessing"), (0, guess), (4, 4), textcoords="offset points", fontsize=9)
    place.set_xlabel(_("step"))
    place.set_ylabel(_("loss"))
    place.legend(fontsize=9)
    return place
