"""Plain data across the border between the grader and a student's code, as bytes.

The process on the other side runs code that nobody has read, so whatever comes from it is taken
for hostile: it is parsed by this decoder, which knows a handful of types, builds nothing else and
has a limit for everything. Nothing is ever unpickled.

What crosses: None, bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, NumPy
arrays and scalars of plain dtypes. Keys and elements of sets are scalars, or tuples of such. An
object that stays on its side is represented by a ``Reference``, a number in that side's table,
where both sides agree to use them.

A frame is

    magic (4 bytes) | length of the header (u32) | length of the buffers (u64) | header | buffers

The header is JSON of scalars and lists. A scalar stands for itself; a list opens with a tag:

    ["l", ...] list         ["d", key, value, ...] dict        ["s", n] str of n bytes in UTF-8
    ["t", ...] tuple        ["f", "nan"] a float that JSON     ["b", n] bytes
    ["r", kind, number]     does not have                      ["a", dtype, [shape]] array
    ["m", key, value, ...]  dict whose keys are no str         ["x", dtype] NumPy scalar
    ["u", ...] set          ["z", ...] frozenset               ["c", real, imaginary] complex
    ["w", length, [shape], str, ...] array of str up to this length

The last column takes its bytes from the buffers, in the order of the header; arrays are in C order
and little-endian. Every byte of a frame has to be used.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncourse.grading.sandbox.huge import HugeInt, HugeList, HugeTuple
from nncourse.grading.sandbox.nothing import EmptyList, EmptyTuple, Nothing
from nncourse.grading.sandbox.refused import OddInt, OddText, Refused, plain

MAGIC = b"nnw1"
PREFIX = struct.Struct("<4sIQ")

NUMBERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
NUMBERS += ["float16", "float32", "float64", "complex64", "complex128"]
DTYPES = {name: np.dtype(name).newbyteorder("<") for name in ["bool", *NUMBERS]}
# In either byte order; NumPy composes a dtype's own ``name`` anew each time.
NAMES = {t: name for name, dtype in DTYPES.items() for t in (dtype, dtype.newbyteorder("S"))}
SHORT = 64  # bytes; a longer string goes to the buffers
DIGITS = 1300  # of an int, about 4300 bits: below Python's own limit for reading one
ODD_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
ODD_NODES = [["f", name] for name in ODD_FLOATS]
SEQUENCES: dict[type, str] = dict.fromkeys((list, EmptyList, HugeList), "l")
SEQUENCES |= dict.fromkeys((tuple, EmptyTuple, HugeTuple), "t")
KINDS = ("object", "function", "generator", "guest")
TEXTS = (str, np.str_, OddText)
INTS = (int, HugeInt, OddInt)
HASHED = (type(None), bool, *INTS, float, complex, str, OddText, bytes)


@dataclass(frozen=True)
class WireLimits:
    """What a frame may hold at most; both sides refuse more.

    header, buffers: bytes. items: values of all kinds, containers included. depth: containers
    within containers. An array counts with its bytes. hashed: keys and elements of sets that are no
    str. alike: those of one dict or set with the same hash, which can be chosen, and each of which
    is compared with all.
    """

    header: int = 2 << 20
    buffers: int = 64 << 20
    items: int = 100_000
    depth: int = 32
    hashed: int = 10_000
    alike: int = 100  # 64 powers of two are
    dimensions: int = 32


LIMITS = WireLimits()


class WireError(Exception):
    """Something can't cross, or what came is no frame; the text names what and where."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.where = ""

    def within(self, step: str) -> WireError:
        """The same error, seen from one container further out."""
        self.where = step + self.where
        return self

    def __str__(self) -> str:
        return f"{self.what} at {self.where}" if self.where else self.what


@dataclass(frozen=True)
class Reference:
    """An object that stays where it is; ``number`` finds it in a table there."""

    kind: str
    number: int


