"""nbgrader's gradebook, written in bulk: one transaction for a batch of submissions.

Exactly one process writes. With the grades of a submission, in the same transaction, goes a record
of what they were computed from; so a grade is there whole or not at all, and a later run knows what
it need not do again. nbgrader reads the tables as if it had filled them itself; its own module is
not loaded, since that takes longer than writing the grades of a class.
"""

from __future__ import annotations

import datetime
import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from nncourse.language import catalogue

_ = catalogue("course")

PATIENCE = 60.0  # seconds that the database may be gone
RECORDS = "nncourse_verdict"


class GradebookError(Exception):
    """The gradebook can't be used; the text says why and what to do."""


@dataclass(frozen=True)
class Entry:
    """The grades of one submission.

    scores: points by graded cell; None waits for the lecturer. comments: nbgrader's automatic
    comments by answer cell. digest: of everything that the grades depend on. seed: of the inputs.
    timestamp: when it was handed in, in UTC. data: what else is kept, as plain data.
    """

    student: str
    digest: str
    scores: Mapping[str, float | None]
    comments: Mapping[str, str | None] = field(default_factory=dict)
    seed: int | None = None
    timestamp: datetime.datetime | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


class Gradebook:
    """The tables of an assignment. ``penalty``: points taken off a late submission, from its
    student, its score and the seconds that it is late.
    """

    def __init__(self, url: str, assignment: str, penalty: Any = None) -> None:
        self.assignment = assignment
        self.penalty = penalty
        options = {"connect_args": {"timeout": PATIENCE}} if url.startswith("sqlite") else {}
        self.engine = sa.create_engine(url, **options, pool_pre_ping=True)
        self._read_structure()

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def __enter__(self) -> Gradebook:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # The structure: nbgrader's tables, and one more.

    def _read_structure(self) -> None:
        meta = sa.MetaData()
        names = sa.inspect(self.engine).get_table_names()
        if "assignment" not in names:
            raise GradebookError(self._not_released())

        def table(name: str, *columns: sa.Column) -> sa.Table:
            return sa.Table(name, meta, *columns, autoload_with=self.engine, resolve_fks=False)

        self.students = table("student")
        self.submissions = table("submitted_assignment", sa.Column("extension", sa.Interval))
        self.notebooks = table("submitted_notebook")
        self.grades = table("grade")
        self.comments = table("comment")
        self.records = sa.Table(
            RECORDS,
            meta,
            sa.Column("assignment", sa.String(128), primary_key=True),
            sa.Column("student", sa.String(128), primary_key=True),
            sa.Column("digest", sa.String(64), nullable=False),
            sa.Column("seed", sa.String(32)),
            sa.Column("data", sa.Text, nullable=False),
        )
        if RECORDS not in names:
            self.records.create(self.engine, checkfirst=True)
        assignments, notebooks, cells = table("assignment"), table("notebook"), table("base_cell")
        graded = table("grade_cells")
        with self.engine.connect() as db:
            found = db.execute(
                sa.select(assignments.c.id, assignments.c.duedate).where(
                    assignments.c.name == self.assignment
                )
            ).first()
            if found is None:
                raise GradebookError(self._not_released())
            self.id, self.duedate = found
            own = db.execute(
                sa.select(notebooks.c.id, notebooks.c.name).where(
                    notebooks.c.assignment_id == self.id
                )
            )
            self.notebook_ids: dict[str, str] = {row.name: row.id for row in own}
            rows = db.execute(
                sa.select(cells.c.id, cells.c.name, cells.c.type, cells.c.notebook_id).where(
                    cells.c.notebook_id.in_(list(self.notebook_ids.values()))
                )
            ).all()
            self.max_scores: dict[str, float] = {}
            points = dict(
                db.execute(
                    sa.select(graded.c.id, graded.c.max_score).where(
                        graded.c.id.in_([row.id for row in rows])
                    )
                ).all()
            )
        # (notebook, cell) pairs that every submission has a row for.
        self.grade_cells = [(r.notebook_id, r.id, r.name) for r in rows if r.type == "GradeCell"]
        self.grade_cells += [(r.notebook_id, r.id, r.name) for r in rows if r.type == "TaskCell"]
        self.comment_cells = [
            (r.notebook_id, r.id, r.name) for r in rows if r.type in ("SolutionCell", "TaskCell")
        ]
        self.max_scores = {name: points.get(cell, 0.0) for _, cell, name in self.grade_cells}

    def _not_released(self) -> str:
        return _(
            "{assignment} is not in the gradebook: release it first", assignment=self.assignment
        )

    # Reading.

    def digests(self) -> dict[str, str]:
        """What the grades of each student were computed from."""
        records = self.records
        query = sa.select(records.c.student, records.c.digest).where(
            records.c.assignment == self.assignment
        )
        with self.engine.connect() as db:
            return {row.student: row.digest for row in db.execute(query)}

    def read(self, students: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
        """By student: {"grades": {cell: (score, needs a manual grade)}, "data": ..., "seed": ...,
        "penalty": ..., "timestamp": ...}. The score is the lecturer's where there is one.
        """
        submissions, notebooks, grades = self.submissions, self.notebooks, self.grades
        cells = {cell: name for _, cell, name in self.grade_cells}
        auto = sa.func.coalesce(grades.c.manual_score, grades.c.auto_score, 0.0)
        given = sa.or_(grades.c.manual_score.is_not(None), grades.c.auto_score.is_not(None))
        score = auto + sa.case((given, sa.func.coalesce(grades.c.extra_credit, 0.0)), else_=0.0)
        query = (
            sa.select(
                submissions.c.student_id,
                submissions.c.timestamp,
                notebooks.c.late_submission_penalty,
                grades.c.cell_id,
                score.label("score"),
                grades.c.needs_manual_grade,
            )
            .join_from(submissions, notebooks, notebooks.c.assignment_id == submissions.c.id)
            .join(grades, grades.c.notebook_id == notebooks.c.id)
            .where(submissions.c.assignment_id == self.id)
            .order_by(submissions.c.student_id)
        )
        records = sa.select(self.records).where(self.records.c.assignment == self.assignment)
        wanted = None if students is None else set(students)
        found: dict[str, dict[str, Any]] = {}
        with self.engine.connect() as db:
            for row in db.execute(query):
                if wanted is not None and row.student_id not in wanted:
                    continue
                entry = found.setdefault(
                    row.student_id,
                    {
                        "grades": {},
                        "data": {},
                        "seed": None,
                        "penalty": row.late_submission_penalty or 0.0,
                        "timestamp": row.timestamp,
                    },
                )
                name = cells.get(row.cell_id)
                if name is not None:
                    entry["grades"][name] = (float(row.score), bool(row.needs_manual_grade))
            for row in db.execute(records):
                if row.student in found:
                    found[row.student]["data"] = json.loads(row.data)
                    found[row.student]["seed"] = None if row.seed is None else int(row.seed)
        return found

    # Writing.

    def write(self, entries: Sequence[Entry]) -> None:
        """Write a batch in one transaction; waits while the database is gone or locked.

        Manual scores, extra credit, comments and flags of the lecturer's stay as they are.
        """
        if not entries:
            return
        deadline = time.monotonic() + PATIENCE
        pause = 0.05
        while True:
            try:
                with self.engine.begin() as db:
                    self._write(db, {entry.student: entry for entry in entries})
                return
            except OperationalError as error:
                if time.monotonic() > deadline:
                    raise GradebookError(
                        _(
                            "the gradebook can't be written: {error}. What was graded before is "
                            "kept; run the command again",
                            error=str(error.orig),
                        )
                    ) from error
                time.sleep(pause)
                pause = min(2 * pause, 2.0)

    def _write(self, db: sa.Connection, entries: Mapping[str, Entry]) -> None:
        names = list(entries)
        known = self._column(db, self.students.c.id, self.students.c.id, names)
        _insert(db, self.students, [{"id": name} for name in names if name not in known])
        own = self.submissions.c.assignment_id == self.id
        ids = self._pairs(db, self.submissions, "student_id", names, own)
        rows = []
        for name in names:
            if name not in ids:
                ids[name] = _new_id()
                row = {"id": ids[name], "assignment_id": self.id, "student_id": name}
                rows.append({**row, "timestamp": entries[name].timestamp})
        _insert(db, self.submissions, rows)
        fresh = {row["student_id"] for row in rows}
        _update(
            db,
            self.submissions,
            [
                {"id_": ids[n], "timestamp_": entries[n].timestamp}
                for n in names
                if n not in fresh and entries[n].timestamp is not None
            ],
            "timestamp",
        )
        notebooks = self._notebooks(db, ids)
        self._grades(db, entries, notebooks)
        self._comments(db, entries, notebooks)
        self._penalties(db, entries, ids, notebooks)
        self._records(db, entries)

    def _notebooks(self, db: sa.Connection, ids: Mapping[str, str]) -> dict[tuple[str, str], str]:
        """The row of each student's notebook: (student, notebook) to its id."""
        table = self.notebooks
        students = {submission: student for student, submission in ids.items()}
        query = sa.select(table.c.id, table.c.assignment_id, table.c.notebook_id).where(
            table.c.assignment_id.in_(list(students))
        )
        found = {(students[r.assignment_id], r.notebook_id): r.id for r in db.execute(query)}
        rows = []
        for student, submission in ids.items():
            for notebook in self.notebook_ids.values():
                if (student, notebook) not in found:
                    found[student, notebook] = _new_id()
                    row = {"id": found[student, notebook], "assignment_id": submission}
                    rows.append({**row, "notebook_id": notebook, "flagged": False})
        _insert(db, table, rows)
        return found

    def _grades(
        self,
        db: sa.Connection,
        entries: Mapping[str, Entry],
        notebooks: Mapping[tuple[str, str], str],
    ) -> None:
        table = self.grades
        query = sa.select(
            table.c.id, table.c.notebook_id, table.c.cell_id, table.c.manual_score
        ).where(table.c.notebook_id.in_(list(notebooks.values())))
        known = {(r.notebook_id, r.cell_id): (r.id, r.manual_score) for r in db.execute(query)}
        new, changed = [], []
        for student, entry in entries.items():
            for notebook, cell, name in self.grade_cells:
                at = notebooks[student, notebook], cell
                auto = entry.scores.get(name)
                row, manual = known.get(at, (None, None))
                # As nbgrader does: what the lecturer has graded before is to be looked at again.
                waits = auto is None or manual is not None
                if row is None:
                    keys = {"id": _new_id(), "notebook_id": at[0], "cell_id": cell}
                    new.append({**keys, "auto_score": auto, "needs_manual_grade": waits})
                else:
                    values = {"auto_score_": auto, "needs_manual_grade_": waits}
                    changed.append({"id_": row, **values})
        _insert(db, table, new)
        _update(db, table, changed, "auto_score", "needs_manual_grade")

    def _comments(
        self,
        db: sa.Connection,
        entries: Mapping[str, Entry],
        notebooks: Mapping[tuple[str, str], str],
    ) -> None:
        table = self.comments
        query = sa.select(table.c.id, table.c.notebook_id, table.c.cell_id).where(
            table.c.notebook_id.in_(list(notebooks.values()))
        )
        known = {(r.notebook_id, r.cell_id): r.id for r in db.execute(query)}
        new, changed = [], []
        for student, entry in entries.items():
            for notebook, cell, name in self.comment_cells:
                at = notebooks[student, notebook], cell
                text = entry.comments.get(name)
                if at not in known:
                    keys = {"id": _new_id(), "notebook_id": at[0], "cell_id": cell}
                    new.append({**keys, "auto_comment": text})
                else:
                    changed.append({"id_": known[at], "auto_comment_": text})
        _insert(db, table, new)
        _update(db, table, changed, "auto_comment")

    def _penalties(
        self,
        db: sa.Connection,
        entries: Mapping[str, Entry],
        ids: Mapping[str, str],
        notebooks: Mapping[tuple[str, str], str],
    ) -> None:
        """nbgrader's own rule for late work, asked only where there is any."""
        if self.penalty is None or self.duedate is None:
            return
        table = self.submissions
        query = sa.select(table.c.student_id, table.c.timestamp, table.c.extension).where(
            table.c.id.in_(list(ids.values()))
        )
        rows = []
        scores = self._scores(db, notebooks)
        for row in db.execute(query).all():
            due = self.duedate + (row.extension or datetime.timedelta())
            late = 0.0 if row.timestamp is None else (row.timestamp - due).total_seconds()
            for notebook in self.notebook_ids.values():
                at = notebooks[row.student_id, notebook]
                penalty = None
                if late > 0:
                    score = scores.get(at, 0.0)
                    penalty = self.penalty(row.student_id, score, late)
                    penalty = None if penalty is None else min(max(penalty, 0.0), score)
                rows.append({"id_": at, "late_submission_penalty_": penalty})
        _update(db, self.notebooks, rows, "late_submission_penalty")

    def _scores(self, db: sa.Connection, notebooks: Mapping[Any, str]) -> dict[str, float]:
        grades = self.grades
        score = sa.func.coalesce(grades.c.manual_score, grades.c.auto_score, 0.0)
        query = (
            sa.select(grades.c.notebook_id, sa.func.sum(score).label("score"))
            .where(grades.c.notebook_id.in_(list(notebooks.values())))
            .group_by(grades.c.notebook_id)
        )
        return {row.notebook_id: float(row.score) for row in db.execute(query)}

    def _records(self, db: sa.Connection, entries: Mapping[str, Entry]) -> None:
        table = self.records
        own = table.c.assignment == self.assignment
        db.execute(sa.delete(table).where(own, table.c.student.in_(list(entries))))
        rows = [
            {
                "assignment": self.assignment,
                "student": entry.student,
                "digest": entry.digest,
                "seed": None if entry.seed is None else str(entry.seed),
                "data": json.dumps(entry.data, ensure_ascii=False, sort_keys=True),
            }
            for entry in entries.values()
        ]
        _insert(db, table, rows)

    def _column(self, db: sa.Connection, column: Any, key: Any, values: list[str]) -> set[str]:
        return set(db.execute(sa.select(column).where(key.in_(values))).scalars())

    def _pairs(
        self, db: sa.Connection, table: sa.Table, key: str, values: list[str], own: Any
    ) -> dict[str, str]:
        query = sa.select(table.c[key], table.c.id).where(own, table.c[key].in_(values))
        return {row[0]: row[1] for row in db.execute(query)}


def _new_id() -> str:
    return uuid.uuid4().hex


def _insert(db: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.execute(sa.insert(table), rows)


def _update(db: sa.Connection, table: sa.Table, rows: list[dict[str, Any]], *columns: str) -> None:
    if rows:
        values: dict[str, Any] = {column: sa.bindparam(column + "_") for column in columns}
        db.execute(sa.update(table).where(table.c.id == sa.bindparam("id_")).values(values), rows)
