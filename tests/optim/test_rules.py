"""Every rule follows PyTorch's trajectory, step by step, and goes on from PyTorch's saved state."""

import json

import numpy as np
import pytest

import nncourse as nnc
from nncourse import optim
from nncourse.optim import layout
from tests.optim.rules import (
    FILE,
    RULES,
    STEPS,
    give_gradients,
    made,
    numbers,
    trajectory,
)

rules = pytest.mark.parametrize("name", RULES)


@pytest.fixture
def torch():
    """PyTorch, with float64 as its default: NAdam keeps a product in that type."""
    found = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    before = found.get_default_dtype()
    found.set_default_dtype(found.float64)
    yield found
    found.set_default_dtype(before)


@rules
def test_trajectories_are_the_committed_ones(name):
    expected = json.loads(FILE.read_text())["trajectories"][name]
    assert len(expected) == STEPS > 20
    np.testing.assert_allclose(trajectory(nnc, nnc.tensor, name), expected, rtol=1e-11, atol=1e-11)


@rules
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_trajectories_are_those_of_pytorch(name, dtype, torch):
    tolerance = {"float32": 3e-5, "float64": 1e-11}[dtype]
    np.testing.assert_allclose(
        trajectory(nnc, nnc.tensor, name, dtype),
        trajectory(torch, torch.tensor, name, dtype),
        rtol=tolerance,
        atol=tolerance,
    )


@rules
@pytest.mark.parametrize("block", [1, 3, 5])
def test_blocks_do_not_change_the_result(name, block, monkeypatch):
    # 3: the first two parameters are large, handled in pieces, the last one ragged.
    expected = trajectory(nnc, nnc.tensor, name)
    monkeypatch.setattr(layout, "BLOCK", block)
    np.testing.assert_allclose(trajectory(nnc, nnc.tensor, name), expected, rtol=1e-14)


def _continue(parameters, optimizer, tensor, steps, dtype="float64"):
    found = []
    for step in steps:
        give_gradients(parameters, tensor, step, dtype)
        optimizer.step()
        found.append(numbers(parameters))
    return found


def _to_torch(torch, state_dict):
    """Tensors become PyTorch's; nothing else needs a change."""
    state = {
        n: {name: torch.tensor(value.numpy()) for name, value in entry.items()}
        for n, entry in state_dict["state"].items()
    }
    return {"state": state, "param_groups": state_dict["param_groups"]}


# Before the first step, while the second parameter has had none, and in the middle.
@rules
@pytest.mark.parametrize("taken", [0, 1, 8])
def test_state_of_pytorch_is_continued(name, taken, torch):
    theirs, their_optimizer = made(torch, torch.tensor, name)
    _continue(theirs, their_optimizer, torch.tensor, range(taken))
    ours = [nnc.tensor(p.detach().numpy().copy()).requires_grad_() for p in theirs]
    optimizer = getattr(optim, RULES[name][0])(ours, lr=7.0)
    optimizer.load_state_dict(their_optimizer.state_dict())
    np.testing.assert_allclose(
        _continue(ours, optimizer, nnc.tensor, range(taken, STEPS)),
        _continue(theirs, their_optimizer, torch.tensor, range(taken, STEPS)),
        rtol=1e-10,
        atol=1e-11,
    )


@rules
@pytest.mark.parametrize("taken", [0, 1, 8])
def test_pytorch_continues_our_state(name, taken, torch):
    ours, optimizer = made(nnc, nnc.tensor, name)
    _continue(ours, optimizer, nnc.tensor, range(taken))
    theirs = [torch.tensor(p.numpy(), requires_grad=True) for p in (q.detach() for q in ours)]
    their_optimizer = getattr(torch.optim, RULES[name][0])(theirs, lr=7.0)
    their_optimizer.load_state_dict(_to_torch(torch, optimizer.state_dict()))
    np.testing.assert_allclose(
        _continue(ours, optimizer, nnc.tensor, range(taken, STEPS)),
        _continue(theirs, their_optimizer, torch.tensor, range(taken, STEPS)),
        rtol=1e-10,
        atol=1e-11,
    )


@rules
def test_state_dict_has_pytorchs_layout(name, torch):
    ours, optimizer = made(nnc, nnc.tensor, name)
    theirs, their_optimizer = made(torch, torch.tensor, name)
    for taken in (0, 1, 5):
        _continue(ours, optimizer, nnc.tensor, range(taken))
        _continue(theirs, their_optimizer, torch.tensor, range(taken))
        found, expected = optimizer.state_dict(), their_optimizer.state_dict()
        assert found["state"].keys() == expected["state"].keys()
        for n, entry in found["state"].items():
            assert entry.keys() == expected["state"][n].keys()
            for key, value in entry.items():
                want = expected["state"][n][key].numpy()
                assert value.shape == want.shape
                np.testing.assert_allclose(value.numpy(), want, rtol=1e-6, atol=1e-12)
        for group, want in zip(found["param_groups"], expected["param_groups"], strict=True):
            known = {k: v for k, v in want.items() if k in group}
            assert group == known
            others = {"foreach", "fused", "capturable", "differentiable"}
            # AdamW's older spelling has no such setting.
            assert want.keys() - group.keys() <= others


