"""One look for every picture of the course.

A picture is pasted into pages of any colour: JupyterLab's light and dark themes, slides, paper. So
each one brings its own light card with dark ink, which reads the same everywhere, instead of a
transparent ground on which half of the readers would lose the labels. Colours are those of Okabe
and Ito, told apart by readers with any kind of colour blindness, and each comes with its own line
style and marker, so that nothing is said by colour alone. Quantities on a map use cividis.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

PAPER = "#fafaf7"
INK = "#222222"
FAINT = "#6b6b6b"
GRID = "#dcdcd6"

# Okabe & Ito (2008), "Color Universal Design"; yellow is left out: too pale for lines on paper.
BLUE = "#0072b2"
VERMILLION = "#d55e00"
GREEN = "#009e73"
PURPLE = "#cc79a7"
ORANGE = "#e69f00"
SKY = "#56b4e9"
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
DASHES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P")
COLOUR_MAP = "cividis"

SETTINGS: dict[str, Any] = {
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.labelsize": 11,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "legend.framealpha": 0.9,
    "legend.edgecolor": PAPER,
    "legend.facecolor": PAPER,
    "font.family": ["DejaVu Sans"],
    "font.size": 11,
    "mathtext.fontset": "cm",
    "lines.linewidth": 2,
    "lines.markersize": 5,
    "image.cmap": COLOUR_MAP,
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
}


def line(index: int) -> dict[str, Any]:
    """The look of the ``index``-th line of a picture: its colour, dashes and marker."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "linestyle": DASHES[index % len(DASHES)],
        "marker": MARKERS[index % len(MARKERS)],
    }


def load_pyplot() -> Any:
    """Import matplotlib.pyplot, or say which extra brings it."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            "nncourse.plots needs matplotlib; install it with: pip install 'nncourse[course]'"
        ) from error
    return pyplot


def styled(draw: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Run a drawing function with the course's settings, and put the reader's back afterwards."""

    @wraps(draw)
    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with load_pyplot().rc_context(SETTINGS):
            return draw(*args, **kwargs)

    return drawn


@styled
def make_axes(width: float = 7.5, height: float = 3.6, **subplots: Any) -> Any:
    """A new figure in the course's style: ``pyplot.subplots``'s axes. Sizes are in inches."""
    return load_pyplot().subplots(figsize=(width, height), **subplots)[1]


def hide_frame(axes: Axes) -> None:
    """Leave only what is drawn: for diagrams, which have no scale."""
    axes.set_axis_off()
    axes.grid(False)
