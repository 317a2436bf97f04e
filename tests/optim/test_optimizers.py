"""Optimisers on networks: groups, frozen and tied weights, all that shared vectors make awkward."""

import copy

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn, optim
from nncourse.optim import layout


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
    array, view = layer.weight._data, layer.weight.detach()
    layer(nnc.ones(1, 2)).sum().backward()
    gradient = layer.weight.grad
    kept = gradient.tolist()
    optimizer = optim.Adam(layer.parameters())
    optimizer.step()
    optimizer.zero_grad()
    layer(nnc.ones(1, 2) * 2).sum().backward()
    assert layer.weight._data is array
    assert view.tolist() == layer.weight.tolist()
    assert gradient.tolist() == kept


def test_added_groups_take_part():
    a, b = nnc.ones(1, requires_grad=True), nnc.ones(1, requires_grad=True)
    optimizer = optim.SGD([a], lr=0.5)
    optimizer.add_param_group({"params": b, "lr": 0.25})
    (a + b).backward()
    optimizer.step()
    assert (a.item(), b.item()) == (0.5, 0.75)


def test_half_precision_to_double_between_steps(twins):
    torch, ours, theirs, batch, their_batch = twins
    optimizer, their_optimizer = _trained(nnc, ours, *batch), _trained(torch, theirs, *their_batch)
    for p, q in zip(ours.parameters(), theirs.parameters()):
        p.data = p.data.double()
        q.data = q.data.double()
    their_state = {
        n: {name: t if name == "step" else t.double() for name, t in entry.items()}
        for n, entry in their_optimizer.state_dict()["state"].items()
    }
    again = torch.optim.Adam(theirs.parameters())
    groups = their_optimizer.state_dict()["param_groups"]
    again.load_state_dict({"state": their_state, "param_groups": groups})
    for library, model, (x, y), rule in (
        (nnc, ours, batch, optimizer),
        (torch, theirs, their_batch, again),
    ):
        x = nnc.tensor(x.numpy().astype(np.float64)) if library is nnc else x.double()
        for _ in range(3):
            rule.zero_grad()
            library.nn.functional.cross_entropy(model(x), y).backward()
            rule.step()
    _equal(ours, theirs)
    assert all(
        v.dtype == nnc.float64 for v in [optimizer.state[p]["exp_avg"] for p in optimizer.state]
    )


@pytest.mark.parametrize("block", [2, 65536])
def test_a_copied_optimiser_moves_its_own_parameters(block, monkeypatch):
    monkeypatch.setattr(layout, "BLOCK", block)
    model = nn.Linear(2, 2)
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    twin, copied = copy.deepcopy((model, optimizer))
    for _ in range(3):
        for net, rule in ((model, optimizer), (twin, copied)):
            rule.zero_grad()
            net(nnc.ones(1, 2)).sum().backward()
            rule.step()
    assert twin.weight is not model.weight
    assert twin.weight.tolist() == model.weight.tolist()
    assert twin.bias.tolist() == model.bias.tolist()


def test_parameters_whose_memory_is_not_in_order(monkeypatch):
    # A transposed array cannot be walked as a vector; it is stepped all the same.
    monkeypatch.setattr(layout, "BLOCK", 4)
    start = np.arange(6.0).reshape(3, 2)
    p = nnc.ones(2, 3, dtype=nnc.float64).requires_grad_()
    p.data = start.T
    gradient = np.arange(6.0).reshape(2, 3) ** 2
    p.grad = nnc.tensor(gradient)
    expected = start.T - 0.5 * gradient
    optim.SGD([p], lr=0.5).step()
    assert p.tolist() == expected.tolist()


def test_gradients_are_not_touched_by_a_step(monkeypatch):
    for block in (2, 65536):
        monkeypatch.setattr(layout, "BLOCK", block)
        for kind in ("SGD", "NAG", "Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW", "NAdam"):
            p = nnc.ones(5).requires_grad_()
            p.grad = nnc.arange(5.0)
            getattr(optim, kind)([p], lr=0.1, weight_decay=0.1, maximize=True).step()
            assert p.grad.tolist() == [0, 1, 2, 3, 4], kind


