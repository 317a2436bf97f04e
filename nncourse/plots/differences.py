"""How far a numerical derivative is from the true one, as its step h changes.

Too large a step cuts off Taylor's series (truncation), too small a one subtracts two nearly equal
numbers (round-off). The two pictures here show that valley, and what a kink does beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.language import catalogue
from nncourse.plots import style

_ = catalogue("plots")


def forward_difference(f: Callable, x: Any, h: Any) -> Any:
    """(f(x+h) - f(x)) / h; truncation error about h |f''| / 2."""
    return (f(x + h) - f(x)) / h


def central_difference(f: Callable, x: Any, h: Any) -> Any:
    """(f(x+h) - f(x-h)) / 2h; truncation error about h^2 |f'''| / 6."""
    return (f(x + h) - f(x - h)) / (2 * h)


def complex_step(f: Callable, x: Any, h: Any) -> Any:
    """Im f(x + ih) / h for an analytic f: nothing is subtracted (Squire & Trapp, 1998)."""
    return np.imag(f(x + 1j * h)) / h


@style.styled
def difference_error(
    f: Callable, derivative: Callable, x: float, steps: Any = None, axes: Any = None
) -> Any:
    """Relative error of four numerical derivatives of ``f`` at ``x`` against the step h.

    ``f`` takes NumPy scalars of type float64, float32 and complex128; ``derivative`` gives the
    true value. Both scales are logarithmic; errors below 1e-17 are drawn at 1e-17.
    """
    if axes is None:
        axes = style.make_axes(7.5, 4.2)
    steps = np.logspace(-16, 0, 129) if steps is None else np.asarray(steps, dtype=np.float64)
    exact = float(derivative(np.float64(x)))
    methods = (
        (_("forward difference, float64"), forward_difference, np.float64),
        (_("central difference, float64"), central_difference, np.float64),
        (_("central difference, float32"), central_difference, np.float32),
        (_("complex step"), complex_step, np.float64),
    )
    for index, (label, method, dtype) in enumerate(methods):
        with np.errstate(all="ignore"):
            found = np.array([method(f, dtype(x), dtype(h)) for h in steps], dtype=np.float64)
        error = np.maximum(np.abs(found - exact) / abs(exact), 1e-17)
        axes.loglog(steps, error, label=label, markevery=16, **style.line(index))
    axes.set_xlabel(_("step $h$"))
    axes.set_ylabel(_("relative error"))
    axes.set_ylim(3e-18, 30)
    axes.set_title(_("Two errors pull in opposite directions"))
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 0.06))
    return axes


@style.styled
def difference_near_kink(distance: float = 1e-3, steps: Any = None, axes: Any = None) -> Any:
    """Central difference of ReLU at z = ``distance`` against h: right only while h < z.

    For h > z the two points lie on different sides of the kink and the quotient is (z + h) / 2h.
    """
    if axes is None:
        axes = style.make_axes(7.5, 3)
    steps = np.logspace(-6, 0, 241) if steps is None else np.asarray(steps, dtype=np.float64)
    slope = central_difference(lambda z: np.maximum(z, 0.0), distance, steps)
    axes.semilogx(steps, slope, color=style.BLUE)
    axes.axhline(1.0, color=style.VERMILLION, linestyle="--")
    axes.axvline(distance, color=style.FAINT, linewidth=1)
    # Labels stand beside their lines: the panel is narrow, and a legend would cover the curve.
    offset = {"textcoords": "offset points"}
    axes.annotate("$h = z$", (distance, 0.47), xytext=(5, 0), **offset)
    axes.annotate(
        _("derivative at this point"),
        (steps[0], 1.0),
        xytext=(0, 5),
        color=style.VERMILLION,
        **offset,
    )
    axes.annotate(
        _("central difference").replace(" ", "\n"),
        (steps[-1], 0.57),
        xytext=(0, 8),
        ha="right",
        color=style.BLUE,
        **offset,
    )
    axes.set_ylim(0.45, 1.1)
    axes.set_xlabel(_("step $h$"))
    axes.set_title(_("ReLU at $z = {distance:g}$: the kink inside the step", distance=distance))
    return axes
