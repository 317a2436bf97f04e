"""The steps that tell the two passes: complete, in order, with the numbers of the passes."""

from __future__ import annotations

import json

import pytest

from nncourse import language
from nncourse.widgets.graph_model import run, starting_values
from nncourse.widgets.graph_steps import steps
from nncourse.widgets.numbers import format_number
from nncourse.widgets.parser import parse

TEXTS = [
    "x^2 + x*y + (x + y)^2",
    "b = a + a; c = b + b",
    "max(x, y, 1) * relu(-x) + abs(y)",
    "h = tanh(u*x + a); (v*h + b - y)^2",
    "2^x / sqrt(y) - sigmoid(exp(x) + log(y))*cos(x)",
]


def made(text: str, **values: float):
    expression = parse(text)
    result = run(expression, starting_values(expression, values))
    return result, steps(result)


def written(step) -> list[str]:
    return ["".join(p if isinstance(p, str) else p[1] for p in line) for line in step["lines"]]


@pytest.mark.parametrize("text", TEXTS)
def test_forward_then_backward_node_by_node(text):
    result, story = made(text)
    operations = [i for i, node in enumerate(result.expression.nodes) if node.operation]
    assert [step["phase"] for step in story] == [
        "start",
        *["forward"] * len(operations),
        "seed",
        *["backward"] * len(operations),
        "end",
    ]
    assert [s["node"] for s in story if s["phase"] == "forward"] == operations
    assert [s["node"] for s in story if s["phase"] == "backward"] == operations[::-1]
    assert json.loads(json.dumps(story)) == story  # nothing that cannot travel to a browser


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_shown_in_the_end_is_what_was_computed(text):
    result, story = made(text)
    seen = {}
    for step in story:
        for number in step["numbers"]:
            for kind, which, shown in number["shows"]:
                seen[kind, which] = shown
    for i in range(len(result.values)):
        assert seen["value", i] == format_number(result.values[i])
        assert seen["gradient", i] == format_number(result.gradients[i])
    for k, (_u, i, place) in enumerate(result.expression.edges):
        assert seen["local", k] == format_number(result.partials[i][place])


@pytest.mark.parametrize("text", TEXTS)
def test_a_gradient_is_complete_before_it_is_sent_on(text):
    result, story = made(text)
    arrived = [0.0] * len(result.values)
    for step in story:
        if step["phase"] == "seed":
            arrived[step["node"]] = 1.0
        if step["phase"] != "backward":
            continue
        assert arrived[step["node"]] == pytest.approx(result.gradients[step["node"]])
        flows = [n for n in step["numbers"] if n["shows"][0][0] == "flow"]
        assert [n["shows"][0][1] for n in flows] == step["edges"]
        for number in flows:
            source = result.expression.edges[number["shows"][0][1]][0]
            arrived[source] += number["value"]
    assert arrived == pytest.approx(result.gradients)


def test_contributions_to_a_shared_node_are_added_in_sight():
    _result, story = made("x^2 + x*y + (x + y)^2", x=2, y=3)
    lines = [line for step in story if step["phase"] == "backward" for line in written(step)]
    assert any("∂f/∂x = 10 + 3 = 13" in line for line in lines)
    assert any("∂f/∂x = 13 + 4 = 17" in line for line in lines)
    adding = [
        shown
        for step in story
        for n in step["numbers"]
        for kind, _which, shown in n["shows"]
        if kind == "adding"
    ]
    assert adding == ["10 + 3 = ?", "10 + 3 = 13", "10 + 2 = ?", "10 + 2 = 12", "13 + 4 = ?",
                      "13 + 4 = 17"]  # fmt: skip


def test_two_edges_between_the_same_nodes_are_told_apart():
    _result, story = made("b = a + a; c = b + b", a=2)
    lines = written(story[-2])
    assert lines[1].startswith("→ a (edge 1):")
    assert lines[2].startswith("→ a (edge 2):")
    assert lines[2].endswith("∂c/∂a = 2 + 2 = 4")


@pytest.mark.parametrize("text", TEXTS)
def test_each_question_has_a_hint(text):
    _result, story = made(text)
    for step in story:
        for number in step["numbers"]:
            if step["phase"] != "start":
                assert number["ask"].endswith("= ?")
                assert number["hint"]
        for line in step["lines"]:
            assert all(isinstance(p, str) or 0 <= p[0] < len(step["numbers"]) for p in line)


def test_an_answer_stays_hidden_until_it_is_given():
    # 1.37 and 0.83 make every number unmistakable.
    _result, story = made("x*y + exp(x)", x=1.37, y=0.83)
    asked = 0
    for step in story:
        for k, number in enumerate(step["numbers"]):
            answer = format_number(number["value"])
            if number["ask"] and step["phase"] == "forward":
                visible = "".join(
                    p if isinstance(p, str) else (p[1] if p[0] < k else "?")
                    for line in step["lines"]
                    for p in line
                )
                assert answer not in visible + number["ask"] + number["hint"]
                asked += 1
    assert asked == 3


def test_a_kink_is_mentioned():
    _result, story = made("relu(x)", x=0)
    assert any("kink" in line for step in story for line in written(step))


def test_the_end_compares_with_a_central_difference():
    _result, story = made("x^2 + x*y + (x + y)^2", x=2, y=3)
    assert written(story[-1]) == [
        "∂f/∂x = 17  (central difference: 17)",
        "∂f/∂y = 12  (central difference: 12)",
    ]


def test_russian_steps_have_the_same_numbers():
    _result, english = made(TEXTS[0])
    with language.using("ru"):
        _result, russian = made(TEXTS[0])
    assert russian[1]["title"].startswith("Вперёд")
    assert [[n["value"] for n in s["numbers"]] for s in russian] == [
        [n["value"] for n in s["numbers"]] for s in english
    ]
