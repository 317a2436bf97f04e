"""The training loop: forward, loss, backward, step, over and over.

Lectures write this loop by hand first; ``fit`` is the same loop with a progress bar and a history,
and with what long trainings need: validation, schedules, callbacks, checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy

from nncourse.autograd.mode import no_grad
from nncourse.autograd.tensor import Tensor
from nncourse.backend import CPU
from nncourse.data.loader import DataLoader
from nncourse.nn.module import Module
from nncourse.nn.utils import clip_grad_norm_
from nncourse.optim.lr_scheduler import ReduceLROnPlateau
from nncourse.optim.optimizer import Optimizer
from nncourse.training.callbacks import Run, as_callback
from nncourse.training.history import History
from nncourse.training.progress import Progress

Loss = Callable[[Tensor, Tensor], Tensor]
Metric = Callable[[Tensor, Tensor], float]


class _Mean:
    """Means over batches of different sizes. Right answers are counted where there are classes."""

    def __init__(self) -> None:
        self.loss = 0.0
        self.right = 0
        self.answers = 0
        self.examples = 0

    def add(self, prediction: Tensor, target: Tensor, loss: float) -> None:
        n = len(target)
        self.loss += loss * n
        self.examples += n
        scores, classes = prediction._data, target._data
        if classes.dtype.kind in "iu" and scores.shape[:-1] == classes.shape:
            self.right += int((scores.argmax(-1) == classes).sum())
            self.answers += classes.size

    def numbers(self, prefix: str = "") -> dict[str, float]:
        found = {}
        if self.examples:
            found[prefix + "loss"] = self.loss / self.examples
        if self.answers:
            found[prefix + "accuracy"] = self.right / self.answers
        return found


def fit(
    model: Module,
    loader: Any,
    loss: Loss,
    optimizer: Optimizer,
    epochs: int,
    valid: Any = None,
    progress: bool | str = True,
    *,
    scheduler: Any = None,
    schedule_by: str = "epoch",
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Iterable[Any] = (),
    accumulate: int = 1,
    clip_norm: float | None = None,
    checkpoint: Any = None,
    resume: bool = False,
) -> History:
    """Train ``model`` for ``epochs`` passes over ``loader``; return what happened.

    loader: batches (x, y), as a ``DataLoader`` yields them; they are moved to the model's device.
    loss: called as loss(model(x), y); a mean over the batch.
    valid: what to measure the model on after every epoch: a pair of tensors (x, y), or a loader.
    progress: show a progress bar; "tqdm" for that of ``tqdm.auto`` everywhere.
    scheduler: a schedule of the learning rate, one step per epoch, or per step of the optimiser
    with schedule_by="step". ``ReduceLROnPlateau`` watches the validation loss, if there is one.
    metrics: functions of all (predictions, targets) of ``valid``, by name: see ``metrics``.
    callbacks: see ``Callback``; functions are called after every epoch. ``EarlyStopping`` is one.
    accumulate: a step of the optimiser after so many batches, with the mean of their gradients.
    clip_norm: the greatest length of the gradient, see ``clip_grad_norm_``.
    checkpoint: a path; the state of the training is written there after every epoch. With
    ``resume``, a training whose file is there goes on from it and ends with the same numbers, to
    the last bit, as one that was never interrupted; build everything as for the first start.

    Where y holds classes (integers) and the model returns scores for each, accuracy is recorded as
    well. An interrupt from the keyboard stops the training and keeps what has been reached; the
    epoch that was under way is not in the history.
    """
    if schedule_by not in ("epoch", "step"):
        raise ValueError(f"schedule_by must be 'epoch' or 'step'; got {schedule_by!r}")
    if accumulate < 1:
        raise ValueError(f"accumulate is a number of batches, at least 1; got {accumulate}")
    if metrics and valid is None:
        raise ValueError("metrics are measured on validation data: pass valid=")
    if resume and checkpoint is None:
        raise ValueError("resume=True needs the path of a checkpoint to go on from")
    if isinstance(valid, tuple | list):
        valid = DataLoader(tuple(valid), batch_size=1024)
    run = Run(model, loader, loss, optimizer, scheduler, epochs, History())
    called = [as_callback(given) for given in callbacks]
    file = None
    if checkpoint is not None:
        from nncourse.training.checkpoint import Checkpoint  # brings in what looks into networks

        file = Checkpoint(checkpoint, run, called)
        if resume:
            file.load()
    stepping = _Stepping(run, called, accumulate, clip_norm, schedule_by == "step")
    bar = Progress(epochs, progress)
    history = run.history
    _tell(called, "on_start", run)
    try:
        while run.epoch < epochs and run.stop is None:
            numbers = stepping.epoch(bar)
            if valid is not None:
                numbers |= evaluate(model, valid, loss, "valid_", metrics)
            lr = optimizer.param_groups[0]["lr"]
            if scheduler is not None and schedule_by == "epoch":
                watched = numbers.get("valid_loss", numbers.get("loss"))
                plateau = isinstance(scheduler, ReduceLROnPlateau)
                scheduler.step(watched) if plateau else scheduler.step()
            history.add(numbers, lr)
            run.epoch += 1
            bar.update(run.epoch, numbers)
            _tell(called, "on_epoch_end", run)
            if file is not None:
                file.save()
    except KeyboardInterrupt:
        history.interrupted = True
    history.stopped = run.stop
    _tell(called, "on_end", run)
    bar.update(len(history), history.last(), final=True)
    return history


def _tell(callbacks: list[Any], what: str, run: Run) -> None:
    for callback in callbacks:
        method = getattr(callback, what, None)
        if method is not None:
            method(run)


class _Stepping:
    """Passes over the data, with the optimiser's steps in them."""

    def __init__(
        self,
        run: Run,
        callbacks: list[Any],
        accumulate: int,
        clip_norm: float | None,
        schedule: bool,
    ) -> None:
        self.run, self.callbacks = run, callbacks
        self.accumulate, self.clip_norm, self.schedule = accumulate, clip_norm, schedule

    def epoch(self, bar: Progress) -> dict[str, float]:
        """One pass; returns its mean loss and accuracy."""
        run = self.run
        model, loss, optimizer = run.model, run.loss, run.optimizer
        model.train()
        mean = _Mean()
        batches = _length(run.loader)
        run.batch = waiting = 0
        for x, y in _batches(run.loader, model):
            if not waiting:
                optimizer.zero_grad()
            prediction = model(x)
            value = loss(prediction, y)
            value.backward()
            waiting += 1
            if waiting == self.accumulate:
                waiting = self._step(waiting)
            run.batch += 1
            run.batch_loss = value.item()
            mean.add(prediction, y, run.batch_loss)
            _tell(self.callbacks, "on_batch_end", run)
            share = run.batch / batches if batches else 0.0
            bar.update(run.epoch + share, run.history.last())
        if waiting:
            self._step(waiting)
        return mean.numbers()

    def _step(self, waiting: int) -> int:
        """Step with the mean of so many gradients; none wait afterwards."""
        optimizer = self.run.optimizer
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        if waiting > 1:
            with no_grad():
                for p in parameters:
                    if p.grad is not None:
                        p.grad.mul_(1 / waiting)
        if self.clip_norm is not None:
            clip_grad_norm_(parameters, self.clip_norm)
        optimizer.step()
        if self.schedule and self.run.scheduler is not None:
            self.run.scheduler.step()
        return 0


