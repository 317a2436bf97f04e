"""Memory for large intermediate arrays, used again from step to step of training.

Memory that is given back to the system and asked for again has to be mapped anew, page by page:
for a recurrent layer that took a third of its time. So the buffers of the last
operations are kept, and the next ones of like size get views of them. A buffer is free when no view
of it is left, which its reference count tells; so nothing has to be given back.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from nncourse.backend import Array, ndarray, xp

_SMALLEST = 1 << 18  # bytes; below, the allocator itself keeps the memory
_LARGEST = 1 << 26
_KEPT = 8  # buffers

_buffers: list[Array] = []  # the one used last comes last
_REFERENCES = 2  # the variable that holds a free buffer, and the argument of getrefcount


def buffer(shape: tuple[int, ...], like: Array) -> Array:
    """A new array of unset numbers, of the number type of ``like``, and where that is."""
    size = math.prod(shape) * like.dtype.itemsize
    if not (_SMALLEST <= size <= _LARGEST and isinstance(like, ndarray)):
        return xp.empty(shape, like.dtype, like=like)
    found = _free(size)
    if found is None:
        found = xp.empty(size, "uint8")
    _buffers.append(found)
    del _buffers[:-_KEPT]
    return found[:size].view(like.dtype).reshape(shape)


def release() -> None:
    """Give up the memory that is kept but not in use."""
    _buffers.clear()


def _free(size: int) -> Any:
    """A buffer that no one uses, of the size or a little more, taken out of the list."""
    for _ in range(len(_buffers)):
        try:
            one = _buffers.pop(0)  # taken out, so that no other thread finds it too
        except IndexError:
            return None
        if size <= one.size <= size * 2 and sys.getrefcount(one) == _REFERENCES:
            return one
        _buffers.append(one)
        del one
    return None
