"""Optimisers follow PyTorch's trajectories, in every case that a flat vector makes awkward."""

import json

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn, optim
from nncourse.optim import optimizer as flat
from tests.optim.rules import FILE, RULES, trajectory

rules = pytest.mark.parametrize("name", RULES)


@rules
def test_trajectories_are_the_committed_ones(name):
    expected = json.loads(FILE.read_text())["trajectories"][name]
    np.testing.assert_allclose(trajectory(nnc, nnc.tensor, name), expected, rtol=1e-12, atol=1e-12)


@rules
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_trajectories_are_those_of_pytorch(name, dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    tolerance = {"float32": 2e-6, "float64": 1e-12}[dtype]
    np.testing.assert_allclose(
        trajectory(nnc, nnc.tensor, name, dtype),
        trajectory(torch, torch.tensor, name, dtype),
        rtol=tolerance,
        atol=tolerance,
    )


@rules
def test_blocks_do_not_change_the_result(name, monkeypatch):
    expected = trajectory(nnc, nnc.tensor, name)
    monkeypatch.setattr(flat, "BLOCK", 3)
    np.testing.assert_allclose(trajectory(nnc, nnc.tensor, name), expected, rtol=1e-14)


def _trained(library, model, x, y, steps=5, **groups):
    optimizer = library.optim.Adam(groups.get("params", model.parameters()), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        library.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return optimizer


@pytest.fixture
def twins():
    """The same network and batch in both libraries."""
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    torch.manual_seed(0)
    theirs = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))
    ours = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    random = np.random.default_rng(0)
    x, y = random.standard_normal((8, 4)).astype(np.float32), random.integers(0, 3, 8)
    return torch, ours, theirs, (nnc.tensor(x), nnc.tensor(y)), (torch.tensor(x), torch.tensor(y))


def _equal(ours, theirs):
    for (name, a), (other, b) in zip(ours.named_parameters(), theirs.named_parameters()):
        assert name == other
        np.testing.assert_allclose(
            a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6, err_msg=name
        )


def test_a_network_trains_as_in_pytorch(twins):
    torch, ours, theirs, batch, their_batch = twins
    _trained(nnc, ours, *batch)
    _trained(torch, theirs, *their_batch)
    _equal(ours, theirs)


def test_frozen_layers_stay(twins):
    torch, ours, theirs, batch, their_batch = twins
    before = ours[0].weight.tolist()
    for model in (ours, theirs):
        model[0].weight.requires_grad = False
    _trained(nnc, ours, *batch)
    _trained(torch, theirs, *their_batch)
    assert ours[0].weight.tolist() == before
    _equal(ours, theirs)


def test_groups_have_their_own_settings(twins):
    torch, ours, theirs, batch, their_batch = twins
    for library, model, data in ((nnc, ours, batch), (torch, theirs, their_batch)):
        groups = [
            {"params": list(model[0].parameters()), "lr": 0.1},
            {"params": model[2].parameters(), "weight_decay": 0.5},
        ]
        optimizer = _trained(library, model, *data, params=groups)
        optimizer.param_groups[0]["lr"] = 0.0
        optimizer.step()
    _equal(ours, theirs)


def test_two_optimisers_on_one_model(twins):
    torch, ours, theirs, batch, their_batch = twins
    for library, model, (x, y) in ((nnc, ours, batch), (torch, theirs, their_batch)):
        first = library.optim.Adam(model.parameters(), lr=0.01)
        second = library.optim.SGD(model[0].parameters(), lr=0.1, momentum=0.9)
        for _ in range(4):
            for optimizer in (first, second):
                optimizer.zero_grad()
                library.nn.functional.cross_entropy(model(x), y).backward()
                optimizer.step()
    _equal(ours, theirs)


def test_parameters_changed_or_replaced_between_steps(twins):
    torch, ours, theirs, batch, their_batch = twins
    optimizers = [_trained(nnc, ours, *batch), _trained(torch, theirs, *their_batch)]
    ours.load_state_dict(ours.state_dict())
    ours[2].bias.data = np.ones(3, np.float32)
    theirs[2].bias.data = torch.ones(3)
    for library, model, (x, y), optimizer in zip(
        (nnc, torch), (ours, theirs), (batch, their_batch), optimizers
    ):
        optimizer.zero_grad()
        library.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    _equal(ours, theirs)


