"""A module that behaves like CuPy, on the processor: what runs on it does not rely on NumPy.

Its arrays wrap NumPy's, and refuse what CuPy's refuse: to become a NumPy array unasked, and to meet
one in an operation. NumPy's functions reach them by the same two protocols and with the same
limits: ``maximum.reduce`` does not exist, 0-d results stay arrays, ``add.at`` takes CuPy's number
types only, functions take CuPy's parameters only. What passes between "host" and "device" is noted
in ``transfers``. After CuPy 14.2 (cupy/_core/core.pyx, _kernel.pyx, _routines_indexing.pyx);
``SIGNATURES`` is compared with the real one where that is installed.
"""

from __future__ import annotations

import inspect
import types
from typing import Any

import numpy as np

SIGNATURES = {
    "all": "a, axis=, out=, keepdims=",
    "allclose": "a, b, rtol=, atol=, equal_nan=",
    "any": "a, axis=, out=, keepdims=",
    "arange": "start, stop=, step=, dtype=",
    "argmax": "a, axis=, dtype=, out=, keepdims=",
    "argmin": "a, axis=, dtype=, out=, keepdims=",
    "argsort": "a, axis=, kind=",
    "array": "obj, dtype=, copy=",
    "array_equal": "a1, a2, equal_nan=",
    "asarray": "a, dtype=, order=",
    "ascontiguousarray": "a, dtype=",
    "bincount": "x, weights=, minlength=",
    "broadcast_to": "array, shape",
    "clip": "a, a_min, a_max, out=",
    "concatenate": "tup, axis=, out=, *, dtype=, casting=",
    "cumsum": "a, axis=, dtype=, out=",
    "diagonal": "a, offset=, axis1=, axis2=",
    "empty": "shape, dtype=, order=",
    "empty_like": "prototype, dtype=, order=, subok=, shape=",
    "expand_dims": "a, axis",
    "eye": "N, M=, k=, dtype=, order=",
    "flatnonzero": "a",
    "flip": "a, axis=",
    "full": "shape, fill_value, dtype=, order=",
    "full_like": "a, fill_value, dtype=, order=, subok=, shape=",
    "isclose": "a, b, rtol=, atol=, equal_nan=",
    "isneginf": "x, out=",
    "lib.stride_tricks.as_strided": "x, shape=, strides=",
    "linalg.norm": "x, ord=, axis=, keepdims=",
    "linalg.qr": "a, mode=",
    "linspace": "start, stop, num=, endpoint=, retstep=, dtype=, axis=",
    "may_share_memory": "a, b, max_work=",
    "max": "a, axis=, out=, keepdims=",
    "min": "a, axis=, out=, keepdims=",
    "moveaxis": "a, source, destination",
    "nonzero": "a",
    "ones": "shape, dtype=, order=",
    "ones_like": "a, dtype=, order=, subok=, shape=",
    "prod": "a, axis=, dtype=, out=, keepdims=",
    "repeat": "a, repeats, axis=",
    "roll": "a, shift, axis=",
    "round": "a, decimals=, out=",
    "searchsorted": "a, v, side=, sorter=",
    "shares_memory": "a, b, max_work=",
    "stack": "tup, axis=, out=, *, dtype=, casting=",
    "sum": "a, axis=, dtype=, out=, keepdims=",
    "take_along_axis": "a, indices, axis",
    "tri": "N, M=, k=, dtype=",
    "unique": "ar, return_index=, return_inverse=, return_counts=, axis=, *, equal_nan=",
    "where": "condition, x=, y=",
    "zeros": "shape, dtype=, order=",
    "zeros_like": "a, dtype=, order=, subok=, shape=",
}
METHODS = {
    "all": "axis=, out=, keepdims=",
    "any": "axis=, out=, keepdims=",
    "argmax": "axis=, out=, dtype=, keepdims=",
    "argmin": "axis=, out=, dtype=, keepdims=",
    "argsort": "axis=, kind=",
    "astype": "dtype, order=, casting=, subok=, copy=",
    "clip": "min=, max=, out=",
    "copy": "order=",
    "cumsum": "axis=, dtype=, out=",
    "diagonal": "offset=, axis1=, axis2=",
    "dot": "b, out=",
    "fill": "value",
    "flatten": "order=",
    "max": "axis=, out=, keepdims=",
    "mean": "axis=, dtype=, out=, keepdims=",
    "min": "axis=, out=, keepdims=",
    "prod": "axis=, dtype=, out=, keepdims=",
    "ravel": "order=",
    "repeat": "repeats, axis=",
    "reshape": "*shape, order=",
    "sort": "axis=, kind=",
    "squeeze": "axis=",
    "sum": "axis=, dtype=, out=, keepdims=",
    "swapaxes": "axis1, axis2",
    "take": "indices, axis=, out=",
    "transpose": "*axes",
    "view": "dtype=, type=",
}
# What cupy.add.at adds to, and the ufuncs that CuPy can reduce.
ADDABLE = ("int32", "int64", "float16", "float32", "float64", "uint32", "uint64")
REDUCED = {"add": ("reduce", "accumulate", "reduceat"), "multiply": ("reduce", "accumulate")}
UFUNC_OPTIONS = {"out", "dtype", "casting"}


