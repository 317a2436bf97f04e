"""The writing of a gradebook's tables: one transaction for a batch of submissions.

``nncourse.grading.gradebook`` decides what is written and when; this module knows nbgrader's
tables.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nncourse.grading.query import Database, Transaction, among

if TYPE_CHECKING:
    from nncourse.grading.gradebook import Entry, Gradebook

EPOCH = datetime.datetime(1970, 1, 1)

MAKE_RECORDS = """
create table if not exists nncourse_verdict (
    assignment varchar(128) not null,
    student varchar(128) not null,
    digest varchar(64) not null,
    seed varchar(32),
    data text not null,
    primary key (assignment, student)
)
"""
SCORES = """
select notebook_id, sum(coalesce(manual_score, auto_score, 0.0)
       + case when manual_score is null and auto_score is null then 0.0
              else coalesce(extra_credit, 0.0) end)
from grade where notebook_id in {} group by notebook_id
"""


class Ledger:
    """The tables of one gradebook, as far as they are written to. ``patience``: seconds that SQLite
    waits for a lock."""

    def __init__(self, book: Gradebook, patience: float) -> None:
        self.assignment = book.assignment
        self.id = book.id
        self.notebook_ids = list(book.notebook_ids)
        self.grade_cells = book.grade_cells
        self.max_scores = book.max_scores
        self.comment_cells = book.comment_cells
        self.penalty = book.penalty
        self.database = Database(book.url, patience)
        self.database.try_letters()
        with self.database.transaction() as db:
            db.rows(MAKE_RECORDS)
            ((due,),) = db.rows("select duedate from assignment where id = :id", {"id": self.id})
        self.duedate = _time(due)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()

    def write(self, entries: Sequence[Entry]) -> None:
        """Write all of them, or none."""
        with self.database.transaction() as db:
            self._write(db, {entry.student: entry for entry in entries})

    def penalise(self, ids: Mapping[str, str]) -> None:
        """Write the penalties of these students' submissions."""
        with self.database.transaction() as db:
            self._penalties(db, ids, self._notebooks(db, ids))

    def record(self, entry: Entry) -> None:
        """Write what is not nbgrader's."""
        with self.database.transaction() as db:
            self._records(db, {entry.student: entry})

    def _write(self, db: Transaction, entries: Mapping[str, Entry]) -> None:
        entries = self._with_what_was_written(db, entries)
        known = self._known(db, list(entries))
        _insert(db, "student", [{"id": name} for name in entries if name not in known])
        ids = self._submissions(db, entries)
        notebooks = self._notebooks(db, ids)
        self._grades(db, entries, notebooks)
        self._comments(db, entries, notebooks)
        if self.penalty is not None and self.duedate is not None:
            self._penalties(db, ids, notebooks)
        self._records(db, entries)

    def _with_what_was_written(
        self, db: Transaction, entries: Mapping[str, Entry]
    ) -> dict[str, Entry]:
        """Of what is tried anew by the next run, nothing new is known until then."""
        before = self._written(db, [name for name, entry in entries.items() if not entry.digest])
        return {
            name: replace(entry, written=before[name]) if name in before else entry
            for name, entry in entries.items()
        }

    def _known(self, db: Transaction, names: Sequence[str]) -> set[str]:
        """Which of these students have a row."""
        these, given = among(names)
        return {name for (name,) in db.rows(f"select id from student where id in {these}", given)}

    def _submissions(self, db: Transaction, entries: Mapping[str, Entry]) -> dict[str, str]:
        """The row of each student's submission."""
        these, given = among(entries)
        query = f"""
            select student_id, id from submitted_assignment
            where assignment_id = :assignment and student_id in {these}
        """
        ids: dict[str, str] = dict(db.rows(query, {"assignment": self.id, **given}))
        new, changed = [], []
        for name, entry in entries.items():
            stamp = self.database.time(entry.timestamp)
            if name not in ids:
                ids[name] = _new_id()
                row = {"id": ids[name], "assignment_id": self.id, "student_id": name}
                new.append({**row, "timestamp": stamp})
            else:  # also where it is unknown now: that of an earlier version is not its own
                changed.append({"id": ids[name], "timestamp": stamp})
        _insert(db, "submitted_assignment", new)
        _update(db, "submitted_assignment", changed)
        return ids

    def _notebooks(self, db: Transaction, ids: Mapping[str, str]) -> dict[tuple[str, str], str]:
        """The row of each student's notebook: (student, notebook) to its id."""
        students = {submission: student for student, submission in ids.items()}
        these, given = among(students)
        query = f"""
            select id, assignment_id, notebook_id from submitted_notebook
            where assignment_id in {these}
        """
        found = {(students[a], notebook): id for id, a, notebook in db.rows(query, given)}
        rows = []
        for student, submission in ids.items():
            for notebook in self.notebook_ids:
                if (student, notebook) not in found:
                    found[student, notebook] = _new_id()
                    row = {"id": found[student, notebook], "assignment_id": submission}
                    rows.append({**row, "notebook_id": notebook, "flagged": False})
        _insert(db, "submitted_notebook", rows)
        return found

    def _grades(
        self,
        db: Transaction,
        entries: Mapping[str, Entry],
        notebooks: Mapping[tuple[str, str], str],
    ) -> None:
        these, given = among(notebooks.values())
        query = f"""
            select notebook_id, cell_id, id, auto_score, manual_score, needs_manual_grade
            from grade where notebook_id in {these}
        """
        known = {(n, cell): row for n, cell, *row in db.rows(query, given)}
        of = {notebook: student for (student, _notebook), notebook in notebooks.items()}
        by_hand = {of[n] for (n, _cell), (_, _, manual, _) in known.items() if manual is not None}
        before = self._written(db, by_hand)
        new, changed = [], []
        for student, entry in entries.items():
            for notebook, cell, name in self.grade_cells:
                at = notebooks[student, notebook], cell
                auto = entry.scores.get(name)
                row, old, manual, waits = known.get(at, (None, None, None, False))
                if manual is None:
                    waits = auto is None
                elif not entry.digest:
                    auto = old  # whether it has changed, the next run says
                elif old != auto or before.get(student, {}).get(name) != entry.written.get(name):
                    waits = True  # what the lecturer has graded before is to be looked at again
                elif manual > self.max_scores[name]:
                    waits = True  # the question is worth less than it was then
                values = {"auto_score": auto, "needs_manual_grade": waits}
                if row is None:
                    new.append({"id": _new_id(), "notebook_id": at[0], "cell_id": cell, **values})
                else:
                    changed.append({"id": row, **values})
        _insert(db, "grade", new)
        _update(db, "grade", changed)

    def _written(self, db: Transaction, students: Collection[str]) -> dict[str, dict[str, str]]:
        """What was recorded of each student's written answers."""
        these, given = among(students)
        query = f"""
            select student, data from nncourse_verdict
            where assignment = :assignment and student in {these}
        """
        found = db.rows(query, {"assignment": self.assignment, **given}) if students else []
        return {student: json.loads(data).get("written", {}) for student, data in found}

    def _comments(
        self,
        db: Transaction,
        entries: Mapping[str, Entry],
        notebooks: Mapping[tuple[str, str], str],
    ) -> None:
        these, given = among(notebooks.values())
        query = f"select notebook_id, cell_id, id from comment where notebook_id in {these}"
        known = {(notebook, cell): id for notebook, cell, id in db.rows(query, given)}
        new, changed = [], []
        for student, entry in entries.items():
            for notebook, cell, name in self.comment_cells:
                at = notebooks[student, notebook], cell
                text = entry.comments.get(name)
                if at not in known:
                    keys = {"id": _new_id(), "notebook_id": at[0], "cell_id": cell}
                    new.append({**keys, "auto_comment": text})
                else:
                    changed.append({"id": known[at], "auto_comment": text})
        _insert(db, "comment", new)
        _update(db, "comment", changed)

    def _penalties(
        self,
        db: Transaction,
        ids: Mapping[str, str],
        notebooks: Mapping[tuple[str, str], str],
    ) -> None:
        """nbgrader's own rule for late work, asked only where there is any."""
        these, given = among(ids.values())
        query = f"""
            select student_id, timestamp, extension from submitted_assignment where id in {these}
        """
        rows = []
        scores = self._scores(db, notebooks)
        for student, timestamp, extension in db.rows(query, given):
            stamp, late = _time(timestamp), 0.0
            if stamp is not None and self.duedate is not None:
                late = (stamp - self.duedate - _span(extension)).total_seconds()
            for notebook in self.notebook_ids:
                at = notebooks[student, notebook]
                penalty = None
                if late > 0 and self.penalty is not None:
                    score = scores.get(at, 0.0)
                    penalty = self.penalty(student, score, late)
                    penalty = None if penalty is None else min(max(penalty, 0.0), score)
                rows.append({"id": at, "late_submission_penalty": penalty})
        _update(db, "submitted_notebook", rows)

    def _scores(self, db: Transaction, notebooks: Mapping[Any, str]) -> dict[str, float]:
        these, given = among(notebooks.values())
        return {notebook: float(s) for notebook, s in db.rows(SCORES.format(these), given)}

    def _records(self, db: Transaction, entries: Mapping[str, Entry]) -> None:
        keys = [{"assignment": self.assignment, "student": student} for student in entries]
        own = "assignment = :assignment and student = :student"
        db.each(f"delete from nncourse_verdict where {own}", keys)
        rows = [
            {
                **key,
                "digest": entry.digest,
                "seed": None if entry.seed is None else str(entry.seed),
                "data": _text({**entry.data, "written": dict(entry.written)}),
            }
            for key, entry in zip(keys, entries.values(), strict=True)
        ]
        _insert(db, "nncourse_verdict", rows)


def _time(value: Any) -> datetime.datetime | None:
    """A time, which SQLite holds as text."""
    return datetime.datetime.fromisoformat(value) if isinstance(value, str) else value


def _span(value: Any) -> datetime.timedelta:
    """A span of time, which SQLite holds as the time that much after 1970."""
    if value is None:
        return datetime.timedelta()
    return datetime.datetime.fromisoformat(value) - EPOCH if isinstance(value, str) else value


def _text(data: Mapping[str, Any]) -> str:
    """As JSON that any database takes: half a surrogate pair from a student's text is none."""
    return json.dumps(data, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace").decode()


def _new_id() -> str:
    return uuid.uuid4().hex


def _insert(db: Transaction, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        names, values = ", ".join(rows[0]), ", ".join(f":{name}" for name in rows[0])
        db.each(f"insert into {table} ({names}) values ({values})", rows)


def _update(db: Transaction, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Each row with its id and the new values of the same columns."""
    if rows:
        changed = ", ".join(f"{name} = :{name}" for name in rows[0] if name != "id")
        db.each(f"update {table} set {changed} where id = :id", rows)