def test_tied_weights_are_stepped_once(twins):
    torch, _, _, _, _ = twins
    results = []
    for library, tensor in ((nnc, nnc.tensor), (torch, torch.tensor)):
        first, second = library.nn.Linear(3, 3), library.nn.Linear(3, 3)
        second.weight = first.weight
        model = library.nn.Sequential(first, second)
        for p in model.parameters():
            p.data[...] = 0.1
        optimizer = library.optim.SGD(model.parameters(), lr=0.1)
        model(tensor([[1.0, 2.0, 3.0]])).sum().backward()
        optimizer.step()
        results.append([p.detach().numpy() for p in model.parameters()])
    assert len(results[0]) == 3
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_parameters_of_different_types_in_one_group():
    a = nnc.ones(2, requires_grad=True)
    b = nnc.ones(2, dtype=nnc.float64, requires_grad=True)
    optimizer = optim.SGD([a, b], lr=0.5)
    (a.sum() + b.sum()).backward()
    optimizer.step()
    assert a.tolist() == b.tolist() == [0.5, 0.5]
    assert (a.dtype, b.dtype) == (nnc.float32, nnc.float64)


def test_memory_stays_where_it_is():
    layer = nn.Linear(2, 2)
    array, view = layer.weight.data, layer.weight.detach()
    layer(nnc.ones(1, 2)).sum().backward()
    gradient = layer.weight.grad
    kept = gradient.tolist()
    optimizer = optim.Adam(layer.parameters())
    optimizer.step()
    optimizer.zero_grad()
    layer(nnc.ones(1, 2) * 2).sum().backward()
    assert layer.weight.data is array
    assert view.tolist() == layer.weight.tolist()
    assert gradient.tolist() == kept


def test_added_groups_take_part():
    a, b = nnc.ones(1, requires_grad=True), nnc.ones(1, requires_grad=True)
    optimizer = optim.SGD([a], lr=0.5)
    optimizer.add_param_group({"params": b, "lr": 0.25})
    (a + b).backward()
    optimizer.step()
    assert (a.item(), b.item()) == (0.5, 0.75)


@rules
def test_saved_and_loaded_state_continues(name):
    kind, settings = RULES[name]

    def steps(optimizer, p, n):
        for k in range(n):
            p.grad = nnc.tensor([1.0 + k, -2.0])
            optimizer.step()

    whole = nnc.ones(2, requires_grad=True)
    steps(getattr(optim, kind)([whole], **settings), whole, 2)
    p = nnc.ones(2, requires_grad=True)
    first = getattr(optim, kind)([p], **settings)
    steps(first, p, 2)
    second = getattr(optim, kind)([p])
    second.load_state_dict(first.state_dict())
    one, other = nnc.ones(2, requires_grad=True), p
    reference = getattr(optim, kind)([one], **settings)
    steps(reference, one, 2)
    for optimizer, q in ((reference, one), (second, other)):
        q.grad = nnc.tensor([0.5, 0.5])
        optimizer.step()
    np.testing.assert_allclose(one.tolist(), other.tolist(), rtol=1e-7)


def test_state_dict_has_pytorchs_layout(twins):
    torch, ours, theirs, batch, their_batch = twins
    found = _trained(nnc, ours, *batch).state_dict()
    expected = _trained(torch, theirs, *their_batch).state_dict()
    assert found["state"].keys() == expected["state"].keys()
    assert found["param_groups"][0]["params"] == expected["param_groups"][0]["params"]
    for n, entry in found["state"].items():
        assert entry["step"] == expected["state"][n]["step"].item()
        for key in ("exp_avg", "exp_avg_sq"):
            np.testing.assert_allclose(
                entry[key].numpy(), expected["state"][n][key].numpy(), rtol=1e-4, atol=1e-7
            )


def test_closure_and_repr_and_zero_grad():
    p = nnc.ones(1, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with nnc.no_grad():
        assert optimizer.step(closure).item() == 1
    assert p.item() == 0
    assert "lr: 0.5" in repr(optimizer)
    p.grad = nnc.ones(1)
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.item() == 0
    optimizer.zero_grad()
    assert p.grad is None


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda p: optim.SGD([], lr=0.1), ValueError, "no parameters"),
        (lambda p: optim.SGD(p, lr=0.1), TypeError, "list"),
        (lambda p: optim.SGD([p, p], lr=0.1), ValueError, "twice"),
        (lambda p: optim.SGD([p * 2], lr=0.1), ValueError, "leaves"),
        (lambda p: optim.SGD(["p"], lr=0.1), TypeError, "str"),
        (lambda p: optim.SGD([p], lr=-1), ValueError, "lr"),
        (lambda p: optim.SGD([p], lr=1, nesterov=True), ValueError, "momentum"),
        (lambda p: optim.Adam([p], betas=(1.0, 0.9)), ValueError, "betas"),
        (lambda p: optim.Adam([{"params": [p], "lrate": 1}]), ValueError, "lrate"),
    ],
)
def test_wrong_settings_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make(nnc.ones(2, requires_grad=True))


def test_a_parameter_that_changes_its_shape_is_refused():
    p = nnc.ones(2, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1)
    p.data = np.ones(3, np.float32)
    p.grad = nnc.ones(3)
    with pytest.raises(RuntimeError, match="shape"):
        optimizer.step()
