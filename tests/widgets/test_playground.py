"""The playground: its training is that of the program it writes, also with one's own code."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import threading
from pathlib import Path

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn, optim
from nncourse.nn import functional as F

playground = pytest.importorskip("nncourse.widgets.playground", exc_type=ImportError)
import traitlets  # noqa: E402  # comes with the widgets

from nncourse import language  # noqa: E402
from nncourse.widgets import playground_frames  # noqa: E402
from nncourse.widgets import playground_session as sessions  # noqa: E402
from nncourse.widgets import playground_settings as names  # noqa: E402

PROGRAMS = [
    {"data": "moons"},
    {"data": "spirals", "layers": [6, 5], "activation": "ReLU", "rule": "NAG", "rate": 0.05},
    {"data": "blobs", "layers": [], "rule": "SGD", "rate": 0.2},
    {"data": "xor", "features": ["x1·x2", "sin x2"], "l2": 0.01, "rule": "Adadelta", "rate": 1.0},
    {"data": "circles", "dropout": 0.3, "activation": "Sigmoid", "batch": 5, "seed": 7},
    {"data": "own", "points": [[0, 1, 0], [1, 0, 1], [-1, 0, 2], [2, 2, 1]], "activation": "none"},
    {"data": "moons", "layers": [5, 4, 3], "activation": ["ReLU", "none", "Sigmoid"]},
]


@pytest.mark.parametrize("settings", PROGRAMS, ids=lambda s: s["data"])
def test_the_program_trains_as_the_playground_does(settings, capsys):
    widget = playground.Playground(**settings)
    loss = widget.train(40)
    names: dict = {}
    exec(widget.program(), names)
    assert names["loss"] == pytest.approx(loss, abs=1e-6)
    assert "loss" in capsys.readouterr().out


def test_training_learns():
    for name in ("moons", "circles", "xor", "spirals", "blobs"):
        widget = playground.Playground(name, layers=[8, 8], noise=0.05, rate=0.02)
        before = widget.session.losses[0][1]
        assert widget.train(600) < 0.6 * before
        assert widget.session.accuracy[1] > 0.8, name


def test_the_picture_is_what_the_network_says():
    widget = playground.Playground("blobs")
    widget.train(100)
    shown = np.frombuffer(widget.frame, np.uint8).reshape(sessions.PIXELS, sessions.PIXELS)
    ticks = np.linspace(-names.REACH, names.REACH, sessions.PIXELS, dtype=np.float32)
    for i, j in ((0, 0), (99, 0), (17, 80), (50, 50)):
        x = nnc.tensor([[ticks[i], ticks[j]]])
        p = F.softmax(widget.session.model(x), dim=1).detach().numpy()[0]
        assert shown[j, i] // 85 == p.argmax()
        assert (shown[j, i] % 85) / 84 == pytest.approx((p.max() - 1 / 3) * 1.5, abs=0.01)


def test_pictures_of_the_neurons_are_their_values():
    widget = playground.Playground("moons", layers=[3, 2])
    widget.train(20)
    assert widget.widths == [3, 2]
    small = np.frombuffer(widget.small, np.uint8).reshape(5, sessions.SMALL, sessions.SMALL)
    model = widget.session.model
    first = F.tanh(model[0](widget.session.grids[sessions.SMALL])).detach().numpy()
    for k in range(3):
        values = first[:, k].reshape(sessions.SMALL, sessions.SMALL)
        expected = 128 + 127 * values / np.abs(values).max()
        np.testing.assert_allclose(small[k], expected, atol=1)


def test_edges_carry_weights_and_the_gradients_of_the_last_step():
    widget = playground.Playground("moons", layers=[3])
    assert widget.edges[0]["gradient"] == []
    widget.train(1)
    for layer, edge in zip(widget.session.linears, widget.edges):
        np.testing.assert_allclose(edge["weight"], layer.weight.detach().numpy(), rtol=6e-3)
        np.testing.assert_allclose(edge["gradient"], layer.weight.grad.numpy(), rtol=6e-3)


# Each changes something on the way that the weights survive.
CHANGES = [
    [{"rate": 0.1}, {"batch": 4}, {"l2": 0.01}],
    [{"rule": "SGD"}, {"rate": 0.5}, {"rule": "Adam"}],
    [{"dropout": 0.4}, {"activation": ["ReLU", "Sigmoid"]}, {"dropout": 0.0}],
]


@pytest.mark.parametrize("changes", CHANGES, ids=lambda c: "-".join(k for one in c for k in one))
def test_changes_while_it_trains_keep_the_weights_and_stand_in_the_program(changes, capsys):
    widget = playground.Playground("moons")
    widget.train(30)
    for change in changes:
        weights = [edge["weight"] for edge in widget.edges]
        for name, value in change.items():
            setattr(widget, name, value)
        assert widget.error == ""
        assert [edge["weight"] for edge in widget.edges] == weights
        loss = widget.train(20)
        assert [edge["weight"] for edge in widget.edges] != weights
    assert widget.session.steps == 90
    found: dict = {}
    exec(widget.program(), found)
    assert found["loss"] == pytest.approx(loss, abs=1e-6)
    capsys.readouterr()


def test_points_drawn_while_it_trains_keep_the_weights(capsys):
    widget = playground.Playground("own", points=[[0, 1, 0], [1, 0, 1], [-1, 0, 1]])
    widget.train(20)
    widget.points = [*widget.points, [-1, 2, 0], [2, 2, 1]]
    assert widget.session.steps == 20
    loss = widget.train(20)
    found: dict = {}
    exec(widget.program(), found)
    assert found["loss"] == pytest.approx(loss, abs=1e-6)
    widget.points = [*widget.points, [2, -2, 2]]  # a third class takes another output
    assert widget.session.steps == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    "change", [{"layers": [4]}, {"features": ["x1"]}, {"data": "xor"}, {"noise": 0.3}, {"seed": 1}]
)
def test_what_the_weights_do_not_fit_begins_anew(change):
    widget = playground.Playground("moons")
    widget.train(30)
    before = widget.edges
    for name, value in change.items():
        setattr(widget, name, value)
    assert widget.session.steps == 0
    assert widget.edges != before


def ask(widget, what):
    widget._asked(widget, {"do": what, "serial": widget.answered + 1}, [])


def allow(widget, until):
    """What the front end sends of itself, over and over: up to which frame the kernel may go on."""
    widget._asked(widget, {"do": "train", "until": until}, [])


def train_live(widget, frames):
    """Train as with a front end that looks, for so many frames or until the training stops."""

    async def play():
        widget.playing = True
        allow(widget, widget.frames + frames)
        if widget.live.task is not None:
            await asyncio.wait_for(widget.live.task, 20)

    asyncio.run(play())


@pytest.mark.parametrize(
    ("stop", "at"), [("steps", 77), ("loss", 0.4), ("patience", 50), ("never", 0)]
)
def test_training_stops_where_it_is_told_to(stop, at, monkeypatch):
    monkeypatch.setattr(playground, "BUDGET", 0.0)  # one step a frame, however busy the machine
    monkeypatch.setattr(playground_frames, "PERIOD", 0.0)
    widget = playground.Playground("moons", noise=0.3, stop=stop, stop_at=at, rate=0.3)
    train_live(widget, 200)
    losses = widget.session.losses
    if stop == "never":
        assert widget.playing
        assert widget.frames == 200
        return
    assert not widget.playing
    assert widget.record["reached"]
    if stop == "steps":
        assert widget.session.steps == 77
    elif stop == "loss":
        assert losses[-1][1] <= 0.4
    else:
        assert widget.session.steps - widget.session.best[1] >= 50
        assert widget.session.best[0] <= min(row[2] for row in losses) + sessions.BETTER
    steps = widget.session.steps
    train_live(widget, 5)  # the condition still holds
    assert widget.session.steps == steps
    assert not widget.playing


def test_weights_that_fly_away_are_told_and_stop_the_training():
    class Flying(Halving):
        def step(self):
            with nnc.no_grad():
                for p in self.parameters:
                    p *= float("inf")

    widget = playground.Playground("moons", optimizer=Flying)
    train_live(widget, 5)
    assert "rate" in widget.error
    assert not widget.playing
    assert widget.frames == 1
    json.dumps([widget.record, widget.edges], allow_nan=False)  # what browsers can read
    widget.seed = 3
    assert widget.error == ""


def test_messages_of_the_front_end():
    widget = playground.Playground("moons")
    widget._asked(widget, {"do": "step", "serial": 3}, [])
    assert (widget.session.steps, widget.answered) == (1, 3)
    train_live(widget, 3)
    assert (widget.frames, widget.answered) == (3, 3)
    assert widget.session.steps >= 4
    assert widget.record["steps"] == widget.session.steps
    widget._asked(widget, {"do": "code", "serial": 4}, [])
    assert f"train({widget.session.steps})" in widget.code
    assert widget.answered == 4


def test_no_frame_is_sent_that_the_front_end_has_not_allowed():
    widget = playground.Playground("moons")
    widget.playing = True
    assert widget.live.task is None
    allow(widget, 0)
    assert widget.live.task is None

    async def play():
        allow(widget, 2)
        task = widget.live.task
        allow(widget, 4)  # while it trains
        assert widget.live.task is task
        await task
        assert widget.frames == 4
        await asyncio.sleep(3 * playground_frames.PERIOD)
        assert (widget.frames, widget.playing) == (4, True)
        allow(widget, 5)
        await widget.live.task

    asyncio.run(play())
    assert widget.frames == 5


@pytest.mark.parametrize("end", ["pause", "step", "reset"])
def test_a_pause_a_step_and_a_reset_end_the_training_between_two_frames(end):
    widget = playground.Playground("moons")

    async def play():
        widget.playing = True
        allow(widget, 1000)
        task = widget.live.task
        while widget.frames < 3:
            await asyncio.sleep(0)
        steps = widget.session.steps
        if end == "step":
            ask(widget, "step")
        else:
            with widget.hold_trait_notifications():  # as in one message of the front end
                widget.playing = False
                widget.seed += end == "reset"
        await asyncio.wait_for(task, 5)
        assert not widget.playing
        assert widget.frames == 3
        assert widget.session.steps == {"pause": steps, "step": steps + 1, "reset": 0}[end]
        assert widget.record["steps"] == widget.session.steps
        assert widget.frame == widget.session.picture()

    asyncio.run(play())


def test_training_changes_hands_where_its_loop_has_ended():
    widget = playground.Playground("moons")
    widget.playing = True
    loop = asyncio.new_event_loop()

    async def begin():
        allow(widget, 1000)
        while widget.frames < 2:
            await asyncio.sleep(0)

    # A loop that stops with the task in it, as that of a notebook that is closed.
    thread = threading.Thread(target=loop.run_until_complete, args=[begin()])
    thread.start()
    thread.join()
    left = widget.live.task
    assert not left.done()
    frames = widget.frames
    train_live(widget, 3)
    assert widget.frames == frames + 3
    left.cancel()
    loop.run_until_complete(asyncio.gather(left, return_exceptions=True))
    loop.close()


def test_a_setting_changed_while_it_trains_keeps_it_training():
    widget = playground.Playground("moons")

    async def play():
        widget.playing = True
        allow(widget, 4)
        await asyncio.sleep(0)
        widget.rate = 0.2
        widget.layers = [9]  # an error: the old network trains on
        assert "layers" in widget.error
        await widget.live.task

    asyncio.run(play())
    assert (widget.playing, widget.frames) == (True, 4)
    assert "layers" in widget.error, "it stays until it is mended"
    assert widget.session.settings.rate == 0.2
    assert widget.session.steps >= 4


class Halving:
    """A student's optimiser."""

    def __init__(self, parameters, rate):
        self.parameters, self.rate = parameters, rate

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None

    def step(self):
        with nnc.no_grad():
            for p in self.parameters:
                p -= self.rate * p.grad


