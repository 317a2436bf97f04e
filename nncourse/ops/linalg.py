"""Products of matrices and vectors, and the linear layer as one operation."""

from __future__ import annotations

from math import prod
from typing import Any

from nncourse.autograd.function import Function, apply, binary, promoted
from nncourse.autograd.tensor import Tensor, method
from nncourse.autograd.vocabulary import mT, reshape, sum_over, unbroadcast
from nncourse.backend import Array


def _rows(x: Array) -> Array:
    """All leading axes joined into one: (..., k) to (n, k)."""
    return x if x.ndim == 2 else reshape(x, (prod(x.shape[:-1]), x.shape[-1]))


class MatMul(Function):
    """out = a @ b for a (..., n, k), b (..., k, m), out (..., n, m); leading axes are broadcast.

    da = dout @ b^T,  db = a^T @ dout, each summed over its broadcast axes. A vector counts as a
    matrix of one row on the left, of one column on the right.
    """

    __slots__ = ()
    saves = ("a", "b")

    def forward(self, a: Array, b: Array) -> Array:
        self.saved = a, b
        if a.ndim > 2 and b.ndim == 2:
            return (_rows(a) @ b).reshape(*a.shape[:-1], b.shape[-1])
        return a @ b

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        a, b = self.saved
        need_a, need_b = self.needs
        if a.ndim == 2 and b.ndim == 2:
            return dout @ mT(b) if need_a else None, mT(a) @ dout if need_b else None

        shape_a, shape_b, outer = a.shape, b.shape, dout.shape
        if a.ndim == 1:
            a = reshape(a, (1, *shape_a))
            outer = (*outer[: b.ndim - 2], 1, *outer[b.ndim - 2 :]) if b.ndim > 1 else (1,)
        if b.ndim == 1:
            b = reshape(b, (*shape_b, 1))
            outer = (*outer, 1)
        dout = reshape(dout, outer)

        da = db = None
        if need_a:
            da = reshape(unbroadcast(dout @ mT(b), a.shape), shape_a)
        if need_b and b.ndim == 2:
            db = reshape(mT(_rows(a)) @ _rows(dout), shape_b)  # the sum over batches in one product
        elif need_b:
            db = unbroadcast(mT(a) @ dout, shape_b)
        return da, db


_matmul = binary(MatMul)


@method("matmul", "__matmul__")
def matmul(a: Any, b: Any) -> Tensor:
    """The matrix product a @ b; axes before the last two are batches and broadcast."""
    try:
        return _matmul(a, b)
    except (ValueError, AttributeError):
        raise _shapes_differ(a, b) from None


@method("__rmatmul__")
def _reflected_matmul(b: Tensor, a: Any) -> Tensor:
    return matmul(a, b)


def _shapes_differ(a: Any, b: Any) -> RuntimeError:
    """The error for a product of shapes that do not fit, with the likely mend."""
    s, t = tuple(getattr(a, "shape", ())), tuple(getattr(b, "shape", ()))
    if not s or not t:
        return RuntimeError(
            f"a @ b needs at least one axis each; got {s} @ {t}. Did you mean a * b?"
        )
    k = t[-2] if len(t) > 1 else t[0]
    hint = ""
    if s[-1] == k:
        return RuntimeError(f"{s} @ {t}: the axes before the last two cannot be broadcast")
    if len(t) > 1 and s[-1] == t[-1]:
        hint = " Did you mean a @ b.T?"
    elif len(s) > 1 and s[-2] == k:
        hint = " Did you mean a.T @ b?"
    return RuntimeError(
        f"{s} @ {t}: the last axis of a ({s[-1]}) must equal the "
        f"{'last axis but one' if len(t) > 1 else 'length'} of b ({k}).{hint}"
    )


@method("mm", "bmm", "mv", "dot")
def product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b; PyTorch's names for the cases of matrices, batches, and vectors."""
    return matmul(a, b)


@method("outer")
def outer(a: Tensor, b: Tensor) -> Tensor:
    """All products of the elements of two vectors: (n), (m) to (n, m)."""
    if a._data.ndim != 1 or b._data.ndim != 1:
        raise RuntimeError(f"outer needs two vectors; got {a.shape} and {b.shape}")
    return a.unsqueeze(1) * b


class Linear(Function):
    """out = x W^T + b for x (..., in), W (out, in), b (out), out (..., out).

    dx = dout W,  dW = dout^T x,  db = dout, the last two summed over all rows of x.
    """

    __slots__ = ()
    saves = ("x", "W")

    def forward(self, x: Array, W: Array, b: Array | None) -> Array:
        self.saved = x, W
        out = _rows(x) @ W.T
        if b is not None:
            out += b
        return out if x.ndim == 2 else out.reshape(*x.shape[:-1], W.shape[0])

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        x, W = self.saved
        need_x, need_W, need_b = self.needs
        rows = _rows(dout)
        return (
            reshape(rows @ W, x.shape) if need_x else None,
            mT(rows) @ _rows(x) if need_W else None,
            sum_over(rows, 0) if need_b else None,
        )


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + b for x (..., in), weight (out, in) and bias (out); the result is (..., out).

    Operands of different number types are promoted, where PyTorch raises an error.
    """
    x, W = input._data, weight._data
    if W.ndim != 2 or not x.ndim or x.shape[-1] != W.shape[1]:
        raise _linear_error(input, weight)
    if bias is not None and bias._data.shape != (W.shape[0],):
        raise RuntimeError(
            f"linear: bias has shape {bias.shape}; with weight {weight.shape} "
            f"it must be ({W.shape[0]},)"
        )
    if x.dtype is not W.dtype or (bias is not None and bias._data.dtype is not W.dtype):
        if bias is None:
            input, weight = promoted(input, weight)
        else:
            input, weight, bias = promoted(input, weight, bias)
    return apply(Linear, (input, weight, bias))


def linear_spelled_out(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The same as ``linear``, composed of small operations."""
    out = input @ weight.T
    return out if bias is None else out + bias


def _linear_error(x: Tensor, weight: Tensor) -> RuntimeError:
    if weight.ndim != 2:
        return RuntimeError(f"linear: weight must be (out, in); its shape is {weight.shape}")
    n_out, n_in = weight.shape
    hint = ""
    if x.ndim == 2 and x.shape[0] == n_in:
        hint = " Did you mean x.T?"
    elif x.ndim > 2 and prod(x.shape[1:]) == n_in:
        hint = " Did you mean x.flatten(1)?"
    elif x.ndim and x.shape[-1] == n_out:
        hint = f" Did you mean a layer {n_out} -> {n_in}, with a weight of shape ({n_in}, {n_out})?"
    return RuntimeError(
        f"Linear({n_in} -> {n_out}): x is {x.shape}; its last axis must be {n_in}.{hint}"
    )
