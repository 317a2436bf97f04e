"""Vectors brought to length 1, and the cosine of the angle between two: how alike they are."""

from __future__ import annotations

from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.ops.accumulation import norm
from nncourse.ops.activations import real


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """x / max(|x|, eps), |x| the p-norm along ``dim``."""
    return input / norm(real(input, "normalize"), p, dim, keepdim=True).clamp(min=eps)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along ``dim``; the two are broadcast."""
    a, b = (real(x, "cosine_similarity") for x in (x1, x2))
    lengths: Any = norm(a, 2, dim).clamp(min=eps) * norm(b, 2, dim).clamp(min=eps)
    return (a * b).sum(dim) / lengths
