"""A full disk, a read-only folder, a gradebook in use, a second grader, a clock that falls back.

Each says what to do, leaves nothing half-written, and the same command goes on afterwards.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nncourse import cli
from nncourse.course.folder import CourseFolderError, open_course
from nncourse.grading.grade import grade_submissions
from nncourse.grading.lock import alone
from nncourse.grading.queue import run_local
from nncourse.grading.results import read_results
from nncourse.grading.whole import write_whole
from tests.grading.processes import processes_below, running
from tests.grading.toy import RIGHT, submission

COUNT = 4
PROJECT = Path(__file__).parents[2]


def write_class(course, folder, count):
    for number in range(count):
        changed = {"plus_answer": RIGHT["plus_answer"] + f"  # {number}"}
        text = submission(course, "ps99", {**RIGHT, **changed})
        (folder / f"s{number:02}.ipynb").write_text(text, "utf-8")


@pytest.fixture(scope="module")
def graded(toy, tmp_path_factory):
    """A class with its undisturbed verdicts: the folder, the verdicts by student."""
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    folder = tmp_path_factory.mktemp("class")
    write_class(toy, folder, COUNT)
    verdicts = {}

    def recording(packed, items):
        for key, answer in run_local(packed, items):
            verdicts[key] = answer
            yield key, answer

    grade_submissions(toy, "ps99", folder, run=recording, force=True)
    return folder, verdicts


@pytest.fixture
def course(toy, graded, tmp_path):
    """A course folder of the test's own, with nothing graded."""
    root = tmp_path / "course"
    shutil.copytree(toy.root, root)
    shutil.rmtree(root / "autograded")
    with sqlite3.connect(root / "gradebook.db") as db:
        for table in ("grade", "comment", "submitted_notebook", "submitted_assignment"):
            db.execute(f"delete from {table}")
        db.execute("drop table nncourse_verdict")
        db.execute("delete from student")
    return open_course(root)


def remembered(verdicts):
    def run(packed, items):
        for key, _work in items:
            yield key, verdicts[key]

    return run


