"""The static picture of the numerical-derivative explorer: the curve, and the error against h."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nncourse.language import catalogue
from nncourse.widgets import difference
from nncourse.widgets.base import new_figure
from nncourse.widgets.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

_STYLES = {
    "forward": ("#d55e00", "o"),
    "central": ("#0072b2", "s"),
    "complex": ("#009e73", "^"),
}
_FLOOR = 1e-18  # where an error of zero is drawn on the logarithmic axis


def difference_figure(
    curve: difference.Curve, x: float, h: float, method: str, dtype: str, heading: str
) -> Figure:
    """The curve with tangent and secant on the left, the errors of all three quotients right."""
    figure = new_figure(7.6, 3.5)
    figure.suptitle(heading, fontsize=10.5, weight="bold", x=0.012, ha="left")
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)

    around = np.linspace(x - 2, x + 2, 401)
    heights = curve.value(around)
    here = float(curve.value(np.float64(x)))
    left.plot(around, heights, color="#1f1f1f", label=curve.formula)
    exact = difference.exact(curve, x, dtype)
    left.plot(around, here + exact * (around - x), color="#009e73", label=_("tangent"))
    numerical = difference.difference(curve, x, h, method, dtype)
    base = x - h if method == "central" else x
    start = float(curve.value(np.float64(base)))
    left.plot(around, start + numerical * (around - base), "--", color="#d55e00", label=_("secant"))
    left.plot([x], [here], "o", color="#1f1f1f", markersize=5)
    finite = heights[np.isfinite(heights)]
    low, high = (finite.min(), finite.max()) if finite.size else (-1, 1)
    space = 0.15 * (high - low) + 1e-9
    left.set_ylim(low - space, high + space)
    left.set_title(_("The function near x = {x}", x=format_number(x)), fontsize=9)
    left.legend(fontsize=8, frameon=False)

    for other, (colour, marker) in _STYLES.items():
        steps, errors = difference.sweep(curve, x, other, dtype)
        right.loglog(
            steps,
            np.maximum(errors, _FLOOR),
            color=colour,
            marker=marker,
            markevery=8,
            markersize=4,
            linewidth=1.8 if other == method else 0.8,
            label=_("complex step") if other == "complex" else _(other),
        )
    right.axvline(h, color="#5a5a5a", linestyle=":", linewidth=1)
    error = difference.error(curve, x, h, method, dtype)
    right.plot([h], [max(error, _FLOOR)], "o", color="#1f1f1f", markersize=7)
    right.set(xlim=(5e-17, 2), ylim=(3e-19, 30), xlabel="h")
    right.set_title(_("Error of the derivative, {dtype}", dtype=dtype), fontsize=9)
    right.legend(fontsize=8, frameon=False)
    return figure
