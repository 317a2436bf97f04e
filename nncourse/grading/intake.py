"""What a student handed in, put into the lecturer's own notebook.

A submitted file may be anything: cut off, of another exercise, with graded cells deleted, copied or
edited. It is not repaired. The answers are taken out of it, by the names of their cells, and put
into a fresh copy of the released notebook; beside it lie the code cells of the student's own, of
which answers may need some (``nncourse.grading.own``). Everything else of the submission is left
behind. So a student can neither lose nor gain points by the form of the file, and nbgrader never
meets it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncourse.check.call import printable
from nncourse.course.folder import TEXT_STUB
from nncourse.grading.added import LONGEST as LONGEST_ADDED
from nncourse.grading.added import MOST as MOST_ADDED
from nncourse.grading.added import Sight, added, put_into
from nncourse.grading.own import OwnCell
from nncourse.grading.submissions import Submission, is_notebook, is_student
from nncourse.grading.written import PICTURE, beside, whole
from nncourse.language import LANGUAGES, catalogue

if TYPE_CHECKING:
    from nbformat import NotebookNode  # takes longer to load than all of this

_ = catalogue("course")

LARGEST = 20_000_000  # bytes; a solved exercise has well under one million
MOST = 50_000  # cells
ENOUGH = 100_000  # letters to know a language by
# Characters of an answer. To parse millions takes minutes and gigabytes; and the compiler compares
# functions that are alike with each other, each with all that came before.
LONGEST = 100_000
# Of what is longer pages show, and comparisons read, no more than the beginning; so it is named.
USUAL = 20_000
DEFINED = re.compile(r"^(?:async +)?(?:def|class) +(\w+)", re.MULTILINE)


class IntakeError(Exception):
    """No answer can be taken from a submission; the text says why and what to do."""


@dataclass
class Intake:
    """The notebook to be graded, what was noticed on the way (for the report), the language
    of the submission ("ru" or "en"), in which its student is to be answered, and code cells of the
    student's own.
    """

    notebook: NotebookNode
    notes: list[str] = field(default_factory=list)
    language: str = ""
    own: list[OwnCell] = field(default_factory=list)


def take_in(submission: Submission, released: NotebookNode) -> Intake:
    """The released notebook with the answers of a submission. Raises IntakeError."""
    if not is_student(submission.student):
        raise IntakeError(
            _(
                "the student's name {name!r} can't be a folder of the gradebook: use letters, "
                "digits, spaces and . _ - @ +",
                name=_shown(_outermost(submission)),
            )
        )
    if submission.rival is not None:
        raise IntakeError(
            _(
                "{student} is there twice, as {one} and as {other}: remove one of them",
                student=submission.student,
                one=_shown(submission.path.name),
                other=_shown(submission.rival.name),
            )
        )
    try:
        text, notes = _read(submission)
        notebook = _notebook(text)
        intake = rebuild(_cells(notebook), released, _language(notebook))
    except IntakeError:
        raise
    except Exception as error:  # a file made to break readers may raise anything
        raise IntakeError(
            _("the file can't be read: {error}", error=_shown(f"{type(error).__name__}: {error}"))
        ) from error
    rivals = [name for name in _files_beside(submission) if is_notebook(Path(name))]
    if rivals and not intake.own and intake.notebook.cells == released.cells:
        raise IntakeError(
            _(
                "{name} is as it was handed out, and beside it lies {others}: remove what does "
                "not count",
                name=_shown(submission.path.name),
                others=_shown(", ".join(rivals)),
            )
        )
    intake.notes = [*notes, *_remarks(notebook, submission), *intake.notes]
    return intake


def rebuild(cells: list[Any], released: NotebookNode, language: str = "") -> Intake:
    """Put the answers found in ``cells`` into a copy of ``released``.

    Of several cells with one name the first counts, with the next ones if it was split.
    ``language``: that of the submission, if it says so; else the text is looked at. Raises
    IntakeError if there is no answer cell.
    """
    notes: list[str] = []
    submitted: dict[str, Any] = {}
    original = [_sight(cell) for cell in released.cells]
    seen = [_sight(cell) for cell in cells]
    known = {cell.name: cell for cell in original if cell.name is not None}
    missing = {name: _defined(cell.source) for name, cell in known.items()}
    rest: dict[str, list[str]] = {}
    before = None
    sources: dict[str, str] = {}
    used: set[int] = set()  # places of named cells that count
    for place, (cell, (name, _id, _code, source)) in enumerate(zip(cells, seen, strict=True)):
        if name is None or name not in known:
            continue
        if name not in submitted:
            used.add(place)
            submitted[name], sources[name] = cell, source
            missing[name] -= _defined(source)
        elif name == before and missing[name]:
            used.add(place)
            rest.setdefault(name, []).append(source)
            missing[name] -= _defined(source)
        else:
            note = _("cell {name} occurs twice: the first one is the answer", name=name)
            notes += [] if note in notes else [note]
        before = name

    language = language or _guess(cells)
    # In the other edition what surrounds the answers reads differently without having been edited.
    own_edition = language == (_language(released) or _guess(released.cells))
    # Of the cells only the sources are changed.
    written = set[str]().union(*(_defined(cell.source) for cell in seen if cell.code))
    notebook = type(released)(released, cells=[type(cell)(cell) for cell in released.cells])
    if own_edition:  # else no text is known
        notes += _take_in_written(seen, original, released, sources)
    answers = 0
    flags: list[str] = []
    put: list[OwnCell] = []
    room = LONGEST_ADDED
    for place, (cell, sight) in enumerate(zip(notebook.cells, original, strict=True)):
        name = sight.name
        if name is None:
            continue
        role = cell.metadata["nbgrader"]
        if name in submitted and not _same_role(submitted[name]["metadata"]["nbgrader"], role):
            flags.append(name)
        if role["solution"]:
            answers += name in submitted
            if name in sources:
                source = "\n".join([sources[name], *rest.get(name, [])])
                if name in rest:
                    notes.append(_("cell {name} was split: its parts count as one", name=name))
                if source.strip() in TEXT_STUB.values():
                    continue  # nothing is written, in the other edition of the course
                if len(source) <= LONGEST:
                    cell.source = source
                    notes += _long(name, source)
                else:
                    notes.append(
                        _(
                            "answer {name} has {count} characters, and at most {most} are read: "
                            "not graded",
                            name=name,
                            count=len(source),
                            most=LONGEST,
                        )
                    )
            elif (asked := _defined(cell.source)) and asked & written:
                cell.source = ""  # or it would undo what was written elsewhere
                notes.append(
                    _(
                        "answer cell {name} is missing: {defined} is defined in another cell",
                        name=name,
                        defined=", ".join(sorted(asked & written)),
                    )
                )
            else:
                notes.append(_("answer cell {name} is missing: nothing to grade in it", name=name))
        elif name not in submitted:
            notes.append(_("cell {name} was deleted: the original was put back", name=name))
        elif sources[name].strip() != cell.source.strip():
            if own_edition:
                notes.append(_("cell {name} was changed: the original was used", name=name))
            if len(sources[name]) <= room:
                room -= len(sources[name])
                # Behind the cell: what it binds itself stays as it is.
                mine = put_into(sight._replace(source=sources[name]), sight)
                put += [OwnCell(place + 1, mine)] if mine else []
    if not answers:
        raise IntakeError(
            _(
                "no answer cell of this assignment is in the file. It may be another exercise's "
                "notebook, or one whose cells were copied into a new file: ask for the notebook "
                "that was handed out"
            )
        )
    if list(submitted) != [name for name in known if name in submitted]:
        notes.append(_("the cells stand in another order: that of the original was used"))
    if flags:
        notes.append(
            _(
                "points or flags were changed in {names}: those of the original were used",
                names=", ".join(flags),
            )
        )
    own, left = added(seen, original, used)
    if left:
        notes.append(
            _(
                "{count} cells of their own were not read: at most {most} are, and {longest} "
                "characters in all",
                count=left,
                most=MOST_ADDED,
                longest=LONGEST_ADDED,
            )
        )
    if put:
        own = sorted([*put[:MOST_ADDED], *own], key=lambda cell: cell.place)
    for one in own:
        notes += _long(_("cells of their own"), one.source)
    return Intake(notebook, notes, language, own)


def _take_in_written(
    seen: list[Sight], original: list[Sight], released: NotebookNode, sources: dict[str, str]
) -> Iterator[str]:
    """Complete the ``sources`` of written answers by what stands beside them. Yields remarks."""
    roles = [cell.metadata.get("nbgrader", {}) for cell in released.cells]
    places = [n for n, role in enumerate(roles) if role.get("solution") and not original[n].code]
    for place, (above, below) in beside(seen, original, places).items():
        name, stub = roles[place]["grade_id"], original[place].source
        answer = sources.get(name, "")
        answer = "" if answer.strip() == stub.strip() else answer
        alone, text = whole(answer, [], []), whole(answer, above, below)
        if name in sources and alone:
            sources[name] = alone
        if text != alone and len(text) <= LONGEST:
            sources[name] = text
            yield _("{name}: what stands in other cells beside it was taken into it", name=name)
        if PICTURE.search(text):
            yield _("{name}: has pictures, which only the file handed in shows", name=name)


def _long(name: str, source: str) -> list[str]:
    """A remark on an answer behind whose beginning something may be hidden."""
    if len(source) <= USUAL:
        return []
    text = _(
        "{name}: {count} characters, many more than an answer needs. Pages and comparisons have "
        "its beginning only: look at the whole of it in what was handed in",
        name=name,
        count=len(source),
    )
    return [text]


def _same_role(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two cells agree in what nbgrader writes about them."""
    keys = ("grade", "solution", "locked", "task", "points")
    return all(one.get(key, False) == other.get(key, False) for key in keys)


