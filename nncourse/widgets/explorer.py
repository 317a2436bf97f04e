"""What the explorers have in common: a few settings, a question, charts that answer at once.

An explorer's numbers are computed in the browser and, by the same formulas, in Python, where tests
hold them against the library. Chance comes from a generator that both languages have.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from nncourse.language import catalogue
from nncourse.widgets.base import CourseWidget, new_figure, script, styles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

_PACKAGE = Path(__file__).parents[1]

# The looks of the series, as in explorer.css.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b0578d", "#8a6d00", "#6b7280", "#7a4a1e", "#5b5bd6",
           "#1f1f1f")  # fmt: skip
DASHES = ("-", "--", "-.", ":", (0, (6, 1.5)), (0, (3, 1)), (0, (1, 1)), (0, (5, 1, 1, 1, 1, 1)),
          "-")  # fmt: skip
MARKS = ("o", "s", "^", "D", "v", "P", "h", "*", "X")


class Explorer(CourseWidget):
    """Base of the explorers; ``settings`` names the traits that make a widget again.

    The first of them may be given without its name.
    """

    settings: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *first: Any, **traits: Any) -> None:
        if len(first) > 1:
            raise TypeError(f"{type(self).__name__}: all settings but the first go by name")
        super().__init__(**dict(zip(self.settings, first)), **traits)

    def arguments(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.settings)

    def said(self, key: str, **values: object) -> str:
        """One of ``texts`` in the reader's language."""
        text = self.texts[key]
        return _(text, **values)


def explorer_script(*names: str) -> str:
    """The front end of an explorer: the shared files and its own."""
    return script("base.js", "explorer.js", *names)


def explorer_styles(*names: str) -> str:
    """The style sheets of an explorer: the shared ones and its own."""
    return styles("base.css", "explorer.css", *names)


def picture(heading: str, columns: int, height: float = 3.3) -> tuple[Figure, Any]:
    """A figure with the question above and ``columns`` axes in a row."""
    figure = new_figure(8.6, height)
    figure.suptitle(heading, fontsize=10.5, weight="bold", x=0.012, ha="left")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for place in axes:
        place.tick_params(which="both", labelsize=8)
        place.grid(color="#d5d8dd", linewidth=0.6)
        place.set_axisbelow(True)
    return figure, axes


def look(k: int) -> dict[str, Any]:
    """Colour and dashes of series number ``k``."""
    return {"color": COLOURS[k % 9], "linestyle": DASHES[k % 9]}


def tell(problem: Exception) -> str:
    """What went wrong in the reader's own code, and in which line of it."""
    text = f"{type(problem).__name__}: {problem}"
    places = traceback.extract_tb(problem.__traceback__)
    own = [
        place for place in places
        if not Path(place.filename).is_relative_to(_PACKAGE)
        and "site-packages" not in place.filename and place.filename != "<string>"
    ]  # fmt: skip
    if not own:
        return text
    return _("{error} (line {line} of {name})", error=text, line=own[-1].lineno, name=own[-1].name)


def uniforms(seed: int) -> Iterator[float]:
    """Numbers in [0, 1) from a seed; the twin of explorer.js's (mulberry32, T. Ettinger)."""
    low = 0xFFFFFFFF
    state = seed & low
    while True:
        state = (state + 0x6D2B79F5) & low
        t = ((state ^ (state >> 15)) * (state | 1)) & low
        t ^= (t + (((t ^ (t >> 7)) * (t | 61)) & low)) & low
        yield (t ^ (t >> 14)) / 4294967296


def normals(seed: int) -> Iterator[float]:
    """Normally distributed numbers made of uniform ones (Box and Muller)."""
    stream = uniforms(seed)
    while True:
        radius = math.sqrt(-2 * math.log(1 - next(stream)))
        yield radius * math.cos(2 * math.pi * next(stream))
