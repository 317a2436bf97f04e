"""Tables of numbers from CSV files."""

from __future__ import annotations

import csv
import math
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from nncourse.autograd.tensor import Tensor
from nncourse.data.draw import classes, floats
from nncourse.data.errors import DataError

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none", "-"})
MAX_BYTES = 1 << 28
_SHOWN = 5


@dataclass(frozen=True)
class Table:
    """x (n, d) float32 with the names of its columns; y is None without a label column.

    y: (n,) int64 places in ``classes`` where labels are texts or whole numbers, else (n,) float32,
    with ``classes`` None.
    """

    x: Tensor
    y: Tensor | None
    names: list[str]
    classes: list[Any] | None

    def __repr__(self) -> str:
        kinds = "" if self.classes is None else f", {len(self.classes)} classes"
        return f"Table({len(self.x)} rows, columns {', '.join(self.names)}{kinds})"


def read_csv(
    path: Any,
    label: str | int | None = None,
    header: bool | None = None,
    delimiter: str | None = None,
    decimal: str = ".",
    missing: str | float = "error",
    encoding: str = "utf-8-sig",
    max_bytes: int = MAX_BYTES,
) -> Table:
    """A CSV file of numbers with, perhaps, one column of labels.

    label: the name of the label column, or its number from 0 (-1 is the last).
    header: does the first line hold names? None: it does if none of its fields is a number.
    delimiter: None takes the one of comma, semicolon and tab that is most frequent in the first
    line. decimal: "," for numbers such as 12,5.
    missing: what to do about fields that are empty or "NA", "?", "nan", ...: "error", "drop" (leave
    out the row) or a number to put there. A row without label is never filled.

    Errors (``DataError``) name the line and the column.
    """
    path = Path(path)
    if isinstance(missing, str) and missing not in ("error", "drop"):
        raise ValueError(f"missing must be 'error', 'drop' or a number; got {missing!r}")
    if decimal not in (".", ","):
        raise ValueError(f"decimal must be '.' or ','; got {decimal!r}")
    rows = _rows(path, delimiter, decimal, encoding, max_bytes)
    if not rows:
        raise DataError(f"{path}: the file is empty")
    if header is None:
        header = not any(_is_number(field, decimal) for field in rows[0][1])
    width = len(rows[0][1])
    names = [field.strip() for field in rows[0][1]] if header else [str(i) for i in range(width)]
    if len(set(names)) < width:
        double, _times = Counter(names).most_common(1)[0]
        raise DataError(f"{path}: two columns are named {double!r}")
    rows = rows[1:] if header else rows
    if not rows:
        raise DataError(f"{path}: there are no rows below the header")
    for line, fields in rows:
        if len(fields) != width:
            raise DataError(f"{path}, line {line}: {width} fields expected, {len(fields)} found")
    target = _column(path, label, names)

    gaps = [
        (line, i)
        for line, fields in rows
        for i, field in enumerate(fields)
        if field.strip().lower() in MISSING
    ]
    if gaps and missing != "drop":
        serious = gaps if missing == "error" else [gap for gap in gaps if gap[1] == target]
        if serious:
            raise DataError(f"{path}: {_told(serious, names)}")
    if missing == "drop":
        empty = {line for line, _ in gaps}
        rows = [row for row in rows if row[0] not in empty]
        if not rows:
            raise DataError(f"{path}: every row has a missing value; {_told(gaps, names)}")

    filling = missing if isinstance(missing, int | float) else math.nan
    features = [i for i in range(width) if i != target]
    x = numpy.empty((len(rows), len(features)), numpy.float32)
    for n, (line, fields) in enumerate(rows):
        for k, i in enumerate(features):
            field = fields[i].strip()
            if field.lower() in MISSING:
                x[n, k] = filling
            else:
                x[n, k] = _number(field, decimal, f"{path}, line {line}, column {names[i]!r}")
    y, kinds = None, None
    if target is not None:
        y, kinds = _labels([fields[target].strip() for _, fields in rows], decimal)
    return Table(floats(x), y, [names[i] for i in features], kinds)


