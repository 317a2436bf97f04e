"""Code that two students share and few others have, found by fingerprints.

They are taken from the stream of tokens, so other names, comments and layout change nothing
(Schleimer, Wilkerson and Aiken 2003; the library is copydetect). What the released stub contains
is left out. Of the rest each fingerprint counts by its rarity in the class, as words do where texts
are searched (inverse document frequency): the right answer to a short question is nobody's copy,
and neither is a usual one. A high share is a reason to look at the two, not a verdict.

In classes of 12, 40, and 80 that write each of 12 places of ps05 in one of two or three usual ways,
a share of 0.55 is reached by at most 6 honest pairs; by 24 of 24 whole copies, also with much
added; by 19 of 24 copies of one unusual answer of ten; by 14 of 24 with two places rewritten. A
copy with four of them rewritten is no more like its source than honest answers are. In classes of
200 and 300 whole copies may stay below. As one text they are named all the same, and with them 1 to
7 honest pairs.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, NamedTuple

import numpy as np

from nncourse.course.folder import CourseFolder, CourseFolderError
from nncourse.grading.assignment import role_of, text_of
from nncourse.grading.autograded import read_notebook
from nncourse.grading.fingerprints import (
    BETWEEN,
    Places,
    SimilarError,
    handed_out,
    marked,
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

MOST = 100  # pairs
# As if so many others had written otherwise, else nothing would be rare in a class of two or three.
OTHERS = 8
# As if everyone had written so many fingerprints more that only one other has. It takes from the
# share of those whose own code is short or usual: that it is in another's says less.
MORE = 45
ALIKE = 0.9  # of each other's code: one text
LESS = 0.75  # of the share that others need is enough for one text
BLOCK = 10_000  # fingerprints at once


@dataclass(frozen=True)
class Pair:
    """Two students: the share of each one's own code that the other has, and where it stands.

    places: (start, end) in the code of each.
    """

    one: str
    other: str
    shares: tuple[float, float]
    places: tuple[Places, Places]


class Similar(NamedTuple):
    """The pairs by share, and how many more there are.

    groups: three students or more with one text. Of a group each is in a pair with the first, and
    only who is nearest to an outsider in one with them.
    """

    pairs: Sequence[Pair]
    groups: Sequence[Sequence[str]] = ()
    more: int = 0


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
    answers: Mapping[str, Mapping[str, str]], stub: Mapping[str, str], least: float = 0.55
) -> Similar:
    """The pairs of which one has at least the share ``least`` of its code in common; if they are
    one text, ``LESS`` of it.

    Each answer is read for itself, so that none hides another. Raises SimilarError without
    copydetect.
    """
    names = sorted(answers)
    texts = [read(*answers[name].values()) for name in names]
    given = np.array([*handed_out(*stub.values())], np.int64)
    codes = [np.setdiff1d(text.hashes, given) for text in texts]
    own, shared, usual = _weighed(codes)
    more = MORE * np.log((len(names) + OTHERS) / 2)
    shares = shared / (own + more)[:, None]
    highest = np.maximum(shares, shares.T)
    alike = shared >= ALIKE * np.maximum.outer(own, own)
    similar = (shared > 0) & (highest >= np.where(alike, LESS, 1) * least)
    groups = _groups(similar & alike)
    for group in groups:
        _one_of(group, similar, highest)
    found = sorted(
        np.argwhere(np.triu(similar, 1)).tolist(),
        key=lambda pair: (-round(highest[tuple(pair)], 2), -shared[tuple(pair)], pair),
    )
    pairs = []
    for one, other in found[:MOST]:
        both = np.intersect1d(codes[one], codes[other])
        rare = np.setdiff1d(both, usual)
        places = [texts[who].places(rare if len(rare) else both) for who in (one, other)]
        parts = float(shares[one, other]), float(shares[other, one])
        pairs.append(Pair(names[one], names[other], parts, (places[0], places[1])))
    named = [[names[who] for who in group] for group in groups]
    return Similar(pairs, named, len(found) - len(pairs))


def _weighed(codes: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The weight of all fingerprints of each code; of those that any two share; and which
    fingerprints more than a third of the codes have.
    """
    number = len(codes)
    every, which = np.unique(np.concatenate([np.array([], np.int64), *codes]), return_inverse=True)
    count = np.bincount(which, minlength=len(every))
    weight = np.log((number + OTHERS) / count)
    who = np.repeat(np.arange(number), [len(code) for code in codes])
    own = np.bincount(who, weight[which], number)
    several = count > 1
    order = np.argsort(which, kind="stable")
    order = order[several[which[order]]]
    who, column = who[order], (np.cumsum(several) - 1)[which[order]]
    root = np.sqrt(weight[several])
    shared = np.zeros((number, number))
    for start in range(0, len(root), BLOCK):
        here = slice(*np.searchsorted(column, [start, start + BLOCK]))
        has = np.zeros((number, BLOCK))
        has[who[here], column[here] - start] = root[column[here]]
        shared += has @ has.T
    return own, shared, every[count > max(2, number / 3)]


