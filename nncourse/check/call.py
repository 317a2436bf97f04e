"""Calling a student's function so that nothing it does can harm the check.

It gets copies of the inputs, its prints and warnings are caught, and whatever happens instead of
an answer (an exception, an exit, a loop without end) becomes a finding with the student's own line.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import re
import signal
import threading
import traceback
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.exercises.piece import Unfit, copy_arguments
from nncourse.language import catalogue, mark

_ = catalogue("check")

TIME_LIMIT = 10.0
"""Seconds for one call. Right answers take milliseconds."""

CROWDING: Callable[[], float] = lambda: 1.0  # noqa: E731
"""How many times longer a call may take now: set where many are graded."""

CLOCK = "ITIMER_REAL"
"""The timer of ``signal`` that measures them; ITIMER_VIRTUAL counts the process's own seconds."""

TICKS = 20  # in a limit of time

KEPT_OUTPUT = 1_000
"""Characters of the student's prints that a report shows."""

UNPRINTABLE = ("C", "Zl", "Zp")
"""Categories of characters that a terminal obeys, or takes for the end of a line."""

OUTPUT_LIMIT = 200_000
"""Characters after which a call is stopped: a loop that prints without end."""

_OWN_FOLDER = str(Path(__file__).parents[1])
_INSTALLED = ("site-packages", "dist-packages", "<__array_function__", "<frozen")


class _Stop(BaseException):
    """Raised inside the student's function to end it; not an Exception, so few handlers see it."""


class TooLong(_Stop):
    """A limit of time is over."""


class _TooMuchOutput(_Stop):
    pass


class _Sink(io.StringIO):
    """A text stream that keeps the beginning and stops a flood."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def write(self, text: str) -> int:
        if self.count < KEPT_OUTPUT:
            super().write(text[: KEPT_OUTPUT - self.count])
        self.count += len(text)
        if self.count > OUTPUT_LIMIT:
            raise _TooMuchOutput
        return len(text)


@dataclass(frozen=True)
class Outcome:
    """What a call gave: ``value``, or ``problem`` if it did not come to an answer."""

    value: Any = None
    problem: Finding | None = None
    printed: str = ""
    modified: tuple[int, ...] = ()
    """Positions of the arguments that were changed in place."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the body after so many seconds, where the system can (main thread, not Windows).

    Counted in ticks, of which none comes while the process is stopped, as by Ctrl-Z.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not (
        threading.main_thread()
    ):
        yield
        return

    left = TICKS

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal left
        left -= 1
        if not left:
            signal.setitimer(clock, 0)
            raise TooLong

    clock = getattr(signal, CLOCK)
    number = signal.SIGALRM if clock == signal.ITIMER_REAL else signal.SIGVTALRM
    before = signal.signal(number, stop)
    remaining, interval = signal.setitimer(clock, seconds / TICKS, seconds / TICKS)
    try:
        yield
    finally:
        signal.setitimer(clock, remaining, interval)
        listen_as_before(number, before)


def is_timed() -> bool:
    """Whether a limit of time holds now."""
    return hasattr(signal, "getitimer") and signal.getitimer(getattr(signal, CLOCK))[0] > 0


_checks = False


@contextlib.contextmanager
def checking() -> Iterator[None]:
    """Mark the calls of the body as the cases of a check, each of which can fail by itself."""
    global _checks
    before, _checks = _checks, True
    try:
        yield
    finally:
        _checks = before


def is_checking() -> bool:
    """Whether an answer is called as a case of a check."""
    return _checks


def listen_as_before(number: int, before: Any) -> None:
    """Give a timer's signal the handler that it had, when the timer is off.

    Where that was none, the signal is not heard from now on: one that is still on its way, by
    another thread, would end this process.
    """
    signal.signal(number, _pass_over if before is signal.SIG_DFL else before)


def _pass_over(number: int, frame: FrameType | None) -> None:
    pass


