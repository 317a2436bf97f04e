"""The whole corpus as one class, end to end, with honest students among them."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
import warnings

import nbformat
import pytest
from rich.console import Console

from nncourse.grading.copied import copied, section
from nncourse.grading.feedback import write_feedback
from nncourse.grading.overview import overview
from nncourse.grading.report import Terminal, report_page
from nncourse.grading.results import read_results
from nncourse.grading.scores import table, write_scores
from nncourse.grading.similar import answers as answers_of_class
from nncourse.grading.similar import similar, similar_page, whole
from tests.grading.attacks import (
    Attack,
    answers,
    back,
    beside,
    form,
    machine,
    others,
    own,
    protocol,
    verdict,
)
from tests.grading.attacks.attacked import RIGHT, VICTIMS, attacked
from tests.grading.toy import cell_name, submission

FAMILIES = [verdict, answers, form, own, machine, others, beside, back, protocol]
ATTACKS = {
    f"{family.__name__.rpartition('.')[2]}: {attack.name}": attack
    for family in FAMILIES
    for attack in family.ATTACKS
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    numbered = {f"a{number:03}": attack for number, attack in enumerate(ATTACKS.values())}
    with attacked(tmp_path_factory.mktemp("attacked"), numbered) as found:
        yield found


NAMES = [pytest.param(f"a{number:03}", id=name) for number, name in enumerate(ATTACKS)]


@pytest.mark.parametrize("student", NAMES)
def test_no_points_are_gained(run, student):
    attack: Attack = list(ATTACKS.values())[int(student[1:])]
    result = run.results[student]
    due = {"square": 0.0, "layer": 0.0, "predict": 0.0, "why": 0.0, **attack.due}
    assert run.points(student) == due
    assert attack.remark in result.problem
    said = " ".join([result.problem, *result.notes, *result.reasons.values()])
    assert all(c.isprintable() for c in said), "what the lecturer's terminal shows"


def test_honest_students_get_exactly_what_is_due(run):
    run.check_victims()


# These are no Python on purpose.
NO_CODE = {"form: null bytes", "form: lone surrogates", "form: a megabyte of nesting"}
NO_CODE |= {"form: deep source", "form: magics that run a shell", "back: code that is markup"}
NO_CODE |= {"form: a line of blanks that a pattern chokes on", "form: ends of lines of all systems"}


def test_the_corpus_is_of_all_families_and_its_code_runs():
    """An attack with a slip in it would fail for the wrong reason."""
    assert len(ATTACKS) >= 230
    assert all(len(family.ATTACKS) >= 7 for family in FAMILIES)
    for name, attack in ATTACKS.items():
        if name not in NO_CODE:
            for code in (attack.code, *attack.answers.values()):
                if code is attack.answers.get("why"):
                    continue
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    compile(code.replace("PORT", "1").replace("GRADER", "1"), name, "exec")


def test_all_around_is_as_it_was(run):
    """Files, packages, the gradebook's tables; no process is left, no packet came out."""
    run.check_surroundings()


def test_the_gradebook_knows_the_class_and_nobody_else(run):
    found = {result.student: result.points for result in read_results(run.course, "ps98")}
    assert set(found) == {*VICTIMS, *(f"a{number:03}" for number in range(len(ATTACKS)))}
    assert sum(found.values()) == 30 * len(VICTIMS) + sum(
        sum(attack.due.values()) for attack in ATTACKS.values()
    )


def test_nothing_that_runs_reaches_the_browser(run):
    """Outputs are plain text, whatever objects say that they are."""
    for path in run.course.root.glob("autograded/*/ps98/*"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                if output.output_type == "execute_result":
                    assert set(output.data) == {"text/plain"}
                    assert float(output.data["text/plain"]) >= 0
                else:
                    assert output.output_type in ("stream", "error")
            if cell_name(cell) in ("square", "layer", "predict", "setup"):
                assert "<script" not in cell.source


def test_tables_and_scores_are_written(run, tmp_path):
    path = write_scores(tmp_path / "scores.csv", run.results.values())
    assert len(table(run.results.values()).rows) == len(run.results)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == len(run.results) + 1
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_pages_and_reports_show_nothing_that_runs_nor_what_a_test_handed_out(run):
    course = run.course
    found = overview(read_results(course, "ps98"))
    console = Console(file=io.StringIO(), width=200)
    console.print(Terminal(found))
    console.print(table(run.results.values()))
    lines = console.file.getvalue().splitlines()
    assert all(line.isprintable() for line in lines)
    handed_in, stub = answers_of_class(course, "ps98")
    codes = {student: whole(named) for student, named in handed_in.items()}
    pages = {path.parts[-3]: path.read_text("utf-8") for path in write_feedback(course, "ps98")}
    assert set(pages) == set(run.results)
    pages["report"] = report_page("ps98", found)
    # With the class itself for a library.
    section_of_copies = section(copied(handed_in, codes, stub.values()))
    assert section_of_copies
    pages["similar"] = similar_page("ps98", similar(handed_in, stub), codes, section_of_copies)
    for name, text in pages.items():
        assert not any(c for c in text if not c.isprintable() and c not in "\n\t\xa0"), name
        tags = re.findall(r"<[^>]*>", text)
        bad = r"<\s*(?:script|img|iframe|object|link|form|base)|javascript:|[\s/\"']on\w+\s*="
        assert not [tag for tag in tags if re.search(bad, tag, re.IGNORECASE)], name
        assert "LEAKED" not in text, name
        assert "HIDDEN TESTS" not in text, name


def test_the_class_is_graded_again_to_the_same_end(run):
    """In another process, as the command: nothing was left that acts later."""
    course = run.course
    command = [sys.executable, "-m", "nncourse.cli", "grade", "ps98", "--course", str(course.root)]
    only = course.root.parent / "again"
    only.mkdir(exist_ok=True)
    for name in VICTIMS:
        (only / f"{name}.ipynb").write_text(submission(course, "ps98", RIGHT), "utf-8")
    done = subprocess.run(
        [*command[:5], str(only), *command[5:], "--force"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("30 / 35") == len(VICTIMS), done.stdout
