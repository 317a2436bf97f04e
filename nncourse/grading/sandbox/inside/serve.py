"""The student's side of a session: does what the grader asks, one request at a time.

It shares its process with the student's code, which can change all of it. So nothing here protects
anything: whatever it answers is the student's word, and the grader treats it so.

A request is a dict: ``do`` (what), ``n`` (its number), maybe ``drop`` (objects no longer needed),
``deques`` (whether they stay objects), ``operators`` (whether objects are counted with), and

    cell   source                          run a cell
    call   target, path, args, kwargs      call target.path...(*args, **kwargs)
    get    target, path                    read
    set    target, path, value             assign
    operate name, args                     a function of the module operator
    leave  target, kinds, text             leave a context manager by an error
    type   target                          the name of a type

A target is a name in ``__main__`` or an object that was given out before. The answer has the same
``n`` and either ``value`` or ``error``; objects that are not plain data are given out as
references. ``printed`` is what a call has printed. ``changed`` holds the new values of arguments
that the call has changed in place. ``made`` tells the kind of container in whose place the value
is a plain one; where that is an argument of a call, ``again`` says so. ``frozen`` numbers
arrays among the arguments that can't be changed. While a call runs, a function that came as an
argument is called back by a message with ``callback``.
"""

from __future__ import annotations

import contextlib
import operator
import warnings
from array import array
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np

from nncourse.grading.sandbox.channel import Channel, Closed
from nncourse.grading.sandbox.inside.cells import LONGEST_MESSAGE, Notebook, clean, explain
from nncourse.grading.sandbox.inside.guests import BINARY, UNARY, Callback, Guest, made
from nncourse.grading.sandbox.inside.kept import Kept, arrays
from nncourse.grading.sandbox.wire import DTYPES, LIMITS, NAMES, Reference, WireError, encode

MUTABLE = (list, dict, set)  # arrays are shared
# Not the same on every machine; on some it is the same as float64.
WIDEST: dict[Any, type] = {
    np.dtype(np.longdouble): np.float64,
    np.dtype(np.clongdouble): np.complex128,
}
EXACT = frozenset({Fraction, Decimal})
NUMBERS = EXACT | {bool, int, float, complex, *(dtype.type for dtype in DTYPES.values())}
_DICT = dict[Any, Any]()
VIEWS = (type(_DICT.keys()), type(_DICT.values()), type(_DICT.items()))
# Containers that hold what a plain one would, and so are right where that is.
CONTAINERS: dict[type, type] = dict.fromkeys((array, deque, UserList, *VIEWS), list)
CONTAINERS |= {UserDict: dict, MappingProxyType: dict, ChainMap: dict, bytearray: bytes}
CONTAINERS[np.lib.npyio.NpzFile] = dict
# How they are made anew, for a function that is handed back what it, or another, gave.
MAKERS: dict[str, Callable[[Any, Any], Any]] = {
    "deque": deque,
    "array": lambda plain, code: array(code, plain),
    "UserList": lambda plain, _: UserList(plain),
    "UserDict": lambda plain, _: UserDict(plain),
}
AS_THEY_ARE = frozenset({type(None), bool, str, int, float, complex, bytes, np.ndarray})


