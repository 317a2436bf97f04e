"""Training, validation and test part of data, and scaling that is fitted on the training part."""

from __future__ import annotations

import math
from typing import Any

import numpy

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.data.draw import stream
from nncourse.random import Generator


def train_valid_test_split(
    *arrays: Any,
    valid: float = 0.15,
    test: float = 0.15,
    shuffle: bool = True,
    stratify: Any = None,
    seed: int | None = None,
    generator: Generator | None = None,
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]]:
    """(train, valid, test), each a tuple with a part of every array: (x, y) if x and y are given.

    arrays: tensors or arrays whose first axes count the same examples.
    valid, test: shares from 0 to 1; what is left is for training.
    shuffle: False keeps the order and takes the test part from the end, as time series need it.
    stratify: classes (n,); every class is divided in these shares.
    """
    parts = [numpy.asarray(a._data if isinstance(a, Tensor) else a) for a in arrays]
    if not parts:
        raise ValueError("at least one array to split is needed")
    lengths = [len(part) for part in parts]
    if len(set(lengths)) > 1:
        raise ValueError(f"all arrays must have the same number of examples; got {lengths}")
    if min(valid, test) < 0 or valid + test >= 1:
        raise ValueError(
            f"valid and test must be shares that leave something for training; got {valid} and "
            f"{test}"
        )
    n = lengths[0]
    if not shuffle:
        if stratify is not None:
            raise ValueError("a split that keeps the order cannot be stratified")
        pieces = [_cut(numpy.arange(n), valid, test)]
    else:
        draw = stream(seed, generator)
        if stratify is None:
            pieces = [_cut(draw.permutation(n), valid, test)]
        else:
            kinds = numpy.asarray(stratify)
            if kinds.shape != (n,):
                raise ValueError(f"stratify must hold one class for each of {n} examples")
            pieces = [
                _cut(draw.permutation(numpy.flatnonzero(kinds == kind)), valid, test)
                for kind in numpy.unique(kinds)
            ]
    result = []
    for name, share, which in zip(
        ("training", "validation", "test"), (1, valid, test), zip(*pieces)
    ):
        index = numpy.concatenate(which)
        if shuffle and stratify is not None:
            index = draw.permutation(index)
        if share and not len(index):
            raise ValueError(f"{n} examples are too few: the {name} part would be empty")
        result.append(tuple([constant(part[index]) for part in parts]))
    return result[0], result[1], result[2]


def _cut(order: numpy.ndarray, valid: float, test: float) -> list[numpy.ndarray]:
    """The order in three pieces: training, validation, test."""
    n = len(order)
    last = n - math.floor(n * test + 0.5)
    middle = last - math.floor(n * valid + 0.5)
    return [order[: max(middle, 0)], order[max(middle, 0) : last], order[last:]]


class _Scaler:
    """Shifts and divides every feature (last axis); both numbers come from the training data."""

    shift: numpy.ndarray
    scale: numpy.ndarray
    _fitted = False

    def fit(self, x: Any) -> Any:
        """Find the numbers from x (n, ..., features), the training data. Returns the scaler."""
        values = _values(x)
        if values.ndim < 2:
            raise ValueError(
                f"data to scale must be (examples, features); got shape {values.shape}. For one "
                "feature write x.reshape(-1, 1)"
            )
        if not values.size or not len(values):
            raise ValueError(f"there is nothing to fit in data of shape {values.shape}")
        if not numpy.isfinite(values).all():
            raise ValueError("the data hold nan or inf; mend or leave out these examples first")
        self.shift, scale = self._numbers(values.reshape(-1, values.shape[-1]))
        # A feature that never changes becomes 0, not nan.
        self.scale = numpy.where(scale > 0, scale, 1.0)
        self._fitted = True
        return self

    def _numbers(self, values: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        raise NotImplementedError

    def transform(self, x: Any) -> Tensor:
        """(x - shift) / scale, with the numbers of the training data."""
        return self._moved(x, lambda values: (values - self.shift) / self.scale)

    __call__ = transform

    def inverse_transform(self, x: Any) -> Tensor:
        """Back to the original units."""
        return self._moved(x, lambda values: values * self.scale + self.shift)

    def fit_transform(self, x: Any) -> Tensor:
        """``fit``, then ``transform``. For the training data only."""
        return self.fit(x).transform(x)

    def _moved(self, x: Any, how: Any) -> Tensor:
        name = type(self).__name__
        if not self._fitted:
            raise RuntimeError(
                f"this {name} has not seen any data yet: call fit(train_x) with the training data "
                "first"
            )
        values = _values(x)
        if values.shape[-1:] != self.shift.shape:
            raise ValueError(
                f"{name} was fitted on {len(self.shift)} features; got shape {values.shape}"
            )
        found = numpy.asarray(x._data if isinstance(x, Tensor) else x).dtype
        wanted = found if found.kind == "f" else numpy.dtype(numpy.float32)
        return constant(how(values).astype(wanted))

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({len(self.shift)} features)" if self._fitted else f"{name}(not fitted)"


class Standardize(_Scaler):
    """Every feature to mean 0 and standard deviation 1 on the training data.

        scale = Standardize().fit(train_x)
        train_x, test_x = scale(train_x), scale(test_x)

    Numbers taken from all data would tell the training something about the test examples.
    """

    def _numbers(self, values: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        constant_ = values.max(0) == values.min(0)
        return values.mean(0), numpy.where(constant_, 0.0, values.std(0))


class MinMax(_Scaler):
    """Every feature to between 0 and 1 on the training data; others may fall outside."""

    def _numbers(self, values: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
        low = values.min(0)
        return low, values.max(0) - low


def _values(x: Any) -> numpy.ndarray:
    return numpy.asarray(x._data if isinstance(x, Tensor) else x, dtype=numpy.float64)
