"""Data in an answer is seen in every plain form, honest answers are not, hostile ones are harmless.

What is to be seen are the labels of the held-out digits, by which a network that was to be trained
is judged.
"""

from __future__ import annotations

import base64
import inspect
import io
import json
import textwrap
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from nncourse.data import digits
from nncourse.exercises.piece import sets
from nncourse.grading.assignment import make_assignment
from nncourse.grading.autograded import answers_of
from nncourse.grading.feedback import write_feedback
from nncourse.grading.grade import grade_submissions
from nncourse.grading.literals import MOST, data_in, heavy_answers
from nncourse.grading.overview import overview
from nncourse.grading.report import Terminal, report_page
from nncourse.grading.results import Result
from nncourse.language import using
from tests.grading.toy import RIGHT, submission

ROOT = Path(__file__).parents[2]
LABELS = [int(label) for label in np.asarray(digits(split=True)[1][1])]
DIGITS = "".join(map(str, LABELS))
PACKED = int(DIGITS).to_bytes(150, "big")
FORMS = {
    "a string": repr(DIGITS),
    "in three quotes": f'"""{DIGITS}"""',
    "words": repr(" ".join(DIGITS[i : i + 5] for i in range(0, 360, 5))),
    "lines": '"""\n' + textwrap.fill(DIGITS, 72) + '\n"""',
    "strings side by side": "\n".join(repr(DIGITS[i : i + 60]) for i in range(0, 360, 60)),
    "letters": repr(DIGITS.translate(str.maketrans("0123456789", "abcdefghij"))),
    "a list": repr(LABELS),
    "a list of floats": repr([float(label) for label in LABELS]),
    "a list of strings": repr([str(label) for label in LABELS]),
    "bytes": repr(bytes(LABELS)),
    "packed": repr(PACKED),
    "base85": repr(base64.b85encode(PACKED)),
    "base64": repr(base64.b64encode(PACKED).decode()),
    "base64 in lines": '"""\n' + base64.encodebytes(PACKED).decode() + '"""',
    "an integer": DIGITS,
    "in groups": f"{int(DIGITS):_}",
    "hexadecimal": hex(int(DIGITS)),
    "one character for three": repr(
        "".join(chr(0x4E00 + int(DIGITS[i : i + 3])) for i in range(0, 360, 3))
    ),
    "a docstring": f'def labels():\n    """{DIGITS}"""\n    return labels.__doc__',
    "a formatted string": f'f"{DIGITS}"',
}


@pytest.mark.parametrize("form", FORMS)
def test_the_labels_are_seen_in_every_plain_form(form):
    assert data_in(f"def predict(x):\n    return {FORMS[form]}\n") > MOST
    assert data_in(FORMS[form] + "\ndef predict(x:") > MOST, "in what can't be parsed, too"


def notebooks(name, language):
    """A set as it is solved, and as it is handed out."""
    return [
        json.loads(next((ROOT / folder / language / name).glob("*.ipynb")).read_text("utf-8"))
        for folder in ("solutions", "exercises")
    ]


@pytest.mark.parametrize("name", sets())
@pytest.mark.parametrize("language", ["ru", "en"])
def test_solutions_carry_far_less(name, language):
    solved, released = notebooks(name, language)
    assert max(map(data_in, answers_of(solved).values())) < MOST / 2
    assert not heavy_answers(make_assignment(name, solved, released, language), answers_of(solved))


def test_the_known_answers_carry_far_less():
    """The other right ones and the wrong ones of all pieces."""
    count = 0
    for name in sets():
        for piece in import_module(f"nncourse.exercises.{name}").PIECES.values():
            for answer in (*piece.equivalents, *piece.mutants):
                try:
                    source = inspect.getsource(answer.function)
                except (OSError, TypeError):  # made by functools
                    continue
                count += 1
                assert data_in(source) < 0.6 * MOST, f"{piece.name}: {answer.name}"
    assert count > 300


def test_prose_is_no_data():
    said = "Градиент должен иметь ту же форму, что и вход: проверьте ось суммы. " * 20
    assert data_in(f'def f(x):\n    """{said}"""\n    raise ValueError("{said}")') == 0
    assert data_in('print(f"epoch {epoch}: loss {history[-1]:.4f}, accuracy {share:.1%}")') == 3
    assert data_in("# " + DIGITS) == 0
    assert data_in("W1, dW12345678901234567890 = x2, x3") == 0, "names"


