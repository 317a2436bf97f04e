"""The bilinear form: a weighted sum over all products of an element of x1 and an element of x2."""

from __future__ import annotations

from math import prod
from typing import Any

from nncourse.autograd.tensor import Tensor


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """out[..., o] = x1[..., i] W[o, i, j] x2[..., j] + b[o], summed over i and j.

    input1 (..., n), input2 (..., m) with equal axes before the last; weight (o, n, m); bias (o).
    """
    x, y, W = input1, input2, weight
    if W.ndim != 3:
        raise RuntimeError(f"bilinear: weight must be (out, in1, in2); its shape is {W.shape}")
    o, n, m = W.shape
    if not x.ndim or not y.ndim or x.shape[-1] != n or y.shape[-1] != m:
        hint = " Are they swapped?" if (x.shape[-1:], y.shape[-1:]) == ((m,), (n,)) else ""
        raise RuntimeError(
            f"bilinear: the inputs are {x.shape} and {y.shape}; their last axes must be {n} and {m}"
            f" for a weight {W.shape}.{hint}"
        )
    if x.shape[:-1] != y.shape[:-1]:
        raise RuntimeError(
            f"bilinear: the inputs {x.shape} and {y.shape} must agree in all axes but the last"
        )
    if bias is not None and bias.shape != (o,):
        raise RuntimeError(f"bilinear: bias must be ({o},); its shape is {bias.shape}")
    # First W x2 for all outputs in one product, then the product with x1 in each example.
    examples = prod(x.shape[:-1])
    ways: Any = y.reshape(examples, m) @ W.reshape(o * n, m).T
    out = ways.reshape(examples, o, n) @ x.reshape(examples, n, 1)
    out = out.reshape(*x.shape[:-1], o)
    return out if bias is None else out + bias
