"""The writing of a gradebook's tables: one transaction for a batch of submissions.

``nncourse.grading.gradebook`` decides what is written and when; this module knows nbgrader's tables
and loads SQLAlchemy.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from nncourse.grading.gradebook import Entry, Gradebook


class Ledger:
    """The tables of one gradebook, as far as they are written to. ``patience``: seconds that SQLite
    waits for a lock."""

    def __init__(self, book: Gradebook, patience: float) -> None:
        self.assignment = book.assignment
        self.id = book.id
        self.notebook_ids = list(book.notebook_ids)
        self.grade_cells = book.grade_cells
        self.comment_cells = book.comment_cells
        self.penalty = book.penalty
        options: dict[str, Any] = {"pool_pre_ping": True}
        if book.url.startswith("sqlite"):
            options["connect_args"] = {"timeout": patience}
        self.engine = sa.create_engine(book.url, **options)
        self._load()

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def write(self, entries: Sequence[Entry]) -> None:
        """Write all of them, or none."""
        with self.engine.begin() as db:
            self._write(db, {entry.student: entry for entry in entries})

    def _load(self) -> None:
        """Describe the tables, and make the one for records."""
        meta = sa.MetaData()

        def table(name: str, *columns: sa.Column) -> sa.Table:
            return sa.Table(name, meta, *columns, autoload_with=self.engine, resolve_fks=False)

        self.students = table("student")
        self.submissions = table("submitted_assignment", sa.Column("extension", sa.Interval))
        self.notebooks = table("submitted_notebook")
        self.grades = table("grade")
        self.comments = table("comment")
        self.records = sa.Table(
            "nncourse_verdict",
            meta,
            sa.Column("assignment", sa.String(128), primary_key=True),
            sa.Column("student", sa.String(128), primary_key=True),
            sa.Column("digest", sa.String(64), nullable=False),
            sa.Column("seed", sa.String(32)),
            sa.Column("data", sa.Text, nullable=False),
        )
        self.records.create(self.engine, checkfirst=True)
        assignments = table("assignment")
        with self.engine.connect() as db:
            query = sa.select(assignments.c.duedate).where(assignments.c.id == self.id)
            self.duedate = db.execute(query).scalar()

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
            for notebook in self.notebook_ids:
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
            for notebook in self.notebook_ids:
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
                "data": _text(entry.data),
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


def _text(data: Mapping[str, Any]) -> str:
    """As JSON that any database takes: half a surrogate pair from a student's text is none."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace").decode()


def _new_id() -> str:
    return uuid.uuid4().hex


def _insert(db: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.execute(sa.insert(table), rows)


def _update(db: sa.Connection, table: sa.Table, rows: list[dict[str, Any]], *columns: str) -> None:
    if rows:
        values: dict[str, Any] = {column: sa.bindparam(column + "_") for column in columns}
        db.execute(sa.update(table).where(table.c.id == sa.bindparam("id_")).values(values), rows)
