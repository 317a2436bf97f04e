"""Putting single examples together into a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from nncourse import dtypes
from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.ops import stack


def default_collate(batch: Sequence[Any]) -> Any:
    """A batch of a list of examples, as torch.utils.data.default_collate makes it.

    Tensors and arrays of equal shape are stacked on a new first axis; whole numbers become an int64
    tensor, Python's floating-point numbers a float64 one, as in PyTorch; texts stay a list. Tuples,
    lists and dicts of these become lists and dicts of batches.
    """
    if not len(batch):
        raise ValueError("a batch needs at least one example")
    first = batch[0]
    if isinstance(first, Tensor):
        _same_shape([item.shape for item in batch])
        if any(item.requires_grad for item in batch):
            return stack(list(batch))
        return constant(numpy.stack([item._data for item in batch]))
    if isinstance(first, numpy.ndarray):
        _same_shape([item.shape for item in batch])
        return constant(_numbers(numpy.stack(batch)))
    if isinstance(first, numpy.generic):
        return constant(_numbers(numpy.asarray(batch)))
    if isinstance(first, float):
        return constant(numpy.asarray(batch, dtype=dtypes.float64))
    if isinstance(first, int):
        return constant(_numbers(numpy.asarray(batch)))
    if isinstance(first, str | bytes):
        return list(batch)
    if isinstance(first, Mapping):
        return {key: default_collate([example[key] for example in batch]) for key in first}
    if isinstance(first, Sequence):
        lengths = {len(example) for example in batch}
        if len(lengths) > 1:
            raise ValueError(
                f"examples of one batch must have equally many parts; got {sorted(lengths)}"
            )
        parts = [default_collate(part) for part in zip(*batch)]
        return type(first)(*parts) if hasattr(first, "_fields") else parts
    raise TypeError(
        "examples must be tensors, arrays, numbers, texts, or tuples, lists or dicts of these; got "
        f"{type(first).__name__}. Pass a collate_fn that makes a batch of a list of them"
    )


def default_convert(example: Any) -> Any:
    """One example with its arrays made tensors; what a loader without batches yields."""
    if isinstance(example, numpy.ndarray | numpy.generic):
        array = numpy.asarray(example)
        return constant(array) if array.dtype.kind in "biufc" else example
    if isinstance(example, Mapping):
        return {key: default_convert(value) for key, value in example.items()}
    if isinstance(example, tuple) and hasattr(example, "_fields"):
        return type(example)(*[default_convert(part) for part in example])
    if isinstance(example, tuple | list):
        return [default_convert(part) for part in example]
    return example


def _same_shape(shapes: list[tuple[int, ...]]) -> None:
    if len(set(shapes)) > 1:
        different = next(shape for shape in shapes if shape != shapes[0])
        raise ValueError(
            f"examples of one batch must have equal shapes; got {shapes[0]} and {different}. "
            "Pad them to one length, pass a collate_fn, or, if these are not examples but whole "
            "columns (x, y), make a TensorDataset(x, y) of them"
        )


def _numbers(array: numpy.ndarray) -> numpy.ndarray:
    if array.dtype.kind not in "biufc":
        raise TypeError(f"a tensor holds numbers; the examples hold {array.dtype}")
    return array
