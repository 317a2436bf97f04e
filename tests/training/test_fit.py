"""The training loop, its history and its progress bar."""

import io
import sys

import numpy as np
import pytest

import nncourse as nnc
from nncourse import language, nn, optim
from nncourse.data import DataLoader, two_moons
from nncourse.training import History, evaluate, fit, metrics
from nncourse.training.progress import Progress, in_notebook, line


def setup(seed=0):
    nnc.manual_seed(seed)
    x, y = two_moons(100, seed=seed)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.05)
    return model, DataLoader((x, y), 32, shuffle=True, seed=seed), optimizer, (x, y)


def test_fit_is_the_loop_written_by_hand():
    model, loader, optimizer, _ = setup()
    history = fit(model, loader, nn.CrossEntropyLoss(), optimizer, 3, progress=False)

    again, loader, optimizer, _ = setup()
    losses = []
    for _ in range(3):
        total, right = 0.0, 0
        for x, y in loader:
            optimizer.zero_grad()
            scores = again(x)
            loss = nn.functional.cross_entropy(scores, y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
            right += (scores.argmax(1) == y).sum().item()
        losses.append(total / 100)
    assert history.loss == losses
    assert history.accuracy[-1] == right / 100
    for p, q in zip(model.parameters(), again.parameters()):
        assert nnc.equal(p, q)


def test_history_with_validation():
    model, loader, optimizer, (x, y) = setup()
    history = fit(model, loader, nn.CrossEntropyLoss(), optimizer, 5, valid=(x, y), progress=False)
    assert len(history) == 5
    for values in (history.loss, history.accuracy, history.valid_loss, history.valid_accuracy):
        assert len(values) == 5
    assert history.loss[-1] < history.loss[0]
    with nnc.no_grad():
        loss = nn.functional.cross_entropy(model(x), y).item()
        accuracy = (model(x).argmax(1) == y).float().mean().item()
    np.testing.assert_allclose(history.valid_loss[-1], loss, rtol=1e-6)
    np.testing.assert_allclose(history.valid_accuracy[-1], accuracy, rtol=1e-6)
    text = repr(history)
    assert text.startswith("History(5 epochs: loss=")
    assert "valid_accuracy=" in text
    small = DataLoader((x, y), 7)
    assert evaluate(model, small, nn.CrossEntropyLoss())["accuracy"] == history.valid_accuracy[-1]


def test_regression_has_no_accuracy():
    x = nnc.linspace(-1, 1, 20).reshape(20, 1)
    model = nn.Linear(1, 1)
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    loader = DataLoader((x, 3 * x + 1), 20)
    history = fit(model, loader, nn.MSELoss(), optimizer, 200, valid=(x, 3 * x + 1), progress=False)
    assert history.accuracy == history.valid_accuracy == []
    assert history.loss[-1] < 1e-8
    np.testing.assert_allclose([model.weight.item(), model.bias.item()], [3, 1], atol=1e-4)


def test_training_mode_on_and_off():
    modes = []

    class Spy(nn.Linear):
        def forward(self, x):
            modes.append((self.training, nnc.is_grad_enabled()))
            return super().forward(x)

    model = Spy(2, 2)
    x, y = two_moons(10, seed=0)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    fit(model, DataLoader((x, y), 5), nn.CrossEntropyLoss(), optimizer, 1, (x, y), progress=False)
    assert modes == [(True, True), (True, True), (False, False)]


def test_an_interrupt_keeps_the_history():
    model, loader, optimizer, data = setup()
    calls = []

    def loss(prediction, target):
        calls.append(1)
        if len(calls) == 11:  # in the third epoch of four batches and a validation
            raise KeyboardInterrupt
        return nn.functional.cross_entropy(prediction, target)

    history = fit(model, loader, loss, optimizer, 100, valid=data, progress=False)
    assert len(history) == len(history.valid_loss) == 2
    assert history.interrupted
    assert "interrupted" in repr(history)


def test_repr_of_an_empty_history():
    assert repr(History()) == "History(0 epochs)"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_in_a_terminal_is_one_line_on_stderr(monkeypatch, capsys):
    pytest.importorskip("tqdm", reason="tqdm is not installed: it draws the bar in terminals")
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    model, loader, optimizer, data = setup()
    with language.using("en"):
        fit(model, loader, nn.CrossEntropyLoss(), optimizer, 2, valid=data)
    text = stream.getvalue()
    assert text.startswith("\r")
    assert text.count("\n") == 1
    last = text.rstrip("\n").split("\r")[-1]
    assert last.startswith("epochs 2/2 |")
    assert " loss 0." in last
    assert "validation accuracy" in last
    assert capsys.readouterr().out == ""


def test_progress_in_a_terminal_without_tqdm_is_the_last_line(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    model, loader, optimizer, _ = setup()
    with language.using("en"):
        fit(model, loader, nn.CrossEntropyLoss(), optimizer, 2)
        assert stream.getvalue().startswith("epoch 2 of 2 [████████████████████████]  loss 0.")
        assert stream.getvalue().count("\n") == 1
        with pytest.raises(ImportError, match=r"nncourse\[course\]"):
            fit(model, loader, nn.CrossEntropyLoss(), optimizer, 2, progress="tqdm")
        with pytest.raises(ValueError, match="progress must be"):
            fit(model, loader, nn.CrossEntropyLoss(), optimizer, 2, progress="bar")


def test_progress_in_a_file_is_the_last_line_only(capsys):
    model, loader, optimizer, _ = setup()
    with language.using("en"):
        fit(model, loader, nn.CrossEntropyLoss(), optimizer, 2)
    assert capsys.readouterr().err.count("epoch") == 1


def test_no_progress_when_not_wanted(capsys):
    model, loader, optimizer, _ = setup()
    fit(model, loader, nn.CrossEntropyLoss(), optimizer, 1, progress=False)
    assert capsys.readouterr() == ("", "")


def test_the_bar_as_text():
    with language.using("en"):
        assert line(1, 4, {}) == "epoch 1 of 4 [██████··················]"
        assert line(0, 0, {}).startswith("epoch 0 of 0 [█")
        assert line(4, 4, {"loss": 0.5}).endswith("]  loss 0.5000")
    assert not in_notebook()
    Progress(3, shown=False).update(1, {})


NOTEBOOK = """\
import nncourse as nnc
from nncourse import nn, optim
nnc.manual_seed(0)
data = nnc.data.two_moons(100, seed=0)
model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
loader = nnc.data.DataLoader(data, 10, shuffle=True, seed=0)
optimizer = optim.Adam(model.parameters(), lr=0.05)
history = nnc.training.fit(model, loader, nn.CrossEntropyLoss(), optimizer, 30)
"""


def test_progress_in_a_notebook_is_one_output_that_stays_the_same():
    nbclient = pytest.importorskip(
        "nbclient", reason="nbclient is not installed: no notebook to run"
    )
    nbformat = pytest.importorskip(
        "nbformat", reason="nbformat is not installed: no notebook to run"
    )
    found = []
    for _ in range(2):
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [nbformat.v4.new_code_cell(NOTEBOOK)]
        nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
        found.append(notebook.cells[0].outputs)
    (output,) = found[0]
    assert output.output_type == "display_data"
    assert " 30 " in output.data["text/plain"]
    assert "·" not in output.data["text/plain"]
    assert found[0] == found[1]


def test_gradients_are_accumulated_to_those_of_a_large_batch():
    found = []
    for size, accumulate in ((30, 1), (10, 3), (6, 5)):
        model, _, _, (x, y) = setup()
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        loader = DataLoader((x[:90], y[:90]), size)
        loss = nn.CrossEntropyLoss()
        fit(model, loader, loss, optimizer, 3, progress=False, accumulate=accumulate)
        found.append(np.concatenate([p.detach().numpy().ravel() for p in model.parameters()]))
        assert optimizer.steps_taken == 9
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-4, atol=1e-6)


def test_batches_left_over_make_a_step_of_their_own():
    model, _, optimizer, (x, y) = setup()
    loader = DataLoader((x, y), 30)  # 4 batches: 3 and 1
    fit(model, loader, nn.CrossEntropyLoss(), optimizer, 2, progress=False, accumulate=3)
    assert optimizer.steps_taken == 4


def test_gradients_are_clipped_before_the_step():
    model, loader, _, _ = setup()
    optimizer = optim.SGD(model.parameters(), lr=1.0)
    before = nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    moves = []

    def moved(run):
        nonlocal before
        after = nn.utils.parameters_to_vector(model.parameters()).detach().clone()
        moves.append((after - before).pow(2).sum().sqrt().item())
        before = after

    class EveryBatch:
        on_batch_end = staticmethod(moved)

    fit(
        model,
        loader,
        lambda p, y: 100 * nn.functional.cross_entropy(p, y),
        optimizer,
        2,
        progress=False,
        clip_norm=0.01,
        callbacks=[EveryBatch()],
    )
    assert len(moves) == 8
    np.testing.assert_allclose(moves, 0.01, rtol=1e-3)


def test_schedules_by_epoch_by_step_and_by_watching():
    for by, want in (
        ("epoch", [0.1, 0.05, 0.025]),
        ("step", [0.1 / 2**4, 0.1 / 2**8, 0.1 / 2**12]),
    ):
        model, loader, _, _ = setup()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        schedule = optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
        history = fit(
            model, loader, nn.CrossEntropyLoss(), optimizer, 3, progress=False,
            scheduler=schedule, schedule_by=by,
        )  # fmt: skip
        np.testing.assert_allclose(history.lr, want)
    model, loader, _, data = setup()
    optimizer = optim.SGD(model.parameters(), lr=1e-9)  # too small to change anything
    watching = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, eps=0)
    history = fit(
        model, loader, nn.CrossEntropyLoss(), optimizer, 5, data, progress=False, scheduler=watching
    )
    assert history.lr[:3] == [1e-9] * 3
    assert history.lr[3] == pytest.approx(1e-10)


