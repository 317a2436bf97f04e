"""The tensor: an array that remembers how it was computed.

This file holds what makes a tensor a tensor: its array, its gradient, and the function that made
it. Everything that computes (``+``, ``sum``, ``reshape``...) is defined in ``nncourse.ops``, each
operation beside its derivative, and put onto this class by ``method``.
"""

from __future__ import annotations

import operator
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nncourse.autograd.changes import changes
from nncourse.autograd.names import guard, real_names, unknown_attribute
from nncourse.autograd.printing import text
from nncourse.backend import (
    CPU,
    Array,
    as_array,
    device_of,
    is_array,
    kinds,
    on_host,
    to_numpy,
)
from nncourse.backend import device as place
from nncourse.dtypes import get_default_dtype

if TYPE_CHECKING:
    from nncourse.autograd.function import Function
    from nncourse.autograd.hooks import Hooks, RemovableHandle

F = TypeVar("F", bound=Callable[..., Any])


class Leaf:
    """An end of the graph: the place where the gradient of one leaf arrives.

    Functions refer to it in place of the tensor, as to the function that made any other input.
    """

    __slots__ = ("_hooks", "shape", "tensor")

    _hooks: Hooks  # only where there are any

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = weakref.ref(tensor)
        self.shape = tensor._data.shape


