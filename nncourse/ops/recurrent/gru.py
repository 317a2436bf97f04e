"""The gated recurrent unit as PyTorch has it.

    r, z = sigmoid(W x + U h' + b)                  reset and update gate
    n    = tanh(W x + b + r * (U h' + b))           the new state, as r lets it depend on the old
    h    = (1 - z) * n + z * h'

with weights of its own for each of r, z and n. ``gru`` computes all steps as one operation,
``gru_spelled_out`` says the same step by step. The GRU as first published, which resets h' before
the product, is in ``original_gru``.
"""

from __future__ import annotations

from collections.abc import Sequence

from nncourse.autograd.function import Function
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, xp
from nncourse.ops.linalg import linear
from nncourse.ops.recurrent.blocks import (
    gate_matrices,
    input_gradient,
    input_rows,
    number,
    parts,
    summed,
    whole,
)
from nncourse.ops.recurrent.endings import kept, last, of_outputs, outputs, without_padding
from nncourse.ops.shape import stack


class GRU(Function):
    """out (T, N, H): h_1, ..., h_T. For x (T, N, I) and h0 (N, H).

    q = U h' + b is the part of n that r multiplies. With dh the derivative by h_t, from above and
    from the next step, by the arguments of the gates dn = dh (1 - z) (1 - n^2),
    dz = dh (h' - n) z (1 - z), dq = dn r, dr = dn q r (1 - r);  dh' = dh z + dr U + dz U + dq U.
    """

    __slots__ = ("lengths",)
    saves = ("x", "h0", "w_ih", "w_hh", "b_ih", "b_hh", "rows", "blocks")

    def forward(
        self,
        x: Array,
        h0: Array,
        w_ih: Array,
        w_hh: Array,
        b_ih: Array | None,
        b_hh: Array | None,
        lengths: Array | None,
    ) -> Array:
        self.lengths = lengths
        (T, N, _), H = x.shape, w_hh.shape[1]
        rows = input_rows(x, h0)
        states = rows[:, :, :H]
        of_r_z = gate_matrices(w_hh, summed(b_ih, b_hh), w_ih, H, (0, 1), (0.5, 0.5))
        (of_q,) = gate_matrices(w_hh, b_hh, None, H, (2,), (1.0,))
        (of_n,) = gate_matrices(None, b_ih, w_ih, H, (2,), (1.0,))
        blocks = xp.empty((T, 4, N, H), x.dtype, like=x)  # r, z, q, n
        xp.matmul(rows[:T, :, H:], of_n, out=blocks[:, 3])
        term, half = xp.empty((N, H), x.dtype, like=x), number(0.5, x)
        for row, before, h, block in zip(rows, states, states[1:], blocks):
            r, z, q, n = block
            gates = block[:2]
            xp.matmul(row, of_r_z, out=gates)
            xp.tanh(gates, gates)
            xp.multiply(gates, half, gates)
            xp.add(gates, half, gates)
            xp.matmul(row[:, : H + 1], of_q, out=q)
            xp.multiply(r, q, term)
            xp.add(n, term, n)
            xp.tanh(n, n)
            xp.subtract(before, n, term)
            xp.multiply(term, z, term)
            xp.add(n, term, h)
        self.saved = x, h0, w_ih, w_hh, b_ih, b_hh, rows, blocks
        return outputs(states[1:], lengths)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        _, _, w_ih, w_hh, _, _, rows, blocks = self.saved
        T, N, H = dout.shape
        above = of_outputs(dout, self.lengths)
        d = xp.empty((4, T, N, H), dout.dtype, like=dout)  # by the arguments r, z, q, n
        U, shares = w_hh.reshape(3, H, H), xp.empty((4, N, H), dout.dtype, like=dout)
        dh = above[T - 1].copy()
        for start, stop in parts(T, N * H):
            slopes = d[:, start:stop]
            _local_derivatives(blocks[start:stop], rows[start:stop, :, :H], slopes)
            for t in range(stop - 1, start - 1, -1):
                dr, dz, dq, dn = d[:, t]
                xp.multiply(dr, dh, dr)
                xp.multiply(dz, dh, dz)
                xp.multiply(dq, dh, dq)
                xp.multiply(dn, dh, dn)
                xp.matmul(d[:3, t], U, out=shares[:3])
                xp.multiply(blocks[t, 1], dh, shares[3])
                xp.add.reduce(shares, 0, None, dh)
                if t:
                    xp.add(dh, above[t - 1], dh)
        dx = input_gradient((d[0], d[1], d[3]), w_ih) if self.needs[0] else None
        return dx, dh, *_weight_gradients(d, rows, self.needs[2:])

    def twin(
        self,
        x: Tensor,
        h0: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None,
        b_hh: Tensor | None,
    ) -> Tensor:
        return gru_spelled_out(x, h0, w_ih, w_hh, b_ih, b_hh, self.lengths)[0]


