"""Entries: activation functions and dropout."""

from math import erf
from typing import Any

import numpy as np

from nncourse.autograd.function import unary as applied
from nncourse.ops import activations, arithmetic, dropping, elementwise, shape
from nncourse.ops.catalogue.entry import (
    APART,
    REAL,
    Example,
    Operation,
    examples,
    like,
    unary,
)


def _gelu(x: Any, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return x / 2 * (1 + np.vectorize(erf, otypes=[float])(x / np.sqrt(2)))


def _prelu(x: Any, w: Any) -> Any:
    wide = w.reshape(-1, *[1] * max(x.ndim - 2, 0)) if w.size > 1 else w.reshape(())
    return np.where(x > 0, x, wide * x)


def _in(name: str) -> str:
    return f"nn.functional.{name}"


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "leaky_relu",
        activations.leaky_relu,
        lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
        _in("leaky_relu"),
        (activations.LeakyReLU,),
        (APART,),
        (
            Example(((3, 4),), {"negative_slope": 0.2}),
            Example(((),)),
            Example(((3, 3),)),
            Example(((0, 3),)),
        ),
    ),
    Operation(
        "prelu",
        activations.prelu,
        _prelu,
        _in("prelu"),
        (activations.PReLU, shape.Reshape),
        (APART, REAL),
        examples(((3, 4), (4,)), ((2, 3, 4), (3,)), ((3, 4), (1,)), ((2, 3, 2, 2), (3,))),
    ),
    Operation(
        "elu",
        activations.elu,
        lambda x, alpha=1.0: np.where(x > 0, x, alpha * (np.exp(x) - 1)),
        _in("elu"),
        (activations.ELU,),
        (APART,),
        (
            Example(((3, 4),)),
            Example(((3, 3),), {"alpha": 0.5}),
            Example(((),)),
            Example(((0, 3),)),
        ),
    ),
    Operation(
        "softplus",
        activations.softplus,
        lambda x, beta=1.0: np.log(1 + np.exp(beta * x)) / beta,
        _in("softplus"),
        (activations.Softplus,),
        (REAL,),
        (
            Example(((3, 4),)),
            Example(((3, 3),), {"beta": 2.0}),
            Example(((),)),
            Example(((0, 3),)),
        ),
    ),
    Operation(
        "logsigmoid",
        activations.logsigmoid,
        lambda x: -np.log(1 + np.exp(-x)),
        _in("logsigmoid"),
        (activations.Softplus, arithmetic.Negate),
        (REAL,),
        examples((3, 4)),
    ),
    unary(
        "silu",
        activations.silu,
        lambda x: x / (1 + np.exp(-x)),
        activations.SiLU,
        torch=_in("silu"),
        spelled_out=activations.silu_spelled_out,
    ),
    Operation(
        "gelu",
        activations.gelu,
        _gelu,
        _in("gelu"),
        (activations.GELU,),
        (REAL,),
        (
            Example(((3, 4),)),
            Example(((3, 3),), {"approximate": "tanh"}),
            Example(((),)),
            Example(((0, 3),)),
        ),
        spelled_out=activations.gelu_spelled_out,
    ),
    Operation(
        "threshold",
        activations.threshold,
        lambda x, threshold, value: np.where(x > threshold, x, value),
        _in("threshold"),
        (elementwise.Where,),
        (APART,),
        (Example(((3, 4),), {"threshold": 0.05, "value": 2.0}),),
    ),
    Operation(
        "hardtanh",
        activations.hardtanh,
        lambda x, min_val=-1.0, max_val=1.0: np.clip(x, min_val, max_val),
        _in("hardtanh"),
        (activations.Hardtanh,),
        (APART,),
        (Example(((3, 4),), {"min_val": -0.35, "max_val": 0.55}), Example(((2,),))),
    ),
    Operation(
        "relu6",
        activations.relu6,
        lambda x: np.clip(x, 0, 6),
        _in("relu6"),
        (activations.Hardtanh,),
        (APART,),
        examples((3, 4), (3, 3)),
    ),
    Operation(
        "selu",
        activations.selu,
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
        _in("selu"),
        (activations.ELU, arithmetic.Multiply),
        (APART,),
        examples((3, 4)),
    ),
    Operation(
        "dropout with a mask",
        lambda x, mask: applied(dropping.Dropout, x, like(x, mask)._data),
        lambda x, mask: x * np.array(mask),
        lambda torch, x, mask: x * torch.tensor(mask, dtype=x.dtype),
        (dropping.Dropout,),
        (REAL,),
        (
            Example(((2, 3),), {"mask": ((0.0, 2.0, 0.0), (2.0, 0.0, 2.0))}),
            Example(((2, 2, 2),), {"mask": (((0.0,), (2.0,)), ((2.0,), (2.0,)))}),
        ),
    ),
)