class Tensor:
    """An array with a gradient. ``nnc.tensor(values)`` makes one from numbers, with a copy.

    A tensor made by the program is a *leaf*; with ``requires_grad`` it collects gradients in
    ``.grad``. A tensor computed from such leaves carries in ``grad_fn`` the function that made it,
    and through it the whole graph.
    """

    __slots__ = ("__weakref__", "_data", "_edge", "_grad", "_leaf")

    _data: Array
    _grad: Tensor | None
    # Where its gradient goes: to the function that made it, or to its own place in the graph if it
    # is a leaf, or nowhere.
    _edge: Function | Leaf | None
    _leaf: Leaf  # a leaf's own place, if it ever had one: hooks outlast a while without gradients

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        """Wrap an array without copying it; lists of numbers become one of the default type."""
        if isinstance(data, list | tuple):
            data = np.asarray(data, get_default_dtype())
        self._data = data if type(data) in kinds else as_array(data)
        self._grad = None
        self._edge = None
        if requires_grad:
            self.requires_grad = True

    # What it holds

    @property
    def data(self) -> Tensor:
        """The values without history: a tensor that shares its memory, so changes go both ways."""
        return Tensor(self._data)

    @data.setter
    def data(self, value: Any) -> None:
        array = value._data if isinstance(value, Tensor) else value
        if not is_array(array):
            raise TypeError(f".data must be an array or a tensor; got {type(value).__name__}")
        changes.note(self._data)
        self._data = array
        if isinstance(self._edge, Leaf):
            self._edge.shape = array.shape

    @property
    def grad(self) -> Tensor | None:
        """The gradient collected so far, of the tensor's own shape; None before any backward.

        Only leaves collect gradients; asking another tensor for one gives None and a warning.
        """
        if self._grad is None and not self.is_leaf and not self.retains_grad:
            warnings.warn(
                f"this tensor was computed by {type(self._edge).__name__}: only leaves, such as "
                "parameters, keep their gradients, so its .grad is None. Call .retain_grad() on it "
                "before the backward pass to keep it",
                stacklevel=2,
            )
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f".grad must be a tensor or None; got {type(value).__name__}")
            if value.shape != self.shape:
                raise ValueError(
                    f".grad must have the tensor's shape {self.shape}; got {value.shape}"
                )
            if value.dtype != self.dtype:
                raise TypeError(
                    f".grad must have the tensor's type {self.dtype}; got {value.dtype}"
                )
        self._grad = value

    @property
    def grad_fn(self) -> Function | None:
        """The function that computed the tensor, if it was recorded; None for leaves."""
        return None if isinstance(self._edge, Leaf) else self._edge

    @property
    def requires_grad(self) -> bool:
        """Does a backward pass reach this tensor?"""
        return self._edge is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not self.is_leaf and not value:
            raise RuntimeError(
                "requires_grad can be switched off for leaves only; "
                "use .detach() for a copy without history"
            )
        if value and self._data.dtype.kind not in "fc":
            raise RuntimeError(
                f"only floating-point tensors can require gradients; this one is {self.dtype}. "
                "Convert it first, e.g. nnc.tensor(values, dtype=nnc.float32)"
            )
        if not value:
            self._edge = None
        elif self._edge is None:
            if not hasattr(self, "_leaf"):
                self._leaf = Leaf(self)
            self._leaf.shape = self._data.shape
            self._edge = self._leaf

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Switch ``requires_grad`` and return the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def is_leaf(self) -> bool:
        """True if the program made it, or if it was computed without being recorded."""
        return self._edge is None or isinstance(self._edge, Leaf)

    @property
    def shape(self) -> tuple[int, ...]:
        return self._data.shape

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of one axis."""
        return self._data.shape if dim is None else self._data.shape[dim]

    @property
    def ndim(self) -> int:
        return self._data.ndim

    def dim(self) -> int:
        """The number of axes."""
        return self._data.ndim

    @property
    def dtype(self) -> np.dtype:
        return self._data.dtype

    @property
    def device(self) -> place:
        """Where the numbers live."""
        return device_of(self._data)

    @property
    def is_cuda(self) -> bool:
        """Do the numbers live on a GPU?"""
        return self.device.type == "cuda"

    def numel(self) -> int:
        """The number of elements."""
        return int(self._data.size)

    # Out of the graph

    def detach(self) -> Tensor:
        """The same values without history; memory is shared."""
        return Tensor(self._data)

    def numpy(self) -> np.ndarray:
        """The values as a NumPy array that shares memory with the tensor."""
        if self._edge is not None:
            raise RuntimeError(
                "this tensor requires gradients, which NumPy cannot follow: write .detach().numpy()"
            )
        return on_host(self._data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"a conversion from {array.dtype} to {dtype} needs a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number."""
        if self._data.size != 1:
            raise RuntimeError(
                f"item() is for tensors with one element; this one has shape {self.shape}"
            )
        return self._data.item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self._data.tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        return operator.index(self.item())

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise RuntimeError(
                f"a tensor of shape {self.shape} is neither true nor false: "
                "use .any() or .all(), or compare single elements"
            )
        return bool(self._data.item())

    # Backward

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Sequence[Tensor] | None = None,
    ) -> None:
        """Add to every leaf's ``.grad`` the derivative of this tensor with respect to the leaf.

        ``gradient`` is the derivative of the final result with respect to this tensor, of its
        shape; it may be left out for a tensor with one element, where it is 1. What functions had
        saved for the pass is dropped as it goes, unless ``retain_graph``. With ``create_graph``
        the gradients have a graph of their own and can be differentiated again. ``inputs``: only
        these collect gradients.
        """
        from nncourse.autograd.engine import run_backward

        run_backward(self, gradient, retain_graph, create_graph, inputs)

    def retain_grad(self) -> None:
        """Have a backward pass store the gradient of this computed tensor in ``.grad``, too."""
        from nncourse.autograd.hooks import retain

        if self._edge is None:
            raise RuntimeError("retain_grad() needs a tensor that requires gradients")
        if not self.is_leaf:
            retain(self)

    @property
    def retains_grad(self) -> bool:
        """Will a backward pass store the gradient of this computed tensor?"""
        from nncourse.autograd.hooks import retains_grad

        return retains_grad(self)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Have ``hook(gradient)`` called when the gradient of this tensor is complete.

        If it returns a tensor, that takes the gradient's place. ``remove()`` of what is returned
        here takes the hook away.
        """
        from nncourse.autograd.hooks import register_hook

        return register_hook(self, hook)

    # As a container

    def __len__(self) -> int:
        if not self._data.ndim:
            raise TypeError("a 0-d tensor has no length")
        return len(self._data)

    def __iter__(self) -> Iterator[Tensor]:
        if not self._data.ndim:
            raise TypeError("a 0-d tensor cannot be iterated over")
        return (self[i] for i in range(len(self._data)))

    __hash__ = object.__hash__

    def __reduce__(self) -> tuple:
        if not self.is_leaf:
            raise RuntimeError(
                "only leaves can be copied or pickled, for the graph behind this tensor would have "
                "to come along: use .detach() first"
            )
        return _rebuild, (type(self), self._data, self.requires_grad, self._grad)

    def __repr__(self) -> str:
        values = text(to_numpy(self._data), "tensor(")
        notes = ""
        if self._data.dtype not in _UNSAID:
            notes += f", dtype={self._data.dtype}"
        if device_of(self._data) != CPU:
            notes += f", device={str(device_of(self._data))!r}"
        if not self.is_leaf:
            notes += f", grad_fn=<{type(self._edge).__name__}>"
        elif self._edge is not None:
            notes += ", requires_grad=True"
        return f"tensor({values}{notes})"

    def __format__(self, form: str) -> str:
        """One number is formatted as a Python number: f"{loss:.4f}"."""
        return format(repr(self) if self._data.ndim else self.item(), form)

    def __contains__(self, value: Any) -> bool:
        """Does the value occur among the elements?"""
        return bool((self == value).any())

    def __getattr__(self, name: str) -> Any:
        # Reached only when the name is not found.
        raise unknown_attribute(self, name)

    def __dir__(self) -> list[str]:
        return real_names(self)

    if TYPE_CHECKING:
        # Defined in nncourse.ops.
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...


def variable(data: Tensor, requires_grad: bool = False) -> Tensor:
    """The tensor without history: what older PyTorch programs call ``Variable``."""
    return Tensor(data._data, requires_grad)


guard(Tensor, "requires_grad", "requires_grads", "require_grads", "required_grad", "needs_grad")
guard(Tensor, "grad", "grads", "gradient", "gradients")
guard(Tensor, "data", "datas")

_UNSAID = {np.dtype(name) for name in ("float32", "int64", "bool")}


def _rebuild(kind: type[Tensor], data: Array, needs: bool, grad: Tensor | None) -> Tensor:
    tensor = kind.__new__(kind)
    tensor._data, tensor._grad, tensor._edge = data, grad, None
    tensor.requires_grad = needs
    return tensor


def method(*names: str) -> Callable[[F], F]:
    """Put the decorated function onto ``Tensor`` as a method of these names."""

    def register(function: F) -> F:
        for name in names:
            setattr(Tensor, name, function)
        return function

    return register
