"""What a student gets back: one page of HTML with the points and the reason of each lost one.

It speaks the language of the submission. The reasons come from what the checks recognised, as
sentences that the course wrote, and not from the tests' own output: that may hold hidden tests,
right values or inputs. Of errors only the kind is told, if Python knows it, since a student could
put into a message, or into the name of an error, what a hidden test handed to the code.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from secrets import token_hex
from typing import Any

from nncourse.course.folder import TEXT_STUB, CourseFolder, CourseFolderError
from nncourse.course.formula import FormulaError, mathml
from nncourse.grading.assignment import PACKAGES, role_of, text_of
from nncourse.grading.autograded import OWN, read_notebook
from nncourse.grading.gradebook import Gradebook, GradebookError
from nncourse.grading.in_time import Allowance
from nncourse.grading.lacking import lacking
from nncourse.grading.names import Names, names
from nncourse.grading.own import is_own
from nncourse.grading.page import bar, number, page, part_name, table
from nncourse.grading.query import rows
from nncourse.grading.results import Grade, Result, each_result, open_gradebook
from nncourse.grading.sandbox.inside.cells import parse
from nncourse.grading.sanitize import clean_html, clean_output, clean_text
from nncourse.grading.submissions import is_student
from nncourse.grading.whole import write_below
from nncourse.language import catalogue, current, mark, using

_ = catalogue("course")
_title = catalogue("check")  # names of outputs

COMMENTS = """
SELECT s.student_id, c.cell_id, c.manual_comment
FROM submitted_assignment s
JOIN submitted_notebook n ON n.assignment_id = s.id
JOIN comment c ON c.notebook_id = n.id
WHERE s.assignment_id = :assignment AND c.manual_comment IS NOT NULL"""
OF_STUDENT = " AND s.student_id = :student"

SENTENCE = 1000  # characters of a reason
LONGEST = 20_000  # characters of an answer or an output
CELLS = 20_000  # of all tables together

# Findings whose text, after its first colon, repeats what the student's code said. A dictionary in
# a signature has colons of its own.
QUOTING = ("signature", "use", "key")
QUOTED = re.compile(r"\A((?:\{[^{}]*+\}|(?!: ).)*+): .*", re.DOTALL)

ENDINGS = {
    "NotImplementedError": mark("Not written yet."),
    "NotFinished": mark("Grading could not be finished: it took too long or ended its process."),
    "SessionEnded": mark(
        "It took too long, needed too much memory, ended its process, or broke off its connection "
        "with the grader."
    ),
    "NoPoints": mark("It gave no number of points."),
    "ProxyError": mark(
        "An answer is an object that tests can't compute with: return numbers, texts, lists, "
        "tuples, dictionaries, sets or NumPy arrays."
    ),
    "OddValue": mark("An answer is NaN, infinite or complex, or has no elements."),
}


@dataclass
class Part:
    """A graded cell, with the answers before it that no other graded cell had, and the student's
    own cells that were run for answers.

    first: no graded cell ran before these answers. stopped: cells of the lecturer's, such as one
    that calls for training, in which the session ended. task: it asks for cells of their own.
    """

    name: str
    first: bool = False
    answers: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    task: bool = False

    @property
    def by_hand(self) -> bool:
        return self.task or (bool(self.answers) and bool(role_of(self.answers[-1]).get("grade")))


def write_feedback(course: CourseFolder, assignment: str, db: str | None = None) -> list[Path]:
    """Write ``feedback/STUDENT/ASSIGNMENT/NAME.html`` for everyone in the gradebook.

    This is where nbgrader's ``release_feedback`` looks. Raises CourseFolderError.
    """
    name = course.notebook(assignment).stem
    paths = []
    for student, text in feedback_pages(course, assignment, db):
        path = course.feedback(student, assignment) / f"{name}.html"
        paths.append(write_below(course.root / "feedback", path, text))
    if not paths:
        raise CourseFolderError(
            _("nobody is graded yet: run nncourse grade {assignment} first", assignment=assignment)
        )
    return paths


def feedback_pages(
    course: CourseFolder, assignment: str, db: str | None = None, student: str | None = None
) -> Iterator[tuple[str, str]]:
    """Each student in the gradebook with their page; ``student``: this one only.

    Raises CourseFolderError.
    """
    name = course.notebook(assignment).name
    try:
        with open_gradebook(course, assignment, db) as book:
            comments = lecturers_comments(book, student)
    except GradebookError as error:
        raise CourseFolderError(str(error)) from error
    for result in each_result(course, assignment, db, None if student is None else [student]):
        if not is_student(result.student):
            continue
        file = course.autograded(result.student, assignment) / name
        notebook = read_notebook(file) if file.is_file() else None
        theirs = comments.get(result.student, {})
        with using(result.language or current()):
            try:
                text = feedback_page(assignment, result, notebook, theirs)
            except Exception:  # of reading an answer: whatever it is, the others get theirs
                text = feedback_page(assignment, result, None, theirs)
        yield result.student, text


def lecturers_comments(book: Gradebook, student: str | None = None) -> dict[str, dict[str, str]]:
    """What the lecturer wrote in the formgrader: {student: {cell: comment}}."""
    names = {cell: name for _notebook, cell, name in book.comment_cells}
    found: dict[str, dict[str, str]] = {}
    question, given = COMMENTS, {"assignment": book.id}
    if student is not None:
        question, given = question + OF_STUDENT, {**given, "student": student}
    for student, cell, comment in rows(book.url, question, given):
        if cell in names:
            found.setdefault(student, {})[names[cell]] = comment
    return found


def feedback_page(
    assignment: str,
    result: Result,
    notebook: Mapping[str, Any] | None,
    comments: Mapping[str, str] | None = None,
) -> str:
    """The page, in the current language. ``notebook``: the graded one, None if there is none."""
    comments = comments or {}
    title = assignment
    about = {} if notebook is None else notebook["metadata"].get("nncourse", {})
    if about.get("language") == current():
        title = f"{assignment}. {about.get('title', '')}".rstrip(". ")
    total = f"{number(result.score)} / {number(result.max_points)}"
    body = [f"<h1>{_show(title)}</h1>", f'<div class="soft">{_show(result.student)}</div>']
    body.append(f'<div class="total">{total}</div>')
    if result.penalty:
        text = _("Handed in late: {points} points taken off.", points=number(result.penalty))
        body.append(f"<p>{escape(text)}</p>")
    if result.problem:
        body.append(_why([_("It could not be graded: {why}", why=result.problem)], "why"))
        return page(f"{title}: {result.student}", "\n".join(body))
    if result.waiting:
        text = _("Written answers are still to be graded: {names}", names=", ".join(result.waiting))
        body.append(f"<p>{_show(text)}</p>")
    parts = {part.name: part for part in parts_of(notebook)} if notebook is not None else {}
    order = [name for name in parts if name in result.grades]
    order += [name for name in result.grades if name not in parts]
    lines = []
    for name in order:
        grade = result.grades[name]
        points = f"{number(grade.points)} / {number(grade.max_points)}"
        lines.append([part_name(name), "…" if grade.manual else bar(_share(grade)), points])
    body.append(table([escape(_("part")), "", escape(_("points"))], lines, (2,)))
    lost = _lost(result, parts.values())
    time = Allowance()
    for name in order:
        part = parts.get(name, Part(name))
        body += _section(result, part, comments, about.get("packages", PACKAGES), lost)
        for cell in part.answers:
            body += _answer(cell, part.first, time)
    return page(f"{title}: {result.student}", "\n".join(body))


def parts_of(notebook: Mapping[str, Any]) -> Iterator[Part]:
    """The graded cells in the order of the notebook."""
    answers: list[dict[str, Any]] = []
    done: list[dict[str, Any]] = []  # for the last task
    stopped: list[str] = []
    first = True
    for cell in notebook["cells"]:
        role = role_of(cell)
        if is_own(cell) and cell["cell_type"] != "code":
            done.append(cell)
        elif role.get("solution") or is_own(cell):
            answers.append(cell)
        elif role.get("task"):
            done = []
            yield Part(role["grade_id"], answers=done, task=True)
        elif not role.get("grade") and "SessionEnded" in _errors(cell.get("outputs", [])):
            stopped.append(role.get("grade_id", ""))
        if role.get("grade"):
            outputs = [] if role.get("solution") else cell.get("outputs", [])
            yield Part(role["grade_id"], first, answers, outputs, stopped)
            answers, stopped, first = [], [], first and bool(role.get("solution"))


def reasons(
    grade: Grade, reports: list[dict[str, Any]], outputs: list[dict[str, Any]]
) -> list[str]:
    """Why points of an automatically graded cell are lost, in the current language."""
    if grade.points >= grade.max_points:
        return []
    found = []
    for report in reports:
        for mistake in report["mistakes"]:
            says = mistake.get("says", {}).get(current(), "")[:SENTENCE]
            if mistake["code"] == "raised":
                says = _ending(_raised(mistake), theirs=True)
            elif mistake["code"] == "not written" and ":" in says:
                says = _("Something that it calls is not written yet.")  # a name of their choice
            elif mistake["code"] in QUOTING:
                says = QUOTED.sub(r"\1.", says)
            named = ", ".join(map(_title, mistake["outputs"]))
            if says:
                found.append(f"{named}: {says}" if named else says)
        explained = {name for mistake in report["mistakes"] for name in mistake["outputs"]}
        rest = [_title(name) for name in report.get("wrong", []) if name not in explained]
        if rest:
            found.append(
                _(
                    "Wrong, as these depend on it or for another reason: {names}",
                    names=", ".join(rest),
                )
                if report["mistakes"]
                else _("Wrong: {names}. The mistake was not recognised.", names=", ".join(rest))
            )
    for output in outputs:
        if output["output_type"] == "error":
            found.append(_ending(output["ename"]))
    if not found:
        found.append(_("Tests of this part failed; they say no more about the reason."))
    return list(dict.fromkeys(found))


def _ending(kind: str, theirs: bool = False) -> str:
    """What is said of an error. ``theirs``: raised by the student's code, not by a test."""
    if kind in ENDINGS:
        return _(ENDINGS[kind])
    if kind == "AssertionError" and not theirs:
        return _("A test found a wrong result.")
    error = getattr(builtins, kind, None)
    if isinstance(error, type) and issubclass(error, BaseException):
        return _("It ended in an error: {kind}.", kind=kind)
    return _("It ended in an error of its own kind.")


