"""LSTM with peepholes: gates that see the cell (Gers and Schmidhuber, 2000).

    i, f = sigmoid(W x + U h' + P c' + b)
    g    = tanh(W x + U h' + b)
    c    = f * c' + i * g
    o    = sigmoid(W x + U h' + P c + b)     the output gate sees the new cell
    h    = o * tanh(c)

Each gate has a P of its own, or none. In the literature P is diagonal, one number per unit, each
gate seeing the cell of its own unit; the source lecture writes full matrices, W [c', h', x].
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import Function
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, xp
from nncourse.ops.linalg import linear
from nncourse.ops.recurrent.blocks import (
    gate_matrices,
    input_gradient,
    input_rows,
    number,
    products,
    summed,
    weight_gradients,
    whole,
)
from nncourse.ops.recurrent.endings import (
    at_ends,
    kept,
    last,
    of_outputs,
    outputs,
    without_padding,
)
from nncourse.ops.recurrent.lstm import ORDER, SCALES, local_derivatives
from nncourse.ops.shape import cat, stack


class PeepholeLSTM(Function):
    """out (T + 1, N, H): h = o tanh(c), c = f c' + i g at every step, and, last, c_T.

    For x (T, N, I), h0 and c0 (N, H).

    As ``LSTM``, and the peepholes carry derivatives to the cell: with dh the derivative by h_t and
    dc by c_t, dc += dh o (1 - tanh(c)^2) + do P;  dc' = dc f + di P + df P, each with the P of its
    gate. dP = di c', df c' or do c: for a matrix d^T c, summed over all steps.
    """

    __slots__ = ("lengths",)
    saves = (
        *("x", "h0", "c0", "w_ih", "w_hh", "b_ih", "b_hh", "p_i", "p_f", "p_o"),
        *("rows", "blocks"),
    )

    def forward(
        self,
        x: Array,
        h0: Array,
        c0: Array,
        w_ih: Array,
        w_hh: Array,
        b_ih: Array | None,
        b_hh: Array | None,
        p_i: Array | None,
        p_f: Array | None,
        p_o: Array | None,
        lengths: Array | None,
    ) -> Array:
        self.lengths = lengths
        (T, N, _), H = x.shape, w_hh.shape[1]
        rows = input_rows(x, h0)
        states = rows[:, :, :H]
        blocks = xp.empty((T + 1, 8, N, H), x.dtype, like=x)  # as in lstm.py
        blocks[0, 0] = c0
        matrices = gate_matrices(w_hh, summed(b_ih, b_hh), w_ih, H, ORDER, SCALES)
        half = number(0.5, x)
        half_i, half_f, half_o = (None if p is None else p * half for p in (p_i, p_f, p_o))
        for row, h, block, after in zip(rows, states[1:], blocks, blocks[1:, 0]):
            c, _, f, i, o, kept_part, written, tanh_c = block
            xp.matmul(row, matrices, out=block[1:5])
            _add_seen(f, c, half_f)
            _add_seen(i, c, half_i)
            xp.tanh(block[1:4], block[1:4])
            block[2:4] *= half
            block[2:4] += half
            xp.multiply(block[:2], block[2:4], block[5:7])
            xp.add(kept_part, written, after)
            _add_seen(o, after, half_o)
            xp.tanh(o, o)
            o *= half
            o += half
            xp.tanh(after, tanh_c)
            xp.multiply(o, tanh_c, h)
        out = outputs(states[1:], lengths, 1)
        out[T] = blocks[T, 0] if lengths is None else blocks[lengths, 0, xp.arange(N, like=x)]
        self.saved = x, h0, c0, w_ih, w_hh, b_ih, b_hh, p_i, p_f, p_o, rows, blocks
        return out

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        _, _, _, w_ih, w_hh, _, _, p_i, p_f, p_o, rows, blocks = self.saved
        T, H, lengths = len(dout) - 1, dout.shape[2], self.lengths
        above, by_last = of_outputs(dout[:T], lengths), dout[T]
        local = local_derivatives(blocks[:T], rows[1:, :, :H])
        dz, to_c, f = local[:4], local[4], blocks[:, 2]
        U = w_hh.reshape(4, H, H)
        dh, dc = above[T - 1].copy(), by_last.copy()
        if lengths is not None:
            dc[...] = 0
            by_last = at_ends(by_last, lengths, T)
        for t in range(T - 1, -1, -1):
            di, df, dg, do = dz[:, t]
            if lengths is not None:
                dc += by_last[t]
            do *= dh
            dc += to_c[t] * dh
            _add_shown(dc, do, p_o)
            di *= dc
            df *= dc
            dg *= dc
            dc *= f[t]
            _add_shown(dc, di, p_i)
            _add_shown(dc, df, p_f)
            dh = xp.add.reduce(dz[:, t] @ U, 0)
            if t:
                dh += above[t - 1]
        need_x, _, _, *need_weights = self.needs
        dx = input_gradient(dz, w_ih) if need_x else None
        of_rows = products(dz, rows[:T]) if any(need_weights[:4]) else None
        before, after = blocks[:-1, 0], blocks[1:, 0]
        peepholes = [
            _peephole_gradient(d, c, p) if need else None
            for d, c, p, need in zip(
                (dz[0], dz[1], dz[3]), (before, before, after), (p_i, p_f, p_o), need_weights[4:]
            )
        ]
        return dx, dh, dc, *weight_gradients(of_rows, need_weights[:4]), *peepholes

    def twin(
        self,
        x: Tensor,
        h0: Tensor,
        c0: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None,
        b_hh: Tensor | None,
        p_i: Tensor | None,
        p_f: Tensor | None,
        p_o: Tensor | None,
    ) -> Tensor:
        out, _, c = peephole_lstm_spelled_out(
            x, h0, c0, w_ih, w_hh, b_ih, b_hh, p_i, p_f, p_o, self.lengths
        )
        return cat([out, c[None]])


def _add_seen(gate: Array, c: Array, p: Array | None) -> None:
    """Add to a gate's argument what it sees of the cell."""
    if p is not None:
        gate += c * p if p.ndim == 1 else c @ p.T


