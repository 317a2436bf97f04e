"""nbgrader's gradebook, written in bulk: one transaction for a batch of submissions.

Exactly one process writes. With the grades of a submission, in the same transaction, goes a record
of what they were computed from; so a grade is there whole or not at all, and a later run knows what
it need not do again. nbgrader reads the tables as if it had filled them itself; its own module is
not loaded, since that takes longer than writing the grades of a class. What is read stands here,
what is written in ``nncourse.grading.ledger``.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nncourse.grading.query import SQLITE, GradebookError, among, patiently, rows
from nncourse.language import catalogue

if TYPE_CHECKING:
    from nncourse.grading.ledger import Ledger

_ = catalogue("course")

PATIENCE = 60.0  # seconds that the database may be gone
RECORDS = "nncourse_verdict"  # the one table that is not nbgrader's
GRADED = ("GradeCell", "TaskCell")
COMMENTED = ("SolutionCell", "TaskCell")

ASSIGNMENT = "select id from assignment where name = :name"
CELLS = """
select base_cell.notebook_id, base_cell.id, base_cell.name, base_cell.type,
       grade_cells.max_score, task_cells.max_score
from base_cell
join notebook on notebook.id = base_cell.notebook_id
left join grade_cells on grade_cells.id = base_cell.id
left join task_cells on task_cells.id = base_cell.id
where notebook.assignment_id = :id
"""
LATE = """
select submitted_assignment.student_id, submitted_assignment.id
from submitted_assignment
join assignment on assignment.id = submitted_assignment.assignment_id
join submitted_notebook on submitted_notebook.assignment_id = submitted_assignment.id
where assignment.id = :id and (submitted_assignment.timestamp > assignment.duedate
                               or submitted_notebook.late_submission_penalty is not null)
"""
# A student or an assignment that nbgrader has removed from its tables leaves its record.
DIGESTS = f"""
select student, digest from {RECORDS}
where assignment = :name
and student in (select student_id from submitted_assignment where assignment_id = :id)
"""
STUDENTS = """
select distinct submitted_assignment.student_id
from submitted_assignment
join submitted_notebook on submitted_notebook.assignment_id = submitted_assignment.id
join grade on grade.notebook_id = submitted_notebook.id
where submitted_assignment.assignment_id = :id
"""
GRADES = """
select submitted_assignment.student_id, submitted_notebook.late_submission_penalty, grade.cell_id,
       coalesce(grade.manual_score, grade.auto_score, 0.0)
       + case when grade.manual_score is null and grade.auto_score is null then 0.0
              else coalesce(grade.extra_credit, 0.0) end,
       grade.needs_manual_grade
