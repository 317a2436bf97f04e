"""The SG algorithm on problems whose minimum is known."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn, optim
from nncourse.training import SGHistory, sg


def problem(noise=0.0, n=60, seed=0):
    """Linear regression: the data, and the weights and the loss at its minimum."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, 3))
    y = x @ [1.0, -2.0, 0.5] + 0.3 + noise * random.standard_normal(n)
    design = np.column_stack([x, np.ones(n)])
    best, *_ = np.linalg.lstsq(design, y, rcond=None)
    least = np.mean((design @ best - y) ** 2)
    return (x, y[:, None]), best, least


def network(seed=0):
    nnc.manual_seed(seed)
    return nn.Linear(3, 1, dtype=nnc.float64)


def weights(model):
    return np.concatenate([p.detach().numpy().ravel() for p in model.parameters()])


def test_the_algorithm_written_out():
    (x, y), _, _ = problem(noise=0.5)
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    found = sg(
        model, (x, y), nn.MSELoss(), optimizer, smoothing=0.1, stop="never", max_steps=40, seed=3
    )

    w = weights(network())
    random = nnc.Generator(3).stream
    design = np.column_stack([x, np.ones(len(x))])
    q = [np.mean((design @ w - y[:, 0]) ** 2)]
    for _ in range(40):
        i = random.integers(len(x))
        error = design[i] @ w - y[i, 0]
        w = w - 0.05 * 2 * error * design[i]
        q.append((1 - 0.1) * q[-1] + 0.1 * error**2)
    np.testing.assert_allclose(found.q, q, rtol=1e-12)
    np.testing.assert_allclose(weights(model), w, rtol=1e-12)
    assert len(found) == len(found.loss) == 40
    assert not found.settled
    assert repr(found) == f"SGHistory(40 steps, Q={q[-1]:.4f}, not settled)"


@pytest.mark.parametrize("stop", ["both", "q", "w", "either"])
def test_it_settles_where_all_losses_are_least(stop):
    data, best, _ = problem()
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    found = sg(
        model, data, nn.MSELoss(), optimizer, stop=stop, tolerance_q=1e-8, tolerance_w=1e-8, seed=0
    )
    assert found.settled
    assert 300 < len(found) < 10_000
    assert len(found) % 100 == 0
    np.testing.assert_allclose(weights(model), best, atol=1e-4)
    if stop in ("both", "q"):  # w is there before Q has forgotten the losses on the way
        assert found.q[-1] < 1e-6 * found.q[0]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_with_falling_steps_it_finds_the_minimum_under_noise(seed):
    data, best, least = problem(noise=0.5, seed=seed)
    model = network(seed)
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    falling = optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + 0.01 * step))
    found = sg(
        model,
        data,
        nn.MSELoss(),
        optimizer,
        scheduler=falling,
        smoothing=0.002,
        tolerance_q=0.01,
        tolerance_w=0.01,
        max_steps=20_000,
        seed=seed,
    )
    assert found.settled
    assert abs(weights(model) - best).max() < 0.1
    assert abs(found.q[-1] / least - 1) < 0.25  # the estimate is near the loss of all objects


def test_what_must_settle_is_what_is_asked_for():
    # y is noise alone and x is 0: w (without bias) never moves, while Q keeps changing.
    random = np.random.default_rng(0)
    data = (np.zeros((50, 3)), random.standard_normal((50, 1)) * 3)
    steps = {}
    for stop in ("w", "q", "both", "either", "never"):
        model = nn.Linear(3, 1, bias=False, dtype=nnc.float64)
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        found = sg(
            model,
            data,
            nn.MSELoss(),
            optimizer,
            stop=stop,
            smoothing=0.5,
            window=10,
            max_steps=500,
            tolerance_q=1e-9,
            seed=1,
        )
        steps[stop] = (len(found), found.settled)
    assert steps == {
        "w": (10, True),
        "either": (10, True),
        "q": (500, False),
        "both": (500, False),
        "never": (500, False),
    }


def test_objects_are_chosen_at_random_with_equal_chances():
    n = 10
    data = (np.arange(n)[:, None] * 1.0, np.zeros((n, 1)))
    seen = []

    def loss(prediction, target):
        return (prediction * 0).sum()

    class Watching(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(nnc.zeros(1, dtype=nnc.float64))

        def forward(self, x):
            assert self.training or len(x) == n
            if self.training:
                seen.append(int(x.item()))
            return x * self.w

    model = Watching()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    sg(model, data, loss, optimizer, stop="never", max_steps=2000, seed=0)
    counts = np.bincount(seen, minlength=n)
    assert counts.sum() == 2000
    assert abs(counts - 200).max() < 5 * np.sqrt(200 * 0.9)
    assert (np.diff(seen) == 0).any()  # with replacement: the same object may come twice in a row


def test_an_interrupt_keeps_what_was_reached():
    data, _, _ = problem()
    model = network()

    def loss(prediction, target):
        if len(prediction) == 1:
            loss.calls += 1
            if loss.calls == 8:
                raise KeyboardInterrupt
        return nn.functional.mse_loss(prediction, target)

    loss.calls = 0
    found = sg(model, data, loss, optim.SGD(model.parameters(), lr=0.1), seed=0)
    assert found.interrupted
    assert len(found) == 7
    assert "interrupted" in repr(found)
    assert "settled" in repr(SGHistory([1.0], settled=True))


def test_the_seed_decides():
    data, _, _ = problem()
    results = []
    for seed in (0, 0, 1, None, None):
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=0.01)
        nnc.manual_seed(5)
        results.append(sg(model, data, nn.MSELoss(), optimizer, max_steps=20, seed=seed).q)
    assert results[0] == results[1] != results[2]
    assert results[3] == results[4]


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"smoothing": 0}, "smoothing"), ({"stop": "now"}, "now"), ({"window": 0}, "window")],
)
def test_wrong_settings_are_refused(settings, message):
    data, _, _ = problem()
    model = network()
    with pytest.raises(ValueError, match=message):
        sg(model, data, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), **settings)