def _remarks(notebook: Mapping[str, Any], submission: Submission) -> list[str]:
    """What else is odd about a submission, to no effect."""
    notes = []
    metadata = notebook.get("metadata")
    kernel = metadata.get("kernelspec") if isinstance(metadata, Mapping) else None
    spec = kernel if isinstance(kernel, Mapping) else {}
    if "python" not in f"{spec.get('language', '')} {spec.get('name', 'python')}".lower():
        name = _shown(str(spec.get("name")))
        notes.append(_("the notebook is set to the kernel {name}: Python was used", name=name))
    files = _files_beside(submission)
    if files:
        text = _shown(", ".join(files))
        notes.append(_("files beside the notebook were not used: {files}", files=text))
    return notes


def _files_beside(submission: Submission) -> list[str]:
    """The names of code and of other notebooks in a student's own folder."""
    folder = submission.path.parent
    files: list[str] = []
    if submission.student in (folder.name, folder.parent.name):
        with contextlib.suppress(OSError):  # it may be gone by now
            files = sorted(
                path.name
                for path in folder.iterdir()
                if path.suffix in (".py", ".pyc", ".so")
                or (is_notebook(path) and path.name != submission.path.name)
            )
    return files


def _language(notebook: Mapping[str, Any]) -> str:
    """The language that a notebook of this course names, or ''."""
    found: Any = notebook
    for step in ("metadata", "nncourse", "language"):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) and found in LANGUAGES else ""