@rules
def test_saved_and_loaded_state_continues_to_the_bit(name):
    ours, optimizer = made(nnc, nnc.tensor, name, "float32")
    _continue(ours, optimizer, nnc.tensor, range(5), "float32")
    others = [nnc.tensor(p.detach().numpy().copy()).requires_grad_() for p in ours]
    other = getattr(optim, RULES[name][0])(others, lr=7.0)
    saved = optimizer.state_dict()
    other.load_state_dict(saved)
    expected = _continue(ours, optimizer, nnc.tensor, range(5, STEPS), "float32")
    assert _continue(others, other, nnc.tensor, range(5, STEPS), "float32") == expected


# Settings that are changed between steps: NAdam's product and SGD's buffer remember.


def _changed_settings(library, tensor, name):
    parameters, optimizer = made(library, tensor, name)
    group = optimizer.param_groups[0]
    found = []
    for step in range(STEPS):
        give_gradients(parameters, tensor, step, "float64")
        group["lr"] *= 0.9
        if "betas" in group:
            group["betas"] = (0.5 + 0.02 * step, group["betas"][1])
        if name == "momentum, dampening":
            group["momentum"] = 0.9 if step % 4 else 0.0
        optimizer.step()
        found.append(numbers(parameters))
    return found


@rules
def test_settings_may_change_between_steps(name, torch):
    np.testing.assert_allclose(
        _changed_settings(nnc, nnc.tensor, name),
        _changed_settings(torch, torch.tensor, name),
        rtol=1e-10,
        atol=1e-11,
    )


# Nesterov's rule as the source lecture writes it


def _written_out(lr_at, mu=0.9):
    x, v = start_values(), 0.0
    found = []
    for step in range(STEPS):
        dx = gradient_of(step)
        v_prev = v
        v = mu * v - lr_at(step) * dx
        x = x + -mu * v_prev + (1 + mu) * v
        found.append(x.tolist())
    return found


def start_values():
    return np.array([1.0, -2.0, 0.5])


def gradient_of(step):
    return np.random.default_rng([5, step]).standard_normal(3)


def _steps(make, lr_at):
    p = nnc.tensor(start_values(), requires_grad=True)
    optimizer = make([p])
    found = []
    for step in range(STEPS):
        p.grad = nnc.tensor(gradient_of(step))
        optimizer.param_groups[0]["lr"] = lr_at(step)
        optimizer.step()
        found.append(p.tolist())
    return found


def _constant(step):
    return 0.1


def _falling(step):
    return 0.1 * 0.8**step


@pytest.mark.parametrize("lr_at", [_constant, _falling])
def test_nag_is_the_lectures_rule(lr_at):
    found = _steps(lambda p: optim.NAG(p, momentum=0.9), lr_at)
    np.testing.assert_allclose(found, _written_out(lr_at), rtol=1e-12)


def test_nag_and_pytorchs_nesterov_agree_while_the_rate_is_constant():
    def nag(p):
        return optim.NAG(p, momentum=0.9)

    def nesterov(p):
        return optim.SGD(p, momentum=0.9, nesterov=True)

    np.testing.assert_allclose(_steps(nag, _constant), _steps(nesterov, _constant), rtol=1e-12)
    # With a falling rate the velocity of the lecture keeps its old speed: it gets further.
    apart = np.subtract(_steps(nag, _falling), _steps(nesterov, _falling))
    assert abs(apart[0]).max() < 1e-12
    assert abs(apart[1]).min() > 1e-4


def test_nag_saves_its_velocity():
    p = nnc.ones(2, requires_grad=True)
    optimizer = optim.NAG([p], lr=0.5)
    p.grad = nnc.ones(2)
    optimizer.step()
    assert optimizer.state[p]["velocity"].tolist() == [-0.5, -0.5]
    q = p.detach().clone().requires_grad_()
    other = optim.NAG([q])
    other.load_state_dict(optimizer.state_dict())
    for x, rule in ((p, optimizer), (q, other)):
        x.grad = nnc.ones(2) * 2
        rule.step()
    assert q.tolist() == p.tolist()


def test_centered_rmsprop_survives_a_constant_gradient():
    # s - m^2 is zero but for rounding, which may leave it below zero.
    p = nnc.ones(50, requires_grad=True)
    optimizer = optim.RMSprop([p], lr=1e-6, alpha=0.5, centered=True, eps=1e-3)
    gradient = nnc.linspace(0.1, 3, 50)
    with np.errstate(all="raise"):
        for _ in range(60):
            p.grad = gradient.clone()
            optimizer.step()
    assert np.isfinite(p.detach().numpy()).all()
