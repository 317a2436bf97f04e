"""Long short-term memory (Hochreiter and Schmidhuber, 1997; forget gate by Gers et al., 2000).

    i, f, o = sigmoid(W x + U h' + b)    input, forget and output gate, each with weights of its own
    g       = tanh(W x + U h' + b)       what may be written
    c       = f * c' + i * g             the cell: kept, and written to
    h       = o * tanh(c)                what is shown

where h' and c' are the state of the step before. ``lstm`` computes all steps as one operation,
``lstm_spelled_out`` says the same step by step.
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
    parts,
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
from nncourse.ops.shape import cat, stack

# The blocks of a step are c', g, f, i, o, f c', i g, tanh(c). So the sigmoids are neighbours, and
# one product of neighbours, (c', g) * (f, i), gives both terms of c. Weights have PyTorch's order.
ORDER = (2, 1, 0, 3)
SCALES = (1.0, 0.5, 0.5, 0.5)


class LSTM(Function):
    """out (T + 1, N, H): h = o tanh(c), c = f c' + i g at every step, and, last, c_T.

    For x (T, N, I), h0 and c0 (N, H).

    With dh the derivative by h_t, from above and from the next step, and dc by c_t:
    dc += dh o (1 - tanh(c)^2);  by the arguments of the gates do = dh tanh(c) o (1 - o),
    di = dc g i (1 - i), df = dc c' f (1 - f), dg = dc i (1 - g^2);  dc' = dc f;  dh' = the sum of
    d U over the gates. dW, dU and db are sums over all steps, in one product each.
    """

    __slots__ = ("lengths",)
    saves = ("x", "h0", "c0", "w_ih", "w_hh", "b_ih", "b_hh", "rows", "blocks")

    def forward(
        self,
        x: Array,
        h0: Array,
        c0: Array,
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
        blocks = xp.empty((T + 1, 8, N, H), x.dtype, like=x)
        blocks[0, 0] = c0
        matrices = gate_matrices(w_hh, summed(b_ih, b_hh), w_ih, H, ORDER, SCALES)
        half = number(0.5, x)
        for row, h, block, c in zip(rows, states[1:], blocks, blocks[1:, 0]):
            gates, sigmoids, terms = block[1:5], block[2:5], block[5:7]
            xp.matmul(row, matrices, out=gates)
            xp.tanh(gates, gates)
            xp.multiply(sigmoids, half, sigmoids)
            xp.add(sigmoids, half, sigmoids)
            xp.multiply(block[:2], block[2:4], terms)
            xp.add(block[5], block[6], c)
            xp.tanh(c, block[7])
            xp.multiply(block[7], block[4], h)
        out = outputs(states[1:], lengths, 1)
        out[T] = blocks[T, 0] if lengths is None else blocks[lengths, 0, xp.arange(N, like=x)]
        self.saved = x, h0, c0, w_ih, w_hh, b_ih, b_hh, rows, blocks
        return out

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        x, _, _, w_ih, w_hh, _, _, rows, blocks = self.saved
        (_, N, H), T, lengths = dout.shape, len(dout) - 1, self.lengths
        need_x, need_h0, _, *need_weights = self.needs
        above, by_last = of_outputs(dout[:T], lengths), dout[T]
        dh, dc = above[T - 1].copy(), by_last.copy()
        if lengths is not None:
            dc[...] = 0
            by_last = at_ends(by_last, lengths, T)
        U, shares = w_hh.reshape(4, H, H), xp.empty((4, N, H), dout.dtype, like=dout)
        dx = xp.empty(x.shape, x.dtype, like=x) if need_x else None
        of_rows = 0
        for part in parts(T, N, H):
            slopes = local_derivatives(blocks[part], rows[part.start + 1 : part.stop + 1, :, :H])
            for t in range(part.stop - 1, part.start - 1, -1):
                di, df, dg, do, to_c = slopes[:, t - part.start]
                if lengths is not None:
                    dc += by_last[t]
                xp.multiply(do, dh, do)
                xp.multiply(to_c, dh, to_c)
                xp.add(dc, to_c, dc)
                xp.multiply(di, dc, di)
                xp.multiply(df, dc, df)
                xp.multiply(dg, dc, dg)
                xp.multiply(dc, blocks[t, 2], dc)
                if t or need_h0:
                    xp.matmul(slopes[:4, t - part.start], U, out=shares)
                    xp.add.reduce(shares, 0, None, dh)
                if t:
                    xp.add(dh, above[t - 1], dh)
            dz = slopes[:4]
            if any(need_weights):
                of_rows = products(dz, rows[part]) + of_rows
            if dx is not None:
                dx[part] = input_gradient(dz, w_ih)
        return dx, dh, dc, *weight_gradients(of_rows, need_weights)

    def twin(
        self,
        x: Tensor,
        h0: Tensor,
        c0: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None,
        b_hh: Tensor | None,
    ) -> Tensor:
        out, _, c = lstm_spelled_out(x, h0, c0, w_ih, w_hh, b_ih, b_hh, self.lengths)
        return cat([out, c[None]])


def local_derivatives(blocks: Array, h: Array) -> Array:
    """(5, steps, N, H): of c by the arguments of i, f and g, of h by that of o, and of h by c.

    All that does not depend on what flows back, so that the loop only multiplies by that. As the
    terms of c are kept, each is of the form a - b * c: c by the argument of i, for example, is
    g i (1 - i) = i g - i g * i.
    """
    _, g, f, i, o, kept_part, written, tanh_c = (blocks[:, k] for k in range(8))
    out = xp.empty((5, *h.shape), blocks.dtype, like=blocks)
    for slope, a, b, c in zip(
        out,
        (written, kept_part, i, h, o),
        (written, kept_part, written, h, h),
        (i, f, g, o, tanh_c),
    ):
        xp.multiply(b, c, slope)
        xp.subtract(a, slope, slope)
    return out


def lstm(
    x: Tensor,
    h0: Tensor,
    c0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    lengths: Array | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """(all h (T, N, H), the last h, the last c) of one layer, as one operation.

    x (T, N, I), h0 and c0 (N, H); w_ih (4H, I), w_hh (4H, H) and the biases (4H) hold the gates
    i, f, g, o one below another, as in PyTorch. lengths: (N), of sequences that end before T.
    """
    states = whole(LSTM, (x, h0, c0, w_ih, w_hh, b_ih, b_hh), lengths)
    return states[:-1], last(states, len(x), lengths), states[-1]


def lstm_spelled_out(
    x: Tensor,
    h: Tensor,
    c: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    lengths: Array | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The same as ``lstm``, step by step, composed of small operations."""
    out = []
    for t, x_t in enumerate(x.unbind(0)):
        i, f, g, o = (linear(x_t, w_ih, b_ih) + linear(h, w_hh, b_hh)).chunk(4, 1)
        c_t = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h_t = o.sigmoid() * c_t.tanh()
        c, h = kept(lengths, t, c_t, c), kept(lengths, t, h_t, h)
        out.append(h)
    return without_padding(stack(out), lengths), h, c
