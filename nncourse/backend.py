"""The array library under the tensors.

Tensors hold arrays and operations call array functions; which library they come from is decided
here and nowhere else. It is NumPy. The operations reach it as ``xp``, so that another library of
the same vocabulary needs a change in this file only.
"""

from __future__ import annotations

from typing import Any

import numpy

Array = Any  # numpy.ndarray, or the array type of another library of the same vocabulary
xp: Any = numpy
ndarray = numpy.ndarray


def as_array(value: Any) -> Array:
    """``value`` as an array. NumPy's operations on 0-d arrays return scalars; this undoes it."""
    return xp.asarray(value)


def to_numpy(array: Array) -> numpy.ndarray:
    """``array`` as a NumPy array, without a copy where it is one already."""
    return numpy.asarray(array)


__all__ = ["Array", "as_array", "ndarray", "to_numpy", "xp"]