def python(*arguments, before=(), **environment):
    return subprocess.run(
        [*before, sys.executable, *map(str, arguments)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
    )


def test_a_disk_that_is_full_at_any_moment(course, graded, tmp_path):
    _, verdicts = graded
    folder, disk = tmp_path / "class", tmp_path / "disk"
    folder.mkdir()
    disk.mkdir()
    write_class(course, folder, 40)
    answers = {f"s{number:02}": verdicts["s00"].decode() for number in range(40)}
    file = tmp_path / "verdicts.json"
    file.write_text(json.dumps(answers))
    small = ["bwrap", "--dev-bind", "/", "/", "--size", str(4 << 20), "--tmpfs", str(disk)]
    script = Path(__file__).with_name("full_disk.py")
    run = python(script, disk, course.root, folder, file, 10, before=small)
    assert run.returncode == 0, run.stderr
    trials = [json.loads(line) for line in run.stdout.splitlines()]
    for trial in trials:
        if trial["said"]:
            assert "ree some space" in trial["said"]
            assert "run the command again" in trial["said"]
        else:
            assert trial["kept"] == trial["of"]
    failed = [trial["kept"] for trial in trials if trial["said"]]
    assert len(set(failed)) > 2, "the disk was full at different moments"


def test_a_read_only_course_folder(course, graded):
    folder, _ = graded
    closed = ["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(course.root), str(course.root)]
    command = ["-m", "nncourse.cli", "grade", "ps99", folder, "--course", course.root]
    run = python(*command, "--lang", "en", before=closed)
    assert run.returncode == 1
    said = " ".join(run.stderr.split())
    assert "Read-only file system" in said
    assert "let yourself write there" in said
    assert "Traceback" not in said
    assert read_results(course, "ps99") == []


WRITTEN = {
    "feedback": "feedback/s00/ps99/ps99-squares.html",
    "report": "ps99.html",
    "similar": "ps99-similar.html",
    "export": "ps99-moodle.csv",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_pages_and_tables_are_written_whole_or_not_at_all(course, graded, name):
    folder, verdicts = graded
    grade_submissions(course, "ps99", folder, run=remembered(verdicts))
    path = course.root / WRITTEN[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("as before")
    command = [
        name,
        "ps99",
        *(["moodle"] if name == "export" else []),
        "--course",
        str(course.root),
    ]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        call = CliRunner().invoke(cli.app, command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert call.exit_code == 1
    assert isinstance(call.exception, SystemExit), "a line, and no traceback"
    assert "File too large" in call.output
    assert path.read_text() == "as before"
    assert not list(course.root.rglob(".*.new"))
    assert CliRunner().invoke(cli.app, command).exit_code == 0
    assert len(path.read_text("utf-8")) > 20


def test_what_is_no_file_is_not_replaced_by_one(tmp_path):
    """As --scores /dev/stdout, or /dev/null."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    write_whole(pipe, "text")
    assert os.read(end, 99) == b"text"
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    os.close(end)


def test_a_gradebook_that_is_locked_from_the_start(course, graded, monkeypatch):
    folder, verdicts = graded
    monkeypatch.setattr("nncourse.grading.gradebook.PATIENCE", 0.3)
    lock = sqlite3.connect(course.root / "gradebook.db", isolation_level=None)
    lock.execute("begin exclusive")
    start = time.monotonic()
    with pytest.raises(CourseFolderError, match=r"is locked.*run the command again"):
        grade_submissions(course, "ps99", folder, run=remembered(verdicts))
    assert time.monotonic() - start < 5
    lock.close()
    assert len(grade_submissions(course, "ps99", folder, run=remembered(verdicts))) == COUNT


def test_settings_in_the_gradebooks_address_are_no_part_of_its_file(course, graded):
    folder, verdicts = graded
    address = f"sqlite:///{course.root}/gradebook.db?timeout=30"
    found = grade_submissions(course, "ps99", folder, run=remembered(verdicts), db=address)
    assert len(found) == COUNT
    assert not list(course.root.glob("*[?]*"))


def test_a_gradebook_that_may_only_be_read_is_told_at_once(course, graded, monkeypatch):
    """Waiting would not help; nobody looks at a still bar for a minute to hear that."""
    folder, verdicts = graded
    real = sqlite3.connect

    def reading(path, *arguments, **options):
        options["uri"] = True
        return real(f"file:{path}?mode=ro", *arguments, **options)

    monkeypatch.setattr("sqlite3.connect", reading)
    start = time.monotonic()
    with pytest.raises(CourseFolderError, match=r"readonly database.*run the command again"):
        grade_submissions(course, "ps99", folder, run=remembered(verdicts))
    assert time.monotonic() - start < 10


def test_no_room_for_the_sandbox_s_copy_of_the_library_is_nobodys_zero(course, graded, tmp_path):
    folder, _ = graded
    cache = tmp_path / "cache"
    cache.mkdir()
    small = ["bwrap", "--dev-bind", "/", "/", "--size", "65536", "--tmpfs", str(cache)]
    command = ["-m", "nncourse.cli", "grade", "ps99", folder, "--course", course.root]
    run = python(*command, "--lang", "en", before=small, XDG_CACHE_HOME=str(cache))
    assert run.returncode == 1
    assert "the sandbox can't be made" in run.stderr
    assert "No space left on device" in run.stderr
    assert read_results(course, "ps99") == []


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_command_that_was_started_with_files_closed_grades(course, graded, closed):
    folder, _ = graded
    before = ["bash", "-c", f'exec "$@" {closed}', "bash"]
    command = ["-m", "nncourse.cli", "grade", "ps99", folder, "--course", course.root]
    assert python(*command, before=before).returncode == 0
    assert {r.points for r in read_results(course, "ps99")} == {15.0}


def test_a_command_whose_starter_ignores_ends_of_processes_grades(course, graded):
    folder, _ = graded
    code = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
    before = [sys.executable, "-c", code + "os.execv(sys.argv[1], sys.argv[1:])"]
    command = ["-m", "nncourse.cli", "grade", "ps99", folder, "--course", course.root]
    assert python(*command, before=before).returncode == 0
    assert {r.points for r in read_results(course, "ps99")} == {15.0}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_command_as_ctrl_c_does(course, tmp_path, number):
    folder, work = tmp_path / "slow", tmp_path / "work"
    folder.mkdir()
    work.mkdir()
    slow = "import time\ntime.sleep(1.5)\n" + RIGHT["square_answer"]
    for name in ("ann", "bob", "eve"):
        text = submission(course, "ps99", {**RIGHT, "square_answer": slow})
        (folder / f"{name}.ipynb").write_text(text, "utf-8")
    command = [sys.executable, "-m", "nncourse.cli", "grade", "ps99", folder, "--course"]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "TMPDIR": str(work)}
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run below nohup
    with subprocess.Popen(
        [*map(str, command), str(course.root), "--lang", "en"],
        cwd=PROJECT,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        signal.signal(signal.SIGHUP, before)
        end = time.monotonic() + 60
        while not list(work.glob("nncourse-*")) and time.monotonic() < end:
            time.sleep(0.01)
        begun = processes_below(run.pid)
        run.send_signal(number)
        time.sleep(0.1)
        run.send_signal(signal.SIGHUP)  # as a terminal and its shell do
        said = run.communicate(timeout=60)[1]
    assert "stopped; what is graded is kept" in said
    assert run.returncode == 128 + number
    assert list(work.iterdir()) == []
    assert running(begun) == set()


def test_ctrl_c_is_heard_while_another_program_holds_the_gradebook(course, graded):
    folder, _verdicts = graded
    lock = sqlite3.connect(course.root / "gradebook.db", isolation_level=None)
    lock.execute("begin exclusive")
    command = [sys.executable, "-m", "nncourse.cli", "grade", "ps99", folder, "--course"]
    with subprocess.Popen(
        [*map(str, command), str(course.root), "--lang", "en"],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        waits = 0
        while waits < 5 and run.poll() is None:  # as soon as it does nothing, it waits for the lock
            spent = cpu_seconds(run.pid)
            time.sleep(0.5)
            waits = waits + 1 if cpu_seconds(run.pid) - spent < 0.1 else 0
        start = time.monotonic()
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=60)[1]
        assert time.monotonic() - start < 10
    lock.close()
    assert "stopped; what is graded is kept" in said
    assert run.returncode == 1


def cpu_seconds(pid: int) -> float:
    """Of processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_two_graders_at_once(course, graded):
    folder, verdicts = graded
    command = ["-m", "nncourse.cli", "grade", "ps99", folder, "--course", course.root]
    with alone(course):
        run = python(*command, "--lang", "en")
    assert run.returncode == 1
    assert f"process {os.getpid()} is grading in" in run.stderr
    assert "wait for its end" in run.stderr
    assert read_results(course, "ps99") == []
    assert len(grade_submissions(course, "ps99", folder, run=remembered(verdicts))) == COUNT


def test_the_lock_of_a_killed_grader_is_gone(course, graded):
    folder, verdicts = graded
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with alone(course):
            os.write(writing, b"!")
            time.sleep(60)
        os._exit(0)
    assert os.read(reading, 1) == b"!"
    with pytest.raises(CourseFolderError, match=f"process {pid} is grading"):
        grade_submissions(course, "ps99", folder, run=remembered(verdicts))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert len(grade_submissions(course, "ps99", folder, run=remembered(verdicts))) == COUNT


def test_a_clock_that_falls_back(course, graded, monkeypatch):
    """Workers are forks of this process, so they see the same clock."""
    folder, verdicts = graded
    now = time.time()
    past = iter(range(10**9))
    monkeypatch.setattr("time.time", lambda: now - 3600 * next(past))
    results = grade_submissions(course, "ps99", folder, run=partial(run_local, count=1))
    assert {result.student for result in results} == set(verdicts)
    for result in results:
        assert result.points == 15
        assert 0 <= result.seconds < 60
