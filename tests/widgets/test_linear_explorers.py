"""Softmax and descent: the widgets' numbers are those of the library."""

from __future__ import annotations

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn, optim
from nncourse.nn import functional as F
from nncourse.training import sg

softmax = pytest.importorskip("nncourse.widgets.softmax", exc_type=ImportError)
from nncourse.widgets import descent  # noqa: E402


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_softmax_and_its_gradient_are_those_of_the_library(temperature):
    widget = softmax.SoftmaxExplorer((2, -1, 0.5, 3), target=2, temperature=temperature)
    z = nnc.tensor(np.array([widget.scores]), requires_grad=True)
    loss = F.cross_entropy(z / temperature, nnc.tensor([2]))
    loss.backward()
    assert widget.loss == pytest.approx(loss.item())
    np.testing.assert_allclose(widget.gradient, z.grad.numpy()[0], rtol=1e-9)
    p = F.softmax(z.detach() / temperature, dim=1).numpy()[0]
    np.testing.assert_allclose(widget.probabilities, p, rtol=1e-9)


@pytest.mark.parametrize(
    "wrong",
    [{"scores": (1,)}, {"scores": range(6)}, {"scores": (1, 2), "names": ["a"]}],
)
def test_wrong_scores_are_refused(wrong):
    with pytest.raises(ValueError, match="2 to 5 scores"):
        softmax.SoftmaxExplorer(**wrong)


def test_the_losses_and_slopes_agree_with_autograd():
    objects = np.array(descent.make_objects())
    for problem, start in descent.STARTS.items():
        w = nnc.tensor(np.array(start), requires_grad=True)
        x, y, a = (nnc.tensor(column) for column in objects.T)
        if problem == "wells":
            each = (w[0] ** 2 - 1) ** 2 / 4 + 0.2 * w[0] + a * w[0]
        else:
            each = (w[0] * x + (w[1] if problem == "plane" else 0) - y) ** 2 / 2
        np.testing.assert_allclose(descent.losses(problem, start, objects), each.detach().numpy())
        each.mean().backward()
        slopes = descent.slopes(problem, start, objects)
        np.testing.assert_allclose(slopes.mean(axis=0), w.grad.numpy(), rtol=1e-9)


def test_the_full_descent_is_that_of_the_library():
    widget = descent.DescentExplorer("plane", rate=0.4, total=30)
    objects = np.array(widget.objects)
    model = nn.Linear(1, 1)
    with nnc.no_grad():
        model.weight.copy_(nnc.tensor([[widget.start[0]]]))
        model.bias.copy_(nnc.tensor([widget.start[1]]))
    optimizer = optim.SGD(model.parameters(), lr=0.4)
    x, y = (nnc.tensor(objects[:, k : k + 1].astype(np.float32)) for k in (0, 1))
    for step in range(30):
        optimizer.zero_grad()
        loss = 0.5 * ((model(x) - y) ** 2).mean()
        assert widget.path.risk[step] == pytest.approx(loss.item(), rel=1e-4)
        loss.backward()
        optimizer.step()
    found = [model.weight.item(), model.bias.item()]
    np.testing.assert_allclose(found, widget.path.w[30], rtol=1e-4)


def test_the_smoothed_q_is_that_of_the_sg_algorithm():
    """The same recursion as training.sg, on the losses that sg met."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 1)).astype(np.float32), rng.normal(size=(20, 1)).astype(np.float32)
    model = nn.Linear(1, 1)
    history = sg(model, (nnc.tensor(x), nnc.tensor(y)), nn.MSELoss(),
                 optim.SGD(model.parameters(), lr=0.05), smoothing=0.2, stop="never",
                 max_steps=40, seed=0)  # fmt: skip
    q = history.q[0]
    for loss, expected in zip(history.loss, history.q[1:]):
        q = 0.8 * q + 0.2 * loss
        assert q == pytest.approx(expected)
    path = descent.DescentExplorer("line", batch=1, smoothing=0.2).path
    q = path.smooth[0]
    for loss, expected in zip(path.batch, path.smooth[1:]):
        q = 0.8 * q + 0.2 * loss
        assert q == pytest.approx(expected)


def test_claims_about_step_noise_and_order():
    def distance(**settings):
        widget = descent.DescentExplorer("line", total=200, **settings)
        best = widget.objects
        x, y, _a = np.array(best).T
        return np.abs(np.array(widget.path.w)[-50:, 0] - (x @ y) / (x @ x)).mean()

    exact, noisy, calmer = (
        distance(rate=0.3),
        distance(rate=0.3, batch=1),
        distance(rate=0.03, batch=1),
    )
    assert exact < 1e-6 < calmer < noisy
    assert len(descent.DescentExplorer("line", rate=3.9).path.w) < 100, "it flies away"


def test_a_sorted_order_drags_w_from_well_to_well():
    """The tilts are stored in order, so a pass pushes one way first and then the other."""
    spread = {}
    for order in ("random", "stored"):
        widget = descent.DescentExplorer("wells", rate=0.2, batch=1, order=order, total=400)
        spread[order] = np.std(np.array(widget.path.w)[-200:])
    assert spread["stored"] > 1.5 * spread["random"]


def test_a_start_of_another_length_is_refused():
    with pytest.raises(ValueError, match="has 2 numbers"):
        descent.DescentExplorer("plane", start=[1.0])
