"""Stand-ins, on the trusted side, for what the student's cells define.

A graded cell calls ``linear_backward(dout, x, W, b)`` as ever; the name stands for a proxy, and the
call happens in the sandbox. What comes back is plain data, or another proxy. A proxy can be called
and looked into, iterated and indexed, and every answer is again plain or a proxy. It can't be
compared, tested for truth or converted to a number, so no object of the student's can be "equal to
everything"; and arithmetic is forwarded only where the exercise lists the operators, because there
they are the answer.

What student code does to an array, list or dict that it is given stays with its own copy:
otherwise ``assert_allclose(f(x), x @ W)`` would ask about whatever ``f`` has made of ``x``. It is
done here as well where it is the answer: where the exercise lists the function or class
(``in_place``), for what these return, and in a block of ``Proxies.all_in_place``.
"""

from __future__ import annotations

import ast
import io
import itertools
import linecache
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from nncourse.grading.raised import as_python, exception
from nncourse.grading.sandbox import Handle, SessionEnded, StudentError
from nncourse.grading.sandbox.inside.cells import parse
from nncourse.grading.sandbox.lent import on_purpose
from nncourse.grading.sandbox.refused import UNSPOKEN, OddValue, refusals

if TYPE_CHECKING:
    from nncourse.grading.proxies import Proxies


LONGEST = 100_000  # characters of a test's output


class Silent(io.StringIO):
    """Where tests print to, unless they say otherwise. What the student's code prints meanwhile
    stays out: it would show what hidden tests ask. Keeps the beginning: what comes may be an
    endless answer of theirs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[int, Any]] = []

    def write(self, text: str) -> int:
        """As a file does."""
        return super().write(text) if self.tell() <= LONGEST else len(text)

    def keep(self, shown: Any) -> None:
        """What is to be printed here, and put into words by ``text``."""
        self.kept.append((self.tell(), shown))

    def text(self) -> str:
        """All of it."""
        written = self.getvalue()
        parts, place = [], 0
        for until, shown in self.kept:
            parts += [written[place:until], f"{shown}\n"]
            place = until
        return "".join([*parts, written[place:]])


class ProxyError(TypeError):
    """A test has asked an object of the student's for something that only the student could
    answer."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        refusals.append(self)


class _NoSpecial(TypeError):
    """An object of theirs lacks a method that a piece of Python's syntax needs."""


