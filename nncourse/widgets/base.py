"""What all widgets of the course have in common.

A widget asks one question, which stands above it. It speaks the reader's language, leaves a static
picture where no kernel runs (GitHub, a printed page, an unexecuted notebook), describes itself in
words and numbers for those who cannot see it, and survives callbacks from several threads.
The front ends share base.js and base.css; anywidget takes one module and one style sheet, so the
files are joined here when a class is defined.
"""

from __future__ import annotations

import base64
import io
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import traitlets

from nncourse import language
from nncourse.language import catalogue

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

_FOLDER = Path(__file__).parent
_IMPORT = re.compile(r'^import [^;]*? from "\./[^"]+";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)
_RESOLUTION = 144  # dots per inch of the static picture, shown at half its size


def script(*names: str) -> str:
    """One ES module made of several, each importing only from those before it.

    Imports of neighbouring files are dropped, and ``export`` in front of a declaration, since all
    stand in one scope now.
    """
    texts = [(_FOLDER / name).read_text(encoding="utf-8") for name in names]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


def styles(*names: str) -> str:
    """The style sheets, one after the other."""
    return "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in names)


class CourseWidget(anywidget.AnyWidget):
    """Base of the widgets.

    A subclass sets ``question``, ``texts`` (key to English text, marked for translation), ``_esm``
    and ``_css``, and writes ``describe``, ``figure`` and ``arguments``.
    """

    question: ClassVar[str] = ""
    texts: ClassVar[dict[str, str]] = {}

    heading = traitlets.Unicode().tag(sync=True)
    strings = traitlets.Dict().tag(sync=True)
    lang = traitlets.Unicode().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        # JupyterLab runs callbacks in threads of their own, not always the same one.
        self.lock = threading.RLock()
        super().__init__(**traits)
        self.heading = _(self.question)
        self.strings = {k: _(text) for k, text in self.texts.items()}
        self.lang = language.current()

    def describe(self) -> str:
        """What the picture shows, in words and numbers."""
        raise NotImplementedError

    def figure(self) -> Figure:
        """The static picture, a matplotlib figure that belongs to no pyplot session."""
        raise NotImplementedError

    def arguments(self) -> str:
        """The arguments that make this widget again, as Python code."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.arguments()})"

    def png(self) -> bytes:
        """The static picture as a PNG file."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        with self.lock:
            figure = self.figure()
        buffer = io.BytesIO()
        FigureCanvasAgg(figure).print_png(
            buffer,
            # No version of matplotlib in the file, so that equal pictures are equal bytes.
            metadata={"Software": None, "Description": self.describe()},
        )
        return buffer.getvalue()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        assert bundle is not None  # only widgets without a view have none
        data, metadata = bundle
        picture = self.png()
        width, height = (int.from_bytes(picture[k : k + 4], "big") for k in (16, 20))
        data["text/plain"] = repr(self)
        data["image/png"] = base64.b64encode(picture).decode()
        shown = {"width": width // 2, "height": height // 2, "alt": self.describe()}
        return data, {**metadata, "image/png": shown}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of ``width`` x ``height`` inches in the widgets' style, without pyplot."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=_RESOLUTION, facecolor="white", layout="constrained")


def told_figure(heading: str, problem: str) -> Figure:
    """The static picture where the reader's own code cannot be shown: what is wrong with it."""
    figure = new_figure(7.6, 1.2)
    figure.suptitle(heading, fontsize=10.5, weight="bold", x=0.012, ha="left")
    figure.text(0.012, 0.3, problem, fontsize=9, color="#a84a00", wrap=True)
    return figure
