"""The gradebook in PostgreSQL: the same grades as in SQLite, also when the server goes away."""

from __future__ import annotations

import shutil
import threading
import time

import pytest

from nncourse.course.files import Course
from nncourse.course.folder import CourseFolderError, make_course
from nncourse.grading.grade import grade_submissions
from nncourse.grading.query import Database, GradebookError
from nncourse.grading.released import release_assignment
from nncourse.grading.results import read_results
from tests.grading.postgres import programs, server
from tests.grading.toy import RIGHT, submission, write_toy

ANSWERS = {
    "solved": RIGHT,
    "half": {"square_answer": RIGHT["square_answer"]},
    "empty": {},
    "ünïcode": RIGHT,
}


@pytest.fixture(scope="module")
def postgres():
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    pytest.importorskip("psycopg")
    with server() as found:
        yield found


@pytest.fixture(scope="module")
def course(postgres, tmp_path_factory):
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    root = tmp_path_factory.mktemp("postgres")
    source: Course = write_toy(root / "repository")
    course = make_course(root / "course", "en", ["ps99"], source)
    config = course.root / "nbgrader_config.py"
    text = config.read_text("utf-8")
    config.write_text(f"{text}\nc.CourseDirectory.db_url = {postgres.url!r}\n", "utf-8")
    release_assignment(course, "ps99")
    return course


@pytest.fixture
def folder(course, tmp_path):
    for name, answers in ANSWERS.items():
        (tmp_path / f"{name}.ipynb").write_text(submission(course, "ps99", answers), "utf-8")
    return tmp_path


def points(results):
    return {result.student: result.points for result in results}


WANTED = {"solved": 15, "half": 10, "empty": 0, "ünïcode": 15}


def test_the_same_grades_and_nbgrader_reads_them(course, folder, toy):
    from nncourse.grading.nbgrader import Nbgrader

    results = grade_submissions(course, "ps99", folder)
    assert points(results) == WANTED == points(grade_submissions(toy, "ps99", folder))
    assert not (course.root / "gradebook.db").exists()
    again = grade_submissions(course, "ps99", folder)
    assert all(result.skipped for result in again)
    assert points(again) == WANTED
    nbgrader = Nbgrader(course)
    with nbgrader.gradebook() as book:
        assert book.find_submission("ps99", "solved").score == 15
        grade = book.find_grade("why", "ps99-squares", "ps99", "solved")
        grade.manual_score = 7.0
        book.db.commit()
    nbgrader.close()
    assert points(grade_submissions(course, "ps99", folder, force=True))["solved"] == 22


@pytest.mark.slow
def test_a_server_that_is_gone_for_seconds_is_waited_for(course, folder, postgres):
    def run(packed, items):
        from nncourse.grading.queue import run_local

        for number, (key, answer) in enumerate(run_local(packed, items)):
            if number == 1:
                postgres.stop()
                threading.Timer(5.0, postgres.start).start()
            yield key, answer

    for name in ANSWERS:
        path = folder / f"{name}.ipynb"
        path.write_text(path.read_text("utf-8") + " ", "utf-8")
    start = time.monotonic()
    results = grade_submissions(course, "ps99", folder, run=run)
    assert time.monotonic() - start > 4
    assert {r.student for r in results} == set(ANSWERS)
    assert not any(r.skipped for r in results)
    assert points(read_results(course, "ps99"))["half"] == 10


def test_a_server_that_stays_away_is_an_error_and_the_next_run_goes_on(
    course, folder, postgres, monkeypatch
):
    monkeypatch.setattr("nncourse.grading.gradebook.PATIENCE", 0.5)
    monkeypatch.setattr("nncourse.grading.grade.BATCH", 1)

    def run(packed, items):
        from nncourse.grading.queue import run_local

        for number, (key, answer) in enumerate(run_local(packed, items)):
            if number == 2:
                postgres.stop()
            yield key, answer

    with pytest.raises(CourseFolderError, match=r"can't be used.*run the command again"):
        grade_submissions(course, "ps99", folder, run=run, force=True)
    postgres.start()
    results = grade_submissions(course, "ps99", folder)
    assert {r.student for r in results} == set(ANSWERS)
    assert {r.student: r.points for r in results}["half"] == 10


