"""The SG algorithm: one random object, one step, and an estimate of the whole loss on the way.

The loss of all objects, Q(w) = mean of C_i(w), is what is minimised, but computing it takes as long
as an epoch. The source lecture's algorithm estimates it instead from the losses of the objects that
it meets anyway, and stops when the estimate and the weights have settled:

    1  set the weights w, and a first estimate of Q(w)
    2  repeat
    3      choose an object x_i at random
    4      compute its loss C_i(w)
    5      take a step against the gradient: w = w - lr C_i'(w)
    6      update the estimate: Q = (1 - lambda) Q + lambda C_i
    7  until Q and/or w settle

``fit`` trains by epochs and batches; here the objects are drawn with replacement, one at a time,
which keeps C_i'(w) an unbiased estimate of Q'(w) in every step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, xp
from nncourse.data.dataset import TensorDataset
from nncourse.data.loader import DataLoader
from nncourse.nn.module import Module
from nncourse.optim.optimizer import Optimizer
from nncourse.random import Generator, default_generator
from nncourse.training.fit import evaluate

STOPS = ("both", "q", "w", "either", "never")


@dataclass(repr=False)
class SGHistory:
    """What happened, step by step.

    q: the estimate of Q before the first step and after every step.
    loss: the loss C_i of the object of each step, before the step.
    settled: the algorithm stopped by itself; otherwise it ran out of steps or was interrupted.
    """

    q: list[float] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    settled: bool = False
    interrupted: bool = False

    def __len__(self) -> int:
        """The number of steps."""
        return len(self.loss)

    def __repr__(self) -> str:
        end = "settled" if self.settled else "interrupted" if self.interrupted else "not settled"
        return f"SGHistory({len(self)} steps, Q={self.q[-1]:.4f}, {end})"


def sg(
    model: Module,
    data: Any,
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    *,
    smoothing: float = 0.01,
    stop: str = "both",
    tolerance_q: float = 1e-3,
    tolerance_w: float = 1e-3,
    window: int | None = None,
    max_steps: int = 100_000,
    scheduler: Any = None,
    seed: int | None = None,
) -> SGHistory:
    """Train ``model`` by the SG algorithm; return the history of Q.

    data: tensors or arrays (x, y), or a ``TensorDataset``; loss: called as loss(model(x), y) with
    a batch of one object.
    optimizer: the step; SGD without momentum is the lecture's. scheduler: a schedule of its rate,
    one step per object. With a constant rate w settles only if all losses are least at the same w;
    otherwise it keeps wandering around the minimum, the further the larger the rate.
    smoothing: lambda; the estimate remembers about 1 / lambda objects.
    stop: what must settle: "both" Q and w, "q", "w", "either" of them, or "never".
    window: Q and w are compared with what they were so many steps ago (1 / lambda if not given).
    Q has settled when it differs by at most tolerance_q of its first estimate, w when it differs
    in length by at most tolerance_w of its own.
    max_steps: where to stop in any case. seed: of the choice of objects; the default generator
    chooses if none is given.
    """
    dataset = data if isinstance(data, TensorDataset) else TensorDataset(*data)
    if not 0 < smoothing <= 1:
        raise ValueError(f"smoothing must be above 0 and at most 1; got {smoothing}")
    if stop not in STOPS:
        raise ValueError(f"stop must be one of {', '.join(STOPS)}; got {stop!r}")
    window = max(1, round(1 / smoothing)) if window is None else window
    if window < 1:
        raise ValueError(f"window must be at least one step; got {window}")
    stream = (default_generator if seed is None else Generator(seed)).stream
    x, y = dataset.tensors
    n = len(dataset)
    q = evaluate(model, DataLoader(dataset, batch_size=1024), loss)["loss"]
    model.train()
    history = SGHistory([q])
    scale = abs(q)
    q_before, w_before = q, _weights(model)
    try:
        for step in range(1, max_steps + 1):
            i = int(stream.integers(n))
            optimizer.zero_grad()
            value = loss(model(x[i : i + 1]), y[i : i + 1])
            value.backward()
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
            c = value.item()
            q = (1 - smoothing) * q + smoothing * c
            history.loss.append(c)
            history.q.append(q)
            if step % window == 0:
                w = _weights(model)
                still = abs(q - q_before) <= tolerance_q * scale
                there = _length(w - w_before) <= tolerance_w * _length(w)
                answers = {"both": still and there, "q": still, "w": there, "never": False}
                if answers.get(stop, still or there):
                    history.settled = True
                    break
                q_before, w_before = q, w
    except KeyboardInterrupt:
        history.interrupted = True
    return history


def _weights(model: Module) -> Array:
    """All parameters as one vector, copied."""
    return xp.concatenate([p._data for p in model.parameters()], None)


def _length(vector: Array) -> float:
    return float(xp.sqrt(vector.dot(vector)))
