"""Questions to a gradebook in plain SQL, for SQLite without loading SQLAlchemy.

To find out that nothing has changed must cost next to nothing, and loading SQLAlchemy takes longer
than all the questions. Names of parameters are written ``:name``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from typing import Any

SQLITE = "sqlite:///"


def rows(url: str, question: str, values: Mapping[str, Any] | None = None) -> list[tuple]:
    """All rows of the answer. Raises LookupError where a table isn't there."""
    if url.startswith(SQLITE):
        path = url.removeprefix(SQLITE)
        try:
            with closing(sqlite3.connect(path, timeout=60)) as db:
                return db.execute(question, dict(values or {})).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                raise LookupError(str(error)) from error
            raise
    import sqlalchemy as sa
    from sqlalchemy.exc import ProgrammingError

    engine = sa.create_engine(url)
    try:
        with engine.connect() as db:
            return [tuple(row) for row in db.execute(sa.text(question), dict(values or {}))]
    except ProgrammingError as error:
        raise LookupError(str(error.orig)) from error
    finally:
        engine.dispose()
