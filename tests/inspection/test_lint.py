"""Checks of a training: each rule speaks where it should, nowhere else, and leaves no trace."""

import copy
import math
import random

import numpy as np
import pytest

import nncourse as nnc
from nncourse import language, nn, optim
from nncourse.inspection import lint_training
from nncourse.inspection.lint import Finding, Findings
from tests.inspection.healthy import adam, dense, digits, everything, points


@pytest.fixture(autouse=True)
def _english():
    with language.using("en"):
        nnc.manual_seed(0)
        yield


def found(model, batch=None, loss=None, optimizer=None, **functions):
    """The rules that speak about a training."""
    optimizer = optimizer or adam(model)
    batch = batch or digits(0)
    findings = lint_training(model, optimizer, batch, loss or nn.CrossEntropyLoss(), **functions)
    for finding in findings:
        assert finding.what.endswith(".")
        assert finding.do.endswith((".", "?"))
    return findings.rules()


@pytest.mark.parametrize("seed", range(1))
def test_healthy_trainings_are_left_in_peace(seed):
    for number, (model, optimizer, batch, loss) in enumerate(everything(seed)):
        findings = lint_training(model, optimizer, batch, loss)
        assert findings == [], f"training {number} of seed {seed}: {model}\n{findings}"


@pytest.mark.slow
def test_healthy_trainings_are_left_in_peace_for_many_seeds():
    for seed in range(100, 106):
        for number, (model, optimizer, batch, loss) in enumerate(everything(seed)):
            findings = lint_training(model, optimizer, batch, loss)
            assert findings == [], f"training {number} of seed {seed}: {model}\n{findings}"


# Parameters


def test_a_layer_made_after_the_optimiser_is_not_in_it():
    model = dense(nn.ReLU, 64, 32, 10)
    optimizer = adam(model)
    model[2] = nn.Linear(32, 10)
    findings = lint_training(model, optimizer, digits(0), nn.CrossEntropyLoss())
    assert findings.rules()[:2] == ["not optimised", "foreign"]
    assert "2.weight, 2.bias" in str(findings[0])
    assert "2 parameters that are not the model's" in str(findings[1])


def test_an_optimiser_of_another_model():
    model, other = dense(nn.ReLU, 64, 32, 10), dense(nn.ReLU, 64, 32, 10)
    rules = found(model, optimizer=adam(other))
    assert {"not optimised", "foreign"} < set(rules)


def test_layers_hidden_in_an_object_are_not_registered():
    class Box:
        def __init__(self):
            self.layer = nn.Linear(64, 10)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.box = Box()
            self.out = nn.Linear(10, 10)

        def forward(self, x):
            return self.out(self.box.layer(x))

    assert found(Net()) == ["unregistered"]


def test_a_tensor_that_is_no_parameter():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(64, 10)
            self.scale = nnc.ones(10, requires_grad=True)

        def forward(self, x):
            return self.out(x) * self.scale

    assert found(Net()) == ["unregistered"]
    # In the optimiser, it learns: then it is meant so.
    net = Net()
    assert found(net, optimizer=optim.Adam([*net.parameters(), net.scale])) == []


def test_a_layer_that_forward_does_not_use():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(64, 64)
            self.out = nn.Linear(64, 10)

        def forward(self, x):
            self.hidden(x)
            return self.out(x)

    assert found(Net()) == ["unused"]


def test_a_graph_that_is_cut():
    class Cut(nn.Module):
        def __init__(self, where):
            super().__init__()
            self.hidden, self.out = nn.Linear(64, 32), nn.Linear(32, 10)
            self.where = where

        def forward(self, x):
            if self.where == "middle":
                return self.out(self.hidden(x).detach())
            return self.out(self.hidden(x)).detach()

    assert found(Cut("middle")) == ["unused"]
    assert found(Cut("end")) == ["no gradient"]


def test_a_loss_of_several_numbers():
    assert found(nn.Linear(64, 10), loss=nn.CrossEntropyLoss(reduction="none")) == ["no gradient"]


def test_gradients_that_were_added_up():
    model = dense(nn.ReLU, 64, 32, 10)
    x, y = digits(0)
    loss = nn.CrossEntropyLoss()
    for _ in range(3):
        loss(model(x), y).backward()
    assert found(model, (x, y)) == ["zero_grad"]
    model.zero_grad()
    loss(model(x), y).backward()
    assert found(model, (x, y)) == []
    assert found(model, digits(1)) == []


# Modes


