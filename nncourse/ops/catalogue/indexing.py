"""Entries: elements taken out, put in and put in order."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.autograd.function import Function
from nncourse.ops import arithmetic, elementwise, indexing, selection, shape
from nncourse.ops.catalogue.entry import APART, MASK, REAL, Example, Operation, classes, examples


def index(name: str, take: Callable[[Any], Any], node: type[Function], *shapes: Any) -> Operation:
    """Indexing is written alike for tensors, arrays and PyTorch."""
    return Operation(f"x[{name}]", take, take, "same", (node,), (REAL,), examples(*shapes))


def _put_add(x: Any, index: Any, shape: Any) -> Any:
    out = np.zeros(shape)
    np.add.at(out, index, x)
    return out


def _scatter_add(x: Any, index: Any, src: Any, dim: int) -> Any:
    out = x.copy()
    for place in np.ndindex(index.shape):
        to = list(place)
        to[dim] = index[place]
        out[tuple(to)] += src[place]
    return out


def _scatter(x: Any, src: Any) -> Any:
    out = x.copy()
    for place, to in {(0, 0): (0, 0), (0, 1): (0, 2), (1, 0): (1, 1), (1, 1): (1, 0)}.items():
        out[to] = src[place]
    return out


def _topk(x: Any, k: int, dim: int = -1, largest: bool = True) -> Any:
    ordered = np.sort(x, dim)
    ordered = np.flip(ordered, dim) if largest else ordered
    return np.take(ordered, range(k), dim)


OPERATIONS: tuple[Operation, ...] = (
    index("1", lambda x: x[1], indexing.Slice, (3, 3), (3,)),
    index("-1, :2", lambda x: x[-1, :2], indexing.Slice, (3, 4)),
    index("::2, None, 1:", lambda x: x[::2, None, 1:], indexing.Slice, (5, 4)),
    index("..., 0", lambda x: x[..., 0], indexing.Slice, (2, 3, 4)),
    index("[0, 2, 0]", lambda x: x[[0, 2, 0]], indexing.Gather, (3, 3), (3,)),
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
        indexing.put_added,
        _put_add,
        None,
        (indexing.PutAdd,),
        (REAL,),
        (
            Example(((3, 3),), {"index": ([0, 2, 0],), "shape": (3, 3)}),
            Example(((3,),), {"index": (slice(1, 4),), "shape": (5,)}),
        ),
    ),
    Operation(
        "gather",
        lambda x, index, dim: x.gather(dim, index),
        lambda x, index, dim: np.take_along_axis(x[: len(index)] if dim else x, index, dim),
        "same",
        (indexing.Gather,),
        (REAL, classes(3)),
        (
            Example(((3, 4), (5, 4)), {"dim": 0}),
            Example(((4, 3), (2, 6)), {"dim": 1}),
            Example(((2, 2, 3), (2, 2, 4)), {"dim": -1}),
        ),
    ),
    Operation(
        "take_along_dim, index_select",
        lambda x, index: x.take_along_dim(index, 0) * x.index_select(0, index[:, 0]),
        lambda x, index: np.take_along_axis(x, index, 0) * x[index[:, 0]],
        "same",
        (shape.Expand, indexing.Gather, arithmetic.Multiply),
        (REAL, classes(3)),
        examples(((3, 4), (5, 1))),
    ),
    Operation(
        "scatter_add",
        lambda x, index, src, dim: x.scatter_add(dim, index, src),
        _scatter_add,
        "same",
        (selection.ScatterAdd,),
        (REAL, classes(3), REAL),
        (
            Example(((3, 4), (5, 4), (5, 4)), {"dim": 0}),
            Example(((4, 3), (4, 6), (4, 6)), {"dim": 1}),
            Example(((3, 3), (3, 3), (3, 3)), {"dim": 0}),
        ),
    ),
    Operation(
        "scatter",
        lambda x, src: x.scatter(1, type(x)([[0, 2], [1, 0]]).long().to(x.device), src),
        _scatter,
        "same",
        (indexing.SetItem,),
        (REAL, REAL),
        examples(((2, 3), (2, 2)), ((4, 3), (2, 2))),
    ),
    Operation(
        "masked_select",
        lambda x, mask: x.masked_select(mask),
        lambda x, mask: np.broadcast_to(x, np.broadcast_shapes(x.shape, mask.shape))[
            np.broadcast_to(mask, np.broadcast_shapes(x.shape, mask.shape))
        ],
        "same",
        (shape.Expand, indexing.Slice),
        (REAL, MASK),
        examples(((3, 4), (3, 4)), ((3, 4), (4,))),
    ),
    Operation(
        "tril, triu",
        lambda x, diagonal: 2 * x.tril(diagonal) + x.triu(-diagonal),
        lambda x, diagonal: 2 * np.tril(x, diagonal) + np.triu(x, -diagonal),
        "same",
        (elementwise.Where, arithmetic.Multiply, arithmetic.Add),
        (REAL,),
        (
            Example(((3, 4),), {"diagonal": 0}),
            Example(((2, 3, 3),), {"diagonal": 1}),
            Example(((3, 2),), {"diagonal": -1}),
        ),
    ),
    Operation(
        "sort",
        lambda x, dim=-1, descending=False: x.sort(dim, descending).values,
        lambda x, dim=-1, descending=False: (
            np.flip(np.sort(x, dim), dim) if descending else np.sort(x, dim)
        ),
        "same",
        (indexing.Slice,),
        (APART,),
        (
            Example(((5,),)),
            Example(((3, 4),), {"dim": 0, "descending": True}),
            Example(((2, 3, 4),), {"dim": 1}),
            Example(((3, 0),)),
        ),
    ),
    Operation(
        "topk",
        lambda x, k, dim=-1, largest=True: x.topk(k, dim, largest).values,
        _topk,
        "same",
        (indexing.Slice,),
        (APART,),
        (
            Example(((5,),), {"k": 2}),
            Example(((3, 4),), {"k": 3, "dim": 0, "largest": False}),
            Example(((2, 3, 4),), {"k": 2, "dim": 1}),
        ),
    ),
)
