"""Answers that no test should compute with, since it would find them right whatever is right.

NaN is neither above nor below any limit; infinity is within a tolerance that was taken from it;
squares of complex numbers are below any limit; and of no elements all are right. Where the
lecturer's code doesn't speak of such values (``nncourse.grading.spoken``), a test gets a
``Refused`` in their place, which raises as soon as it is used. It does so only then: a cell that
calls and expects an error must not find one, and a cache is only handed back, whatever is in it.
"""

from __future__ import annotations

import operator
from typing import Any, NoReturn

import numpy as np

# With these an answer that is no number, or infinite, is found wrong, and costs no other points.
COMPARING = (np.allclose, np.isclose, np.array_equal)
UNSPOKEN = "the tests don't speak"
INFINITE = "infinite numbers, or such as have infinite squares"
# Of this process, since the cell began: what caught one of them has been told nothing.
refusals: list[BaseException] = []
PLAIN = (type(None), bool, int, float, str, bytes, list, tuple, dict, set, frozenset)


class OddValue(BaseException):
    """A test has used a value of which it doesn't speak. Not an error that a test may expect."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        refusals.append(self)


class Refused:
    """An answer that holds ``what``. Goes back to the student's code as what it is."""

    __slots__ = ("_empty", "_value", "what")

    def __init__(self, value: Any, what: str, empty: bool = False) -> None:
        self._value = value
        self.what = what
        self._empty = empty

    def refuse(self, *_: object, **__: object) -> NoReturn:
        """Raise OddValue, which says why."""
        raise OddValue(f"the answer holds {self.what}, of which {UNSPOKEN}")

    def __getattr__(self, name: str) -> Any:
        # What Python and NumPy look for in whatever they are given must not be there; all else is
        # what a test asks an answer for.
        if name.startswith("__"):
            raise AttributeError(name)
        self.refuse()

    def __eq__(self, other: object) -> Any:
        return self._compare(operator.eq, other)

    def __ne__(self, other: object) -> Any:
        return self._compare(operator.ne, other)

    def _compare(self, compare: Any, other: object) -> Any:
        if self._empty and self._may_meet([other]):
            return compare(self._value, other)
        empty = self._empty or (isinstance(other, Refused) and other._empty)
        other = plain(other)
        # An array or an object may compare itself with each of no elements.
        if empty and not (type(other) in PLAIN and type(self._value) in PLAIN):
            self.refuse()
        return compare(self._value, other)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if ufunc not in (np.equal, np.not_equal) or not self._may_meet(inputs):
            self.refuse()
        return getattr(ufunc, method)(*map(self._own, inputs), **options)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function not in COMPARING or not self._may_meet(args[:2]):
            self.refuse()
        options = {name: self._own(value) for name, value in kwargs.items()}
        return function(*map(self._own, args), **options)

    def _may_meet(self, others: Any) -> bool:
        """What has no elements is only compared with what has none, and is no answer."""
        rest = [other for other in others if other is not self]
        return not self._empty or (bool(rest) and all(_size(other) == 0 for other in rest))

    def _own(self, value: Any) -> Any:
        return self._value if value is self else value  # another one is asked in its turn

    def __repr__(self) -> str:
        return f"<an answer that holds {self.what}>"


class OddText(str):
    """A text which as a number would be ``what``; as a text it is good."""

    what: str

    def __new__(cls, text: str, what: str) -> OddText:
        self = super().__new__(cls, text)
        self.what = what
        return self

    def __reduce__(self) -> tuple[type, tuple[str, str]]:  # to be copied
        return OddText, (str(self), self.what)

    def __float__(self) -> float:
        Refused(self, self.what).refuse()


class OddInt(int):
    """A whole number with infinite squares in NumPy; as a whole number it is good."""

    def __float__(self) -> float:
        Refused(self, INFINITE).refuse()


BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "divmod", "pow", "matmul", "and", "or"]
NAMES = ["lt", "le", "gt", "ge", "neg", "pos", "abs", "invert", "xor", "rxor", "bool", "hash"]
NAMES += ["len", "iter", "contains", "getitem", "setitem", "float", "int", "index", "complex"]
NAMES += ["round", "array", "reduce", "str", "format", *BINARY, *(f"r{name}" for name in BINARY)]
for _name in NAMES:
    setattr(Refused, f"__{_name}__", Refused.refuse)


def _size(value: Any) -> int:
    return np.size(value) if type(value) in (np.ndarray, list, tuple) else -1


def plain(value: Any) -> Any:
    """What stands behind it; anything else as it is."""
    return value._value if isinstance(value, Refused) else value
