"""Handwritten digits: the data set on which the course trains its first networks."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy

from nncourse.autograd.function import constant

_FILE = Path(__file__).with_name("digits.npz")
_HELD_OUT = 360
_SEED = 5


@lru_cache(maxsize=1)
def _read() -> tuple[numpy.ndarray, numpy.ndarray]:
    with numpy.load(_FILE) as file:
        return file["images"], file["labels"]


@lru_cache(maxsize=1)
def _split() -> tuple[numpy.ndarray, numpy.ndarray]:
    """Positions of the training and of the held-out examples."""
    order = numpy.random.Generator(numpy.random.PCG64(_SEED)).permutation(len(_read()[1]))
    return numpy.sort(order[_HELD_OUT:]), numpy.sort(order[:_HELD_OUT])


def digits(split: bool = False) -> Any:
    """1797 handwritten digits: x (1797, 64) float32 in [0, 1], y (1797,) int64 classes 0 to 9.

    A row of x is an image of 8 x 8 pixels: ``x[0].reshape(8, 8)``.

    split: return (train_x, train_y), (test_x, test_y) with 1437 and 360 examples instead. The
    split is drawn at random once for all and is always the same. The digits were written by 13
    people, all of whom stand in both parts: the held-out accuracy tells how well new digits of
    known hands are read, not those of a new hand.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, 1998 (CC BY 4.0).
    """
    images, labels = _read()
    x = images.astype(numpy.float32) / 16
    y = labels.astype(numpy.int64)
    if not split:
        return constant(x), constant(y)
    train, test = _split()
    return (constant(x[train]), constant(y[train])), (constant(x[test]), constant(y[test]))
