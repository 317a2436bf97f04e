"""Automatic differentiation: tensors, functions, and the backward pass."""

from nncourse.autograd.mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from nncourse.autograd.tensor import Tensor

__all__ = ["Tensor", "enable_grad", "is_grad_enabled", "no_grad", "set_grad_enabled"]
