"""A file that a student handed in, read as a notebook.

It may be anything: cut off, of an old format, in another encoding, made to break what reads it. It
is read with ``json`` alone, and nothing in it is taken to be of any type before it was looked at.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from nncourse.check.call import printable
from nncourse.grading.added import Sight
from nncourse.grading.submissions import Submission
from nncourse.language import LANGUAGES, catalogue

_ = catalogue("course")

LARGEST = 20_000_000  # bytes; a solved exercise has well under one million
MOST = 50_000  # cells
ENOUGH = 100_000  # letters to know a language by
PILED = 30  # marks upon one letter; Unicode's own "stream-safe" form has no more


class IntakeError(Exception):
    """No answer can be taken from a submission; the text says why and what to do."""


class Unread(IntakeError):
    """The reading came to no end, maybe for what is in the file, maybe for the machine, or for a
    file that is just being put there anew. Another time it may.
    """


def read(submission: Submission) -> tuple[str, list[str]]:
    """The text of a file, and remarks."""
    path = submission.path
    name = shown(path.name)
    if path.is_symlink():
        raise IntakeError(_("{name} is a link or no file: ask for the notebook", name=name))
    if path.is_dir():
        effective = os.access in os.supports_effective_ids
        if not os.access(path, os.R_OK | os.X_OK, effective_ids=effective):
            raise IntakeError(_("the folder {name} can't be opened: change its rights", name=name))
        raise IntakeError(_("the folder {name} holds no notebook (*.ipynb)", name=name))
    if not path.exists():
        raise Unread(_("{name} is no longer there", name=name))
    if not path.is_file():
        raise IntakeError(_("{name} is a link or no file: ask for the notebook", name=name))
    size = path.stat().st_size
    if size > LARGEST:
        raise IntakeError(
            _(
                "the file has {size} MB, and at most {largest} are read: ask for it without "
                "outputs (Edit, Clear Outputs of All Cells)",
                size=round(size / 1e6),
                largest=round(LARGEST / 1e6),
            )
        )
    with submission.open() as file:
        data = file.read(LARGEST)
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        for encoding in ("utf-16", "cp1251"):
            # What some editors on Windows write. It is only taken for that if it is JSON.
            if encoding == "utf-16" and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
                continue
            with contextlib.suppress(ValueError, RecursionError):
                text = data.decode(encoding)
                json.loads(text)
                return text, [_("the file is in {encoding}, not in UTF-8", encoding=encoding)]
        raise IntakeError(
            _(
                "the file is not text in UTF-8 (byte {position}): ask for the notebook as "
                "JupyterLab saved it",
                position=error.start,
            )
        ) from None


def parsed(text: str) -> dict[str, Any]:
    try:
        # The collector of garbage would look through millions of lists again and again.
        gc.disable()
        notebook = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = (
            _("line {line}, column {column}", line=error.lineno, column=error.colno)
            if isinstance(error, json.JSONDecodeError)
            else type(error).__name__
        )
        raise IntakeError(
            _(
                "the file is not valid JSON ({where}), so it is no notebook. It may have been cut "
                "off or edited by hand: ask for it again, saved from JupyterLab",
                where=where,
            )
        ) from None
    finally:
        gc.enable()
    return notebook if isinstance(notebook, dict) else {}


def cells_of(notebook: Mapping[str, Any]) -> list[Any]:
    cells = notebook.get("cells")
    sheets = notebook.get("worksheets")
    if cells is None and isinstance(sheets, list):  # nbformat 3
        parts = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        cells = [cell for part in parts if isinstance(part, list) for cell in part]
        for cell in cells:
            if isinstance(cell, dict):
                cell.setdefault("source", cell.get("input", ""))
    if not isinstance(cells, list) or (sheets is not None and not cells):
        raise IntakeError(
            _(
                "the file has no list of cells. A notebook of an old format must be opened and "
                "saved in JupyterLab; anything else is not a notebook"
            )
        )
    if len(cells) > MOST:
        raise IntakeError(
            _(
                "the file has {count} cells, and at most {most} are read",
                count=len(cells),
                most=MOST,
            )
        )
    return cells


def language_of(notebook: Mapping[str, Any]) -> str:
    """The language that a notebook of this course names, or ''."""
    found: Any = notebook
    for step in ("metadata", "nncourse", "language"):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) and found in LANGUAGES else ""


def guessed(cells: Iterable[Any]) -> str:
    """The language of a notebook's texts, by their letters."""
    texts = (_source(c) for c in cells if isinstance(c, dict) and c.get("cell_type") == "markdown")
    letters = list(islice((c for text in texts for c in text[:2000] if c.isalpha()), ENOUGH))
    return "ru" if 3 * sum("а" <= c.lower() <= "я" for c in letters) > len(letters) else "en"


def sight(cell: Any) -> Sight:
    known = cell if isinstance(cell, dict) else {}
    id_ = known.get("id")
    code = known.get("cell_type") == "code"
    return Sight(_name(cell), id_ if isinstance(id_, str) else None, code, _source(cell))


def _name(cell: Any) -> str | None:
    """The name by which nbgrader knows a cell, or None for an ordinary cell."""
    for step in ("metadata", "nbgrader", "grade_id"):
        if not isinstance(cell, dict):
            return None
        cell = cell.get(step)
    return cell if isinstance(cell, str) else None


def _source(cell: Any) -> str:
    """The text of a cell, as a string that can be written in UTF-8."""
    source = cell.get("source", "") if isinstance(cell, dict) else ""
    text = source if type(source) is str else "".join(map(str, _strings(source)))
    return text if text.isascii() else _unpiled(text.encode("utf-8", "replace").decode("utf-8"))


def _unpiled(text: str) -> str:
    """Without what is piled upon a letter beyond all use: Python brings the marks of a name into
    one order, for which it takes minutes where there are ten thousands.
    """
    marks = {c for c in set(text) if unicodedata.combining(unicodedata.normalize("NFKD", c)[0])}
    if not marks:
        return text
    piled = f"[{''.join(sorted(marks))}]"
    return re.sub(f"({piled}{{{PILED}}}){piled}+", r"\1", text)


def _strings(source: Any) -> Iterator[str]:
    if isinstance(source, str):
        yield source
    elif isinstance(source, list):
        yield from (part for part in source if isinstance(part, str))


def shown(text: str) -> str:
    """A text of the student's in a line of ours."""
    text = printable(text).replace("\n", " ")
    return text if len(text) <= 120 else text[:120] + "..."