class Transfers:
    """What has crossed between host and device: numbers of arrays, and of single elements."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.to_device = self.to_host = self.reads = 0

    def __repr__(self) -> str:
        return f"{self.to_device} to the device, {self.to_host} to the host, {self.reads} numbers"


transfers = Transfers()
_current = 0  # the current GPU, of two
COUNT = 2


def _signature(text: str) -> inspect.Signature:
    parameters, kind = [], inspect.Parameter.POSITIONAL_OR_KEYWORD
    for part in filter(None, text.split(", ")):
        name = part.rstrip("=")
        if name.startswith("*"):
            kind = inspect.Parameter.KEYWORD_ONLY
            if name == "*":
                continue
            parameters.append(inspect.Parameter(name[1:], inspect.Parameter.VAR_POSITIONAL))
            continue
        default = None if part.endswith("=") else inspect.Parameter.empty
        parameters.append(inspect.Parameter(name, kind, default=default))
    return inspect.Signature(parameters)


def _inside(value: Any) -> Any:
    """The NumPy arrays inside of what may be passed to a function of the device."""
    if isinstance(value, ndarray):
        return value._array
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, tuple | list):
        return type(value)([_inside(item) for item in value])
    return value


def _arrays(values: Any) -> list[ndarray]:
    found = []
    for value in values:
        if isinstance(value, ndarray):
            found.append(value)
        elif isinstance(value, tuple | list):
            found += _arrays(value)
    return found


def _outside(result: Any, sources: Any = ()) -> Any:
    """A result as an array of the device, a view of a source if it shares memory with it."""
    if isinstance(result, tuple):
        return tuple([_outside(item, sources) for item in result])
    if not isinstance(result, np.ndarray | np.generic):
        return result
    for source in sources:
        if result is source._array:
            return source
    array = np.asarray(result)
    if array.dtype.kind not in "biufc":
        raise ValueError(f"Unsupported dtype {array.dtype}")
    base = None
    for source in sources:
        owner = source if source.base is None else source.base
        if array.size and np.may_share_memory(array, owner._array):
            base = owner
    return ndarray(array, base)


def _run(function: Any, signature: inspect.Signature, args: Any, options: Any) -> Any:
    """NumPy's function, if CuPy's takes these arguments."""
    try:
        out = signature.bind(*args, **options).arguments.get("out")
    except TypeError as error:
        raise TypeError(f"CuPy's {function.__name__} does not take that: {error}") from None
    options = {name: value for name, value in options.items() if value is not None}
    with np.errstate(all="ignore"):
        result = function(
            *[_inside(a) for a in args], **{name: _inside(v) for name, v in options.items()}
        )
    return _outside(result, _arrays(args)) if out is None else out


class ndarray:
    """An array on the device."""

    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: np.ndarray, base: ndarray | None = None) -> None:
        self._array, self.base = array, base
        self._index = _current if base is None else base._index

    shape = property(lambda self: self._array.shape)
    ndim = property(lambda self: self._array.ndim)
    size = property(lambda self: self._array.size)
    dtype = property(lambda self: self._array.dtype)
    strides = property(lambda self: self._array.strides)
    itemsize = property(lambda self: self._array.itemsize)
    nbytes = property(lambda self: self._array.nbytes)
    flags = property(lambda self: self._array.flags)
    T = property(lambda self: self.transpose())
    device = property(lambda self: cuda.Device(self._index))

    @property
    def __cuda_array_interface__(self) -> dict:
        whole = self._array.flags.c_contiguous
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "data": (self._array.ctypes.data, False),
            "strides": None if whole else self.strides,
            "version": 3,
            "stream": 1,
        }

    def __array__(self, dtype: Any = None) -> np.ndarray:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    # To the host

    def get(self) -> np.ndarray:
        transfers.to_host += 1
        return self._array.copy()

    def _read(self) -> Any:
        transfers.reads += 1
        return self._array.item()

    def item(self) -> Any:
        return self._read()

    def tolist(self) -> Any:
        return self.get().tolist()

    def __bool__(self) -> bool:
        return bool(self._read())

    def __int__(self) -> int:
        return int(self._read())

    def __float__(self) -> float:
        return float(self._read())

    def __complex__(self) -> complex:
        return complex(self._read())

    def __repr__(self) -> str:
        return repr(self.get())

    def __format__(self, spec: str) -> str:
        return format(self._read(), spec)

    def __reduce__(self) -> tuple:
        return asarray, (self.get(),)

    # Elements

    def __len__(self) -> int:
        return len(self._array)

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def _place(self, index: Any) -> Any:
        places = []
        for part in index if isinstance(index, tuple) else (index,):
            if isinstance(part, ndarray):
                part = part._array
            elif isinstance(part, np.ndarray | list):  # CuPy sends them to the device by itself
                transfers.to_device += 1
                part = np.asarray(part)
            places.append(part)
        masks = [p for p in places if isinstance(p, np.ndarray) and p.dtype.kind == "b"]
        if len(masks) > 1:
            raise IndexError("CuPy does not support several boolean arrays in an index")
        return tuple(places)

    def __getitem__(self, index: Any) -> ndarray:
        return _outside(self._array[self._place(index)], (self,))

    def __setitem__(self, index: Any, value: Any) -> None:
        self._array[self._place(index)] = _inside(value)

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.get("out", ())
        if out and len(out) != 1:
            raise ValueError("The 'out' parameter must have exactly one array value")
        for x in (*inputs, *out):
            known = isinstance(x, ndarray | np.ndarray | np.generic | bool | int | float | complex)
            if not known:  # such as a tuple of indices
                return NotImplemented
        name = ufunc.__name__
        if method == "at":
            return _add_at(*inputs) if name == "add" else NotImplemented
        if method not in ("__call__", "outer") and method not in REDUCED.get(name, ()):
            raise NotImplementedError(f"`cupy_{name}.{method}` is not supported yet")
        allowed = UFUNC_OPTIONS if method == "__call__" else {"axis", "dtype", "out", "keepdims"}
        if options.keys() - allowed:
            raise TypeError(f"Wrong arguments {sorted(options.keys() - allowed)}")
        if out:
            options["out"] = _inside(out)
        with np.errstate(all="ignore"):
            result = getattr(ufunc, method)(*[_inside(x) for x in inputs], **options)
        return out[0] if out else _outside(result, _arrays(inputs))

    def __array_function__(self, function: Any, kinds: Any, args: Any, options: Any) -> Any:
        path = ".".join([*function.__module__.split(".")[1:], function.__name__])
        if path not in SIGNATURES or not all(issubclass(k, ndarray | np.ndarray) for k in kinds):
            return NotImplemented
        return _function(path)(*args, **options)


def _add_at(out: ndarray, index: Any, values: Any) -> None:
    if str(out.dtype) not in ADDABLE:
        raise TypeError(f"cupy.add.at does not support {out.dtype}")
    np.add.at(out._array, out._place(index), _inside(values))


def _operator(ufunc: Any, reflected: bool = False) -> Any:
    if reflected:
        return lambda self, other: ufunc(other, self)
    return lambda self, other: ufunc(self, other)


def _in_place(ufunc: Any) -> Any:
    return lambda self, other: ufunc(self, other, out=self)


for _name, _ufunc in {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "matmul": np.matmul,
}.items():
    setattr(ndarray, f"__{_name}__", _operator(_ufunc))
    setattr(ndarray, f"__r{_name}__", _operator(_ufunc, reflected=True))
    if _name != "matmul":
        setattr(ndarray, f"__i{_name}__", _in_place(_ufunc))
for _name, _ufunc in {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}.items():
    setattr(ndarray, f"__{_name}__", _operator(_ufunc))
for _name, _ufunc in {"neg": np.negative, "abs": np.absolute, "invert": np.invert}.items():
    setattr(ndarray, f"__{_name}__", lambda self, _ufunc=_ufunc: _ufunc(self))


def _method(name: str, text: str) -> Any:
    signature, function = _signature("self, " + text), getattr(np.ndarray, name)
    return lambda *args, **options: _run(function, signature, args, options)


for _name, _text in METHODS.items():
    setattr(ndarray, _name, _method(_name, _text))


def _function(path: str) -> Any:
    if path in ("array", "asarray", "ascontiguousarray"):
        return globals()[path]
    function: Any = np
    for name in path.split("."):
        function = getattr(function, name)
    signature = _signature(SIGNATURES[path])
    return lambda *args, **options: _run(function, signature, args, options)


def array(obj: Any, dtype: Any = None, copy: Any = True) -> ndarray:
    """A new array from numbers, or from an array of the host or of a device."""
    if isinstance(obj, ndarray):
        kept = obj._array.astype(dtype or obj.dtype, copy=bool(copy))
        return _outside(kept, (obj,)) if obj._index == _current else ndarray(kept.copy())
    if isinstance(obj, list | tuple) and _arrays([obj]):
        return ndarray(np.array(_inside(obj), dtype))
    transfers.to_device += 1
    return _outside(np.array(obj, dtype))


def asarray(a: Any, dtype: Any = None, order: Any = None) -> ndarray:
    """The array itself, or a new one."""
    return array(a, dtype, copy=False)


def ascontiguousarray(a: ndarray, dtype: Any = None) -> ndarray:
    """The array itself if its rows lie one after another, else a copy for which they do."""
    return _outside(np.ascontiguousarray(_inside(a), dtype), (a,))


def __getattr__(name: str) -> Any:
    if name in SIGNATURES:
        return _function(name)
    raise AttributeError(f"the stand-in for CuPy has no {name}")


class _Device:
    """One of two GPUs, current inside ``with``."""

    def __init__(self, device: int | None = None) -> None:
        self.id = _current if device is None else device
        self._before: list[int] = []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Device) and self.id == other.id

    def use(self) -> None:
        global _current
        _current = self.id

    def __enter__(self) -> _Device:
        self._before.append(_current)
        self.use()
        return self

    def __exit__(self, *_: object) -> None:
        global _current
        _current = self._before.pop()

    def synchronize(self) -> None:
        """Nothing runs in the background here."""


cuda = types.SimpleNamespace(
    Device=_Device,
    is_available=lambda: True,
    runtime=types.SimpleNamespace(
        getDeviceCount=lambda: COUNT,
        getDevice=lambda: _current,
        getDeviceProperties=lambda index: {"name": b"stand-in"},
        deviceSynchronize=lambda: None,
    ),
)
add = types.SimpleNamespace(at=_add_at)
linalg = types.SimpleNamespace(qr=_function("linalg.qr"))
lib = types.SimpleNamespace(
    stride_tricks=types.SimpleNamespace(as_strided=_function("lib.stride_tricks.as_strided"))
)


class _Generator:
    """CuPy's generator; the numbers are those of NumPy's under the same seed."""

    def __init__(self, stream: np.random.Generator) -> None:
        self._stream = stream

    def random(self, size: Any = None, dtype: Any = np.float64) -> ndarray:
        return _outside(self._stream.random(size, np.dtype(dtype)))

    def standard_normal(self, size: Any = None, dtype: Any = np.float64) -> ndarray:
        return _outside(self._stream.standard_normal(size, np.dtype(dtype)))

    def standard_exponential(self, size: Any = None, dtype: Any = np.float64) -> ndarray:
        return _outside(self._stream.standard_exponential(size, np.dtype(dtype)))

    def uniform(
        self, low: Any = 0.0, high: Any = 1.0, size: Any = None, dtype: Any = np.float64
    ) -> ndarray:
        return _outside(self._stream.uniform(low, high, size).astype(dtype))

    def integers(
        self, low: int, high: Any = None, size: Any = None, dtype: Any = np.int64
    ) -> ndarray:
        return _outside(self._stream.integers(low, high, size, dtype))


random = types.SimpleNamespace(
    Generator=_Generator,
    Philox4x3210=lambda seed: np.random.Generator(np.random.PCG64(seed)),
)