def _add_shown(dc: Array, d: Array, p: Array | None) -> None:
    """Add to the derivative by the cell what comes back through a peephole."""
    if p is not None:
        dc += d * p if p.ndim == 1 else d @ p


def _peephole_gradient(d: Array, c: Array, p: Array) -> Array:
    if p.ndim == 1:
        return xp.add.reduce(d * c, (0, 1))
    H = d.shape[2]
    return d.reshape(-1, H).T @ c.reshape(-1, H)


def peephole_lstm(
    x: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    p_i: Tensor | None = None,
    p_f: Tensor | None = None,
    p_o: Tensor | None = None,
    lengths: Array | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """(all h (T, N, H), the last h, the last c) of one layer, as one operation.

    Arguments as of ``lstm``, and the peepholes of the gates i, f and o: (H) where each unit sees
    its own cell, (H, H) where it sees all, None where there is none.
    """
    inputs = (x, h0, c0, w_ih, w_hh, b_ih, b_hh, p_i, p_f, p_o)
    states = whole(PeepholeLSTM, inputs, lengths)
    return states[:-1], last(states, len(x), lengths), states[-1]


def peephole_lstm_spelled_out(
    x: Tensor,
    h: Tensor,
    c: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    p_i: Tensor | None = None,
    p_f: Tensor | None = None,
    p_o: Tensor | None = None,
    lengths: Array | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The same as ``peephole_lstm``, step by step, composed of small operations."""
    out = []
    for t, x_t in enumerate(x.unbind(0)):
        i, f, g, o = (linear(x_t, w_ih, b_ih) + linear(h, w_hh, b_hh)).chunk(4, 1)
        i, f = (i + _seen(c, p_i)).sigmoid(), (f + _seen(c, p_f)).sigmoid()
        c_t = f * c + i * g.tanh()
        h_t = (o + _seen(c_t, p_o)).sigmoid() * c_t.tanh()
        c, h = kept(lengths, t, c_t, c), kept(lengths, t, h_t, h)
        out.append(h)
    return without_padding(stack(out), lengths), h, c


def _seen(c: Tensor, p: Tensor | None) -> Any:
    if p is None:
        return 0.0
    return c * p if p.ndim == 1 else linear(c, p)
