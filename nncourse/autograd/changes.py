"""In-place changes of values that a backward pass still needs.

Functions keep arrays for their backward pass. If such an array is overwritten in between, the
gradient would be silently wrong. So every in-place change notes the time, on the same clock that
numbers the functions; before a function runs backward, one comparison tells whether anything at
all has changed since it was made, and only then its saved arrays are looked at.

Changes made behind the tensors' back, through ``t.numpy()[...] = ...``, are not seen.
"""

from __future__ import annotations

import itertools
import weakref
from functools import partial
from typing import Any

from nncourse.autograd.places import Place
from nncourse.backend import Array, interface, is_array, xp

# The clock counts downwards: the youngest function has the smallest number, which is what the
# priority queue of the backward pass wants.
clock = itertools.count(-1, -1)


class _Changes:
    """What has been changed in place, when, and by which line of the program."""

    def __init__(self) -> None:
        self.latest = 0  # the time of the latest change
        # Of every block of memory that is alive, and of each changed part of it, the latest change.
        # An array without a base is a block; a view is a part, of which the geometry is kept, for
        # the view itself is usually gone by the time of the question.
        self.blocks: dict[int, tuple[Any, dict[Any, tuple[Any, int, Place | None]]]] = {}

    def note(self, array: Array, line: Place | None = None) -> None:
        """``array`` has just been overwritten, by a line of the program that may be told."""
        self.latest = next(clock)
        block = _block(array)
        key = id(block)
        known = self.blocks.get(key)
        if known is None or known[0]() is not block:
            known = (weakref.ref(block, partial(self._forget, key)), {})
            self.blocks[key] = known
        parts = known[1]
        if block is array or len(parts) > _PARTS:
            parts.clear()
            parts[None] = (None, self.latest, line)
        else:
            place = interface(array)
            parts[place["data"], place["shape"], place["strides"]] = (place, self.latest, line)

    def _forget(self, key: int, reference: Any) -> None:
        # Another block may have the same id by now.
        if key in self.blocks and self.blocks[key][0] is reference:
            del self.blocks[key]

    def since(self, time: int, array: Array) -> bool:
        """Has memory of ``array`` been overwritten after ``time``?"""
        return bool(self._later(time, array))

    def told(self, time: int, array: Array) -> str:
        """Where that was, for a message."""
        line = self._later(time, array)[0]
        return f", at {line}" if line else ""

    def _later(self, time: int, array: Array) -> list[Place | None]:
        known = self.blocks.get(id(_block(array)))
        return [
            line
            for place, changed_at, line in (known[1].values() if known else ())
            if changed_at < time and (place is None or _overlap(place, array))
        ]


_PARTS = 1000  # beyond so many changed parts, the whole block counts as changed


def _block(array: Array) -> Array:
    """The array that owns the memory."""
    base = array.base
    while base is not None and is_array(base):
        array, base = base, base.base
    return array


class _Part:
    """Stands for a view that is gone, by its place in memory, which is never read."""

    def __init__(self, place: dict[str, Any]) -> None:
        self.__array_interface__ = place


def _overlap(place: dict[str, Any], array: Array) -> bool:
    # True also where it is too hard to tell. Addresses of a GPU's memory do just as well.
    parts = [xp.asarray(_Part(known)) for known in (place, interface(array))]
    return bool(xp.may_share_memory(*parts, 10_000))


changes = _Changes()
