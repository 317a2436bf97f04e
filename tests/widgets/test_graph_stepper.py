"""The graph stepper without a browser: traits, requests, the static picture, both languages."""

from __future__ import annotations

import base64
import json
import struct
import threading

import pytest

pytest.importorskip("anywidget", reason="the widgets need the extra 'course'")

from nncourse import language
from nncourse.widgets import GraphStepper
from nncourse.widgets.expression import ExpressionError

STANDARD = "x^2 + x*y + (x + y)^2"


def ask(widget: GraphStepper, **content) -> None:
    """What the front end sends when a reader edits something."""
    widget._handle_custom_msg(content, [])


def test_standard_example():
    widget = GraphStepper(STANDARD, x=2, y=3)
    assert widget.values == {"x": 2.0, "y": 3.0}
    assert widget.gradients["x"] == 17
    assert widget.gradients["y"] == 12
    assert widget.step == 0
    assert len(widget.steps) == 15
    assert len(widget.graph["nodes"]) == 8


def test_values_assigned_from_python():
    widget = GraphStepper(STANDARD, x=2, y=3, step=7)
    graph = widget.graph
    widget.values = {"x": 1, "y": 1}
    assert widget.gradients["x"] == 7
    assert widget.step == 7  # the same graph: the reader stays where they were
    assert widget.graph is graph
    with pytest.raises(ValueError, match="z is not a variable"):
        widget.values = {"z": 1}
    assert widget.values == {"x": 1.0, "y": 1.0}


def test_expression_assigned_from_python_keeps_values():
    widget = GraphStepper(STANDARD, x=5, y=3, step=7)
    widget.expression = "x*z"
    assert widget.values == {"x": 5.0, "z": 3.0}
    assert widget.step == 0
    with pytest.raises(ExpressionError, match="not closed"):
        widget.expression = "(x"
    assert widget.expression == "x*z"
    assert widget.gradients["z"] == 5


def test_unknown_value_and_bad_expression_are_told_at_once():
    with pytest.raises(ValueError, match="w is not a variable of this formula; its variables"):
        GraphStepper("x*y", w=1)
    with pytest.raises(ExpressionError):
        GraphStepper("2x")
    with pytest.raises(ExpressionError, match="not defined"):
        GraphStepper("log(x)", x=-1)


def test_a_reader_edits_a_value():
    widget = GraphStepper(STANDARD, x=2, y=3, step=3)
    ask(widget, values={"x": 1.5}, serial=1)
    assert widget.values == {"x": 1.5, "y": 3.0}
    assert widget.gradients["x"] == pytest.approx(2 * 1.5 + 3 + 2 * 4.5)
    assert widget.answered == 1
    assert widget.error == {}
    assert widget.step == 3


def test_a_reader_edits_the_formula():
    widget = GraphStepper(STANDARD, x=2, y=3)
    ask(widget, expression="b = a + a; c = b + b", serial=4)
    assert widget.expression == "b = a + a; c = b + b"
    assert widget.gradients == {"a": 4.0, "b": 2.0, "c": 1.0}
    assert widget.answered == 4


@pytest.mark.parametrize(
    ("request_", "text", "place"),
    [
        ({"expression": "x + 2y"}, "A sign is missing", (4, 6)),
        ({"expression": "log(x - 9)"}, "is not defined", (0, 10)),
        ({"values": {"x": 1e200}}, "too large", (0, 3)),
    ],
)
def test_what_cannot_be_computed_changes_nothing_but_the_error(request_, text, place):
    widget = GraphStepper(STANDARD, x=2, y=3)
    before = widget.steps
    ask(widget, **request_, serial=2)
    assert text in widget.error["text"]
    assert (widget.error["start"], widget.error["end"]) == place
    assert widget.steps is before
    assert widget.values == {"x": 2.0, "y": 3.0}
    assert widget.answered == 2  # the front end waits for this
    ask(widget, values={"x": 3}, serial=3)
    assert widget.error == {}


def test_a_value_stated_in_the_formula_wins_when_the_formula_is_new():
    widget = GraphStepper("x*y", x=2, y=3)
    ask(widget, expression="x = 10; x*y", serial=1)
    assert widget.values == {"x": 10.0, "y": 3.0}
    ask(widget, values={"x": 4}, serial=2)
    assert widget.values["x"] == 4


def test_step_stays_within_the_story():
    widget = GraphStepper("x*y")
    widget.step = 99
    assert widget.step == len(widget.steps) - 1
    widget.step = -5
    assert widget.step == 0


def test_forty_nodes():
    text = "; ".join(f"h{k} = tanh(a{k}*x + b{k})" for k in range(6))
    widget = GraphStepper(f"{text}; f = " + " + ".join(f"c{k}*h{k}" for k in range(5)))
    assert 38 <= len(widget.graph["nodes"]) <= 60
    assert len(json.dumps([widget.graph, widget.steps])) < 120_000  # what travels to the browser


def test_edits_from_several_threads():
    widget = GraphStepper(STANDARD, x=2, y=3)

    def edit(k: int) -> None:
        for _ in range(10):
            ask(widget, values={"x": float(k), "y": float(k)}, serial=k)

    threads = [threading.Thread(target=edit, args=(k,)) for k in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    x = widget.values["x"]
    assert widget.gradients["x"] == 7 * x
    assert widget.values["y"] == x


def test_bundle_has_view_picture_and_stable_text():
    widget = GraphStepper(STANDARD, x=2, y=3)
    data, metadata = widget._repr_mimebundle_()
    assert data["text/plain"] == "GraphStepper('x^2 + x*y + (x + y)^2', x=2, y=3)"
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == widget.model_id
    picture = base64.b64decode(data["image/png"])
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    assert width > 600
    assert height > 300
    assert metadata["image/png"]["width"] == width // 2
    assert "∂f/∂x = 17" in metadata["image/png"]["alt"]
    assert picture == widget.png()  # equal bytes, so that builds can be compared


def test_repr_makes_the_same_widget_again():
    widget = GraphStepper("tanh(w*x)", w=0.5, x=-2)
    assert repr(widget) == "GraphStepper('tanh(w*x)', w=0.5, x=-2)"
    again = eval(repr(widget))
    assert again.values == widget.values


def test_description_has_every_number():
    text = GraphStepper(STANDARD, x=2, y=3).describe()
    for number in ("x = 2, ∂f/∂x = 17", "y = 3, ∂f/∂y = 12", "v₄ = x + y = 5, ∂f/∂v₄ = 10", "35"):
        assert number in text


def test_russian():
    with language.using("ru"):
        widget = GraphStepper(STANDARD, x=2, y=3)
        assert widget.lang == "ru"
        assert "градиент" in widget.heading
        assert widget.strings["next"] == "Шаг вперёд"
        assert widget.describe().startswith("Граф вычислений")
        ask(widget, expression="(x", serial=1)
        assert widget.error["text"] == "Эта скобка не закрыта."
        assert widget.png() != GraphStepper.png(in_english())


def in_english() -> GraphStepper:
    with language.using("en"):
        return GraphStepper(STANDARD, x=2, y=3)


@pytest.mark.parametrize("text", GraphStepper.examples)
def test_examples_can_be_shown_with_any_values_kept(text):
    assert GraphStepper(text).gradients