def test_a_wrong_address_is_told_at_once(course, folder, postgres):
    wrong = postgres.url.replace("/grades?", "/grade?")
    start = time.monotonic()
    with pytest.raises(CourseFolderError, match=r'database "grade" does not exist'):
        grade_submissions(course, "ps99", folder, db=wrong)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("encoding", ["LATIN1", "WIN1251"])
def test_a_database_that_lacks_letters_is_refused_before_a_student_uses_one(postgres, encoding):
    """Else an emoji in one's error message would end the run for all, each time."""
    options = ("-T", "template0", "-E", encoding, "--locale", "C")
    database = Database(postgres.database(encoding.lower(), *options), 0.0)
    with pytest.raises(GradebookError, match="make it with the encoding UTF8"):
        database.try_letters()
    database.close()


def test_a_server_that_only_reads_is_told_of(course, folder, postgres):
    """As after a failure, when a copy has taken over."""
    reading = f"{postgres.url}&options=-c%20default_transaction_read_only%3Don"
    with pytest.raises(CourseFolderError, match=r"read-only transaction.*run the command again"):
        grade_submissions(course, "ps99", folder, db=reading, force=True)


@pytest.mark.parametrize(
    "address", ["postgres://me:secret@host/db", "mysql://me:secret@host/db", "x://me:secret@h:y/d"]
)
def test_an_address_that_can_t_be_used_is_told_of_without_its_password(course, folder, address):
    with pytest.raises(CourseFolderError, match="address can't be used") as told:
        grade_submissions(course, "ps99", folder, db=address)
    assert "secret" not in str(told.value)


def test_a_gradebook_of_an_older_version_is_told_of(course, folder, postgres):
    grade_submissions(course, "ps99", folder)
    old, new = "rename extra_credit to extra", "rename extra to extra_credit"
    database = Database(postgres.url, 0.0)
    try:
        with database.transaction() as db:
            db.rows(f"alter table grade {old}")
        with pytest.raises(CourseFolderError, match="run nbgrader db upgrade"):
            grade_submissions(course, "ps99", folder)
    finally:
        with database.transaction() as db:
            db.rows(f"alter table grade {new}")
        database.close()


def test_a_role_without_rights_is_told_of(course, folder, postgres):
    database = Database(postgres.url, 0.0)
    with database.transaction() as db:
        db.rows("create role guest login")
    database.close()
    with pytest.raises(CourseFolderError, match="permission denied"):
        grade_submissions(course, "ps99", folder, db=postgres.url.replace("grader@", "guest@"))


def test_two_coordinators_with_folders_of_their_own_share_a_gradebook(
    course, folder, postgres, monkeypatch
):
    """Their transactions collide; the one that loses is repeated, and finds the other's rows."""
    from nncourse.grading.ledger import Ledger

    write, turns = Ledger._write, iter([True])

    def collide(self, db, entries):
        if next(turns, False):  # the other one is faster, between our look and our rows
            look = Ledger._known

            def and_other(self, db, names):
                known = look(self, db, names)
                monkeypatch.setattr(Ledger, "_known", look)
                with self.database.transaction() as other:
                    write(self, other, entries)
                return known

            monkeypatch.setattr(Ledger, "_known", and_other)
        write(self, db, entries)

    monkeypatch.setattr(Ledger, "_write", collide)
    for name in list(ANSWERS):
        (folder / f"{name}.ipynb").rename(folder / f"new {name}.ipynb")
    results = grade_submissions(course, "ps99", folder)
    assert next(turns, None) is None, "it has come to a collision"
    assert points(results) == {f"new {name}": score for name, score in WANTED.items()}
