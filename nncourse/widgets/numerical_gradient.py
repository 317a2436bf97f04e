"""How small may h be? An explorer for the limits of numerical derivatives.

The browser computes (difference.js), so a slider answers at once; Python has the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import traitlets

from nncourse.language import catalogue, mark
from nncourse.widgets import difference
from nncourse.widgets.base import CourseWidget, script, styles
from nncourse.widgets.difference import CURVES
from nncourse.widgets.numbers import format_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

CAUSES = {
    "at_kink": mark(
        "The function has a kink at x and no derivative. Automatic differentiation returns "
        "{exact} by convention; another number here is no mistake in your code."
    ),
    "kink": mark(
        "There is a kink between the two points. The quotient mixes two slopes: take a "
        "smaller h or another x."
    ),
    "lost": mark("h is too small: f has the same value at both points, nothing is left."),
    "exact": mark("Nothing better can be expected of {dtype}."),
    "truncation": mark("h is too large: the curve bends between the points (truncation)."),
    "roundoff": mark("h is too small: the subtraction leaves few digits (round-off)."),
}
METHOD_NAMES = {
    "forward": mark("forward: (f(x + h) − f(x)) / h"),
    "central": mark("central: (f(x + h) − f(x − h)) / 2h"),
    "complex": mark("complex step: Im f(x + ih) / h"),
}


class NumericalGradient(CourseWidget):
    """Explore the error of a numerical derivative against the step h.

    ``function`` is one of "sin", "cube", "exp", "tanh", "relu", "abs", "max"; ``method`` one of
    "forward", "central", "complex"; ``dtype`` "float64" or "float32"; ``h`` between 1e-16 and 1.
    ``zoom`` shows the curve within a few h of x, where the steps of the number type appear.
    """

    _esm = script("base.js", "explorer.js", "difference.js", "numerical_gradient.js")
    _css = styles("base.css", "numerical_gradient.css")

    question = mark("Numerical gradient: how small may h be?")
    texts = {
        "function": mark("Function"),
        "x": mark("Point x"),
        "h": mark("Step h"),
        "dtype": mark("Number type"),
        "method": mark("Quotient"),
        "zoom": mark("Zoom in to h"),
        "forward": mark("forward"),
        "central": mark("central"),
        "complex": mark("complex step"),
        "curve_title": mark("The function near x"),
        "error_title": mark("Error of the derivative against h"),
        "tangent": mark("tangent: the exact slope"),
        "secant": mark("secant: the numerical slope"),
        "error": mark("error"),
        "truncation": mark("truncation"),
        "roundoff": mark("round-off"),
        "exact_slope": mark("exact f′(x)"),
        "numerical_slope": mark("numerical"),
        "best": mark("smallest error"),
        "digits": mark("{n} digits agree"),
        "curve_alt": mark("{formula} near x = {x}; slope {exact}, numerical {numerical}"),
        "error_alt": mark("Error against h: {error} at h = {h}; smallest {best} at h = {best_h}"),
        **{f"cause_{name}": text for name, text in CAUSES.items()},
        **{f"method_{name}": text for name, text in METHOD_NAMES.items()},
    }

    functions: traitlets.List[Any] = traitlets.List(read_only=True).tag(sync=True)
    function = traitlets.Enum(list(CURVES), "sin").tag(sync=True)
    x = traitlets.Float(1.0).tag(sync=True)
    h = traitlets.Float(1e-5, min=difference.SMALLEST_H, max=difference.LARGEST_H).tag(sync=True)
    method = traitlets.Enum(difference.METHODS, "forward").tag(sync=True)
    dtype = traitlets.Enum(difference.DTYPES, "float64").tag(sync=True)
    zoom = traitlets.Bool(False).tag(sync=True)

    def __init__(self, function: str = "sin", x: float = 1.0, h: float = 1e-5, **traits: Any):
        super().__init__(function=function, x=x, h=h, **traits)
        shown = [
            {"key": key, "formula": curve.formula, "low": curve.low, "high": curve.high}
            for key, curve in CURVES.items()
        ]
        self.set_trait("functions", shown)

    def _point(self) -> tuple[str, float, float, str, str]:
        return self.function, self.x, self.h, self.method, self.dtype

    @property
    def exact(self) -> float:
        """The derivative itself."""
        return difference.exact(self.function, self.x, self.dtype)

    @property
    def numerical(self) -> float:
        """The numerical derivative with the chosen step, quotient and number type."""
        return difference.difference(*self._point())

    @property
    def error(self) -> float:
        """The distance of the two."""
        return difference.error(*self._point())

    def arguments(self) -> str:
        text = f"{self.function!r}, x={self.x:g}, h={self.h:.3g}"
        return f"{text}, method={self.method!r}, dtype={self.dtype!r}"

    def describe(self) -> str:
        """The numbers at the chosen point and the best step, in words."""
        steps, errors = difference.sweep(self.function, self.x, self.method, self.dtype)
        best = int(errors.argmin())
        lines = [
            _("Derivative of {formula} at x = {x}.", formula=CURVES[self.function].formula,
              x=format_number(self.x)),
            f"{_(METHOD_NAMES[self.method])}, {self.dtype}, h = {format_number(self.h)}.",
            _("Exact {exact}, numerical {numerical}, error {error}.",
              exact=format_number(self.exact), numerical=format_number(self.numerical),
              error=format_number(self.error)),
            _(CAUSES[difference.cause(*self._point())], exact=format_number(self.exact),
              dtype=self.dtype),
            _("The smallest error, {error}, is reached at h = {h}.",
              error=format_number(float(errors[best])), h=format_number(float(steps[best]))),
        ]  # fmt: skip
        return "\n".join(lines)

    def figure(self) -> Figure:
        from nncourse.widgets.difference_picture import difference_figure

        return difference_figure(*self._point(), heading=self.heading)
