"""Objects of the grader's that student code may use, by name and by name only.

A test may hand over objects of its own: parameters whose ``data`` an optimiser changes, a value on
which to call ``backward()``. They stay here; the sandbox gets a number, and asks. What it may ask
for is listed by the exercise, for each class the names of attributes and methods; anything else,
above all what leads from an object to the interpreter, is refused.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np

REFUSED = "a graded object doesn't show {name!r}"


class Guests:
    """The objects handed over in one session. ``shown``: names of attributes and methods by the
    name of the class; operators: those of the module ``operator`` that may be applied.
    """

    def __init__(
        self, shown: Mapping[str, Iterable[str]] | None = None, operators: Iterable[str] = ()
    ) -> None:
        self.shown = {kind: frozenset(names) for kind, names in (shown or {}).items()}
        self.operators = frozenset(operators)
        self.objects: list[Any] = []
        self.numbers: dict[int, int] = {}

    def number(self, value: Any) -> int | None:
        """The number under which an object is known outside; None if its class isn't shown."""
        if type(value).__name__ not in self.shown:
            return None
        if id(value) not in self.numbers:
            self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)  # also keeps it alive, and so its id its own
        return self.numbers[id(value)]

    def ask(self, number: Any, do: Any, name: Any, args: Any, kwargs: Any) -> dict[str, Any]:
        """The answer to a question about an object: {"value": ...} or {"method": True}.

        Raises whatever the object raises, AttributeError for what isn't shown.
        """
        if type(number) is not int or not 0 <= number < len(self.objects):
            raise AttributeError("no such object")
        if type(name) is not str or type(args) is not tuple or type(kwargs) is not dict:
            raise AttributeError("not a question")
        found = self.objects[number]
        if do == "operate":
            if not any(arg is found for arg in args):
                raise TypeError("an operator without the object that was asked")
            if name.rstrip("_") in ("pow", "ipow"):
                # A power of whole numbers may take hours, and no clock interrupts it.
                args = tuple(float(arg) if isinstance(arg, int) else arg for arg in args)
            return {"value": self._operate(name)(*args)}
        if name not in self.shown[type(found).__name__] or name.startswith("_"):
            raise AttributeError(REFUSED.format(name=name))
        if do == "set":
            if callable(getattr(found, name, None)):
                raise AttributeError(f"{name!r} can't be assigned")
            if isinstance(args[0], Collection) and not isinstance(args[0], np.ndarray):
                # A text or a list times a whole number may take all the memory there is.
                kind = type(args[0]).__name__
                raise TypeError(f"{name!r} is a number, an array or an object; got a {kind}")
            setattr(found, name, args[0])
            return {"value": None}
        value = getattr(found, name)
        if do == "call":
            return {"value": value(*args, **kwargs)}
        return {"method": True} if callable(value) else {"value": value}

    def _operate(self, name: str) -> Callable[..., Any]:
        if name.rstrip("_") not in self.operators:
            raise TypeError(f"a graded object can't be used with the operator {name!r}")
        return getattr(operator, name)
