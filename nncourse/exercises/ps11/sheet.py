"""Formulas as a sheet: named lines, each from the arguments and the lines above it.

A typical mistake of an LSTM changes one line out of twelve. ``but`` gives the sheet with that line
changed, so that a mutant says what is wrong in it and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from nncourse.diagnosis.measure import Array

Line = Callable[[SimpleNamespace], Any]


class Sheet:
    """Called with the arguments, gives the lines named by ``returns``, as a tuple."""

    def __init__(self, arguments: str, lines: Mapping[str, Line], returns: str) -> None:
        self.names, self.returns = arguments.split(), returns.split()
        self.lines = dict(lines)

    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        known = SimpleNamespace(**dict(zip(self.names, arguments, strict=True)))
        for name, line in self.lines.items():
            setattr(known, name, line(known))
        return tuple(getattr(known, name) for name in self.returns)

    def but(self, **changes: Line) -> Sheet:
        """The same sheet with other lines of these names."""
        strange = changes.keys() - self.lines.keys()
        if strange:
            raise KeyError(f"the sheet has no lines {sorted(strange)}")
        return Sheet(" ".join(self.names), {**self.lines, **changes}, " ".join(self.returns))


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), with no overflow."""
    return (1 + np.tanh(z / 2)) / 2


def joined(*blocks: Array) -> Array:
    """The gates' blocks side by side."""
    return np.concatenate(blocks, axis=-1)


def block(whole: Array, i: int, count: int) -> Array:
    """The i-th of ``count`` equal blocks along the last axis."""
    return np.split(whole, count, axis=-1)[i]