def _rows(
    path: Path, delimiter: str | None, decimal: str, encoding: str, max_bytes: int
) -> list[tuple[int, list[str]]]:
    """(number of the line, fields) of every row that is not blank."""
    with open(path, "rb") as raw:
        size = os.fstat(raw.fileno()).st_size
        if size > max_bytes:
            raise DataError(f"{path} has {size} bytes, more than max_bytes={max_bytes}")
        data = raw.read(max_bytes + 1)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}, line {line}: not {error.encoding} text (byte {data[error.start]:#04x}); "
            "Russian tables are often encoding='cp1251'"
        ) from None
    if "\0" in text:
        raise DataError(
            f"{path}, line {text[: text.index(chr(0))].count(chr(10)) + 1}: a zero byte"
        )
    lines = text.splitlines(keepends=True)
    if delimiter is None:
        first = next((line for line in lines if line.strip()), "")
        bare = re.sub(r'"[^"]*"', "", first)
        # The first of them wins where counts are equal.
        delimiter = max(";\t," if decimal == "," else ",;\t", key=bare.count)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        return [(reader.line_num, fields) for fields in reader if any(f.strip() for f in fields)]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}") from None


def _column(path: Path, label: str | int | None, names: list[str]) -> int | None:
    if label is None:
        return None
    if isinstance(label, str):
        if label not in names:
            raise DataError(f"{path}: no column {label!r}; there are {', '.join(names)}")
        return names.index(label)
    if not -len(names) <= label < len(names):
        raise DataError(f"{path}: no column number {label}; there are {len(names)}")
    return label % len(names)


def _told(gaps: list[tuple[int, int]], names: list[str]) -> str:
    shown = ", ".join(f"line {line}, column {names[i]!r}" for line, i in gaps[:_SHOWN])
    more = f" and {len(gaps) - _SHOWN} more" if len(gaps) > _SHOWN else ""
    return (
        f"missing values: {shown}{more}. Pass missing='drop' to leave out these rows, or a number "
        "to put there"
    )


def _plain(field: str, decimal: str) -> float:
    # float() takes 1_000 and words for digits of other scripts, which no table means.
    if "_" in field or not field.isascii():
        raise ValueError
    if decimal == ",":
        if "." in field:
            raise ValueError
        field = field.replace(",", ".")
    return float(field)


def _is_number(field: str, decimal: str) -> bool:
    try:
        _plain(field.strip(), decimal)
    except ValueError:
        return False
    return True


def _number(field: str, decimal: str, where: str) -> float:
    try:
        value = _plain(field, decimal)
    except ValueError:
        hint = ""
        if decimal == "." and _is_number(field, ","):
            hint = "; pass decimal=',' for numbers written like this"
        elif not any(c.isdigit() for c in field):
            hint = "; if this is the column of labels, name it with label="
        raise DataError(f"{where}: {field[:40]!r} is not a number{hint}") from None
    if not math.isfinite(value) or abs(value) > 3.4e38:
        raise DataError(f"{where}: {field[:40]!r} is beyond the range of float32")
    return value


def _labels(fields: list[str], decimal: str) -> tuple[Tensor, list[Any] | None]:
    """Places among the sorted classes, or numbers if some are fractions."""
    if all(_is_number(field, decimal) for field in fields):
        numbers = [_plain(field, decimal) for field in fields]
        if any(number != math.floor(number) for number in numbers if math.isfinite(number)):
            return floats(numbers), None
        if all(abs(number) < 2**53 for number in numbers):
            whole = [int(number) for number in numbers]
            kinds: list[Any] = sorted(set(whole))
            place = {kind: i for i, kind in enumerate(kinds)}
            return classes([place[number] for number in whole]), kinds
    kinds = sorted(set(fields))
    place = {kind: i for i, kind in enumerate(kinds)}
    return classes([place[field] for field in fields]), kinds
