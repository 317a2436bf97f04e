"""Entries: the same elements under another shape, and tensors put together."""

import numpy as np

from nncourse import ops
from nncourse.ops import shape
from nncourse.ops.catalogue.entry import REAL, Example, Operation, examples

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "reshape",
        lambda x, shape: x.reshape(shape),
        lambda x, shape: x.reshape(shape),
        "same",
        (shape.Reshape,),
        (REAL,),
        (
            Example(((3, 4),), {"shape": (2, 6)}),
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
        (Example(((3, 1),), {"sizes": (2, 3, 4)}), Example(((),), {"sizes": (3,)})),
    ),
    Operation(
        "cat",
        lambda *x, dim: ops.cat(x, dim),
        lambda *x, dim: np.concatenate(x, dim),
        lambda torch, *x, dim: torch.cat(x, dim),
        (shape.Concatenate,),
        (REAL, REAL, REAL),
        (
            Example(((2, 3), (4, 3), (1, 3)), {"dim": 0}),
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
            Example(((2, 3), (2, 3), (2, 3)), {"dim": 0}),
            Example(((2, 3), (2, 3), (2, 3)), {"dim": -1}),
            Example(((), (), ()), {"dim": 0}),
        ),
    ),
)
