"""Plain cells of the lecturer's that a student has edited: answers see the edit, tests do not."""

from __future__ import annotations

import pytest

from nncourse.grading.added import Sight, added
from nncourse.grading.own import OwnCell
from tests.grading.test_oracle import assignment
from tests.grading.test_plan import kind

# The cells of a notebook, of which the second is edited.
SETUP = "options = {}\ntable = []"
RATE = "rate, scale = (2, 3)"
F = "def f(x):\n    return rate * x"
G = "def f(x): return g() * x"


def run(
    edit: str, answer: str = F, given: str = RATE, between: str = "", graded: str = "f(1)"
) -> tuple[list[str], list[str]]:
    """What the sandbox runs but for answers, and what the trusted side runs."""
    cells = [("readonly", SETUP), ("plain", given), ("readonly", between)]
    found = kind(*cells, ("answer", ""), ("tests", graded), f=answer)
    made = assignment(found)
    plan = made.plan
    place = next(cell.index for cell in made.cells if cell.source == given)
    answers = {"f": f"{answer}  # written"}
    own, late = plan.sandboxed.needed_of([OwnCell(place + 1, edit, place)], answers)
    assert late == []
    inside = [cell.source for cell in plan.sandboxed.cells(answers, own) if not cell.is_answer]
    trusted = [step.statement for steps in plan.steps.values() for step in steps]
    return [text for text in inside[1:] if text not in (SETUP, between)], [
        name for statement in trusted for name in assigned(statement)
    ]


def assigned(statement):
    return [node.id for node in getattr(statement, "targets", []) if hasattr(node, "id")]


@pytest.mark.parametrize(
    ("edit", "change", "inside"),
    [
        ("rate, scale = 5, 6", {}, ["rate, scale = 5, 6"]),
        ("rate = 5", {}, ["rate = 5"]),
        ("rate = 5", {"answer": "def f(x): return rate * scale"}, [RATE, "rate = 5"]),
        ("rate = 5\nwhile True:\n    f(3)", {}, ["rate = 5"]),
        ("scale = 5", {}, [RATE]),
        ("rate = (", {}, [RATE]),
        (
            "xp.random.seed(1)\nrate = 5",
            {"given": "import numpy as xp\nrate = 2", "answer": "def f(x): return xp.random, rate"},
            ["import numpy as xp", "xp.random.seed(1)\nrate = 5"],
        ),
        (
            "rates.append(5)",
            {"given": "rates = []\nrates.append(2)", "answer": "def f(x): return rates[0]"},
            ["rates = []", "rates.append(5)"],
        ),
        ("from math import *", {}, [RATE]),
        ("options = table = 5", {"answer": "def f(x): return options, table, rate"}, [RATE]),
        ("rate = 5", {"between": "def g(): return rate", "answer": G}, ["rate = 5"]),
        ("rate = 5", {"answer": "def f(x): return x"}, []),
        (
            "options['lr'] = 5",
            {"given": "options['lr'] = 2", "answer": "def f(x): return options['lr'] * x"},
            ["options['lr'] = 5"],
        ),
        (
            "table += [3, 4]",
            {"given": "table.append(1)", "answer": "def f(x): return len(table)"},
            ["table += [3, 4]"],
        ),
    ],
)
def test_an_edit_stands_in_place_of_what_answers_need_of_the_cell(edit, change, inside):
    assert run(edit, **change)[0] == inside


def test_tests_read_what_the_lecturer_wrote():
    inside, trusted = run("rate = 5", given="rate = 2", graded="assert f(1) == rate")
    assert (inside, trusted) == (["rate = 5"], ["rate"])


FORM = [
    Sight("setup", "s", True, "x = 1"),
    Sight(None, "p", True, "rate = 2"),
    Sight(None, "m", False, "rate"),
    Sight("answer", "a", True, "def f(): ..."),
]


@pytest.mark.parametrize(
    ("cells", "edits"),
    [
        ([FORM[0], FORM[1]._replace(source="rate = 3"), *FORM[2:]], [1]),
        ([FORM[1]._replace(source="rate = 3"), FORM[0], *FORM[2:]], [1]),
        ([*FORM, FORM[1]._replace(source="rate = 3")], [None]),
        ([FORM[0], *[FORM[1]._replace(source=f"rate = {n}") for n in (3, 4)]], [1, 1]),
        ([*FORM[:2], Sight(None, "s", True, "x = 2"), *FORM[2:]], [None]),
        ([*FORM[:2], Sight(None, "m", True, "x = 2"), *FORM[2:]], [None]),
        ([*FORM[:2], Sight(None, None, True, "x = 2"), *FORM[2:]], [None]),
        ([FORM[0], Sight(None, None, True, "rate = 3"), *FORM[2:]], [1]),
        ([FORM[0], Sight(None, None, True, "a = 3"), Sight(None, "n", True, "b = 3")], [1, 1]),
        ([Sight(None, None, True, "rate = 3"), FORM[0], *FORM[2:]], [None]),
        ([FORM[0], FORM[2], Sight(None, None, True, "rate = 3"), FORM[3]], [None]),
        ([FORM[0], Sight(None, "p", True, ""), Sight(None, None, True, "rate = 3")], [None]),
        ([FORM[0], Sight(None, "p", False, "rate"), Sight(None, None, True, "rate = 3")], [None]),
        ([*FORM[:2], Sight("answer", "p", True, "x = 2"), *FORM[2:]], [None]),
    ],
)
def test_an_edit_is_what_stands_in_place_of_a_plain_cell(cells, edits):
    used = {at for at, cell in enumerate(cells) if cell in FORM and cell.name}
    own, left = added(cells, FORM, used)
    assert ([cell.edits for cell in own], left) == (edits, 0)
