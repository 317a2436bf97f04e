"""Automatic differentiation: tensors, functions, and the backward pass."""

from nncourse.autograd import functional
from nncourse.autograd.anomaly import detect_anomaly
from nncourse.autograd.function import Function
from nncourse.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from nncourse.autograd.gradient import grad
from nncourse.autograd.mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from nncourse.autograd.tensor import Tensor
from nncourse.autograd.tensor import variable as Variable

__all__ = [
    "Function",
    "GradcheckError",
    "Tensor",
    "Variable",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "is_grad_enabled",
    "no_grad",
    "set_grad_enabled",
]
