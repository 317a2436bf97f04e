"""Entries: the same elements under another shape, and tensors put together."""

from typing import Any

import numpy as np

from nncourse import ops
from nncourse.ops import arithmetic, arrangement, indexing, padding, reduction, shape
from nncourse.ops.catalogue.entry import REAL, Example, Operation, examples


def _split(x: Any, size: Any, dim: int) -> Any:
    ends = np.cumsum(size)[:-1] if isinstance(size, list) else range(size, x.shape[dim], size)
    return sum((i + 1) * part.sum() for i, part in enumerate(np.split(x, list(ends), dim)))


def _pad(x: Any, pad: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """Padding with NumPy, whose widths go from the first axis on."""
    widths: Any = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2]))[::-1]
    cut = tuple([slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape, widths)])
    widths = [(max(b, 0), max(a, 0)) for b, a in widths]
    if mode == "constant":
        return np.pad(x[cut], widths, constant_values=value)
    how: Any = {"replicate": "edge", "circular": "wrap"}.get(mode, mode)
    return np.pad(x, widths, how)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "reshape",
        lambda x, shape: x.reshape(shape),
        lambda x, shape: x.reshape(shape),
        "same",
        (shape.Reshape,),
        (REAL,),
        (
            Example(((4, 4),), {"shape": (2, 8)}),
            Example(((3, 4),), {"shape": (-1,)}),
            Example(((),), {"shape": (1, 1)}),
        ),
    ),
    Operation(
        "flatten",
        ops.flatten,
        lambda x, start_dim: x.reshape(*x.shape[:start_dim], -1),
        "flatten",
        (shape.Reshape,),
        (REAL,),
        (Example(((2, 3, 4),), {"start_dim": 1}), Example(((2, 3),), {"start_dim": 0})),
    ),
    Operation(
        "permute",
        lambda x, dims: x.permute(dims),
        lambda x, dims: x.transpose(dims),
        "same",
        (shape.Permute,),
        (REAL,),
        (Example(((2, 3, 4),), {"dims": (1, 2, 0)}), Example(((3, 3),), {"dims": (1, 0)})),
    ),
    Operation(
        "transpose",
        ops.transpose,
        lambda x, dim0, dim1: np.swapaxes(x, dim0, dim1),
        "transpose",
        (shape.Permute,),
        (REAL,),
        (Example(((2, 3, 4),), {"dim0": 0, "dim1": -1}),),
    ),
    Operation(
        "T", lambda x: x.T, lambda x: x.T, "same", (shape.Permute,), (REAL,), examples((3, 3))
    ),
    Operation(
        "squeeze, unsqueeze",
        lambda x: x.squeeze(1).unsqueeze(0).unsqueeze(-1),
        lambda x: x[:, 0][None, ..., None],
        "same",
        (shape.Reshape,),
        (REAL,),
        examples((3, 1, 2)),
    ),
    Operation(
        "expand",
        lambda x, sizes: x.expand(sizes),
        lambda x, sizes: np.broadcast_to(x, sizes),
        "same",
        (shape.Expand,),
        (REAL,),
        (
            Example(((3, 1),), {"sizes": (2, 3, 4)}),
            Example(((1, 2, 2),), {"sizes": (3, 2, 2)}),
            Example(((),), {"sizes": (3,)}),
        ),
    ),
    Operation(
        "cat",
        lambda *x, dim: ops.cat(x, dim),
        lambda *x, dim: np.concatenate(x, dim),
        lambda torch, *x, dim: torch.cat(x, dim),
        (shape.Concatenate,),
        (REAL, REAL, REAL),
        (
            Example(((2, 3), (3, 3), (1, 3)), {"dim": 0}),
            Example(((2, 1, 2), (2, 3, 2), (2, 0, 2)), {"dim": -2}),
        ),
    ),
    Operation(
        "stack",
        lambda *x, dim: ops.stack(x, dim),
        lambda *x, dim: np.stack(x, dim),
        lambda torch, *x, dim: torch.stack(x, dim),
        (shape.Stack,),
        (REAL, REAL, REAL),
        (
            Example(((3, 3), (3, 3), (3, 3)), {"dim": 0}),
            Example(((2, 3), (2, 3), (2, 3)), {"dim": -1}),
            Example(((), (), ()), {"dim": 0}),
        ),
    ),
    Operation(
        "split",
        lambda x, size, dim: sum((i + 1) * part.sum() for i, part in enumerate(x.split(size, dim))),
        _split,
        "same",
        (indexing.Slice, reduction.Sum, arithmetic.Multiply, arithmetic.Add),
        (REAL,),
        (
            Example(((5, 2),), {"size": 2, "dim": 0}),
            Example(((2, 5),), {"size": [1, 4], "dim": -1}),
        ),
    ),
    Operation(
        "chunk, unbind",
        lambda x: x.chunk(3, 1)[1] * x.unbind(-1)[0].unbind(0)[1],
        lambda x: x[:, 2:4] * x[1, 0],
        "same",
        (indexing.Slice, arithmetic.Multiply),
        (REAL,),
        examples((2, 5)),
    ),
    Operation(
        "flip",
        lambda x, dims: x.flip(dims),
        lambda x, dims: np.flip(x, dims),
        "same",
        (arrangement.Flip,),
        (REAL,),
        (
            Example(((3, 4),), {"dims": (0,)}),
            Example(((3, 3),), {"dims": (0, -1)}),
            Example(((0, 3),), {"dims": (0,)}),
        ),
    ),
    Operation(
        "roll",
        lambda x, shifts, dims: x.roll(shifts, dims),
        lambda x, shifts, dims: np.roll(x, shifts, dims),
        "same",
        (arrangement.Roll,),
        (REAL,),
        (
            Example(((5, 4),), {"shifts": 1, "dims": 0}),
            Example(((3, 3),), {"shifts": (1, 2), "dims": (0, -1)}),
            Example(((3, 4),), {"shifts": -3, "dims": None}),
        ),
    ),
    Operation(
        "repeat",
        lambda x, sizes: x.repeat(sizes),
        lambda x, sizes: np.tile(x, sizes),
        lambda torch, x, sizes: x.repeat(*sizes),
        (shape.Reshape, shape.Expand),
        (REAL,),
        (
            Example(((3, 2),), {"sizes": (2, 3)}),
            Example(((2,),), {"sizes": (2, 1, 3)}),
            Example(((),), {"sizes": (2,)}),
        ),
    ),
    Operation(
        "repeat_interleave",
        lambda x, repeats, dim: x.repeat_interleave(repeats, dim),
        lambda x, repeats, dim: np.repeat(x, repeats, dim),
        "same",
        (shape.Reshape, indexing.Gather),
        (REAL,),
        (
            Example(((3, 2),), {"repeats": 2, "dim": 0}),
            Example(((3, 2),), {"repeats": 3, "dim": None}),
        ),
    ),
    Operation(
        "movedim",
        lambda x: x.movedim(0, -1),
        lambda x: np.moveaxis(x, 0, -1),
        "same",
        (shape.Permute,),
        (REAL,),
        examples((2, 3, 4)),
    ),
    Operation(
        "narrow",
        lambda x: x.narrow(1, 1, 2),
        lambda x: x[:, 1:3],
        "same",
        (indexing.Slice,),
        (REAL,),
        examples((2, 4)),
    ),
    Operation(
        "pad",
        padding.pad,
        _pad,
        "nn.functional.pad",
        (padding.Pad, indexing.Slice),
        (REAL,),
        (
            Example(((3, 3),), {"pad": (1, 2), "value": 1.5}),
            Example(((2, 3, 4),), {"pad": (1, 0, 0, 2)}),
            Example(((2, 4),), {"pad": (-1, 2, 1, -1)}),
            Example(((0, 2),), {"pad": (1, 1, 0, 0)}),
        ),
    ),
    Operation(
        "pad from inside",
        padding.pad,
        _pad,
        "nn.functional.pad",
        (indexing.Gather,),
        (REAL,),
        (
            Example(((1, 2, 4),), {"pad": (3, 2), "mode": "reflect"}),
            Example(((1, 2, 4),), {"pad": (5, 2), "mode": "replicate"}),
            Example(((1, 2, 4),), {"pad": (4, 2), "mode": "circular"}),
            Example(((1, 2, 3, 4),), {"pad": (1, 2, 2, 1), "mode": "reflect"}),
        ),
    ),
    Operation(
        "diagonal, diag, trace",
        lambda x: x.diagonal(1).diag(-1) * x.trace(),
        lambda x: np.diag(np.diagonal(x, 1), -1) * np.trace(x),
        "same",
        (arithmetic.Multiply, indexing.Slice, indexing.PutAdd, reduction.Sum, shape.Permute),
        (REAL,),
        examples((3, 3), (2, 2)),
    ),
    Operation(
        "diagonals of matrices",
        lambda x: x.diagonal(-1, 2, 0),
        lambda x: np.diagonal(x, -1, 2, 0),
        "same",
        (indexing.Slice, shape.Permute),
        (REAL,),
        examples((3, 2, 4)),
    ),
    Operation(
        "hstack, vstack, tile",
        lambda x, y: ops.vstack([ops.hstack([x, y]), x.tile(1, 2)]),
        lambda x, y: np.vstack([np.hstack([x, y]), np.tile(x, (1, 2))]),
        lambda torch, x, y: torch.vstack([torch.hstack([x, y]), x.tile(1, 2)]),
        (shape.Concatenate, shape.Expand, shape.Reshape),
        (REAL, REAL),
        examples(((2, 3), (2, 3))),
    ),
)
