"""Sources to editions: written, executed, released; and the check that nothing has drifted apart.

A built notebook carries two fingerprints: of the cells it was made from (has the source changed
since?) and of the finished cells with their outputs (has someone edited it by hand?). Only what
changed is built again, building twice gives the same bytes, and nobody's edits are overwritten
unless that is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from nncourse.course.files import Course, assignment
from nncourse.course.sources import Source, digest, make_edition, read_source
from nncourse.language import LANGUAGES, catalogue

_ = catalogue("course")

CELL_TIMEOUT = 120  # seconds
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class State(Enum):
    """How a built notebook stands to its source."""

    FRESH = "fresh"
    MISSING = "missing"
    STALE = "stale"
    EDITED = "edited"


@dataclass(frozen=True)
class Target:
    """One built notebook: where it lies and the unexecuted edition that it is made from."""

    source: Source
    language: str
    path: Path
    edition: NotebookNode

    @property
    def made_from(self) -> str:
        return digest(self.edition.cells)


class BuildError(RuntimeError):
    """A cell of an edition failed; the message holds the notebook, the cell and the error."""


def targets(course: Course, sources: Iterable[Path]) -> Iterator[Target]:
    for path in sources:
        source = read_source(path, course.root)
        for language in LANGUAGES:
            edition = make_edition(source, language)
            yield Target(source, language, course.edition(path, language), edition)


def build(
    course: Course,
    sources: Iterable[Path] | None = None,
    force: bool = False,
    say: Callable[[str], None] = print,
) -> list[Path]:
    """Build what is missing or stale (everything with ``force``); return what was built.

    The editions of one call run side by side, each in a kernel of its own. Raises BuildError
    where a cell fails, or where a built notebook holds somebody's edits.
    """
    chosen = course.sources() if sources is None else [path.resolve() for path in sources]
    for path in chosen:
        if path.parent not in (course.lectures, course.solutions):
            raise BuildError(
                _(
                    "{path} is no source of the course: those lie in {lectures} and {solutions}",
                    path=path,
                    lectures=course.lectures,
                    solutions=course.solutions,
                )
            )
    wanted = [(target, *inspect(course, target)) for target in targets(course, chosen)]
    if not force:
        edited = [why for _target, state, why in wanted if state is State.EDITED]
        if edited:
            raise BuildError("\n".join([*edited, _("To drop these edits, build with --force.")]))
    stale = [target for target, state, _why in wanted if force or state is not State.FRESH]

    def execute_and_write(target: Target) -> Path:
        say(_("building {path}", path=_relative(course, target.path)))
        return _build_edition(course, target)

    with ThreadPoolExecutor(max_workers=2) as pool:
        built = list(pool.map(execute_and_write, stale))
    # nbgrader changes the current folder of the process, so releases are made one by one.
    exercises = (target for target in stale if course.is_exercise(target.source.path))
    return built + [_build_release(course, target) for target in exercises]


def _build_edition(course: Course, target: Target) -> Path:
    notebook = nbformat.from_dict(target.edition)
    target.path.parent.mkdir(parents=True, exist_ok=True)
    execute(notebook, target.path.parent, _relative(course, target.path))
    _write(notebook, target.path, target.made_from)
    return target.path


def _build_release(course: Course, target: Target) -> Path:
    from nncourse.grading.release import ReleaseError, release

    try:
        release(
            course.solutions / target.language,
            course.exercises / target.language,
            assignment(target.source.path),
            target.language,
        )
    except ReleaseError as error:
        raise BuildError(f"{target.source.name}: {error}") from error
    path = course.release(target.source.path, target.language)
    _write(nbformat.read(path, as_version=4), path, target.made_from)
    return path


def _relative(course: Course, path: Path) -> str:
    return path.relative_to(course.root).as_posix()


def _write(notebook: NotebookNode, path: Path, made_from: str) -> None:
    """Write whole or not at all, so that an interrupted build leaves no half notebook."""
    notebook.metadata["nncourse"]["made_from"] = made_from
    notebook.metadata["nncourse"]["content"] = digest(notebook.cells)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    unfinished.replace(path)


def execute(notebook: NotebookNode, folder: Path, name: str) -> None:
    """Run a notebook in place, in a fresh kernel, and keep only what is the same next time."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(folder)}},
    )
    # One thread: sums in a fixed order, so that the last digits don't depend on the moment.
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    try:
        client.execute(env={**os.environ, **threads, "PYTHONHASHSEED": "0"})
    except (CellExecutionError, CellTimeoutError) as error:
        raise BuildError(f"{name}: {error}") from error
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            # A view without its kernel is an error message; the picture beside it stays.
            if len(output.get("data", {})) > 1:
                output.data.pop(WIDGET_VIEW, None)
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.metadata.pop("widgets", None)


def inspect(course: Course, target: Target) -> tuple[State, str]:
    """How the built notebooks of a target stand to their source, and what to do about it."""
    worst, why = State.FRESH, ""
    for path in course.made_from(target.source.path, target.language):
        names = {"path": _relative(course, path), "source": target.source.name}
        if not path.exists():
            worst, why = State.MISSING, _("{path} is not built: run `nncourse build`", **names)
            continue
        try:
            notebook = nbformat.read(path, as_version=4)
        except (ValueError, nbformat.reader.NotJSONError):
            return State.EDITED, _("{path} can't be read as a notebook", **names)
        made = notebook.metadata.get("nncourse", {})
        if made.get("content") != digest(notebook.cells):
            return State.EDITED, _(
                "{path} was edited by hand: move the change to {source}", **names
            )
        if made.get("made_from") != target.made_from:
            worst = State.STALE
            why = _("{path} is older than {source}: run `nncourse build`", **names)
    return worst, why


def missing(course: Course) -> list[Path]:
    """The sources of which an edition is not built. An installed course has no sources."""
    return [
        source
        for source in course.sources()
        for language in LANGUAGES
        if not all(path.exists() for path in course.made_from(source, language))
    ]


def check(course: Course) -> list[str]:
    """Everything by which sources and built notebooks differ: nothing, when the list is empty."""
    found: list[str] = []
    known: set[Path] = set()
    for target in targets(course, course.sources()):
        known.update(course.made_from(target.source.path, target.language))
        state, why = inspect(course, target)
        if state is not State.FRESH:
            found.append(why)
    found += [
        _("{path} has no source: remove it", path=_relative(course, path))
        for path in course.built()
        if path not in known
    ]
    return found
