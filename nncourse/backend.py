"""The array library under the tensors, and the devices on which arrays live.

NumPy computes on the processor; CuPy, where it is installed, computes the same functions on a GPU.
This is the only file that knows one from the other. Operations call NumPy's functions, as ``xp``,
and NumPy itself hands a call over to the library that the arrays come from (its protocols
``__array_ufunc__`` and ``__array_function__``, NEP 13 and 18), which costs arrays of its own
nothing. So operations keep three rules:

- a new array says which one it is like: ``xp.zeros(shape, dtype, like=x)``;
- what CuPy does not do under NumPy's name is a function of this file (``amax``, ``add_at``...);
- arrays move from one device to another in ``moved`` and nowhere else.

CuPy is imported when a GPU is first asked for.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy

from nncourse.devices import CPU, device, get_default_device

Array = Any  # numpy.ndarray, or the array type of another library of the same vocabulary
# NumPy's functions, in a module of our own: NumPy's has a ``__getattr__``, and the names of such a
# module are looked up anew at each call, which takes a hundredth or two of a small operation.
xp: Any = ModuleType("xp")
vars(xp).update({name: value for name, value in vars(numpy).items() if name[:2] != "__"})
add: Any = xp.add
ndarray = numpy.ndarray
# The types of the arrays that there are: what is computed from 0-d arrays may be NumPy's scalars.
kinds: set[type] = {ndarray}

# Of the memory that is freed, the C library (glibc) keeps about twice the largest block that has
# come and gone, up to blocks of 32 MB. More goes back to the system and is mapped anew, page by
# page, in the next step of training, which takes up to a third of its time. So a block comes and
# goes here, untouched and therefore free of cost.
numpy.empty(31 << 20, "uint8")


# The library of the GPU

_gpu: Any = None  # CuPy, once it has been asked for


def use(module: Any) -> Any:
    """Let ``module`` stand for CuPy (None: look for CuPy itself); returns what stood there before.

    For tests: what works with a strict module of CuPy's vocabulary does not need a GPU to be tried.
    """
    global _gpu
    before, _gpu = _gpu, module
    kinds.intersection_update({ndarray})
    if module is not None:
        kinds.add(module.ndarray)
    return before


def gpu() -> Any:
    """CuPy; RuntimeError with the likely mend where it is missing or finds no GPU."""
    if _gpu is None:
        try:
            import cupy
        except ImportError as error:
            raise RuntimeError(
                "a tensor on a GPU needs CuPy, which is not installed: pip install cupy-cuda12x, "
                f"or cupy-cuda13x, as nvidia-smi shows the version of CUDA ({error})"
            ) from None
        if not cupy.cuda.is_available():
            raise RuntimeError("CuPy is installed but finds no GPU: does nvidia-smi show one?")
        use(cupy)
    return _gpu


def has_gpu() -> bool:
    """Is there a GPU, and CuPy to use it?"""
    try:
        return bool(gpu().cuda.is_available())
    except RuntimeError:
        return False


class _OnOneOfSeveral:
    """CuPy's functions, run on one of several GPUs."""

    def __init__(self, index: int) -> None:
        count = gpu().cuda.runtime.getDeviceCount()
        if index >= count:
            raise RuntimeError(f"there is no device 'cuda:{index}': this machine has {count}")
        self._index = index

    def __getattr__(self, name: str) -> Any:
        def run(*args: Any, **options: Any) -> Any:
            with gpu().cuda.Device(self._index):
                return getattr(gpu(), name)(*args, **options)

        return run


def library(where: Any = None) -> Any:
    """The functions that make arrays on a device, on the default one if none is given."""
    place = get_default_device() if where is None else device(where)
    if place.type == "cpu":
        return numpy
    return gpu() if place.index is None else _OnOneOfSeveral(place.index)


def concrete(where: Any) -> device:
    """A device with the number of the current GPU in it where none is named."""
    place = device(where)
    if place.type == "cuda" and place.index is None:
        return device("cuda", int(gpu().cuda.runtime.getDevice()))
    return place


# Arrays


def is_array(value: Any) -> bool:
    """Is it an array of either library?"""
    return type(value) in kinds or isinstance(value, ndarray) or _is_new_kind(value)


def _is_new_kind(value: Any) -> bool:
    """Arrays of CuPy that the program made before it ever asked this library for a GPU."""
    if _gpu is None and type(value).__module__.partition(".")[0] == "cupy":
        gpu()
    return type(value) in kinds


