"""Tensors from nothing: from numbers, constant, or random."""

from __future__ import annotations

from typing import Any

import numpy

from nncourse import dtypes
from nncourse.autograd.function import cast, constant
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, as_array, ndarray, xp
from nncourse.random import Generator, default_generator


def _made(array: Array, requires_grad: bool) -> Tensor:
    out = constant(array)
    if requires_grad:
        out.requires_grad = True
    return out


def _shape(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes passed one by one or as one tuple."""
    if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
        return tuple(sizes[0])
    return sizes


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of the given numbers, which are copied.

    data: a number, nested lists, an array, or a tensor. Floating-point Python numbers become
    ``get_default_dtype()`` (float32), integers int64; arrays keep their type.
    """
    if isinstance(data, Tensor):
        data = data._data
    if isinstance(data, ndarray) or hasattr(data, "dtype"):
        return _made(xp.array(data, dtype=dtype), requires_grad)
    if isinstance(data, list | tuple):
        data = _without_tensors(data)
    try:
        array = xp.array(data, dtype=dtype)
    except ValueError as error:
        raise ValueError(f"rows of different lengths cannot become a tensor: {error}") from None
    if array.dtype.kind not in "biufc":
        raise TypeError(
            f"a tensor holds numbers; got {type(data).__name__} with other things in it"
        )
    if dtype is None and array.dtype == dtypes.float64 and not _holds_arrays(data):
        array = array.astype(dtypes.get_default_dtype())
    return _made(array, requires_grad)


def _without_tensors(data: Any) -> Any:
    """Nested lists with tensors replaced by their arrays."""
    if isinstance(data, Tensor):
        return data._data
    if isinstance(data, list | tuple):
        return [_without_tensors(item) for item in data]
    return data


def _holds_arrays(data: Any) -> bool:
    """Do the nested lists hold arrays, whose type then decides?"""
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return hasattr(data, "dtype") and not isinstance(data, float)


def from_numpy(array: numpy.ndarray) -> Tensor:
    """A tensor that shares memory with a NumPy array."""
    if not isinstance(array, numpy.ndarray):
        raise TypeError(f"from_numpy needs a NumPy array; got {type(array).__name__}")
    return constant(array)


def as_tensor(data: Any, dtype: Any = None) -> Tensor:
    """``data`` as a tensor, without copying what is one already or an array."""
    if isinstance(data, Tensor):
        return data if dtype is None or data.dtype == dtype else cast(data, numpy.dtype(dtype))
    if isinstance(data, ndarray):
        return constant(data if dtype is None else data.astype(dtype, copy=False))
    return tensor(data, dtype)


def full(size: Any, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of shape ``size`` filled with one value."""
    if dtype is None:
        dtype = dtypes.of_number(fill_value)
    sizes = (size,) if isinstance(size, int) else tuple(size)
    return _made(xp.full(sizes, fill_value, dtype), requires_grad)


def zeros(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros: ``zeros(2, 3)`` or ``zeros((2, 3))``."""
    return _made(xp.zeros(_shape(size), dtype or dtypes.get_default_dtype()), requires_grad)


def ones(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones: ``ones(2, 3)`` or ``ones((2, 3))``."""
    return _made(xp.ones(_shape(size), dtype or dtypes.get_default_dtype()), requires_grad)


def empty(*size: Any, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor whose values are whatever the memory held."""
    return _made(xp.empty(_shape(size), dtype or dtypes.get_default_dtype()), requires_grad)


def zeros_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape and type of another tensor."""
    return _made(xp.zeros(input.shape, dtype or input.dtype), requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape and type of another tensor."""
    return _made(xp.ones(input.shape, dtype or input.dtype), requires_grad)


def full_like(
    input: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """One value in the shape and type of another tensor."""
    return _made(xp.full(input.shape, fill_value, dtype or input.dtype), requires_grad)


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from ``start`` (0 if one number is given) up to but not including ``end``."""
    if end is None:
        start, end = 0, start
    if dtype is None:
        integers = all(isinstance(n, int) for n in (start, end, step))
        dtype = dtypes.int64 if integers else dtypes.get_default_dtype()
    return _made(xp.arange(start, end, step).astype(dtype), requires_grad)


def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` numbers at equal distances from ``start`` to ``end``, both included."""
    array = xp.linspace(start, end, steps).astype(dtype or dtypes.get_default_dtype())
    return _made(array, requires_grad)


def eye(n: int, m: int | None = None, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """The identity matrix, (n, n), or (n, m) with ones on the diagonal."""
    return _made(xp.eye(n, m, dtype=dtype or dtypes.get_default_dtype()), requires_grad)


def _floats(draw: str, size: Any, generator: Generator | None, dtype: Any) -> Array:
    stream = (generator or default_generator).stream
    wanted = numpy.dtype(dtype or dtypes.get_default_dtype())
    # NumPy draws float32 and float64; other types are rounded from float32.
    drawn = wanted if wanted in (dtypes.float32, dtypes.float64) else dtypes.float32
    return as_array(getattr(stream, draw)(_shape(size), drawn)).astype(wanted, copy=False)


def randn(
    *size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers from the standard normal distribution."""
    return _made(_floats("standard_normal", size, generator, dtype), requires_grad)


def rand(
    *size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers distributed evenly over [0, 1)."""
    return _made(_floats("random", size, generator, dtype), requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
) -> Tensor:
    """Integers from ``low`` up to but not including ``high``: ``randint(0, 10, (2, 3))``.

    ``randint(10, (2, 3))`` starts at 0.
    """
    if size is None:
        low, high, size = 0, low, high
    stream = (generator or default_generator).stream
    return constant(stream.integers(low, high, _shape((size,))).astype(dtype or dtypes.int64))


def randperm(n: int, *, generator: Generator | None = None) -> Tensor:
    """The integers 0 to n - 1 in random order."""
    return constant((generator or default_generator).stream.permutation(n))


def randn_like(input: Tensor, *, generator: Generator | None = None, dtype: Any = None) -> Tensor:
    """Normal numbers in the shape and type of another tensor."""
    return randn(*input.shape, generator=generator, dtype=dtype or input.dtype)


def rand_like(input: Tensor, *, generator: Generator | None = None, dtype: Any = None) -> Tensor:
    """Numbers evenly from [0, 1) in the shape and type of another tensor."""
    return rand(*input.shape, generator=generator, dtype=dtype or input.dtype)