def test_a_model_left_in_evaluation_mode():
    model = dense(nn.ReLU, 64, 32, 10, between=(nn.BatchNorm1d, nn.Dropout))
    assert found(model.eval()) == ["train mode"]
    assert found(dense(nn.ReLU, 64, 32, 10).eval()) == []  # no layer minds


# The loss


def test_softmax_before_cross_entropy():
    model = nn.Sequential(dense(nn.ReLU, 64, 32, 10), nn.Softmax(1))
    assert "applied twice" in found(model)
    reshaped = nn.Sequential(model, nn.Unflatten(1, (2, 5)), nn.Flatten())
    assert "applied twice" in found(reshaped)
    smooth = nn.CrossEntropyLoss(label_smoothing=0.1)
    assert "applied twice" in found(model, loss=smooth)

    def by_hand(scores, y):
        return nn.functional.nll_loss(scores.log_softmax(1), y)

    assert "applied twice" in found(model, loss=by_hand)
    # Probabilities whose logarithm is taken are right.
    assert found(model, loss=lambda p, y: nn.functional.nll_loss(p.log(), y)) == []


def test_sigmoid_before_a_loss_that_has_one():
    x, y = points(0)
    target = y.float().reshape(-1, 1)
    model = nn.Sequential(dense(nn.Tanh, 2, 8, 1), nn.Sigmoid())
    assert "applied twice" in found(model, (x, target), nn.BCEWithLogitsLoss())


def test_nll_of_what_is_no_logarithm():
    scores = dense(nn.ReLU, 64, 32, 10)
    assert "no logarithm" in found(scores, loss=nn.NLLLoss())
    assert "no logarithm" in found(nn.Sequential(scores, nn.Softmax(1)), loss=nn.NLLLoss())


def test_a_column_against_a_row_in_the_loss():
    x, y = points(0)
    model = dense(nn.Tanh, 2, 8, 1)
    rules = found(model, (x, y.float()), lambda p, y: ((p - y) ** 2).mean())
    assert "broadcast" in rules
    fine = found(model, (x, y.float()), lambda p, y: ((p.squeeze(1) - y) ** 2).mean())
    assert fine == []
    # A mean over the batch in the loss broadcasts, too, and is right.
    fine = found(
        model, (x, y.float()), lambda p, y: (p.squeeze(1) - y - 0.0 * y.mean()).pow(2).mean()
    )
    assert fine == []


def test_scores_that_are_too_sure_at_the_start():
    model = dense(nn.ReLU, 64, 32, 10)
    with nnc.no_grad():
        model[2].weight.mul_(100)
    assert "initial loss" in found(model)
    assert "initial loss" in found(
        dense(nn.ReLU, 64, 32, 10), loss=nn.CrossEntropyLoss(reduction="sum")
    )
    # After some training a large loss is no news.
    optimizer = adam(model)
    x, y = digits(0)
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
    optimizer.zero_grad()
    assert "initial loss" not in found(model, optimizer=optimizer)
    x, y = points(0)
    one = dense(nn.Tanh, 2, 8, 1)
    with nnc.no_grad():
        one[2].weight.mul_(100)
    assert "initial loss" in found(one, (x, y.float().reshape(-1, 1)), nn.BCEWithLogitsLoss())


def test_a_loss_that_is_no_number():
    model = dense(nn.ReLU, 64, 32, 10)
    with nnc.no_grad():
        model[0].weight[0, 0] = math.nan
    assert found(model)[0] == "not finite"

    def root(scores, y):  # its derivative at 0 is infinite
        return nn.functional.cross_entropy(scores, y) + (model[2].weight * 0).sum().sqrt()

    with nnc.no_grad():
        model[0].weight[0, 0] = 0
    with np.errstate(all="ignore"):
        assert found(model, loss=root)[0] == "not finite"


# What flows through


def test_dead_units():
    model = dense(nn.ReLU, 64, 32, 32, 10)
    with nnc.no_grad():
        model[2].bias.fill_(-100)
    findings = lint_training(model, adam(model), digits(0), nn.CrossEntropyLoss())
    assert "dead units" in findings.rules()
    assert "100% of the units of 3 (ReLU)" in str(findings)
    images = nn.Sequential(nn.Conv2d(1, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 36, 10))
    with nnc.no_grad():
        images[0].bias[1:] = -100
    x, y = digits(0)
    assert "dead units" in found(images, (x.reshape(-1, 1, 8, 8), y))


