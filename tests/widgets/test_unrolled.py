"""The unrolled RNN: its numbers are the library's, its claims hold, a student's step is judged."""

from __future__ import annotations

import numpy as np
import pytest

import nncourse as nnc
from nncourse import language, nn

unrolled = pytest.importorskip("nncourse.widgets.unrolled", exc_type=ImportError)
UnrolledRNN = unrolled.UnrolledRNN


def step(x, h, Wx, Wh, b):
    return np.tanh(x @ Wx.T + h @ Wh.T + b)


def backward(dh_next, x, h, h_next, Wx, Wh):
    dz = dh_next * (1 - h_next**2)
    return dz @ Wx, dz @ Wh, dz.T @ x, dz.T @ h, dz.sum(axis=0)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_both_passes_are_those_of_the_library_s_rnn(activation):
    q, u, v, s0, x = unrolled.network(2)
    layer = nn.RNN(1, 6, nonlinearity=activation, bias=False, dtype="float64")
    with nnc.no_grad():
        layer.weight_ih_l0.copy_(nnc.tensor(u[:, None]))
        layer.weight_hh_l0.copy_(nnc.tensor(1.2 * q))
    inputs = nnc.tensor(x[:9, None], requires_grad=True)
    start = nnc.tensor(s0[None], requires_grad=True)
    states, last = layer(inputs, start)
    (last[0] * nnc.tensor(v)).sum().backward()
    found = unrolled.passes(activation, 1.2, 9, 24, 2)
    np.testing.assert_allclose(found["states"][1:], states.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(found["inputs"], inputs.grad.numpy()[:, 0], atol=1e-12)
    np.testing.assert_allclose(found["arriving"][0], start.grad.numpy()[0], atol=1e-12)
    assert found["total"] == pytest.approx(np.linalg.norm(layer.weight_hh_l0.grad.numpy()))


@pytest.mark.parametrize("activation", ["tanh", "identity", "relu"])
def test_the_difference_agrees_with_backpropagation(activation):
    found = unrolled.passes(activation, 0.9, 8, 24, 0)
    for k in range(1, 9):
        difference = unrolled.measured(activation, 0.9, 8, 0, k)
        assert difference == pytest.approx(found["inputs"][k - 1], rel=1e-5, abs=1e-8)


def test_without_an_activation_the_gradient_goes_with_the_power_of_the_radius():
    for radius in (0.5, 1.0, 1.5):
        norms = UnrolledRNN("identity", radius=radius, length=10).norms
        np.testing.assert_allclose(norms, radius ** np.arange(10, -1, -1.0))


def test_what_is_carried_back_is_the_whole_gradient_or_its_last_terms():
    whole = unrolled.passes("tanh", 1.1, 10, 24, 0)
    cut = unrolled.passes("tanh", 1.1, 10, 4, 0)
    np.testing.assert_array_equal(cut["terms"][6:], whole["terms"][6:])
    np.testing.assert_array_equal(cut["arriving"][7:], whole["arriving"][7:])
    assert not cut["terms"][:6].any()
    assert not cut["arriving"][:7].any()
    equal = unrolled.passes("tanh", 1.1, 10, 10, 0)
    np.testing.assert_array_equal(equal["arriving"], whole["arriving"])


@pytest.mark.parametrize(
    ("activation", "radius", "said"),
    [("tanh", 0.7, "lost"), ("identity", 1.5, "blows up"), ("identity", 1.0, "as large as")],
)
def test_what_is_said_about_the_gradient(activation, radius, said):
    for seed in range(5):
        widget = UnrolledRNN(activation, radius=radius, seed=seed)
        assert said in widget.describe()
        widget.horizon = 3
        assert "before step 10" in widget.describe()


def test_tanh_restrains_what_the_radius_would_blow_up():
    bent, straight = (UnrolledRNN(name, radius=1.5, length=24) for name in ("tanh", "identity"))
    assert bent.norms[0] < straight.norms[0] / 100


def test_a_step_of_one_s_own_has_the_gradients_of_the_built_in_one():
    built_in = UnrolledRNN("tanh", radius=1.2, horizon=7)
    for widget in (UnrolledRNN(step=step), UnrolledRNN(step=step, backward=backward)):
        assert widget.activation == "own"
        widget.radius, widget.horizon = 1.2, 7
        for name in ("states", "arriving", "terms", "inputs"):
            np.testing.assert_allclose(widget.passes[name], built_in.passes[name], atol=1e-8)
        assert widget.own["wrong"] == []
        whole = UnrolledRNN("tanh", radius=1.2)
        np.testing.assert_allclose(widget.own["numerical"], whole.norms, rtol=1e-6)
        np.testing.assert_allclose(widget.own["differences"], whole.passes["inputs"], atol=1e-8)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda d, x, h, hn, Wx, Wh: {1: (d * (1 - hn**2)) @ Wh.T}, "dh"),
        (lambda d, x, h, hn, Wx, Wh: {3: (d * (1 - hn**2)).T @ hn}, "dWh"),
        (lambda d, x, h, hn, Wx, Wh: {0: d @ Wx}, "dx"),
    ],
)
def test_a_wrong_gradient_is_named_with_the_step(change, name):
    def wrong(*arrays):
        right = list(backward(*arrays))
        for place, value in change(*arrays).items():
            right[place] = value
        return right

    widget = UnrolledRNN(step=step, backward=wrong, length=5)
    assert widget.own["wrong"] == [5, name]
    with language.using("en"):
        assert f"At step 5 your {name} is not" in widget.describe()


def test_right_gradients_are_never_called_wrong():
    for radius in (0.1, 1.0, 3.0):
        for seed in range(4):
            widget = UnrolledRNN(step=step, backward=backward, radius=radius, seed=seed, length=24)
            assert widget.own["wrong"] == []


def test_a_mistake_far_from_the_end_is_found_there():
    calls = []

    def forgetful(dh_next, *arrays):
        calls.append(1)
        found = list(backward(dh_next, *arrays))
        if len(calls) > 3:
            found[1] = 0.5 * found[1]
        return found

    assert UnrolledRNN(step=step, backward=forgetful, length=8).own["wrong"] == [5, "dh"]


def test_what_does_not_fit_is_an_error_that_says_what_was_expected():
    with pytest.raises(ValueError, match=r"shape \(1, 6\).*shape \(6,\)"):
        UnrolledRNN(step=lambda x, h, Wx, Wh, b: step(x, h, Wx, Wh, b)[0])
    with pytest.raises(ValueError, match="finite"):
        UnrolledRNN(step=lambda x, h, Wx, Wh, b: h * np.nan)
    with pytest.raises(ValueError, match=r"dWh has to be \(6, 6\), here it is missing"):
        UnrolledRNN(step=step, backward=lambda *arrays: backward(*arrays)[:3])
    with pytest.raises(ValueError, match="give both"):
        UnrolledRNN(backward=backward)
    with pytest.raises(Exception, match="one of tanh, identity, relu"):
        UnrolledRNN("own")


def test_the_code_of_a_widget_names_the_student_s_functions():
    code = repr(UnrolledRNN(step=step, backward=backward))
    assert code.endswith("step=step, backward=backward)")
    copy = eval(code)
    assert copy.own == UnrolledRNN(step=step, backward=backward).own
