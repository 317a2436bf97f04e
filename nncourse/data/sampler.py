"""Samplers: the order in which examples are visited.

A sampler yields positions; a batch sampler yields lists of positions. The loader makes the usual
ones itself (in order, or shuffled); others are passed to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy

from nncourse.random import Generator, default_generator

_CHUNK = 1024  # positions drawn at a time, where there may be too many of them to draw at once


class Sampler:
    """Base of samplers: write ``__iter__``, which yields positions, and where known ``__len__``."""

    def __init__(self, data_source: Any = None) -> None:
        pass

    def __class_getitem__(cls, _item: Any) -> type:
        return cls

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__")


class SequentialSampler(Sampler):
    """All positions, in order."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler):
    """Positions at random: every one once, in a new order each time.

    replacement: draw each position independently of the others instead, so that some come several
    times and some never. num_samples: how many; the length of the data if None. Without
    replacement, more than that start another order.
    """

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        if num_samples is not None and (not isinstance(num_samples, int) or num_samples < 1):
            raise ValueError(f"num_samples must be a positive whole number; got {num_samples!r}")
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        stream = (self.generator or default_generator).stream
        n, left = len(self.data_source), self.num_samples
        if left and not n:
            raise ValueError("there are no examples to sample from")
        while left > 0:
            if self.replacement:
                drawn = stream.integers(n, size=min(left, _CHUNK))
            else:
                drawn = stream.permutation(n)[:left]
            left -= len(drawn)
            yield from drawn.tolist()

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler):
    """The given positions, in a new random order each time."""

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        stream = (self.generator or default_generator).stream
        return (self.indices[i] for i in stream.permutation(len(self.indices)).tolist())

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler):
    """``num_samples`` positions, position i with a probability proportional to ``weights[i]``.

    With 1 / (size of its class) as the weight of each example, classes come equally often. Without
    replacement a drawn position is out for the rest of the pass.
    """

    def __init__(
        self,
        weights: Any,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        self.weights = numpy.asarray(weights, dtype=numpy.float64)
        if self.weights.ndim != 1 or not len(self.weights):
            raise ValueError(f"weights must be one row of numbers; got {self.weights.shape}")
        if not numpy.isfinite(self.weights).all() or self.weights.min() < 0:
            raise ValueError("weights must be finite and not negative")
        if not self.weights.sum() > 0:
            raise ValueError("at least one weight must be above 0")
        if not isinstance(num_samples, int) or num_samples < 1:
            raise ValueError(f"num_samples must be a positive whole number; got {num_samples!r}")
        possible = int(numpy.count_nonzero(self.weights))
        if not replacement and num_samples > possible:
            raise ValueError(
                f"{num_samples} samples without replacement need as many weights above 0; "
                f"there are {possible}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        stream = (self.generator or default_generator).stream
        p = self.weights / self.weights.sum()
        drawn = stream.choice(len(p), self.num_samples, replace=self.replacement, p=p)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler):
    """Lists of ``batch_size`` positions from another sampler, the last list perhaps shorter."""

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool = False) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
            raise ValueError(f"batch_size must be a positive whole number; got {batch_size!r}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for position in self.sampler:
            batch.append(position)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        n = len(self.sampler)  # type: ignore[arg-type]
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)
