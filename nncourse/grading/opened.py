"""What a notebook may do that is opened in JupyterLab, and where it is saved.

Jupyter runs nothing of a notebook that nobody trusts, its extensions do: those for widgets run what
the notebook's metadata hold of them as soon as it is opened. So metadata of this kind are handed
to JupyterLab under a name that it doesn't know, and get theirs back when the notebook is saved,
which makes it no more trusted than it was.

What students hand in brings no style sheet either, is read from and written to no other file, and
is saved and deleted through no link. Jupytext, which pairs files as their metadata and settings
beside them say, leaves it alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any

from tornado import web

from nncourse.course.folder import CONFIG_FILE
from nncourse.language import catalogue

_ = catalogue("course")

UNREAD = "unread: "  # before the names of metadata
PROGRAMS = ["widgets"]  # of anywidget also JavaScript
# Style sheets for all of the window, and outputs that Jupyter Notebook draws like Vega's plots.
DRAWN = ["@deathbeds/jupyterlab-fonts", "application/vnd.vega"]
# Kinds of outputs that Jupyter judges before it trusts a notebook. JupyterLab shows one more.
JUDGED = {"stream", "error", "display_data", "execute_result"}


def guard(contents: Any) -> None:
    """Change how a server's manager of contents reads and writes."""
    plain = getattr(contents, "super", contents)  # without Jupytext
    root = Path(getattr(contents, "root_dir", ""))
    changed = ["get", "save", "rename_file", "delete_file"]
    own = {name: getattr(contents, name) for name in changed}
    others = {name: getattr(plain, name) for name in changed}
    keep, restore = contents.create_checkpoint, contents.restore_checkpoint
    sign = contents.check_and_sign

    def place(path: str) -> Path:
        return Path(os.path.abspath(root / path.strip("/")))

    def method(name: str, path: str) -> Callable[..., Any]:
        return (others if of_students(place(path)) else own)[name]

    def get(path: str, *args: Any, **options: Any) -> Any:
        theirs = of_students(place(path))

        def hide(model: Any) -> Any:
            trusted = not theirs and _trusted(model.get("content"))
            return _hide(model, [*([] if trusted else PROGRAMS), *(DRAWN if theirs else [])])

        return _then(method("get", path)(path, *args, **options), hide)

    def save(model: dict[str, Any], path: str = "") -> Any:
        refuse_links(place(path))
        return method("save", path)(_show(model), path)

    def rename_file(old_path: str, new_path: str) -> Any:
        refuse_links(place(old_path))
        refuse_links(place(new_path))
        return method("rename_file", old_path)(old_path, new_path)

    def delete_file(path: str) -> Any:
        refuse_links(place(path), itself=False)
        return method("delete_file", path)(path)

    def create_checkpoint(path: str) -> Any:
        refuse_links(place(path))
        return keep(path)

    def restore_checkpoint(checkpoint_id: str, path: str) -> Any:
        refuse_links(place(path))
        return restore(checkpoint_id, path)

    def trust_notebook(path: str) -> Any:
        def trust(model: Any) -> None:
            contents.notary.mark_cells(model["content"], True)
            check_and_sign(model["content"], path)

        return _then(method("get", path)(path), trust)

    def check_and_sign(notebook: Any, path: str = "", **options: Any) -> None:
        # Jupyter takes every cell for trusted that has only printed, and so a notebook of these.
        programs = any(name in notebook["metadata"] for name in PROGRAMS)
        if _trusted(notebook) or not (programs or _kinds(notebook) - JUDGED):
            sign(notebook, path, **options)

    changes = [get, save, rename_file, delete_file, create_checkpoint, restore_checkpoint]
    for function in (*changes, trust_notebook, check_and_sign):
        setattr(contents, function.__name__, function)


def _then(value: Any, change: Callable[[Any], Any]) -> Any:
    """``change(value)``, later for one that is waited for."""
    if not isawaitable(value):
        return change(value)

    async def later() -> Any:
        return change(await value)

    return later()


def _trusted(notebook: Any) -> bool:
    """Whether Jupyter, or whoever saves it, has marked all of its code so."""
    cells = notebook["cells"] if isinstance(notebook, dict) and "cells" in notebook else []
    marks = [cell["metadata"].get("trusted") for cell in cells if cell["cell_type"] == "code"]
    return bool(marks) and all(mark is True for mark in marks)


def _kinds(notebook: Any) -> set[str]:
    """Of the outputs in it."""
    cells = notebook["cells"]
    return {str(output.get("output_type")) for c in cells for output in c.get("outputs", [])}


def _named(model: Any) -> list[dict[str, Any]]:
    """The metadata of a notebook and its cells, and what outputs hold, as far as they are there."""
    notebook = model.get("content") if model.get("type") == "notebook" else None
    cells = notebook.get("cells", []) if isinstance(notebook, dict) else []
    cells = [cell for cell in cells if isinstance(cell, dict)]
    lists = [cell.get("outputs") for cell in cells]
    outputs = [output for part in lists if isinstance(part, list) for output in part]
    found = [part.get("metadata") for part in (notebook, *cells) if isinstance(part, dict)]
    found += [output.get("data") for output in outputs if isinstance(output, dict)]
    return [part for part in found if isinstance(part, dict)]


def _hide(model: Any, names: list[str]) -> Any:
    """Give what begins with one of these names another name."""
    for part in _named(model):
        hidden = (*names, *([] if _counts(part.get("toc")) else ["toc"]))
        for name in [name for name in part if name.startswith(hidden)]:
            part[UNREAD + name] = part.pop(name)
    return model


def _counts(contents: Any) -> bool:
    """Whether headings are counted from a number: JupyterLab puts it into the page unread."""
    return not isinstance(contents, dict) or str(contents.get("base_numbering", 1)).isalnum()


def _show(model: Any) -> Any:
    """What JupyterLab has written itself meanwhile is newer."""
    for part in _named(model):
        for name in [name for name in part if name.startswith(UNREAD)]:
            part.setdefault(name.removeprefix(UNREAD), part[name])
            del part[name]
    return model


def of_students(place: Path) -> bool:
    """Whether it lies in a folder of a course, but not of the lecturer's sources."""
    return any(
        _within(at, course) not in (None, "source")
        for at in {place, place.resolve()}
        for course in at.parents
    )


def _within(place: Path, course: Path) -> str | None:
    """The course's folder in which it lies, if that is a course."""
    parts = place.relative_to(course).parts
    return parts[0] if len(parts) > 1 and (course / CONFIG_FILE).exists() else None


def refuse_links(place: Path, itself: bool = True) -> None:
    """Raise unless a file among students' is where its name says, with those that belong to it.

    They are its checkpoint, and a copy that Jupyter makes while it saves the file. That copy is a
    link for nobody's good, wherever the file is.
    """
    kept = Path(".ipynb_checkpoints", f"{place.stem}-checkpoint{place.suffix}")
    copy = place.parent / f".~{place.name}"
    if itself and copy.is_symlink():
        why = _("{path} is a link, through which Jupyter would write when it saves. Remove it.")
        raise web.HTTPError(403, why.format(path=copy))
    for course in place.parents:
        name = _within(place, course)
        if name in (None, "source"):
            continue
        for file in (place, place.parent / kept):
            inside = [file, *file.parents][: len(file.relative_to(course).parts) - 1]
            for link in filter(Path.is_symlink, inside):
                if link == place and not itself:
                    continue
                why = _(
                    "{path} is a link. Among what students hand in, nothing is written through "
                    "links."
                )
                raise web.HTTPError(403, why.format(path=link.relative_to(course)))
