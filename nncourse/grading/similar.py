"""Code that two students share and others do not, found by winnowing.

Fingerprints are taken from the stream of tokens, so other names, comments and layout change nothing
(Schleimer, Wilkerson and Aiken 2003; the library is copydetect). What the released stub contains
is left out, and so is what many of the class wrote: the short right answer to a short question is
nobody's copy. A high share is a reason to look at the two, not a verdict.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from itertools import combinations
from typing import Any

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading.assignment import role_of, text_of
from nncourse.grading.page import page
from nncourse.grading.sanitize import clean_text
from nncourse.grading.submissions import STUDENT
from nncourse.language import catalogue

_ = catalogue("course")

NOISE = 20  # the shortest match, in characters of the stream of tokens
SURE = 30  # a match of this length is always found
LONGEST = 20_000  # characters of an answer; each is cut for itself, so that none hides another
FEW = 3  # so many may always share a passage


class SimilarError(CourseFolderError):
    """Nothing can be compared; the text says why and what to do."""


@dataclass(frozen=True)
class Pair:
    """Two students: the share of each one's own code that the other has, and where it stands.

    tokens: the length of what they share. places: (start, end) in the code of each.
    """

    one: str
    other: str
    shares: tuple[float, float]
    tokens: int
    places: tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]


def answers(course: CourseFolder, assignment: str) -> tuple[dict[str, str], str]:
    """The code of every graded student's answers, and that of the released stub.

    Raises SimilarError if there are not two of them.
    """
    released = course.notebook(assignment)
    stub = _code(json.loads(released.read_text("utf-8")))
    found = {}
    for path in sorted(course.root.glob(f"autograded/*/{assignment}/{released.name}")):
        student = path.parents[1].name
        if STUDENT.fullmatch(student):
            found[student] = _code(json.loads(path.read_text("utf-8")))
    if len(found) < 2:
        raise SimilarError(
            _(
                "there are no two graded submissions: run nncourse grade {assignment} first",
                assignment=assignment,
            )
        )
    return found, stub


def _code(notebook: Mapping[str, Any]) -> str:
    cells = [
        text_of(cell)[:LONGEST]
        for cell in notebook["cells"]
        if role_of(cell).get("solution") and cell["cell_type"] == "code"
    ]
    return "\n\n".join(cells)


def similar(
    codes: Mapping[str, str], stub: str, least: float = 0.5, common: float = 0.25
) -> list[Pair]:
    """The pairs of which one has at least the share ``least`` of its code in common, by share.

    ``common``: what more than this part of the class has written is left out. Raises SimilarError
    without copydetect.
    """
    try:
        from copydetect import CodeFingerprint, compare_files
    except ImportError:
        raise SimilarError(_('copydetect is missing: pip install "nncourse[similar]"')) from None

    def prints(code: str, window: int, without: Iterable[int] = ()) -> Any:
        stream = io.StringIO(code)
        return CodeFingerprint(
            "answers.py", NOISE, window, list(without), language="python", fp=stream
        )

    seen: Counter[int] = Counter()
    for code in codes.values():
        seen.update({int(found) for found in prints(code, 1).hashes})
    most = max(FEW, common * len(codes))
    ignored = {found for found, count in seen.items() if count > most}
    ignored |= {int(found) for found in prints(stub, 1).hashes}
    files = {name: prints(code, SURE - NOISE + 1, ignored) for name, code in codes.items()}
    owners: dict[int, list[str]] = {}
    for name, file in files.items():
        for found in file.hashes:
            owners.setdefault(int(found), []).append(name)
    candidates = {pair for names in owners.values() for pair in combinations(sorted(names), 2)}
    pairs = []
    for one, other in sorted(candidates):
        tokens, shares, places = compare_files(files[one], files[other])
        if max(shares) >= least:
            first, second = (min(float(share), 1.0) for share in shares)
            spans = tuple(tuple((int(a), int(b)) for a, b in zip(*place)) for place in places)
            pairs.append(Pair(one, other, (first, second), int(tokens), spans))  # type: ignore[arg-type]
    return sorted(pairs, key=lambda pair: (-max(pair.shares), -pair.tokens, pair.one, pair.other))


def similar_page(assignment: str, pairs: Iterable[Pair], codes: Mapping[str, str]) -> str:
    """The pairs beside each other, with what they share marked; in the current language."""
    pairs = list(pairs)
    title = _("{assignment}: similar code", assignment=assignment)
    note = _("A high share is a reason to look at the two, not a verdict.")
    body = [f"<h1>{escape(title)}</h1><p>{escape(note)}</p>"]
    for pair in pairs:
        heads = [f"{name} {share:.0%}" for name, share in zip((pair.one, pair.other), pair.shares)]
        columns = [
            f"<div><strong>{escape(head)}</strong><pre>{_marked(codes[name], places)}</pre></div>"
            for head, name, places in zip(heads, (pair.one, pair.other), pair.places)
        ]
        body.append(
            f"<details><summary>{escape(' · '.join(heads))}</summary>"
            f'<div class="pair">{"".join(columns)}</div></details>'
        )
    if not pairs:
        nobody = _("No two share much.")
        body.append(f"<p>{escape(nobody)}</p>")
    return page(title, "\n".join(body))


def _marked(code: str, places: Iterable[tuple[int, int]]) -> str:
    out, at = [], 0
    for start, end in sorted(places):
        start, end = max(start, at), max(end, at)
        out += [escape(clean_text(code[at:start]))]
        if end > start:
            out += [f"<mark>{escape(clean_text(code[start:end]))}</mark>"]
        at = end
    return "".join([*out, escape(clean_text(code[at:]))])
