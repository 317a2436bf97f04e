"""Recurrent layers: RNN, LSTM and GRU over whole sequences, several layers, one or two directions.

Each layer in each direction is one operation of ``nncourse.ops.recurrent``; here are the
parameters, and what goes from layer to layer. Names, shapes, the order of the gates and initial
values are PyTorch's.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.nn import init
from nncourse.nn.module import Module
from nncourse.nn.parameter import Parameter, unset
from nncourse.nn.recurrent_input import check_settings, initial_states, sequences_of
from nncourse.ops.dropping import dropout
from nncourse.ops.recurrent.endings import reverse
from nncourse.ops.recurrent.gru import gru
from nncourse.ops.recurrent.lstm import lstm
from nncourse.ops.recurrent.original_gru import original_gru
from nncourse.ops.recurrent.rnn import rnn
from nncourse.ops.shape import cat, stack


class RNNBase(Module):
    """Base of the recurrent layers.

    input_size, hidden_size: features of the input, and of the state. num_layers: layers, each
    taking the outputs of the one below. bias: False for none. batch_first: the input is (N, T, I)
    rather than (T, N, I), and so is the output; states are not concerned. dropout: with what
    probability outputs are dropped between layers, in training. bidirectional: a second network
    reads backwards; outputs are put side by side.

    Called as ``layer(input, hx=None, lengths=None)``:

    - input (T, N, I); (T, I) for one sequence; or a ``PackedSequence``, for sequences of different
      lengths;
    - hx: the state before the first step, (num_layers * directions, N, H), for an LSTM the pair of
      h and c; zeros if it is not given. Without N for one sequence;
    - lengths: (N), of sequences that are shorter than T, in any order, instead of packing. This
      is the course's own. What is behind the end of a sequence has no effect, and outputs are 0;
    - returns (output (T, N, directions * H), the state after the last step of each sequence).

    Parameters, by layer k: weight_ih_l{k} (gates * H, I), weight_hh_l{k} (gates * H, H),
    bias_ih_l{k} and bias_hh_l{k} (gates * H), and the same with _reverse; all of them start evenly
    distributed over [-1/sqrt(H), 1/sqrt(H)].
    """

    gates: int
    n_states: int = 1  # 2 where there is a cell beside h
    # The names of what the operation takes, in its order; those that a layer lacks are None.
    slots: tuple[str, ...] = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        check_settings(type(self).__name__, input_size, hidden_size, num_layers, dropout, proj_size)
        if dropout and num_layers == 1:
            warnings.warn(
                f"{type(self).__name__}: dropout={dropout} drops outputs between layers, and there "
                "is one layer only",
                stacklevel=2,
            )
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        for layer in range(num_layers):
            n_in = hidden_size * self._directions if layer else input_size
            for suffix in self._suffixes(layer):
                for name, shape in self._shapes(n_in).items():
                    setattr(self, name + suffix, unset(*shape, device=device, dtype=dtype))
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _suffixes(self, layer: int) -> Iterator[str]:
        """What the names of a layer's parameters end in, by direction."""
        yield from (f"_l{layer}", f"_l{layer}_reverse")[: self._directions]

    def _shapes(self, n_in: int) -> dict[str, tuple[int, ...]]:
        """The parameters of one layer in one direction."""
        rows, H = self.gates * self.hidden_size, self.hidden_size
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, n_in), "weight_hh": (rows, H)}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        return shapes

    def _weights(self, suffix: str) -> list[Any]:
        return [self.__dict__.get(name + suffix) for name in self.slots]

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer in each direction."""
        suffixes = [s for k in range(self.num_layers) for s in self._suffixes(k)]
        return [[w for w in self._weights(s) if w is not None] for s in suffixes]

    def reset_parameters(self) -> None:
        """Draw new initial values from the default generator."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """PyTorch's arrangement of the weights for GPUs; without effect."""

    def _run(self, *inputs: Any) -> tuple[Tensor, ...]:
        """The outputs of one layer in one direction and its last states.

        inputs: x, the states before, what is in the slots, lengths.
        """
        raise NotImplementedError

    def forward(self, input: Any, hx: Any = None, lengths: Any = None) -> tuple[Any, Any]:
        sequences = sequences_of(self, input, lengths)
        x, ends = sequences.x, sequences.lengths
        states = initial_states(self, hx, sequences)
        last: list[tuple[Tensor, ...]] = []
        for layer in range(self.num_layers):
            outputs = []
            for backwards, suffix in enumerate(self._suffixes(layer)):
                start = tuple([s[len(last)] for s in states])
                read = reverse(x, ends) if backwards else x
                out, *after = self._run(read, *start, *self._weights(suffix), ends)
                outputs.append(reverse(out, ends) if backwards else out)
                last.append(tuple(after))
            x = cat(outputs, 2) if self.bidirectional else outputs[0]
            if layer < self.num_layers - 1:
                x = dropout(x, self.dropout, self.training)
        after = [sequences.state_back(stack(of_kind)) for of_kind in zip(*last)]
        return sequences.output_back(x), tuple(after) if self.n_states > 1 else after[0]

    def extra_repr(self) -> str:
        told = [f"{self.input_size}, {self.hidden_size}"]
        for name, default in _DEFAULTS.items():
            value = getattr(self, name)
            if value != default:
                told.append(f"{name}={value}")
        return ", ".join(told)


