"""Code that two students share and others do not, found by winnowing.

Fingerprints are taken from the stream of tokens, so other names, comments and layout change nothing
(Schleimer, Wilkerson and Aiken 2003; the library is copydetect). What the released stub contains
is left out, and so is what many of the class wrote: the short right answer to a short question is
nobody's copy. A high share is a reason to look at the two, not a verdict.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading.assignment import role_of, text_of
from nncourse.grading.autograded import read_notebook
from nncourse.grading.fingerprints import (
    BETWEEN,
    NOISE,
    Places,
    SimilarError,
    compare,
    handed_out,
    marked,
    narrowed,
    read,
)
from nncourse.grading.gradebook import GradebookError
from nncourse.grading.own import is_own
from nncourse.grading.page import page
from nncourse.grading.results import open_gradebook
from nncourse.grading.sandbox.inside.magics import unwritten
from nncourse.grading.submissions import is_student
from nncourse.language import catalogue

_ = catalogue("course")

SURE = 30  # a match of this length, in characters of the stream of tokens, is always found
FEW = 3  # so many may always share a passage


@dataclass(frozen=True)
class Pair:
    """Two students: the share of each one's own code that the other has, and where it stands.

    tokens: the length of what they share. places: (start, end) in the code of each.
    """

    one: str
    other: str
    shares: tuple[float, float]
    tokens: int
    places: tuple[Places, Places]


def answers(
    course: CourseFolder, assignment: str
) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """The code of every graded student's answers by their names, and those of the released stub.

    Raises SimilarError if nobody is graded.
    """
    released = course.notebook(assignment)
    stub = answers_in(json.loads(released.read_text("utf-8")))
    found = {}
    known = _known(course, assignment)
    for path in sorted(course.root.glob(f"autograded/*/{assignment}/{released.name}")):
        student = path.parents[1].name
        if is_student(student) and (not known or student in known):
            found[student] = answers_in(read_notebook(path))
    if not found:
        raise SimilarError(
            _("nobody is graded yet: run nncourse grade {assignment} first", assignment=assignment)
        )
    return found, stub


def _known(course: CourseFolder, assignment: str) -> set[str]:
    """Whom the gradebook knows, if it is the course's own: who was removed from it, to come back
    under another name, has left the same notebook under the old one.
    """
    try:
        with open_gradebook(course, assignment) as book:
            return set(book.digests())
    except (CourseFolderError, GradebookError):
        return set()


def answers_in(notebook: Mapping[str, Any]) -> dict[str, str]:
    """The code of the answer cells, by their names, and of the own cells that were run, with that
    of modules which these write.
    """
    found = {
        role_of(cell)["grade_id"]: text_of(cell)
        for cell in notebook["cells"]
        if role_of(cell).get("solution") and cell["cell_type"] == "code"
    }
    own = (c for c in notebook["cells"] if is_own(c) and c["cell_type"] == "code")
    for number, cell in enumerate(own, 1):
        found[_own_name(number)] = unwritten(text_of(cell))
    return found


def _own_name(number: int) -> str:
    return _("own cell {number}", number=number)


def own_cells(answers: Mapping[str, str]) -> list[str]:
    """The names of the own cells among the answers."""
    return list(itertools.takewhile(answers.__contains__, map(_own_name, itertools.count(1))))


def whole(answers: Mapping[str, str]) -> str:
    """All answers of a student as one code."""
    return BETWEEN.join(answers.values())


def similar(
    answers: Mapping[str, Mapping[str, str]],
    stub: Mapping[str, str],
    least: float = 0.5,
    common: float = 0.25,
) -> list[Pair]:
    """The pairs of which one has at least the share ``least`` of its code in common, by share.

    Each answer is read for itself, so that none hides another. ``common``: what more than this part
    of the class has written is left out. Raises SimilarError without copydetect.
    """
    seen: Counter[int] = Counter()
    records = {name: read(*parts.values()) for name, parts in answers.items()}
    for record in records.values():
        seen.update(record.hashes.tolist())
    most = max(FEW, common * len(answers))
    ignored = {found for found, count in seen.items() if count > most}
    without = np.array([*ignored, *handed_out(*stub.values())], np.int64)
    files = {n: narrowed(record, SURE - NOISE + 1, without) for n, record in records.items()}
    names = sorted(files)
    owners: dict[int, list[int]] = {}
    for number, name in enumerate(names):
        for found in files[name].hashes:
            owners.setdefault(int(found), []).append(number)
    # Passages by the thousand may be those of the same many students.
    related = np.zeros((len(names), len(names)), bool)
    for group in set(map(tuple, owners.values())):
        related[np.ix_(group, group)] = True
    pairs = []
    for first, second in np.argwhere(np.triu(related, 1)):
        one, other = names[first], names[second]
        tokens, shares, places = compare(files[one], files[other])
        if max(shares) >= least:
            pairs.append(Pair(one, other, shares, tokens, places))
    return sorted(pairs, key=lambda pair: (-max(pair.shares), -pair.tokens, pair.one, pair.other))


def similar_page(
    assignment: str, pairs: Iterable[Pair], codes: Mapping[str, str], copied: str = ""
) -> str:
    """The pairs beside each other, with what they share marked; in the current language.

    ``codes``: what each has written as one code. ``copied``: HTML to go before them, that of
    ``nncourse.grading.copied``.
    """
    pairs = list(pairs)
    title = _("{assignment}: similar code", assignment=assignment)
    note = _("A high share is a reason to look at the two, not a verdict.")
    body = [f"<h1>{escape(title)}</h1>", copied, f"<p>{escape(note)}</p>"]
    for pair in pairs:
        heads = [f"{name} {share:.0%}" for name, share in zip((pair.one, pair.other), pair.shares)]
        columns = [
            f"<div><strong>{escape(head)}</strong><pre>{marked(codes[name], places)}</pre></div>"
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
