"""The simple recurrent network (Elman, 1990): h = tanh(W x + U h' + b), or relu for tanh.

``rnn`` computes all steps as one operation, ``rnn_spelled_out`` says the same step by step. Its
backward pass is backpropagation through time: the derivative by a state is what comes from above
plus what comes from the next step, times U and the slope at every step that it passes.
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
    products,
    summed,
    weight_gradients,
    whole,
)
from nncourse.ops.recurrent.endings import kept, last, of_outputs, outputs, without_padding
from nncourse.ops.shape import stack


class RNN(Function):
    """out (T, N, H): h = tanh(W x + U h' + b) at every step. For x (T, N, I) and h0 (N, H).

    With dh the derivative by h_t, from above and from the next step, dz = dh (1 - h^2), for relu
    dh where h > 0;  dh' = dz U. dW, dU and db are sums over all steps, in one product.
    """

    __slots__ = ("lengths",)
    saves = ("x", "h0", "w_ih", "w_hh", "b_ih", "b_hh", "rows")

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
        N, H = x.shape[1], len(w_hh)
        rows = input_rows(x, h0)
        states = rows[:, :, :H]
        (matrix,) = gate_matrices(w_hh, summed(b_ih, b_hh), w_ih, H, (0,), (1.0,))
        z = xp.empty((N, H), x.dtype, like=x)
        for row, h in zip(rows, states[1:]):
            xp.matmul(row, matrix, out=z)
            self.squash(z, h)
        self.saved = x, h0, w_ih, w_hh, b_ih, b_hh, rows
        return outputs(states[1:], lengths)

    def squash(self, z: Array, out: Array) -> None:
        xp.tanh(z, out)

    def slope(self, h: Array) -> Array:
        return 1 - h * h

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        _, _, w_ih, w_hh, _, _, rows = self.saved
        T, _, H = dout.shape
        above = of_outputs(dout, self.lengths)
        dz = self.slope(rows[1:, :, :H])
        dh = above[T - 1].copy()
        need_x, need_h0, *need_weights = self.needs
        for t in range(T - 1, -1, -1):
            d = dz[t]
            xp.multiply(d, dh, d)
            if t or need_h0:
                xp.matmul(d, w_hh, out=dh)
            if t:
                xp.add(dh, above[t - 1], dh)
        dx = input_gradient([dz], w_ih) if need_x else None
        of_rows = products(dz[None], rows[:T]) if any(need_weights) else None
        return dx, dh, *weight_gradients(of_rows, need_weights)

    def twin(
        self,
        x: Tensor,
        h0: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None,
        b_hh: Tensor | None,
    ) -> Tensor:
        return rnn_spelled_out(x, h0, w_ih, w_hh, b_ih, b_hh, self.lengths)[0]


class ReLURNN(RNN):
    """out (T, N, H): h = relu(W x + U h' + b) at every step."""

    __slots__ = ()

    def squash(self, z: Array, out: Array) -> None:
        xp.maximum(z, 0, out=out)

    def slope(self, h: Array) -> Array:
        return (h > 0).astype(h.dtype)

    def twin(
        self,
        x: Tensor,
        h0: Tensor,
        w_ih: Tensor,
        w_hh: Tensor,
        b_ih: Tensor | None,
        b_hh: Tensor | None,
    ) -> Tensor:
        return rnn_spelled_out(x, h0, w_ih, w_hh, b_ih, b_hh, self.lengths, nonlinearity="relu")[0]


def rnn(
    x: Tensor,
    h0: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    lengths: Array | None = None,
    *,
    nonlinearity: str = "tanh",
) -> tuple[Tensor, Tensor]:
    """(all h (T, N, H), the last h) of one layer, as one operation.

    x (T, N, I), h0 (N, H), w_ih (H, I), w_hh (H, H), biases (H). nonlinearity: "tanh" or "relu".
    lengths: (N), of sequences that end before T.
    """
    operation = {"tanh": RNN, "relu": ReLURNN}[nonlinearity]
    out = whole(operation, (x, h0, w_ih, w_hh, b_ih, b_hh), lengths)
    return out, last(out, len(x), lengths)


def rnn_spelled_out(
    x: Tensor,
    h: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
    lengths: Array | None = None,
    *,
    nonlinearity: str = "tanh",
) -> tuple[Tensor, Tensor]:
    """The same as ``rnn``, step by step, composed of small operations."""
    out = []
    for t, x_t in enumerate(x.unbind(0)):
        z = linear(x_t, w_ih, b_ih) + linear(h, w_hh, b_hh)
        h = kept(lengths, t, z.tanh() if nonlinearity == "tanh" else z.relu(), h)
        out.append(h)
    return without_padding(stack(out), lengths), h
