"""NumPy's functions on tensors: ``array * tensor``, ``np.exp(tensor)``, ``array -= tensor``.

NumPy asks the tensor what to do (NEP 13). Functions that have a counterpart here become that
operation, with its gradient; a result that goes into an existing array is computed by NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nncourse.autograd.tensor import Tensor, method
from nncourse.ops import arithmetic, comparison, elementwise, linalg

_COUNTERPARTS: dict[str, Callable[..., Tensor]] = {
    "add": arithmetic.add,
    "subtract": arithmetic.sub,
    "multiply": arithmetic.mul,
    "divide": arithmetic.div,
    "power": arithmetic.pow,
    "negative": arithmetic.neg,
    "maximum": arithmetic.maximum,
    "minimum": arithmetic.minimum,
    "matmul": linalg.matmul,
    "exp": elementwise.exp,
    "log": elementwise.log,
    "sqrt": elementwise.sqrt,
    "sin": elementwise.sine,
    "cos": elementwise.cosine,
    "tanh": elementwise.tanh,
    "absolute": elementwise.abs,
    "equal": comparison.eq,
    "not_equal": comparison.ne,
    "less": comparison.lt,
    "less_equal": comparison.le,
    "greater": comparison.gt,
    "greater_equal": comparison.ge,
}


@method("__array_ufunc__")
def numpy_function(self: Tensor, ufunc: Any, how: str, *inputs: Any, **options: Any) -> Any:
    """What NumPy calls for a function of which one argument is a tensor."""
    out = options.get("out")
    if out is not None and not any(isinstance(x, Tensor) for x in out):
        arrays = [x._data if isinstance(x, Tensor) else x for x in inputs]
        return getattr(ufunc, how)(*arrays, **options)
    counterpart = _COUNTERPARTS.get(ufunc.__name__)
    if counterpart is None or how != "__call__" or options:
        raise TypeError(
            f"NumPy's {ufunc.__name__} cannot follow the gradients of a tensor: use the tensor's "
            "own methods, or .detach().numpy()"
        )
    return counterpart(*inputs)
