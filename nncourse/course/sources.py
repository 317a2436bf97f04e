"""A bilingual source, and the edition that it holds for each language.

A source is a MyST Markdown notebook (JupyterLab opens it through jupytext). A text cell names its
language in its metadata; code stands once, or twice where it shows words. An exercise's cells name
their role in a short form, which is spelled out here as nbgrader wants it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from nncourse.language import LANGUAGES, catalogue, using

_ = catalogue("course")

# Roles of an exercise's cells, as flags of nbgrader's metadata.
ROLES = {
    "solution": {"grade": False, "solution": True, "locked": False},
    "tests": {"grade": True, "solution": False, "locked": True},
    "manual": {"grade": True, "solution": True, "locked": False},
    "readonly": {"grade": False, "solution": False, "locked": True},
}
NBGRADER_SCHEMA = 3


class SourceError(ValueError):
    """A source that no edition can be built from; the message says where and what to write."""


@dataclass(frozen=True)
class Source:
    """One bilingual source.

    ``name`` is its path from the course's root, as people write it; ``cells`` are those of both
    languages, in order.
    """

    path: Path
    name: str
    notebook: NotebookNode

    @property
    def cells(self) -> list[NotebookNode]:
        return self.notebook.cells

    def title(self, language: str) -> str:
        return str(self.notebook.metadata["nncourse"]["title"][language])


def read_source(path: Path, root: Path) -> Source:
    """Read a source and refuse what would go wrong later.

    Raises SourceError for a cell without language, a role that does not exist, a graded cell
    without points, or an id used twice in one language.
    """
    try:
        name = path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        name = path.name
    notebook = jupytext.read(path, fmt="md:myst")
    source = Source(path, name, notebook)
    titles = notebook.metadata.get("nncourse", {}).get("title", {})
    if set(titles) != set(LANGUAGES):
        raise SourceError(
            f"{name}: the front matter needs a title in each language:\n"
            'nncourse:\n  title: {ru: "...", en: "..."}'
        )
    if not source.cells or source.cells[0].cell_type != "markdown":
        raise SourceError(f"{name}: the first cell must be a text, the notebook's heading")
    seen: set[tuple[str, str]] = set()
    for number, cell in enumerate(source.cells, start=1):
        _check_cell(cell, f"{name}, cell {number} ({_excerpt(cell)})", seen)
    return source


def _excerpt(cell: NotebookNode) -> str:
    first = cell.source.strip().partition("\n")[0]
    return repr(first[:50] + ("..." if len(first) > 50 else ""))


def _check_cell(cell: NotebookNode, where: str, seen: set[tuple[str, str]]) -> None:
    language = cell.metadata.get("lang")
    if cell.cell_type == "markdown" and language not in LANGUAGES:
        raise SourceError(
            f'{where}: a text cell must say its language: begin it with +++ {{"lang": "ru"}}'
        )
    if cell.cell_type == "code" and language not in (None, *LANGUAGES):
        raise SourceError(f"{where}: lang must be ru or en, or left out where both share the code")
    role = cell.metadata.get("nbgrader")
    if role is None:
        return
    if role.get("kind") not in ROLES or not role.get("id"):
        raise SourceError(
            f"{where}: nbgrader needs a kind ({', '.join(ROLES)}) and an id; got {dict(role)}"
        )
    if ROLES[role["kind"]]["grade"] and not isinstance(role.get("points"), int | float):
        raise SourceError(f"{where}: a graded cell needs points; got {dict(role)}")
    for edition in LANGUAGES if language is None else (language,):
        if (edition, role["id"]) in seen:
            raise SourceError(f"{where}: the id {role['id']!r} is used twice in one language")
        seen.add((edition, role["id"]))


def make_edition(source: Source, language: str) -> NotebookNode:
    """The notebook of one language, not yet executed.

    Cell ids depend on the text alone, so an edit changes the ids of the cells that it touches.
    """
    cells = [
        _edition_cell(cell, language)
        for cell in source.cells
        if cell.metadata.get("lang") in (None, language)
    ]
    cells[0].source = f"{_opening_line(source, language)}\n\n{cells[0].source}"
    _name_cells(cells)
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": dict(source.notebook.metadata["kernelspec"]),
            "language_info": {"name": "python"},
            "nncourse": {
                "source": source.name,
                "language": language,
                "title": source.title(language),
            },
        }
    )
    return notebook


def _opening_line(source: Source, language: str) -> str:
    """Where the source is: for who opens the cell to edit it, not for the reader."""
    with using(language):
        line = _("Built from {source} by nncourse build: changes belong there.", source=source.name)
    return f"<!-- {line} -->"


def _edition_cell(cell: NotebookNode, language: str) -> NotebookNode:
    metadata = {key: value for key, value in cell.metadata.items() if key != "lang"}
    role = metadata.pop("nbgrader", None)
    if role is not None:
        metadata["nbgrader"] = _nbgrader_metadata(role)
    make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
    note = cell.metadata.get("slideshow", {}).get("slide_type") == "notes"
    return make(_folded(cell.source, language) if note else cell.source, metadata=metadata)


def _folded(note: str, language: str) -> str:
    """A note to the lecturer, closed: it is on no slide, and a reader may pass it by."""
    with using(language):
        summary = _("For the lecturer")
    return f"<details><summary>{summary}</summary>\n\n{note}\n\n</details>"


def _nbgrader_metadata(role: Any) -> dict[str, Any]:
    metadata = {
        "grade_id": role["id"],
        "schema_version": NBGRADER_SCHEMA,
        "task": False,
        **ROLES[role["kind"]],
    }
    if metadata["grade"]:
        metadata["points"] = role["points"]
    return metadata


def _name_cells(cells: list[NotebookNode]) -> None:
    used: set[str] = set()
    for cell in cells:
        base = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        name, copy = base, 1
        while name in used:
            copy += 1
            name = f"{base}-{copy}"
        used.add(name)
        cell.id = name


def digest(cells: list[NotebookNode]) -> str:
    """A short fingerprint of cells with their outputs."""
    text = json.dumps(cells, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
