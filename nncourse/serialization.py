"""Weights in files, in the safetensors format.

A file of PyTorch's own is a pickle, and loading a pickle runs whatever code its author put there.
A safetensors file is numbers with a table of contents, so nothing in it can run, and the package of
that name reads and writes the same files for PyTorch and others:

    8 bytes   n, the length of the table (unsigned, little-endian)
    n bytes   {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...} as JSON;
              "__metadata__" may hold texts
    the rest  the numbers, one tensor directly after the other, little-endian

``save_file`` and ``load_file`` move dicts of tensors. ``save`` and ``load`` bear PyTorch's names;
beside state dicts of modules they take what optimisers and training loops keep: nested dicts, lists
and tuples of tensors, arrays, numbers, texts and None. Their tensors stand in the file under dotted
names, the rest as JSON among the texts; see ``nncourse.structure``.

Every statement of a file about itself is checked before memory is set aside for it. Format:
https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import io
import json
import math
import os
import secrets
import stat
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy

from nncourse.autograd.function import constant
from nncourse.autograd.placement import to_device
from nncourse.autograd.tensor import Tensor
from nncourse.backend import device as _device
from nncourse.backend import to_numpy
from nncourse.structure import KEY, pack, unpack

_TYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "U32": "<u4",
    "I32": "<i4",
    "U64": "<u8",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}
_CODES = {numpy.dtype(text): code for code, text in _TYPES.items()}
_MOST_CONTENTS = 100_000_000  # bytes of the table of contents; the limit of the safetensors package
_MOST_AXES = 64  # of a NumPy array
_METADATA = "__metadata__"


class FormatError(ValueError):
    """A file that is not what it should be: another format, cut off, damaged, or made to harm."""


# Writing


def save(obj: Any, f: Any) -> None:
    """Write a state dict, or nested dicts, lists and tuples of such things, to a file.

    obj: tensors, arrays, numbers, texts, None, and dicts, lists, tuples of these. A module is not
    among them: save ``model.state_dict()``.
    f: a path, which is replaced only once all is written (a crash leaves the old file whole), or a
    file open for writing bytes. A process killed while it writes leaves, beside the path, what it
    had written so far, as ``.name.<12 hexadecimal digits>.tmp``; it may be deleted.

    A dict of tensors becomes a plain safetensors file that PyTorch reads with
    ``safetensors.torch.load_file``.
    """
    tensors, structure = pack(obj)
    save_file(tensors, f, None if structure is None else {KEY: structure})


def save_file(
    tensors: Mapping[str, Any], filename: Any, metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors (or arrays) by name, as ``safetensors.torch.save_file`` does.

    metadata: texts to keep in the file. A tensor under two names is written twice.
    """
    contents: dict[str, Any] = {}
    if metadata:
        for key, text in metadata.items():
            if not isinstance(key, str) or not isinstance(text, str):
                raise TypeError(f"metadata are texts by name; got {key!r}: {type(text).__name__}")
        contents[_METADATA] = dict(metadata)
    arrays = {name: _plain(name, value) for name, value in tensors.items()}
    # Wide types first: then each array begins at a multiple of its own size.
    order = sorted(arrays, key=lambda name: -arrays[name].itemsize)
    offsets, end = {}, 0
    for name in order:
        offsets[name] = [end, end + arrays[name].nbytes]
        end += arrays[name].nbytes
    for name, array in arrays.items():
        contents[name] = {
            "dtype": _CODES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": offsets[name],
        }
    table = json.dumps(contents, ensure_ascii=False, separators=(",", ":")).encode()
    table += b" " * (-len(table) % 8)
    if len(table) > _MOST_CONTENTS:
        raise ValueError(f"the names and texts take {len(table)} bytes; at most {_MOST_CONTENTS}")
    with _replacing(filename) as file:
        file.write(len(table).to_bytes(8, "little"))
        file.write(table)
        for name in order:
            file.write(arrays[name].reshape(-1).view(numpy.uint8).data)


