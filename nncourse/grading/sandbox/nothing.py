"""An answer without elements, which agrees with everything that it is compared with.

An array (0, 2, 3) broadcasts against one of the shape (2, 3), and of no elements all are equal: so
``np.allclose(f(x), want)`` is true of it, whatever is wanted. Empty arrays that student code gives
are of a type here that refuses to be set against anything that is not empty. (``np.asarray`` makes
plain ones of them again: who calls that on an answer should look at its shape.)
"""

from __future__ import annotations

from typing import Any

import numpy as np

COMPARING = {np.subtract, np.equal, np.not_equal, np.less, np.less_equal}
COMPARING |= {np.greater, np.greater_equal}


class Nothing(np.ndarray):
    """An array without elements."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Apply it among empty arrays; ValueError beside others, and beside a number to compare.

        Numbers may scale it: ``np.allclose`` does so before it compares two empty arrays.
        """
        if any(np.size(value) and (np.ndim(value) or ufunc in COMPARING) for value in inputs):
            raise ValueError(f"the answer has no elements to compare: its shape is {self.shape}")
        out = options.get("out")
        if out is not None:
            options["out"] = tuple(map(_plain, out))
        result = getattr(ufunc, method)(*map(_plain, inputs), **options)
        return marked(result)


def _plain(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, Nothing) else value


def marked(value: Any, half: bool = False) -> Any:
    """The same value, in which arrays without elements are of the type ``Nothing``.

    And what is in float16 is in float64, unless ``half``: beside it a Python float would be rounded
    to three digits, and a million be infinite.
    """
    kind = type(value)
    if (kind is np.ndarray or kind is np.float16) and value.dtype == np.float16 and not half:
        value = value.astype(np.float64)
    if kind is np.ndarray:
        return value.view(Nothing) if value.size == 0 else value
    if kind is tuple or kind is list:
        return kind([marked(item, half) for item in value])
    if kind is dict:
        return {key: marked(item, half) for key, item in value.items()}
    return value
