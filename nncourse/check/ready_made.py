"""Does an answer compute, or does it merely call what the library has ready?

While the answer runs once, every call from its code into a library of neural networks is noted.
Data sets, plots and texts may be used; layers, optimisers, automatic differentiation and the
course's own references may not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

from nncourse.diagnosis import Finding
from nncourse.exercises.piece import Piece
from nncourse.language import mark

LIBRARIES = frozenset(
    ("nncourse", "torch", "jax", "tensorflow", "keras", "mygrad", "autograd", "sklearn")
)
FREE = ("data", "plots", "language", "widgets", "check", "exercises")
"""Parts of nncourse that an answer may call. Of ``exercises`` the references are not free."""
ANSWERS = ("nncourse.data.regions", "nncourse.plots.differences")
"""Modules of these parts that exercises ask for: half-planes, numerical derivatives."""


HERE: Callable[[Any], bool] = lambda answer: True  # noqa: E731
"""Whether an answer's code runs in this process, where its calls can be seen."""


def _library(module: Any) -> bool:
    """Whether a module's name is that of ready-made code."""
    package, _, rest = str(module or "").partition(".")
    free = package == "nncourse" and rest.partition(".")[0] in FREE and module not in ANSWERS
    return package in LIBRARIES and not free


def _codes(answer: Any) -> Iterator[CodeType]:
    """The code of a function, or of all methods of a class."""
    for part in [answer, *vars(answer).values()] if isinstance(answer, type) else [answer]:
        code = getattr(part, "__code__", None)
        if code is not None:
            yield code


class Watch:
    """A context in which calls of ready-made code are noted in ``found``."""

    def __init__(self, piece: Piece, answer: Any) -> None:
        self.found = ""
        known = [piece.reference, *(equivalent.function for equivalent in piece.equivalents)]
        self._references = {code for function in known for code in _codes(function)}
        given_away = self._references & set(_codes(answer))
        if given_away or _library(getattr(answer, "__module__", "")):
            self.found = getattr(answer, "__qualname__", type(answer).__name__)
        self._before: Callable[..., Any] | None = None

    def __enter__(self) -> Watch:
        self._before = sys.getprofile()
        sys.setprofile(self._look)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(self._before)

    def _look(self, frame: FrameType, event: str, argument: Any) -> None:
        if self.found:
            return
        if event == "c_call":
            if _library(getattr(argument, "__module__", "")):
                self.found = str(getattr(argument, "__qualname__", argument))
            return
        if event != "call" or self._inside(frame.f_back):
            return
        if frame.f_code in self._references or _library(frame.f_globals.get("__name__")):
            self.found = f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname}"

    @staticmethod
    def _inside(caller: FrameType | None) -> bool:
        """What the check, a data set or a plot calls is their own affair."""
        name = "" if caller is None else str(caller.f_globals.get("__name__"))
        return name.partition(".")[0] == "nncourse"

    @property
    def finding(self) -> Finding | None:
        """The sentence for the report, if ready-made code was called."""
        if not self.found:
            return None
        return Finding(
            "ready-made",
            mark(
                "This calls {name}, which is ready-made. The exercise asks for the computation "
                "itself, written with NumPy or plain Python; data and plots may come from the "
                "library."
            ),
            {"name": self.found},
        )