class Proxy:
    """Something in the sandbox: a name of the student's notebook, or an object behind one."""

    # Not a part of the library, for whoever looks where a function comes from.
    __module__ = "__main__"
    __slots__ = ("__entered", "__hashed", "__in_place", "__length", "__name", "__owner")
    __slots__ += ("__session", "__target")  # type: ignore[assignment]
    __slots__ += ("__weakref__",)  # type: ignore[assignment]

    def __init__(
        self, owner: Proxies, target: str | Handle, name: str = "", in_place: bool = False
    ) -> None:
        object.__setattr__(self, "_Proxy__owner", owner)
        object.__setattr__(self, "_Proxy__session", owner.session)
        object.__setattr__(self, "_Proxy__target", target)
        object.__setattr__(self, "_Proxy__name", name)
        object.__setattr__(self, "_Proxy__in_place", in_place)
        object.__setattr__(self, "_Proxy__length", 0)
        object.__setattr__(self, "_Proxy__entered", -1)
        object.__setattr__(self, "_Proxy__hashed", bool(name))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__ask(args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name in ("__name__", "__qualname__"):  # of a decorated function, that of another one
            try:
                return self.__note(name)
            except (NameError, SessionEnded) as error:  # messages ask for it, with a default
                raise AttributeError(str(error)) from None
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(f"{label(self)} has no {name} here")
        if sys._getframe(1).f_globals.get("__name__", "").partition(".")[0] == "numpy":
            # np.mean(x) is x.mean() where x is no array.
            raise ProxyError(f"{label(self)} is no array: NumPy would ask it for its own {name}")
        with as_python(self.__owner.errors):
            try:
                value = self.__heir(self.__session.get(self.__target, name))
            finally:
                self.__print()
        # What is asked next may change its length.
        shape = value if name == "shape" and type(value) is tuple else (0,)
        size = value if name == "size" else next(iter(shape), 0)
        self.__promise(size if type(size) is int else 0)
        return value

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.__note("__doc__")

    def __note(self, name: str) -> Any:
        """A text that functions and classes have."""
        with as_python(self.__owner.errors):
            found = self.__session.get(self.__target, name)
        return found if isinstance(found, str) else None

    def __setattr__(self, name: str, value: Any) -> None:
        with as_python(self.__owner.errors):
            self.__session.set(self.__target, name, value)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            raise ProxyError(f"{label(self)} can't be sliced in a graded cell")
        return self.__special("__getitem__", index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self.__special("__setitem__", index, value)

    def __delitem__(self, index: Any) -> None:
        self.__special("__delitem__", index)

    def __delattr__(self, name: str) -> None:
        self.__special("__delattr__", name)

    def __len__(self) -> int:
        length = self.__special("__len__")
        if not isinstance(length, (int, np.integer)) or length < 0:
            raise ProxyError(f"the length of {label(self)} is {length!r}")
        length = int(length)
        self.__nothing(length)
        self.__promise(length)
        return length

    def __iter__(self) -> Iterator[Any]:
        count = 0
        for value in self.__values():
            count += 1
            yield value
        if count < self.__length:
            raise ProxyError(f"{label(self)} of length {self.__length} has {count} elements")
        self.__nothing(count)

    def __nothing(self, count: int) -> None:
        """Of no elements all are right."""
        if count == 0 and "empty" not in self.__session.numbers:
            raise OddValue(f"{label(self)} has no elements, of which {UNSPOKEN}")

    def __values(self) -> Iterator[Any]:
        try:
            iterator = self.__special("__iter__")
        except _NoSpecial:
            yield from self.__items()
            return
        if not isinstance(iterator, Proxy):  # such as a list
            raise ProxyError(f"what __iter__ of {label(self)} returned is no iterator")
        while True:
            try:
                value = Proxy.__next__(iterator)
            except StopIteration:
                return
            yield value

    def __items(self) -> Iterator[Any]:
        """Of an object that has indices and no ``__iter__``."""
        for index in itertools.count():
            try:
                value = self[index]
            except IndexError:
                return
            yield value

    def __reversed__(self) -> Iterator[Any]:
        try:
            backwards = self.__special("__reversed__")
        except _NoSpecial:
            return (self[index] for index in range(len(self) - 1, -1, -1))
        return iter(backwards)

    def __promise(self, length: int) -> None:
        """So many elements a test may rely upon when it goes through them."""
        object.__setattr__(self, "_Proxy__length", length)

    def __next__(self) -> Any:
        in_place = self.__in_place or self.__owner.crossing
        try:
            value = self.__session.call(self.__target, path="__next__", in_place=in_place)
            self.__print()
            return value
        except StudentError as error:
            if error.kind == "StopIteration":
                raise StopIteration from None
            raise exception(error, self.__owner.errors) from None

    def __enter__(self) -> Any:
        value = self.__special("__enter__")
        object.__setattr__(self, "_Proxy__entered", self.__session.asked)
        return value

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        """What the block raises in any case they may keep quiet, unless their code has run
        meanwhile; nothing else, since it may be the test's verdict.
        """
        if not isinstance(error, Exception) or isinstance(error, AssertionError):
            self.__special("__exit__", None, None, None)
            return False
        meant = _raised_by_block(error) and self.__entered == self.__session.asked
        with as_python(self.__owner.errors):
            try:
                quiet = self.__session.leave(self.__target, error, str(error) if meant else "")
            finally:
                self.__print()
        if quiet and not meant:
            raise ProxyError(f"{label(self)} would keep an error of the graded cell quiet")
        return quiet

    def __special(self, method: str, *args: Any) -> Any:
        try:
            return self.__ask(args, {}, method)
        except AttributeError as error:
            if str(error).endswith(f"has no attribute {method!r}"):
                raise _NoSpecial(str(error)) from None  # as Python says it of such an object
            raise

    def __ask(self, args: tuple[Any, ...], kwargs: dict[str, Any], path: str = "") -> Any:
        in_place = self.__in_place or self.__owner.crossing
        with as_python(self.__owner.errors):
            try:
                value = self.__session.call(self.__target, args, kwargs, path, in_place=in_place)
            finally:
                self.__print()
        return self.__heir(value)

    def __print(self) -> None:
        """Where a test catches what is printed, it gets what the student's code has printed."""
        if self.__session.printed and not isinstance(sys.stdout, Silent):
            sys.stdout.write(self.__session.printed)

    def __heir(self, value: Any) -> Any:
        """What came of it is as free as it is."""
        if self.__in_place and isinstance(value, Proxy):
            object.__setattr__(value, "_Proxy__in_place", True)
        return value

    def __refuse(self, *_: object) -> NoReturn:
        raise ProxyError(
            f"{label(self)} can't be compared, tested or counted with: a test takes numbers, "
            "texts, lists, tuples, dicts, sets and arrays"
        )

    def __eq__(self, other: object) -> bool:
        return False if other is np._NoValue else self.__refuse()

    def __ne__(self, other: object) -> bool:
        # np.vectorize(f) asks whether f was given.
        return True if other is np._NoValue else self.__refuse()

    __lt__ = __le__ = __gt__ = __ge__ = __refuse
    __bool__ = __contains__ = __float__ = __int__ = __index__ = __complex__ = __refuse
    __array__ = __round__ = __refuse
    __array_ufunc__ = None

    def __hash__(self) -> int:
        """Its own: what theirs tells is not believed, but there must be one."""
        if not self.__hashed:
            self.__special("__hash__")
            object.__setattr__(self, "_Proxy__hashed", True)
        return object.__hash__(self)

    def __str__(self) -> str:
        return label(self) if self.__name else self.__text("__str__")

    def __repr__(self) -> str:
        try:
            return label(self) if self.__name else self.__text("__repr__")
        except Exception:  # it is asked for in messages
            return label(self)

    def __format__(self, how: str) -> str:
        return format(label(self), how) if self.__name else self.__text("__format__", how)

    def __text(self, method: str, *args: Any) -> str:
        value = self.__special(method, *args)
        if not isinstance(value, str):
            raise TypeError(f"{method} of {label(self)} returned no text")
        return value

    def __reduce__(self) -> NoReturn:
        raise ProxyError("a proxy can't be copied or pickled")


def _raised_by_block(error: BaseException) -> bool:
    """Whether a statement ``raise`` has raised it that stands in a ``with``, and in no ``if``."""
    trace = error.__traceback__
    if not on_purpose(error) or trace is None:
        return False
    lines = linecache.getlines(trace.tb_frame.f_code.co_filename)
    return any(
        isinstance(part, ast.Raise) and part.lineno == trace.tb_lineno
        for node in ast.walk(parse("".join(lines)))
        if isinstance(node, ast.With)
        for part in node.body
    )


def label(proxy: Proxy) -> str:
    """What messages call it, without asking it."""
    name = object.__getattribute__(proxy, "_Proxy__name") or "an object"
    return f"<{name} of the student's>"
