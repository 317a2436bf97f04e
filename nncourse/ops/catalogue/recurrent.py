"""Entries: recurrent layers, one direction over all steps of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nncourse.autograd.tensor import Tensor
from nncourse.backend import xp
from nncourse.ops.catalogue.entry import REAL, Operation, classes, examples
from nncourse.ops.recurrent import endings, gru, lstm, original_gru, packing, peephole, rnn
from nncourse.ops.recurrent.blocks import whole
from nncourse.ops.shape import cat


def _sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def _affine(rows: Any, w: Any, b: Any) -> Any:
    return rows @ w.T + (0 if b is None else b)


# One step of each in NumPy: (x_t, state, weights) to the next state, of which the first is shown.


def _rnn_step(x: Any, state: Any, w: Any, u: Any, b: Any = None, c: Any = None) -> Any:
    return (np.tanh(_affine(x, w, b) + _affine(state[0], u, c)),)


def _relu_step(x: Any, state: Any, w: Any, u: Any, b: Any = None, c: Any = None) -> Any:
    return (np.maximum(_affine(x, w, b) + _affine(state[0], u, c), 0),)


def _lstm_step(
    x: Any, state: Any, w: Any, u: Any, b: Any = None, c: Any = None, *peepholes: Any
) -> Any:
    h, cell = state
    i, f, g, o = np.split(_affine(x, w, b) + _affine(h, u, c), 4, 1)
    p_i, p_f, p_o = peepholes or (None, None, None)
    new = _sigmoid(f + _seen(cell, p_f)) * cell + _sigmoid(i + _seen(cell, p_i)) * np.tanh(g)
    return _sigmoid(o + _seen(new, p_o)) * np.tanh(new), new


def _seen(cell: Any, p: Any) -> Any:
    return 0 if p is None else cell * p if p.ndim == 1 else cell @ p.T


def _gru_step(x: Any, state: Any, w: Any, u: Any, b: Any = None, c: Any = None) -> Any:
    (h,) = state
    x_r, x_z, x_n = np.split(_affine(x, w, b), 3, 1)
    h_r, h_z, h_n = np.split(_affine(h, u, c), 3, 1)
    z = _sigmoid(x_z + h_z)
    return ((1 - z) * np.tanh(x_n + _sigmoid(x_r + h_r) * h_n) + z * h,)


def _original_step(x: Any, state: Any, w: Any, u: Any, b: Any = None, c: Any = None) -> Any:
    (h,), H = state, u.shape[1]
    x_r, x_z, x_n = np.split(_affine(x, w, None if b is None else b + c), 3, 1)
    r, z = _sigmoid(x_r + h @ u[:H].T), _sigmoid(x_z + h @ u[H : 2 * H].T)
    return ((1 - z) * h + z * np.tanh(x_n + (r * h) @ u[2 * H :].T),)


def _over_time(step: Callable[..., Any], n_states: int) -> Callable[..., Any]:
    """The reference: every sequence to its own length; all outputs, and under them the cells."""

    def run(x: Any, *rest: Any, lengths: Any = None) -> Any:
        start, weights = rest[:n_states], rest[n_states:]
        ends = np.full(x.shape[1], len(x)) if lengths is None else np.asarray(lengths)
        out = np.zeros((len(x), *start[0].shape), x.dtype)
        state = start
        for t, x_t in enumerate(x):
            going = (t < ends)[:, None]
            after = step(x_t, state, *weights)
            state = tuple([np.where(going, new, old) for new, old in zip(after, state)])
            out[t] = np.where(going, state[0], 0)
        return out if n_states == 1 else np.concatenate([out, state[1][None]])

    return run


def _in_torch(name: str, n_states: int) -> Callable[..., Any]:
    """PyTorch's own layer, each sequence by itself where they are of different lengths."""

    def run(torch: Any, x: Any, *rest: Any, lengths: Any = None) -> Any:
        start, weights = rest[:n_states], rest[n_states:]
        T = len(x)
        layer = getattr(torch._VF, name)
        groups = (
            [(slice(None), T)]
            if lengths is None
            else [(slice(n, n + 1), length) for n, length in enumerate(lengths)]
        )
        outs, cells = [], []
        for rows, length in groups:
            hx = [s[None, rows].contiguous() for s in start]
            out, *states = layer(
                x[:length, rows].contiguous(),
                hx if n_states == 2 else hx[0],
                list(weights), len(weights) > 2, 1, 0.0, False, False, False,
            )  # fmt: skip
            outs.append(torch.nn.functional.pad(out, (0, 0, 0, 0, 0, T - length)))
            cells.append(states[-1])
        out = torch.cat(outs, 1)
        return out if n_states == 1 else torch.cat([out, torch.cat(cells, 1)])

    return run


def _ours(operation: Any, n_inputs: int) -> Callable[..., Any]:
    def run(*tensors: Tensor, lengths: Any = None) -> Tensor:
        return whole(operation, (*tensors, *[None] * (n_inputs - len(tensors))), lengths)

    return run


