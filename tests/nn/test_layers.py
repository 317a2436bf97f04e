"""Layers, losses and initial values."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("Linear", (4, 3)),
        ("Linear", (4, 3, False)),
        ("ReLU", ()),
        ("Tanh", ()),
        ("Sigmoid", ()),
        ("Softmax", (1,)),
        ("LogSoftmax", (-1,)),
        ("Identity", ()),
        ("Flatten", ()),
        ("Flatten", (0, 1)),
    ],
)
def test_layers_are_pytorchs(name, args):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    theirs = getattr(torch.nn, name)(*args)
    ours = getattr(nn, name)(*args)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    np.testing.assert_allclose(
        ours(nnc.tensor(x)).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-5
    )
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_losses(reduction):
    x = nnc.tensor([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    expected = [math.log(1 + math.exp(-1) + math.exp(-2)), math.log(3)]
    loss = nn.CrossEntropyLoss(reduction=reduction)(x, nnc.tensor([1, 2]))
    reduce = {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction]
    np.testing.assert_allclose(loss.numpy(), reduce(expected), rtol=1e-6)
    loss = nn.MSELoss(reduction=reduction)(nnc.tensor([1.0, 5.0]), nnc.tensor([0.0, 3.0]))
    np.testing.assert_allclose(loss.numpy(), reduce([1.0, 4.0]))
    with pytest.raises(ValueError, match="reduction"):
        nn.MSELoss(reduction="all")


def test_linear_refuses_what_is_no_number_of_neurons():
    for bad in (-1, 2.5, "3"):
        with pytest.raises(ValueError, match="in_features"):
            nn.Linear(bad, 2)


def test_linear_in_float64():
    layer = nn.Linear(2, 3, dtype=nnc.float64)
    assert layer.weight.dtype == layer.bias.dtype == nnc.float64
    assert layer(nnc.ones(1, 2)).dtype == nnc.float64


# Moments of distributions: (lowest, highest, standard deviation), None where there is no bound.
def _even(a):
    return -a, a, a / math.sqrt(3)


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        (lambda w: nn.init.uniform_(w, -1, 3), (-1, 3, 4 / math.sqrt(12))),
        (lambda w: nn.init.normal_(w, 0.0, 0.5), (None, None, 0.5)),
        (nn.init.xavier_uniform_, _even(math.sqrt(6 / 500))),
        (lambda w: nn.init.xavier_uniform_(w, 5 / 3), _even(5 / 3 * math.sqrt(6 / 500))),
        (nn.init.xavier_normal_, (None, None, math.sqrt(2 / 500))),
        (lambda w: nn.init.kaiming_uniform_(w, math.sqrt(5)), _even(1 / math.sqrt(200))),
        (lambda w: nn.init.kaiming_uniform_(w, mode="fan_out"), _even(math.sqrt(6 / 300))),
        (
            lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
            (None, None, math.sqrt(2 / 200)),
        ),
        (
            lambda w: nn.init.kaiming_normal_(w, nonlinearity="tanh"),
            (None, None, 5 / 3 / math.sqrt(200)),
        ),
    ],
)
def test_distributions_of_initial_values(fill, expected):
    nnc.manual_seed(0)
    weight = nnc.empty(300, 200)
    array = weight._data
    assert fill(weight) is weight
    assert weight._data is array
    lowest, highest, spread = expected
    middle = 0 if lowest is None else (lowest + highest) / 2
    assert abs(array.mean() - middle) < 5 * spread / math.sqrt(array.size)
    assert abs(array.std() / spread - 1) < 0.02
    if lowest is not None:
        assert lowest <= array.min() < lowest + 0.01 * spread
        assert highest - 0.01 * spread < array.max() <= highest


def test_moments_of_initial_values_are_pytorchs():
    # Written with PyTorch: {"kaiming_uniform_": [min, max, std], ...} of a weight (300, 200).
    expected = json.loads(Path(__file__).with_name("initial_values.json").read_text())
    nnc.manual_seed(1)
    for name, (low, high, spread) in expected.items():
        array = getattr(nn.init, name)(nnc.empty(300, 200))._data
        assert abs(array.std() / spread - 1) < 0.02, name
        if name.endswith("uniform_"):
            assert abs(array.min() / low - 1) < 0.01, name
            assert abs(array.max() / high - 1) < 0.01, name


def test_default_values_of_linear():
    nnc.manual_seed(0)
    layer = nn.Linear(100, 500)
    for p in (layer.weight, layer.bias):
        bound = 1 / math.sqrt(100)
        assert abs(p._data).max() <= bound
        assert abs(p._data).max() > 0.98 * bound
        assert abs(p._data.std() / (bound / math.sqrt(3)) - 1) < 0.06
    nnc.manual_seed(0)
    assert nnc.equal(nn.Linear(100, 500).weight, layer.weight)


def test_constants_and_refusals():
    assert nn.init.zeros_(nnc.ones(2)).tolist() == [0, 0]
    assert nn.init.ones_(nnc.zeros(2)).tolist() == [1, 1]
    assert nn.init.constant_(nn.Parameter(nnc.zeros(1)), 3.0).item() == 3
    with pytest.raises(ValueError, match="two axes"):
        nn.init.xavier_uniform_(nnc.ones(3))
    with pytest.raises(ValueError, match="fan_in"):
        nn.init.kaiming_uniform_(nnc.ones(3, 3), mode="fan")
    with pytest.raises(ValueError, match="gelu"):
        nn.init.calculate_gain("gelu")


def test_initial_values_from_a_generator():
    a, b = (nn.init.normal_(nnc.empty(3), generator=nnc.Generator(4)) for _ in range(2))
    assert nnc.equal(a, b)
