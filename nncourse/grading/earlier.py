"""What students were given in earlier releases of an assignment.

A lecturer corrects a set that is out already, and students hand in what they got before. Nothing in
it was changed by them where it reads as it was handed out then; so it is taken as it reads now.

    c.GenerateAssignment.post_convert_hook = "nncourse.grading.earlier.released"
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nncourse.course.folder import CourseFolder
from nncourse.grading.added import Sight
from nncourse.grading.assignment import role_of, text_of
from nncourse.grading.whole import write_whole

FILE = ".nncourse-released-{assignment}.json"
ROLE = "grade", "solution", "locked", "task", "points"


def remember(course: CourseFolder, assignment: str) -> frozenset[str]:
    """Add what is released now to what is known of its cells, and give all of it: by fingerprints,
    see ``text_mark`` and ``role_mark``.
    """
    path = course.root / FILE.format(assignment=assignment)
    try:
        known = frozenset(map(str, json.loads(path.read_text("utf-8"))))
    except (OSError, ValueError, TypeError):  # nothing was recorded, or it can't be read
        known = frozenset()
    notebook = json.loads(course.notebook(assignment).read_text(encoding="utf-8"))
    marks = known.union(_marks(notebook["cells"]))
    if marks != known:
        write_whole(path, json.dumps(sorted(marks), indent=0))
    return marks


def released(assignment: str, **_more: Any) -> None:
    """Told by nbgrader, in the course folder, that what students get was written anew."""
    remember(CourseFolder(Path.cwd()), assignment)


def _marks(cells: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for cell in cells:
        role = role_of(cell)
        key = role.get("grade_id") or cell.get("id")
        if role:
            yield role_mark(key, role)
        if not role.get("solution"):  # an answer is one, also where it was given away once
            yield text_mark(key, text_of(cell))


def as_now(
    cells: Iterable[Sight], released: Iterable[Sight], earlier: Container[str]
) -> list[Sight]:
    """The cells of a submission; those that read as in an earlier release as in this one."""
    now = {cell.name or cell.id: cell.source for cell in released}
    return [
        cell._replace(source=now[key])
        if (key := cell.name or cell.id) in now and text_mark(key, cell.source) in earlier
        else cell
        for cell in cells
    ]


def text_mark(key: str | None, text: str) -> str:
    """The fingerprint of what stands in a cell of this name or id."""
    return hashlib.sha256(f"{key}\0{text.strip()}".encode("utf-8", "replace")).hexdigest()


def role_mark(key: str | None, role: Mapping[str, Any]) -> str:
    """That of what nbgrader writes about it; students may write anything there."""
    try:
        values = [float(role.get(name, False)) for name in ROLE]
    except (TypeError, ValueError, OverflowError):
        return ""
    return text_mark(key, repr(values))