def test_functional_activations_are_seen_as_well():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.out = nn.Linear(64, 32), nn.Linear(32, 10)

        def forward(self, x):
            return self.out(self.hidden(x).relu())

    model = Net()
    with nnc.no_grad():
        model.hidden.bias.fill_(-100)
    assert "dead units" in found(model)


@pytest.mark.parametrize("activation", [nn.Tanh, nn.Sigmoid])
def test_saturated_units(activation):
    model = dense(activation, 64, 32, 32, 10)
    with nnc.no_grad():
        model[2].weight.mul_(1000)
        model[0].weight.mul_(10)
    assert "saturated" in found(model)


def test_gradients_that_vanish():
    model = dense(nn.Sigmoid, 64, *[32] * 10, 10)
    assert "vanishing gradients" in found(model)


def test_gradients_that_explode():
    class Chaotic(nn.Module):
        """Each layer magnifies a change fifty times, while its values stay between -1 and 1."""

        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(64, 64) for _ in range(5)]
            self.out = nn.Linear(64, 10)

        def forward(self, x):
            for layer in self.layers:
                x = (50 * layer(x)).sin()
            return self.out(x)

    assert "exploding gradients" in found(Chaotic())


# The data


def test_integers_as_inputs():
    x, y = digits(0)
    assert "integer inputs" in found(dense(nn.ReLU, 64, 32, 10), ((x * 16).long(), y))


def test_inputs_that_are_not_normalised():
    x, y = digits(0)
    assert "unnormalised inputs" in found(dense(nn.ReLU, 64, 32, 10), (x * 255, y))
    assert "unnormalised inputs" in found(dense(nn.ReLU, 64, 32, 10), (x + 50, y))
    hole = x.clone()
    hole[0, 0] = math.nan
    assert "not finite" in found(dense(nn.ReLU, 64, 32, 10), (hole, y))


def test_targets_that_are_not_normalised():
    t = nnc.linspace(-1, 1, 40).reshape(40, 1)
    assert "unnormalised targets" in found(dense(nn.Tanh, 1, 8, 1), (t, 1000 * t), nn.MSELoss())


# A few examples by heart


def test_equal_inputs_with_different_targets_cannot_be_learned():
    x, y = nnc.ones(32, 64), digits(0)[1]
    assert found(dense(nn.ReLU, 64, 32, 10), (x, y)) == ["cannot overfit"]


def test_one_neuron_cannot_learn_xor():
    x, y = nnc.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]), nnc.tensor([0, 1, 1, 0])
    assert found(nn.Linear(2, 2), (x, y)) == ["cannot overfit"]
    assert found(dense(nn.Tanh, 2, 16, 2), (x, y)) == []


def test_learning_rates_that_are_too_large_and_too_small():
    for lr in (1e4, 1e-9):
        model = dense(nn.ReLU, 64, 32, 10)
        rules = found(model, optimizer=optim.SGD(model.parameters(), lr=lr))
        assert rules == ["learning rate"], lr


def test_a_loss_that_goes_the_wrong_way():
    model = dense(nn.ReLU, 64, 32, 10)
    rules = found(model, optimizer=optim.Adam(model.parameters(), lr=1e-2, maximize=True))
    assert rules == ["learning rate"]


# The program's own functions


def program(*calls, clip=False):
    """A training step that makes the given calls in order, and its model and optimiser."""
    model = dense(nn.ReLU, 64, 32, 10, between=(nn.BatchNorm1d, nn.Dropout))
    optimizer = adam(model)

    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        for call in calls:
            if call == "zero":
                optimizer.zero_grad()
            elif call == "zeros":
                optimizer.zero_grad(set_to_none=False)
            elif call == "backward":
                loss.backward()
                if clip:
                    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            elif call == "step":
                optimizer.step()

    return {"model": model, "optimizer": optimizer, "step": step}


@pytest.mark.parametrize("clip", [False, True])
def test_a_forgotten_zero_grad(clip):
    assert found(**program("backward", "step", clip=clip)) == ["zero_grad"]
    for order in (("zero", "backward", "step"), ("zeros", "backward", "step"),
                  ("backward", "step", "zero"), ("backward", "step", "zeros")):  # fmt: skip
        assert found(**program(*order, clip=clip)) == []


