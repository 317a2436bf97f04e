"""Course folders: made, extended, opened, and read by nbgrader itself."""

import json
import shutil
import subprocess
import sys

import pytest

from nncourse.course.folder import (
    CODE_STUB,
    CourseFolderError,
    config_text,
    make_course,
    open_course,
    settings,
)
from nncourse.grading.grade import grade_submissions
from nncourse.grading.nbgrader import Nbgrader
from nncourse.grading.query import GradebookError
from nncourse.grading.released import release_assignment
from nncourse.grading.results import open_gradebook
from tests.grading.toy import write_toy


def test_the_config_file_says_what_the_settings_say(tmp_path):
    course = make_course(tmp_path / "course", "ru", [], write_toy(tmp_path / "repository", "ru"))
    config = course.config()
    assert {name: dict(traits) for name, traits in config.items()} == settings("ru")
    assert config.ClearSolutions.code_stub["python"] == CODE_STUB["ru"]
    assert max(len(line) for line in config_text("ru").splitlines()) <= 100


def test_nothing_that_exists_is_overwritten(tmp_path):
    source = write_toy(tmp_path / "repository")
    course = make_course(tmp_path / "course", "en", ["ps99"], source)
    config, notebook = course.root / "nbgrader_config.py", course.source("ps99")
    config.write_text("c = get_config()\nc.Execute.timeout = 7\n")
    (notebook / "ps99-squares.ipynb").write_text("{}")
    again = make_course(tmp_path / "course", "en", ["ps99"], source)
    assert again.config().Execute.timeout == 7
    assert (notebook / "ps99-squares.ipynb").read_text() == "{}"


def test_an_unknown_assignment_is_refused_and_nothing_is_made(tmp_path):
    source = write_toy(tmp_path / "repository")
    with pytest.raises(CourseFolderError, match=r"no assignment ps98 in .* There are: ps99"):
        make_course(tmp_path / "course", "en", ["ps98"], source)
    assert not (tmp_path / "course").exists()


def test_an_assignment_of_the_lecturers_own_need_not_be_in_the_repository(tmp_path):
    source = write_toy(tmp_path / "repository")
    course = make_course(tmp_path / "course", "en", ["ps99"], source)
    shutil.move(course.source("ps99"), course.source("homework"))
    course = make_course(tmp_path / "course", "en", ["homework"], source)
    assert any(release_assignment(course, "homework").glob("*.ipynb"))


def test_an_assignment_is_released_into_the_gradebook_that_is_given(tmp_path):
    course = make_course(tmp_path / "course", "en", ["ps99"], write_toy(tmp_path / "repository"))
    db = f"sqlite:///{tmp_path}/other.db"
    release_assignment(course, "ps99", db)
    with open_gradebook(course, "ps99", db) as book:
        assert "square" in book.max_scores
    assert not (course.root / "gradebook.db").exists()
    missing = f"sqlite:///{tmp_path}/third.db"
    with pytest.raises(GradebookError, match="with the same --db"):
        open_gradebook(course, "ps99", missing)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("c = get_config()\nc.Execute.timeout = soon", "line 2: NameError: name 'soon'"),
        ("c = get_config()\n\nc.Execute.timeout =", "line 3: SyntaxError: invalid syntax"),
    ],
)
def test_a_fault_in_the_settings_is_named_with_its_line(tmp_path, text, said):
    course = make_course(tmp_path / "course", "en", [], write_toy(tmp_path / "repository"))
    (course.root / "nbgrader_config.py").write_text(text)
    with pytest.raises(CourseFolderError, match=said):
        course.config()


@pytest.mark.parametrize("name", ["course [1]", "My%20course"])
def test_a_path_that_nbgrader_reads_as_a_pattern_is_refused(tmp_path, name):
    with pytest.raises(CourseFolderError, match="may not contain"):
        make_course(tmp_path / name, "en", [], write_toy(tmp_path / "repository"))
    assert not (tmp_path / name).exists()


def test_a_folder_that_is_no_course_is_refused(tmp_path):
    with pytest.raises(CourseFolderError, match=r"no nbgrader_config\.py"):
        open_course(tmp_path)


def test_grading_before_the_release_is_refused(tmp_path):
    source = write_toy(tmp_path / "repository")
    course = make_course(tmp_path / "course", "en", ["ps99"], source)
    with pytest.raises(CourseFolderError, match="release ps99 first"):
        grade_submissions(course, "ps99", tmp_path)


