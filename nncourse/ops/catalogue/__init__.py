"""The catalogue of operations: what there is, declared once.

Tests, documentation and benchmarks go through this list: each operation with the same function in
NumPy, its name in PyTorch, and examples of shapes and of the numbers on which it is defined. An
operation with a gradient that is not in the list is an error that a test reports.
"""

from nncourse.ops.catalogue import (
    activation,
    attention,
    elementwise,
    image,
    indexing,
    linalg,
    loss,
    network,
    recurrent,
    reduction,
    shape,
)
from nncourse.ops.catalogue.entry import Example, Operation, draw

OPERATIONS: tuple[Operation, ...] = (
    *elementwise.OPERATIONS,
    *reduction.OPERATIONS,
    *shape.OPERATIONS,
    *indexing.OPERATIONS,
    *linalg.OPERATIONS,
    *activation.OPERATIONS,
    *loss.OPERATIONS,
    *network.OPERATIONS,
    *attention.OPERATIONS,
    *recurrent.OPERATIONS,
    *image.OPERATIONS,
)

__all__ = ["OPERATIONS", "Example", "Operation", "draw"]
