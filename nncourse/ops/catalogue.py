"""The catalogue of operations: what there is, declared once.

Tests, documentation and benchmarks go through this list: each operation with the same function in
NumPy, its name in PyTorch, and examples of shapes and of the numbers on which it is defined. An
operation with a gradient that is not in the list is an error that a test reports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from nncourse import ops
from nncourse.autograd.function import Function
from nncourse.ops import arithmetic, conversion, elementwise, indexing, linalg, losses, shape
from nncourse.ops import reduction as reductions

# What an input is drawn from. "apart": numbers that differ from each other, and from 0, by at
# least 0.05, so that no kink and no tie is near.
REAL, POSITIVE, APART = "real", "positive", "apart"
MASK = "mask"  # bools: an input without a gradient


def classes(n: int) -> str:
    """The domain of class indices 0 to n - 1, an input without a gradient."""
    return f"classes {n}"


@dataclass(frozen=True)
class Example:
    """Shapes of the inputs, and options passed after them by name."""

    shapes: tuple[tuple[int, ...], ...]
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        told = ["x".join(map(str, s)) or "()" for s in self.shapes]
        return ",".join(told + [f"{k}={v}" for k, v in self.options.items()])


@dataclass(frozen=True)
class Operation:
    """One operation.

    function: takes tensors, then options. reference: the same on NumPy arrays. torch: the path of
    the same in PyTorch, or None where PyTorch's differs in its arguments. nodes: the functions
    of the graph that it makes. spelled_out: the same composed of small operations, for fused ones.
    """

    name: str
    function: Callable[..., Any]
    reference: Callable[..., Any]
    torch: str | None
    nodes: tuple[type[Function], ...]
    domains: tuple[str, ...]
    examples: tuple[Example, ...]
    spelled_out: Callable[..., Any] | None = None

    def __str__(self) -> str:
        return self.name


def draw(domain: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Numbers of a domain: float64, int64 for classes, bool for masks."""
    if domain == REAL:
        return random.standard_normal(shape)
    if domain == POSITIVE:
        return random.uniform(0.5, 2.0, shape)
    if domain == MASK:
        return random.random(shape) < 0.5
    if domain == APART:
        n = int(np.prod(shape))
        steps = np.arange(1, n + 1) * 0.1 * np.where(np.arange(n) % 2, -1, 1)
        return random.permutation(steps + random.uniform(-0.02, 0.02, n)).reshape(shape)
    if domain.startswith("classes "):
        return random.integers(0, int(domain.split()[1]), shape)
    raise ValueError(f"no domain {domain!r}")


def _examples(*shapes: Any) -> tuple[Example, ...]:
    """Examples of one input per shape, or of several where a tuple of shapes is given."""
    return tuple([Example(s if s and isinstance(s[0], tuple) else (s,)) for s in shapes])


def _unary(
    name: str,
    function: Callable[..., Any],
    reference: Callable[..., Any],
    node: type[Function],
    domain: str = REAL,
) -> Operation:
    shapes = _examples((), (3, 4), (2, 1, 3), (0, 3))
    return Operation(name, function, reference, name, (node,), (domain,), shapes)


# Equal shapes, a row, a column, both sides stretched, a number on either side, empty.
_PAIRS = (
    ((3, 4), (3, 4)),
    ((2, 3, 4), (4,)),
    ((3, 4), (3, 1)),
    ((3, 1), (1, 4)),
    ((), (2, 3)),
    ((2, 3), ()),
    ((), ()),
    ((0, 3), (3,)),
)


def _binary(
    name: str,
    function: Callable[..., Any],
    reference: Callable[..., Any],
    node: type[Function],
    domains: tuple[str, str] = (REAL, REAL),
) -> Operation:
    examples = _examples(*_PAIRS)
    return Operation(name, function, reference, name, (node,), domains, examples)


def _reduction(
    name: str,
    function: Callable[..., Any],
    reference: Any,
    nodes: tuple[type[Function], ...],
    domain: str = REAL,
) -> Operation:
    examples = (
        Example(((3, 4),)),
        Example(((2, 3, 4),), {"dim": 1}),
        Example(((2, 3, 4),), {"dim": -1, "keepdim": True}),
        Example(((2, 3, 4),), {"dim": (0, 2)}),
        Example(((2, 3, 4),), {"dim": (0, 2), "keepdim": True}),
        Example(((5,),), {"dim": 0}),
    )
    return Operation(name, function, _with_axis(reference), name, nodes, (domain,), examples)


