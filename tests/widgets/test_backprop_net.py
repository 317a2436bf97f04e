"""The small network: its gradients, its story, its widget."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nncourse import language
from nncourse.widgets.network_model import (
    ACTIVATIONS,
    EDGES,
    HIDDEN,
    INPUTS,
    LOSS,
    OUTPUTS,
    SHAPES,
    drawing,
    run,
    starting_weights,
    steps,
)
from nncourse.widgets.numbers import format_number


def loss_of(weights, x, target, activation) -> float:
    return run(weights, x, target, activation).loss


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("target", [0, 1])
def test_gradients_agree_with_central_differences(activation, seed, target):
    weights = {**starting_weights(seed), "b1": np.array([0.1, -0.2, 0.3])}
    x = np.array([0.9, -0.6])
    passes = run(weights, x, target, activation)
    h = 1e-6
    for name, shape in SHAPES.items():
        for place in np.ndindex(*shape):
            ends = []
            for sign in (1, -1):
                moved = weights[name].copy()
                moved[place] += sign * h
                ends.append(loss_of({**weights, name: moved}, x, target, activation))
            numerical = (ends[0] - ends[1]) / (2 * h)
            assert passes.grads[name][place] == pytest.approx(numerical, abs=1e-8)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_agrees_with_the_library(activation):
    import nncourse as nnc
    from nncourse.nn import functional as F

    weights, x = starting_weights(3), np.array([0.9, -0.6])
    tensors = {
        name: nnc.tensor(w, dtype=nnc.float64, requires_grad=True) for name, w in weights.items()
    }
    z = F.linear(nnc.tensor(x[None], dtype=nnc.float64), tensors["W1"], tensors["b1"])
    o = F.linear(getattr(z, activation)(), tensors["W2"], tensors["b2"])
    loss = F.cross_entropy(o, nnc.tensor(np.array([1])))
    loss.backward()
    passes = run(weights, x, 1, activation)
    assert passes.loss == pytest.approx(loss.item())
    for name, tensor in tensors.items():
        assert passes.grads[name] == pytest.approx(tensor.grad.numpy(), abs=1e-12)


def test_large_inputs_stay_finite():
    weights = {name: 1e3 * np.ones(shape) for name, shape in SHAPES.items()}
    for activation in ("tanh", "relu"):
        passes = run(weights, np.array([1e3, -1e3]), 0, activation)
        assert np.isfinite(passes.loss)
        assert all(np.isfinite(g).all() for g in passes.grads.values())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_story_visits_each_neuron_forward_and_back(activation):
    passes = run(starting_weights(), np.array([1.0, 0.5]), 0, activation)
    story = steps(passes)
    visits = {
        phase: [s["node"] for s in story if s["phase"] == phase]
        for phase in ("forward", "backward")
    }
    assert visits["forward"] == [*HIDDEN, *OUTPUTS, LOSS]
    assert visits["backward"] == [LOSS, *OUTPUTS[::-1], *HIDDEN[::-1]]
    assert json.loads(json.dumps(story)) == story
    for step in story:
        for line in step["lines"]:
            assert all(isinstance(p, str) or p[0] < len(step["numbers"]) for p in line)
        for number in step["numbers"]:
            assert step["phase"] == "start" or number["ask"].endswith(" = ?")


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_story_ends_with_the_computed_numbers(activation):
    n = run(starting_weights(1), np.array([1.0, 0.5]), 1, activation)
    seen = {}
    for step in steps(n):
        for number in step["numbers"]:
            for kind, which, text in number["shows"]:
                seen[kind, which] = text
    for j, node in enumerate(HIDDEN):
        assert seen["gradient", node] == f"δ = {format_number(n.delta_z[j])}"
        assert seen["value", node].endswith(f"→ {format_number(n.h[j])}")
    for k, node in enumerate(OUTPUTS):
        assert seen["gradient", node] == f"δ = {format_number(n.delta_o[k])}"
    assert seen["value", LOSS] == format_number(n.loss)
    for edge, (u, v) in enumerate(EDGES):
        if v in HIDDEN:
            place, grads = (v - 2, u), n.grads["W1"]
        elif v in OUTPUTS:
            place, grads = (v - 5, u - 2), n.grads["W2"]
        else:
            continue
        assert seen["local", edge].endswith(f"◂ {format_number(grads[place])}")


def test_questions_have_the_values_as_answers():
    n = run(starting_weights(), np.array([1.0, 0.5]), 0, "tanh")
    answers = {q["ask"]: q["value"] for s in steps(n) for q in s["numbers"] if q["ask"]}
    assert answers["z₁ = ?"] == n.z[0]
    assert answers["δ(z₂) = ?"] == n.delta_z[1]
    assert answers["∂L/∂w₃₂ = ?"] == pytest.approx(n.grads["W1"][2, 1])
    assert answers["∂L/∂v₂₁ = ?"] == pytest.approx(n.grads["W2"][1, 0])


def test_layers_stand_in_columns_in_their_order():
    nodes = drawing("tanh")["nodes"]
    for layer in (INPUTS, HIDDEN, OUTPUTS):
        assert len({nodes[i]["x"] for i in layer}) == 1
        heights = [nodes[i]["y"] for i in layer]
        assert heights == sorted(heights)


pytest.importorskip("anywidget", reason="the widgets need the extra 'course'")

from nncourse.widgets import BackpropNet  # noqa: E402 (needs the line above)


def ask(widget: BackpropNet, **content) -> None:
    widget._handle_custom_msg(content, [])


def test_descent_lowers_the_loss_and_can_be_taken_back():
    widget = BackpropNet([1.0, 0.5], target=2)
    first = widget.loss
    weights = widget.weights
    assert widget.descend(0.1) < first
    ask(widget, rate=0.1, serial=1)
    assert widget.losses[0] == first
    assert widget.losses == sorted(widget.losses, reverse=True)
    assert len(widget.losses) == 3
    ask(widget, restart=True, serial=2)
    assert widget.losses == [first]
    assert all((widget.weights[name] == w).all() for name, w in weights.items())
    assert widget.answered == 2


def test_inputs_target_and_activation():
    widget = BackpropNet(step=4)
    ask(widget, values={"x1": -2.0}, serial=1)
    assert widget.values == {"x1": -2.0, "x2": 0.5}
    assert widget.step == 4
    before = widget.loss
    widget.target = 2
    assert widget.loss != before
    widget.activation = "relu"
    assert widget.graph["nodes"][2]["formula"] == "relu(z₁)"
    assert widget.gradients["W1"].shape == (3, 2)


def test_own_weights():
    import nncourse as nnc

    layer = nnc.nn.Linear(2, 3)
    widget = BackpropNet(weights={"W1": layer.weight, "b1": layer.bias, "W2": np.ones((2, 3))})
    assert widget.weights["W1"] == pytest.approx(layer.weight.data)
    with pytest.raises(ValueError, match=r"W1 has shape \(2, 3\); it must be \(3, 2\)"):
        BackpropNet(weights={"W1": np.ones((2, 3))})
    with pytest.raises(ValueError, match="no weight W3"):
        BackpropNet(weights={"W3": np.ones((2, 3))})
    with pytest.raises(ValueError, match="two inputs"):
        BackpropNet([1, 2, 3])


def test_exploding_weights_are_refused():
    widget = BackpropNet([1e5, -1e5], activation="relu")
    for serial in range(1, 30):
        ask(widget, rate=100.0, serial=serial)
    assert all(np.isfinite(w).all() for w in widget.weights.values())
    assert "explode" in widget.error["text"]
    assert np.isfinite(widget.loss)


def test_bundle_and_words():
    widget = BackpropNet([1.0, 0.5], target=1, seed=2)
    data, _metadata = widget._repr_mimebundle_()
    assert data["text/plain"] == "BackpropNet([1, 0.5], target=1, activation='tanh', seed=2)"
    assert data["image/png"]
    assert eval(repr(widget)).loss == widget.loss
    assert format_number(widget.loss) in widget.describe()
    with language.using("ru"):
        assert BackpropNet().steps[1]["title"].startswith("Вперёд в скрытый нейрон")
