"""Arrays that both sides of a session hold, kept equal.

A function that is given an array may change it in place, at once or, if it keeps it, much later:
an optimiser is given its parameters when it is made and changes them with every step. Here each
side has its own array, so the changes travel: with every message goes the new content of each
shared array that was changed since the last one. Both sides use this class. An array is shared as
long as both hold it, and no longer.
"""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from nncourse.grading.sandbox.refused import Refused, plain

MOST = 10_000  # shared arrays at one time


def arrays(value: Any, apart: Sequence[Any] = ()) -> Iterator[np.ndarray]:
    """The arrays in nested tuples, lists and dicts, in a fixed order. ``apart``: objects that are
    none on the other side, whatever they look like.
    """
    if any(value is one for one in apart):
        return
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, (tuple, list)):  # some are of kinds of their own on the grader's side
        for item in value:
            yield from arrays(item, apart)
    elif type(value) is dict:
        for item in value.values():
            yield from arrays(item, apart)
    elif isinstance(value, Refused):  # each has its number, but is not shared
        for array in arrays(plain(value)):
            yield array.copy()


def _shaped(array: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Give an array another shape in place; whether it has it now."""
    if array.shape != shape:
        # Not every view can have it without a copy. Later versions of NumPy warn of this line.
        with warnings.catch_warnings(), contextlib.suppress(AttributeError):
            warnings.simplefilter("ignore")
            array.shape = shape
    return array.shape == shape


class Kept:
    """The shared arrays by number, each with the content that the other side knows."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[weakref.ref[np.ndarray], np.ndarray]] = {}

    def share(self, first: int, values: Iterable[np.ndarray]) -> range:
        """Share these arrays under the numbers from ``first`` on; returns the numbers."""
        last = first
        for number, array in enumerate(values, first):
            last = number + 1
            if len(self.known) < MOST:
                self.known[number] = (weakref.ref(array), array.copy())
        return range(first, last)

    def alive(self, numbers: Iterable[int]) -> list[int]:
        """Those of the numbers whose array is still held; the others are forgotten."""
        found = []
        for number in numbers:
            if number in self.known:
                if self.known[number][0]() is not None:
                    found.append(number)
                else:
                    del self.known[number]
        return found

    def forget(self, numbers: Iterable[int]) -> None:
        """Share these no longer."""
        for number in numbers:
            self.known.pop(number, None)

    def news(self) -> dict[str, np.ndarray]:
        """What this side has changed since the last message."""
        changed = {}
        for number, (reference, known) in list(self.known.items()):
            array = reference()
            if array is None:
                del self.known[number]
            elif array.shape != known.shape or array.tobytes() != known.tobytes():
                known = array.copy()
                self.known[number] = (reference, known)
                changed[str(number)] = known
        return changed

    def learn(self, news: Any) -> None:
        """Write what the other side has changed into the arrays of this one.

        What doesn't fit is passed over: the other side may be the student's.
        """
        if type(news) is not dict:
            return
        for name, content in news.items():
            number = int(name) if name.isascii() and name.isdigit() and len(name) < 12 else -1
            if number not in self.known or type(content) is not np.ndarray:
                continue
            reference, _ = self.known[number]
            array = reference()
            if array is None:
                continue
            if array.size == content.size and array.dtype == content.dtype:
                if array.flags.writeable and _shaped(array, content.shape):
                    array[...] = content
                self.known[number] = (reference, content)
