"""From what a student's function returned to the named arrays of a piece.

Lists and plain numbers are taken for arrays, a list for a tuple; anything else that is not asked
for gets a sentence about what came and what was expected.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nncourse.check.call import printable
from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array
from nncourse.exercises.piece import EXACT, LISTS, Piece, Title, as_array
from nncourse.language import mark

LONGEST_KEY = 60  # characters of one in a message
Answers = dict[str, "Array | Finding"]


def _what(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array {np.shape(value)}"
    return type(value).__name__


def to_array(value: Any, name: str) -> Array | Finding:
    """A plain array of real numbers, copied; or what is wrong with ``value``."""
    if value is None:
        return Finding("none", mark("{name} is None."), {"name": Title(name)})
    from_list = isinstance(value, LISTS)
    numbers = (np.ndarray, np.generic, int, float, *EXACT)
    if not from_list and not isinstance(value, numbers):
        return Finding(
            "type",
            mark("{name} is of type {kind}; a NumPy array is expected."),
            {"name": Title(name), "kind": type(value).__name__},
        )
    try:
        array = as_array(value)
    except Exception:
        array = np.array(None)
    if array.dtype == np.float16 and _whole(array):
        return array.astype(np.float64)
    if array.dtype == np.float16:
        text = mark(
            "{name} is in float16, which keeps three digits: too few to tell right from nearly "
            "right. Compute in float32 or float64."
        )
        return Finding("type", text, {"name": Title(name)})
    if array.dtype.kind not in "fiub":
        if from_list:
            text = mark("{name} is a list that is not a rectangular table of numbers.")
        else:
            text = mark("{name} is an array of {kind}; real numbers are expected.")
        # Without a length, which an answer could choose by what it was given.
        kind = array.dtype.type.__name__.rstrip("_")
        return Finding("type", text, {"name": Title(name), "kind": kind})
    return array.astype(np.float64) if from_list or array.dtype.kind == "b" else array


def _whole(array: Array) -> bool:
    """Whether it holds whole numbers alone, as what NumPy rounds Boolean arrays to, in float16."""
    return bool(np.isfinite(array).all() and np.array_equal(array, np.rint(array)))


def unpack(piece: Piece, value: Any) -> Answers | Finding:
    """The outputs by name, each an array or what is wrong with it; or one finding for all."""
    try:
        return _unpack(piece, value)
    except Exception as error:
        # Containers of the student's own making may raise anything when they are read.
        return Finding(
            "type",
            mark("The result cannot be read ({kind})."),
            {"kind": type(error).__name__},
        )


def _unpack(piece: Piece, value: Any) -> Answers | Finding:
    names = {output.name for output in piece.outputs}
    expected = piece.signature.split("-> ")[-1]
    if value is None:
        return Finding(
            "none",
            mark("The function returned nothing (None). Is the return missing? Expected: {want}."),
            {"want": expected},
        )
    if len(names) == 1 and not piece.outputs[0].key:
        output = piece.outputs[0]
        if isinstance(value, tuple):
            if len(value) != 1:
                return _wrong_count(len(value), 1, expected)
            value = value[0]
        return {output.name: to_array(value, output.name)}
    count = 1 + max(int(output.key[0]) for output in piece.outputs)
    if not isinstance(value, LISTS):
        return Finding(
            "count",
            mark("{count} results are expected, {want}; one came back ({kind})."),
            {"count": count, "want": expected, "kind": _what(value)},
        )
    if len(value) != count:
        return _wrong_count(len(value), count, expected)
    answers: Answers = {}
    for output in piece.outputs:
        item = value[int(output.key[0])]
        for key in output.key[1:]:
            item = _entry(item, key, output.name)
        answers[output.name] = item if isinstance(item, Finding) else to_array(item, output.name)
    return answers


def _entry(item: Any, key: int | str, name: str) -> Any:
    if isinstance(item, Finding):
        return item
    if not isinstance(item, Mapping):
        return Finding(
            "type",
            mark("{name} should stand in a dictionary under {key!r}; {kind} came back."),
            {"name": Title(name), "key": key, "kind": _what(item)},
        )
    if key not in item:
        return Finding(
            "key",
            mark("{name} is missing: the dictionary has no key {key!r}, only {keys}."),
            {
                "name": Title(name),
                "key": key,
                "keys": printable(", ".join(map(_short, list(item)[:8]))),
            },
        )
    return item[key]


def _short(key: Any) -> str:
    text = repr(key[:LONGEST_KEY] if isinstance(key, str) else key)
    return text if len(text) <= LONGEST_KEY else text[:LONGEST_KEY] + "..."


def _wrong_count(got: int, count: int, expected: str) -> Finding:
    return Finding(
        "count",
        mark("{count} result(s) expected, {want}; {got} came back."),
        {"count": count, "want": expected, "got": got},
    )
