"""Entries: products of matrices and vectors."""

from functools import partial
from typing import Any

import numpy as np

from nncourse import ops
from nncourse.ops import arithmetic, indexing, linalg, reduction, shape
from nncourse.ops.catalogue.entry import REAL, Operation, examples


def _torch_einsum(equation: str, torch: Any, *operands: Any) -> Any:
    return torch.einsum(equation, *operands)


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
    *[
        Operation(
            f"einsum {equation}",
            partial(ops.einsum, equation),
            partial(np.einsum, equation),
            partial(_torch_einsum, equation),
            nodes,
            (REAL,) * (equation.count(",") + 1),
            examples(*shapes),
        )
        for equation, nodes, shapes in (
            ("ik,kj->ij", (linalg.MatMul, shape.Reshape), [((2, 3), (3, 4))]),
            ("ij,kj->ik", (linalg.MatMul, shape.Reshape, shape.Permute), [((2, 3), (4, 3))]),
            (
                "bij,bjk",
                (linalg.MatMul, shape.Reshape, shape.Permute),
                [((2, 3, 4), (2, 4, 2)), ((2, 0, 3), (2, 3, 2))],
            ),
            (
                "...ij,...kj->...ik",
                (linalg.MatMul, shape.Reshape, shape.Permute),
                [((2, 2, 3), (2, 4, 3)), ((2, 3), (5, 4, 3)), ((2, 1, 2, 3), (3, 4, 3))],
            ),
            ("i,j->ij", (linalg.MatMul, shape.Reshape), [((3,), (2,))]),
            ("i,i->", (linalg.MatMul, shape.Reshape), [((3,), (3,))]),
            ("ij,ij->ij", (arithmetic.Multiply,), [((3, 2), (3, 2))]),
            ("ij,ji->ij", (arithmetic.Multiply, shape.Permute), [((3, 2), (2, 3))]),
            ("ii->i", (indexing.Slice, shape.Permute), [((3, 3),)]),
            ("ii", (indexing.Slice, shape.Permute, reduction.Sum), [((3, 3),)]),
            ("iji->j", (indexing.Slice, shape.Permute, reduction.Sum), [((3, 2, 3),)]),
            ("ijk->ki", (reduction.Sum, shape.Permute), [((2, 3, 4),)]),
            (
                "ij,j->",
                (reduction.Sum, linalg.MatMul, shape.Reshape),
                [((2, 3), (3,))],
            ),
            (
                "bn,anm,bm->ba",
                (linalg.MatMul, shape.Reshape, shape.Permute),
                [((2, 3), (5, 3, 4), (2, 4))],
            ),
            ("...,...", (arithmetic.Multiply,), [((3,), (3,)), ((), ())]),
        )
    ],
    Operation(
        "mm, dot, outer",
        lambda a, b: a.mm(b.outer(b)).mv(b) * b.dot(b),
        lambda a, b: a @ np.outer(b, b) @ b * (b @ b),
        "same",
        (linalg.MatMul, arithmetic.Multiply, shape.Reshape),
        (REAL, REAL),
        examples(((2, 3), (3,))),
    ),
)
