"""A progress bar that fits where it is shown.

In a notebook it is one output that is updated in place; what remains at the end is text that
depends on the numbers of the training alone, not on the time it took, so that a notebook that is
run again stays the same. That is why tqdm's bar, which ends in seconds, is not the one there unless
asked for. In a terminal it is tqdm's, where tqdm is installed; in a log file the last line.
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
    """Shows how far training has come. ``update`` may be called as often as one likes.

    shown: True, False, or "tqdm" for the bar of ``tqdm.auto``, which must then be installed.
    """

    def __init__(self, total: int, shown: bool | str = True) -> None:
        self.total = total
        self._display = _display(total, shown)
        self._next = 0.0

    def update(self, done: float, numbers: dict[str, float], final: bool = False) -> None:
        """``done`` epochs, a fraction allowed; ``final`` text is always shown and remains."""
        if self._display is None:
            return
        now = time.monotonic()
        if not final and now < self._next:
            return
        self._next = now + _PAUSE
        self._display.show(done, numbers, final)


def line(done: float, total: int, numbers: dict[str, float]) -> str:
    """The bar as text."""
    filled = int(_WIDTH * done / total) if total else _WIDTH
    bar = "█" * filled + "·" * (_WIDTH - filled)
    epochs = _("epoch {done} of {total}", done=int(done), total=total)
    return "  ".join([f"{epochs} [{bar}]", *_told(numbers)])


def _told(numbers: dict[str, float]) -> list[str]:
    labels = {
        "loss": _("loss"),
        "accuracy": _("accuracy"),
        "valid_loss": _("validation loss"),
        "valid_accuracy": _("validation accuracy"),
    }
    return [f"{labels.get(name, name)} {value:.4f}" for name, value in numbers.items()]


def _display(total: int, shown: bool | str) -> Any:
    if shown == "tqdm":
        return _Tqdm(total)
    if not isinstance(shown, bool):
        raise ValueError(f"progress must be True, False or 'tqdm'; got {shown!r}")
    if not shown:
        return None
    if in_notebook():
        return _Notebook(total)
    if sys.stderr.isatty():
        try:
            return _Tqdm(total)
        except ImportError:
            pass
    return _Log(total)


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
    def __init__(self, total: int) -> None:
        self.total = total
        self._handle: Any = None

    def show(self, done: float, numbers: dict[str, float], final: bool) -> None:
        from IPython.display import display

        text = _Text(line(done, self.total, numbers))
        if self._handle is None:
            self._handle = display(text, display_id=True)
        else:
            self._handle.update(text)


class _Tqdm:
    def __init__(self, total: int) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError as error:
            raise ImportError(
                "progress='tqdm' needs tqdm; install it with: pip install 'nncourse[course]'"
            ) from error
        form = "{desc} {n:.0f}/{total:.0f} |{bar}| {elapsed}<{remaining}{postfix}"
        self._bar = tqdm(total=total, desc=_("epochs"), bar_format=form)

    def show(self, done: float, numbers: dict[str, float], final: bool) -> None:
        self._bar.n = int(done) if final else done
        self._bar.set_postfix_str(", ".join(_told(numbers)), refresh=False)
        self._bar.refresh()
        if final:
            self._bar.close()


class _Log:
    """Where nothing can be overwritten, the last state is enough."""

    def __init__(self, total: int) -> None:
        self.total = total

    def show(self, done: float, numbers: dict[str, float], final: bool) -> None:
        if final:
            sys.stderr.write(line(done, self.total, numbers) + "\n")