from submitted_assignment
join submitted_notebook on submitted_notebook.assignment_id = submitted_assignment.id
join grade on grade.notebook_id = submitted_notebook.id
where submitted_assignment.assignment_id = :id and submitted_assignment.student_id in
"""
DATA = f"select student, seed, data from {RECORDS} where assignment = :name and student in "
PORTION = 256  # students whose results are read at a time


@dataclass(frozen=True)
class Entry:
    """The grades of one submission.

    scores: points by graded cell; None waits for the lecturer. comments: nbgrader's automatic
    comments by answer cell. digest: of everything that the grades depend on. seed: of the inputs.
    timestamp: when it was handed in, in UTC. data: what else is kept, as plain data.
    written: digests of the answers that are graded by hand, by their cells.
    """

    student: str
    digest: str
    scores: Mapping[str, float | None]
    comments: Mapping[str, str | None] = field(default_factory=dict)
    seed: int | None = None
    timestamp: datetime.datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)


class Gradebook:
    """The tables of an assignment. ``penalty``: points taken off a late submission, from its
    student, its score and the seconds that it is late.
    """

    def __init__(self, url: str, assignment: str, penalty: Any = None) -> None:
        self.url = url
        self.assignment = assignment
        self.penalty = penalty
        self._ledger: Ledger | None = None
        try:
            # A server that doesn't answer now is more likely a wrong address than a restart.
            patience = PATIENCE if url.startswith(SQLITE) else 0.0
            found = rows(url, ASSIGNMENT, {"name": assignment}, patience)
            if not found:
                raise LookupError
            ((self.id,),) = found
            cells = rows(url, CELLS, {"id": self.id}, patience)
        except LookupError:
            raise GradebookError(self._not_released()) from None
        self.notebook_ids = dict.fromkeys(notebook for notebook, *_ in cells)
        # (notebook, cell) pairs that every submission has a row for.
        graded = [(n, c, name) for n, c, name, kind, _, _ in cells if kind in GRADED]
        self.grade_cells = graded
        self.comment_cells = [(n, c, name) for n, c, name, kind, _, _ in cells if kind in COMMENTED]
        self.max_scores = {
            name: float(points or task or 0)
            for _, _, name, kind, points, task in cells
            if kind in GRADED
        }

    def close(self) -> None:
        """Let go of the database."""
        if self._ledger is not None:
            self._ledger.close()

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _not_released(self) -> str:
        return _(
            "{assignment} is not in this gradebook: release it first, with the same --db if you "
            "give one",
            assignment=self.assignment,
        )

    # Reading.

    def digests(self) -> dict[str, str]:
        """What the grades of each student were computed from."""
        try:
            found = self._rows(DIGESTS, {"name": self.assignment, "id": self.id})
        except LookupError:  # nothing was graded yet
            return {}
        return dict(found)

    def read(self, students: Iterable[str] | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each student who has grades, in order of names, with {"grades": {cell: (score, needs a
        manual grade)}, "data": ..., "seed": ..., "penalty": ...}. The score is the lecturer's
        where there is one. ``students``: these only.
        """
        if students is None:
            students = [student for (student,) in self._rows(STUDENTS, {"id": self.id})]
        wanted = sorted(set(students))
        for start in range(0, len(wanted), PORTION):
            yield from sorted(self._portion(wanted[start : start + PORTION]).items())

    def _portion(self, students: Sequence[str]) -> dict[str, dict[str, Any]]:
        names = {cell: name for _, cell, name in self.grade_cells}
        these, given = among(students)
        found: dict[str, dict[str, Any]] = {}
        for student, penalty, cell, score, waits in self._rows(
            GRADES + these, {"id": self.id, **given}
        ):
            empty: dict[str, Any] = {"grades": {}, "data": {}, "seed": None}
            empty["penalty"] = penalty or 0.0
            entry = found.setdefault(student, empty)
            if cell in names:
                entry["grades"][names[cell]] = (float(score), bool(waits))
        try:
            records = self._rows(DATA + these, {"name": self.assignment, **given})
        except LookupError:  # graded by nbgrader alone
            records = []
        for student, seed, data in records:
            if student in found:
                found[student]["data"] = json.loads(data)
                found[student]["seed"] = None if seed is None else int(seed)
        return found

    # Writing.

    def write(self, entries: Sequence[Entry]) -> None:
        """Write a batch in one transaction; waits while the database is gone or locked.

        Raises GradebookError where that lasts longer than PATIENCE, or waiting would not help.
        Manual scores, extra credit, comments and flags of the lecturer's stay as they are.
        """
        if entries:
            patiently(lambda: self._opened().write(entries), PATIENCE)

    def penalise(self, students: Collection[str] | None = None) -> None:
        """Take off for late work what the due date, the rule and the points now make of it;
        ``students``: of these only."""
        late = self._rows(LATE, {"id": self.id})
        late = [(name, row) for name, row in late if students is None or name in students]
        for start in range(0, len(late), PORTION):
            self._penalise(dict(late[start : start + PORTION]))

    def _penalise(self, ids: Mapping[str, str]) -> None:
        patiently(lambda: self._opened().penalise(ids), PATIENCE)

    def record(self, entry: Entry) -> None:
        """Write only what is not nbgrader's, where nbgrader itself writes the grades."""
        patiently(lambda: self._opened().record(entry), PATIENCE)

    def _opened(self) -> Ledger:
        from nncourse.grading.ledger import Ledger

        if self._ledger is None:
            self._ledger = Ledger(self, PATIENCE)
        return self._ledger

    def _rows(self, question: str, values: Mapping[str, Any]) -> list[tuple]:
        return rows(self.url, question, values, PATIENCE)
