"""Fully connected layers: of one input, and of every pair of elements of two."""

from __future__ import annotations

import math
from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.nn import init
from nncourse.nn.module import Module
from nncourse.nn.parameter import unset
from nncourse.ops.bilinear import bilinear
from nncourse.ops.linalg import linear


class Linear(Module):
    """x W^T + b for x (..., in_features); the result is (..., out_features).

    weight (out_features, in_features) and bias (out_features) start evenly distributed over
    [-1/sqrt(in_features), 1/sqrt(in_features)], as in PyTorch.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        check_counts("Linear", in_features=in_features, out_features=out_features)
        self.in_features = in_features
        self.out_features = out_features
        self.weight = unset(out_features, in_features, device=device, dtype=dtype)
        self.bias = unset(out_features, device=device, dtype=dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values from the default generator."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Bilinear(Module):
    """y_o = x1^T W_o x2 + b_o for x1 (..., in1_features) and x2 (..., in2_features).

    weight (out_features, in1_features, in2_features) and bias (out_features) start evenly
    distributed over [-1/sqrt(in1_features), 1/sqrt(in1_features)].
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        check_counts("Bilinear", out_features=out_features, in2_features=in2_features)
        if in1_features <= 0:
            raise ValueError(f"Bilinear: in1_features must be positive; got {in1_features}")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        shape = out_features, in1_features, in2_features
        self.weight = unset(*shape, device=device, dtype=dtype)
        self.bias = unset(out_features, device=device, dtype=dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values from the default generator."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


def check_counts(what: str, **counts: Any) -> None:
    """Raise unless all are whole numbers, 0 or more."""
    for name, n in counts.items():
        if not isinstance(n, int) or n < 0:
            raise ValueError(f"{what}: {name} must be a whole number, 0 or more; got {n!r}")