def test_metrics_are_measured_on_all_of_the_validation_data():
    model, loader, optimizer, (x, y) = setup()
    history = fit(
        model,
        loader,
        nn.CrossEntropyLoss(),
        optimizer,
        2,
        valid=DataLoader((x, y), 7),
        progress=False,
        metrics={"perplexity": metrics.perplexity, "n": lambda p, t: len(t)},
    )
    assert history.metrics["n"] == [100, 100]
    np.testing.assert_allclose(history.metrics["perplexity"], np.exp(history.valid_loss), rtol=1e-5)
    assert "perplexity=" in repr(history)


def test_a_stream_without_length_can_be_trained_on():
    class Stream(nnc.data.IterableDataset):
        def __iter__(self):
            x, y = two_moons(20, seed=0)
            return iter(zip(x, y))

    model, _, optimizer, _ = setup()
    history = fit(
        model, DataLoader(Stream(), 5), nn.CrossEntropyLoss(), optimizer, 2, progress=False
    )
    assert len(history) == 2
    assert optimizer.steps_taken == 8


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule_by": "batch"}, "schedule_by"),
        ({"accumulate": 0}, "accumulate"),
        ({"metrics": {"a": metrics.accuracy}}, "valid="),
        ({"resume": True}, "path"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    model, loader, optimizer, _ = setup()
    with pytest.raises(ValueError, match=message):
        fit(model, loader, nn.CrossEntropyLoss(), optimizer, 1, progress=False, **settings)


def recipe(seed):
    """The two-layer network of the lectures on the digits."""
    nnc.manual_seed(seed)
    train, test = nnc.data.digits(split=True)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
    loader = DataLoader(train, 32, shuffle=True)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    return fit(model, loader, nn.CrossEntropyLoss(), optimizer, 30, valid=test, progress=False)


def test_two_layers_read_97_percent_of_held_out_digits():
    # The median over ten seeds, on the fixed split.
    accuracies = [recipe(seed).valid_accuracy[-1] for seed in range(10)]
    assert np.median(accuracies) >= 0.97, accuracies
    assert min(accuracies) > 0.955
