"""The perceptron: one neuron with a step activation, and the rule by which it learns.

A step has no useful derivative, so the engine of gradients has nothing to do here: the rule of
Rosenblatt (1957) corrects the weights by hand, one misjudged example at a time. PyTorch has no such
class. The arrays are NumPy's, and every correction is remembered, so that lectures can show them
and the bound of Novikoff (1962) can be checked.

Everywhere in this file the threshold is the weight w0 of a constant feature x0 = -1, and stands
first: weight = (w0, w1, ..., wn).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

TINY = 1e-10  # relative to the data: below it a margin counts as zero


def extend(x: Any) -> np.ndarray:
    """Put the constant feature x0 = -1 in front: (..., n) becomes (..., n + 1), float64."""
    x = np.asarray(x, dtype=np.float64)
    if x.ndim == 0:
        raise ValueError("extend: x is a single number; an example is a list of features (n,)")
    return np.concatenate([np.full((*x.shape[:-1], 1), -1.0), x], axis=-1)


@dataclass
class Corrections:
    """What happened while a perceptron learned.

    weights[k] (n + 1,) is the weight after k corrections and examples[k] the number of the example
    that correction k + 1 was made on. ``converged``: a whole pass needed none. ``cycle``: how many
    corrections the weights take to come back to where they were, 0 where they did not.
    """

    weights: list[np.ndarray]
    examples: list[int] = field(default_factory=list)
    converged: bool = False
    cycle: int = 0

    def __len__(self) -> int:
        return len(self.examples)


class Perceptron:
    """1 where w1 x1 + ... + wn xn - w0 > 0, else 0. The weights (n + 1,) start at zero."""

    def __init__(self, in_features: int) -> None:
        if not isinstance(in_features, int) or in_features < 1:
            raise ValueError(f"Perceptron: in_features must be at least 1; got {in_features!r}")
        self.weight = np.zeros(in_features + 1)

    def score(self, x: Any) -> np.ndarray:
        """w . x - w0 for x (..., n): the weighted sum before the step, (...)."""
        rows = extend(x)
        if rows.shape[-1] != len(self.weight):
            raise ValueError(
                f"Perceptron: x has {rows.shape[-1] - 1} features, "
                f"the perceptron {len(self.weight) - 1}"
            )
        return rows @ self.weight

    def __call__(self, x: Any) -> np.ndarray:
        """The outputs 0 or 1 for x (..., n)."""
        return (self.score(x) > 0).astype(np.int64)

    def update(self, x: Any, y: float) -> bool:
        """One step of the rule on an example x (n,) of class y (-1 or +1); was it a correction?

        w := w + y x if y (w . x - w0) <= 0. Since x0 = -1, this means w0 := w0 - y.
        """
        mistaken = bool(y * self.score(x) <= 0)
        if mistaken:
            self.weight = self.weight + y * extend(x)
        return mistaken

    def fit(self, x: Any, y: Any, max_updates: int = 1000) -> Corrections:
        """Go through x (N, n) with classes y (N,) of -1 and +1, again and again, correcting.

        Stops after a pass without a correction, when the weights at the start of a pass have been
        there before (then they go round for ever), or after ``max_updates`` corrections.
        """
        x, y = _examples(x, y)
        history = Corrections([self.weight])
        starts: dict[tuple[float, ...], int] = {}
        while not history.converged:
            here = tuple(self.weight.tolist())
            if here in starts:
                history.cycle = len(history) - starts[here]
                break
            starts[here] = len(history)
            for i in range(len(x)):
                if len(history) == max_updates:
                    return history
                if self.update(x[i], y[i]):
                    history.examples.append(i)
                    history.weights.append(self.weight)
            history.converged = starts[here] == len(history)
        return history

    def margin(self, x: Any, y: Any) -> float:
        """The smallest distance y (w . x - w0) / |(w1, ..., wn)| of an example from the boundary.

        Positive where every example lies on its side, negative by how far the worst one lies off.
        NaN while w1 = ... = wn = 0: there is no boundary.
        """
        x, y = _examples(x, y)
        length = float(np.linalg.norm(self.weight[1:]))
        return float((y * self.score(x)).min()) / length if length else math.nan

    def __repr__(self) -> str:
        return f"Perceptron({len(self.weight) - 1})"


def widest_margin(x: Any, y: Any) -> tuple[np.ndarray, float]:
    """The unit weight (n + 1,) for which min_i y_i (w . x_i) is largest, and that margin gamma.

    Lengths are those of the extended vectors (-1, x), which the theorem of Novikoff speaks of.
    The margin is the distance from zero to the convex hull of the points y_i x_i. Where no weight
    separates the classes, zero lies in that hull: then the weight is zero, and so is the margin.
    """
    x, y = _examples(x, y)
    nearest = nearest_to_zero(y[:, None] * extend(x))
    gamma = float(np.linalg.norm(nearest))
    return (nearest / gamma if gamma else nearest), gamma


def nearest_to_zero(points: Any) -> np.ndarray:
    """The point (n,) of the convex hull of ``points`` (N, n) that is nearest to zero.

    Wolfe, Finding the nearest point in a polytope (1976): keep the corners of the hull's face that
    the point lies on, add the corner that reaches farthest below it, drop those that it leaves.
    """
    points = np.asarray(points, dtype=np.float64)
    squares = (points * points).sum(axis=1)
    tiny = TINY * float(squares.max())
    corners = [int(squares.argmin())]
    shares = np.ones(1)
    while True:
        nearest = shares @ points[corners]
        square = float(nearest @ nearest)
        if square <= tiny:
            return np.zeros_like(nearest)
        towards = int((points @ nearest).argmin())
        if float(points[towards] @ nearest) >= square - tiny or towards in corners:
            return nearest
        corners.append(towards)
        shares = np.append(shares, 0.0)
        while True:
            face = points[corners]
            wanted = np.linalg.lstsq(face @ face.T + 1, np.ones(len(face)), rcond=None)[0]
            wanted /= wanted.sum()  # the nearest point of the plane through these corners
            leaving = wanted <= TINY
            if not leaving.any():
                shares = wanted
                break
            # That point lies outside the face: go towards it up to the border.
            reach = (shares[leaving] / (shares[leaving] - wanted[leaving])).min()
            shares = shares + min(1.0, float(reach)) * (wanted - shares)
            stay = shares > TINY
            corners = [c for c, kept in zip(corners, stay) if kept]
            shares = shares[stay] / shares[stay].sum()


def novikoff_bound(x: Any, y: Any) -> float:
    """(R / gamma)^2: no perceptron that starts at zero corrects itself more often than this.

    R is the largest length of an extended example, gamma the widest margin; infinite where no
    weight separates the classes. Novikoff, On convergence proofs on perceptrons (1962).
    """
    x, y = _examples(x, y)
    _weight, gamma = widest_margin(x, y)
    if gamma == 0:
        return math.inf
    return float((extend(x) ** 2).sum(axis=1).max()) / gamma**2


def _examples(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if x.ndim != 2 or y.shape != x.shape[:1] or not len(x):
        raise ValueError(f"perceptron: x must be (N, n) and y (N,); got {x.shape} and {y.shape}")
    if not np.isin(y, (-1, 1)).all():
        hint = "; for classes 0 and 1 write 2 * y - 1" if np.isin(y, (0, 1)).all() else ""
        raise ValueError(f"perceptron: the classes in y must be -1 and +1{hint}")
    return x, y
