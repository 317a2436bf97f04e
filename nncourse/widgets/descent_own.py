"""Descent on a loss of the reader's own: its surface, its gradient, its path.

The loss is a function of one or two weights. Its gradient comes from autograd, or from the reader,
and then it is held against differences.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

import nncourse as nnc
from nncourse.language import catalogue
from nncourse.widgets.explorer import normals
from nncourse.widgets.numbers import format_number
from nncourse.widgets.own import slope_of

_ = catalogue("widgets")

FAR = 1e6  # a weight beyond this has flown away
PATIENCE = 2.0  # seconds for the surface
POINTS = {1: 121, 2: 61}  # places on an axis where the surface is computed

Function: TypeAlias = Callable[[Any], Any]
Loss: TypeAlias = Function | tuple[Function, Function]


@dataclass
class Path:
    """A descent: w (steps + 1, d), Q(w), the smoothed Q, and the loss of each step's batch."""

    w: list[list[float]]
    risk: list[float]
    smooth: list[float]
    batch: list[float] = field(default_factory=list)


class OwnLoss:
    """A loss of ``coordinates`` weights (1 or 2; tried in this order if None).

    ``low`` and ``high`` are the limits of its picture, ``ticks`` the places, ``surface`` the values
    there, (121,) or (61, 61) with a row for each second weight; ``wrong`` says how the reader's
    gradient differs from a difference, "" if it does not. Raises what the loss raises, and where it
    returns no number.
    """

    def __init__(self, loss: Loss, coordinates: int | None = None, reach: float = 3.0) -> None:
        if not (callable(loss) or (isinstance(loss, tuple) and len(loss) == 2)):
            got = type(loss).__name__
            raise TypeError(_("a function is needed, or a pair of them; got {got}", got=got))
        self.loss = loss
        size = coordinates or self._coordinates()
        if size not in POINTS:
            raise ValueError(_("a start has one or two numbers; got {count}", count=size))
        self.low, self.high = [-reach] * size, [reach] * size
        self.start = [round(0.75 * reach, 3), round(0.6 * reach, 3)][:size]
        self.value_and_slope(np.array(self.start))
        self.ticks = [np.linspace(-reach, reach, POINTS[size])] * size
        self.surface = self._surface()
        self.wrong = self._wrong() if isinstance(loss, tuple) else ""

    def _coordinates(self) -> int:
        try:
            self.value(np.array([0.5]))
        except Exception as first:
            try:
                self.value(np.array([0.5, 0.5]))
            except Exception:
                raise first from None
            return 2
        return 1

    @np.errstate(all="ignore")
    def value(self, w: np.ndarray) -> float:
        """Q(w)."""
        if isinstance(self.loss, tuple):
            return _number(self.loss[0](w.copy()), w)
        with nnc.no_grad():
            return _number(self.loss(nnc.tensor(w)), w)

    @np.errstate(all="ignore")
    def value_and_slope(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        """Q(w) and its gradient, (d,)."""
        if isinstance(self.loss, tuple):
            found = np.asarray(self.loss[1](w.copy()), dtype=np.float64)
            if found.shape != w.shape:
                text = _("the gradient must have the shape of w, {want}; it has {got}",
                         want=w.shape, got=found.shape)  # fmt: skip
                raise ValueError(text)
            return self.value(w), found
        x = nnc.tensor(w, requires_grad=True)
        q = self.loss(x)
        number = _number(q, w)
        return number, slope_of(q, x)

    def _surface(self) -> np.ndarray:
        end = time.perf_counter() + PATIENCE
        places = np.stack(np.meshgrid(*self.ticks), axis=-1)
        found = np.empty(places.shape[:-1])
        for place in np.ndindex(found.shape):
            found[place] = self.value(places[place])
            if time.perf_counter() > end:
                text = _("{n} values took more than {seconds} s: too slow to draw",
                         n=found.size, seconds=f"{PATIENCE:g}")  # fmt: skip
                raise TimeoutError(text)
        if not np.isfinite(found).any():
            raise ValueError(_("the loss is no number anywhere between {low} and {high}",
                               low=self.low[0], high=self.high[0]))  # fmt: skip
        return found

    def _wrong(self) -> str:
        """What is wrong with the reader's gradient, at a few places."""
        for shift in (0.0, 0.31, -0.47):
            w = np.array(self.start) * (1 - 0.8 * shift) + shift
            given = self.value_and_slope(w)[1]
            steps = 1e-5 * np.eye(len(w))
            true = np.array([(self.value(w + h) - self.value(w - h)) / 2e-5 for h in steps])
            size = np.linalg.norm(given) + np.linalg.norm(true)
            if np.isfinite(true).all() and not np.linalg.norm(given - true) <= 1e-4 * size + 1e-7:
                names = ["; ".join(map(format_number, map(float, one))) for one in (w, given, true)]
                return _("Your gradient at w = {w} is {given}; differences give {true}.",
                         w=names[0], given=names[1], true=names[2])  # fmt: skip
        return ""


def walk(
    loss: OwnLoss, *, rate: float, noise: float, smoothing: float, start: Sequence[float],
    seed: int, total: int,
) -> Path:  # fmt: skip
    """Steps w := w - rate * gradient, as ``descent.descend`` without batches.

    The path ends early where w flies away or Q or its gradient is no number.
    """
    bell = normals(seed)
    w = np.array(start, dtype=np.float64)
    q, slope = loss.value_and_slope(w)
    smooth = q
    path = Path([w.tolist()], [q], [q])
    for _step in range(total):
        if noise:
            slope = slope + noise * np.array([next(bell) for _coordinate in w])
        w = w - rate * slope
        if not np.abs(w).max() < FAR:
            break
        smooth = (1 - smoothing) * smooth + smoothing * q
        q, slope = loss.value_and_slope(w)
        path.w.append(w.tolist())
        path.risk.append(q)
        path.smooth.append(smooth)
        if not np.isfinite(q):
            break
    return path


def _number(q: Any, w: np.ndarray) -> float:
    found = np.asarray(q.detach().numpy() if isinstance(q, nnc.Tensor) else q)
    if found.size != 1 or found.dtype.kind not in "fiu":
        text = _("the loss must return one number for w of shape {want}; it returned {got}",
                 want=w.shape, got=f"{type(q).__name__} {found.shape}")  # fmt: skip
        raise ValueError(text)
    return float(found.reshape(()))
