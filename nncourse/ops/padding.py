"""Padding: elements put around a tensor, constant or repeated from inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nncourse.autograd.function import Function, unary
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, filled, xp

_MODES = ("constant", "reflect", "replicate", "circular")


class Pad(Function):
    """out = x with constants around it;  dx = the part of dout that lies over x."""

    __slots__ = ("inner",)

    def forward(self, x: Array, widths: tuple[tuple[int, int], ...], value: float) -> Array:
        self.inner = tuple([slice(before, before + n) for n, (before, _) in zip(x.shape, widths)])
        shape = [n + before + after for n, (before, after) in zip(x.shape, widths)]
        out = filled(shape, value, x.dtype, x) if value else xp.zeros(shape, x.dtype, like=x)
        out[self.inner] = x
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        return (dout[self.inner],)


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> Tensor:
    """Put elements before and after x along its last axes; negative numbers take elements away.

    pad: (before, after) for the last axis, then for the one before it, and so on.
    mode: "constant" with ``value``, "reflect" without repeating the edge, "replicate" the edge, or
    "circular".
    """
    if mode not in _MODES:
        raise ValueError(f"pad: mode must be one of {_MODES}; got {mode!r}")
    pairs = [(int(pad[i]), int(pad[i + 1])) for i in range(0, len(pad) - 1, 2)]
    if len(pad) % 2 or len(pairs) > input._data.ndim:
        raise ValueError(
            f"pad: {list(pad)} must hold (before, after) for at most {input.ndim} axes of shape "
            f"{input.shape}, the last axis first"
        )
    widths = [(0, 0)] * (input._data.ndim - len(pairs)) + pairs[::-1]
    for axis, (n, (before, after)) in enumerate(zip(input._data.shape, widths)):
        if n + min(before, 0) + min(after, 0) < 0:
            raise ValueError(f"pad: {before, after} takes away more than axis {axis} has, {n}")
    if mode != "constant":
        for axis, width in enumerate(widths):
            if width != (0, 0):
                input = _from_inside(input, axis, *width, mode)
        return input
    cut = tuple([slice(-min(b, 0), n + min(a, 0)) for n, (b, a) in zip(input._data.shape, widths)])
    if any(before < 0 or after < 0 for before, after in widths):
        input = input[cut]
    return unary(Pad, input, tuple([(max(b, 0), max(a, 0)) for b, a in widths]), value)


def _from_inside(x: Tensor, axis: int, before: int, after: int, mode: str) -> Tensor:
    """Pad one axis with elements of x itself."""
    n = x._data.shape[axis]
    limit = {"reflect": n - 1, "circular": n}.get(mode)
    if n == 0 or (limit is not None and max(before, after) > limit):
        raise ValueError(
            f"pad: mode {mode!r} can add at most {n if limit is None else limit} elements to an "
            f"axis of length {n}; got {before, after}"
        )
    places: Any = xp.arange(-before, n + after, like=x._data)
    if mode == "replicate":
        places = xp.clip(places, 0, n - 1)
    elif mode == "circular":
        places = places % n
    elif n > 1:
        places = (n - 1) - xp.abs((n - 1) - places % (2 * (n - 1)))
    return x[(*[slice(None)] * axis, places)]
