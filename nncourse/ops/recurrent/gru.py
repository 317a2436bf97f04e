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
    products,
    summed,
    whole,
)
from nncourse.ops.recurrent.endings import kept, last, of_outputs, outputs, without_padding
from nncourse.ops.shape import stack


class GRU(Function):
    """out (T, N, H): h = (1 - z) n + z h' at every step. For x (T, N, I) and h0 (N, H).

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
        x, _, w_ih, w_hh, _, _, rows, blocks = self.saved
        T, N, H = dout.shape
        above = of_outputs(dout, self.lengths)
        dh = above[T - 1].copy()
        need_x, need_h0, *need_weights = self.needs
        U, shares = w_hh.reshape(3, H, H), xp.empty((4, N, H), dout.dtype, like=dout)
        dx = xp.empty(x.shape, x.dtype, like=x) if need_x else None
        of_r_z, of_q, of_n = 0, 0, 0
        for part in parts(T, N, H):
            slopes = local_derivatives(blocks[part], rows[part, :, :H])
            for t in range(part.stop - 1, part.start - 1, -1):
                d = slopes[:, t - part.start]
                dr, dz, dq, dn = d
                xp.multiply(dr, dh, dr)
                xp.multiply(dz, dh, dz)
                xp.multiply(dq, dh, dq)
                xp.multiply(dn, dh, dn)
                if t or need_h0:
                    xp.multiply(blocks[t, 1], dh, shares[3])
                    xp.matmul(d[:3], U, out=shares[:3])
                    xp.add.reduce(shares, 0, None, dh)
                if t:
                    xp.add(dh, above[t - 1], dh)
            if any(need_weights):
                own = rows[part]
                of_r_z = products(slopes[:2], own) + of_r_z
                of_q = products(slopes[2:3], own[:, :, : H + 1]) + of_q
                of_n = products(slopes[3:], own[:, :, H:]) + of_n
            if dx is not None:
                dx[part] = input_gradient((slopes[0], slopes[1], slopes[3]), w_ih)
        return dx, dh, *_weight_gradients(of_r_z, of_q, of_n, need_weights)

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


def local_derivatives(blocks: Array, before: Array) -> Array:
    """(4, steps, N, H): the derivatives of h by the arguments r, z, q and n.

    All that does not depend on what flows back, so that the loop only multiplies by that.
    """
    r, z, q, n = (blocks[:, k] for k in range(4))
    out = xp.empty((4, *before.shape), blocks.dtype, like=blocks)
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
    xp.multiply(dr, dq, dr)  # dq q (1 - r)
    return out


def _weight_gradients(
    of_r_z: Array, of_q: Array, of_n: Array, needs: Sequence[bool]
) -> tuple[Array | None, ...]:
    """The gradients of (W, U, b_ih, b_hh) that are needed, from the products with [h, 1, x].

    q has columns for [h, 1] only, n for [1, x].
    """
    if not any(needs):
        return (None,) * 4
    _, H, n_columns = of_r_z.shape
    of_h = xp.concatenate([of_r_z[:, :, : H + 1], of_q])
    of_x = xp.concatenate([of_r_z[:, :, H:], of_n])
    of_h, of_x = of_h.reshape(3 * H, H + 1), of_x.reshape(3 * H, n_columns - H)
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
