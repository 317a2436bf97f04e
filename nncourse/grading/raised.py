"""What the student's code raised, as the Python exception that a test expects."""

from __future__ import annotations

import builtins
import contextlib
import sys
import types
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nncourse.grading.sandbox import StudentError

# What the student's code raises comes as one of these, if it is one: no StopIteration, which would
# end a loop over ``map`` or ``zip`` in a test before its end.
KINDS: dict[str, type[Exception]] = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception)
    if kind not in (Exception, StopIteration, StopAsyncIteration)
}
KINDS |= {"LinAlgError": np.linalg.LinAlgError, "AxisError": np.exceptions.AxisError}


class as_python:
    """What the student's code raised is raised here as the Python exception of that name.

    So a test that expects a ValueError, and a check that knows "not written yet", work as they do
    in the student's own notebook. Ordinary exceptions of Python take part, and the lecturer's own;
    any other name becomes a kind of StudentError. The traceback shows the student's lines.
    """

    def __init__(self, own: Mapping[str, type[Exception]]) -> None:
        self.own = own

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, StudentError):
            raise exception(error, self.own) from None


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
