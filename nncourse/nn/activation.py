"""Activation functions as modules, for use in ``Sequential``."""

from __future__ import annotations

from nncourse.autograd.tensor import Tensor
from nncourse.nn.module import Module
from nncourse.ops.elementwise import relu, sigmoid, tanh
from nncourse.ops.losses import log_softmax, softmax


class ReLU(Module):
    """max(x, 0)."""

    def forward(self, x: Tensor) -> Tensor:
        return relu(x)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, x: Tensor) -> Tensor:
        return tanh(x)


class Sigmoid(Module):
    """1 / (1 + e^-x)."""

    def forward(self, x: Tensor) -> Tensor:
        return sigmoid(x)


class Softmax(Module):
    """e^x divided by its sum along ``dim``."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor) -> Tensor:
        return softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of softmax along ``dim``."""

    def forward(self, x: Tensor) -> Tensor:
        return log_softmax(x, self.dim)
