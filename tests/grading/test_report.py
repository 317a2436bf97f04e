"""The report of a class: right numbers, safe names, both languages."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from nncourse.cli import app
from nncourse.grading.grade import grade_submissions
from nncourse.grading.overview import BINS, overview
from nncourse.grading.released import release_assignment, version_of
from nncourse.grading.report import WIDTH, Terminal, report_page
from nncourse.grading.results import Grade, Result, read_results
from nncourse.grading.scores import table
from nncourse.language import using
from tests.grading.toy import RIGHT, make_released, submission, write_toy

EVIL = "<script>alert(1)</script>[red]\x1b[2J"


def mistake(code, en="in English", ru="по-русски"):
    return {"code": code, "mutant": "", "outputs": [], "says": {"en": en, "ru": ru}}


def result(student, a, b=10.0, codes=(), seconds=1.0, **more):
    reports = {"a": [{"name": "x.a", "score": 0.0, "mistakes": [mistake(c) for c in codes]}]}
    grades = {"a": Grade(a, 10.0), "b": Grade(b, 10.0)}
    return Result(student, grades, reports=reports, seconds=seconds, **more)


@pytest.fixture(scope="module")
def class_of_nine():
    return [
        *[result(f"s{number}", 9.0, codes=["M02"]) for number in range(4)],
        result("t1", 5.0, codes=["M02", "M10"]),
        result("t2", 10.0),
        result("late", 10.0, penalty=4.0),
        result("slow", 9.0, seconds=30.0),
        result(EVIL, 0.0, 0.0, codes=["M10", "M10"]),
        Result("cut off", problem="not valid JSON"),
    ]


def test_numbers(class_of_nine):
    found = overview(class_of_nine)
    assert found.failed == {"cut off": "not valid JSON"}
    assert len(found.shares) == 9
    assert found.shares["late"] == pytest.approx(0.8)
    assert sum(found.bins) == 9
    assert found.bins[0] == 1
    assert found.bins[9] == 6
    assert found.quartiles == pytest.approx((0.8, 0.95, 0.95))
    assert found.outliers == [EVIL], "0.75 lies within, 0 does not"
    assert list(found.slow) == ["slow"]
    hardest, easiest = found.parts
    assert (hardest.name, hardest.full, hardest.some, hardest.none) == ("a", 2, 6, 1)
    assert hardest.mean == pytest.approx(70 / 90)
    assert easiest.mean == pytest.approx(8 / 9)


def test_mistakes_are_counted_by_students(class_of_nine):
    most, second = overview(class_of_nine).mistakes
    assert (most.code, len(most.students)) == ("M02", 5)
    assert (second.code, second.students) == ("M10", ("t1", EVIL))
    with using("ru"):
        assert overview(class_of_nine).mistakes[0].text == "по-русски"


def told(*students):
    """What is said of the one mistake, if each student is told these texts."""
    results = []
    for number, texts in enumerate(students):
        one = result(f"s{number}", 0.0)
        one.reports["a"][0]["mistakes"] = [mistake("raised", text, f"ru {text}") for text in texts]
        results.append(one)
    (found,) = overview(results).mistakes
    assert len(found.students) == len(students)
    return found.text


def test_no_student_alone_writes_what_the_report_says():
    """Who raises an error in six parts is one student; the text of an error may say anything."""
    mine = "ValueError: ann and bob have copied"
    assert told(["A"], ["B"], [mine] * 6) == "An error is raised."
    assert told([mine] * 6, ["A"], ["A"]) == "A"
    assert told([mine]) == "An error is raised."
    assert told([mine], [mine], *([f"mine {n}"] for n in range(20))) == "An error is raised."
    with using("ru"):
        assert told([mine]) == "Возникает ошибка."
        assert told(["A"], ["A"], [mine]) == "ru A"


def test_what_the_course_itself_says_is_told_of_one_student(class_of_nine):
    (found,) = overview([result("ann", 0.0, codes=["M02"])]).mistakes
    assert found.text == "in English"


def test_what_waits_for_a_grade_by_hand_is_no_difficulty():
    found = overview([Result("x", {"a": Grade(0.0, 5.0, manual=True), "b": Grade(3.0, 5.0)})])
    assert [part.name for part in found.parts] == ["b", "a"]
    assert found.parts[1].waiting == 1
    assert found.waiting == 1
    assert "…" in report_page("ps99", found)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = set()
        self.attributes = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_page_is_safe_and_needs_no_network(class_of_nine, language):
    with using(language):
        text = report_page("ps99", overview(class_of_nine))
    parser = Tags()
    parser.feed(text)
    assert not parser.tags & {"script", "img", "link", "iframe", "object"}
    assert not {name for name in parser.attributes if name.startswith("on") or name == "href"}
    assert "&lt;script&gt;alert(1)" in text
    assert "\x1b" not in text
    assert f'<html lang="{language}">' in text
    assert "light-dark(" in text
    assert "not valid JSON" in text


def test_the_terminal_shows_it_all_and_obeys_nothing(class_of_nine):
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(Terminal(overview(class_of_nine)))
    text = console.export_text()
    assert "in English" in text
    assert "alert(1)</script>[red]?[2J" in text
    assert "took 30.0 s" in text
    assert "not valid JSON" in text


def test_the_table_of_scores_obeys_nothing_either():
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table([Result(EVIL, problem=EVIL), Result("x", notes=[EVIL])]))
    text = console.export_text()
    assert text.count("</script>[red]?[2J") == 3
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "notes", [["[/x", "]"], ["[a", "hidden", "b]"], ["x\\", "[red]"], [":warning:", "[@click=x]"]]
)
def test_remarks_are_no_markup_together_either(notes):
    """Each is harmless for itself; in a cell of the table they stand below each other."""
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table([Result("x", notes=notes), Result("y", problem=notes[0], notes=notes[1:])]))
    lines = [line.split() for line in console.export_text().splitlines()]
    assert [line[-1] for line in lines if line][1:] == notes * 2


def test_a_class_of_none_and_of_one():
    assert overview([]).shares == {}
    assert report_page("ps99", overview([Result("x", problem="y")]))
    one = overview([result("x", 10.0)])
    assert one.quartiles == (1.0, 1.0, 1.0)
    assert one.bins[BINS - 1] == 1
    assert one.outliers == []


def test_the_median_stays_in_the_picture():
    """With points beyond the maximum, which a lecturer may give."""
    page = report_page("ps99", overview([result("x", 13.0)]))
    assert f'class="mark" x1="{WIDTH}.0"' in page
    assert "median 23<" in page


@given(st.lists(st.floats(0, 10), min_size=1, max_size=30))
@settings(max_examples=100, deadline=None)
def test_every_student_is_in_one_column(points):
    found = overview([result(str(i), p) for i, p in enumerate(points)])
    assert sum(found.bins) == len(points)
    low, middle, high = found.quartiles
    assert min(found.shares.values()) - 1e-9 <= low <= middle <= high <= 1 + 1e-9
    assert report_page("ps99", found).count("<rect") == BINS


def test_points_of_an_earlier_release_are_told(tmp_path):
    course = make_released(tmp_path / "course", write_toy(tmp_path / "own"), "ps99", "en")
    place = tmp_path / "class"
    place.mkdir()
    for name in ("ann", "bob"):
        (place / f"{name}.ipynb").write_text(submission(course, "ps99", RIGHT), "utf-8")
    grade_submissions(course, "ps99", place)

    def said():
        commands = ["report ps99", "feedback ps99", "export ps99 moodle"]
        asked = [[*command.split(), "--course", str(course.root)] for command in commands]
        done = [CliRunner().invoke(app, one, env={"COLUMNS": "200"}) for one in asked]
        assert [one.exit_code for one in done] == [0, 0, 0]
        page = (course.root / "ps99.html").read_text("utf-8")
        return ["nncourse grade" in text for text in [page, *(one.output for one in done)]]

    assert said() == [False] * 4
    path = course.source("ps99") / "ps99-squares.ipynb"
    path.write_text(path.read_text("utf-8").replace('"points": 10,', '"points": 20,', 1), "utf-8")
    release_assignment(course, "ps99")
    assert said() == [True] * 4
    (place / "bob.ipynb").unlink()
    grade_submissions(course, "ps99", place)
    assert said() == [True] * 4
    ann, bob = read_results(course, "ps99")
    version = version_of(course, "ps99")
    assert (ann.outdated(version), bob.outdated(version)) == (False, True)
    with using("ru"):
        assert version_of(course, "ps99") == version, "it is no other one"


def test_the_scores_of_the_class_stay_where_a_part_of_it_is_graded(tmp_path):
    course = make_released(tmp_path / "course", write_toy(tmp_path / "own"), "ps99", "en")
    for name, place in (("ann", "all"), ("bob", "all"), ("bob", "part")):
        (tmp_path / place).mkdir(exist_ok=True)
        (tmp_path / place / f"{name}.ipynb").write_text(submission(course, "ps99", RIGHT), "utf-8")

    def students(path, place, *more):
        asked = ["grade", "ps99", str(tmp_path / place), "--course", str(course.root), *more]
        done = CliRunner().invoke(app, asked)
        assert done.exit_code == 0
        rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
        return [row["student"] for row in rows], "ann" in done.stdout

    assert students(course.root / "ps99.csv", "all") == (["ann", "bob"], True)
    assert students(course.root / "ps99.csv", "part") == (["ann", "bob"], False)
    path = tmp_path / "part.csv"
    assert students(path, "part", "--scores", str(path)) == (["bob"], False)


@pytest.mark.parametrize("encoding", ["ascii", "cp1251"])
def test_a_terminal_that_lacks_letters_is_no_end(tmp_path, encoding):
    course = make_released(tmp_path / "course", write_toy(tmp_path / "own"), "ps99", "en")
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "Иван Ñ.ipynb").write_text(submission(course, "ps99", RIGHT), "utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for asked in (["grade", "ps99", str(tmp_path / "class")], ["report", "ps99"]):
        command = [sys.executable, "-m", "nncourse.cli", *asked, "--course", str(course.root)]
        done = subprocess.run(command, capture_output=True, env=environment)
        assert (done.returncode, done.stderr.strip()) == (0, b"")
