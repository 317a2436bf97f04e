"""What goes into a recurrent layer, brought to one form: (T, N, I), lengths, initial states.

Inputs come batched or not, with the batch first or second, padded or packed. Errors say which of
these was expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nncourse.autograd.function import constant
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, xp
from nncourse.nn.linear import check_counts
from nncourse.nn.utils.rnn import PackedSequence, checked_lengths
from nncourse.ops.recurrent.endings import without_padding
from nncourse.ops.recurrent.packing import Places, packed, places, unpacked


def check_settings(
    what: str, input_size: int, hidden_size: int, num_layers: int, dropout: float, proj_size: int
) -> None:
    """Raise ValueError unless the layer can be made."""
    check_counts(what, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
    for name, n in (("hidden_size", hidden_size), ("num_layers", num_layers)):
        if n == 0:
            raise ValueError(f"{what}: {name} must be positive; got 0")
    if isinstance(dropout, bool) or not 0 <= dropout <= 1:
        raise ValueError(f"{what}: dropout is a probability, 0 to 1; got {dropout!r}")
    if proj_size:
        raise NotImplementedError(
            f"{what}: proj_size={proj_size} is not in this library. A layer nn.Linear(hidden_size, "
            "proj_size, bias=False) after it projects the outputs, though not the state"
        )


@dataclass
class Sequences:
    """The input of a layer in one form, and the way back.

    x (T, N, I); lengths (N), or None where all are T; batched: was there a batch?
    """

    layer: Any
    x: Tensor
    lengths: Array | None
    batched: bool = True
    packed_as: PackedSequence | None = None
    where: Places | None = None

    def output_back(self, out: Tensor) -> Any:
        """The outputs (T, N, ...) in the form of the input."""
        if self.packed_as is not None and self.where is not None:
            return self.packed_as._replace(data=packed(out, self.where))
        if not self.batched:
            return out[:, 0]
        return out.transpose(0, 1) if self.layer.batch_first else out

    def state_back(self, state: Tensor) -> Tensor:
        """A state (layers, N, H) in the order of the input."""
        if not self.batched:
            return state[:, 0]
        if self.packed_as is None or self.packed_as.unsorted_indices is None:
            return state
        return state[:, self.packed_as.unsorted_indices]


def sequences_of(layer: Any, given: Any, lengths: Any) -> Sequences:
    """The input of a layer, checked."""
    what = f"{type(layer).__name__}({layer.input_size} -> {layer.hidden_size})"
    if isinstance(given, PackedSequence):
        if lengths is not None:
            raise ValueError(f"{what}: a packed sequence knows its lengths; leave out lengths=")
        return _unpacked(layer, given, what)
    x = _checked(layer, given, what)
    batched = x.ndim == 3
    if not batched:
        if lengths is not None:
            raise ValueError(f"{what}: lengths= is for a batch; x is one sequence, {x.shape}")
        return Sequences(layer, x[:, None], None, False)
    if layer.batch_first:
        x = x.transpose(0, 1)
    if lengths is None:
        return Sequences(layer, x, None)
    ends = checked_lengths(lengths, x.shape[1], x.shape[0], what, x._data)
    return Sequences(layer, without_padding(x, ends), ends)


def _unpacked(layer: Any, given: PackedSequence, what: str) -> Sequences:
    data = only_tensors(given.data, what)
    if data.shape[-1] != layer.input_size or data.ndim != 2:
        raise RuntimeError(
            f"{what}: the packed steps are {data.shape}; they must be (steps, {layer.input_size})"
        )
    ends, n_steps = given.lengths(), len(given.batch_sizes)
    where = places(ends, n_steps)
    x = unpacked(data, where, n_steps, len(ends))
    return Sequences(layer, x, ends, True, given, where)


def only_tensors(x: Any, what: str) -> Tensor:
    """Raise unless x is a floating-point tensor."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{what}: x must be a tensor or packed sequence; got {type(x).__name__}")
    if x._data.dtype.kind != "f":
        raise RuntimeError(
            f"{what}: x is {x.dtype}, and must be floating-point. Numbers of tokens go through "
            "nn.Embedding or one_hot first; other integers through x.float()"
        )
    return x


def _checked(layer: Any, given: Any, what: str) -> Tensor:
    x = only_tensors(given, what)
    n_in = layer.input_size
    wanted = f"(N, T, {n_in})" if layer.batch_first else f"(T, N, {n_in})"
    if x.ndim not in (2, 3):
        hint = f" Did you mean x[..., None]? One number a step is x of (..., {n_in})"
        raise RuntimeError(
            f"{what}: x is {x.shape}; it must be {wanted}, or (T, {n_in}) for one sequence."
            + (hint if x.ndim == 1 and n_in == 1 else "")
        )
    if x.shape[-1] != n_in:
        raise RuntimeError(f"{what}: x is {x.shape}; it must be {wanted}.{_hint(x, n_in)}")
    n_steps = x.shape[1 if layer.batch_first and x.ndim == 3 else 0]
    if not n_steps:
        raise RuntimeError(f"{what}: x is {x.shape}, sequences of no step; there must be one")
    return x


def _hint(x: Tensor, n_in: int) -> str:
    """The likely mend for an input whose last axis is not its features."""
    if x.ndim == 3 and x.shape[1] == n_in:
        return " Did you mean x.transpose(1, 2)? Features come last"
    if x.ndim == 3 and x.shape[0] == n_in:
        return " Did you mean x.permute(1, 2, 0)? Features come last"
    if x.ndim == 2 and n_in == 1:
        return " Did you mean x[..., None]? One number a step is a feature, too"
    if x.ndim == 2 and x.shape[0] == n_in:
        return " Did you mean x.T?"
    return ""


def initial_states(layer: Any, hx: Any, sequences: Sequences) -> tuple[Tensor, ...]:
    """The states before the first step, each (layers * directions, N, H)."""
    x, H = sequences.x, layer.hidden_size
    n = layer.num_layers * (2 if layer.bidirectional else 1)
    shape = n, x.shape[1], H
    if hx is None:
        weight = layer.weight_hh_l0._data
        zeros = constant(xp.zeros(shape, weight.dtype, like=weight))
        return (zeros,) * layer.n_states
    what, names = type(layer).__name__, ("h", "c")[: layer.n_states]
    given = hx if isinstance(hx, tuple | list) else (hx,)
    if len(given) != layer.n_states or (layer.n_states == 1 and given is hx):
        wanted = "the pair (h, c)" if layer.n_states == 2 else "one tensor, h"
        found = f"{len(hx)} of them" if given is hx else type(hx).__name__
        raise RuntimeError(f"{what}: hx, the state before the first step, is {wanted}; got {found}")
    wanted_shape = shape if sequences.batched else (n, H)
    for name, state in zip(names, given):
        if not isinstance(state, Tensor) or state.shape != wanted_shape:
            got = state.shape if isinstance(state, Tensor) else type(state).__name__
            hint = ""
            if got == (n, x.shape[0], H) and sequences.packed_as is None:
                hint = " Did you forget batch_first=True?"
                if layer.batch_first:
                    hint = " batch_first=True: x is (N, T, I). Did you mean (T, N, I)?"
            raise RuntimeError(
                f"{what}: {name} of hx is {got}; it must be {wanted_shape}: layers times "
                f"directions, {'sequences, ' if sequences.batched else ''}units.{hint}"
            )
    if not sequences.batched:
        return tuple([state[:, None] for state in given])
    order = None if sequences.packed_as is None else sequences.packed_as.sorted_indices
    return tuple(given) if order is None else tuple([state[:, order] for state in given])