def _stopped(name: str) -> str:
    text = _("A cell above, which uses your answers, was not finished.")
    if name:
        text = _("The cell {name}, which uses your answers, was not finished.", name=name)
    return f"{text} {_ending('SessionEnded')}"


def _missing(part: Part, reports: list[dict[str, Any]], packages: Sequence[str]) -> Iterator[str]:
    """What the answers have found missing; or, where they ran to their end, their tests."""
    kinds = [kind for cell in part.answers for kind in _errors(cell.get("outputs", []))]
    if not kinds:
        kinds = _errors(part.outputs)
        mistakes = [mistake for report in reports for mistake in report["mistakes"]]
        kinds += [_raised(mistake) for mistake in mistakes if mistake["code"] == "raised"]
    for kind in kinds:
        yield lacking(kind, packages)


def _raised(mistake: Mapping[str, Any]) -> str:
    """The kind of the error that a check met: what is said of it in English begins with it."""
    return mistake.get("says", {}).get("en", "").partition(":")[0].strip()


def _errors(outputs: list[dict[str, Any]]) -> list[str]:
    return [output["ename"] for output in outputs if output["output_type"] == "error"]


def _lost(result: Result, parts: Iterable[Part]) -> set[str]:
    """The functions and classes of answers that lost points."""
    lost = {name for name, grade in result.grades.items() if grade.points < grade.max_points}
    judged = [part for part in parts if part.name in lost and not part.by_hand]
    return {name for part in judged for found in _names(part) for name in found.defines}