def _guess(cells: Iterable[Any]) -> str:
    """The language of a notebook's texts, by their letters."""
    texts = (_source(c) for c in cells if isinstance(c, dict) and c.get("cell_type") == "markdown")
    letters = list(islice((c for text in texts for c in text[:2000] if c.isalpha()), ENOUGH))
    return "ru" if 3 * sum("а" <= c.lower() <= "я" for c in letters) > len(letters) else "en"


def _outermost(submission: Submission) -> str:
    """The name of the file or folder that names the student."""
    path, folder = submission.path, submission.folder
    return path.name if folder is None else path.relative_to(folder).parts[0]


def _shown(text: str) -> str:
    """A text of the student's in a line of ours."""
    text = printable(text).replace("\n", " ")
    return text if len(text) <= 120 else text[:120] + "..."


def _read(submission: Submission) -> tuple[str, list[str]]:
    """The text of a file, and remarks."""
    path = submission.path
    name = _shown(path.name)
    if path.is_symlink():
        raise IntakeError(_("{name} is a link or no file: ask for the notebook", name=name))
    if path.is_dir():
        effective = os.access in os.supports_effective_ids
        if not os.access(path, os.R_OK | os.X_OK, effective_ids=effective):
            raise IntakeError(_("the folder {name} can't be opened: change its rights", name=name))
        raise IntakeError(_("the folder {name} holds no notebook (*.ipynb)", name=name))
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


def _notebook(text: str) -> dict[str, Any]:
    try:
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
    return notebook if isinstance(notebook, dict) else {}


def _cells(notebook: Mapping[str, Any]) -> list[Any]:
    cells = notebook.get("cells")
    sheets = notebook.get("worksheets")
    if cells is None and isinstance(sheets, list):  # nbformat 3
        cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet["cells"]]
        for cell in cells:
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


def _name(cell: Any) -> str | None:
    """The name by which nbgrader knows a cell, or None for an ordinary cell."""
    for step in ("metadata", "nbgrader", "grade_id"):
        if not isinstance(cell, dict):
            return None
        cell = cell.get(step)
    return cell if isinstance(cell, str) else None


def _sight(cell: Any) -> Sight:
    known = cell if isinstance(cell, dict) else {}
    id_ = known.get("id")
    code = known.get("cell_type") == "code"
    return Sight(_name(cell), id_ if isinstance(id_, str) else None, code, _source(cell))


def _defined(source: str) -> set[str]:
    """The functions and classes at the top of a cell. A cell that was split in JupyterLab, which
    leaves every part the name, lacks some of those that were there when it was handed out."""
    return set(DEFINED.findall(source))


def _source(cell: Any) -> str:
    """The text of a cell, as a string that can be written in UTF-8."""
    source = cell.get("source", "") if isinstance(cell, dict) else ""
    text = source if type(source) is str else "".join(map(str, _strings(source)))
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _strings(source: Any) -> Iterator[str]:
    if isinstance(source, str):
        yield source
    elif isinstance(source, list):
        yield from (part for part in source if isinstance(part, str))
