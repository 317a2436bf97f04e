"""The ``nncourse`` command: for the student, the lecturer and the contributor."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from nncourse import __version__, language
from nncourse.language import catalogue

try:
    import typer
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from nncourse.course.terminal import Folder, Lang, console, fail, speak
    from nncourse.grading.commands import Database, commands
    from nncourse.grading.grade_command import grading
except ImportError as error:
    sys.exit(f'{error.name} is missing: pip install "nncourse[course]"')

if TYPE_CHECKING:
    from nncourse.course.files import Course

_ = catalogue("course")

CTRL_C = 128 + signal.SIGINT  # as what typer ends with where a command says nothing of its own

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=_("A neural-network course that is run, taught and graded in Jupyter."),
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _course() -> Course:
    from nncourse.course.files import find_course

    try:
        return find_course()
    except FileNotFoundError as error:
        raise fail(error) from None


def _version(wanted: bool) -> None:
    if wanted:
        print(f"nncourse {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help=_("Show the version.")),
    ] = False,
) -> None:
    pass


@app.command(
    help=_(
        "Open JupyterLab at a start page that links lectures and exercises. Further options are "
        "JupyterLab's own."
    ),
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def lab(
    context: typer.Context,
    lang: Lang = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help=_("Open a browser window."))
    ] = True,
    port: Annotated[int | None, typer.Option(help=_("Port of the server. Default: 8888."))] = None,
) -> None:
    from nncourse.course import build as builder
    from nncourse.course import lab as opener

    speak(lang)
    course = _course()
    missing = builder.missing(course)
    if missing:
        console.print(_("building {count} notebooks", count=len(missing)))
        try:
            builder.build(course, missing)
        except builder.BuildError as error:
            raise fail(error) from None
    for path in opener.lay_out(course):
        console.print(_("your copy: {path}", path=path.relative_to(course.root)))
    opener.write_start_pages(course)
    command = [*opener.lab_command(course, browser, port), *context.args]
    console.print(_("opening JupyterLab; stop it with Ctrl+C"))
    os.chdir(course.root)
    if os.name == "posix":  # become the server, so that signals reach it
        sys.stdout.flush()
        os.execve(command[0], command, opener.lab_environment())
    raise typer.Exit(subprocess.call(command, env=opener.lab_environment()))


@app.command(
    help=_(
        "Build the Russian and English notebooks from their common sources, run them, and release "
        "the exercises. Only what changed is built."
    )
)
def build(
    sources: Annotated[
        list[Path] | None, typer.Argument(help=_("Sources to build. Default: all."))
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help=_("Build nothing; fail where something is not current."))
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help=_("Build all anew, and drop edits of built notebooks."))
    ] = False,
) -> None:
    from nncourse.course import build as builder
    from nncourse.course.sources import SourceError

    course = _course()
    try:
        if check:
            found = builder.check(course)
            for line in found:
                console.print(line, markup=False)
            if found:
                raise fail(_("{count} problems", count=len(found)))
            console.print(_("sources and built notebooks agree"))
            return
        built = builder.build(course, sources, force, say=lambda line: print(line, flush=True))
    except (builder.BuildError, SourceError, FileNotFoundError) as error:
        raise fail(error) from None
    console.print(_("{count} notebooks built", count=len(built)))


@app.command(
    help=_(
        "Make slides of lectures, each one file of HTML that needs no network and no server. They "
        "show the pictures that the built notebooks hold; live widgets are for JupyterLab.\n\n"
        "Example: nncourse slides 05 --lang ru"
    )
)
def slides(
    lectures: Annotated[
        list[str] | None,
        typer.Argument(help=_("Numbers, names or files of lectures. Default: all.")),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help=_("File or folder to write. Default: here, NAME.LANGUAGE.html.")
        ),
    ] = None,
    lang: Lang = None,
) -> None:
    from nncourse.course.slides import write_slides

    speak(lang)
    try:
        for path, problems in write_slides(_course(), lectures or [], output):
            console.print(_("slides: {path}", path=path), markup=False)
            for problem in problems:
                console.print(f"  {problem}", markup=False)
    except (FileNotFoundError, ValueError) as error:
        raise fail(error) from None


@app.command(
    help=_(
        "Make nbgrader's course folder, if there is none, and release assignments in it: their "
        "notebooks with solutions come into source/, what students get into release/. Nothing "
        "that is in source/ is overwritten, so it may be edited and released again. The solutions "
        "are graded as a trial: they must earn all points, also with other random numbers where "
        "cells draw some, and a notebook without answers none. With NaN, infinities, zeros, empty "
        "arrays and the like in place of what the solutions return, no graded cell may give all "
        "points: those that do are named."
    )
)
def release(
    assignments: Annotated[list[str], typer.Argument(help=_("Assignments, such as ps05."))],
    folder: Folder = Path("."),
    db: Database = None,
    lang: Lang = None,
) -> None:
    from nncourse.course.folder import CourseFolderError, make_course
    from nncourse.grading.dry_run import dry_run
    from nncourse.grading.lint import lint
    from nncourse.grading.released import load_assignment, release_assignment
    from nncourse.grading.sandbox import SandboxUnavailable

    speak(lang)
    try:
        course = make_course(folder, language.current(), assignments, _course())
        for assignment in assignments:
            path = release_assignment(course, assignment, db)
            console.print(_("released: {path}", path=path), markup=False)
            for remark in lint(load_assignment(course, assignment)):
                console.print(f"  {remark}", markup=False)
            try:
                for line in dry_run(course, assignment):
                    console.print(f"  {line}", markup=False)
            except SandboxUnavailable as error:
                console.print(_("  not tried: {why}", why=error), markup=False)
    except CourseFolderError as error:
        raise fail(error) from None


@app.command(
    name="kill-matrix",
    help=_(
        "Judge every known answer of the exercise sets: right solutions must pass, typical "
        "mistakes must be caught with their own hint, empty stubs must earn nothing. Writes a "
        "page with a picture; the exit status is 1 where something is not as promised."
    ),
)
def kill_matrix(
    exercises: Annotated[
        list[str] | None, typer.Argument(help=_("Exercise sets, such as ps05. Default: all."))
    ] = None,
    output: Annotated[Path, typer.Option(help=_("The page to write."))] = Path("kill-matrix.html"),
    seeds: Annotated[int, typer.Option(min=1, help=_("How many draws of the inputs."))] = 3,
    lang: Lang = None,
) -> None:
    from nncourse.check import matrix, matrix_page

    speak(lang)
    draws = [None, *range(11, 10 + seeds)]
    try:
        rows = matrix.kill_matrix(exercises, draws, lambda line: print(line, flush=True))
    except KeyError as error:
        raise fail(error.args[0]) from None
    output.write_text(matrix_page.page(rows), encoding="utf-8")
    for line in matrix_page.summary(rows):
        console.print(line, markup=False)
    console.print(_("page: {path}", path=output), markup=False)
    faults = [row for row in rows if not row.good]
    for row in faults:
        console.print(f"{row.exercise}.{row.piece}, {row.name}: {row.faults[0]}", markup=False)
    if faults:
        raise fail(_("{count} answers are not judged as promised", count=len(faults)))


app.registered_commands += [*grading.registered_commands, *commands.registered_commands]

new = typer.Typer(help=_("Begin something new, from a skeleton that works."))
app.add_typer(new, name="new")


@new.callback()
def _new() -> None:
    pass


@new.command(
    name="exercise",
    help=_(
        "Make an exercise set: its notebook in both languages and its module with reference, "
        "inputs, typical mistakes and other right solutions. It works as it is and is meant to be "
        "changed step by step."
    ),
)
def new_exercise(
    name: Annotated[str, typer.Argument(help=_("Its name, such as ps20-my-topic."))],
    lang: Lang = None,
) -> None:
    from nncourse.course.new_exercise import NewExerciseError
    from nncourse.course.new_exercise import new_exercise as make

    speak(lang)
    course = _course()
    try:
        for path in make(course, name):
            console.print(_("written: {path}", path=path.relative_to(course.root)), markup=False)
    except NewExerciseError as error:
        raise fail(error) from None
    console.print(_("next: nncourse build, nncourse kill-matrix {name}", name=name[:4]))


@app.command(help=_("Show what is installed, what is missing, and what to do."))
def doctor(lang: Lang = None) -> None:
    from nncourse.course.doctor import examine

    speak(lang)
    table = Table(box=None, pad_edge=False)
    for heading in ("", _("what"), _("state"), _("what to do")):
        table.add_column(heading, overflow="fold")
    findings = examine()
    for finding in findings:
        sign = "[green]✓[/]" if finding.ok else ("[red]✗[/]" if finding.needed else "[dim]-[/]")
        table.add_row(sign, *map(escape, (finding.what, finding.state, finding.mend)))
    Console(highlight=False).print(table)
    if any(finding.needed and not finding.ok for finding in findings):
        raise fail(_("something that you need is missing"))


def main() -> None:
    """Entry point of the ``nncourse`` command."""
    # Windows consoles may not be in UTF-8, and the course speaks Russian.
    os.environ.setdefault("PYTHONUTF8", "1")
    for file in range(3):
        try:
            os.fstat(file)
        except OSError:  # it was closed, and what is opened next would be taken for it
            os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names are in any letters, terminals are not
            stream.reconfigure(errors="replace")
    _listen()
    try:
        app()
    except BaseException as end:
        if isinstance(end, SystemExit) and end.code == CTRL_C:
            fail(_("stopped"))
        if isinstance(end, SystemExit) or _heard:
            code = 128 + _heard[0] if _heard else end.code  # type: ignore[attr-defined]
            watched = sys.getprofile() or sys.gettrace()  # which has something to say at the end
            if isinstance(code, int) and not watched:
                with contextlib.suppress(OSError):  # what can't be written Python itself reports
                    _leave(code)
        raise


_heard: list[int] = []  # the signal that ends the command


def _listen() -> None:
    """Let the signals of ``kill`` and of a terminal that is closed end it as Ctrl-C does."""
    known = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
    # Whoever has started it with nohup wants it to go on.
    ends = [number for number in known if number and signal.getsignal(number) == signal.SIG_DFL]

    def stop(number: int, _frame: object) -> NoReturn:
        _heard.append(number)
        for other in ends:  # often they come together, and the end must come to its end
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in ends:
        signal.signal(number, stop)
    report = sys.unraisablehook

    def again(lost: Any) -> None:
        if lost.exc_type is not KeyboardInterrupt:
            report(lost)
            return
        # It came while an object was freed, where Python only reports it and goes on.
        once_more = threading.Timer(0.05, _interrupt)
        once_more.daemon = True
        once_more.start()

    sys.unraisablehook = again


def _interrupt() -> None:
    """What Ctrl-C does, from any thread: the main one must wake up where it waits."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        signal.raise_signal(signal.SIGINT)


def _leave(code: int) -> None:
    """End the process at once: to free all that was loaded takes as long as a short command."""
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
