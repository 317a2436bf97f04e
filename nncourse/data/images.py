"""A folder of pictures, one folder inside for each class."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.data.draw import classes
from nncourse.data.errors import DataError

FORMATS = ("PNG", "JPEG")
_ENDINGS = (".png", ".jpg", ".jpeg")
MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class Pictures:
    """x (n, channels, height, width) float32 in [0, 1], y (n,) int64 places in ``classes``."""

    x: Tensor
    y: Tensor
    classes: list[str]
    files: list[Path]

    def __repr__(self) -> str:
        return f"Pictures({self.x.shape}, classes {', '.join(self.classes)})"


def read_images(
    folder: Any,
    size: tuple[int, int] | None = None,
    channels: int = 1,
    max_bytes: int = MAX_BYTES,
) -> Pictures:
    """Pictures (PNG or JPEG) from ``folder/class/name.png``; the classes are the folders' names.

    size: (height, width) to which all are scaled; None: they must be equally large. channels: 1 for
    shades of grey, 3 for colours; transparent parts are taken as white. Folders and files are read
    in alphabetical order; hidden ones (with a dot in front) are left out, any other file is an
    error. A set that needs more than ``max_bytes`` of memory is refused before it is read.
    Needs Pillow, which comes with matplotlib: ``pip install "nncourse[course]"``.
    """
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(
            'read_images needs Pillow: pip install "nncourse[course]" (or pillow alone)'
        ) from None
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 or 3; got {channels}")
    found = _listed(Path(folder))
    kinds = sorted({path.parent.name for path in found})
    x = numpy.empty(0, numpy.float32)
    wanted = (0, 0) if size is None else size
    for i, path in enumerate(found):
        try:
            # Opening reads the size alone; pixels are not decoded before it has been checked.
            with Image.open(path, formats=FORMATS) as picture:
                shape = (picture.height, picture.width)
                if i == 0 or size is not None:
                    wanted = size or shape
                    _check_memory(path, shape, wanted, len(found), channels, max_bytes)
                if i == 0:
                    x = numpy.empty((len(found), channels, *wanted), numpy.float32)
                if size is None and shape != wanted:
                    raise DataError(
                        f"{path} has {shape[0]} x {shape[1]} pixels, {found[0]} has "
                        f"{wanted[0]} x {wanted[1]}: pass size=(height, width) to scale all"
                    )
                x[i] = _pixels(picture, wanted, channels, Image)
        except DataError:
            raise
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise DataError(f"{path} cannot be read as PNG or JPEG: {error}") from None
    y = [kinds.index(path.parent.name) for path in found]
    return Pictures(constant(x), classes(y), kinds, found)


def _listed(folder: Path) -> list[Path]:
    """The pictures, in order."""
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    found = []
    inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    for kind in inside:
        if not kind.is_dir():
            raise DataError(f"{kind}: folders named after classes are expected here, not files")
        for path in sorted(kind.iterdir()):
            if path.name.startswith("."):
                continue
            if not path.is_file() or path.suffix.lower() not in _ENDINGS:
                raise DataError(f"{path}: expected {', '.join(_ENDINGS)} files")
            found.append(path)
    if not found:
        raise DataError(f"{folder}: no pictures in folders named after classes")
    return found


def _check_memory(
    path: Path,
    shape: tuple[int, int],
    wanted: tuple[int, int],
    n: int,
    channels: int,
    max_bytes: int,
) -> None:
    total = n * channels * wanted[0] * wanted[1] * 4
    if shape[0] * shape[1] * 4 > max_bytes or total > max_bytes:
        raise DataError(
            f"{path} has {shape[0]} x {shape[1]} pixels; {n} pictures of {wanted[0]} x {wanted[1]} "
            f"take {total} bytes, and max_bytes={max_bytes}"
        )


def _pixels(picture: Any, size: Any, channels: int, image: Any) -> numpy.ndarray:
    """(channels, height, width) float32 in [0, 1]."""
    if picture.mode.startswith("I"):  # 16 bits of grey, which conversions would cut off
        grey = numpy.asarray(picture, dtype=numpy.float32) / 65535
        picture = image.fromarray((grey * 255).round().clip(0, 255).astype(numpy.uint8))
    if picture.mode in ("LA", "RGBA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = image.new("RGBA", picture.size, "white")
        picture = image.alpha_composite(white, picture)
    picture = picture.convert("L" if channels == 1 else "RGB")
    if (picture.height, picture.width) != tuple(size):
        picture = picture.resize((size[1], size[0]), image.Resampling.BILINEAR)
    array = numpy.asarray(picture, dtype=numpy.float32) / 255
    return array[None] if channels == 1 else array.transpose(2, 0, 1)
