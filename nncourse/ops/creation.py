"""Tensors from nothing: from numbers, constant, or random.

``dtype`` is the number type, ``device`` the place where the tensor is made: the default device,
which is the processor, unless given. ``pin_memory`` is accepted for programs written for PyTorch.
"""

from __future__ import annotations

from typing import Any

import numpy

from nncourse import dtypes
from nncourse.autograd.function import cast, constant
from nncourse.autograd.placement import to_device
from nncourse.autograd.tensor import Tensor
from nncourse.backend import (
    Array,
    as_array,
    device_of,
    is_array,
    kinds,
    library,
    moved,
    to_numpy,
    xp,
)
from nncourse.devices import device as device_class
from nncourse.devices import get_default_device
from nncourse.random import Generator, stream


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


def tensor(
    data: Any,
    dtype: Any = None,
    requires_grad: bool = False,
    *,
    device: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of the given numbers, which are copied.

    data: a number, nested lists, an array, or a tensor. Floating-point Python numbers become
    ``get_default_dtype()`` (float32), integers int64; arrays keep their type. Tensors and arrays of
    a GPU stay there unless a device is given.
    """
    if isinstance(data, Tensor):
        data = data._data
    if type(data) in kinds or is_array(data):
        where = _place(device, data)
        array = data if where is None else moved(data, where)
        if array is data or (dtype is not None and array.dtype != dtype):
            array = array.astype(array.dtype if dtype is None else dtype)
        return _made(array, requires_grad)
    if hasattr(data, "dtype"):
        return _made(
            moved(xp.array(data, dtype=dtype), device or get_default_device()), requires_grad
        )
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
    return _made(moved(array, device or get_default_device()), requires_grad)


def _place(device: Any, data: Array) -> Any:
    """Where a copy of an array goes: None for where it is."""
    if device is not None:
        return device
    default = get_default_device()
    return default if default.type != "cpu" and isinstance(data, numpy.ndarray) else None


def _without_tensors(data: Any) -> Any:
    """Nested lists with tensors replaced by their arrays."""
    if isinstance(data, Tensor):
        return to_numpy(data._data)
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


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``data`` as a tensor, without copying what is one already or an array."""
    if not isinstance(data, Tensor):
        if not is_array(data):
            return tensor(data, dtype, device=device)
        where = _place(device, data)
        data = constant(data if where is None else moved(data, where))
        device = None
    if device is not None:
        data = to_device(data, device_class(device))
    return data if dtype is None or data.dtype == dtype else cast(data, numpy.dtype(dtype))


def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of shape ``size`` filled with one value."""
    if dtype is None:
        dtype = dtypes.of_number(fill_value)
    sizes = (size,) if isinstance(size, int) else tuple(size)
    return _made(library(device).full(sizes, fill_value, dtype), requires_grad)


def zeros(
    *size: Any,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of zeros: ``zeros(2, 3)`` or ``zeros((2, 3))``."""
    dtype = dtype or dtypes.get_default_dtype()
    return _made(library(device).zeros(_shape(size), dtype), requires_grad)


def ones(
    *size: Any,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of ones: ``ones(2, 3)`` or ``ones((2, 3))``."""
    dtype = dtype or dtypes.get_default_dtype()
    return _made(library(device).ones(_shape(size), dtype), requires_grad)


def empty(
    *size: Any,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor whose values are whatever the memory held."""
    dtype = dtype or dtypes.get_default_dtype()
    return _made(library(device).empty(_shape(size), dtype), requires_grad)


def _like(input: Tensor, device: Any) -> Any:
    """What makes arrays where a tensor lives, or on the device named instead."""
    return library(device_of(input._data) if device is None else device)


def zeros_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Zeros of the shape, type and device of another tensor."""
    array = _like(input, device).zeros(input.shape, dtype or input.dtype)
    return _made(array, requires_grad)


def ones_like(
    input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Ones of the shape, type and device of another tensor."""
    array = _like(input, device).ones(input.shape, dtype or input.dtype)
    return _made(array, requires_grad)


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """One value in the shape, type and device of another tensor."""
    array = _like(input, device).full(input.shape, fill_value, dtype or input.dtype)
    return _made(array, requires_grad)


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from ``start`` (0 if one number is given) up to but not including ``end``."""
    if end is None:
        start, end = 0, start
    if dtype is None:
        integers = all(isinstance(n, int) for n in (start, end, step))
        dtype = dtypes.int64 if integers else dtypes.get_default_dtype()
    return _made(library(device).arange(start, end, step).astype(dtype), requires_grad)


def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """``steps`` numbers at equal distances from ``start`` to ``end``, both included."""
    array = library(device).linspace(start, end, steps)
    return _made(array.astype(dtype or dtypes.get_default_dtype()), requires_grad)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The identity matrix, (n, n), or (n, m) with ones on the diagonal."""
    array = library(device).eye(n, m, dtype=dtype or dtypes.get_default_dtype())
    return _made(array, requires_grad)


def _draws(generator: Generator | None, device: Any) -> Any:
    return stream(generator, get_default_device() if device is None else device_class(device))


def _floats(draw: str, size: Any, generator: Generator | None, dtype: Any, device: Any) -> Array:
    wanted = numpy.dtype(dtype or dtypes.get_default_dtype())
    # NumPy draws float32 and float64; other types are rounded from float32.
    drawn = wanted if wanted in (dtypes.float32, dtypes.float64) else dtypes.float32
    numbers = getattr(_draws(generator, device), draw)(_shape(size), drawn)
    return as_array(numbers).astype(wanted, copy=False)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Numbers from the standard normal distribution."""
    return _made(_floats("standard_normal", size, generator, dtype, device), requires_grad)


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Numbers distributed evenly over [0, 1)."""
    return _made(_floats("random", size, generator, dtype, device), requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
) -> Tensor:
    """Integers from ``low`` up to but not including ``high``: ``randint(0, 10, (2, 3))``.

    ``randint(10, (2, 3))`` starts at 0.
    """
    if size is None:
        low, high, size = 0, low, high
    drawn = _draws(generator, device).integers(low, high, _shape((size,)))
    return constant(drawn.astype(dtype or dtypes.int64))


def randperm(n: int, *, generator: Generator | None = None, device: Any = None) -> Tensor:
    """The integers 0 to n - 1 in random order."""
    return constant(_draws(generator, device).permutation(n))


def randn_like(
    input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None
) -> Tensor:
    """Normal numbers in the shape, type and device of another tensor."""
    where = device_of(input._data) if device is None else device
    return randn(*input.shape, generator=generator, dtype=dtype or input.dtype, device=where)


def rand_like(
    input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None
) -> Tensor:
    """Numbers evenly from [0, 1) in the shape, type and device of another tensor."""
    where = device_of(input._data) if device is None else device
    return rand(*input.shape, generator=generator, dtype=dtype or input.dtype, device=where)
