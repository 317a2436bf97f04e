"""Schedules have PyTorch's values step by step, and those of their formulas where there is none."""

import math
import warnings

import numpy as np
import pytest

import nncourse as nnc
from nncourse import optim
from nncourse.optim import lr_scheduler

EPOCHS = 23


class Wave:
    """A rate function with something to save."""

    def __init__(self, height=0.5):
        self.height = height

    def __call__(self, epoch):
        return 1 + self.height * math.sin(epoch)


def _warm_up(s, o):
    warm = s.LinearLR(o, start_factor=0.1, total_iters=4)
    return s.SequentialLR(o, [warm, s.CosineAnnealingLR(o, T_max=8)], milestones=[5])


def _three(s, o):
    parts = [s.ConstantLR(o, 0.5, 2), s.ExponentialLR(o, 0.9), s.StepLR(o, 2), s.LinearLR(o)]
    return s.SequentialLR(o, parts, [3, 7, 13])


# name: (how it is made from a module of schedules and an optimiser, the optimiser's settings)
SCHEDULES = {
    "LambdaLR": (lambda s, o: s.LambdaLR(o, lambda epoch: 0.95**epoch), {}),
    "LambdaLR, two": (lambda s, o: s.LambdaLR(o, [Wave(), lambda epoch: 1 / (1 + epoch)]), {}),
    "StepLR": (lambda s, o: s.StepLR(o, step_size=4, gamma=0.3), {}),
    "MultiStepLR": (lambda s, o: s.MultiStepLR(o, [3, 7, 7, 15], gamma=0.5), {}),
    "ExponentialLR": (lambda s, o: s.ExponentialLR(o, gamma=0.8), {}),
    "CosineAnnealingLR": (lambda s, o: s.CosineAnnealingLR(o, T_max=10), {}),
    "CosineAnnealingLR, there and back": (
        lambda s, o: s.CosineAnnealingLR(o, T_max=5, eta_min=0.01),
        {},
    ),
    "CosineAnnealingWarmRestarts": (
        lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=4, eta_min=0.01),
        {},
    ),
    "CosineAnnealingWarmRestarts, longer": (
        lambda s, o: s.CosineAnnealingWarmRestarts(o, T_0=3, T_mult=2),
        {},
    ),
    "LinearLR": (lambda s, o: s.LinearLR(o, start_factor=0.1, total_iters=8), {}),
    "LinearLR, falling": (lambda s, o: s.LinearLR(o, 1.0, 0.2, 6), {}),
    "ConstantLR": (lambda s, o: s.ConstantLR(o, factor=0.25, total_iters=6), {}),
    "SequentialLR": (_warm_up, {}),
    "SequentialLR, four": (_three, {}),
    "SequentialLR at once": (
        lambda s, o: s.SequentialLR(o, [s.StepLR(o, 3), s.ExponentialLR(o, 0.7)], [1]),
        {},
    ),
    "OneCycleLR": (lambda s, o: s.OneCycleLR(o, 1.0, total_steps=30), {}),
    "OneCycleLR, momentum": (
        lambda s, o: s.OneCycleLR(o, [1.0, 2.0], epochs=5, steps_per_epoch=5, pct_start=0.4),
        {"momentum": 0.9},
    ),
    "OneCycleLR, linear, three phases": (
        lambda s, o: s.OneCycleLR(
            o,
            0.5,
            total_steps=EPOCHS + 1,
            anneal_strategy="linear",
            three_phase=True,
            base_momentum=0.7,
            max_momentum=[0.9, 0.8],
            div_factor=10.0,
            final_div_factor=100.0,
        ),
        {"momentum": 0.5},
    ),
    "OneCycleLR, no momentum": (
        lambda s, o: s.OneCycleLR(o, 1.0, total_steps=EPOCHS + 1, cycle_momentum=False),
        {},
    ),
}
schedules = pytest.mark.parametrize("name", SCHEDULES)


def made(library, name):
    """An optimiser of two groups and its schedule."""
    make, settings = SCHEDULES[name]
    kind = "SGD" if "momentum" in settings or "no momentum" in name else "Adam"
    parameters = [library.ones(2, requires_grad=True) for _ in range(2)]
    groups = [{"params": parameters[:1], "lr": 0.1}, {"params": parameters[1:], "lr": 0.4}]
    optimizer = getattr(library.optim, kind)(groups, **settings)
    return optimizer, make(library.optim.lr_scheduler, optimizer)


def rates(optimizer):
    found = []
    for group in optimizer.param_groups:
        found += [group["lr"], *group.get("betas", ()), group.get("momentum", 0)]
    return found


