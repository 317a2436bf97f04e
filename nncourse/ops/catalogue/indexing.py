"""Entries: elements taken out, put in and put in order."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.autograd.function import Function, unary
from nncourse.ops import indexing
from nncourse.ops.catalogue.entry import MASK, REAL, Example, Operation, examples


def index(name: str, take: Callable[[Any], Any], node: type[Function], *shapes: Any) -> Operation:
    """Indexing is written alike for tensors, arrays and PyTorch."""
    return Operation(f"x[{name}]", take, take, "same", (node,), (REAL,), examples(*shapes))


def _put_add(x: Any, index: Any, shape: Any) -> Any:
    out = np.zeros(shape)
    np.add.at(out, index, x)
    return out


OPERATIONS: tuple[Operation, ...] = (
    index("1", lambda x: x[1], indexing.Slice, (3, 4), (3,)),
    index("-1, :2", lambda x: x[-1, :2], indexing.Slice, (3, 4)),
    index("::2, None, 1:", lambda x: x[::2, None, 1:], indexing.Slice, (5, 4)),
    index("..., 0", lambda x: x[..., 0], indexing.Slice, (2, 3, 4)),
    index("[0, 2, 0]", lambda x: x[[0, 2, 0]], indexing.Gather, (3, 4), (3,)),
    index("[0, 2, 0], [1, 1, 1]", lambda x: x[[0, 2, 0], [1, 1, 1]], indexing.Gather, (3, 4)),
    index(":, [0, 0]", lambda x: x[:, [0, 0]], indexing.Gather, (3, 4)),
    Operation(
        "x[mask]",
        lambda x, mask: x[mask],
        lambda x, mask: x[mask],
        "same",
        (indexing.Slice,),
        (REAL, MASK),
        examples(((3, 4), (3, 4)), ((5, 2), (5,))),
    ),
    Operation(
        "put_add",
        lambda x, index, shape: unary(indexing.PutAdd, x, index, shape),
        _put_add,
        None,
        (indexing.PutAdd,),
        (REAL,),
        (
            Example(((3, 4),), {"index": ([0, 2, 0],), "shape": (3, 4)}),
            Example(((3,),), {"index": (slice(1, 4),), "shape": (5,)}),
        ),
    ),
)
