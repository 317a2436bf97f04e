"""Whole training steps on a GPU: the same numbers as on the processor, and nothing crosses.

What a module, an optimiser and a file hold moves between devices as in PyTorch.
"""

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn, optim
from nncourse.data import DataLoader, TensorDataset
from nncourse.nn import functional as F
from nncourse.optim import lr_scheduler
from nncourse.training import fit
from tests.optim.rules import RULES


class Mixed(nn.Module):
    """Two layers that are frozen or tied, a parameter of its own, and numbers that are kept."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.frozen = nn.Linear(6, 6).requires_grad_(False)
        self.tied = nn.Linear(6, 6)
        self.tied.weight = self.first.weight
        self.scale = nn.Parameter(nnc.ones(6))

    def forward(self, x):
        return self.tied(self.frozen(self.first(x).tanh()).relu()) * self.scale


def mlp():
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 6))


def conv_net():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 16, 3),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(64, 6),
    )


class Recurrent(nn.Module):
    """A recurrent layer, of which the last output is read."""

    def __init__(self, kind, **options):
        super().__init__()
        self.layer = kind(3, 6, **options)
        self.out = nn.Linear(6 * (2 if options.get("bidirectional") else 1), 6)

    def forward(self, x):
        return self.out(self.layer(x.transpose(0, 1))[0][-1])


class Attentive(nn.Module):
    """A layer of the transformer, of which the outputs are averaged."""

    def __init__(self):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True)

    def forward(self, x):
        return self.layer(x).mean(1)


NETS = {
    "mlp": (mlp, (5, 6)),
    "frozen and tied": (Mixed, (5, 6)),
    "convolution": (conv_net, (5, 1, 12, 12)),
    "RNN": (lambda: Recurrent(nn.RNN), (5, 4, 3)),
    "LSTM": (lambda: Recurrent(nn.LSTM, num_layers=2, bidirectional=True), (5, 4, 3)),
    "GRU": (lambda: Recurrent(nn.GRU), (5, 4, 3)),
    "LSTM with peepholes": (lambda: Recurrent(nn.PeepholeLSTM), (5, 4, 3)),
    "original GRU": (lambda: Recurrent(nn.OriginalGRU), (5, 4, 3)),
    "transformer": (Attentive, (5, 4, 6)),
}


def train(make, shape, where, rule, options, transfers, schedule=None, steps=4):
    """Losses and parameters after some steps; asserts that only what is said crosses."""
    nnc.manual_seed(0)
    random = np.random.default_rng(0)
    model = make().to(where)
    optimizer = rule(model.parameters(), **options)
    scheduler = schedule(optimizer) if schedule else None
    x = nnc.tensor(random.standard_normal(shape), dtype=nnc.float32).to(where)
    y = nnc.tensor(random.integers(0, 6, shape[0])).to(where)
    losses = []
    for _ in range(steps):
        with transfers:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            nn.utils.clip_grad_value_(model.parameters(), 0.1)
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
            # The greatest class, which is checked, and the length of the gradient.
            transfers.were(reads=2 if where == "cuda" else 0)
        losses.append(loss.item())
    return losses, [p.detach().cpu().numpy() for p in model.parameters()], model, optimizer


def assert_same(found, expected):
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4)
    for a, b in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_networks_train_alike(net, name, transfers):
    make, shape = NETS[net]
    rule = getattr(optim, name)
    options = {"lr": 0.05}
    if name == "Adam":  # gradients that are 0 but for rounding, as before a BatchNorm, stay small
        options["eps"] = 1e-3
    expected = train(make, shape, "cpu", rule, options, transfers)
    found = train(make, shape, "cuda", rule, options, transfers)
    assert_same(found, expected)
    assert all(p.is_cuda for p in found[2].parameters())
    assert expected[0][-1] < expected[0][0]


@pytest.mark.parametrize("name", RULES)
def test_every_optimiser_takes_the_same_steps(name, transfers):
    kind, options = RULES[name]
    results = [
        train(mlp, (5, 6), where, getattr(optim, kind), options, transfers)
        for where in ("cpu", "cuda")
    ]
    assert_same(results[1], results[0])
    state = results[1][3].state
    for entry in state.values():
        for what, value in entry.items():
            assert value.is_cuda == (what not in ("step", "mu_product"))


def test_large_parameters_take_the_same_steps(transfers, monkeypatch):
    from nncourse.optim import layout

    monkeypatch.setattr(layout, "BLOCK", 10)
    for options in ({"weight_decay": 0.1}, {"maximize": True}, {"decoupled_weight_decay": True}):
        results = [
            train(mlp, (5, 6), where, optim.Adam, {"lr": 0.05, **options}, transfers)
            for where in ("cpu", "cuda")
        ]
        assert_same(results[1], results[0])


SCHEDULES = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 2),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 4),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=5),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name, transfers):
    results = [
        train(mlp, (5, 6), where, optim.SGD, {"lr": 0.1}, transfers, SCHEDULES[name])
        for where in ("cpu", "cuda")
    ]
    assert_same(results[1], results[0])


@pytest.mark.parametrize("norm_type", [2.0, 1.0, 3.0, float("inf"), float("-inf"), 0.0])
def test_gradients_are_measured_on_the_device(norm_type, transfers):
    lengths = []
    for where in ("cpu", "cuda"):
        p = nn.Parameter(nnc.tensor([1.0, -2.0, 0.0], device=where))
        q = nn.Parameter(nnc.zeros(0, device=where))
        (p * p).sum().backward()
        q.sum().backward()
        length = nn.utils.clip_grad_norm_([p, q], 1.0, norm_type)
        assert length.device == p.device
        lengths.append([length.item(), *p.grad.tolist()])
    assert lengths[0] == pytest.approx(lengths[1])
    p.grad = nnc.tensor([float("inf"), 0.0, 0.0], device="cuda")
    with pytest.raises(RuntimeError, match=r"norm is (inf|nan)"):
        nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)


# Moving


def step(model, optimizer, x, y):
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
def test_an_optimiser_follows_its_model(name, transfers):
    """Made before the move, in the middle of training, and back again."""
    x, y = nnc.randn(5, 6), nnc.randint(6, (5,))
    trajectories = []
    for moves in (("cpu",) * 6, ("cpu", "cpu", "cuda", "cuda", "cpu", "cuda")):
        nnc.manual_seed(1)
        model = Mixed()
        options = {"momentum": 0.9} if name == "SGD" else {}
        optimizer = getattr(optim, name)(model.parameters(), lr=0.05, **options)
        parameters = list(model.parameters())
        for where in moves:
            model.to(where)
            step(model, optimizer, x.to(where), y.to(where))
        assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))
        assert model.tied.weight is model.first.weight
        trajectories.append([p.detach().cpu().numpy() for p in parameters])
    for a, b in zip(*trajectories, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_gradients_move_with_their_parameters(transfers):
    model = mlp()
    F.cross_entropy(model(nnc.ones(1, 6)), nnc.tensor([0])).backward()
    slopes = [p.grad.tolist() for p in model.parameters()]
    model.cuda()
    assert all(p.grad.is_cuda for p in model.parameters())
    model.cpu()
    assert [p.grad.tolist() for p in model.parameters()] == slopes


def test_buffers_move_with_their_module(transfers):
    model = nn.BatchNorm1d(3).to("cuda", non_blocking=True)
    with transfers:
        model(nnc.randn(4, 3, device="cuda"))
        transfers.were()
    assert all(value.is_cuda for value in model.state_dict().values())
    assert model.eval()(nnc.randn(4, 3, device="cuda")).is_cuda
    model.to("cpu", nnc.float64)
    assert model.running_mean.dtype == nnc.float64
    assert not model.running_mean.is_cuda


def test_states_are_loaded_across_devices(transfers):
    here, there = mlp(), mlp().to("cuda")
    there.load_state_dict(here.state_dict())
    assert all(p.is_cuda for p in there.parameters())
    for a, b in zip(here.parameters(), there.parameters(), strict=True):
        assert a.tolist() == b.tolist()
    for p in there.parameters():
        p.data.fill_(2) if isinstance(p.data, nnc.Tensor) else p.data.fill(2)
    here.load_state_dict(there.state_dict())
    assert not any(p.is_cuda for p in here.parameters())
    assert all(value == 2 for p in here.parameters() for value in p.flatten().tolist())

    optimizers = [optim.Adam(model.parameters()) for model in (here, there)]
    step(there, optimizers[1], nnc.ones(1, 6, device="cuda"), nnc.tensor([1], device="cuda"))
    optimizers[0].load_state_dict(optimizers[1].state_dict())
    step(here, optimizers[0], nnc.ones(1, 6), nnc.tensor([1]))
    optimizers[1].load_state_dict(optimizers[0].state_dict())
    for own, other in zip(*[o.state.values() for o in optimizers], strict=True):
        assert not own["exp_avg"].is_cuda
        assert other["exp_avg"].is_cuda
        np.testing.assert_array_equal(own["exp_avg"].numpy(), other["exp_avg"].cpu().numpy())


def test_files_hold_no_device(transfers, tmp_path):
    model = mlp().to("cuda")
    optimizer = optim.Adam(model.parameters())
    step(model, optimizer, nnc.ones(1, 6, device="cuda"), nnc.tensor([1], device="cuda"))
    path = tmp_path / "model.safetensors"
    nnc.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, path)
    for where in (None, "cpu", "cuda", nnc.device("cuda:0")):
        read = nnc.load(path, map_location=where)
        wanted = where not in (None, "cpu")
        assert all(value.is_cuda == wanted for value in read["model"].values())
        model.load_state_dict(read["model"])
        optimizer.load_state_dict(read["optimizer"])
    assert all(p.is_cuda for p in model.parameters())


def test_fit_trains_where_the_model_is(transfers):
    histories = []
    for where in ("cpu", "cuda"):
        nnc.manual_seed(0)
        data = TensorDataset(nnc.randn(12, 6), nnc.randint(6, (12,)))
        model = mlp().to(where)
        history = fit(
            model,
            DataLoader(data, batch_size=4),
            nn.CrossEntropyLoss(),
            optim.Adam(model.parameters(), lr=0.05),
            epochs=3,
            valid=data.tensors,
            progress=False,
            clip_norm=1.0,
            metrics={"spread": lambda scores, y: scores.std()},
        )
        histories.append(history)
    here, there = (history.last() for history in histories)
    assert set(here) >= {"loss", "valid_loss", "valid_accuracy", "spread"}
    for name, value in here.items():
        assert there[name] == pytest.approx(value, rel=1e-4), name


def test_batches_are_moved_by_the_program(transfers):
    nnc.manual_seed(0)
    data = TensorDataset(nnc.randn(12, 6), nnc.randint(6, (12,)))
    model = mlp().to("cuda")
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    for x, y in DataLoader(data, batch_size=4, shuffle=True, pin_memory=True):
        with transfers:
            x, y = x.to("cuda", non_blocking=True), y.to("cuda", non_blocking=True)
            step(model, optimizer, x, y)
            transfers.were(to_device=2, reads=1)