def encode(
    value: Any,
    limits: WireLimits = LIMITS,
    refer: Callable[[Any], Reference] | None = None,
) -> bytes:
    """The frame of a value. ``refer`` names objects that are not plain; without it they raise.

    Only the exact types cross: a subclass could say one thing and be another. WireError names the
    first value that can't cross.
    """
    writer = _Writer(limits, refer)
    tree = writer.tree(value, 0)
    header = _ENCODER.encode(tree).encode()
    if len(header) > limits.header:
        raise WireError(f"a header of {len(header)} bytes, more than {limits.header}")
    prefix = PREFIX.pack(MAGIC, len(header), writer.size)
    return b"".join([prefix, header, *writer.buffers])


def lengths(prefix: bytes, limits: WireLimits = LIMITS) -> tuple[int, int]:
    """The lengths of header and buffers that the first ``PREFIX.size`` bytes of a frame announce.

    To be called before anything is allocated for them. WireError if they are over the limits.
    """
    if len(prefix) != PREFIX.size:
        raise WireError(f"a frame that ends after {len(prefix)} bytes")
    magic, header, buffers = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise WireError(f"a frame that opens with {magic!r}")
    if header > limits.header:
        raise WireError(f"a header of {header} bytes, more than {limits.header}")
    if buffers > limits.buffers:
        raise WireError(f"buffers of {buffers} bytes, more than {limits.buffers}")
    return header, buffers


def decode(
    frame: bytes | bytearray,
    limits: WireLimits = LIMITS,
    resolve: Callable[[Reference], Any] | None = None,
) -> Any:
    """The value in a frame. ``resolve`` turns references into what they stand for.

    Raises nothing but WireError, whatever the bytes. Arrays are new, writable, in C order.
    """
    view = memoryview(frame)
    header_size, buffers_size = lengths(bytes(view[: PREFIX.size]), limits)
    if len(view) != PREFIX.size + header_size + buffers_size:
        raise WireError(f"a frame of {len(view)} bytes that announces another length")
    start = PREFIX.size + header_size
    tree = _parse(bytes(view[PREFIX.size : start]), limits)
    reader = _Reader(view[start:], limits, resolve)
    value = reader.value(tree, 0)
    if reader.at != buffers_size:
        raise WireError(f"{buffers_size - reader.at} bytes of buffers that nothing refers to")
    return value


