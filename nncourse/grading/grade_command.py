"""``nncourse grade``, on this machine or on a cluster: progress, a table, a file of scores."""

from __future__ import annotations

import gc
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from nncourse.course.terminal import Folder, Lang, console, fail, speak
from nncourse.grading.commands import Database, Name
from nncourse.language import catalogue

if TYPE_CHECKING:
    from nncourse.grading.grade import Run

_ = catalogue("course")

grading = typer.Typer()


@grading.command(
    help=_(
        "Grade the submissions of an assignment: STUDENT.ipynb, STUDENT/NAME.ipynb or "
        "STUDENT/ASSIGNMENT/NAME.ipynb. The students' code runs in a sandbox (bubblewrap), the "
        "tests run outside of it. Writes into nbgrader's gradebook, and the scores as CSV; written "
        "answers wait for nbgrader's formgrader. Can be stopped at any moment and started again: "
        "only what has changed is graded.\n\n"
        "Example: nncourse grade ps05 submissions/ --course my-course"
    )
)
def grade(
    assignment: Name,
    submissions: Annotated[
        Path | None,
        typer.Argument(help=_("Folder of submissions. Default: submitted/ in the course folder.")),
    ] = None,
    folder: Folder = Path("."),
    scores: Annotated[
        Path | None,
        typer.Option(
            help=_(
                "CSV file of the scores of these submissions. Default: ASSIGNMENT.csv in the "
                "course folder, with all that are in the gradebook. In UTF-8 with a byte order "
                "mark, for Excel."
            )
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help=_("Processes that grade. Default: one for each core."))
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help=_("Grade also what is unchanged."))
    ] = False,
    unsafe: Annotated[
        bool,
        typer.Option(
            "--unsafe",
            help=_(
                "Without bubblewrap: run the students' code with your rights, so that it can read "
                "and change whatever you can."
            ),
        ),
    ] = False,
    db: Database = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help=_("Grade on a Dask cluster: the address of its scheduler, tls://...")),
    ] = None,
    tls: Annotated[
        Path | None,
        typer.Option(help=_("Folder with ca.pem, cert.pem and key.pem for the cluster.")),
    ] = None,
    lang: Lang = None,
) -> None:
    from nncourse.course.folder import CourseFolderError, open_course
    from nncourse.grading.grade import grade_class
    from nncourse.grading.progress import Progress
    from nncourse.grading.query import FULL
    from nncourse.grading.queue import Workers
    from nncourse.grading.results import Result, each_result
    from nncourse.grading.sandbox import SandboxUnavailable
    from nncourse.grading.scores import passing, table, write_scores
    from nncourse.grading.submissions import find_submissions

    gc.freeze()  # what is loaded stays, and need not be looked through, not even at the end
    speak(lang)
    try:
        course = open_course(folder)
        released = course.notebook(assignment).name
        found = find_submissions(submissions or course.submitted, assignment, released)
        crew = Workers(workers, unsafe)
        run = crew.run if scheduler is None else _on_cluster(scheduler, tls)
        begin = crew.begin if scheduler is None else None
        with crew:
            with Progress(len(found)) as progress:
                advance = progress.advance
                cells = grade_class(
                    course, assignment, found, advance, run=run, begin=begin, force=force, db=db
                )
            with crew.ending():
                students = {submission.student for submission in found}
                # What has no name of its own is the file of the class, also where a part of it is
                # graded.
                results = each_result(course, assignment, db, students if scores else None)
                shown: list[Result] = []
                file = scores or course.root / f"{assignment}.csv"
                path = write_scores(file, passing(results, students, shown), cells)
    except SandboxUnavailable as error:
        hint = _("To grade without protection what you would run yourself: --unsafe")
        full = any(words in str(error) for words in FULL)  # protection is not what is missing
        raise fail(error if full else f"{error}\n{hint}") from None
    except (CourseFolderError, OSError) as error:
        raise fail(error) from None
    except KeyboardInterrupt:
        raise fail(_("stopped; what is graded is kept, the same command goes on")) from None
    Console(highlight=False).print(table(shown))
    if len(found) > len(shown):
        count = len(found) - len(shown)
        console.print(_("and {count} more", count=count), markup=False)
    console.print(progress.summary(), markup=False)
    console.print(_("scores: {path}", path=path), markup=False)
    graded = course.root / "autograded"
    console.print(_("the notebooks as they were run: {path}", path=graded), markup=False)
    if len(found) > len(shown) or any(result.waiting for result in shown):
        text = _(
            "to grade by hand: jupyter lab in {path}, menu Nbgrader, Formgrader", path=course.root
        )
        console.print(text, markup=False)


def _on_cluster(scheduler: str, tls: Path | None) -> Run:
    from nncourse.grading.cluster import run_on_cluster

    return partial(run_on_cluster, scheduler, tls=tls)
