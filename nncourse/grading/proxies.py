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
import builtins
import contextlib
import io
import itertools
import linecache
import operator
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn

import numpy as np

from nncourse.grading.sandbox import Handle, Session, SessionEnded, StudentError
from nncourse.grading.sandbox.guests import Guests
from nncourse.grading.sandbox.inside.cells import parse
from nncourse.grading.sandbox.lent import on_purpose
from nncourse.grading.sandbox.nothing import JUDGED
from nncourse.grading.sandbox.refused import UNSPOKEN, OddValue, refusals

UNARY = ["neg", "pos", "abs", "invert"]
OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"]
OPERATORS += ["and", "or", "xor", "lshift", "rshift", *UNARY]
# What the student's code raises comes as one of these, if it is one: no StopIteration, which would
# end a loop over ``map`` or ``zip`` in a test before its end.
KINDS: dict[str, type[Exception]] = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception)
    if kind not in (Exception, StopIteration, StopAsyncIteration)
}
KINDS |= {"LinAlgError": np.linalg.LinAlgError, "AxisError": np.exceptions.AxisError}


class Silent(io.StringIO):
    """Where tests print to, unless they say otherwise. What the student's code prints meanwhile
    stays out: it would show what hidden tests ask.
    """


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
            raise AttributeError(f"{_label(self)} has no {name} here")
        if sys._getframe(1).f_globals.get("__name__", "").partition(".")[0] == "numpy":
            # np.mean(x) is x.mean() where x is no array.
            raise ProxyError(f"{_label(self)} is no array: NumPy would ask it for its own {name}")
        with _as_python(self.__owner):
            try:
                value = self.__heir(self.__session.get(self.__target, name))
            finally:
                self.__print()
        # What is asked next may change its length.
        shape = value if name == "shape" and type(value) is tuple else (0,)
        self.__promise(shape[0] if shape and type(shape[0]) is int else 0)
        return value

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.__note("__doc__")

    def __note(self, name: str) -> Any:
        """A text that functions and classes have."""
        with _as_python(self.__owner):
            found = self.__session.get(self.__target, name)
        return found if isinstance(found, str) else None

    def __setattr__(self, name: str, value: Any) -> None:
        with _as_python(self.__owner):
            self.__session.set(self.__target, name, value)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            raise ProxyError(f"{_label(self)} can't be sliced in a graded cell")
        return self.__special("__getitem__", index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self.__special("__setitem__", index, value)

    def __delitem__(self, index: Any) -> None:
        self.__special("__delitem__", index)

    def __delattr__(self, name: str) -> None:
        self.__special("__delattr__", name)

    def __len__(self) -> int:
        length = self.__special("__len__")
        if type(length) is not int or length < 0:
            raise ProxyError(f"the length of {_label(self)} is {length!r}")
        self.__nothing(length)
        self.__promise(length)
        return length

    def __iter__(self) -> Iterator[Any]:
        count = 0
        for value in self.__values():
            count += 1
            yield value
        if count < self.__length:
            raise ProxyError(f"{_label(self)} of length {self.__length} has {count} elements")
        self.__nothing(count)

    def __nothing(self, count: int) -> None:
        """Of no elements all are right."""
        if count == 0 and "empty" not in self.__session.numbers:
            raise OddValue(f"{_label(self)} has no elements, of which {UNSPOKEN}")

    def __values(self) -> Iterator[Any]:
        try:
            iterator = self.__special("__iter__")
        except _NoSpecial:
            yield from self.__items()
            return
        if not isinstance(iterator, Proxy):  # such as a list
            raise ProxyError(f"what __iter__ of {_label(self)} returned is no iterator")
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
        with _as_python(self.__owner):
            try:
                quiet = self.__session.leave(self.__target, error, str(error) if meant else "")
            finally:
                self.__print()
        if quiet and not meant:
            raise ProxyError(f"{_label(self)} would keep an error of the graded cell quiet")
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
        with _as_python(self.__owner):
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
            f"{_label(self)} can't be compared, tested or counted with: a graded cell reads plain "
            "values out of it"
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
        return _label(self) if self.__name else self.__text("__str__")

    def __repr__(self) -> str:
        try:
            return _label(self) if self.__name else self.__text("__repr__")
        except Exception:  # it is asked for in messages
            return _label(self)

    def __format__(self, how: str) -> str:
        return format(_label(self), how) if self.__name else self.__text("__format__", how)

    def __text(self, method: str, *args: Any) -> str:
        value = self.__special(method, *args)
        if not isinstance(value, str):
            raise TypeError(f"{method} of {_label(self)} returned no text")
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


def _label(proxy: Proxy) -> str:
    """What messages call it, without asking it."""
    name = object.__getattribute__(proxy, "_Proxy__name") or "an object"
    return f"<{name} of the student's>"


def _operators(listed: Iterable[str]) -> type[Proxy]:
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
        f"{_label(self)} can't be counted with: the exercise doesn't list that operator"
    )


def _forward(name: str, reverse: bool = False) -> Callable[..., Any]:
    function = name + "_" if name in ("and", "or") else name

    def forward(self: Any, *others: Any) -> Any:
        session = object.__getattribute__(self, "_Proxy__session")
        args = (*others, self) if reverse else (self, *others)
        with _as_python(object.__getattribute__(self, "_Proxy__owner")):
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
        with _as_python(self):
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


class _as_python:
    """What the student's code raised is raised here as the Python exception of that name.

    So a test that expects a ValueError, and a check that knows "not written yet", work as they do
    in the student's own notebook. Ordinary exceptions of Python take part, and the lecturer's own;
    any other name becomes a kind of StudentError. The traceback shows the student's lines.
    """

    def __init__(self, proxies: Proxies) -> None:
        self.proxies = proxies

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, StudentError):
            raise exception(error, self.proxies.errors) from None


def exception(error: StudentError, own: Mapping[str, type[Exception]]) -> Exception:
    """The Python exception for what the student's code raised. ``own``: the lecturer's kinds."""
    known = {**KINDS, **own}
    kind = known.get(error.kind)
    made: Exception | None = None
    if kind is not None:
        try:
            made = kind(error.message)
            if str(made) != error.message and kind is not KeyError:
                made = None
        except Exception:
            made = None
    if made is None:
        made = _named(error, next(filter(None, map(known.get, error.kinds)), Exception))
    return made.with_traceback(_traceback(error.frames))


def _named(error: StudentError, base: type[Exception]) -> Exception:
    """One of the student's own kind, which inherits from Python's as theirs does."""
    name = error.kind if error.kind.isidentifier() else "StudentError"
    for bases in ((StudentError, base), (StudentError,)):
        with contextlib.suppress(TypeError):  # some need arguments of their own
            named = type(name, bases, {"__str__": lambda self: self.message})
            return named(error.kind, error.message, error.traceback, error.frames, error.kinds)
    raise error


def _traceback(frames: Iterable[tuple[str, int, str]]) -> types.TracebackType | None:
    """A traceback through these places, made of code that does nothing but raise there."""
    found: types.TracebackType | None = None
    for file, line, name in reversed(list(frames)):
        code = compile("\n" * (line - 1) + "raise ZeroDivisionError", file, "exec")
        code = code.replace(co_name=name)
        try:
            exec(code, {"__name__": "student"})
        except ZeroDivisionError:
            own = sys.exc_info()[2]
            assert own is not None
            inner = own.tb_next
            assert inner is not None
            found = types.TracebackType(found, inner.tb_frame, inner.tb_lasti, line)
    return found
