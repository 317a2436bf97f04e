"""Code of the library, and of the exercise's own right answers, in the answers of students.

The library's source is open, so no judge of results can tell a copy of it from an answer. A short
right answer is written alike by everyone, and no copy of it can be told either. What can be seen is
a long passage: ``LEAST`` fingerprints in common with one module. What the released notebook shows
does not count. A copy is a reason to look, not a verdict.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from nncourse.course.folder import CourseFolder
from nncourse.grading.assignment import READY_MADE, text_of
from nncourse.grading.fingerprints import Places, compare, fingerprints, handed_out, hashes, marked
from nncourse.grading.sandbox.library import files_of
from nncourse.grading.similar import answers_in, own_cells, whole
from nncourse.language import catalogue

_ = catalogue("course")

LIBRARY = Path(__file__).parents[1]
FENCE = re.compile(r"^[ \t>]*(?:```|~~~).*$", re.MULTILINE)  # before and after code in Markdown
NAMED = 5  # own cells
# Some 85 characters of the stream of tokens in one piece, or several of 20 and more: about nine
# lines. Independent code shares less with any module of the library: the other right answers of the
# exercises at most 44 fingerprints, a numerical gradient, for which there is one way to write it,
# 51, the engine of automatic derivatives that the exercises ask for 35.
LEAST = 63


@dataclass(frozen=True)
class Copy:
    """An answer with much in common with a source: the share of the answer, and where it stands in
    its code.
    """

    student: str
    answer: str
    source: str
    share: float
    places: Places
    code: str


def sources(course: CourseFolder, assignment: str) -> dict[str, str]:
    """What answers may have been copied from: the code by its name.

    Modules of the library that compute for the student, those of the exercise with its references,
    and the lecturer's own solution.
    """
    name = course.notebook(assignment).name
    solved = json.loads((course.source(assignment) / name).read_text("utf-8"))
    return {**library(assignment), _("your solution"): whole(answers_in(solved))}


def library(assignment: str) -> dict[str, str]:
    """The modules of the library among the sources, by their names."""
    roots = [*READY_MADE, f"nncourse.exercises.{assignment}"]
    found = {}
    for path in files_of(LIBRARY):
        module = ".".join(("nncourse", *path.with_suffix("").parts)).removesuffix(".__init__")
        if path.suffix == ".py" and any(f"{module}.".startswith(f"{root}.") for root in roots):
            found[module] = (LIBRARY / path).read_text("utf-8")
    return found


def shown(course: CourseFolder, assignment: str) -> list[str]:
    """What students were handed out: code cells, and code in the text."""
    notebook = json.loads(course.notebook(assignment).read_text("utf-8"))
    return [part for cell in notebook["cells"] for part in FENCE.split(text_of(cell))]


def copied(
    answers: Mapping[str, Mapping[str, str]], sources: Mapping[str, str], shown: Iterable[str]
) -> list[Copy]:
    """The answers, by student and name, with ``LEAST`` fingerprints in common with a source.

    So have own cells together, though none has for itself. Of several sources the nearest is named;
    the largest share comes first. Raises SimilarError without copydetect.
    """
    ignored = handed_out(*shown)
    owners: dict[int, list[str]] = {}
    for name, code in sources.items():
        for found in hashes(code):
            owners.setdefault(found, []).append(name)

    def look(student: str, parts: Mapping[str, str]) -> Copy | None:
        record = fingerprints(*parts.values(), without=ignored)
        seen = Counter(name for found in record.hashes for name in owners.get(int(found), ()))
        source = max(sources, key=lambda name: seen[name], default="")
        if seen[source] < LEAST:
            return None
        known = hashes(sources[source]) - ignored
        parts = {name: code for name, code in parts.items() if known & hashes(code)}
        record = fingerprints(*parts.values(), without=ignored)
        _length, shares, places = compare(record, fingerprints(sources[source]))
        answer = ", ".join([*parts][:NAMED]) + (", …" if len(parts) > NAMED else "")
        return Copy(student, answer, source, shares[0], places[0], whole(parts))

    copies = []
    for student, named in answers.items():
        alone = {name: look(student, {name: code}) for name, code in named.items()}
        rest = {name: named[name] for name in own_cells(named) if not alone[name]}
        copies += [copy for copy in (*alone.values(), look(student, rest)) if copy]
    return sorted(copies, key=lambda copy: (-copy.share, copy.student, copy.answer))


def line(copy: Copy) -> str:
    """A copy in one line, in the current language."""
    share = f"{copy.share:.0%}"
    return _(
        "{student}, {answer}: {share} as in {source}",
        student=copy.student,
        answer=copy.answer,
        share=share,
        source=copy.source,
    )


def section(copies: Iterable[Copy]) -> str:
    """The answers, with what is as in the source marked, as HTML; nothing if there are none."""
    copies = list(copies)
    if not copies:
        return ""
    title, note = _("As in the library"), _("A reason to look at the answer, not a verdict.")
    body = [f"<h2>{escape(title)}</h2><p>{escape(note)}</p>"]
    for copy in copies:
        code = marked(copy.code, copy.places)
        body.append(f"<details><summary>{escape(line(copy))}</summary><pre>{code}</pre></details>")
    title = _("As in other submissions")
    return "\n".join([*body, f"<h2>{escape(title)}</h2>"])
