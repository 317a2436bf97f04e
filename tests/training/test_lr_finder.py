"""The search for a learning rate: what it suggests, and that it leaves no trace."""

import math

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn, optim
from nncourse.data import DataLoader, two_moons
from nncourse.training import LRSearch, find_lr


def setup(seed=0):
    nnc.manual_seed(seed)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
    loader = DataLoader(two_moons(200, seed=seed), 20, shuffle=True)
    return model, loader, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=1e-3)


def test_the_suggestion_is_a_rate_that_trains_well():
    for seed in range(3):
        model, loader, loss, optimizer = setup(seed)
        found = find_lr(model, loader, loss, optimizer)
        assert 2e-3 < found.suggestion < 0.02
        assert repr(found).startswith("LRSearch(")
        np.testing.assert_allclose(np.diff(np.log(found.rates)), math.log(1e7) / 99)
        optimizer.param_groups[0]["lr"] = found.suggestion
        history = nnc.training.fit(model, loader, loss, optimizer, 10, progress=False)
        assert history.loss[-1] < 0.35


def test_it_leaves_no_trace():
    model, loader, loss, optimizer = setup()
    model.train(False)
    x, y = next(iter(loader))
    loss(model(x), y).backward()
    optimizer.step()

    def bits():
        state = optimizer.state_dict()
        return (
            {k: t.numpy().tobytes() for k, t in model.state_dict().items()},
            [p.grad.numpy().tobytes() for p in model.parameters()],
            {i: {k: t.numpy().tobytes() for k, t in s.items()} for i, s in state["state"].items()},
            [group["lr"] for group in state["param_groups"]],
            nnc.default_generator.get_state(),
            [module.training for module in model.modules()],
            optimizer.steps_taken,
        )

    before = bits()
    find_lr(model, loader, loss, optimizer, steps=20)
    assert bits() == before


def test_groups_keep_the_proportions_of_their_rates():
    model, loader, loss, _ = setup()
    first, second = nn.Linear(2, 16), nn.Linear(16, 2)
    seen = []

    class Watched(optim.SGD):
        def step(self, closure=None):
            seen.append([group["lr"] for group in self.param_groups])
            return super().step(closure)

    model = nn.Sequential(first, nn.ReLU(), second)
    groups = [{"params": first.parameters(), "lr": 0.01}, {"params": second.parameters()}]
    found = find_lr(model, loader, loss, Watched(groups, lr=0.1), 1e-4, 1e-2, steps=10)
    rates = np.array(seen)
    np.testing.assert_allclose(rates[:, 1], 10 * rates[:, 0])
    np.testing.assert_allclose(rates[:, 0], found.rates[: len(rates)])


def test_an_explosion_ends_it():
    x = nnc.ones(10, 1)
    model = nn.Linear(1, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader((x, 100 * x), 10)
    found = find_lr(model, loader, nn.MSELoss(), optimizer, 1e-4, 1e6)
    assert len(found.rates) < 100
    assert all(map(math.isfinite, found.losses))


def test_where_nothing_falls_nothing_is_suggested():
    assert LRSearch([0.1, 1.0], [1.0, 2.0]).suggestion is None
    assert LRSearch([], []).suggestion is None
    assert "suggestion none" in repr(LRSearch([], []))
    assert LRSearch([0.1, 1.0], [2.0, 1.0]).suggestion == 0.1
    assert LRSearch([0.1, 1.0, 2.0, 3.0], [2.0, 1.05, 1.0, 5.0]).suggestion == 0.1
    thirty = LRSearch(list(range(30)), [0.0] * 10 + [9.0] + [0.0] * 19)
    assert thirty.smoothed == [0.0] * 7 + [9 / 7] * 7 + [0.0] * 16


def test_wrong_settings_are_refused():
    model, loader, loss, optimizer = setup()
    with pytest.raises(ValueError, match="lowest"):
        find_lr(model, loader, loss, optimizer, 1.0, 0.1)
    with pytest.raises(ValueError, match="two steps"):
        find_lr(model, loader, loss, optimizer, steps=1)
    with pytest.raises(ValueError, match="no batches"):
        find_lr(model, [], loss, optimizer)


def test_the_picture(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: no pictures")
    from nncourse import language, plots

    model, loader, loss, optimizer = setup()
    found = find_lr(model, loader, loss, optimizer)
    with language.using("en"):
        axes = plots.learning_rates(found)
    assert axes.get_xlabel() == "learning rate"
    assert axes.get_xscale() == "log"
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts[-1] == f"suggestion: {found.suggestion:.2g}"
    axes.figure.savefig(tmp_path / "rates.png")
    axes.figure.clf()