def test_a_source_that_nbgrader_objects_to_is_named(tmp_path):
    source = write_toy(tmp_path / "repository")
    course = make_course(tmp_path / "course", "en", ["ps99"], source)
    path = course.source("ps99") / "ps99-squares.ipynb"
    path.write_text(path.read_text().replace("### END SOLUTION", ""))
    with pytest.raises(CourseFolderError, match="No end solution statement"):
        release_assignment(course, "ps99")


def test_a_release_records_the_graded_cells(toy):
    nbgrader = Nbgrader(toy)
    with nbgrader.gradebook() as gradebook:
        notebook = gradebook.find_notebook("ps99-squares", "ps99")
        points = {cell.name: cell.max_score for cell in notebook.grade_cells}
    nbgrader.close()
    assert points == {"square": 10, "plus": 5, "why": 10}


def test_nbgraders_own_command_works_in_the_folder(toy):
    command = [sys.executable, "-m", "nbgrader", "db", "assignment", "list"]
    done = subprocess.run(command, cwd=toy.root, capture_output=True, text=True, timeout=60)
    assert "ps99" in done.stdout + done.stderr


def test_a_release_that_fails_leaves_the_one_before(tmp_path):
    """Else nothing could be graded any more."""
    course = make_course(tmp_path / "course", "en", ["ps99"], write_toy(tmp_path / "repository"))
    released = release_assignment(course, "ps99") / "ps99-squares.ipynb"
    place = course.submitted / "ann" / "ps99" / released.name
    place.parent.mkdir(parents=True)
    place.write_bytes(released.read_bytes())
    grade_submissions(course, "ps99")
    before = released.read_bytes()
    path = course.source("ps99") / released.name
    whole = path.read_text()
    cells = json.loads(whole)["cells"]
    role = next(n for n, cell in enumerate(cells) if "nbgrader" in cell["metadata"])
    path.write_text(json.dumps({**json.loads(whole), "cells": cells[:role] + cells[role + 1 :]}))
    with pytest.raises(CourseFolderError, match="no cell with a name"):
        release_assignment(course, "ps99")
    path.write_text(whole.replace("### END SOLUTION", ""))
    with pytest.raises(CourseFolderError, match="No end solution statement"):
        release_assignment(course, "ps99")
    assert released.read_bytes() == before
    other = path.rename(path.with_name("squares.ipynb"))
    with pytest.raises(CourseFolderError, match=r"source/ps99 must be ps99-squares\.ipynb alone"):
        release_assignment(course, "ps99")
    other.rename(path)
    assert released.read_bytes() == before
    assert [result.student for result in grade_submissions(course, "ps99")] == ["ann"]


STOP = """\
import os, sys
from pathlib import Path
from nbconvert.writers import FilesWriter
from nncourse.course.folder import CourseFolder
from nncourse.grading.released import release_assignment
rename, write = Path.rename, FilesWriter.write
def written(*arguments, **options):
    write(*arguments, **options)
    end()
def renamed(*arguments):
    rename(*arguments)
    end()
def end():
    if sys.argv[2] == "killed":
        os._exit(9)
    raise KeyboardInterrupt
if sys.argv[1] == "writing":
    FilesWriter.write = written
else:
    Path.rename = renamed
release_assignment(CourseFolder(Path(sys.argv[3])), "ps99")
"""


@pytest.mark.parametrize("how", ["killed", "interrupted"])
@pytest.mark.parametrize("when", ["writing", "renaming"])
def test_a_release_that_is_stopped_leaves_the_one_before(tmp_path, when, how):
    """Also where the next is refused: what students have can't be made again then."""
    course = make_course(tmp_path / "course", "en", ["ps99"], write_toy(tmp_path / "repository"))
    released = release_assignment(course, "ps99") / "ps99-squares.ipynb"
    before = released.read_bytes()
    path = course.source("ps99") / released.name
    text = path.read_text()
    path.write_text(text.replace("# Squares", "# Squares, corrected"))
    command = [sys.executable, "-c", STOP, when, how, str(course.root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 9 if how == "killed" else "KeyboardInterrupt" in done.stderr
    if (when, how) != ("renaming", "killed"):  # where it is gone for as long as a rename takes
        assert released.read_bytes() == before
    path.write_text(text.replace("### END SOLUTION", ""))
    with pytest.raises(CourseFolderError, match="No end solution statement"):
        release_assignment(course, "ps99")
    assert released.read_bytes() == before
    path.write_text(text.replace("# Squares", "# Squares, corrected"))
    release_assignment(course, "ps99")
    assert "corrected" in released.read_text()
    assert [folder.name for folder in released.parents[1].iterdir()] == ["ps99"]
