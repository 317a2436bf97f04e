"""Pictures of optimisation: noisy gradients, the smoothed loss, step sizes, schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nncourse.language import catalogue
from nncourse.plots import style

_ = catalogue("plots")


@style.styled
def gradient_noise(samples: Mapping[int, Any], exact: float, axes: Any = None) -> Any:
    """Histograms of gradient estimates, samples[batch size] (K,), around the exact gradient."""
    if axes is None:
        axes = style.make_axes(9, 2.8, ncols=len(samples), sharex=True)
    # A few of the rarest estimates are left outside, or they would make the rest too narrow.
    low = min(np.quantile(values, 0.01) for values in samples.values())
    high = max(np.quantile(values, 0.999) for values in samples.values())
    for k, (place, (batch, values)) in enumerate(
        zip(np.atleast_1d(axes), samples.items(), strict=True)
    ):
        place.hist(values, np.linspace(low, high, 41), color=style.COLOURS[k])
        place.axvline(exact, color=style.INK, linestyle="--", label=_("exact gradient"))
        place.plot(np.mean(values), 0, "^", color=style.INK, markersize=11, clip_on=False,
                   label=_("mean of the estimates"))  # fmt: skip
        place.set_title(_("batch of {n}", n=batch))
        place.set_yticks([])
    np.atleast_1d(axes)[-1].legend(fontsize=8)
    return axes


@style.styled
def smoothed_risk(
    losses: Sequence[float], smooth: Mapping[str, Sequence[float]],
    exact: Sequence[tuple[int, float]] = (), axes: Any = None,
) -> Any:  # fmt: skip
    """Losses C_i of the objects met as dots, smoothed Q as lines, the exact Q as squares.

    smooth[name] lists Q before the first step and after every step; exact: (step, Q) pairs.
    """
    place = style.make_axes(8.5, 3.4) if axes is None else axes
    steps = np.arange(1, len(losses) + 1)
    place.plot(steps, losses, ".", color=style.FAINT, markersize=2.5, alpha=0.6,
               label=_("loss of one object"))  # fmt: skip
    for k, (name, q) in enumerate(smooth.items()):
        place.plot(q, label=name, **{**style.line(k), "marker": ""})
    if len(exact):
        place.plot(*np.array(exact).T, "s", color=style.INK, label=_("exact Q"))
    place.set_xlabel(_("step"))
    place.set_ylim(0, float(np.quantile(losses, 0.98)))
    place.legend(ncols=2, fontsize=9)
    return place


@style.styled
def step_sizes(gradients: Any, sizes: Mapping[str, Any], axes: Any = None) -> Any:
    """A stream of gradients (T,) and the step size that rules make of it; two axes.

    sizes[name] (T,) is the factor in front of the gradient.
    """
    if axes is None:
        axes = style.make_axes(9, 3.2, ncols=2)
    axes[0].plot(np.abs(gradients), color=style.INK, linewidth=1.2)
    axes[0].set_title(_("Size of the gradient"))
    for k, (name, values) in enumerate(sizes.items()):
        axes[1].plot(values, label=name, **{**style.line(k), "marker": ""})
    axes[1].set_title(_("Step size"))
    axes[1].legend()
    for place in axes:
        place.set_yscale("log")
        place.set_xlabel(_("step"))
    return axes


@style.styled
def schedules(rates: Mapping[str, Sequence[float]], axes: Any = None) -> Any:
    """Learning rates by step, a line for each schedule."""
    place = style.make_axes(8, 3) if axes is None else axes
    for k, (name, values) in enumerate(rates.items()):
        place.plot(values, label=name, **{**style.line(k), "marker": ""})
    place.set_xlabel(_("step"))
    place.set_ylabel(_("learning rate"))
    place.legend(fontsize=9)
    return place