def _groups(alike: np.ndarray) -> list[list[int]]:
    """Those who are alike to the first of them, where there are three and more."""
    groups: list[list[int]] = []
    free = np.ones(len(alike), bool)
    for one, row in enumerate(alike):
        group = [one, *(one + 1 + np.flatnonzero((row & free)[one + 1 :])).tolist()]
        if free[one] and len(group) > 2:
            groups.append(group)
            free[group] = False
    return groups


def _one_of(group: list[int], similar: np.ndarray, highest: np.ndarray) -> None:
    """Leave each outsider similar to the nearest of a group, and its own to the first of them."""
    shares = np.where(similar[group], highest[group].round(2), -1)
    outsiders = np.setdiff1d(np.flatnonzero(shares.max(0) >= 0), group)
    nearest = np.array(group)[shares[:, outsiders].argmax(0)]
    similar[group] = similar[:, group] = False
    similar[nearest, outsiders] = similar[outsiders, nearest] = True
    similar[group[0], group[1:]] = True


def similar_page(
    assignment: str, found: Similar, codes: Mapping[str, str], copied: str = ""
) -> str:
    """The pairs beside each other, with what they share marked; in the current language.

    ``codes``: what each has written as one code. ``copied``: HTML to go before them, that of
    ``nncourse.grading.copied``.
    """
    title = _("{assignment}: similar code", assignment=assignment)
    notes = [
        _("A high share is a reason to look at the two, not a verdict."),
        _(
            "What few have counts most, and what is usual tells little: even a whole copy stays "
            "below 100%. Marked is what the two share and no more than a third of the class have."
        ),
    ]
    body = [f"<h1>{escape(title)}</h1>", copied, f"<p>{escape(' '.join(notes))}</p>"]
    body += [f"<p>{escape(line)}</p>" for line in group_lines(found)]
    for pair in found.pairs:
        heads = [f"{name} {share:.0%}" for name, share in zip((pair.one, pair.other), pair.shares)]
        columns = [
            f"<div><strong>{escape(head)}</strong><pre>{marked(codes[name], places)}</pre></div>"
            for head, name, places in zip(heads, (pair.one, pair.other), pair.places)
        ]
        body.append(
            f"<details><summary>{escape(' · '.join(heads))}</summary>"
            f'<div class="pair">{"".join(columns)}</div></details>'
        )
    if not found.pairs:
        nobody = _("No two share much.")
        body.append(f"<p>{escape(nobody)}</p>")
    if found.more:
        body.append(f"<p>{escape(more_line(found))}</p>")
    return page(title, "\n".join(body))


def group_lines(found: Similar) -> list[str]:
    """The groups, each in one line, in the current language."""
    return [
        _(
            "One text: {names}. Each is shown beside {first}.",
            names=", ".join(group),
            first=group[0],
        )
        for group in found.groups
    ]


def more_line(found: Similar) -> str:
    """How many pairs are not shown, in the current language."""
    return _("Not shown, with smaller shares: {count} more pairs.", count=found.more)