def test_a_forgotten_zero_grad_with_a_single_parameter():
    x = nnc.ones(10, 1)
    for forgotten in (False, True):
        model = nn.Linear(1, 1, bias=False)
        optimizer = optim.SGD(model.parameters(), lr=0.01)

        def step(x, y, model=model, optimizer=optimizer, forgotten=forgotten):
            if not forgotten:
                optimizer.zero_grad()
            nn.functional.mse_loss(model(x), y).backward()
            optimizer.step()

        rules = found(model, (x, 2 * x), nn.MSELoss(), optimizer, step=step)
        assert rules == (["zero_grad"] if forgotten else [])


def test_a_step_in_the_wrong_order():
    assert found(**program("zero", "step", "backward")) == ["no backward"]
    assert found(**program("backward", "zero", "step")) == ["no backward"]
    assert found(**program("zero", "backward")) == ["no step"]


def test_a_step_in_evaluation_mode():
    setup = program("zero", "backward", "step")
    model, inner = setup["model"], setup["step"]

    def step(x, y):
        model.eval()
        inner(x, y)

    assert found(model, optimizer=setup["optimizer"], step=step) == ["train mode"]


def test_an_evaluation_that_forgets():
    model = dense(nn.ReLU, 64, 32, 10, between=(nn.BatchNorm1d, nn.Dropout))
    x, _ = digits(0)

    def careless():
        return model(x)

    def careful():
        model.eval()
        with nnc.no_grad():
            return model(x)

    assert found(model, evaluate=careless) == ["eval mode", "no_grad"]
    assert found(model, evaluate=careful) == []
    plain = dense(nn.ReLU, 64, 32, 10)

    def without_graph():
        with nnc.no_grad():
            return plain(x)

    assert found(plain, evaluate=without_graph) == []


# No trace


def bits(model, optimizer):
    state = optimizer.state_dict()
    return (
        {name: t.numpy().tobytes() for name, t in model.state_dict().items()},
        [
            None if p.grad is None else (id(p.grad), p.grad.numpy().tobytes())
            for p in model.parameters()
        ],
        [(id(p), id(p._data), p.requires_grad) for p in model.parameters()],
        {i: {k: t.numpy().tobytes() for k, t in s.items()} for i, s in state["state"].items()},
        copy.deepcopy(state["param_groups"]),
        optimizer.steps_taken,
        [module.training for module in model.modules()],
        nnc.default_generator.get_state(),
        random.getstate(),
        str(np.random.get_state()),  # noqa: NPY002
        sorted(vars(model)),
    )


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("rule", [optim.Adam, optim.SGD, optim.Adadelta])
def test_everything_is_as_it_was(steps, rule):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = dense(nn.ReLU, 64, 32, 10, between=(nn.BatchNorm1d, nn.Dropout))
            self.calls = 0
            self.seen = []
            self.alone = lambda x: self.layers(x)  # a copy would still call the original

        def forward(self, x):
            self.calls += 1
            self.seen.append(random.random() + np.random.random())  # noqa: NPY002
            return self.alone(x)

    model = Net()
    optimizer = rule(model.parameters(), lr=0.01)
    x, y = digits(0)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    model.eval()

    def step(x, y):
        model.train()
        optimizer.param_groups[0]["lr"] = 0.5
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    before, calls, seen = bits(model, optimizer), model.calls, list(model.seen)
    rules = found(model, (x, y), optimizer=optimizer, step=step, evaluate=lambda: model(x))
    assert bits(model, optimizer) == before
    assert (model.calls, model.seen) == (calls, seen)
    assert {"train mode", "zero_grad", "eval mode", "no_grad"} <= set(rules)


def test_everything_is_as_it_was_also_after_an_error():
    model = dense(nn.ReLU, 64, 32, 10, between=(nn.BatchNorm1d, nn.Dropout))
    optimizer = adam(model)
    before = bits(model, optimizer)

    def step(x, y):
        model(x)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lint_training(model, optimizer, digits(0), nn.CrossEntropyLoss(), step=step)
    assert bits(model, optimizer) == before
    assert nn.Module.__call__.__qualname__ == "Module.__call__"


def test_findings_in_russian_and_in_print():
    assert repr(Findings()) == "No mistakes found."
    one = Findings([Finding("rule", "This is wrong.", "Do that.")])
    assert repr(one) == "- This is wrong.\n    Do that."
    with language.using("ru"):
        model = nn.Sequential(dense(nn.ReLU, 64, 32, 10), nn.Softmax(1))
        findings = lint_training(model, adam(model), digits(0), nn.CrossEntropyLoss())
        assert "softmax" in findings[0].what
        assert any("а" <= letter <= "я" for letter in findings[0].what)