def _names(part: Part) -> Iterator[Names]:
    for cell in part.answers:
        if cell["cell_type"] == "code" and len(text_of(cell)) <= LONGEST:
            yield names(text_of(cell))


def _used(part: Part, lost: Set[str]) -> list[str]:
    """Which of these names the answers take from other parts."""
    found = list(_names(part))
    own = {name for each in found for name in each.binds}
    return sorted({name for each in found for name in each.reads & lost} - own)


def _section(
    result: Result,
    part: Part,
    comments: Mapping[str, str],
    packages: Sequence[str],
    lost: Set[str],
) -> Iterator[str]:
    grade = result.grades[part.name]
    points = f"{number(grade.points)} / {number(grade.max_points)}"
    yield f'<h2>{_show(part.name)} <span class="soft">{points}</span></h2>'
    if grade.manual:
        yield _why([_("Graded by hand, not yet.")], "why by-hand")
    elif not part.by_hand:
        reports = result.reports.get(part.name, [])
        why = reasons(grade, reports, part.outputs)
        if why and part.stopped:
            why = [*map(_stopped, part.stopped), *why]
        elif why:
            why += dict.fromkeys(filter(None, _missing(part, reports, packages)))
        used = _used(part, lost) if why else []
        if used:
            text = _(
                "It uses {names}, where points are lost too: begin there.", names=", ".join(used)
            )
            why.append(text)
        yield _why(why, "why part" if grade.points else "why")
    elif grade.points < grade.max_points and not comments.get(part.name):
        written = [text_of(cell).strip() for cell in part.answers[-1:]]
        if set(written) & set(TEXT_STUB.values()):  # nobody had to look at it
            yield _why([_("Not written yet.")], "why")
        else:
            yield _why([_("Graded by hand, without a comment.")], "why by-hand")
    cells = [part.name, *(role_of(cell).get("grade_id", "") for cell in part.answers)]
    for name in dict.fromkeys(cells):
        if comments.get(name):  # the formgrader says that they may hold Markdown and formulas
            comment = clean_text(comments[name])
            text = render(_("The lecturer: {comment}", comment=comment))
            yield f'<div class="why by-hand">{text}</div>'