def _local_derivatives(blocks: Array, before: Array, out: Array) -> None:
    """Into out (4, steps, N, H): the derivatives of h by the arguments r, z, q and n.

    All that does not depend on what flows back, so that the loop only multiplies by that.
    """
    r, z, q, n = (blocks[:, k] for k in range(4))
    dr, dz, dq, dn = out
    xp.subtract(1, z, dr)
    xp.multiply(n, n, dn)
    xp.subtract(1, dn, dn)
    xp.multiply(dn, dr, dn)  # (1 - z) (1 - n^2)
    xp.subtract(before, n, dz)
    xp.multiply(dz, z, dz)
    xp.multiply(dz, dr, dz)  # (h' - n) z (1 - z)
    xp.multiply(dn, r, dq)
    xp.subtract(1, r, dr)
    xp.multiply(dr, q, dr)
    xp.multiply(dr, dq, dr)


def _weight_gradients(d: Array, rows: Array, needs: Sequence[bool]) -> tuple[Array | None, ...]:
    """The gradients of (W, U, b_ih, b_hh): sums over all steps.

    The argument of n is made of x alone, and q, its part with r, of h' alone.
    """
    if not any(needs):
        return (None,) * 4
    _, T, N, H = d.shape
    d, flat = d.reshape(4, T * N, H).swapaxes(1, 2), rows[:T].reshape(T * N, rows.shape[2])
    of_h, of_x = (
        xp.empty((3, H, H + 1), d.dtype, like=d),
        xp.empty((3, H, flat.shape[1] - H), d.dtype, like=d),
    )
    of_r_z = xp.matmul(d[:2], flat)
    of_h[:2], of_x[:2] = of_r_z[:, :, : H + 1], of_r_z[:, :, H:]
    xp.matmul(d[2], flat[:, : H + 1], out=of_h[2])
    xp.matmul(d[3], flat[:, H:], out=of_x[2])
    of_h, of_x = of_h.reshape(3 * H, -1), of_x.reshape(3 * H, -1)
    every = of_x[:, 1:], of_h[:, :H], of_x[:, 0], of_h[:, H]
    return tuple([g if need else None for g, need in zip(every, needs)])


def gru(
    x: Tensor,
    h0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    lengths: Array | None = None,
) -> tuple[Tensor, Tensor]:
    """(all h (T, N, H), the last h) of one layer, as one operation.

    x (T, N, I), h0 (N, H); w_ih (3H, I), w_hh (3H, H) and the biases (3H) hold the gates r, z, n
    one below another, as in PyTorch. lengths: (N), of sequences that end before T.
    """
    out = whole(GRU, (x, h0, w_ih, w_hh, b_ih, b_hh), lengths)
    return out, last(out, len(x), lengths)


def gru_spelled_out(
    x: Tensor,
    h: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    lengths: Array | None = None,
) -> tuple[Tensor, Tensor]:
    """The same as ``gru``, step by step, composed of small operations."""
    out = []
    for t, x_t in enumerate(x.unbind(0)):
        x_r, x_z, x_n = linear(x_t, w_ih, b_ih).chunk(3, 1)
        h_r, h_z, h_n = linear(h, w_hh, b_hh).chunk(3, 1)
        r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
        n = (x_n + r * h_n).tanh()
        h = kept(lengths, t, (1 - z) * n + z * h, h)
        out.append(h)
    return without_padding(stack(out), lengths), h
