"""The stand-ins of one session: which operators they forward, and what crosses by their names."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NoReturn

from nncourse.grading.proxy import Proxy, ProxyError, label
from nncourse.grading.raised import as_python
from nncourse.grading.sandbox import Handle, Session
from nncourse.grading.sandbox.guests import Guests
from nncourse.grading.sandbox.nothing import JUDGED

UNARY = ["neg", "pos", "abs", "invert"]
OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"]
OPERATORS += ["and", "or", "xor", "lshift", "rshift", *UNARY]


@lru_cache
def _operators(listed: tuple[str, ...]) -> type[Proxy]:
    """A kind of proxy that forwards these operators, and refuses the others."""
    members: dict[str, Any] = {"__slots__": (), "__module__": "__main__"}
    members["__doc__"] = vars(Proxy)["__doc__"]
    for name in OPERATORS:
        forward = name in listed
        members[f"__{name}__"] = _forward(name) if forward else _refused
        if name not in UNARY:
            members[f"__r{name}__"] = _forward(name, reverse=True) if forward else _refused
            members[f"__i{name}__"] = _forward(f"i{name}") if forward else _refused
    return type("object", (Proxy,), members)  # as students read it in messages


def _refused(self: Any, *_: object) -> NoReturn:
    raise ProxyError(
        f"{label(self)} can't be counted with: the exercise doesn't list that operator"
    )


def _forward(name: str, reverse: bool = False) -> Callable[..., Any]:
    function = name + "_" if name in ("and", "or") else name

    def forward(self: Any, *others: Any) -> Any:
        session = object.__getattribute__(self, "_Proxy__session")
        args = (*others, self) if reverse else (self, *others)
        with as_python(object.__getattribute__(self, "_Proxy__owner").errors):
            try:
                return session.operate(function, *args)
            finally:
                self._Proxy__print()

    assert hasattr(operator, function)
    return forward


class Proxies:
    """The proxies of one session. ``operators``: those that are forwarded. ``objects``: what
    objects of the tests show to the student's code, see ``nncourse.grading.sandbox.guests``.
    ``in_place``: names whose changes to their arguments are done here too.
    """

    def __init__(
        self,
        session: Session,
        operators: Iterable[str] = (),
        objects: Mapping[str, Iterable[str]] | None = None,
        in_place: Iterable[str] = (),
    ) -> None:
        self.kind = _operators(tuple(operators))
        self.session = session
        self.in_place = frozenset(in_place)
        self.crossing = False
        self.errors: dict[str, type[Exception]] = {}  # the lecturer's own, by name
        session.references.show = self._show
        session.references.find = _find
        session.references.guests = Guests(objects, operators)

    def name(self, name: str) -> Proxy:
        """The stand-in for a name of the student's notebook."""
        return self.kind(self, name, name, name in self.in_place)

    def value(self, name: str) -> Any:
        """What a name stands for: plain data, or a proxy. NameError if it isn't defined."""
        with as_python(self.errors):
            return self.session.get(name)

    @contextlib.contextmanager
    def all_in_place(self) -> Iterator[None]:
        """In this block all changes are done here too, and odd values come as they are: for calls
        by a check, with copies that are thrown away, or looked at because of that.
        """
        before, self.crossing = self.crossing, True
        numbers = self.session.numbers
        self.session.numbers = numbers | JUDGED
        try:
            yield
        finally:
            self.crossing, self.session.numbers = before, numbers

    def _show(self, handle: Handle) -> Proxy:
        return self.kind(self, handle)


def _find(value: Any) -> Any:
    """The handle behind a proxy; anything else as it is."""
    if not isinstance(value, Proxy):
        return value
    target = object.__getattribute__(value, "_Proxy__target")
    if isinstance(target, str):
        session = object.__getattribute__(value, "_Proxy__session")
        return _find(session.get(target))
    return target
