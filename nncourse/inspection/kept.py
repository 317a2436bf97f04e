"""The memory that a graph keeps for its backward pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from nncourse.backend import Array
from nncourse.inspection.tracing import Operation


def kept_bytes(operations: Iterable[Operation], known: Iterable[int] = ()) -> int:
    """Bytes of the arrays that operations have saved, each block of memory once.

    known: ids of blocks that do not count, because they would be there anyway.
    """
    blocks = {
        id(b): b.nbytes for o in operations for b in blocks_in(getattr(o.node, "saved", None))
    }
    for key in known:
        blocks.pop(key, None)
    return sum(blocks.values())


def blocks_in(value: Any) -> Iterator[Array]:
    """The arrays that own the memory of all arrays in a value."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from blocks_in(item)
    elif hasattr(value, "nbytes"):
        yield block_of(value)


def block_of(array: Array) -> Array:
    """The array that owns an array's memory."""
    while hasattr(array.base, "nbytes"):
        array = array.base
    return array
