"""The lecturer's commands after grading: feedback for the students, a report of the class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nncourse.course.terminal import Folder, Lang, console, fail, speak
from nncourse.language import catalogue

if TYPE_CHECKING:
    from nncourse.grading.results import Result

_ = catalogue("course")

commands = typer.Typer()

REMARKS = 10  # on what one folder or archive holds

# A shell that completes the name of a folder puts a slash behind it.
Name = Annotated[
    str,
    typer.Argument(help=_("The assignment, such as ps05."), parser=lambda name: name.rstrip("/")),
]
Database = Annotated[
    str | None,
    typer.Option("--db", help=_("Address of the gradebook. Default: that of the course folder.")),
]


@commands.command(
    help=_(
        "Write a page of HTML for each student: points, the reason of each lost one, the "
        "lecturer's comments. It is in the language of the submission, opens without a network, "
        "and holds no hidden test, right value or seed. The pages come into feedback/, where "
        "nbgrader release_feedback looks.\n\n"
        "Example: nncourse feedback ps05 --course my-course"
    )
)
def feedback(
    assignment: Name, folder: Folder = Path("."), db: Database = None, lang: Lang = None
) -> None:
    from nncourse.course.folder import CourseFolderError, open_course
    from nncourse.grading.feedback import write_feedback
    from nncourse.grading.released import version_of
    from nncourse.grading.report import outdated
    from nncourse.grading.results import each_result

    speak(lang)
    try:
        course = open_course(folder)
        paths = write_feedback(course, assignment, db)
        version = version_of(course, assignment)
        late = [r.student for r in each_result(course, assignment, db) if r.outdated(version)]
    except (CourseFolderError, OSError) as error:
        raise fail(error) from None
    text = _("{count} pages: {folder}", count=len(paths), folder=course.root / "feedback")
    console.print(text, markup=False)
    for line in outdated(late):
        console.print(line, markup=False)


@commands.command(
    help=_(
        "Show the class: how the scores lie, which parts were hard, the most frequent mistakes by "
        "diagnosis, whom to look at. Also as a page of HTML that needs nothing else.\n\n"
        "Example: nncourse report ps05 --course my-course --output ps05.html"
    )
)
def report(
    assignment: Name,
    folder: Folder = Path("."),
    output: Annotated[
        Path | None,
        typer.Option(help=_("The page to write. Default: ASSIGNMENT.html in the course folder.")),
    ] = None,
    db: Database = None,
    lang: Lang = None,
) -> None:
    from nncourse.course.folder import CourseFolderError, open_course
    from nncourse.grading.overview import overview
    from nncourse.grading.released import version_of
    from nncourse.grading.report import Terminal, report_page
    from nncourse.grading.results import each_result

    speak(lang)
    try:
        course = open_course(folder)
        found = overview(each_result(course, assignment, db), version_of(course, assignment))
    except CourseFolderError as error:
        raise fail(error) from None
    if not found.shares and not found.failed:
        raise fail(_nobody(assignment))
    Console(highlight=False).print(Terminal(found))
    path = output or course.root / f"{assignment}.html"
    _write(path, report_page(assignment, found))
    console.print(_("page: {path}", path=path), markup=False)


@commands.command(
    help=_(
        "Collect submissions into the course folder: from a folder, from a zip or tar (of the "
        "whole class, also with one archive for each student), or from nbgrader's exchange. The "
        "student is found by the path; for other layouts give --pattern, a regular expression "
        "with the groups student_id and, if there is one, timestamp, in UTC unless it ends in an "
        "offset. Nothing is unpacked onto the disk but the notebooks.\n\n"
        "Example: nncourse collect ps05 moodle.zip --course my-course\n\n"
        "Example: nncourse collect ps05 in/ --pattern '(?P<student_id>\\w+)_(?P<timestamp>[0-9-]+)'"
    )
)
def collect(
    assignment: Name,
    source: Annotated[
        Path, typer.Argument(help=_("A folder, an archive, or a course's folder in the exchange."))
    ],
    folder: Folder = Path("."),
    pattern: Annotated[
        str | None, typer.Option(help=_("Regular expression for the path of a notebook."))
    ] = None,
    lang: Lang = None,
) -> None:
    from nncourse.course.folder import CourseFolderError, open_course
    from nncourse.grading.collect import collect as collect_from
    from nncourse.grading.sanitize import one_line

    speak(lang)
    try:
        course = open_course(folder)
        found = collect_from(course, assignment, source, pattern)
    except (CourseFolderError, OSError) as error:
        raise fail(error) from None
    shown: Counter[str] = Counter()
    for name, why in found.remarks:
        # So that what one has packed does not hide what is said of the others.
        place = found.whose(name)
        shown[place] += 1
        if shown[place] <= REMARKS:
            console.print(one_line(f"{name}: {why}"), markup=False)
    for place, count in shown.items():
        if count > REMARKS:
            more = _("and {count} more", count=count - REMARKS)
            console.print(one_line(f"{place}: {more}"), markup=False)
    counts = {"count": len(found.taken), "kept": len(found.kept), "remarks": len(found.remarks)}
    console.print(
        _("collected: {count}, not newer: {kept}, remarks: {remarks}", **counts), markup=False
    )
    if not found.taken and not found.kept:
        raise fail(_("nothing was collected: for a layout of another kind give --pattern"))


@commands.command(
    help=_(
        "Find code that two students share and few others have, whatever the names and the "
        "layout. The released stub does not count, and the rest counts the more, the fewer of the "
        "class have it. So even a whole copy stays below 100%. Answers are compared "
        "with the library, too, with the exercise's references and with your solution, and those "
        "with a long passage from there are named; a right answer of a few lines, which everyone "
        "writes alike, never is. Writes a page with each pair side by side. Needs the graded "
        "notebooks and copydetect.\n\n"
        "Example: nncourse similar ps05 --course my-course --least 0.7"
    )
)
def similar(
    assignment: Name,
    folder: Folder = Path("."),
    least: Annotated[
        float, typer.Option(min=0, max=1, help=_("The share of common code from which on."))
    ] = 0.55,
    output: Annotated[
        Path | None,
        typer.Option(help=_("The page to write. Default: ASSIGNMENT-similar.html in the folder.")),
    ] = None,
    lang: Lang = None,
) -> None:
    from nncourse.course.folder import CourseFolderError, open_course
    from nncourse.grading.copied import copied, line, section, shown, sources
    from nncourse.grading.similar import answers, group_lines, more_line, similar_page, whole
    from nncourse.grading.similar import similar as find_similar

    speak(lang)
    try:
        course = open_course(folder)
        found, stub = answers(course, assignment)
        codes = {student: whole(named) for student, named in found.items()}
        alike = find_similar(found, stub, least)
        copies = copied(found, sources(course, assignment), shown(course, assignment))
    except CourseFolderError as error:
        raise fail(error) from None
    for copy in copies:
        console.print(line(copy), markup=False)
    for text in group_lines(alike):
        console.print(text, markup=False)
    for pair in alike.pairs:
        one, other = pair.shares
        console.print(f"{pair.one} {one:.0%}  {pair.other} {other:.0%}", markup=False)
    if alike.more:
        console.print(more_line(alike), markup=False)
    path = output or course.root / f"{assignment}-similar.html"
    text = similar_page(assignment, alike, codes, section(copies))
    _write(path, text)
    counts = {"copies": len(copies), "count": len(alike.pairs) + alike.more}
    console.print(
        _("as in the library: {copies}, pairs: {count}; page: {path}", **counts, path=path),
        markup=False,
    )


@commands.command(
    help=_(
        "Write the scores as CSV for nbgrader's users, for Moodle or for Canvas. With --roster, a "
        "file that the platform lets you download, its rows are kept and the scores filled in. "
        "Without it, files for Moodle and Canvas begin with a byte order mark, so that Excel shows "
        "their letters.\n\n"
        "Example: nncourse export ps05 moodle --course my-course\n\n"
        "Example: nncourse export ps05 canvas --roster grades.csv --course my-course"
    )
)
def export(
    assignment: Name,
    kind: Annotated[str, typer.Argument(help=_("nbgrader, moodle or canvas."))],
    folder: Folder = Path("."),
    roster: Annotated[
        Path | None, typer.Option(help=_("A file downloaded from the platform, to be filled."))
    ] = None,
    column: Annotated[
        str | None, typer.Option(help=_("The roster's column for the scores."))
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help=_("The file to write. Default: ASSIGNMENT-KIND.csv in the folder.")),
    ] = None,
    db: Database = None,
    lang: Lang = None,
) -> None:
    from nncourse.course.folder import CourseFolderError, open_course
    from nncourse.grading.export import FORMATS, write_rows
    from nncourse.grading.released import version_of
    from nncourse.grading.report import outdated
    from nncourse.grading.results import each_result
    from nncourse.grading.roster import fill_roster

    speak(lang)
    if kind not in FORMATS:
        raise fail(_("{kind} is unknown: use one of {kinds}", kind=kind, kinds=", ".join(FORMATS)))
    try:
        course = open_course(folder)
        counts: Counter[str] = Counter()
        version = version_of(course, assignment)
        late: list[str] = []
        results = _counted(each_result(course, assignment, db), counts, version, late)
        if roster is None:
            rows = FORMATS[kind](assignment, results)
            missing: list[str] = []
            remarks: list[str] = []
            between, mark = ",", kind != "nbgrader"  # whose own export has none
        elif not roster.exists():
            raise fail(_("there is no {path}", path=roster))
        else:
            text = roster.read_text(encoding="utf-8")
            mark = text.startswith("\ufeff")
            filled = fill_roster(text, assignment, results, column)
            rows, between, missing, remarks = filled
        if not counts["all"]:
            raise fail(_nobody(assignment))
        path = write_rows(output or course.root / f"{assignment}-{kind}.csv", rows, between, mark)
    except UnicodeDecodeError:
        raise fail(
            _("{roster} is not in UTF-8: save it as CSV UTF-8, or download it anew", roster=roster)
        ) from None
    except (CourseFolderError, OSError) as error:
        raise fail(error) from None
    console.print(_("scores: {path}", path=path), markup=False)
    if counts["failed"] or counts["waiting"]:
        text = _(
            "among them, could not be graded: {failed}, wait for a grade by hand: {waiting}",
            failed=counts["failed"],
            waiting=counts["waiting"],
        )
        console.print(text, markup=False)
    for line in [*outdated(late), *remarks]:
        console.print(line, markup=False)
    if missing:
        raise fail(
            _(
                "not filled in, since no row of the roster is surely theirs: {names}",
                names=", ".join(missing),
            )
        )


def _nobody(assignment: str) -> str:
    return _("nobody is graded yet: run nncourse grade {assignment} first", assignment=assignment)


def _counted(
    results: Iterable[Result], counts: Counter[str], version: str, late: list[str]
) -> Iterator[Result]:
    """The same results; how many there are is counted on the way. ``late``: is told of those that
    were graded by another version of the assignment.
    """
    for result in results:
        late += [result.student] if result.outdated(version) else []
        counts.update(all=1, failed=int(bool(result.problem)), waiting=int(bool(result.waiting)))
        yield result


def _write(path: Path, text: str) -> None:
    from nncourse.grading.whole import write_whole

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise fail(error) from None