def _batches(loader: Any, model: Module) -> Iterator[Any]:
    """The batches of a loader, on the device of the model."""
    place = next((p.device for p in model.parameters()), CPU)
    if place == CPU:
        return iter(loader)
    return ([t.to(place) if isinstance(t, Tensor) else t for t in batch] for batch in loader)


def _length(loader: Any) -> int | None:
    """How many batches, where that is known beforehand."""
    try:
        return len(loader)
    except TypeError:
        return None


def evaluate(
    model: Module,
    loader: Any,
    loss: Loss,
    prefix: str = "",
    metrics: Mapping[str, Metric] | None = None,
) -> dict[str, float]:
    """Mean loss, and accuracy where there are classes, over a loader; nothing is learned.

    metrics: functions of all predictions and targets, put together along their first axis.
    """
    mean = _Mean()
    seen: list[tuple[Tensor, Tensor]] = []
    model.eval()
    with no_grad():
        for x, y in _batches(loader, model):
            prediction = model(x)
            mean.add(prediction, y, loss(prediction, y).item())
            if metrics:
                seen.append((prediction, y))
    numbers = mean.numbers(prefix)
    if metrics and seen:
        predictions, targets = (
            Tensor(numpy.concatenate([t._data for t in tensors])) for tensors in zip(*seen)
        )
        numbers |= {name: float(f(predictions, targets)) for name, f in metrics.items()}
    return numbers