def _twin(spelled_out: Callable[..., Any], n_inputs: int, **options: Any) -> Callable[..., Any]:
    def run(*tensors: Tensor, lengths: Any = None) -> Tensor:
        inputs = (*tensors, *[None] * (n_inputs - len(tensors)))
        out, _, *cell = spelled_out(*inputs, lengths, **options)
        return cat([out, cell[0][None]]) if cell else out

    return run


_LONGEST = 3


def _with_lengths(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same with lengths from 1 to 3 in front, drawn as classes 0 to 2."""
    return lambda drawn, *inputs: function(*inputs, lengths=drawn._data + 1)


def _entries(
    name: str,
    operation: Any,
    gates: int,
    states: int,
    step: Callable[..., Any],
    spelled_out: Callable[..., Any],
    torch: str | None,
    peepholes: tuple[Any, ...] = (),
    **options: Any,
) -> tuple[Operation, Operation]:
    """The operation on sequences of one length, and of several. peepholes: shapes, by example."""
    n_inputs = 5 + states + (3 if peepholes else 0)
    ours, reference = _ours(operation, n_inputs), _over_time(step, states)
    theirs = None if torch is None else _in_torch(torch, states)
    twin = _twin(spelled_out, n_inputs, **options)

    def shapes(T: int, N: int, n_in: int, H: int, bias: bool = True) -> Any:
        biases = ((gates * H,), (gates * H,)) if bias else ()
        return ((T, N, n_in), *[(N, H)] * states, (gates * H, n_in), (gates * H, H), *biases)

    if peepholes:
        of_one_length = [(*shapes(3, 2, 2, 2), *p) for p in peepholes]
    else:
        # The first is square, so that it can be transposed.
        of_one_length = [shapes(3, 2, 2, 2), shapes(5, 1, 4, 3, bias=False), shapes(1, 2, 3, 2)]
    diagonal = ((2,),) * 3 if peepholes else ()
    of_one_length.append((*shapes(2, 0, 3, 2), *diagonal))
    return (
        Operation(
            name,
            ours,
            reference,
            theirs,
            (operation,),
            (REAL,) * n_inputs,
            examples(*of_one_length),
            twin,
        ),
        Operation(
            f"{name} with lengths",
            _with_lengths(ours),
            lambda drawn, *inputs: reference(*inputs, lengths=drawn + 1),
            theirs
            and (lambda torch, drawn, *inputs: theirs(torch, *inputs, lengths=drawn.numpy() + 1)),
            (operation,),
            (classes(_LONGEST), *(REAL,) * n_inputs),
            examples(((4,), *shapes(_LONGEST, 4, 1, 2), *diagonal)),
            _with_lengths(twin),
        ),
    )


def _two_a_step(x: Tensor) -> Tensor:
    """Four rows as two steps of two sequences; a third step is filled."""
    k = xp.arange(4, like=x._data)
    return packing.unpacked(x, (k // 2, k % 2), 3, 2, 0.5)


OPERATIONS: tuple[Operation, ...] = (
    *_entries("rnn", rnn.RNN, 1, 1, _rnn_step, rnn.rnn_spelled_out, "rnn_tanh"),
    *_entries(
        "rnn with relu",
        rnn.ReLURNN,
        1,
        1,
        _relu_step,
        rnn.rnn_spelled_out,
        "rnn_relu",
        nonlinearity="relu",
    ),
    *_entries("lstm", lstm.LSTM, 4, 2, _lstm_step, lstm.lstm_spelled_out, "lstm"),
    *_entries("gru", gru.GRU, 3, 1, _gru_step, gru.gru_spelled_out, "gru"),
    *_entries(
        "original gru",
        original_gru.OriginalGRU,
        3,
        1,
        _original_step,
        original_gru.original_gru_spelled_out,
        None,
    ),
    *_entries(
        "peephole lstm",
        peephole.PeepholeLSTM,
        4,
        2,
        _lstm_step,
        peephole.peephole_lstm_spelled_out,
        None,
        (((2,), (2,), (2,)), ((2, 2), (2, 2), (2, 2)), ((2,), (2, 2), (2,))),
    ),
    Operation(
        "reverse within lengths",
        lambda drawn, x: endings.reverse(x, drawn._data + 1),
        lambda drawn, x: np.stack(
            [np.concatenate([x[n::-1, i], x[n + 1 :, i]]) for i, n in enumerate(drawn)], 1
        ),
        lambda torch, drawn, x: torch.stack(
            [torch.cat([x[: n + 1, i].flip(0), x[n + 1 :, i]]) for i, n in enumerate(drawn)], 1
        ),
        (endings.Reverse,),
        (classes(_LONGEST), REAL),
        examples(((4,), (_LONGEST, 4, 2)), ((3,), (_LONGEST, 3)), ((5,), (_LONGEST, 5, 2, 2))),
    ),
    Operation(
        "unpacked",
        _two_a_step,
        lambda x: np.concatenate(
            [x.reshape(2, 2, *x.shape[1:]), np.full((1, 2, *x.shape[1:]), 0.5)]
        ),
        lambda torch, x: torch.cat(
            [x.reshape(2, 2, *x.shape[1:]), x.new_full((1, 2, *x.shape[1:]), 0.5)]
        ),
        (packing.Unpack,),
        (REAL,),
        examples((4, 4), (4,), (4, 2, 3)),
    ),
)
