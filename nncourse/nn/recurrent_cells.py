"""One step of a recurrent network: RNNCell, LSTMCell, GRUCell.

For loops of one's own: a decoder that feeds on its own outputs, or attention between the steps.
Over a whole given sequence RNN, LSTM and GRU are much faster.
"""

from __future__ import annotations

import math
from typing import Any

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.backend import xp
from nncourse.nn import init
from nncourse.nn.linear import check_counts
from nncourse.nn.module import Module
from nncourse.nn.parameter import unset
from nncourse.nn.recurrent_input import only_tensors
from nncourse.ops.recurrent.gru import gru
from nncourse.ops.recurrent.lstm import lstm
from nncourse.ops.recurrent.rnn import rnn


class RNNCellBase(Module):
    """Base of the cells.

    Called as ``cell(input, hx=None)`` with input (N, I), or (I) for one sequence, and the state
    (N, H) or (H), zeros if it is not given; returns the new state.

    Parameters: weight_ih (gates * H, I), weight_hh (gates * H, H), bias_ih and bias_hh (gates * H),
    evenly distributed over [-1/sqrt(H), 1/sqrt(H)] at first.
    """

    gates: int
    n_states: int = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        check_counts(type(self).__name__, input_size=input_size, hidden_size=hidden_size)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = self.gates * hidden_size
        self.weight_ih = unset(rows, input_size, device=device, dtype=dtype)
        self.weight_hh = unset(rows, hidden_size, device=device, dtype=dtype)
        self.bias_ih = unset(rows, device=device, dtype=dtype) if bias else None
        self.bias_hh = unset(rows, device=device, dtype=dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values from the default generator."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _step(self, *inputs: Any) -> tuple[Tensor, ...]:
        """The outputs and the new states from x (1, N, I), the old states and the weights."""
        raise NotImplementedError

    def _weights(self) -> tuple[Any, ...]:
        return self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        what = f"{type(self).__name__}({self.input_size} -> {self.hidden_size})"
        x = only_tensors(input, what)
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            hint = ""
            if x.ndim == 2 and x.shape[0] == self.input_size:
                hint = " Did you mean x.T?"
            elif x.ndim == 3 and x.shape[-1] == self.input_size:
                whole = type(self).__name__.removesuffix("Cell")
                hint = f" A cell takes one step: x[t], or use nn.{whole} for the whole sequence"
            raise RuntimeError(
                f"{what}: x is {x.shape}; it must be (N, {self.input_size}), or "
                f"({self.input_size},) for one sequence.{hint}"
            )
        shape = (*x.shape[:-1], self.hidden_size)
        states = self._states(hx, shape, what)
        if x.ndim == 1:
            _, *after = self._step(x[None, None], *[s[None] for s in states], *self._weights())
            after = [s[0] for s in after]
        else:
            _, *after = self._step(x[None], *states, *self._weights())
        return tuple(after) if self.n_states > 1 else after[0]

    def _states(self, hx: Any, shape: tuple[int, ...], what: str) -> tuple[Tensor, ...]:
        if hx is None:
            weight = self.weight_hh._data
            return (constant(xp.zeros(shape, weight.dtype, like=weight)),) * self.n_states
        states = tuple(hx) if self.n_states > 1 and isinstance(hx, tuple | list) else (hx,)
        shapes = [s.shape if isinstance(s, Tensor) else type(s).__name__ for s in states]
        if shapes != [shape] * self.n_states:
            wanted = f"the pair (h, c), each {shape}" if self.n_states > 1 else f"{shape}"
            raise RuntimeError(
                f"{what}: hx must be {wanted}; got {', '.join(map(str, shapes)) or 'nothing'}"
            )
        return states

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(RNNCellBase):
    """h = tanh(W x + b + U h' + b'), or with relu for tanh."""

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNNCell: nonlinearity is 'tanh' or 'relu'; got {nonlinearity!r}")
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def _step(self, *inputs: Any) -> tuple[Tensor, ...]:
        return rnn(*inputs, nonlinearity=self.nonlinearity)

    def extra_repr(self) -> str:
        told = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}"
        return super().extra_repr() + told


class LSTMCell(RNNCellBase):
    """i, f, o = sigmoid(...), g = tanh(...), c = f * c' + i * g, h = o * tanh(c).

    The state is the pair (h, c); gates stand in the weights in the order i, f, g, o.
    """

    gates = 4
    n_states = 2

    def _step(self, *inputs: Any) -> tuple[Tensor, ...]:
        return lstm(*inputs)


class GRUCell(RNNCellBase):
    """r, z = sigmoid(...), n = tanh(W x + b + r * (U h' + b')), h = (1 - z) * n + z * h'.

    Gates stand in the weights in the order r, z, n.
    """

    gates = 3

    def _step(self, *inputs: Any) -> tuple[Tensor, ...]:
        return gru(*inputs)