def test_a_key_counts_once():
    assert data_in("params['W1'] + params['W1'] + grads['W1']") == len("'W1'")
    assert data_in("['3', '3', '3']") == 3 * len("'3'"), "but no label"


def test_what_was_handed_out_does_not_count():
    notebook = {
        "metadata": {},
        "cells": [
            {
                "cell_type": "code",
                "source": f"LABELS = '{DIGITS}'",
                "metadata": {"nbgrader": {"grade_id": "f", "solution": True, "grade": False}},
            }
        ],
    }
    assignment = make_assignment("x", notebook, notebook, "en")
    assert heavy_answers(assignment, {"f": f"LABELS = '{DIGITS}'\nN = 10"}) == {}
    assert heavy_answers(assignment, {"f": f"LABELS = '{DIGITS}'\nMINE = {LABELS}"}) == {"f": 360}
    text = replace(assignment.cells[0], kind="text")
    assignment.cells = [text]
    assert heavy_answers(assignment, {"f": f"{LABELS}" * 2}) == {}, "a written answer"


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("name", ["ps02", "ps05"])
def test_what_is_shared_out_among_answers_and_own_cells_is_seen(name, language):
    """Halves of the labels: each of them is as short as what an honest answer may carry."""
    solved, released = notebooks(name, language)
    assignment, stubs = make_assignment(name, solved, released, language), answers_of(released)
    packed = base64.b85encode(PACKED).decode()
    first, second = f"FIRST = {packed[:94]!r}", f"SECOND = {packed[94:]!r}"
    answers = {**stubs, "predict_answer": stubs["predict_answer"] + second}
    assert heavy_answers(assignment, answers) == {}
    ((names, count),) = heavy_answers(assignment, answers, [{"source": first}]).items()
    assert names.startswith("predict_answer + ")
    assert count == len(packed) + 4, "with the quotes"
    answers["train_answer"] += "\n" + first
    assert heavy_answers(assignment, answers) == {"train_answer + predict_answer": count}


HOSTILE = [
    '"',
    "'",
    '"""\n\\',
    "'''\n\\",
    '"""\\',
    "\\",
    "\\\n'",
    'r"',
    "1.",
    "#",
    '"a ',
    "_",
    "\U0001f600",
]


@pytest.mark.parametrize("part", HOSTILE)
def test_hostile_answers_take_no_time(part):
    source = (part * 500_000)[:500_000]
    start = time.process_time()
    data_in(source)
    data_in('"""' + source)
    assert time.process_time() - start < 5.0, "a quadratic one takes minutes"


@given(st.text(alphabet="\"'\\\n #ab1 f", max_size=60))
@settings(max_examples=1000, deadline=None)
def test_any_text_has_a_measure(text):
    assert 0 <= data_in(text) <= 6 * len(text)


@given(st.binary(min_size=MOST, max_size=400))
@settings(max_examples=200, deadline=None)
def test_bytes_are_seen_in_whatever_stands_around_them(data):
    for text in (
        repr(base64.b85encode(data)),
        repr(data),
        str(int.from_bytes(b"\1" + data, "big")),
    ):
        assert data_in(f'"a" # "\nx = [f"{{y}}", {text}]; z = """b"""') > MOST


def test_the_lecturer_sees_it_and_nothing_else_changes(toy, tmp_path):
    pasted = {**RIGHT, "plus_answer": f"LABELS = {LABELS}\n" + RIGHT["plus_answer"]}
    (tmp_path / "pasted.ipynb").write_text(submission(toy, "ps99", pasted), "utf-8")
    (tmp_path / "honest.ipynb").write_text(submission(toy, "ps99", RIGHT), "utf-8")
    honest, found = grade_submissions(toy, "ps99", tmp_path)
    assert (found.points, honest.points) == (15, 15)
    assert honest.notes == []
    assert honest.literals == {}
    assert found.literals == {"plus_answer": 361}
    (note,) = found.notes
    assert note.startswith("plus_answer: 361 characters of data")
    seen = overview([honest, found])
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(Terminal(seen))
    assert note in console.export_text()
    assert note in report_page("ps99", seen)
    with using("ru"):
        assert "чем нужно коду (знаков: 361)" in report_page("ps99", seen)
    for path in write_feedback(toy, "ps99"):
        text = path.read_text("utf-8")
        assert "361" not in text
        assert "characters of data" not in text


def test_the_report_names_nobody_without_reason():
    assert "characters of data" not in report_page("ps99", overview([Result("x")]))
