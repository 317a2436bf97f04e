"""Data sets that hold tensors."""

from __future__ import annotations

from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.ops.creation import as_tensor


class TensorDataset:
    """Tensors (or arrays) whose first axes count the same examples.

    ``dataset[i]`` is the tuple of their i-th entries; a slice or an array of positions gives
    several at once.
    """

    def __init__(self, *tensors: Any) -> None:
        if not tensors:
            raise ValueError("a data set needs at least one tensor")
        self.tensors = tuple([as_tensor(t) for t in tensors])
        lengths = [len(t) for t in self.tensors]
        if len(set(lengths)) > 1:
            shapes = ", ".join(str(t.shape) for t in self.tensors)
            raise ValueError(
                f"all tensors must have the same number of examples on axis 0; got {shapes}"
            )

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([t[index] for t in self.tensors])

    def __repr__(self) -> str:
        shapes = ", ".join(str(t.shape) for t in self.tensors)
        return f"TensorDataset({shapes})"