class Doubled(nn.Module):
    """A student's network, not a Sequential."""

    def __init__(self, inputs, classes):
        super().__init__()
        self.layer = nn.Linear(inputs, classes)

    def forward(self, x):
        return 2 * self.layer(x)


def test_own_layers_and_own_optimiser():
    widget = playground.Playground("blobs", model=Doubled, optimizer=Halving, rate=0.1)
    same = playground.Playground(
        "blobs", model=Doubled, optimizer=lambda p, rate: optim.SGD(p, lr=rate), rate=0.1
    )
    assert widget.train(50) == pytest.approx(same.train(50), rel=1e-5)
    assert widget.own == [True, True]
    assert widget.widths == []
    assert len(widget.edges) == 1
    assert widget.program() == ""


def test_a_mistake_in_own_code_is_shown_and_the_playground_lives_on():
    class Broken(Halving):
        def step(self):
            if self.rate < 1:
                raise ZeroDivisionError("my mistake")

    widget = playground.Playground("moons", optimizer=Broken)
    widget._asked(widget, {"do": "step", "serial": 1}, [])
    assert re.fullmatch(r"ZeroDivisionError: my mistake \(line \d+ of step\)", widget.error)
    assert widget.answered == 1
    widget.features = ["x1"]
    assert widget.error == ""
    train_live(widget, 5)
    assert "my mistake" in widget.error
    assert (widget.playing, widget.frames) == (False, 1)
    widget.session.optimizer.rate = 1  # mended from outside: only the next start can tell
    train_live(widget, 2)
    assert (widget.error, widget.frames) == ("", 3)
    widget.features = ["x9"]
    assert "features" in widget.error
    widget.features = ["x1"]
    assert widget.error == ""