def as_array(value: Any) -> Array:
    """``value`` as an array. NumPy's operations on 0-d arrays return scalars; this undoes it."""
    try:
        return numpy.asarray(value)
    except TypeError:  # what CuPy's arrays answer: they do not leave their device unasked
        if is_array(value):
            return value
        raise


def to_numpy(array: Array) -> numpy.ndarray:
    """``array`` as a NumPy array; without a copy where it is one already."""
    return numpy.asarray(array) if isinstance(array, ndarray) else moved(as_array(array), CPU)


def on_host(array: Array) -> numpy.ndarray:
    """``array`` as a NumPy array that shares its memory; refused where that is another device's."""
    if not isinstance(array, ndarray):
        raise TypeError(
            f"a tensor on {device_of(array)} cannot share its memory with NumPy: copy it to the "
            "processor first, x.cpu().numpy()"
        )
    return numpy.asarray(array)


def device_of(array: Array) -> device:
    """Where an array lives."""
    return CPU if isinstance(array, ndarray) else device("cuda", array.device.id)


def same_device(a: Array, b: Array) -> bool:
    """Do two arrays live in one place?"""
    if isinstance(a, ndarray) or isinstance(b, ndarray):
        return isinstance(a, ndarray) and isinstance(b, ndarray)
    return a.device == b.device


def moved(array: Array, where: Any) -> Array:
    """``array`` on a device: itself if it is there, else a copy of it."""
    place = device(where)
    if place.type == "cpu":
        return array if isinstance(array, ndarray) else array.get()
    if not isinstance(array, ndarray) and place.index in (None, array.device.id):
        return array
    return library(place).asarray(array)


# What the two libraries do under different names


def filled(shape: Any, value: Any, dtype: Any, like: Array) -> Array:
    """A new array of one value where another one is; of ``numpy.full``, CuPy knows no ``like``."""
    out = numpy.empty(shape, dtype, like=like)
    out.fill(value)
    return out


def amax(x: Array, axes: Any = None, keepdims: bool = False) -> Array:
    """The greatest element over axes."""
    if type(x) is ndarray:
        return xp.maximum.reduce(x, axes, None, None, keepdims)
    return x.max(axes, None, keepdims)


def amin(x: Array, axes: Any = None, keepdims: bool = False) -> Array:
    """The least element over axes."""
    if type(x) is ndarray:
        return xp.minimum.reduce(x, axes, None, None, keepdims)
    return x.min(axes, None, keepdims)


def add_at(out: Array, index: Any, values: Array) -> None:
    """Add values at an index, which may repeat; a tuple of indices NumPy hands over to nobody."""
    (numpy if isinstance(out, ndarray) else gpu()).add.at(out, index, values)


def strided(x: Array, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
    """A view of the memory of ``x`` with other steps, to be read only."""
    if isinstance(x, ndarray):
        return numpy.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)
    return gpu().lib.stride_tricks.as_strided(x, shape, strides)


def interface(array: Array) -> dict[str, Any]:
    """Address, shape and steps of an array in the memory of its device."""
    if isinstance(array, ndarray):
        return array.__array_interface__
    return array.__cuda_array_interface__


def random_stream(where: device, seed: int) -> Any:
    """A generator of random arrays on a device, with the methods of NumPy's."""
    if where.type == "cuda":
        return _Stream(where, seed)
    # Importing numpy.random takes longer than all of this package: wait until it is needed.
    return numpy.random.Generator(numpy.random.PCG64(seed))


class _Stream:
    """CuPy's generator under the names of NumPy's."""

    def __init__(self, where: device, seed: int) -> None:
        self._device = gpu().cuda.Device(concrete(where).index)
        with self._device:
            self._draw = gpu().random.Generator(gpu().random.Philox4x3210(seed))

    def __getattr__(self, name: str) -> Any:
        def draw(*args: Any, **options: Any) -> Any:
            with self._device:
                return getattr(self._draw, name)(*args, **options)

        return draw

    def permutation(self, n: int) -> Array:
        """The numbers 0 to n - 1 in random order."""
        return self.random(n).argsort()


__all__ = [
    "CPU",
    "Array",
    "add",
    "add_at",
    "amax",
    "amin",
    "as_array",
    "concrete",
    "device",
    "device_of",
    "filled",
    "gpu",
    "has_gpu",
    "interface",
    "is_array",
    "kinds",
    "library",
    "moved",
    "ndarray",
    "on_host",
    "random_stream",
    "same_device",
    "strided",
    "to_numpy",
    "use",
    "xp",
]