def test_gradients_accumulate_over_small_batches(twins):
    # Two halves of a batch, each loss divided by two, are the whole batch in one step.
    _, ours, _, (x, y), _ = twins
    whole = copy.deepcopy(ours)
    one, two = optim.Adam(whole.parameters(), lr=0.01), optim.Adam(ours.parameters(), lr=0.01)
    for _ in range(4):
        one.zero_grad()
        nn.functional.cross_entropy(whole(x), y).backward()
        one.step()
        two.zero_grad()
        for half in (slice(0, 4), slice(4, 8)):
            (nn.functional.cross_entropy(ours(x[half]), y[half]) / 2).backward()
        two.step()
    for a, b in zip(whole.parameters(), ours.parameters()):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_a_step_is_a_change_that_backward_notices():
    w = nnc.ones(2, requires_grad=True)
    loss = (w * w).sum()
    w.grad = nnc.ones(2)
    optim.SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match="in place"):
        loss.backward()


@pytest.mark.parametrize(
    ("penalty", "gradient"),
    [(optim.l1_penalty, [0.1, -0.1, 0.0]), (optim.l2_penalty, [0.2, -0.3, 0.0])],
)
def test_penalties(penalty, gradient):
    w = nnc.tensor([2.0, -3.0, 0.0], requires_grad=True)
    value = penalty([w, w.detach()], 0.1)
    np.testing.assert_allclose(value.item(), 2 * {"l1": 0.5, "l2": 0.65}[penalty.__name__[:2]])
    value.backward()
    np.testing.assert_allclose(w.grad.numpy(), gradient, rtol=1e-6)
    np.testing.assert_allclose(penalty(w, 0.1).item() * 2, value.item())
    with pytest.raises(ValueError, match="at least one"):
        penalty([], 0.1)


def test_l2_penalty_is_weight_decay():
    a = nnc.tensor([2.0, -3.0], requires_grad=True)
    b = nnc.tensor([2.0, -3.0], requires_grad=True)
    one, other = optim.SGD([a], lr=0.5), optim.SGD([b], lr=0.5, weight_decay=0.1)
    for _ in range(3):
        one.zero_grad()
        other.zero_grad()
        (a.sum() + optim.l2_penalty(a, 0.1)).backward()
        b.sum().backward()
        one.step()
        other.step()
    np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=1e-6)


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
        (lambda p: optim.Adam([p], lrate=1), TypeError, "lrate"),
        (lambda p: optim.NAdam([p], betas=(0.5, -1)), ValueError, "betas"),
        (lambda p: optim.NAdam([p], momentum_decay=-1), ValueError, "momentum_decay"),
        (lambda p: optim.Adagrad([p], lr_decay=-1), ValueError, "lr_decay"),
        (lambda p: optim.Adagrad([p], initial_accumulator_value=-1), ValueError, "initial"),
        (lambda p: optim.RMSprop([p], alpha=-1), ValueError, "alpha"),
        (lambda p: optim.Adadelta([p], rho=2), ValueError, "rho"),
    ],
)
def test_wrong_settings_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make(nnc.ones(2, requires_grad=True))


def test_what_does_not_fit_is_not_loaded():
    p, q = nnc.ones(2, requires_grad=True), nnc.ones(3, requires_grad=True)
    p.grad = nnc.ones(2)
    first = optim.Adam([p])
    first.step()
    with pytest.raises(ValueError, match=r"exp_avg of parameter 0 has shape \(2,\)"):
        optim.Adam([q]).load_state_dict(first.state_dict())
    with pytest.raises(ValueError, match="other groups"):
        optim.Adam([p, q]).load_state_dict(first.state_dict())
    descent = optim.SGD([p], lr=0.1, momentum=0.9)
    descent.step()
    untouched = first.state_dict()
    with pytest.raises(ValueError, match="not the state of Adam: it has no step"):
        first.load_state_dict(descent.state_dict())
    assert first.param_groups[0]["lr"] == 1e-3
    assert first.state[p]["exp_avg"].tolist() == untouched["state"][0]["exp_avg"].tolist()


def test_switches_between_implementations_are_accepted():
    p = nnc.ones(1, requires_grad=True)
    optim.AdamW([{"params": [p], "name": "all"}], lr=0.1, fused=True, foreach=False)


@pytest.mark.parametrize("block", [1, 65536])
def test_a_parameter_that_changes_its_shape_is_refused(block, monkeypatch):
    monkeypatch.setattr(layout, "BLOCK", block)
    p = nnc.ones(2, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.1)
    p.data = np.ones(3, np.float32)
    p.grad = nnc.ones(3)
    with pytest.raises(RuntimeError, match="shape"):
        optimizer.step()