_DEFAULTS = {
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
}


class RNN(RNNBase):
    """h = tanh(W x + b + U h' + b'), or with relu for tanh.

    nonlinearity: "tanh" or "relu"; it comes after num_layers. The rest is in ``RNNBase``.
    (Elman, 1990)
    """

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        *arguments: Any,
        **options: Any,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: nonlinearity is 'tanh' or 'relu'; got {nonlinearity!r}")
        super().__init__(input_size, hidden_size, num_layers, *arguments, **options)
        self.nonlinearity = nonlinearity

    def _run(self, *inputs: Any) -> tuple[Tensor, ...]:
        return rnn(*inputs, nonlinearity=self.nonlinearity)


class LSTM(RNNBase):
    """i, f, o = sigmoid(...), g = tanh(...), c = f * c' + i * g, h = o * tanh(c).

    Each gate has W x + b + U h' + b' as its argument; the gates stand in the weights in the order
    i, f, g, o. The state is the pair (h, c). The rest is in ``RNNBase``.
    (Hochreiter and Schmidhuber, 1997)
    """

    gates = 4
    n_states = 2

    def _run(self, *inputs: Any) -> tuple[Tensor, ...]:
        return lstm(*inputs)


class GRU(RNNBase):
    """r, z = sigmoid(...), n = tanh(W x + b + r * (U h' + b')), h = (1 - z) * n + z * h'.

    The gates stand in the weights in the order r, z, n. The rest is in ``RNNBase``; the GRU as it
    was first published, and as the source lecture writes it, is ``OriginalGRU``.
    (Cho et al., 2014, with the reset after the product)
    """

    gates = 3

    def _run(self, *inputs: Any) -> tuple[Tensor, ...]:
        return gru(*inputs)


class OriginalGRU(RNNBase):
    """z, r = sigmoid(...), n = tanh(W x + U (r * h')), h = (1 - z) * h' + z * n.

    The GRU as the source lecture writes it, without biases unless ``bias=True``. ``GRU``, PyTorch's
    form, differs in three things:

    - z and 1 - z are exchanged. As 1 - sigmoid(a) = sigmoid(-a), the rows of z in the weights,
      H to 2H, change their sign on the way from one to the other;
    - r multiplies U h' there and h' here. The two agree where r is the same for all units or U of n
      is diagonal, and for a network of one unit; otherwise no weights make one of the other;
    - it has biases, one of them inside what r multiplies.

    The gates stand in the weights in PyTorch's order r, z, n. The rest is in ``RNNBase``.
    (Chung, Gulcehre, Cho and Bengio, 2014)
    """

    gates = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = False,
        *arguments: Any,
        **options: Any,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, *arguments, **options)

    def _run(self, *inputs: Any) -> tuple[Tensor, ...]:
        return original_gru(*inputs)
