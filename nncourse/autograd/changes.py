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
from typing import Any

from nncourse.backend import Array, xp

# The clock counts downwards: the youngest function has the smallest number, which is what the
# priority queue of the backward pass wants.
tick = itertools.count(-1, -1).__next__


class _Changes:
    """The time of the latest change, and for every changed array that is alive, of its latest."""

    def __init__(self) -> None:
        self.latest = 0
        self.arrays: dict[int, tuple[Any, int]] = {}

    def note(self, array: Array) -> None:
        """``array`` has just been overwritten."""
        key = id(array)
        arrays = self.arrays

        def forget(reference: Any) -> None:
            # Another array may have the same id by now.
            if key in arrays and arrays[key][0] is reference:
                del arrays[key]

        known = arrays.get(key)
        same = known is not None and known[0]() is array
        reference = known[0] if known is not None and same else weakref.ref(array, forget)
        self.latest = tick()
        arrays[key] = (reference, self.latest)

    def since(self, time: int, array: Array) -> bool:
        """Has memory of ``array`` been overwritten after ``time``?"""
        for reference, changed_at in list(self.arrays.values()):
            changed = reference()
            if changed_at < time and changed is not None and _overlap(changed, array):
                return True
        return False


def _overlap(a: Array, b: Array) -> bool:
    return a is b or xp.may_share_memory(a, b, 10_000)  # True where it is too hard to tell


changes = _Changes()
