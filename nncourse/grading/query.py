"""A gradebook in plain SQL, for SQLite without loading SQLAlchemy.

To find out that nothing has changed must cost next to nothing, and loading SQLAlchemy takes longer
than all the questions, and than writing the grades of a class. Names of parameters are written
``:name``.
"""

from __future__ import annotations

import datetime
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Protocol, TypeVar

from nncourse.language import catalogue

_ = catalogue("course")

SQLITE = "sqlite:///"
FULL = ("disk is full", "No space left", "disk full")  # SQLite, PostgreSQL
CLOSED = ("readonly", "read-only", "unable to open", "permission denied")
OLD = ("no such column", "column ")  # SQLite, PostgreSQL
PASSING = ("OperationalError", "IntegrityError")  # the latter where two write the same at once
ANY = {"DatabaseError", "DBAPIError"}  # sqlite3's and SQLAlchemy's, the kinds of all others
AT_ONCE = 0.25  # seconds that SQLite may wait by itself, in which no Ctrl-C is heard
LETTERS = "aäж中🙂"  # names and remarks may hold any

Answer = TypeVar("Answer")


class GradebookError(Exception):
    """The gradebook can't be used; the text says why and what to do."""


def rows(
    url: str, question: str, values: Mapping[str, Any] | None = None, patience: float = 0.0
) -> list[tuple]:
    """All rows of the answer. ``patience``: seconds that the database may be gone or locked.

    Raises LookupError where a table isn't there, GradebookError where there is no answer.
    """
    ask = _sqlite if url.startswith(SQLITE) else _any
    return patiently(lambda: ask(url, question, dict(values or {}), patience), patience)


def patiently(ask: Callable[[], Answer], seconds: float) -> Answer:
    """What ``ask`` gives; it is asked again while the database is gone or locked.

    Raises GradebookError after so many seconds, or at once where waiting would not help.
    """
    deadline = time.monotonic() + seconds
    pause = 0.05
    while True:
        try:
            return ask()
        except Exception as error:
            if ANY.isdisjoint(kind.__name__ for kind in type(error).__mro__):
                raise
            said = " ".join(str(getattr(error, "orig", error)).split())
            waits = type(error).__name__ in PASSING and time.monotonic() <= deadline
            if not waits or any(w in said for w in (*FULL, *CLOSED, *OLD)):
                raise GradebookError(_explain(said)) from error
        time.sleep(pause)
        pause = min(2 * pause, 2.0)


def among(values: Iterable[Any]) -> tuple[str, dict[str, Any]]:
    """The right side of ``in`` for these values, and its parameters."""
    given = {f"among_{number}": value for number, value in enumerate(values)}
    return f"({', '.join(f':{name}' for name in given)})", given


class Transaction(Protocol):
    """Statements that are done together, or not at all."""

    def rows(self, statement: str, values: Mapping[str, Any] | None = None) -> list[tuple]:
        """Do one, and give its answer."""

    def each(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Do it with each of the rows; nothing if there are none."""


class Database:
    """Where a gradebook is written. ``patience``: seconds that SQLite waits for a lock."""

    def __init__(self, url: str, patience: float) -> None:
        self.url = url
        self.patience = patience
        self.engine: Any = None
        if not url.startswith(SQLITE):
            self.engine = _engine(url, pool_pre_ping=True)

    def close(self) -> None:
        """Let go of it."""
        if self.engine is not None:
            self.engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """What is done in the block is there when it ends, and not if it raises."""
        if self.engine is not None:
            with self.engine.begin() as connection:
                yield _Alchemy(connection)
            return
        path = file_of(self.url)
        timeout = min(self.patience, AT_ONCE)
        with closing(sqlite3.connect(path, timeout=timeout, isolation_level=None)) as db:
            db.execute("begin immediate")
            yield _Lite(db)
            db.execute("commit")

    def try_letters(self) -> None:
        """Raises GradebookError where one student's letters would end the run for all."""
        if self.engine is None:
            return
        try:
            with self.transaction() as db:
                ((found,),) = db.rows("select cast(:text as char(5))", {"text": LETTERS})
        except UnicodeError:
            found = ""
        if found != LETTERS:
            raise GradebookError(
                _(
                    "the gradebook's database lacks letters that students may use: make it with "
                    "the encoding UTF8 (createdb -T template0 -E UTF8 NAME), and release again"
                )
            )

    def time(self, value: datetime.datetime | None) -> Any:
        """A time as the database holds it: SQLite has text, in the form that SQLAlchemy reads."""
        if value is None or self.engine is not None:
            return value
        return value.isoformat(" ", "microseconds")


class _Lite:
    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def rows(self, statement: str, values: Mapping[str, Any] | None = None) -> list[tuple]:
        return self.db.execute(statement, dict(values or {})).fetchall()

    def each(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self.db.executemany(statement, rows)


class _Alchemy:
    def __init__(self, connection: Any) -> None:
        import sqlalchemy as sa

        self.connection = connection
        self.text = sa.text

    def rows(self, statement: str, values: Mapping[str, Any] | None = None) -> list[tuple]:
        found = self.connection.execute(self.text(statement), dict(values or {}))
        return [tuple(row) for row in found] if found.returns_rows else []

    def each(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self.connection.execute(self.text(statement), rows)


def _explain(said: str) -> str:
    kept = _("What was graded before is kept; run the command again")
    if any(words in said for words in FULL):
        return _(
            "the disk that holds the gradebook is full: free some space on it. {kept}", kept=kept
        )
    if any(words in said for words in OLD):
        return _(
            "the gradebook is of an older version: run nbgrader db upgrade in the course folder. "
            "{error}",
            error=said,
        )
    if "locked" in said:
        return _("the gradebook is locked: another program is writing to it. {kept}", kept=kept)
    return _("the gradebook can't be used: {error}. {kept}", error=said.rstrip(".?"), kept=kept)


def file_of(url: str) -> str:
    """The file of a gradebook in SQLite; behind it may stand settings for SQLAlchemy."""
    return url.removeprefix(SQLITE).partition("?")[0]


def _sqlite(url: str, question: str, values: dict[str, Any], patience: float) -> list[tuple]:
    try:
        path = file_of(url)
        with closing(sqlite3.connect(path, timeout=min(patience, AT_ONCE))) as db:
            return db.execute(question, values).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            raise LookupError(str(error)) from error
        raise


def _engine(url: str, **options: Any) -> Any:
    import sqlalchemy as sa

    try:
        return sa.create_engine(url, **options)
    except (sa.exc.ArgumentError, ImportError, ValueError) as error:  # its text has no password
        raise GradebookError(
            _(
                "the gradebook's address can't be used: {error}. Expected: "
                "postgresql+psycopg://USER@HOST/DATABASE",
                error=error,
            )
        ) from error


def _any(url: str, question: str, values: dict[str, Any], patience: float) -> list[tuple]:
    import sqlalchemy as sa
    from sqlalchemy.exc import ProgrammingError

    engine = _engine(url)
    try:
        with engine.connect() as db:
            return [tuple(row) for row in db.execute(sa.text(question), values)]
    except ProgrammingError as error:
        if any(words in str(error.orig) for words in (*CLOSED, *OLD)):
            raise
        raise LookupError(str(error.orig)) from error
    finally:
        engine.dispose()
