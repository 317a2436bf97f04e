"""Fingerprints of code: hashes of all short passages in its stream of tokens.

Names, comments and layout are not in that stream, so they change nothing (Schleimer, Wilkerson and
Aiken, Winnowing, 2003; the library is copydetect).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np

from nncourse.course.folder import CourseFolderError
from nncourse.grading.sanitize import clean_text
from nncourse.language import catalogue

_ = catalogue("course")

# At each line the reader of tokens looks through all blank lines that follow.
BLANKS = re.compile(r"\s{200,}")
NOISE = 20  # the length of a passage, in characters of the stream of tokens

Places = tuple[tuple[int, int], ...]
"""(start, end) in a code."""


class SimilarError(CourseFolderError):
    """Nothing can be compared; the text says why and what to do."""


def fingerprints(code: str, window: int = 1, without: Iterable[int] = ()) -> Any:
    """copydetect's record of a code: of its passages at least one in every ``window`` is kept.

    ``without``: hashes that are left out. Raises SimilarError without copydetect.
    """
    try:
        from copydetect import CodeFingerprint
    except ImportError:
        raise SimilarError(_('copydetect is missing: pip install "nncourse[similar]"')) from None
    # Of the same length, so that places in the code stay.
    stream = io.StringIO(BLANKS.sub(lambda run: " " * (len(run[0]) - 1) + "\n", code))
    return CodeFingerprint("code.py", NOISE, window, list(without), language="python", fp=stream)


def read(code: str) -> Any:
    """The record of all passages for ``narrowed``, without their places: these take much memory."""
    record = fingerprints(code)
    record.hashes, record.hash_idx = np.array(sorted(record.hashes), np.int64), {}
    return record


def narrowed(record: Any, window: int, without: np.ndarray) -> Any:
    """As ``fingerprints``, of a code that was ``read``: its tokens need not be found again, which
    takes longest.
    """
    from copydetect import CodeFingerprint

    left_out = record.hashes[np.isin(record.hashes, without)]
    stream = io.StringIO(record.filtered_code)
    found = CodeFingerprint("code.py", NOISE, window, left_out, filter=False, fp=stream)
    found.offsets = record.offsets
    return found


def hashes(code: str) -> set[int]:
    """The hashes of all passages; equal only within one process."""
    return {int(found) for found in fingerprints(code).hashes}


def compare(one: Any, other: Any) -> tuple[int, tuple[float, float], tuple[Places, Places]]:
    """What two records share: its length, its share of each, and where it stands in each."""
    from copydetect import compare_files

    tokens, shares, places = compare_files(one, other)
    first, second = (min(float(share), 1.0) for share in shares)
    spans = [tuple((int(a), int(b)) for a, b in zip(*place)) for place in places]
    return int(tokens), (first, second), (spans[0], spans[1])


def trimmed(code: str, places: Places) -> Places:
    """The places without the blanks at their ends: one may reach to the next word, a page below."""
    return tuple((start, start + len(code[start:end].rstrip())) for start, end in places)


def marked(code: str, places: Iterable[tuple[int, int]]) -> str:
    """The code as HTML, with the places marked."""
    out, at = [], 0
    for start, end in sorted(places):
        start, end = max(start, at), max(end, at)
        out += [escape(clean_text(code[at:start]))]
        if end > start:
            out += [f"<mark>{escape(clean_text(code[start:end]))}</mark>"]
        at = end
    return "".join([*out, escape(clean_text(code[at:]))])