def _answer(cell: Mapping[str, Any], first: bool, time: Allowance) -> Iterator[str]:
    """An answer with what it printed; without it if a test had run before, whose inputs the
    student's code may have kept."""
    source = clean_text(text_of(cell))[:LONGEST]
    if cell["cell_type"] != "code":
        yield f"<blockquote>{time.html(lambda: render(source), source)}</blockquote>"
        return
    if is_own(cell):
        yield f'<div class="soft">{escape(_(OWN))}</div>'
    yield f"<pre>{escape(source)}</pre>"
    for output in cell.get("outputs", []):
        clean = clean_output(output) or {}
        text = clean.get("text", "") if first else ""
        if clean.get("output_type") == "error":
            kind = clean["ename"]
            said = f"{kind}: {clean['evalue']}" if first else unreadable(source)
            text = said or _ending(kind)
        if text:
            yield f'<pre class="soft">{escape(text[:LONGEST])}</pre>'


def unreadable(source: str) -> str:
    """Where a cell is no Python: that stands in the cell, whatever its code has seen of tests."""
    try:
        parse(source)
    except SyntaxError as error:
        place = f" (line {error.lineno})" if error.lineno else ""
        return f"{type(error).__name__}: {error.msg}{place}"
    except (ValueError, RecursionError, MemoryError):  # NUL characters, or too deep
        pass
    return ""


def render(text: str) -> str:
    """Markdown as harmless HTML. A formula that is not understood stays as it was written."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    # The cleaning lets no MathML through, so formulas, harmless by themselves, are put in after
    # it, where their marks are. Nobody who wrote the text could know what a mark looks like.
    name = token_hex(16)
    formulas: list[str] = []

    def formula(tex: str, options: Mapping[str, Any]) -> str:
        try:
            formulas.append(mathml(tex, display=options["display_mode"]))
        except FormulaError:
            return f"<code>{escape(tex.strip())}</code>"
        return f"{name}-{len(formulas) - 1};"

    parser = MarkdownIt("commonmark", {"html": False})
    # Lines of a table that are too short are filled up, to hundreds of thousands of cells.
    lines = text.splitlines()
    if len(lines) * max((line.count("|") for line in lines), default=0) <= CELLS:
        parser.enable("table")
    parser.use(dollarmath_plugin, renderer=formula)
    clean = clean_html(parser.render(text))
    return re.sub(rf"{name}-(\d+);", lambda mark: formulas[int(mark[1])], clean)


def _why(lines: list[str], kind: str) -> str:
    if not lines:
        return ""
    return f'<div class="{kind}">{"".join(f"<p>{_show(line)}</p>" for line in lines)}</div>'


def _show(text: str) -> str:
    return escape(clean_text(text))


def _share(grade: Grade) -> float:
    return grade.points / grade.max_points if grade.max_points else 1.0
