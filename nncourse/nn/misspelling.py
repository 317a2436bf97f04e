"""Slips of the pen in the names of attributes: ``layer.wieght = ...``.

Python would make a new attribute of it, and the network would go on with the old weight.
"""

from __future__ import annotations

from collections.abc import Iterable


def misspelt(name: str, known: Iterable[str]) -> str | None:
    """The known name that differs by one slip of the pen: a letter more, less, other, or swapped.

    layer1 and layer2 differ by intention: names that are equal but for digits are not slips.
    """
    letters = name.rstrip("0123456789")
    for word in known:
        by_intention = word.rstrip("0123456789") == letters or min(len(word), len(name)) < 4
        if not by_intention and _one_slip(name, word):
            return word
    return None


def _one_slip(a: str, b: str) -> bool:
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    a, b = a[start:], b[start:]
    if a[1:] == b[1:] or a[1:] == b or a == b[1:]:
        return True
    return a[:2] == b[:2][::-1] and a[2:] == b[2:]
