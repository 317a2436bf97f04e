"""Entries: products of matrices and vectors."""

import numpy as np

from nncourse import ops
from nncourse.ops import linalg
from nncourse.ops.catalogue.entry import REAL, Operation, examples

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "matmul",
        ops.matmul,
        np.matmul,
        "matmul",
        (linalg.MatMul,),
        (REAL, REAL),
        examples(
            ((3, 4), (4, 2)),
            ((3, 3), (3, 3)),
            ((4,), (4,)),
            ((4,), (4, 2)),
            ((3, 4), (4,)),
            ((2, 3, 4), (4, 2)),
            ((2, 3, 4), (4,)),
            ((4,), (2, 4, 3)),
            ((2, 1, 3, 4), (5, 4, 2)),
            ((3, 4), (2, 4, 2)),
            ((0, 3), (3, 2)),
        ),
    ),
    Operation(
        "linear",
        linalg.linear,
        lambda x, W, b=None: x @ W.T + (0 if b is None else b),
        "nn.functional.linear",
        (linalg.Linear,),
        (REAL, REAL, REAL),
        examples(
            ((3, 4), (2, 4), (2,)),
            ((3, 3), (3, 3), (3,)),
            ((4,), (2, 4), (2,)),
            ((2, 3, 4), (5, 4), (5,)),
            ((3, 4), (2, 4)),
        ),
        spelled_out=linalg.linear_spelled_out,
    ),
)