def _plain(name: Any, value: Any) -> numpy.ndarray:
    """The array of a tensor, contiguous, in little-endian order."""
    if not isinstance(name, str) or name == _METADATA:
        raise TypeError(f"tensors are named by texts other than {_METADATA!r}; got {name!r}")
    if not isinstance(value, Tensor | numpy.ndarray | numpy.generic):
        raise TypeError(f"{name}: a tensor or an array is needed; got {type(value).__name__}")
    array = to_numpy(value._data if isinstance(value, Tensor) else value)
    dtype = array.dtype.newbyteorder("<")
    if dtype not in _CODES:
        raise TypeError(f"{name}: safetensors holds no {array.dtype}; it holds {', '.join(_TYPES)}")
    return numpy.array(array, dtype, order="C", copy=None)


@contextmanager
def _replacing(target: Any) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of ``target`` when all has been written."""
    if hasattr(target, "write"):
        yield target
        return
    path = Path(os.path.realpath(target))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    with suppress(OSError):  # where a folder can be synchronised, the new name survives a power cut
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


# Reading


def load(f: Any, map_location: Any = None, weights_only: bool = True) -> Any:
    """Read what ``save`` wrote, or any safetensors file: then it is a dict of tensors.

    map_location: the device that tensors come to, the processor unless given. weights_only is taken
    so that programs written for PyTorch run: code is never run, and PyTorch's own .pt files are
    refused. Errors: ``FormatError``, and OSError if there is no such file.
    """
    place = _device("cpu" if map_location is None else map_location)
    if not weights_only:
        warnings.warn(
            "weights_only=False has no effect: a file holds data and never code", stacklevel=2
        )
    tensors, metadata = _read(f)
    if place.type != "cpu":
        tensors = {name: to_device(tensor, place) for name, tensor in tensors.items()}
    if KEY not in metadata:
        return tensors
    try:
        return unpack(tensors, metadata[KEY])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(
            f"{_named(f)}: the description of what was saved is damaged: {error}"
        ) from None


def load_file(filename: Any, device: Any = "cpu") -> dict[str, Tensor]:
    """The tensors of a safetensors file by name, in the order of its table, on a device.

    bfloat16, which NumPy lacks, is read as float32 (exactly), with a warning.
    """
    place = _device(device)
    return {name: to_device(tensor, place) for name, tensor in _read(filename)[0].items()}


def load_metadata(filename: Any) -> dict[str, str]:
    """The texts of a safetensors file by name."""
    with _opened(filename) as (file, size, name):
        return _contents(file, size, name)[1]


def _read(source: Any) -> tuple[dict[str, Tensor], dict[str, str]]:
    with _opened(source) as (file, size, name):
        entries, metadata, start = _contents(file, size, name)
        narrow = [key for key, (code, _, _) in entries.items() if code == "BF16"]
        if narrow:
            warnings.warn(
                f"{name}: {len(narrow)} bfloat16 tensors ({narrow[0]!r}...) are read as float32, "
                "which holds their values exactly in twice the memory",
                stacklevel=4,
            )
        tensors = {
            key: constant(_numbers(file, start + begin, code, shape, f"{name}: {key!r}"))
            for key, (code, shape, begin) in entries.items()
        }
    return tensors, metadata


@contextmanager
def _opened(source: Any) -> Iterator[tuple[BinaryIO, int, str]]:
    """(file, its size in bytes from here on, what to call it in errors)."""
    if hasattr(source, "read"):
        start = source.tell()
        size = source.seek(0, io.SEEK_END) - start
        source.seek(start)
        yield source, size, _named(source)
        return
    if not stat.S_ISREG(os.stat(source).st_mode):
        raise FormatError(f"{source} is not an ordinary file")
    with open(source, "rb") as file:
        yield file, os.fstat(file.fileno()).st_size, _named(source)


def _named(source: Any) -> str:
    return str(source) if isinstance(source, str | os.PathLike) else "the file"


Entry = tuple[str, tuple[int, ...], int]  # code of the type, shape, first byte among the numbers


def _contents(file: BinaryIO, size: int, name: str) -> tuple[dict[str, Entry], dict[str, str], int]:
    """The checked table of contents, the texts, and where in the file the numbers begin."""
    start = file.tell()
    head = file.read(9)
    length = int.from_bytes(head[:8], "little")
    # The same bytes may begin a table's length, but not one that is followed by a table.
    if (head[:2] == b"PK" or head[:1] == b"\x80") and head[8:] != b"{":
        raise FormatError(
            f"{name} is a pickle or an archive, as torch.save writes them; such files can run code "
            "and are not opened. In PyTorch, write the weights with "
            "safetensors.torch.save_file(model.state_dict(), path)"
        )
    if len(head) < 9:
        raise FormatError(f"{name} has {size} bytes; a safetensors file has at least 10")
    if length > min(size - 8, _MOST_CONTENTS):
        raise FormatError(
            f"{name} is no safetensors file, or is cut off: its first 8 bytes say that a table of "
            f"{length} bytes follows, the file has {size - 8} more (and {_MOST_CONTENTS} is the "
            "most allowed)"
        )
    file.seek(start + 8)
    try:
        table = json.loads(
            file.read(length).decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{name}: the table of contents is no proper JSON: {error}") from None
    if not isinstance(table, dict):
        raise FormatError(f"{name}: the table of contents must be a JSON object")
    metadata = table.pop(_METADATA, {})
    if not isinstance(metadata, dict) or any(not isinstance(v, str) for v in metadata.values()):
        raise FormatError(f"{name}: {_METADATA} must hold texts by name")
    found = {key: _entry(entry, f"{name}: {key!r}") for key, entry in table.items()}
    expected, previous = 0, "the table"
    for key, (_, _, begin, end) in sorted(found.items(), key=lambda item: item[1][2:]):
        if begin != expected:
            raise FormatError(
                f"{name}: {key!r} begins at byte {begin} of the numbers, but {previous} ends at "
                f"{expected}: tensors must neither overlap nor leave gaps"
            )
        expected, previous = end, repr(key)
    there = size - 8 - length
    if expected != there:
        raise FormatError(
            f"{name}: the table promises {expected} bytes of numbers, the file has {there}"
        )
    return {key: entry[:3] for key, entry in found.items()}, metadata, start + 8 + length


def _entry(entry: Any, name: str) -> tuple[str, tuple[int, ...], int, int]:
    """(type, shape, begin, end) of one tensor, if the statements about it agree."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise FormatError(f"{name}: an entry has dtype, shape and data_offsets; got {entry!r:.200}")
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or (code not in _TYPES and code != "BF16"):
        raise FormatError(f"{name}: unknown type {code!r:.40}; known are {', '.join(_TYPES)}, BF16")
    if not _whole(shape) or len(shape) > _MOST_AXES or math.prod(n or 1 for n in shape) >= 2**60:
        raise FormatError(f"{name}: impossible shape {shape!r:.200}")
    if not _whole(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise FormatError(f"{name}: impossible data_offsets {offsets!r:.200}")
    width = 2 if code == "BF16" else numpy.dtype(_TYPES[code]).itemsize
    needed = math.prod(shape) * width
    if offsets[1] - offsets[0] != needed:
        raise FormatError(
            f"{name}: {code} of shape {tuple(shape)} takes {needed} bytes, but data_offsets "
            f"{offsets} hold {offsets[1] - offsets[0]}"
        )
    return code, tuple(shape), offsets[0], offsets[1]


def _whole(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(type(n) is int and n >= 0 for n in numbers)


def _numbers(
    file: BinaryIO, start: int, code: str, shape: tuple[int, ...], name: str
) -> numpy.ndarray:
    """One tensor's array; its size has been checked against the file's."""
    stored = numpy.dtype("<u2" if code == "BF16" else "|u1" if code == "BOOL" else _TYPES[code])
    array = numpy.empty(shape, stored)
    file.seek(start)
    view = array.reshape(-1).view(numpy.uint8).data
    done = 0
    while done < len(view):
        piece = file.read(min(len(view) - done, 1 << 24))
        if not piece:
            raise FormatError(f"{name}: the file ended while it was being read")
        view[done : done + len(piece)] = piece
        done += len(piece)
    if code == "BOOL":
        if array.size and array.max() > 1:
            raise FormatError(f"{name}: a BOOL is 0 or 1; found {array.max()}")
        return array.view(numpy.bool_)
    if code == "BF16":
        # bfloat16 is the upper half of float32.
        return (array.astype(numpy.uint32) << 16).view(numpy.float32)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        name, _times = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"{name!r} appears twice")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")
