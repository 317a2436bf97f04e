"""Every exercise set of the course, judged by the oracle: the solution earns all, the stub nothing.

An exercise set that is added is found here by itself.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nncourse.exercises.piece import sets
from nncourse.grading.assignment import make_assignment
from nncourse.grading.autograded import answers_of
from nncourse.grading.bench import Bench
from nncourse.grading.lint import lint
from nncourse.grading.worker import make_item

ROOT = Path(__file__).parents[2]


def notebooks(name: str, language: str) -> tuple[dict, dict]:
    """The solved and the released notebook."""
    found = []
    for folder in ("solutions", "exercises"):
        (path,) = (ROOT / folder / language / name).glob("*.ipynb")
        found.append(json.loads(path.read_text("utf-8")))
    return found[0], found[1]


@pytest.fixture(scope="module")
def bench():
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    with Bench() as found:
        yield found


@pytest.mark.parametrize("name", sets())
def test_the_solution_earns_all_and_the_stub_nothing(bench, name):
    solved, released = notebooks(name, "en")
    assignment = make_assignment(name, solved, released, "en")
    assert assignment.tests, "there is something to grade"
    bench.prepare(assignment.packed)
    result = json.loads(bench.grade(make_item("anna", answers_of(solved), 20261125)))
    wrong = {
        cell: (question["points"], question["max_points"], question["why"])
        for cell, question in result["questions"].items()
        if question["points"] != question["max_points"]
    }
    texts = {
        cell.name: result["outputs"][str(cell.index)]
        for cell in assignment.tests
        if cell.name in wrong
    }
    assert not wrong, (wrong, texts)
    assert not result["notes"]
    stub = json.loads(bench.grade(make_item("empty", answers_of(released), 20261125)))
    assert {q["points"] for q in stub["questions"].values()} == {0.0}
    assert lint(assignment) == []


CALLS = {
    "ps02": ("numerical_gradient", "from nncourse.plots.differences import central_difference"),
    "ps03": ("half_plane", "from nncourse.data import polygon"),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_the_library_has_for_its_pictures_and_data_is_not_at_hand(bench, name):
    solved, released = notebooks(name, "en")
    assignment = make_assignment(name, solved, released, "en")
    bench.prepare(assignment.packed)
    question, line = CALLS[name]
    answers = answers_of(solved)
    cell = f"{question}_answer"
    answers[cell] = f"{line}\n{answers[cell]}"
    result = json.loads(bench.grade(make_item("anna", answers, 1)))
    assert result["questions"][question]["points"] == 0
    assert "ImportError" in str(result["notes"]) or "ModuleNotFoundError" in str(result["notes"])


def test_steps_of_an_optimiser_are_seen_in_the_arrays_that_it_was_given(bench):
    """Or in new ones, but not in copies, which the sandbox holds either way."""
    solved, released = notebooks("ps06", "en")
    assignment = make_assignment("ps06", solved, released, "en")
    bench.prepare(assignment.packed)
    answers = answers_of(solved)
    sgd, adam = answers["sgd_answer"], answers["adam_answer"]
    head = "    def step(self, grads):\n"
    assert head in adam
    answers["adam_answer"] = adam.replace(
        head, f"{head}        self.params = [p.copy() for p in self.params]\n"
    )
    answers["sgd_answer"] = sgd.replace("= params,", "= [p.copy() for p in params],")
    assert answers["sgd_answer"] != sgd
    result = json.loads(bench.grade(make_item("anna", answers, 1)))
    points = {cell: question["points"] for cell, question in result["questions"].items()}
    assert (points["SGD"], points["Adam"]) == (0, 15)


@pytest.mark.parametrize("name", sets())
def test_an_answer_that_is_left_out_makes_no_other_cell_run(name):
    """Where its stub returns names that a training binds, this was run, for minutes."""
    solved, released = notebooks(name, "en")
    plan = make_assignment(name, solved, released, "en").plan
    answers, stubs = answers_of(solved), answers_of(released)

    def run(answers: dict[str, str]) -> set[int]:
        return {cell.index for cell in plan.sandboxed.cells(answers) if not cell.is_answer}

    more = {cell: run({**answers, cell: stubs[cell]}) - run(answers) for cell in answers}
    assert not any(more.values()), more


@pytest.mark.parametrize("name", sets())
def test_both_languages_ask_for_the_same(name):
    one, two = (make_assignment(name, *notebooks(name, lang), lang) for lang in ("ru", "en"))
    assert [(c.name, c.points) for c in one.tests] == [(c.name, c.points) for c in two.tests]
    assert one.defines == two.defines


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("name", sets())
def test_each_set_says_which_packages_its_answers_may_import(name, language):
    solved, released = notebooks(name, language)
    packages = make_assignment(name, solved, released, language).rules["packages"]
    text = "".join(source for cell in released["cells"] for source in cell["source"])
    begin = {"en": "Answers may import", "ru": "Ответы могут импортировать"}[language]
    (said,) = [line for line in text.splitlines() if begin in line]
    allowed = said.partition(". ")[0]
    assert all(package in allowed.casefold() for package in packages)
