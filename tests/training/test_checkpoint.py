"""Trainings that are killed go on from their checkpoint to the very same bits."""

import os
import random
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn, optim
from nncourse.data import DataLoader, RandomSampler, TensorDataset, two_moons
from nncourse.inspection.generators import find_generators, random_states, set_random_states
from nncourse.training import EarlyStopping, fit

EPOCHS = 40

# Everything that has a state: averages, a schedule, masks from the default generator, an order from
# the loader's own, noise in the data set from three more kinds of generator, early stopping.
PROGRAM = """
import random, sys
import numpy as np
import nncourse as nnc
from nncourse import nn, optim
from nncourse.data import DataLoader, two_moons
from nncourse.training import EarlyStopping, fit

class Noisy:
    def __init__(self):
        self.x, self.y = two_moons(64, seed=0)
        self.own = np.random.default_rng(3)
    def __len__(self):
        return len(self.y)
    def __getitem__(self, i):
        noise = self.own.normal() + random.gauss(0, 1) + np.random.normal()
        return self.x[i] + 0.05 * noise, self.y[i]

def train(path, epochs=%d, resume=True, callbacks=()):
    nnc.manual_seed(7)
    random.seed(1)
    np.random.seed(2)
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), Drop(), nn.Linear(16, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.02, amsgrad=True)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, %d)
    early = EarlyStopping(patience=50, monitor="valid_accuracy")
    history = fit(
        model, DataLoader(Noisy(), 16, shuffle=True, seed=5), nn.CrossEntropyLoss(), optimizer,
        epochs, valid=two_moons(50, seed=9), progress=False, scheduler=schedule,
        callbacks=[early, *callbacks], checkpoint=path, resume=resume, accumulate=2, clip_norm=1.0,
    )
    return model, optimizer, history

class Drop(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x, 0.3, self.training)
""" % (EPOCHS, EPOCHS)  # noqa: UP031

MAIN = (
    PROGRAM
    + """
def told(run):
    print(run.epoch, flush=True)

model, optimizer, history = train(sys.argv[1], callbacks=[told])
nnc.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(),
          "history": history.state_dict(), "next": nnc.rand(3)}, sys.argv[2])
"""
)

space: dict = {}
exec(PROGRAM, space)
train = space["train"]


def bits(model, optimizer, history):
    state = optimizer.state_dict()["state"]
    averages = {k: {n: t.numpy().tobytes() for n, t in v.items()} for k, v in state.items()}
    weights = {name: t.numpy().tobytes() for name, t in model.state_dict().items()}
    drawn = (nnc.rand(2).tolist(), random.random(), np.random.random())  # noqa: NPY002
    return weights, averages, history.state_dict(), drawn


@pytest.mark.parametrize("stop", [1, 20, 39])
def test_an_interrupted_training_ends_with_the_same_bits(tmp_path, stop):
    want = bits(*train(tmp_path / "whole", resume=False))
    path = tmp_path / "parts"

    def interrupt(run):
        # After on_epoch_end of this epoch nothing is saved any more: the epoch is done again.
        if run.epoch == stop + 1:
            raise KeyboardInterrupt

    _, _, history = train(path, callbacks=[interrupt])
    assert history.interrupted
    assert bits(*train(path, callbacks=[lambda run: None])) == want
    # A training that is complete stays as it is.
    again = train(path, callbacks=[lambda run: pytest.fail("there was nothing left to do")])
    assert bits(*again)[:3] == want[:3]