def call(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    signature: str,
    ask: Callable[..., Any] | None = None,
    watch: contextlib.AbstractContextManager[Any] | None = None,
) -> Outcome:
    """Call ``function`` on copies of ``arguments``; never raises for what it does.

    ``ask(function, *arguments)`` does the call instead, if it is given. ``watch`` is entered
    around it.
    """
    given = copy_arguments(arguments)
    sink = _Sink()
    value: Any = None
    problem: Finding | None = None
    try:
        with (
            contextlib.redirect_stdout(sink),
            contextlib.redirect_stderr(sink),
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
            time_limit(TIME_LIMIT * CROWDING()),
            watch or contextlib.nullcontext(),
        ):
            warnings.simplefilter("ignore")
            value = ask(function, *given) if ask else function(*given)
    except TooLong as stop:
        text = mark(
            "The function did not return within {seconds:.0f} s and was stopped: "
            "a loop without end?{place}"
        )
        problem = Finding("time", text, {"seconds": TIME_LIMIT, "place": _Place.of(stop, function)})
    except _TooMuchOutput:
        text = mark("The function prints without end and was stopped.")
        problem = Finding("output", text)
    except Unfit as unfit:
        problem = unfit.finding
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        problem = _explain(error, function, signature, driven=ask is not None)
    printed = printable(sink.getvalue())
    if sink.count > KEPT_OUTPUT:
        printed += "..."
    try:
        modified = _modified(arguments, given)
    except Exception:
        modified = tuple(range(len(arguments)))
    return Outcome(value, problem, printed, modified)


@dataclass(frozen=True)
class _Place:
    """Where in the student's code something happened; formats itself as a short suffix."""

    name: str
    line: int
    source: str

    @classmethod
    def of(cls, error: BaseException, function: Callable[..., Any]) -> _Place | str:
        """The deepest line of the student's code, "" if none was reached."""
        code = getattr(function, "__code__", None)
        own_file = code.co_filename if code is not None else None
        students = [
            frame
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == own_file
            or not (
                frame.filename.startswith(_OWN_FOLDER)
                or any(folder in frame.filename for folder in _INSTALLED)
                or Path(frame.filename).name.startswith("contextlib")
            )
        ]
        if not students:
            return ""
        frame = students[-1]
        line = frame.lineno or 0
        source = (frame.line or linecache.getline(frame.filename, line)).strip()
        return cls(frame.name, line, printable(source))

    def __format__(self, spec: str) -> str:
        where = _("in {name}, line {line}:", name=self.name, line=self.line)
        return f"\n    {where} {self.source}"


def _explain(
    error: BaseException, function: Callable[..., Any], signature: str, driven: bool
) -> Finding:
    place = _Place.of(error, function)
    if isinstance(error, NotImplementedError):
        name = place.name if isinstance(place, _Place) else ""
        if name in ("", "<lambda>", getattr(function, "__name__", "")):
            return Finding("not written", mark("Not written yet."))
        return Finding(
            "not written",
            mark("Not written yet: this calls {name}, which is not written."),
            {"name": name},
        )
    kind = type(error).__name__
    if isinstance(error, SystemExit):
        text = mark("The function ends the program ({kind}) instead of returning.{place}")
        return Finding("exit", text, {"kind": kind, "place": place})
    if driven and place == "" and isinstance(error, TypeError | AttributeError):
        return Finding(
            "use",
            mark("It cannot be used as {signature}: {error}"),
            {"signature": signature, "error": _clean(error)},
        )
    if isinstance(error, TypeError) and place == "":
        return Finding(
            "signature",
            mark("It cannot be called as {signature}: {error}"),
            {"signature": signature.split(" ->")[0], "error": _clean(error)},
        )
    text = mark("{kind}: {error}{place}")
    return Finding("raised", text, {"kind": kind, "error": _clean(error), "place": place})


def _clean(error: BaseException) -> str:
    """The exception's message, short and without memory addresses, which change from run to run."""
    try:
        text = str(error)
    except Exception:
        return ""
    text = printable(re.sub(r"0x[0-9a-fA-F]+", "0x...", text)).replace("\n", " ")
    return text if len(text) <= 400 else text[:400] + "..."


def printable(text: str) -> str:
    """Without terminal escapes, other control characters, lone surrogates and odd line ends."""
    if text.replace("\n", "").replace("\t", "").isprintable():
        return text  # as nearly all texts are
    return "".join(
        c if c in "\n\t" or not unicodedata.category(c).startswith(UNPRINTABLE) else "?"
        for c in text
    )


def _modified(before: tuple[Any, ...], after: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(i for i, (a, b) in enumerate(zip(before, after, strict=True)) if not _equal(a, b))


def _equal(a: Any, b: Any) -> bool:
    if a is b:
        return True  # what can be changed was copied
    if isinstance(a, np.ndarray):
        if not isinstance(b, np.ndarray) or a.shape != b.shape:
            return False
        # Most are the same to the last bit, which is soon seen.
        alike = a.dtype == b.dtype and a.tobytes() == b.tobytes()
        return alike or np.array_equal(a, b, True)
    if isinstance(a, dict):
        return (
            isinstance(b, dict)
            and a.keys() == b.keys()
            and all(_equal(item, b[key]) for key, item in a.items())
        )
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(map(_equal, a, b))
    return type(a) is type(b) and bool(a == b)