class Numbers(Doubled):
    def forward(self, x):
        return x.numpy()


class Narrow(Doubled):
    def forward(self, x):
        return super().forward(x)[:, :1]


class Failing(Doubled):
    def forward(self, x):
        raise KeyError("w")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"model": lambda inputs, classes: None}, "nn.Module.*return"),
        ({"model": lambda inputs, classes: nn.ReLU()}, "no parameters"),
        ({"model": Narrow}, r"\(N, 2\) scores.*\(5, 1\)"),
        ({"model": Numbers}, "Tensor.*ndarray"),
        ({"model": Failing}, "w"),
        ({"optimizer": lambda parameters, rate: None}, r"NoneType has no zero_grad\(\)"),
        ({"optimizer": lambda parameters: None}, "positional"),
    ],
)
def test_wrong_code_of_the_reader_is_told_at_once(wrong, told):
    with pytest.raises(Exception, match=told):
        playground.Playground("moons", **wrong)


def test_a_model_that_fits_one_data_set_only_keeps_the_old_one():
    widget = playground.Playground("moons", model=lambda inputs, classes: nn.Linear(2, 2))
    widget.train(3)
    widget.data = "blobs"
    assert "(N, 3) scores" in widget.error
    assert widget.session.settings.data == "moons"
    train_live(widget, 1)
    assert widget.session.steps > 3


