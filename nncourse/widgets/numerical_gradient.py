"""How small may h be? An explorer for the limits of numerical derivatives.

The browser computes (difference.js), so a slider answers at once; Python has the same numbers. A
function of the reader's own is computed here, in the kernel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from nncourse.language import catalogue, mark
from nncourse.widgets import difference
from nncourse.widgets.base import CourseWidget, script, styles, told_figure
from nncourse.widgets.difference import CURVES, METHODS, Curve
from nncourse.widgets.explorer import tell
from nncourse.widgets.numbers import format_number
from nncourse.widgets.own import Own, check_names, without_nan

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
    "nowhere": mark("The function or its derivative is no number here."),
    "real": mark("The function takes no complex numbers, so there is no complex step."),
    "never": mark(
        "No h makes the error small. Either the function has a kink or a jump here, or the "
        "derivative {exact} that belongs to it is wrong."
    ),
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

    ``own`` adds functions of a Tensor, with the slope that backward() finds, or pairs of functions
    of an array, value and slope, to see whether the slope is right; ``problems`` says what is wrong
    with one that cannot be drawn:

        NumericalGradient("mine", own={"mine": (lambda x: x * np.sin(x), lambda x: np.cos(x))})
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
    own_numbers = traitlets.Dict(read_only=True).tag(sync=True)  # those of a function of one's own
    problems = traitlets.Dict(read_only=True).tag(sync=True)
    function = traitlets.Unicode("sin").tag(sync=True)
    x = traitlets.Float(1.0).tag(sync=True)
    h = traitlets.Float(1e-5, min=difference.SMALLEST_H, max=difference.LARGEST_H).tag(sync=True)
    method = traitlets.Enum(METHODS, "forward").tag(sync=True)
    dtype = traitlets.Enum(difference.DTYPES, "float64").tag(sync=True)
    zoom = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        function: str = "sin",
        x: float = 1.0,
        h: float = 1e-5,
        own: Mapping[str, Own] | None = None,
        **traits: Any,
    ) -> None:
        self.own = dict(own or {})
        check_names(self.own, CURVES)
        self.curves = dict(CURVES)
        problems = {}
        for name, one in self.own.items():
            try:
                self.curves[name] = difference.own_curve(name, one)
            except Exception as problem:  # the reader's own code may fail in any way
                problems[name] = tell(problem)
        super().__init__(function=function, x=x, h=h, **traits)
        shown = [
            {"key": key, "formula": curve.formula, "low": curve.low, "high": curve.high}
            for key, curve in self.curves.items()
        ]
        self.set_trait("functions", shown)
        self.set_trait("problems", problems)
        self._compute_own()
        self.observe(self._compute_own, ["function", "x", "h", "method", "dtype", "zoom"])

    @traitlets.validate("function")
    def _valid_function(self, proposal: Any) -> str:
        name: str = proposal["value"]
        if name not in CURVES and name not in self.own:
            known = ", ".join([*CURVES, *self.own])
            raise traitlets.TraitError(f"function: one of {known}; got {name!r}")
        return name

    @property
    def curve(self) -> Curve:
        """The function on show."""
        if self.function in self.problems:
            raise ValueError(f"{self.function}: {self.problems[self.function]}")
        return self.curves[self.function]

    def _point(self) -> tuple[Curve, float, float, str, str]:
        return self.curve, self.x, self.h, self.method, self.dtype

    def _compute_own(self, _change: Any = None) -> None:
        """Everything that the front end draws of a function of one's own."""
        if self.function not in self.own or self.function in self.problems:
            return
        with self.lock:
            curve, x, h, method, dtype = self._point()
            real = np.dtype(dtype).type
            away = np.arange(-300, 301) / 300 * (3 * h if self.zoom else 2)
            here = curve.value(real(x))
            ends = {"forward": [0, h], "central": [-h, h], "complex": [0.0]}[method]

            def above(t: Any) -> list[Any]:
                with np.errstate(invalid="ignore"):
                    heights = curve.value(real(x + np.asarray(t))) - np.float64(here)
                return without_nan(np.stack([t, heights], axis=1))

            numbers = [float(here), self.exact, self.numerical, self.error]
            found = {
                "at": [self.function, x, h, method, dtype],
                "zoom": self.zoom,
                "points": above(away),
                "ends": above(ends),
                "sweeps": {m: without_nan(np.stack(difference.sweep(curve, x, m, dtype), axis=1))
                           for m in METHODS},
                "cause": difference.cause(*self._point()),
                **dict(zip(("here", "exact", "numerical", "error"), without_nan(numbers))),
            }  # fmt: skip
            self.set_trait("own_numbers", found)

    @property
    def exact(self) -> float:
        """The derivative itself."""
        return difference.exact(self.curve, self.x, self.dtype)

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
        wrong = [f"{name}: {problem}" for name, problem in self.problems.items()]
        if self.function in self.problems:
            return "\n".join(wrong)
        steps, errors = difference.sweep(self.curve, self.x, self.method, self.dtype)
        best = int(np.where(np.isfinite(errors), errors, np.inf).argmin())
        lines = [
            _("Derivative of {formula} at x = {x}.", formula=self.curve.formula,
              x=format_number(self.x)),
            f"{_(METHOD_NAMES[self.method])}, {self.dtype}, h = {format_number(self.h)}.",
            _("Exact {exact}, numerical {numerical}, error {error}.",
              exact=format_number(self.exact), numerical=format_number(self.numerical),
              error=format_number(self.error)),
            _(CAUSES[difference.cause(*self._point())], exact=format_number(self.exact),
              dtype=self.dtype),
        ]  # fmt: skip
        if np.isfinite(errors[best]):
            least = format_number(float(errors[best])), format_number(float(steps[best]))
            lines.append(_("The smallest error, {error}, is reached at h = {h}.",
                           error=least[0], h=least[1]))  # fmt: skip
        return "\n".join(lines + wrong)

    def figure(self) -> Figure:
        from nncourse.widgets.difference_picture import difference_figure

        if self.function in self.problems:
            return told_figure(self.heading, self.problems[self.function])
        return difference_figure(*self._point(), heading=self.heading)
