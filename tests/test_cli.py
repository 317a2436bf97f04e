"""The command: its texts suffice, its errors are plain, its exit status can be relied on."""

import os
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from nncourse import __version__, cli, language
from nncourse.course.files import Course
from nncourse.course.folder import make_course
from nncourse.course.terminal import fail

COMMANDS = (
    "lab",
    "build",
    "release",
    "collect",
    "grade",
    "feedback",
    "report",
    "kill-matrix",
    "doctor",
)


@pytest.fixture
def call(monkeypatch):
    """Call the command as from a shell; returns exit status and everything printed."""
    before = language.current()

    def call(*arguments, folder=None):
        if folder is not None:
            monkeypatch.chdir(folder)
        result = CliRunner().invoke(cli.app, list(arguments))
        return result.exit_code, result.output

    yield call
    language.use(before)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_a_command_does(call, command):
    status, text = call(command, "--help")
    assert status == 0
    assert "Usage" in text
    assert len(text.split()) > 25


def test_what_a_student_wrote_is_nothing_to_the_terminal_in_an_error_either(capsys):
    fail("not in the roster: \x1b]0;evil\x07\x9b2J")
    assert capsys.readouterr().err == "nncourse: not in the roster: ?]0;evil??2J\n"


LECTURERS = {
    "collect": ["ps05", "in"],
    "grade": ["ps05"],
    "feedback": ["ps05"],
    "report": ["ps05"],
    "similar": ["ps05"],
    "export": ["ps05", "moodle"],
}


@pytest.mark.parametrize("command", LECTURERS)
def test_lecturers_commands_show_an_example_and_need_a_course_folder(call, command, tmp_path):
    _status, text = call(command, "--help")
    assert f"Example: nncourse {command} ps05" in text
    status, text = call(command, *LECTURERS[command], "--course", str(tmp_path))
    assert status == 1
    assert "is no course folder" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    "command", [name for name in LECTURERS if name not in ("collect", "grade")]
)
def test_before_anything_is_graded_they_say_so(call, command, tmp_path, root):
    course = make_course(tmp_path / "course", "en", ["ps05"], Course(root))
    shutil.copytree(course.source("ps05"), course.release("ps05"))
    status, text = call(command, *LECTURERS[command], "--course", str(course.root))
    assert status == 1
    assert "first" in text, "what to do"
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["other random numbers", "NaN, infinities, zeros, empty arrays"]),
        ("ru", ["другими случайными числами", "NaN, бесконечности, нули, пустые массивы"]),
    ],
)
def test_help_says_how_solutions_are_tried_before_students_get_them(lang, words):
    run = subprocess.run(
        [sys.executable, "-m", "nncourse.cli", "release", "--help"],
        env={**os.environ, "NNCOURSE_LANG": lang, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    text = " ".join(run.stdout.replace("│", " ").split())
    assert [word for word in words if word not in text] == []


def test_help_is_translated():
    run = subprocess.run(
        [sys.executable, "-m", "nncourse.cli", "--help"],
        env={**os.environ, "NNCOURSE_LANG": "ru", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert "Курс по нейронным сетям" in run.stdout


def test_version(call):
    assert call("--version") == (0, f"nncourse {__version__}\n")


def test_unknown_language_is_a_usage_error(call):
    status, text = call("doctor", "--lang", "fr")
    assert status == 2
    assert "ru, en" in text


def test_doctor_tells_what_to_do_in_russian(call, root):
    status, text = call("doctor", "--lang", "ru", folder=root)
    assert status == 0, text
    assert "что делать" in text


def test_the_project_is_built(call, root):
    status, text = call("build", "--check", folder=root)
    assert status == 0, text


def test_a_source_that_does_not_exist_is_named(call, root):
    status, text = call("build", "lectures/99-none.md", folder=root)
    assert status == 1
    assert "99-none.md" in text
    assert "Traceback" not in text


def test_an_exercise_goes_out_and_comes_back_graded(call, root, tmp_path):
    name = "ps05-backpropagation.ipynb"
    course = str(tmp_path / "course")
    status, text = call("release", "ps05", "--course", course, "--lang", "ru", folder=root)
    assert status == 0, text
    released = tmp_path / "course" / "release" / "ps05" / name
    assert "ВАШ КОД" in released.read_text("utf-8")

    submissions = tmp_path / "submissions"
    submissions.mkdir()
    solved = root / "solutions" / "ru" / "ps05" / name
    (submissions / "ivanova.ipynb").write_bytes(solved.read_bytes())
    status, text = call("grade", "ps05", str(submissions), "--course", course, "--lang", "ru")
    assert status == 0, text
    assert "ivanova" in text
    rows = (tmp_path / "course" / "ps05.csv").read_text("utf-8").splitlines()
    assert rows[1].startswith("ivanova,90.0,100")  # ten points wait for the lecturer
    assert list((tmp_path / "course" / "autograded" / "ivanova").rglob("*.ipynb"))


def test_grading_without_a_course_folder_says_what_to_do(call, tmp_path):
    status, text = call("grade", "ps05", str(tmp_path), "--course", str(tmp_path))
    assert status == 1
    assert "is no course folder" in text
    assert "nncourse release ps05 --course FOLDER" in " ".join(text.split())
    assert "Traceback" not in text
