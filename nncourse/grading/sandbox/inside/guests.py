"""Functions and objects of the grader's side, as the student's code sees them."""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul")
UNARY = ("neg", "pos", "abs")


class CallbackError(Exception):
    """What the grader's side has raised; the text says what."""


def made(kinds: Sequence[str], text: str, names: Mapping[str, Any]) -> Exception:
    """An exception like one of the grader's side: the first of these kinds that is known here."""
    for name in kinds:
        kind = names.get(name, getattr(builtins, name, None))
        if isinstance(kind, type) and issubclass(kind, Exception) and kind is not Exception:
            with contextlib.suppress(Exception):  # it may want other arguments
                return kind(text)
    return CallbackError(": ".join([*kinds[:1], text]))


class Callback:
    """A function."""

    def __init__(self, server: Any, number: int) -> None:
        self._server = server
        self.number = number
        self.__name__ = self.__qualname__ = "function"  # for whoever prints it

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it there."""
        return self._server.call_back(callback=self.number, args=args, kwargs=kwargs)["value"]


class Guest:
    """An object. It answers what the exercise allows, and raises AttributeError for the rest."""

    __slots__ = ("_number", "_server")

    def __init__(self, server: Any, number: int) -> None:
        object.__setattr__(self, "_server", server)
        object.__setattr__(self, "_number", number)

    def _ask(self, do: str, name: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        question = {"guest": self._number, "do_": do, "name": name}
        return self._server.call_back(**question, args=args, kwargs=kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        answer = self._ask("get", name)
        if "method" in answer:
            return lambda *args, **kwargs: self._ask("call", name, *args, **kwargs)["value"]
        return answer["value"]

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask("set", name, value)

    def __repr__(self) -> str:
        return "<an object of the test's>"


def _operation(name: str, reverse: bool) -> Any:
    def operation(self: Guest, *others: Any) -> Any:
        args = (*others, self) if reverse else (self, *others)
        return self._ask("operate", name, *args)["value"]

    return operation


for _name in (*BINARY, *UNARY):
    setattr(Guest, f"__{_name}__", _operation(_name, reverse=False))
for _name in BINARY:
    setattr(Guest, f"__r{_name}__", _operation(_name, reverse=True))
