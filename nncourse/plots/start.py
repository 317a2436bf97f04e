"""Pictures of the first lecture: fitting and overfitting, learning curves, a timeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nncourse.language import catalogue
from nncourse.plots import style

_ = catalogue("plots")


@style.styled
def polynomial_fits(
    train: tuple[Any, Any], test: tuple[Any, Any], degrees: Sequence[int] = (1, 3, 12),
    axes: Any = None,
) -> Any:  # fmt: skip
    """Polynomials of several degrees through the same points, with both errors; the axes.

    train and test are (x (N,), y (N,)); the root mean square errors stand above.
    """
    if axes is None:
        axes = style.make_axes(9.5, 3.2, ncols=len(degrees), sharey=True)
    x, y = (np.asarray(values, dtype=np.float64) for values in train)
    grid = np.linspace(x.min(), x.max(), 300)
    for place, degree in zip(np.atleast_1d(axes), degrees, strict=True):
        fit = np.polynomial.Polynomial.fit(x, y, degree)
        place.plot(*test, "s", color=style.VERMILLION, markersize=4, label=_("new"))
        place.plot(x, y, "o", color=style.BLUE, label=_("training"))
        place.plot(grid, fit(grid), color=style.INK)
        errors = [
            float(np.sqrt(np.mean((fit(np.asarray(a)) - np.asarray(b)) ** 2)))
            for a, b in (train, test)
        ]
        place.set_title(_("degree {d}: {a:.2f} and {b:.2f}", d=degree, a=errors[0], b=errors[1]))
        place.set_ylim(y.min() - 1, y.max() + 1)
    np.atleast_1d(axes)[0].legend(fontsize=9)
    return axes


@style.styled
def learning_curves(
    sizes: Sequence[int], accuracies: Mapping[str, Sequence[float]], axes: Any = None
) -> Any:
    """Accuracy on new data against the number of training examples, a line for each method."""
    place = style.make_axes(7.5, 3.4) if axes is None else axes
    for k, (name, values) in enumerate(accuracies.items()):
        place.plot(sizes, values, label=name, **style.line(k))
    place.set_xscale("log")
    place.set_xticks(list(sizes), [str(n) for n in sizes])
    place.minorticks_off()
    place.set_xlabel(_("training examples"))
    place.set_ylabel(_("accuracy on new data"))
    place.legend()
    return place


@style.styled
def timeline(events: Mapping[int, str], axes: Any = None) -> Any:
    """Years with what happened, along a line; names stand alternately at four heights."""
    place = style.make_axes(10, 3.2) if axes is None else axes
    years = sorted(events)
    place.axhline(0, color=style.INK, linewidth=1.5)
    for k, year in enumerate(years):
        height = (1.0, -1.0, 2.1, -2.1)[k % 4]
        place.plot([year, year], [0, height], color=style.FAINT, linewidth=1)
        place.plot(year, 0, "o", color=style.BLUE)
        place.text(year, height, f"{year}\n{events[year]}", ha="center", fontsize=8.5,
                   va="bottom" if height > 0 else "top")  # fmt: skip
    place.set(xlim=(years[0] - 6, years[-1] + 6), ylim=(-3.6, 3.6))
    style.hide_frame(place)
    return place