class Server:
    """Answers the requests of one session."""

    def __init__(self, channel: Channel, notebook: Notebook) -> None:
        self.channel = channel
        self.notebook = notebook
        self.objects: dict[int, Any] = {}
        self.generators: dict[int, np.random.Generator] = {}
        self.guests: dict[int, Guest] = {}
        self.kept = Kept()
        self.news: dict[str, np.ndarray] = {}
        self.given = 0
        self.current = 0
        self.counting = False
        self.back: list[Any] = []  # objects that have come back with a request

    def run(self) -> None:
        """Serve until the other end closes."""
        with contextlib.suppress(Closed, WireError):
            while True:
                self.answer(self.channel.receive(resolve=self._resolve))

    def answer(self, request: dict[str, Any]) -> None:
        """Do what one request asks for, and say what came of it."""
        back, self.back = self.back, []
        for number in request.get("drop", ()):
            self.objects.pop(number, None)
        self.kept.learn(request.get("news"))
        if request.get("deques"):
            CONTAINERS.pop(deque, None)
        self.counting = bool(request.get("operators"))
        for number, state in request.get("states", ()):
            self.generators[number].bit_generator.state = state
        request["back"] = back
        outer, self.current = self.current, request["n"]
        if not outer:
            self.notebook.output.clear()
        try:
            answer = getattr(self, "_do_" + request["do"])(request)
        except BaseException as error:
            answer = {"error": explain(error)}
        answer["n"] = request["n"]
        if not outer and request["do"] != "cell" and (printed := self.notebook.output.text()):
            answer["printed"] = printed
        shared = self.kept.alive(request.pop("shared", ()))
        if shared:
            answer["kept"] = shared
        news, self.news = self.news | self.kept.news(), {}
        if news:
            answer["news"] = news
        try:
            self._answer(answer)
        except MemoryError as error:  # nothing was sent
            self._answer({"n": request["n"], "error": explain(error)})
        self.current = outer

    def _answer(self, answer: dict[str, Any]) -> None:
        try:
            frame = encode(answer, LIMITS, self._refer)
        except WireError as error:
            # What can't cross as it is stays here as one object.
            answer = {"n": answer["n"], "why": clean(str(error), LONGEST_MESSAGE)}
            answer["value"] = self._last
            frame = encode(answer, LIMITS, self._refer)
        self._last = None
        self.channel.send_frame(frame)

    # What can be asked for.

    def _do_cell(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"value": self.notebook.run(request["source"])}

    def _do_call(self, request: dict[str, Any]) -> dict[str, Any]:
        function = self._find(request["target"], request["path"])
        args, kwargs = request.pop("args"), request.pop("kwargs", {})
        given = [*arrays([args, kwargs], request["back"])]
        for number in request.get("frozen", ()):
            given[number].flags.writeable = False
        if "first" in request:
            request["shared"] = self.kept.share(request["first"], given)
        again = request.get("again", {})
        args = tuple(_made(value, again.get(str(n))) for n, value in enumerate(args))
        kwargs = {key: _made(value, again.get(key)) for key, value in kwargs.items()}
        named = {**{str(index): value for index, value in enumerate(args)}, **kwargs}
        before = {
            key: encode(_plain(value) if key in again else value, LIMITS, self._refer_known)
            for key, value in named.items()
            if type(value) in MUTABLE or key in again
        }
        try:
            # Those that cross are a check's, which listens to no warnings anywhere else either.
            with _quiet() if "first" in request else contextlib.nullcontext():
                value = function(*args, **kwargs)
        finally:
            self.news |= self.kept.news()  # while the arguments are still held
        answer = self._value(value, _is_more(function, value) or (self.counting and _counts(value)))
        changed = {}
        for key, old in before.items():
            now = _plain(named[key])
            if encode(now, LIMITS, self._refer_known) != old:
                changed[key] = now
        if changed:
            answer["changed"] = changed
        return answer

    def _do_get(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._value(self._find(request["target"], request["path"]))

    def _do_set(self, request: dict[str, Any]) -> dict[str, Any]:
        *path, last = request["path"]
        setattr(self._find(request["target"], path), last, request["value"])
        return {"value": None}

    def _do_operate(self, request: dict[str, Any]) -> dict[str, Any]:
        # Always as an object: see ``Session.operate``.
        self._last = _Whole(getattr(operator, request["name"])(*request["args"]))
        return {"value": self._last}

    def _do_leave(self, request: dict[str, Any]) -> dict[str, Any]:
        error = made(request["kinds"], request["text"], self.notebook.names)
        leave = self._find(request["target"], ["__exit__"])
        return {"value": bool(leave(type(error), error, None))}

    def _do_type(self, request: dict[str, Any]) -> dict[str, Any]:
        found = type(self._find(request["target"], []))
        return {"value": clean(found.__name__, 100)}

    def call_back(self, **what: Any) -> dict[str, Any]:
        """Ask the grader's side something while it waits for an answer."""
        args, kwargs = _plain(what.pop("args")), _plain(what.pop("kwargs"))
        message = {"n": self.current, "news": self.kept.news(), **what}
        self.channel.send({**message, "args": args, "kwargs": kwargs}, refer=self._refer)
        # The grader's side may ask for something in turn before it answers.
        while "do" in (answer := self.channel.receive(resolve=self._resolve)):
            self.answer(answer)
        self.kept.learn(answer.get("news"))
        if "error" in answer:
            raise made(answer.get("kinds", ()), answer["error"], self.notebook.names)
        return answer

    # Values and objects.

    _last: Any = None

    def _value(self, value: Any, whole: bool = False) -> dict[str, Any]:
        self._last = _Whole(value)
        answer = {"value": self._last if whole else _plain(value)}
        name = type(value).__name__
        if name in MAKERS and type(value) in CONTAINERS:
            more = getattr(value, "maxlen", getattr(value, "typecode", None))
            answer["made"] = [name, more]
        return answer

    def _find(self, target: Any, path: list[str]) -> Any:
        if isinstance(target, str):
            try:
                target = self.notebook.names[target]
            except KeyError:
                raise NameError(f"name {target!r} is not defined") from None
        for step in path:
            target = getattr(target, step)
        return target

    def _refer(self, value: Any) -> Reference:
        if isinstance(value, _Whole):
            value = value.value
        if isinstance(value, Callback):
            return Reference("function", value.number)
        if isinstance(value, Guest):
            return Reference("guest", object.__getattribute__(value, "_number"))
        self.given += 1
        self.objects[self.given] = value
        return Reference("object", self.given)

    def _refer_known(self, value: Any) -> Reference:
        """For comparing arguments with themselves: nothing is given out."""
        return Reference("object", id(value) & (1 << 52) - 1)

    def _resolve(self, reference: Reference) -> Any:
        if reference.kind == "function":
            return Callback(self, reference.number)
        if reference.kind == "guest":
            return self.guests.setdefault(reference.number, Guest(self, reference.number))
        if reference.kind == "generator":
            fresh = np.random.Generator(np.random.PCG64(0))  # its state comes with the request
            return self.generators.setdefault(reference.number, fresh)
        found = self.objects[reference.number]
        if isinstance(found, (np.ndarray, list, tuple, dict)):
            self.back.append(found)
        return found


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warning is shown, nor an error, whatever the student's code has set."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


class _Whole:
    """Marks a value that is to be given out as one object."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _counts(value: Any) -> bool:
    """Whether a class of the student's own says what comes of arithmetic with it: then it is more
    than the number or list that it may be, too.
    """
    own = [vars(kind) for kind in type(value).__mro__ if kind.__module__ == "__main__"]
    return any(f"__{name}__" in names for names in own for name in (*BINARY, *UNARY))


def _is_more(called: Any, value: Any) -> bool:
    """Whether a class of the student's own was called, and has made more than the container that
    its object is, too: there are methods or attributes besides.
    """
    if not isinstance(called, type) or not isinstance(value, (*MUTABLE, tuple)):
        return False
    kinds = type(value).__mro__
    own = [vars(kind) for kind in kinds if kind.__module__ == "__main__"]
    names = {name for part in (*own, getattr(value, "__dict__", {})) for name in part}
    return called in kinds and any(name[0] != "_" or name == "__call__" for name in names)


def _plain(value: Any, depth: int = 0) -> Any:
    """Subclasses of the plain types as these types: a named tuple as a tuple, and so on.

    Fractions, and arrays of numbers that NumPy keeps as objects, as plain numbers.
    """
    kind = type(value)
    if isinstance(value, np.generic):
        return value.astype(WIDEST[value.dtype]) if value.dtype in WIDEST else value
    if kind is np.ndarray and value.dtype not in NAMES and value.dtype.kind != "U":
        # In a tuple of results it is the one that stays, not all of them.
        return value.astype(WIDEST[value.dtype]) if value.dtype in WIDEST else _of_objects(value)
    if kind in AS_THEY_ARE or depth > LIMITS.depth:
        return value
    if kind in EXACT:
        return _rounded(value)
    if kind is range and len(value) <= LIMITS.items:
        return list(value)  # NumPy takes it for one
    if kind in CONTAINERS:
        return _plain(CONTAINERS[kind](value), depth)
    if isinstance(value, dict):
        return {_plain(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, tuple):
        return tuple([_plain(item, depth + 1) for item in value])
    for kind in (set, frozenset):
        if isinstance(value, kind):
            return kind([_plain(item, depth + 1) for item in value])
    if isinstance(value, str):
        return str.__str__(value)  # not what a member of an enumeration is called
    for plain in (int, float, bytes):
        if isinstance(value, plain):
            return plain(value)  # type: ignore[arg-type]
    if isinstance(value, np.ndarray) and not np.ma.is_masked(value):
        return _plain(np.asarray(value), depth)
    return value


def _made(plain: Any, how: list[Any] | None) -> Any:
    """What came back, as the kind of container that it was; as it is where it can't be that."""
    if how is not None:
        with contextlib.suppress(Exception):
            return MAKERS[how[0]](plain, how[1])
    return plain


def _rounded(value: Any) -> Any:
    """An int, if that is what it is, or a float; itself where it is neither."""
    try:
        whole = int(value)
        return whole if whole == value else float(value)
    except (ArithmeticError, ValueError):
        return value


def _of_objects(value: np.ndarray) -> Any:
    """An array of another type if its elements are all numbers, or all texts."""
    kinds = set(map(type, value.flat)) if value.dtype == object else set()
    if kinds and (kinds <= NUMBERS or kinds == {str}):
        items = np.array([_rounded(item) if type(item) in EXACT else item for item in value.flat])
        if items.dtype in NAMES or items.dtype.kind == "U":
            return items.reshape(value.shape)
    return _Whole(value)
