"""Pictures of a perceptron at work: each correction on the plane, and the growth of its weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nncourse.language import catalogue
from nncourse.plots import style
from nncourse.plots.neuron import draw_examples, draw_line, shade_side

_ = catalogue("plots")


@style.styled
def perceptron_steps(
    x: Any, y: Any, weights: Sequence[Any], examples: Sequence[int], columns: int = 4,
    axes: Any = None,
) -> Any:  # fmt: skip
    """Corrections on the plane, a panel for each: the old line dashed, the new one full.

    x (N, 2), y (N,) of -1 and +1; weights[k] (3,) after k corrections, examples[k] the number of
    the example that correction k + 1 was made on, ringed. Above stands the new weight (w0, w1, w2).
    Returns the axes.
    """
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y)
    rows = max(1, -(-len(examples) // columns))
    if axes is None:
        axes = style.make_axes(2.4 * columns, 2.6 * rows, nrows=rows, ncols=columns)
    axes = np.asarray(axes).reshape(-1)
    low, high = float(x.min()) - 0.6, float(x.max()) + 0.6
    for k, place in enumerate(axes):
        if k >= len(examples):
            style.hide_frame(place)
            continue
        old, new, i = np.asarray(weights[k]), np.asarray(weights[k + 1]), examples[k]
        shade_side(place, new, low, high)
        draw_line(place, old, linestyle="--", color=style.FAINT, linewidth=1.4)
        draw_line(place, new)
        draw_examples(place, x, y, size=38)
        place.scatter(
            *x[i], s=190, facecolor="none", edgecolor=style.PURPLE, linewidth=2.2, zorder=5
        )
        numbers = ", ".join(f"{w:g}".replace("-", "−") for w in new)
        place.set_title(f"{k + 1}. $w$ = ({numbers})", fontsize=10, fontweight="normal")
        place.set(xlim=(low, high), ylim=(low, high), xticks=[0, 1], yticks=[0, 1])
        place.set_aspect("equal")
    return axes


@style.styled
def perceptron_growth(
    weights: Sequence[Any], best: Any, gamma: float, radius: float,
    looping: Sequence[Any] = (), axes: Any = None,
) -> Any:  # fmt: skip
    """The proof of Novikoff in numbers, and what happens where it does not apply; two axes.

    weights[k] after k corrections, ``best`` the unit weight with margin ``gamma`` and ``radius``
    the largest length of an example. Left: k gamma <= w_k . w* <= |w_k| <= radius sqrt(k). Right:
    the length of ``looping``, weights of a perceptron on data that no line separates.
    """
    if axes is None:
        axes = style.make_axes(9.5, 3.7, ncols=2)
    left, right = axes
    lengths = np.linalg.norm(np.asarray(weights), axis=1)
    along = np.asarray(weights) @ np.asarray(best)
    bound = (radius / gamma) ** 2
    k = np.linspace(0, 1.12 * bound, 200)
    left.fill_between(k, k * gamma, radius * np.sqrt(k), where=list(k <= bound),
                      color=style.SKY, alpha=0.2)  # fmt: skip
    left.plot(k, radius * np.sqrt(k), linestyle="--", color=style.BLUE, label=r"$R\sqrt{k}$")
    done = np.arange(len(lengths))
    left.plot(done, lengths, ".-", color=style.BLUE, label="$|w_k|$")
    left.plot(done, along, ".-", color=style.VERMILLION, label=r"$w_k \cdot w^*$")
    left.plot(k, k * gamma, linestyle="--", color=style.VERMILLION, label=r"$k\gamma$")
    left.axvline(bound, color=style.FAINT, linestyle=":")
    left.annotate(r"$(R/\gamma)^2$", (bound, 0), xytext=(-5, 8), textcoords="offset points",
                  ha="right")  # fmt: skip
    left.set(xlabel=_("correction $k$"), ylim=(0, None), xlim=(0, None))
    left.set_title(_("Separable: squeezed between two bounds"))
    left.legend(loc="upper left")
    right.plot(np.linalg.norm(np.asarray(looping), axis=1), ".-", color=style.BLUE)
    right.set(xlabel=_("correction $k$"), ylabel="$|w_k|$", ylim=(0, None))
    right.set_title(_("Not separable: the weights go round"))
    return axes
