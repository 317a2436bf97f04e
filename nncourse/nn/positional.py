"""Positional encodings: attention alone does not know the order of what it attends to.

What is added to each element tells its place: waves of many lengths, or vectors that are learned.
"""

from __future__ import annotations

import math
from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.dtypes import float64, get_default_dtype
from nncourse.nn import init
from nncourse.nn.module import Module
from nncourse.nn.parameter import unset
from nncourse.ops.creation import arange
from nncourse.ops.shape import stack


def sinusoidal_encoding(length: int, d_model: int, dtype: Any = None) -> Tensor:
    """(length, d_model):  [t, 2i] = sin(t / 10000^(2i / d_model)),  [t, 2i + 1] = cos of the same.

    Waves of lengths from 2 pi to 10000 * 2 pi, so that a step of k places is one and the same
    rotation wherever it starts. (Vaswani et al., 2017, section 3.5)
    """
    rates = (arange(0, d_model, 2, dtype=float64) * (-math.log(10000.0) / d_model)).exp()
    angles = arange(length, dtype=float64).reshape(-1, 1) * rates
    waves = stack([angles.sin(), angles.cos()], -1).flatten(1)
    return waves[:, :d_model].to(get_default_dtype() if dtype is None else dtype)


class _Encoding(Module):
    """Adds a vector for its place to each element of a sequence."""

    def __init__(self, d_model: int, max_len: int, batch_first: bool) -> None:
        super().__init__()
        self.d_model = d_model
        self.max_len = max_len
        self.batch_first = batch_first

    def _places(self) -> Tensor:
        """(max_len, d_model)"""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """x plus the encoding of places 0, 1, ...; x (N, T, d_model), or (T, N, d_model) without
        batch_first, or (T, d_model)."""
        axis = 1 if self.batch_first and x.ndim == 3 else 0
        if x.ndim not in (2, 3) or x.shape[-1] != self.d_model or x.shape[axis] > self.max_len:
            raise RuntimeError(
                f"{type(self).__name__}({self.extra_repr()}): x is {tuple(x.shape)}; its last axis "
                f"must be {self.d_model}, and the sequence (axis {axis}) no longer than "
                f"{self.max_len}"
            )
        places = self._places()[: x.shape[axis]]
        return x + (places if axis or x.ndim == 2 else places.unsqueeze(1))

    def extra_repr(self) -> str:
        return f"d_model={self.d_model}, max_len={self.max_len}, batch_first={self.batch_first}"


class SinusoidalEncoding(_Encoding):
    """Adds ``sinusoidal_encoding`` to a sequence; nothing in it is learned or saved."""

    def __init__(
        self,
        d_model: int,
        max_len: int = 5000,
        batch_first: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(d_model, max_len, batch_first)
        waves = sinusoidal_encoding(max_len, d_model, dtype)
        self.register_buffer(
            "waves", waves if device is None else waves.to(device), persistent=False
        )

    def _places(self) -> Tensor:
        return self.waves


class LearnedEncoding(_Encoding):
    """Adds a vector that is learned for each place; weight (max_len, d_model) starts at N(0, 0.02).

    As in GPT-2 and BERT; it knows nothing about places that it was not trained on.
    """

    def __init__(
        self,
        d_model: int,
        max_len: int,
        batch_first: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(d_model, max_len, batch_first)
        self.weight = unset(max_len, d_model, device=device, dtype=dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values from the default generator."""
        init.normal_(self.weight, 0.0, 0.02)

    def _places(self) -> Tensor:
        return self.weight