def test_points_drawn_by_hand():
    widget = playground.Playground("own")
    assert widget.session.steps == 0
    widget.train(5)
    assert widget.shown == []
    assert "0" in widget.describe()
    widget.points = [[0, 0, 0], [1, 1, 1]]
    assert widget.shown == [[0, 0, 0], [1, 1, 1]]
    widget.train(5)
    assert widget.session.steps == 5
    with pytest.raises(traitlets.TraitError, match="rows"):
        widget.points = [[0, 0, 5]]


@pytest.mark.parametrize(
    "wrong",
    [{"features": []}, {"features": ["x3"]}, {"layers": [9]}, {"layers": [1] * 5}],
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        playground.Playground(**wrong)


def test_it_speaks_both_languages_and_makes_itself_again():
    for lang in language.LANGUAGES:
        with language.using(lang):
            widget = playground.Playground("circles", layers=[2])
            assert widget.heading.endswith("?")
            data, _metadata = widget._repr_mimebundle_()
            assert data["image/png"]
            copy = eval(repr(widget), {"Playground": playground.Playground})
            assert copy.png() == widget.png()


def test_the_front_end_and_its_words_fit():
    script = Path(playground.__file__).with_suffix(".js").read_text("utf-8")
    used = set(re.findall(r"\bstrings\.(\w+)", script))
    texts = set(playground.Playground.texts)
    assert used <= texts
    families = re.findall(r"strings\[`(\w+_)\$\{", script)
    left = {key for key in texts - used if not any(map(key.startswith, families))}
    assert left == set()


def test_every_rule_is_one_of_the_library():
    parameters = list(nn.Linear(2, 2).parameters())
    for call in names.RULES.values():
        rule = eval(call.format(lr=0.1), {"optim": optim, "parameters": parameters})
        assert isinstance(rule, optim.Optimizer)


def test_features_are_what_they_are_called():
    x = np.array([[0.5, -2.0], [1.5, 3.0]], dtype=np.float32)
    found = names.make_features(x, list(names.FEATURES))
    a, b = x.T
    wanted = [a, b, a**2, b**2, a * b, np.sin(2 * a), np.sin(2 * b)]
    np.testing.assert_allclose(found, np.stack(wanted, axis=1), rtol=1e-6)
    pairs = itertools.pairwise(names.FEATURES)
    assert all(first != second for first, second in pairs)
