"""What the recurrent operations share: rows [h, 1, x], gates as blocks, one product per weight.

A gate's argument is W x + U h' + b. So each step has a matrix of rows [h', 1, x], and one product
with [U, b, W] gives all three terms at once; backward, one product of all steps' rows gives the
gradients of all three. The gates stand side by side as blocks (gates, N, H) that lie in memory one
after another: NumPy spends up to three times as long on an array with gaps as on one without.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nncourse.autograd.function import Function, apply, promoted
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, filled, xp

_NUMBERS_AT_ONCE = 1 << 15  # of each local derivative: five such arrays fit a second-level cache
_ROWS_AT_LEAST = 256  # in one product, or adding the products up would take longer


def whole(
    operation: type[Function], inputs: tuple[Tensor | None, ...], lengths: Array | None
) -> Tensor:
    """A recurrent operation applied to all steps, its inputs being of one number type."""
    given = [t for t in inputs if t is not None]
    if any(t._data.dtype is not given[0]._data.dtype for t in given):
        common = iter(promoted(*given))
        inputs = tuple([None if t is None else next(common) for t in inputs])
    return apply(operation, inputs, lengths)


def input_rows(x: Array, h0: Array) -> Array:
    """(T + 1, N, H + 1 + I): the rows [h_t, 1, x_t] of every step, h_1, h_2... left to be filled.

    The last have no x: they are there for h_T.
    """
    (T, N, n_in), H = x.shape, h0.shape[1]
    rows = xp.empty((T + 1, N, H + 1 + n_in), x.dtype, like=x)
    rows[0, :, :H] = h0
    rows[:, :, H] = 1
    rows[:T, :, H + 1 :] = x
    rows[T, :, H + 1 :] = 0
    return rows


def gate_matrices(
    U: Array | None,
    b: Array | None,
    W: Array | None,
    H: int,
    order: Sequence[int],
    scales: Sequence[float],
) -> Array:
    """(gates, H + 1 + I, H): what the rows [h, 1, x] are multiplied by.

    U (gates * H, H), b (gates * H) and W (gates * H, I) have the gates one below another, as in
    PyTorch; without U or W, the rows are without h or x. order: which gate comes at each place;
    scales: by what each is multiplied. As sigmoid(z) = (1 + tanh(z / 2)) / 2, one tanh serves all
    gates where those with a sigmoid have half their weights.
    """
    n_states = 0 if U is None else H
    n_in = 0 if W is None else W.shape[1]
    any_weight: Array = W if U is None else U
    shape = len(order), n_states + 1 + n_in, H
    out = xp.zeros(shape, any_weight.dtype, like=any_weight)
    for matrix, k, scale in zip(out, order, scales):
        own = slice(k * H, (k + 1) * H)
        if U is not None:
            xp.multiply(U[own].T, scale, matrix[:H])
        if b is not None:
            xp.multiply(b[own], scale, matrix[n_states])
        if W is not None:
            xp.multiply(W[own].T, scale, matrix[n_states + 1 :])
    return out


def summed(a: Array | None, b: Array | None) -> Array | None:
    """Two biases that are added wherever they occur."""
    return None if a is None else a + b


def parts(n_steps: int, N: int, H: int) -> Iterator[slice]:
    """Consecutive steps, the last ones first: about as many at once as stay in a core's cache.

    The local derivatives of a part are computed at once, the loop goes back through them, and they
    are multiplied with the rows, before they have left the cache.
    """
    N = N or 1
    size = max(1, _NUMBERS_AT_ONCE // (N * H), -(-_ROWS_AT_LEAST // N))
    for stop in range(n_steps, 0, -size):
        yield slice(max(stop - size, 0), stop)


def products(dz: Array, rows: Array) -> Array:
    """(gates, H, columns of rows): d^T rows summed over steps, from dz (gates, steps, N, H)."""
    n_gates, n_steps, N, H = dz.shape
    columns = dz.reshape(n_gates, n_steps * N, H).swapaxes(1, 2)
    return xp.matmul(columns, rows.reshape(n_steps * N, rows.shape[2]))


def weight_gradients(of_rows: Array, needs: Sequence[bool]) -> tuple[Array | None, ...]:
    """The gradients of (W, U, b_ih, b_hh) that are needed, from ``products`` with [h, 1, x]."""
    if not any(needs):
        return (None,) * 4
    n_gates, H, n_columns = of_rows.shape
    d = of_rows.reshape(n_gates * H, n_columns)
    every = d[:, H + 1 :], d[:, :H], d[:, H], d[:, H]
    return tuple([g if need else None for g, need in zip(every, needs)])


def input_gradient(dz: Sequence[Array], W: Array) -> Array:
    """dx (steps, N, I): the sum over the gates of dz (steps, N, H) times W."""
    n_steps, N, H = dz[0].shape
    flat = [d.reshape(n_steps * N, H) for d in dz]
    dx = flat[0] @ W[:H]
    for k, d in enumerate(flat[1:], 1):
        dx += d @ W[k * H : (k + 1) * H]
    return dx.reshape(n_steps, N, W.shape[1])


def number(value: float, like: Array) -> Any:
    """A number as an array without axes: quicker for NumPy to take in than Python's own."""
    return filled((), value, like.dtype, like)
