"""A graded cell earns exactly the number that it ended in."""

import pytest
from nbformat.v4 import new_code_cell, new_output

from nncourse.grading.verdict import answer_errors, verdict


def result(text):
    return new_output("execute_result", {"text/plain": text}, execution_count=1)


def stream(name, text="words\n"):
    return new_output("stream", name=name, text=text)


ERROR = new_output("error", ename="NameError", evalue="name 'f' is not defined", traceback=[])


@pytest.mark.parametrize(
    ("outputs", "points"),
    [
        ([result("7.5")], 7.5),
        ([result("0.0")], 0),
        ([result("10.0")], 10),
        ([stream("stdout"), result("3.0")], 3),
        ([stream("stderr", "RuntimeWarning: overflow"), result("3.0")], 3),
        ([result("10.5")], 0),
        ([result("-1.0")], 0),
        ([result("nan")], 0),
        ([result("inf")], 0),
        ([result("'full marks'")], 0),
        ([stream("stdout", "10.0")], 0),
        ([], 0),
        ([ERROR], 0),
        ([ERROR, result("10.0")], 0),
    ],
)
def test_points(outputs, points):
    found = verdict(new_code_cell("check()", outputs=outputs), 10.0)
    assert found.points == points
    assert bool(found.why) == (points == 0 and outputs != [result("0.0")])


def test_the_reason_names_the_error():
    found = verdict(new_code_cell("check(f)", outputs=[ERROR]), 10.0)
    assert found.why == "it ended in an error: NameError: name 'f' is not defined"
    assert answer_errors(new_code_cell("def f(", outputs=[ERROR])) == [
        "NameError: name 'f' is not defined"
    ]


def test_a_cell_that_vanished_earns_nothing():
    assert verdict(None, 10.0).points == 0
    assert answer_errors(None) == []
