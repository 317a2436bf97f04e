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

GROUPS: tuple[tuple[str, tuple[Operation, ...]], ...] = (
    ("Element by element", elementwise.OPERATIONS),
    ("Reductions", reduction.OPERATIONS),
    ("Shapes", shape.OPERATIONS),
    ("Indexing", indexing.OPERATIONS),
    ("Linear algebra", linalg.OPERATIONS),
    ("Activations", activation.OPERATIONS),
    ("Losses", loss.OPERATIONS),
    ("Layers", network.OPERATIONS),
    ("Attention", attention.OPERATIONS),
    ("Recurrent layers", recurrent.OPERATIONS),
    ("Images and signals", image.OPERATIONS),
)

OPERATIONS: tuple[Operation, ...] = tuple(
    [operation for _, operations in GROUPS for operation in operations]
)

__all__ = ["GROUPS", "OPERATIONS", "Example", "Operation", "draw"]
