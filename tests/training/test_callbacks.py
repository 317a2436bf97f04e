"""Callbacks, and stopping early."""

import math

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn, optim
from nncourse.data import DataLoader, two_moons
from nncourse.training import Callback, EarlyStopping, fit


def trained(callbacks, epochs=10, valid_losses=None, **settings):
    """Train a small network; what it is told about its validation loss may be made up."""
    nnc.manual_seed(0)
    model = nn.Linear(2, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(two_moons(20, seed=0), 10)
    told = iter(valid_losses or ())

    def loss(prediction, y):
        if model.training or valid_losses is None:
            return nn.functional.cross_entropy(prediction, y)
        return nnc.tensor(next(told))

    history = fit(
        model,
        loader,
        loss,
        optimizer,
        epochs,
        valid=two_moons(20, seed=1),
        progress=False,
        callbacks=callbacks,
        **settings,
    )
    return model, history


def test_callbacks_are_called_in_order():
    calls = []

    class Noting(Callback):
        def on_start(self, run):
            calls.append(("start", run.epoch))

        def on_batch_end(self, run):
            calls.append(("batch", run.epoch, run.batch))
            assert math.isfinite(run.batch_loss)

        def on_epoch_end(self, run):
            calls.append(("epoch", run.epoch, len(run.history)))

        def on_end(self, run):
            calls.append(("end", run.epoch))

    trained([Noting(), lambda run: calls.append("function")], epochs=2)
    epoch = [("batch", 0, 1), ("batch", 0, 2), ("epoch", 1, 1), "function"]
    second = [("batch", 1, 1), ("batch", 1, 2), ("epoch", 2, 2), "function"]
    assert calls == [("start", 0), *epoch, *second, ("end", 2)]


def test_a_callback_ends_the_training():
    def enough(run):
        if run.epoch == 3:
            run.stop = "enough"

    _, history = trained([enough])
    assert len(history) == 3
    assert history.stopped == "enough"
    assert repr(history).endswith(", enough)")


def test_what_is_no_callback_is_refused():
    with pytest.raises(TypeError, match="got int"):
        trained([3])


def test_early_stopping_waits_and_restores_the_best_weights():
    losses = [5.0, 4.0, 3.0, 3.5, 3.0, 2.95, 9.0]
    weights = []

    def note(run):
        weights.append(run.model.weight.detach().clone())

    early = EarlyStopping(patience=3, min_delta=0.1)
    model, history = trained([note, early], valid_losses=losses)
    assert len(history) == 6  # 2.95 is no better than 3 by more than 0.1
    assert history.stopped == "no better valid_loss in 3 epochs"
    assert (early.best, early.best_epoch) == (3.0, 3)
    assert nnc.equal(model.weight, weights[2])
    early = EarlyStopping(patience=3, min_delta=0.01)
    _, history = trained([early], valid_losses=[*losses, 9.0, 9.0])
    assert len(history) == 9
    assert early.best_epoch == 6
    weights.clear()
    model, _ = trained(
        [note, EarlyStopping(patience=1, restore_best=False)], valid_losses=[1.0, 2.0]
    )
    assert nnc.equal(model.weight, weights[1])


def test_the_best_weights_come_back_also_at_the_last_epoch_and_after_an_interrupt():
    early = EarlyStopping(patience=5)
    weights = []
    model, history = trained(
        [lambda run: weights.append(run.model.weight.detach().clone()), early],
        epochs=3,
        valid_losses=[1.0, 2.0, 3.0],
    )
    assert history.stopped is None
    assert nnc.equal(model.weight, weights[0])

    def interrupt(run):
        if run.epoch == 2:
            raise KeyboardInterrupt

    model, history = trained([early, interrupt], valid_losses=[1.0, 2.0])
    assert history.interrupted
    assert nnc.equal(model.weight, weights[0])


def test_nan_is_never_better_and_larger_may_be():
    early = EarlyStopping(patience=2)
    _, history = trained([early], valid_losses=[math.nan, 1.0, math.nan, math.nan])
    assert early.best_epoch == 2
    assert len(history) == 4
    assert EarlyStopping(monitor="valid_accuracy").mode == "max"
    early = EarlyStopping(patience=2, mode="max")
    trained([early], valid_losses=[1.0, 3.0, 2.0, 2.0])
    assert early.best == 3.0


def test_one_object_may_stop_several_trainings():
    early = EarlyStopping(patience=1)
    trained([early], valid_losses=[1.0, 2.0])
    _, history = trained([early], valid_losses=[5.0, 4.0, 6.0])
    assert len(history) == 3
    assert early.best == 4.0


def test_mistakes_in_early_stopping_are_named():
    with pytest.raises(ValueError, match="patience"):
        EarlyStopping(patience=0)
    with pytest.raises(ValueError, match="mode"):
        EarlyStopping(mode="best")
    with pytest.raises(ValueError, match=r"'r2'.*loss, accuracy, valid_loss"):
        trained([EarlyStopping(monitor="r2")])
    nnc.manual_seed(0)
    model = nn.Linear(2, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(two_moons(20, seed=0), 10)
    with pytest.raises(ValueError, match="pass valid="):
        fit(
            model, loader, nn.CrossEntropyLoss(), optimizer, 2, progress=False,
            callbacks=[EarlyStopping()],
        )  # fmt: skip


def test_the_state_of_early_stopping_goes_on():
    first = EarlyStopping(patience=3)
    trained([first], epochs=3, valid_losses=[1.0, 2.0, 3.0])
    second = EarlyStopping(patience=3)
    second.load_state_dict(first.state_dict())
    assert (second.best, second.best_epoch, second.waited) == (1.0, 1, 2)
    assert np.array_equal(second._weights["weight"], first._weights["weight"])