class _Writer:
    def __init__(self, limits: WireLimits, refer: Callable[[Any], Reference] | None) -> None:
        self.limits = limits
        self.refer = refer
        self.buffers: list[bytes] = []
        self.size = 0
        self.items = 0
        self.wide = 0  # bytes of arrays of str
        self.hashed = 0

    def tree(self, value: Any, depth: int) -> Any:
        self.items += 1
        if self.items > self.limits.items:
            raise WireError(f"more than {self.limits.items} values")
        kind = type(value)
        if value is None or kind is bool:
            return value
        if kind in INTS:
            # bit_length is cheap, writing out the digits of a huge number is not.
            if value.bit_length() > 3 * DIGITS:
                raise WireError(f"an int of {value.bit_length()} bits")
            return int(value)
        if kind is float:
            return value if math.isfinite(value) else ["f", str(value)]
        if kind in TEXTS:
            return self._text(str(value))
        if kind is bytes:
            return ["b", self._buffer(value)]
        if kind is np.ndarray and value.dtype.kind == "U":
            return self._words(value)
        if kind is np.ndarray or kind is Nothing:
            return ["a", self._array(value), list(value.shape)]
        if isinstance(value, np.generic) and kind.__module__ == "numpy":
            return ["x", self._array(np.asarray(value))]
        if kind in SEQUENCES:
            return self._sequence(value, SEQUENCES[kind], depth)
        if kind is dict:
            return self._dict(value, depth)
        if kind is set or kind is frozenset:
            return self._set(value, "u" if kind is set else "z", depth)
        if kind is complex:
            return ["c", self.tree(value.real, depth), self.tree(value.imag, depth)]
        if kind is Refused:
            return self.tree(plain(value), depth)
        if self.refer is not None:
            reference = self.refer(value)
            return ["r", reference.kind, reference.number]
        raise WireError(f"an object of type {kind.__name__}, which is no plain data")

    def _deeper(self, depth: int) -> int:
        if depth >= self.limits.depth:
            raise WireError(f"containers nested more than {self.limits.depth} deep")
        return depth + 1

    def _sequence(self, value: list | tuple, tag: str, depth: int) -> list:
        depth = self._deeper(depth)
        out: list = [tag]
        for index, item in enumerate(value):
            try:
                out.append(self.tree(item, depth))
            except WireError as error:
                raise error.within(f"[{index}]") from None
        return out

    def _dict(self, value: dict, depth: int) -> list:
        depth = self._deeper(depth)
        named = all(type(key) in TEXTS for key in value)
        out: list = ["d" if named else "m"]
        hashes: dict[int, int] = {}
        for key, item in value.items():
            try:
                label = self._text(str(key)) if named else self._key(key, depth, hashes)
                out += [label, self.tree(item, depth)]
            except WireError as error:
                raise error.within(f"[{repr(key)[:40] if hashable(key) else '?'}]") from None
        return out

    def _set(self, value: set | frozenset, tag: str, depth: int) -> list:
        depth = self._deeper(depth)
        hashes: dict[int, int] = {}
        return [tag, *(self._key(item, depth, hashes) for item in value)]

    def _key(self, value: Any, depth: int, hashes: dict[int, int]) -> Any:
        if not hashable(value):
            raise WireError(f"a key of type {type(value).__name__}, which is no plain data")
        if type(value) is not str:
            self.hashed += 1
            if self.hashed > self.limits.hashed:
                raise WireError(f"more than {self.limits.hashed} keys that are no str")
            _count(value, hashes, self.limits.alike)
        return self.tree(value, depth)

    def _text(self, value: str) -> str | list:
        try:
            data = value.encode()
        except UnicodeEncodeError as error:
            raise WireError(f"a str with half a surrogate pair at {error.start}") from None
        return value if len(data) <= SHORT else ["s", self._buffer(data)]

    def _array(self, value: np.ndarray) -> str:
        name = NAMES.get(value.dtype)
        if name is None:
            raise WireError(f"an array of dtype {value.dtype.name}")
        if value.ndim > self.limits.dimensions:
            raise WireError(f"an array of {value.ndim} dimensions")
        self._room(value.nbytes)  # before tobytes: a broadcast view can be larger than its memory
        if not value.dtype.isnative or sys.byteorder != "little":
            value = value.astype(DTYPES[name])
        self._buffer(value.tobytes("C"))
        return name

    def _words(self, value: np.ndarray) -> list:
        if value.ndim > self.limits.dimensions:
            raise WireError(f"an array of {value.ndim} dimensions")
        self.items += value.size
        self.wide += value.nbytes
        if self.items > self.limits.items or self.wide > self.limits.buffers:
            raise WireError(f"more than {self.limits.items} values")
        length = max(1, value.dtype.itemsize // 4)
        return ["w", length, list(value.shape), *map(self._text, value.ravel().tolist())]

    def _room(self, size: int) -> None:
        if self.size + size > self.limits.buffers:
            raise WireError(f"more than {self.limits.buffers} bytes of data")

    def _buffer(self, data: bytes) -> int:
        self._room(len(data))
        self.buffers.append(data)
        self.size += len(data)
        return len(data)


def hashable(value: Any) -> bool:
    """Whether it may be a key, or an element of a set: a scalar, or a tuple of such."""
    if type(value) is tuple:
        return all(map(hashable, value))
    return type(value) in HASHED or (
        isinstance(value, np.generic) and (type(value) is np.str_ or value.dtype in NAMES)
    )


def _count(key: Any, hashes: dict[int, int], most: int) -> None:
    """One more key with its hash."""
    number = hash(key)
    hashes[number] = hashes.get(number, 0) + 1
    if hashes[number] > most:
        raise WireError(f"more than {most} keys with the same hash")


def _parse(header: bytes, limits: WireLimits) -> Any:
    # Every value but the first follows a comma or a bracket. Those within strings count too, so
    # this is only a bound on what json builds; the reader counts exactly.
    if header.count(b",") + header.count(b"[") > 4 * limits.items + SHORT:
        raise WireError(f"more than {limits.items} values")
    try:
        return _DECODER.decode(header.decode())
    except UnicodeDecodeError:
        raise WireError("a header that is not UTF-8") from None
    except RecursionError:
        raise WireError(f"containers nested more than {limits.depth} deep") from None
    except ValueError as error:
        raise WireError(f"a header that is not JSON ({str(error)[:80]})") from None


def _parse_int(digits: str) -> int:
    if len(digits) > DIGITS:
        raise WireError(f"an int of {len(digits)} digits")
    return int(digits)


def _parse_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise WireError(f"a float beyond range, {digits[:20]}")
    return value


def _refuse_constant(name: str) -> None:
    raise WireError(f"{name} as a bare word")


def _refuse_object(pairs: Any) -> None:
    raise WireError("a JSON object, where only lists are used")


# Made once: to make them takes longer than to use them.
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_DECODER = json.JSONDecoder(
    parse_int=_parse_int,
    parse_float=_parse_float,
    parse_constant=_refuse_constant,
    object_pairs_hook=_refuse_object,
)


class _Reader:
    def __init__(
        self,
        buffers: memoryview,
        limits: WireLimits,
        resolve: Callable[[Reference], Any] | None,
    ) -> None:
        self.buffers = buffers
        self.limits = limits
        self.resolve = resolve
        self.at = 0
        self.items = 0
        self.wide = 0  # bytes of arrays of str
        self.hashed = 0

    def value(self, node: Any, depth: int) -> Any:
        self.items += 1
        if self.items > self.limits.items:
            raise WireError(f"more than {self.limits.items} values")
        if type(node) is str:
            return self._text(node)
        if type(node) is not list:
            return node
        tag = node[0] if node else None
        if tag == "l":
            return self._sequence(node, depth)
        if tag == "t":
            return tuple(self._sequence(node, depth))
        if tag == "d" or tag == "m":
            return self._dict(node, depth)
        if tag == "u" or tag == "z":
            return self._set(node, depth)
        if tag == "s":
            return self._text(node)
        if tag == "a" and len(node) == 3:
            return self._array(node[1], node[2])
        if tag == "w" and len(node) > 2:
            return self._words(node[1], node[2], node[3:])
        if tag == "x" and len(node) == 2:
            return self._array(node[1], [])[()]
        if tag == "b" and len(node) == 2:
            return bytes(self._take(node[1]))
        if tag == "f" and len(node) == 2 and type(node[1]) is str and node[1] in ODD_FLOATS:
            return ODD_FLOATS[node[1]]
        if tag == "r" and len(node) == 3:
            return self._reference(node[1], node[2])
        if tag == "c" and len(node) == 3:
            return self._complex(*node[1:])
        raise WireError(f"an unknown form in the header, {str(tag)[:20]!r}")

    def _sequence(self, node: list, depth: int) -> list:
        if depth >= self.limits.depth:
            raise WireError(f"containers nested more than {self.limits.depth} deep")
        out = []
        for index in range(1, len(node)):
            try:
                out.append(self.value(node[index], depth + 1))
            except WireError as error:
                raise error.within(f"[{index - 1}]") from None
        return out

    def _complex(self, *nodes: Any) -> complex:
        # Read in no further than a float goes, or there would be no end to it.
        parts = [self.value(n, 0) for n in nodes if type(n) is float or n in ODD_NODES]
        if len(parts) < 2:
            raise WireError("a complex number of other parts than two floats")
        return complex(*parts)

    def _key(self, node: Any, depth: int, hashes: dict[int, int]) -> Any:
        key = self.value(node, depth)
        if not hashable(key):
            raise WireError("a key that is no plain scalar or tuple")
        if type(key) is not str:
            self.hashed += 1
            if self.hashed > self.limits.hashed:
                raise WireError(f"more than {self.limits.hashed} keys that are no str")
            _count(key, hashes, self.limits.alike)
        return key

    def _set(self, node: list, depth: int) -> set | frozenset:
        if depth >= self.limits.depth:
            raise WireError(f"containers nested more than {self.limits.depth} deep")
        hashes: dict[int, int] = {}
        items = [self._key(item, depth + 1, hashes) for item in node[1:]]
        found = set(items)
        if len(found) < len(items):
            raise WireError("a set with an element twice")
        return found if node[0] == "u" else frozenset(found)

    def _dict(self, node: list, depth: int) -> dict[Any, Any]:
        if depth >= self.limits.depth:
            raise WireError(f"containers nested more than {self.limits.depth} deep")
        if len(node) % 2 == 0:
            raise WireError("a dict with a key and no value")
        out: dict[Any, Any] = {}
        hashes: dict[int, int] = {}
        for index in range(1, len(node), 2):
            named = node[0] == "d"
            key = self._text(node[index]) if named else self._key(node[index], depth + 1, hashes)
            if key in out:
                raise WireError(f"a dict with the key {repr(key)[:40]} twice")
            try:
                out[key] = self.value(node[index + 1], depth + 1)
            except WireError as error:
                raise error.within(f"[{repr(key)[:40]}]") from None
        return out

    def _text(self, node: Any) -> str:
        if type(node) is str:
            # JSON's escapes can spell half a surrogate pair, which nothing could write out again.
            try:
                node.encode()
            except UnicodeEncodeError:
                raise WireError("a str with half a surrogate pair") from None
            return node
        if type(node) is list and len(node) == 2 and node[0] == "s":
            try:
                return str(self._take(node[1]), "utf-8")
            except UnicodeDecodeError:
                raise WireError("a str that is not UTF-8") from None
        raise WireError(f"a key that is no str, {str(node)[:20]!r}")

    def _array(self, name: Any, shape: Any) -> np.ndarray:
        dtype = DTYPES.get(name) if type(name) is str else None
        if dtype is None:
            raise WireError(f"an array of dtype {str(name)[:20]!r}")
        self._check(shape)
        # Also where one axis is 0 the others must be such that NumPy can describe it.
        if math.prod(n for n in shape if n) * dtype.itemsize > self.limits.buffers:
            raise WireError(f"an array of shape {tuple(shape)}")
        data = self._take(math.prod(shape) * dtype.itemsize)
        if name == "bool" and data and np.frombuffer(data, np.uint8).max() > 1:
            raise WireError("an array of bools that are neither true nor false")
        out = np.empty(shape, dtype.newbyteorder("="))  # owns its memory, as views would not
        out[...] = np.frombuffer(data, dtype).reshape(shape)
        return out

    def _check(self, shape: Any) -> None:
        if type(shape) is not list or len(shape) > self.limits.dimensions:
            raise WireError("an array without a proper shape")
        if not all(type(n) is int and 0 <= n < 1 << 31 for n in shape):
            raise WireError("an array with an odd axis")

    def _words(self, length: Any, shape: Any, nodes: list) -> np.ndarray:
        self._check(shape)
        if type(length) is not int or length < 1:
            raise WireError("an array of str of an odd length")
        self.items += len(nodes)
        if self.items > self.limits.items:
            raise WireError(f"more than {self.limits.items} values")
        self.wide += 4 * length * math.prod(n for n in shape if n)
        if self.wide > self.limits.buffers:
            raise WireError(f"an array of shape {tuple(shape)}, too large with the others")
        words = [self._text(node) for node in nodes]
        if math.prod(shape) != len(words) or any(len(word) > length for word in words):
            raise WireError("an array of other str than it says")
        return np.array(words, dtype=f"U{length}").reshape(shape)

    def _take(self, size: Any) -> memoryview:
        if type(size) is not int or size < 0 or self.at + size > len(self.buffers):
            raise WireError("a value that reaches beyond the buffers")
        start, self.at = self.at, self.at + size
        return self.buffers[start : self.at]

    def _reference(self, kind: Any, number: Any) -> Any:
        if kind not in KINDS or type(number) is not int or not 0 <= number < 1 << 53:
            raise WireError("a reference that is none")
        if self.resolve is None:
            raise WireError("an object, where only plain data is expected")
        return self.resolve(Reference(kind, number))