def _along_an_axis(name: str, reference: Any) -> Operation:
    """max and min along an axis return (values, indices), here and in PyTorch."""

    def values(x: Any, **options: Any) -> Any:
        return getattr(x, name)(**options).values

    return Operation(
        f"{name} along an axis",
        values,
        _with_axis(reference),
        "same",
        (reductions.ExtremeAlong,),
        (APART,),
        (
            Example(((3, 4),), {"dim": 1}),
            Example(((2, 3, 4),), {"dim": 0, "keepdim": True}),
            Example(((2, 3, 4),), {"dim": -2}),
        ),
    )


def _with_axis(reference: Callable[..., Any]) -> Callable[..., Any]:
    def on_arrays(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        return reference(x, axis=dim, keepdims=keepdim)

    return on_arrays


def _index(name: str, take: Callable[[Any], Any], node: type[Function], *shapes: Any) -> Operation:
    """Indexing is written alike for tensors, arrays and PyTorch."""
    return Operation(f"x[{name}]", take, take, "same", (node,), (REAL,), _examples(*shapes))


_REDUCED: dict[str, Any] = {"mean": np.mean, "sum": np.sum, "none": np.asarray}


def _softmax(x: Any, dim: int) -> Any:
    e = np.exp(x - x.max(dim, keepdims=True))
    return e / e.sum(dim, keepdims=True)


def _cross_entropy(x: Any, y: Any, reduction: str = "mean") -> Any:
    losses_ = -np.log(_softmax(x, 1))[np.arange(len(x)), y]
    return _REDUCED[reduction](losses_)


def _squared(x: Any, y: Any, reduction: str = "mean") -> Any:
    return _REDUCED[reduction]((x - y) ** 2)


OPERATIONS: tuple[Operation, ...] = (
    _binary("add", ops.add, np.add, arithmetic.Add),
    _binary("sub", ops.sub, np.subtract, arithmetic.Subtract),
    _binary("mul", ops.mul, np.multiply, arithmetic.Multiply),
    _binary("div", ops.div, np.divide, arithmetic.Divide, (REAL, POSITIVE)),
    _binary("pow", ops.pow, np.power, arithmetic.Power, (POSITIVE, REAL)),
    _binary("maximum", ops.maximum, np.maximum, arithmetic.Maximum, (APART, REAL)),
    _binary("minimum", ops.minimum, np.minimum, arithmetic.Minimum, (APART, REAL)),
    _unary("neg", ops.neg, np.negative, arithmetic.Negate),
    Operation(
        "pow of a number",
        lambda x, n: x**n,
        lambda x, n: x**n,
        "same",
        (arithmetic.PowerOfNumber,),
        (POSITIVE,),
        tuple([Example(((3, 4),), {"n": n}) for n in (2, 3, 1, 0, -1, 0.5, -1.5)]),
    ),
    Operation(
        "with numbers",
        lambda x: 2.0 - (1 / (3 * x + 0.5)) ** 2 / 4,
        lambda x: 2.0 - (1 / (3 * x + 0.5)) ** 2 / 4,
        "same",
        (
            arithmetic.Subtract,
            arithmetic.Divide,
            arithmetic.Multiply,
            arithmetic.Add,
            arithmetic.PowerOfNumber,
        ),
        (POSITIVE,),
        _examples((3, 4), ()),
    ),
    _unary("exp", ops.exp, np.exp, elementwise.Exp),
    _unary("log", ops.log, np.log, elementwise.Log, POSITIVE),
    _unary("sqrt", ops.sqrt, np.sqrt, elementwise.Sqrt, POSITIVE),
    _unary("sin", ops.sin, np.sin, elementwise.Sin),
    _unary("cos", ops.cos, np.cos, elementwise.Cos),
    _unary("tanh", ops.tanh, np.tanh, elementwise.Tanh),
    _unary("sigmoid", ops.sigmoid, lambda x: 1 / (1 + np.exp(-x)), elementwise.Sigmoid),
    _unary("relu", ops.relu, lambda x: x * (x > 0), elementwise.ReLU, APART),
    _unary("abs", ops.abs, np.abs, elementwise.Abs, APART),
    Operation(
        "clamp",
        ops.clamp,
        lambda x, min=None, max=None: np.clip(x, min, max),
        "clamp",
        (elementwise.Clamp,),
        (APART,),
        (
            Example(((3, 4),), {"min": -0.35, "max": 0.55}),
            Example(((3, 4),), {"min": 0.05}),
            Example(((3, 4),), {"max": 0.05}),
        ),
    ),
    Operation(
        "where",
        ops.where,
        np.where,
        "where",
        (elementwise.Where,),
        (MASK, REAL, REAL),
        _examples(((3, 4), (3, 4), (3, 4)), ((3, 4), (4,), ()), ((4,), (2, 1), (2, 4))),
    ),
    _reduction("sum", ops.sum, np.sum, (reductions.Sum,)),
    _reduction("mean", ops.mean, np.mean, (reductions.Mean,)),
    _reduction("var", ops.var, partial(np.var, ddof=1), (reductions.Variance,)),
    _reduction(
        "std",
        ops.std,
        partial(np.std, ddof=1),
        (reductions.Variance, elementwise.Sqrt),
    ),
    _reduction("amax", ops.amax, np.max, (reductions.Extreme,), APART),
    _reduction("amin", ops.amin, np.min, (reductions.Extreme,), APART),
    _along_an_axis("max", np.max),
    _along_an_axis("min", np.min),
    Operation(
        "reshape",
        lambda x, shape: x.reshape(shape),
        lambda x, shape: x.reshape(shape),
        "same",
        (shape.Reshape,),
        (REAL,),
        (
            Example(((3, 4),), {"shape": (2, 6)}),
            Example(((3, 4),), {"shape": (-1,)}),
            Example(((),), {"shape": (1, 1)}),
        ),
    ),
    Operation(
        "flatten",
        ops.flatten,
        lambda x, start_dim: x.reshape(*x.shape[:start_dim], -1),
        "flatten",
        (shape.Reshape,),
        (REAL,),
        (Example(((2, 3, 4),), {"start_dim": 1}), Example(((2, 3),), {"start_dim": 0})),
    ),
    Operation(
        "permute",
        lambda x, dims: x.permute(dims),
        lambda x, dims: x.transpose(dims),
        "same",
        (shape.Permute,),
        (REAL,),
        (Example(((2, 3, 4),), {"dims": (1, 2, 0)}), Example(((3, 3),), {"dims": (1, 0)})),
    ),
    Operation(
        "transpose",
        ops.transpose,
        lambda x, dim0, dim1: np.swapaxes(x, dim0, dim1),
        "transpose",
        (shape.Permute,),
        (REAL,),
        (Example(((2, 3, 4),), {"dim0": 0, "dim1": -1}),),
    ),
    Operation(
        "T", lambda x: x.T, lambda x: x.T, "same", (shape.Permute,), (REAL,), _examples((3, 3))
    ),
    Operation(
        "squeeze, unsqueeze",
        lambda x: x.squeeze(1).unsqueeze(0).unsqueeze(-1),
        lambda x: x[:, 0][None, ..., None],
        "same",
        (shape.Reshape,),
        (REAL,),
        _examples((3, 1, 2)),
    ),
    Operation(
        "expand",
        lambda x, sizes: x.expand(sizes),
        lambda x, sizes: np.broadcast_to(x, sizes),
        "same",
        (shape.Expand,),
        (REAL,),
        (Example(((3, 1),), {"sizes": (2, 3, 4)}), Example(((),), {"sizes": (3,)})),
    ),
    Operation(
        "cat",
        lambda *x, dim: ops.cat(x, dim),
        lambda *x, dim: np.concatenate(x, dim),
        None,
        (shape.Concatenate,),
        (REAL, REAL, REAL),
        (
            Example(((2, 3), (4, 3), (1, 3)), {"dim": 0}),
            Example(((2, 1, 2), (2, 3, 2), (2, 0, 2)), {"dim": -2}),
        ),
    ),
    Operation(
        "stack",
        lambda *x, dim: ops.stack(x, dim),
        lambda *x, dim: np.stack(x, dim),
        None,
        (shape.Stack,),
        (REAL, REAL, REAL),
        (
            Example(((2, 3), (2, 3), (2, 3)), {"dim": 0}),
            Example(((2, 3), (2, 3), (2, 3)), {"dim": -1}),
            Example(((), (), ()), {"dim": 0}),
        ),
    ),
    _index("1", lambda x: x[1], indexing.Slice, (3, 4), (3,)),
    _index("-1, :2", lambda x: x[-1, :2], indexing.Slice, (3, 4)),
    _index("::2, None, 1:", lambda x: x[::2, None, 1:], indexing.Slice, (5, 4)),
    _index("..., 0", lambda x: x[..., 0], indexing.Slice, (2, 3, 4)),
    _index("[0, 2, 0]", lambda x: x[[0, 2, 0]], indexing.Gather, (3, 4), (3,)),
    _index("[0, 2, 0], [1, 1, 1]", lambda x: x[[0, 2, 0], [1, 1, 1]], indexing.Gather, (3, 4)),
    _index(":, [0, 0]", lambda x: x[:, [0, 0]], indexing.Gather, (3, 4)),
    Operation(
        "x[mask]",
        lambda x, mask: x[mask],
        lambda x, mask: x[mask],
        "same",
        (indexing.Slice,),
        (REAL, MASK),
        _examples(((3, 4), (3, 4)), ((5, 2), (5,))),
    ),
    Operation(
        "matmul",
        ops.matmul,
        np.matmul,
        "matmul",
        (linalg.MatMul,),
        (REAL, REAL),
        _examples(
            ((3, 4), (4, 2)),
            ((3, 3), (3, 3)),
            ((4,), (4,)),
            ((4,), (4, 2)),
            ((3, 4), (4,)),
            ((2, 3, 4), (4, 2)),
            ((2, 3, 4), (4,)),
            ((4,), (2, 4, 3)),
            ((2, 1, 3, 4), (5, 4, 2)),
            ((3, 4), (2, 4, 2)),
            ((0, 3), (3, 2)),
        ),
    ),
    Operation(
        "linear",
        linalg.linear,
        lambda x, W, b=None: x @ W.T + (0 if b is None else b),
        "nn.functional.linear",
        (linalg.Linear,),
        (REAL, REAL, REAL),
        _examples(
            ((3, 4), (2, 4), (2,)),
            ((3, 3), (3, 3), (3,)),
            ((4,), (2, 4), (2,)),
            ((2, 3, 4), (5, 4), (5,)),
            ((3, 4), (2, 4)),
        ),
        spelled_out=linalg.linear_spelled_out,
    ),
    Operation(
        "softmax",
        ops.softmax,
        _softmax,
        "softmax",
        (losses.Softmax,),
        (REAL,),
        (Example(((3, 4),), {"dim": 1}), Example(((2, 3, 4),), {"dim": -2})),
        spelled_out=lambda x, dim: x.exp() / x.exp().sum(dim, keepdim=True),
    ),
    Operation(
        "log_softmax",
        ops.log_softmax,
        lambda x, dim: np.log(_softmax(x, dim)),
        "log_softmax",
        (losses.LogSoftmax,),
        (REAL,),
        (Example(((3, 4),), {"dim": 1}), Example(((2, 3, 4),), {"dim": 0})),
        spelled_out=lambda x, dim: x - x.exp().sum(dim, keepdim=True).log(),
    ),
    Operation(
        "cross_entropy",
        losses.cross_entropy,
        _cross_entropy,
        "nn.functional.cross_entropy",
        (losses.CrossEntropy,),
        (REAL, classes(4)),
        (
            Example(((5, 4), (5,))),
            Example(((5, 4), (5,)), {"reduction": "sum"}),
            Example(((5, 4), (5,)), {"reduction": "none"}),
        ),
        spelled_out=losses.cross_entropy_spelled_out,
    ),
    Operation(
        "mse_loss",
        losses.mse_loss,
        _squared,
        "nn.functional.mse_loss",
        (losses.MSELoss,),
        (REAL, REAL),
        (
            Example(((3, 4), (3, 4))),
            Example(((2,), (2,)), {"reduction": "sum"}),
            Example(((3, 4), (3, 4)), {"reduction": "none"}),
        ),
        spelled_out=losses.mse_loss_spelled_out,
    ),
    Operation(
        "clone",
        ops.clone,
        np.copy,
        "clone",
        (conversion.Clone,),
        (REAL,),
        _examples((3, 4), ()),
    ),
)
