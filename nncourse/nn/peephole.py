"""LSTM with peepholes: gates that see the cell."""

from __future__ import annotations

from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.nn.recurrent import RNNBase
from nncourse.ops.recurrent.peephole import peephole_lstm


class PeepholeLSTM(RNNBase):
    """An LSTM whose gates see the cell: i and f that of the step before, o the new one.

        i, f = sigmoid(W x + U h' + P c' + b),  o = sigmoid(W x + U h' + P c + b)

    peepholes: which gates have one, any of "i", "f" and "o"; "" makes it an LSTM. full: P is a
    matrix, as the source lecture writes it, W [c', h', x]; otherwise, as in the literature, it is
    diagonal: each unit sees its own cell. Both are given by name, beside the options of
    ``RNNBase``. PyTorch has no such layer.

    Parameters beside those of ``LSTM``: weight_ci_l{k}, weight_cf_l{k} and weight_co_l{k}, (H) or,
    if full, (H, H), after the biases.
    (Gers and Schmidhuber, 2000; diagonal as in Graves, 2013)
    """

    gates = 4
    n_states = 2
    slots = (*RNNBase.slots, "weight_ci", "weight_cf", "weight_co")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *arguments: Any,
        peepholes: str = "ifo",
        full: bool = False,
        **options: Any,
    ) -> None:
        if not set(peepholes) <= set("ifo") or len(set(peepholes)) < len(peepholes):
            raise ValueError(
                f"PeepholeLSTM: peepholes names gates, each once: some of 'ifo'; got {peepholes!r}"
            )
        self.peepholes = "".join([gate for gate in "ifo" if gate in peepholes])
        self.full = full
        super().__init__(input_size, hidden_size, num_layers, *arguments, **options)

    def _shapes(self, n_in: int) -> dict[str, tuple[int, ...]]:
        H = self.hidden_size
        shape = (H, H) if self.full else (H,)
        return super()._shapes(n_in) | {f"weight_c{gate}": shape for gate in self.peepholes}

    def _run(self, *inputs: Any) -> tuple[Tensor, ...]:
        return peephole_lstm(*inputs)

    def extra_repr(self) -> str:
        told = f", peepholes={self.peepholes!r}" + (", full=True" if self.full else "")
        return super().extra_repr() + told
