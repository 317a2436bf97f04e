"""The gated recurrent unit as the source lecture writes it.

    z, r = sigmoid(W x + U h')               update and reset gate
    n    = tanh(W x + U (r * h'))            the candidate, from the part of the old state left by r
    h    = (1 - z) * h' + z * n

(Chung, Gulcehre, Cho and Bengio, 2014.) PyTorch's GRU differs from it in three things:

- z and 1 - z are exchanged: since 1 - sigmoid(a) = sigmoid(-a), the rows of z in W, U and b change
  their sign, and nothing else;
- r multiplies after the product, r * (U h' + b), rather than before, U (r * h'). These are equal
  where r is the same for all units, or U for n is diagonal; no change of weights turns one into
  the other in general. After the product, one product with all of U serves the step;
- there are two biases, one of them inside the part that r multiplies. Here there are none unless
  asked for.

The gates stand in the weights in PyTorch's order r, z, n.
"""

from __future__ import annotations

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
    whole,
)
from nncourse.ops.recurrent.endings import kept, last, of_outputs, outputs, without_padding
from nncourse.ops.shape import stack


class OriginalGRU(Function):
    """out (T, N, H): h = (1 - z) h' + z n at every step. For x (T, N, I) and h0 (N, H).

    With dh the derivative by h_t, from above and from the next step, by the arguments of the gates
    dn = dh z (1 - n^2), dz = dh (n - h') z (1 - z), and with e = dn U, the derivative by r * h',
    dr = e h' r (1 - r);  dh' = dh (1 - z) + e r + dr U + dz U.
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
        bias = summed(b_ih, b_hh)
        of_r_z = gate_matrices(w_hh, bias, w_ih, H, (0, 1), (0.5, 0.5))
        (of_n,) = gate_matrices(None, bias, w_ih, H, (2,), (1.0,))
        U_n = w_hh[2 * H :].T.copy()
        blocks = xp.empty((T, 3, N, H), x.dtype, like=x)  # r, z, n
        xp.matmul(rows[:T, :, H:], of_n, out=blocks[:, 2])
        term, half = xp.empty((N, H), x.dtype, like=x), number(0.5, x)
        for row, before, h, block in zip(rows, states, states[1:], blocks):
            r, z, n = block
            gates = block[:2]
            xp.matmul(row, of_r_z, out=gates)
            xp.tanh(gates, gates)
            xp.multiply(gates, half, gates)
            xp.add(gates, half, gates)
            xp.multiply(r, before, term)
            n += term @ U_n
            xp.tanh(n, n)
            xp.subtract(n, before, term)
            xp.multiply(term, z, term)
            xp.add(before, term, h)
        self.saved = x, h0, w_ih, w_hh, b_ih, b_hh, rows, blocks
        return outputs(states[1:], lengths)

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        _, _, w_ih, w_hh, _, _, rows, blocks = self.saved
        T, N, H = dout.shape
        above, before = of_outputs(dout, self.lengths), rows[:T, :, :H]
        r, z, n = (blocks[:, k] for k in range(3))
        d = xp.empty((3, T, N, H), dout.dtype, like=dout)  # by the arguments r, z, n
        xp.multiply(before, r * (1 - r), d[0])
        xp.multiply(n - before, z * (1 - z), d[1])
        xp.multiply(z, 1 - n * n, d[2])
        U = w_hh.reshape(3, H, H)
        dh = above[T - 1].copy()
        for t in range(T - 1, -1, -1):
            dr, dz, dn = d[:, t]
            dz *= dh
            dn *= dh
            e = dn @ U[2]
            dr *= e
            dh = dh * (1 - z[t]) + e * r[t] + dr @ U[0] + dz @ U[1]
            if t:
                dh += above[t - 1]
        dx = input_gradient(d, w_ih) if self.needs[0] else None
        return dx, dh, *self._weight_gradients(d)

    def _weight_gradients(self, d: Array) -> tuple[Array | None, ...]:
        """Of (W, U, b_ih, b_hh): sums over all steps. U for n meets r * h'."""
        *_, rows, blocks = self.saved
        need_W, need_U, need_b, need_b_hh = self.needs[2:]
        _, T, _, H = d.shape
        before = rows[:T, :, :H]
        dU = None
        if need_U:
            reset = before * blocks[:, 0]
            dU = xp.concatenate([products(d[:2], before), products(d[2:], reset)])
            dU = dU.reshape(3 * H, H)
        of_x = products(d, rows[:T, :, H:]).reshape(3 * H, rows.shape[2] - H)
        return (
            of_x[:, 1:] if need_W else None,
            dU,
            of_x[:, 0] if need_b else None,
            of_x[:, 0] if need_b_hh else None,
        )

    def twin(
        self,
        x: Tensor,
        h0: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None,
        b_hh: Tensor | None,
    ) -> Tensor:
        return original_gru_spelled_out(x, h0, w_ih, w_hh, b_ih, b_hh, self.lengths)[0]


def original_gru(
    x: Tensor,
    h0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    lengths: Array | None = None,
) -> tuple[Tensor, Tensor]:
    """(all h (T, N, H), the last h) of one layer, as one operation. Arguments as of ``gru``."""
    out = whole(OriginalGRU, (x, h0, w_ih, w_hh, b_ih, b_hh), lengths)
    return out, last(out, len(x), lengths)


def original_gru_spelled_out(
    x: Tensor,
    h: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    lengths: Array | None = None,
) -> tuple[Tensor, Tensor]:
    """The same as ``original_gru``, step by step, composed of small operations."""
    H = h.shape[1]
    out = []
    for t, x_t in enumerate(x.unbind(0)):
        x_r, x_z, x_n = linear(x_t, w_ih, summed(b_ih, b_hh)).chunk(3, 1)
        r, z = (x_r + linear(h, w_hh[:H])).sigmoid(), (x_z + linear(h, w_hh[H : 2 * H])).sigmoid()
        n = (x_n + linear(r * h, w_hh[2 * H :])).tanh()
        h = kept(lengths, t, (1 - z) * h + z * n, h)
        out.append(h)
    return without_padding(stack(out), lengths), h
