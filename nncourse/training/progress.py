"""A progress bar that fits where it is shown.

In a notebook it is one output that is updated in place; what remains at the end is text that
depends on the numbers of the training alone, not on the time it took, so that a notebook that is
run again stays the same. In a terminal it is a line on stderr.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from nncourse.language import catalogue

_ = catalogue("course")

_WIDTH = 24
_PAUSE = 0.1  # seconds between updates: faster is not seen, and costs the training time


class Progress:
    """Shows how far training has come. ``update`` may be called as often as one likes."""

    def __init__(self, total: int, shown: bool = True) -> None:
        self.total = total
        self._display = _display() if shown else None
        self._next = 0.0

    def update(self, done: float, numbers: dict[str, float], final: bool = False) -> None:
        """``done`` epochs, a fraction allowed; ``final`` text is always shown and remains."""
        if self._display is None:
            return
        now = time.monotonic()
        if not final and now < self._next:
            return
        self._next = now + _PAUSE
        self._display.show(line(done, self.total, numbers), final)


def line(done: float, total: int, numbers: dict[str, float]) -> str:
    """The bar as text."""
    filled = int(_WIDTH * done / total) if total else _WIDTH
    bar = "█" * filled + "·" * (_WIDTH - filled)
    labels = {
        "loss": _("loss"),
        "accuracy": _("accuracy"),
        "valid_loss": _("validation loss"),
        "valid_accuracy": _("validation accuracy"),
    }
    told = [f"{labels[name]} {value:.4f}" for name, value in numbers.items()]
    epochs = _("epoch {done} of {total}", done=int(done), total=total)
    return "  ".join([f"{epochs} [{bar}]", *told])


def _display() -> Any:
    return _Notebook() if in_notebook() else _Terminal()


def in_notebook() -> bool:
    """Does this code run in a Jupyter kernel? Tells without importing IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


class _Text:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class _Notebook:
    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, text: str, final: bool) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display(_Text(text), display_id=True)
        else:
            self._handle.update(_Text(text))


class _Terminal:
    def __init__(self) -> None:
        self._length = 0

    def show(self, text: str, final: bool) -> None:
        stream = sys.stderr
        if not stream.isatty() and not final:
            return  # in a log file, the last state is enough
        start = "\r" if stream.isatty() else ""
        stream.write(start + text.ljust(self._length) + ("\n" if final else ""))
        stream.flush()
        self._length = len(text)