def killed_and_resumed(folder, moments):
    """Run the program, killing it at these moments (in seconds of its work); what it writes."""
    script, checkpoint, result = folder / "train.py", folder / "state", folder / "result"
    script.write_text(MAIN)
    command = [sys.executable, str(script), str(checkpoint), str(result)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    kills = 0
    for moment in moments:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()  # it works
        time.sleep(moment)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        process.stdout.close()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    names = {p.name for p in folder.iterdir()}
    # `fit` clears away what its killed writers left; a kill amid the last `save` leaves a file.
    left = names - {"result", "state", "train.py"}
    assert names >= {"result", "state", "train.py"}
    assert all(re.fullmatch(r"\.result\.[0-9a-f]{12}\.tmp", name) for name in left), left
    assert len(left) <= kills
    return result.read_bytes(), kills


def test_killed_trainings_end_with_the_same_bits(tmp_path):
    moments = random.Random(0)
    folders = [tmp_path / "whole", tmp_path / "killed"]
    for folder in folders:
        folder.mkdir()
    want, _ = killed_and_resumed(folders[0], [])
    found, kills = killed_and_resumed(folders[1], [moments.uniform(0, 0.05) for _ in range(3)])
    assert kills >= 1
    assert found == want


@pytest.mark.slow
def test_trainings_killed_at_forty_random_moments(tmp_path):
    moments = random.Random(1)
    whole = tmp_path / "whole"
    whole.mkdir()
    want, _ = killed_and_resumed(whole, [])
    total = 0
    for i in range(8):
        folder = tmp_path / f"{i}"
        folder.mkdir()
        found, kills = killed_and_resumed(folder, [moments.uniform(0, 0.1) for _ in range(5)])
        assert found == want
        total += kills
    assert total >= 15


def small(path, resume=True, loader=None, callbacks=()):
    model = nn.Linear(2, 2)
    data = loader or DataLoader(two_moons(10, seed=0), 5)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    return fit(
        model,
        data,
        nn.CrossEntropyLoss(),
        optimizer,
        2,
        progress=False,
        checkpoint=path,
        resume=resume,
        callbacks=callbacks,
    )


lr = optim.lr_scheduler

SCHEDULES = {
    "StepLR": lambda o: lr.StepLR(o, 2, 0.5),
    "MultiStepLR": lambda o: lr.MultiStepLR(o, [1, 3], 0.5),
    "LambdaLR": lambda o: lr.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "OneCycleLR": lambda o: lr.OneCycleLR(o, max_lr=0.1, total_steps=10),
    "ReduceLROnPlateau": lambda o: lr.ReduceLROnPlateau(o, patience=0, threshold=10.0),
    "SequentialLR": lambda o: lr.SequentialLR(
        o, [lr.ConstantLR(o, 0.1, 2), lr.ExponentialLR(o, 0.9)], milestones=[2]
    ),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_kind_of_schedule_goes_on(name, tmp_path):
    def run(path, interrupted_at=None):
        nnc.manual_seed(0)
        model = nn.Linear(2, 2)
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        def interrupt(run):
            if run.epoch == interrupted_at:
                raise KeyboardInterrupt

        return fit(
            model, DataLoader(two_moons(20, seed=0), 10, shuffle=True), nn.CrossEntropyLoss(),
            optimizer, 5, progress=False, scheduler=SCHEDULES[name](optimizer),
            schedule_by="step" if name == "OneCycleLR" else "epoch",
            checkpoint=path, resume=True, callbacks=[interrupt],
        )  # fmt: skip

    want = run(tmp_path / "whole")
    assert run(tmp_path / "parts", 3).interrupted
    found = run(tmp_path / "parts")
    assert len(found) == 5
    assert found == want
    assert len(set(want.lr)) > 1


def test_without_resume_a_training_starts_anew(tmp_path):
    small(tmp_path / "c")
    first = small(tmp_path / "c")
    anew = small(tmp_path / "c", resume=False)
    assert len(first) == len(anew) == 2
    assert first.loss != anew.loss


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    small(tmp_path / "c")
    with pytest.raises(ValueError, match="callback 0"):
        small(tmp_path / "c", callbacks=[EarlyStopping(monitor="loss")])
    with pytest.raises(ValueError, match=r"other random generators.*loader.generator"):
        small(tmp_path / "c", loader=DataLoader(two_moons(10, seed=0), 5, shuffle=True, seed=1))
    nnc.save({"a": nnc.zeros(1)}, tmp_path / "w")
    with pytest.raises(ValueError, match="no checkpoint"):
        small(tmp_path / "w")
    (tmp_path / "x").write_bytes(b"something")
    with pytest.raises(ValueError, match="bytes"):
        small(tmp_path / "x")
    with pytest.raises(ValueError, match="resume=True needs"):
        small(None)


def test_what_a_killed_writer_left_is_removed(tmp_path):
    mine = tmp_path / ".c.0123456789ab.tmp"
    others = [tmp_path / ".c.tmp", tmp_path / ".d.0123456789ab.tmp"]
    for path in (mine, *others):
        path.write_text("half")
    small(tmp_path / "c")
    assert not mine.exists()
    assert all(path.exists() for path in others)


def test_generators_are_found_wherever_they_are():
    own = [nnc.Generator(i) for i in range(3)]

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.noise = own[0]
            self.both = [own[0], {"a": np.random.default_rng(0)}]
            self.python = random.Random(4)
            self.legacy = np.random.RandomState(1)

    dataset = TensorDataset(nnc.zeros(4, 1))
    loader = DataLoader(dataset, sampler=RandomSampler(dataset, generator=own[1]))
    loader.me = loader  # no end to it
    loader.usual = nnc.default_generator
    found = find_generators(model=nn.Sequential(Layer()), loader=loader)
    assert len(found) == 5
    assert own[0] in found.values()
    assert own[1] in found.values()
    assert own[2] not in found.values()
    states = random_states(found)

    def draws():
        numbers = [nnc.rand(1).item(), random.random(), np.random.random()]  # noqa: NPY002
        for g in found.values():
            if isinstance(g, nnc.Generator):
                numbers.append(g.stream.random())
            else:
                numbers.append(g.random())
        return numbers

    before = draws()
    assert draws() != before
    set_random_states(states, found)
    assert draws() == before
