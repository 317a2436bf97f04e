"""Files in the format of MNIST (IDX), plain or gzipped.

    2 bytes   0 0
    1 byte    type of the numbers: 08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64
    1 byte    number of axes
    4 bytes   length of each axis (big-endian)
    the rest  the numbers, big-endian

Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.data.draw import classes, floats
from nncourse.data.errors import DataError

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_PIECE = 1 << 20
MAX_BYTES = 1 << 30


def read_idx(path: Any, max_bytes: int = MAX_BYTES) -> Tensor:
    """The array of an IDX file in its own type: images of MNIST are (60000, 28, 28) uint8.

    A file that holds more or fewer numbers than its first bytes say is refused, and so is one that
    needs more than ``max_bytes`` of memory. Errors: ``DataError``, OSError.
    """
    path = Path(path)
    with open(path, "rb") as plain:
        start = plain.read(2)
        plain.seek(0)
        if start != b"\x1f\x8b":
            return constant(_read(plain, path, os.fstat(plain.fileno()).st_size, max_bytes))
        import gzip
        import zlib

        try:
            with gzip.GzipFile(fileobj=plain) as unpacked:
                return constant(_read(unpacked, path, None, max_bytes))  # type: ignore[arg-type]
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{path}: the gzip file is damaged or cut off: {error}") from None


def _read(file: BinaryIO, path: Path, size: int | None, max_bytes: int) -> numpy.ndarray:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES or not head[3]:
        raise DataError(
            f"{path}: an IDX file begins with two zero bytes, a type ({_known()}) and a number of "
            f"axes; found {head.hex(' ') or 'nothing'}"
        )
    axes = head[3]
    lengths = file.read(4 * axes)
    if len(lengths) < 4 * axes:
        raise DataError(f"{path}: cut off among the lengths of its {axes} axes")
    shape = tuple(numpy.frombuffer(lengths, ">u4").tolist())
    dtype = numpy.dtype(_TYPES[head[2]])
    needed = math.prod(shape) * dtype.itemsize
    if axes > 64 or needed > max_bytes:
        raise DataError(
            f"{path}: shape {shape[:8]} of {dtype.name} takes {needed} bytes, more than "
            f"max_bytes={max_bytes}"
        )
    if size is not None and size != 4 + 4 * axes + needed:
        raise DataError(
            f"{path}: shape {shape} of {dtype.name} takes {needed} bytes after the first "
            f"{4 + 4 * axes}; the file has {size - 4 - 4 * axes}"
        )
    # Memory grows with what is really there: the lengths of a packed file may be a lie.
    data = bytearray()
    while len(data) <= needed and (piece := file.read(min(_PIECE, needed + 1 - len(data)))):
        data += piece
    if len(data) != needed:
        found = f"only {len(data)}" if len(data) < needed else "more"
        raise DataError(
            f"{path}: shape {shape} of {dtype.name} takes {needed} bytes; found {found}"
        )
    array = numpy.frombuffer(data, dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def _known() -> str:
    return ", ".join(f"{code:02x}" for code in _TYPES)


_NAMES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


def read_mnist(folder: Any, part: str = "train") -> tuple[Tensor, Tensor]:
    """Images and classes of a folder with MNIST's files (or Fashion-MNIST's, ...), packed or not.

    part: "train" or "test". x (n, rows, columns) float32 in [0, 1], y (n,) int64.
    """
    if part not in _NAMES:
        raise ValueError(f"part must be 'train' or 'test'; got {part!r}")
    images, labels = (read_idx(_find(Path(folder), name)) for name in _NAMES[part])
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise DataError(
            f"{folder}: images (n, rows, columns) and labels (n,) are needed; the files hold "
            f"{images.shape} and {labels.shape}"
        )
    if images.dtype != numpy.uint8:
        raise DataError(f"{folder}: images of uint8 are needed; the file holds {images.dtype}")
    return floats(images._data / numpy.float32(255)), classes(labels._data)


def _find(folder: Path, name: str) -> Path:
    tried = [name, f"{name}.gz", name.replace("-idx", ".idx"), name.replace("-idx", ".idx") + ".gz"]
    for candidate in tried:
        if (folder / candidate).is_file():
            return folder / candidate
    raise FileNotFoundError(f"{folder} has none of {', '.join(tried)}")
