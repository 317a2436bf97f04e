"""Functions that a program defines in PyTorch's form: two static methods and a context.

    class Square(nnc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, dout):
            (x,) = ctx.saved_tensors
            return 2 * x * dout

    y = Square.apply(x)

The library's own operations are written on arrays, see ``function.py``; these see tensors.
"""

from __future__ import annotations

from typing import Any

from nncourse.autograd.function import Function, apply, constant
from nncourse.autograd.mode import no_grad
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, xp


class Context:
    """What ``forward`` keeps for ``backward``: tensors, and attributes of any name."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self.saved_tensors: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors; they are ``saved_tensors`` later."""
        self.saved_tensors = tensors


class Custom(Function):
    """out = kind.forward(ctx, ...);  the derivatives are what kind.backward(ctx, dout) returns."""

    __slots__ = ("context", "kind", "places")

    def forward(self, *given: Any) -> Array:
        *_, self.kind, args, self.places = given
        self.context = Context(tuple([isinstance(x, Tensor) and x.requires_grad for x in args]))
        with no_grad():
            if hasattr(self.kind, "setup_context"):
                out = self.kind.forward(*args)
                self.kind.setup_context(self.context, args, out)
            else:
                out = self.kind.forward(self.context, *args)
        if not isinstance(out, Tensor):
            raise TypeError(
                f"{self.kind.__name__}.forward must return one tensor; got {type(out).__name__}"
            )
        return out._data.copy() if any(out is x for x in args) else out._data

    def backward(self, dout: Any) -> tuple[Any, ...]:
        if isinstance(dout, Tensor):
            found = self._shares(dout)
            return tuple([found[i] for i in self.places])
        with no_grad():
            found = self._shares(constant(dout))
        shares = []
        for i, edge in zip(self.places, self.edges):
            share = found[i]
            if share is None and edge is not None:
                share = constant(xp.zeros(edge.shape, dout.dtype, like=dout))
            shares.append(None if share is None else share._data)
        return tuple(shares)

    def _shares(self, dout: Tensor) -> tuple[Any, ...]:
        found = self.kind.backward(self.context, dout)
        found = found if isinstance(found, tuple) else (found,)
        wanted = len(self.context.needs_input_grad)
        if len(found) != wanted:
            raise RuntimeError(
                f"{self.kind.__name__}.backward must return a gradient, or None, for each of the "
                f"{wanted} arguments of forward; it returned {len(found)}"
            )
        return found

    def __repr__(self) -> str:
        return f"<{self.kind.__name__}>"


def apply_custom(kind: type[Function], args: tuple[Any, ...]) -> Tensor:
    """The result of ``kind.forward``, recorded."""
    places = [i for i, x in enumerate(args) if isinstance(x, Tensor)]
    return apply(Custom, tuple([args[i] for i in places]), kind, args, places)