def course(optimizer, scheduler, epochs=EPOCHS):
    """Rates and momenta after each epoch, the first ones included."""
    found = [rates(optimizer)]
    for _ in range(epochs):
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad = p.detach() * 0
        optimizer.step()
        scheduler.step()
        assert scheduler.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        found.append(rates(optimizer))
    return found


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")


@schedules
def test_rates_are_pytorchs(name, torch):
    np.testing.assert_allclose(
        course(*made(nnc, name)), course(*made(torch, name)), rtol=1e-12, atol=1e-15
    )


def _one_cycle(t, top=1.0, total=30):
    def cosine(a, b, part):
        return b + (a - b) * (1 + math.cos(math.pi * part)) / 2

    start, peak = top / 25, 0.3 * total - 1
    if t <= peak:
        return cosine(start, top, t / peak)
    return cosine(top, start / 1e4, (t - peak) / (total - 1 - peak))


FORMULAS = {
    "LambdaLR": lambda t: 0.1 * 0.95**t,
    "StepLR": lambda t: 0.1 * 0.3 ** (t // 4),
    "MultiStepLR": lambda t: 0.1 * 0.5 ** ((t >= 3) + 2 * (t >= 7) + (t >= 15)),
    "ExponentialLR": lambda t: 0.1 * 0.8**t,
    "CosineAnnealingLR": lambda t: 0.1 * (1 + math.cos(math.pi * t / 10)) / 2,
    "CosineAnnealingLR, there and back": (
        lambda t: 0.01 + 0.09 * (1 + math.cos(math.pi * t / 5)) / 2
    ),
    "LinearLR": lambda t: 0.1 * (0.1 + 0.9 * min(t, 8) / 8),
    "LinearLR, falling": lambda t: 0.1 * (1 - 0.8 * min(t, 6) / 6),
    "ConstantLR": lambda t: 0.1 * (0.25 if t < 6 else 1),
    "SequentialLR": (
        lambda t: (
            0.1 * (0.1 + 0.9 * min(t, 4) / 4)
            if t < 5
            else 0.1 * (1 + math.cos(math.pi * (t - 5) / 8)) / 2
        )
    ),
    "OneCycleLR": _one_cycle,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_rates_are_those_of_the_formula(name):
    found = [row[0] for row in course(*made(nnc, name))]
    np.testing.assert_allclose(
        found, [FORMULAS[name](t) for t in range(EPOCHS + 1)], rtol=1e-9, atol=1e-12
    )


def test_one_cycle_moves_momentum_the_other_way():
    optimizer, scheduler = made(nnc, "OneCycleLR")
    found = course(optimizer, scheduler, 29)
    lr, beta1, beta2 = np.array(found)[:, :3].T
    assert (beta2 == 0.999).all()
    assert (np.sign(np.diff(lr)) == -np.sign(np.diff(beta1))).all()
    np.testing.assert_allclose([beta1[0], beta1.min(), beta1[-1]], [0.95, 0.85, 0.95])
    scheduler.step()
    with pytest.raises(ValueError, match="30 steps"):
        scheduler.step()


@schedules
@pytest.mark.parametrize("taken", [0, 1, 6])
def test_saved_and_loaded_schedules_go_on(name, taken):
    optimizer, scheduler = made(nnc, name)
    course(optimizer, scheduler, taken)
    other_optimizer, other = made(nnc, name)
    if name == "LambdaLR, two":
        other.lr_lambdas[0].height = 9.0  # is loaded as well
    other_optimizer.load_state_dict(optimizer.state_dict())
    other.load_state_dict(scheduler.state_dict())
    rest = EPOCHS - taken
    assert course(other_optimizer, other, rest) == course(optimizer, scheduler, rest)


@schedules
def test_schedules_are_exchanged_with_pytorch(name, torch):
    optimizer, scheduler = made(nnc, name)
    course(optimizer, scheduler, 6)
    theirs, their_scheduler = made(torch, name)
    course(theirs, their_scheduler, 9)
    ours, our_scheduler = made(nnc, name)
    ours.load_state_dict(theirs.state_dict())
    our_scheduler.load_state_dict(their_scheduler.state_dict())
    again, their_again = made(torch, name)
    groups = optimizer.state_dict()["param_groups"]
    again.load_state_dict({"state": {}, "param_groups": groups})
    their_again.load_state_dict(scheduler.state_dict())
    for one, other in (
        ((optimizer, scheduler), (again, their_again)),
        ((ours, our_scheduler), (theirs, their_scheduler)),
    ):
        np.testing.assert_allclose(course(*one, 9), course(*other, 9), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    "make",
    [
        lambda s, o, t: s.StepLR(o, 4, last_epoch=t),
        lambda s, o, t: s.MultiStepLR(o, [3, 9], last_epoch=t),
        lambda s, o, t: s.ExponentialLR(o, 0.9, last_epoch=t),
        lambda s, o, t: s.LinearLR(o, 0.1, total_iters=12, last_epoch=t),
        lambda s, o, t: s.ConstantLR(o, 0.1, 9, last_epoch=t),
        lambda s, o, t: s.CosineAnnealingLR(o, 12, last_epoch=t),
        lambda s, o, t: s.LambdaLR(o, Wave(), last_epoch=t),
        lambda s, o, t: s.OneCycleLR(o, 1.0, 40, last_epoch=t),
    ],
)
def test_schedules_made_in_the_middle(make, torch):
    found = []
    for library in (nnc, torch):
        p = library.ones(2, requires_grad=True)
        optimizer = library.optim.SGD([p], lr=0.5, momentum=0.9)
        first = make(library.optim.lr_scheduler, optimizer, -1)
        before = course(optimizer, first, 6)
        second = make(library.optim.lr_scheduler, optimizer, 6)
        found.append(before + course(optimizer, second, 6))
    np.testing.assert_allclose(*found, rtol=1e-12)
    p = nnc.ones(2, requires_grad=True)
    if make.__code__.co_names[0] != "OneCycleLR":
        with pytest.raises(KeyError, match="initial_lr"):
            make(lr_scheduler, optim.SGD([p]), 6)


def test_a_sequence_may_be_part_of_another():
    # PyTorch leaves out an epoch of the inner sequence, and warns.
    optimizer = _optimizer()
    s = lr_scheduler
    inner = [s.ConstantLR(optimizer, 0.5, 9), s.ExponentialLR(optimizer, 0.9)]
    inner = s.SequentialLR(optimizer, inner, [2])
    scheduler = s.SequentialLR(optimizer, [inner, s.StepLR(optimizer, 2, 0.5)], [4])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [row[0] for row in course(optimizer, scheduler, 8)]
    expected = [0.05, 0.05, 0.1, 0.09, 0.1, 0.1, 0.05, 0.05, 0.025]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_two_schedules_of_one_optimiser_multiply(torch):
    found = []
    for library in (nnc, torch):
        s = library.optim.lr_scheduler
        optimizer = library.optim.SGD([library.ones(2, requires_grad=True)], lr=0.5)
        parts = [
            s.LinearLR(optimizer, 0.1),
            s.ExponentialLR(optimizer, 0.9),
            s.StepLR(optimizer, 3),
        ]
        rows = []
        for _ in range(12):
            optimizer.step()
            for part in parts:
                part.step()
            rows.append(optimizer.param_groups[0]["lr"])
        found.append(rows)
    np.testing.assert_allclose(*found, rtol=1e-12)


# The plateau

LOSSES = [5, 4, 4.0001, 3.9999, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 2.999, 3, 3, 3, 3, 3, 3, 3, 3, 3]


@pytest.mark.parametrize(
    "settings",
    [
        {"patience": 2},
        {"patience": 0, "factor": 0.5, "min_lr": [0.02, 0.001]},
        {"patience": 1, "threshold": 0.0002, "threshold_mode": "abs", "cooldown": 2},
        {"mode": "max", "patience": 3, "threshold": 0.1},
        {"mode": "max", "patience": 1, "threshold_mode": "abs", "cooldown": 1, "eps": 0.02},
    ],
)
def test_plateau_is_pytorchs(settings, torch):
    found = []
    for library in (nnc, torch):
        parameters = [library.ones(2, requires_grad=True) for _ in range(2)]
        groups = [{"params": parameters[:1], "lr": 0.1}, {"params": parameters[1:], "lr": 0.4}]
        optimizer = library.optim.SGD(groups)
        plateau = library.optim.lr_scheduler.ReduceLROnPlateau
        scheduler = plateau(optimizer, **settings)
        rows = []
        for epoch, loss in enumerate(LOSSES):
            if epoch == 7:
                saved, scheduler = scheduler.state_dict(), plateau(optimizer)
                scheduler.load_state_dict(saved)
            scheduler.step(library.tensor(loss) if epoch % 2 else loss)
            rows.append(scheduler.get_last_lr())
            assert rows[-1] == [g["lr"] for g in optimizer.param_groups]
        found.append((rows, saved))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-12)
    assert found[0][1] == found[1][1]
    assert found[0][0][0] != found[0][0][-1]


def test_plateau_waits_for_more_than_its_patience():
    optimizer = optim.SGD([nnc.ones(1, requires_grad=True)], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=2, factor=0.5)
    rows = []
    for loss in [3, 2, 2, 2, 2, 2, 2, 2]:
        scheduler.step(loss)
        rows.append(optimizer.param_groups[0]["lr"])
    assert rows == [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    optimizer.add_param_group({"params": [nnc.ones(1, requires_grad=True)]})
    for _ in range(3):
        scheduler.step(2)
    assert [group["lr"] for group in optimizer.param_groups] == [0.125, 0.5]


# What goes wrong


def _optimizer():
    p = nnc.ones(2, requires_grad=True)
    p.grad = nnc.ones(2)
    return optim.SGD([p], lr=0.1)


@pytest.mark.parametrize("earlier", [0, 3])
def test_a_step_before_the_optimisers_is_warned_of(earlier):
    optimizer = _optimizer()
    for _ in range(earlier):
        optimizer.step()
    scheduler = lr_scheduler.StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match=r"StepLR.step\(\) came before the optimiser's") as caught:
        scheduler.step()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()
        scheduler = lr_scheduler.StepLR(optimizer, 1)
        optimizer.step()
        scheduler.step()


def test_schedules_of_ones_own_follow_pytorchs_form():
    class Halving(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [base / (1 + self.last_epoch) for base in self.base_lrs]

    optimizer = _optimizer()
    scheduler = Halving(optimizer)
    assert [row[0] for row in course(optimizer, scheduler, 3)] == [0.1, 0.05, 0.1 / 3, 0.025]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda s, o: s.StepLR([o], 3), TypeError, "list"),
        (lambda s, o: s.LambdaLR(o, [abs, abs]), ValueError, "1 groups"),
        (lambda s, o: s.ConstantLR(o, 1.5), ValueError, "factor"),
        (lambda s, o: s.LinearLR(o, 0.0), ValueError, "start_factor"),
        (lambda s, o: s.LinearLR(o, 0.5, 2.0), ValueError, "end_factor"),
        (lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2)], [2]), ValueError, "0 milestones"),
        (
            lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
            ValueError,
            "metric",
        ),
        (
            lambda s, o: s.SequentialLR(o, [s.StepLR(_optimizer(), 2)], []),
            ValueError,
            "another optimiser",
        ),
        (lambda s, o: s.OneCycleLR(o, 1.0), ValueError, "total_steps"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 0), ValueError, "positive"),
        (lambda s, o: s.OneCycleLR(o, [1.0, 2.0], 9), ValueError, "2 of max_lr"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 9, pct_start=2.0), ValueError, "pct_start"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 9, anneal_strategy="sin"), ValueError, "sin"),
        (
            lambda s, o: s.OneCycleLR(optim.Adagrad([nnc.ones(1)]), 1.0, 9),
            ValueError,
            "no momentum",
        ),
        (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), ValueError, "factor"),
        (lambda s, o: s.ReduceLROnPlateau(o, mode="up"), ValueError, "up"),
        (lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "threshold_mode"),
        (lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0.1, 0.1]), ValueError, "2 min_lr"),
        (
            lambda s, o: s.StepLR(o, 2).load_state_dict(s.ExponentialLR(o, 0.1).state_dict()),
            ValueError,
            "not the state of a StepLR: it has no step_size",
        ),
    ],
)
def test_wrong_settings_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make(lr_scheduler, _optimizer())


def test_restarts_within_an_epoch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    rates = []
    for library in (nnc, torch):
        optimizer = library.optim.SGD(library.nn.Linear(1, 1).parameters(), lr=0.5)
        schedule = library.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2, 3)
        rates.append([])
        for epoch in (0.0, 0.25, 1.5, 2.0, 6.75, 9.5, None, None):
            optimizer.step()
            schedule.step(epoch)
            rates[-1].append(optimizer.param_groups[0]["lr"])
    np.testing.assert_allclose(*rates, rtol=1e-12)
    for settings in ({"T_0": 0}, {"T_0": 2, "T_mult": 0.5}):
        with pytest.raises(ValueError, match="whole number"):
            lr_scheduler.CosineAnnealingWarmRestarts(optimizer_of_ours(), **settings)
    with pytest.raises(ValueError, match="from 0"):
        lr_scheduler.CosineAnnealingWarmRestarts(optimizer_of_ours(), 2).step(-1.0)


def optimizer_of_ours():
    return optim.SGD(nnc.nn.Linear(1, 1).parameters(), lr=0.5)
