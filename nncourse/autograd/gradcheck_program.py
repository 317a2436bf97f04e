"""The function under a gradient check: how it is called, differentiated, and kept from harm.

It is called on fresh tensors each time, so that neither the caller's tensors nor their ``.grad``
change. Its outputs are taken as one long vector.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nncourse.autograd.function import constant
from nncourse.autograd.mode import enable_grad, no_grad
from nncourse.autograd.tensor import Tensor
from nncourse.backend import to_numpy, xp
from nncourse.diagnosis.finding import Finding
from nncourse.diagnosis.measure import Array, distance
from nncourse.language import mark

_RANDOM = mark(
    "Two calls with the same inputs give different results, so a slope means nothing. Is a random "
    "mask drawn anew in each call? Fix its seed inside of the function."
)
_FORWARD = mark("The function changes its input {name}: the slopes are taken at another point.")
_BACKWARD = mark("The backward pass changes {name}, which belongs to others.")
_COARSE = mark(
    "The result is {dtype} for inputs in float64: the function computes in lower precision, where "
    "differences with a step of 1e-5 are noise. Convert its parameters to float64 for the check."
)
_NO_RESULT = mark("The function returns no tensor of floating-point numbers.")
_DTYPE = mark("The gradient of {name} is {got}; it must be {want}, as the input is.")
_LAYOUT = mark(
    "The gradient of {name} is another one when the arrays are not contiguous in memory, though "
    "the numbers are the same: somewhere the order in memory is taken for the order of the axes."
)
_NOT_FINITE = mark("The result holds NaN or inf at these inputs.")
NOT_FINITE_AROUND = mark("The result holds NaN or inf around every point tried.")


class Program:
    """``func`` with its inputs.

    arguments: all of them; checked: the places of those that require gradients; for these, in
    order, checked_names, dtypes and point (copies in float64).
    """

    def __init__(
        self, func: Callable[..., Any], inputs: Any, names: Sequence[str] | None = None
    ) -> None:
        self.func = func
        self.name = getattr(func, "__name__", type(func).__name__)
        self.arguments = [inputs] if isinstance(inputs, Tensor) else list(inputs)
        self.names = list(names) if names is not None else _names(func, len(self.arguments))
        self.checked = [
            i for i, x in enumerate(self.arguments) if isinstance(x, Tensor) and x.requires_grad
        ]
        if not self.checked:
            raise ValueError(
                "gradcheck: none of the inputs requires gradients, so there is nothing to check; "
                "make one with nnc.tensor(values, dtype=nnc.float64, requires_grad=True)"
            )
        tensors = [self.arguments[i] for i in self.checked]
        if any(t.dtype.kind != "f" for t in tensors):
            raise TypeError("gradcheck: only inputs of real numbers can be checked")
        self.checked_names = [self.names[i] for i in self.checked]
        self.dtypes = [t.dtype for t in tensors]
        self.point = [np.array(to_numpy(t._data), np.float64, order="C") for t in tensors]
        self.shapes: list[tuple[int, ...]] = []  # of the outputs
        self.changed: list[str] = []  # what the latest backward pass has overwritten

    def rounded(self, xs: list[Array]) -> list[Array]:
        """The nearest point that the inputs' own types can hold."""
        pairs = zip(xs, self.dtypes)
        return [x.astype(dtype).astype(np.float64, order="C") for x, dtype in pairs]

    def with_inputs(self, tensors: Sequence[Tensor]) -> list[Any]:
        """All arguments, the checked ones replaced."""
        arguments = list(self.arguments)
        for i, tensor in zip(self.checked, tensors):
            arguments[i] = tensor
        return arguments

    def outputs(self, arguments: list[Any]) -> list[Tensor]:
        """The outputs of floating point."""
        out = self.func(*arguments)
        several = (out,) if isinstance(out, Tensor) else out
        if not isinstance(several, tuple | list):
            return []
        return [y for y in several if isinstance(y, Tensor) and y.dtype.kind in "fc"]

    def evaluate(self, xs: list[Array]) -> Array:
        """All outputs as one vector, for inputs of float64 or, in one of them, complex128."""
        with no_grad():
            outputs = self.outputs(self.with_inputs([constant(xp.asarray(x)) for x in xs]))
        found = [to_numpy(y._data).reshape(-1) for y in outputs]
        if len(found) == 1:
            return found[0]
        return np.concatenate(found) if found else np.zeros(0)

    def gradients(self, xs: list[Array], upstreams: list[Array], spread: bool = False) -> list[Any]:
        """What autograd says: an array for each checked input, zeros where nothing arrives.

        ``spread``: from arrays that lie in memory with gaps and in another order.
        """
        from nncourse.autograd.gradient import grad

        lay = spread_out if spread else np.array
        with enable_grad():
            leaves = [
                Tensor(xp.asarray(lay(x.astype(dtype))), requires_grad=True)
                for x, dtype in zip(xs, self.dtypes)
            ]
            outputs = self.outputs(self.with_inputs(leaves))
        douts = [Tensor(xp.asarray(lay(u.astype(y.dtype)))) for u, y in zip(upstreams, outputs)]
        pairs = [(y, dout) for y, dout in zip(outputs, douts) if y.requires_grad]
        if not pairs:
            return [np.zeros(x.shape) for x in xs]
        ys, dys = zip(*pairs)
        found = grad(ys, leaves, dys, allow_unused=True)
        self.changed = [
            name
            for name, tensor, array in (
                *zip(self.checked_names, leaves, xs),
                *(("dout", dout, u) for dout, u in zip(douts, upstreams)),
            )
            if not np.array_equal(to_numpy(tensor._data), array.astype(tensor.dtype))
        ]
        return [
            np.zeros(x.shape, dtype) if g is None else to_numpy(g._data)
            for g, x, dtype in zip(found, xs, self.dtypes)
        ]

    def problems(self) -> list[Finding]:
        """What makes a comparison meaningless, seen at the given point."""
        xs = [x.copy() for x in self.point]
        with no_grad():
            outputs = self.outputs(self.with_inputs([constant(xp.asarray(x)) for x in xs]))
        self.shapes = [y.shape for y in outputs]
        if not outputs:
            return [Finding("no result", _NO_RESULT)]
        for name, x, kept in zip(self.checked_names, xs, self.point):
            if not np.array_equal(x, kept, equal_nan=True):
                return [Finding("changes", _FORWARD, {"name": name})]
        coarse = [y.dtype for y in outputs if y.dtype.itemsize < 8]
        if coarse:
            return [Finding("precision", _COARSE, {"dtype": str(coarse[0])})]
        first = np.concatenate([to_numpy(y._data).reshape(-1) for y in outputs])
        if not np.array_equal(first, self.evaluate(self.point), equal_nan=True):
            return [Finding("M47", _RANDOM)]
        if not np.isfinite(first).all():
            return [Finding("nan", _NOT_FINITE)]
        return self._problems_of_backward()

    def _problems_of_backward(self) -> list[Finding]:
        ones = [np.ones(shape) for shape in self.shapes]
        found = self.gradients(self.point, ones)
        if self.changed:
            return [Finding("changes", _BACKWARD, {"name": self.changed[0]})]
        for name, g, want in zip(self.checked_names, found, self.dtypes):
            if g.dtype != want:
                evidence = {"name": name, "got": str(g.dtype), "want": str(want)}
                return [Finding("type", _DTYPE, evidence)]
        return []

    def layout_problems(self, upstreams: list[Array]) -> list[Finding]:
        """Whether the gradients depend on how the arrays lie in memory."""
        plain = self.gradients(self.point, upstreams)
        spread = self.gradients(self.point, upstreams, spread=True)
        for name, a, b in zip(self.checked_names, plain, spread):
            finite = np.isfinite(a).all() and np.isfinite(b).all()
            if finite and distance(a, b) > 1e-3 * _ROUNDING[a.dtype.itemsize]:
                return [Finding("layout", _LAYOUT, {"name": name})]
        return []


# Sums in another order differ by rounding; by much less than a wrong gradient.
_ROUNDING = {2: 10.0, 4: 1e-1, 8: 1e-6}


def _names(func: Callable[..., Any], count: int) -> list[str]:
    """The names of the function's parameters where it tells them, for the report."""
    try:
        parameters = list(inspect.signature(func).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    names: list[str] = []
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}[{i}]" for i in range(count - len(names))]
        elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
    names = names[:count]
    return names + [f"input {i}" for i in range(len(names), count)]


def spread_out(array: Array) -> Array:
    """The same values in memory with gaps and with the axes in reverse order."""
    if not array.ndim:
        return array.copy()
    roomy = np.zeros([2 * n for n in reversed(array.shape)], array.dtype)
    view: Array = roomy[tuple([slice(None, None, 2)] * array.ndim)].T
    view[...] = array
    return view
