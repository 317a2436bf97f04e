"""The fully connected layer."""

from __future__ import annotations

import math
from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.nn import init
from nncourse.nn.module import Module
from nncourse.nn.parameter import Parameter
from nncourse.ops.creation import empty
from nncourse.ops.linalg import linear


class Linear(Module):
    """x W^T + b for x (..., in_features); the result is (..., out_features).

    weight (out_features, in_features) and bias (out_features) start evenly distributed over
    [-1/sqrt(in_features), 1/sqrt(in_features)], as in PyTorch.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, dtype: Any = None
    ) -> None:
        super().__init__()
        for name, n in (("in_features", in_features), ("out_features", out_features)):
            if not isinstance(n, int) or n < 0:
                raise ValueError(f"Linear: {name} must be a whole number of neurons; got {n!r}")
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty(out_features, in_features, dtype=dtype))
        self.bias = Parameter(empty(out_features, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new initial values from the default generator."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )
