"""The grader's end of a session: run cells, call what they define, read plain values.

Everything that comes back is the student's word. What the student's code does never raises
anything here but ``StudentError`` (its code raised) and ``SessionEnded`` (its process is gone, or
had to go).
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from nncourse.check.call import TooLong, is_checking, is_timed, time_limit
from nncourse.grading.sandbox import clock
from nncourse.grading.sandbox.channel import Channel, Closed, Late
from nncourse.grading.sandbox.guard import Guard
from nncourse.grading.sandbox.handle import Handle
from nncourse.grading.sandbox.in_place import update
from nncourse.grading.sandbox.inside.kept import Kept, arrays
from nncourse.grading.sandbox.lent import on_purpose
from nncourse.grading.sandbox.limits import Budget, Limits
from nncourse.grading.sandbox.nothing import KINDS, marked
from nncourse.grading.sandbox.outcome import CellResult, SessionEnded, StudentError, student_error
from nncourse.grading.sandbox.references import References
from nncourse.grading.sandbox.refused import OddValue, Refused
from nncourse.grading.sandbox.wire import WireError

SHORTEST = 0.01  # seconds that a function of the tests has in any case
MADE = 30  # values in place of containers of other kinds are known when they are handed back
MADE_KINDS = [[str, kind] for kind in (str, int, type(None))]
TOO_LARGE = "its answers take more memory than there is for the tests"


class Session:
    """One student's process. Made by ``Sandbox.session``; to be closed, best by ``with``."""

    def __init__(
        self,
        channel: Channel,
        guard: Guard,
        limits: Limits,
        budget: Budget,
        layers: dict[str, Any],
    ) -> None:
        self.channel = channel
        self.guard = guard
        self.limits = limits
        self.budget = budget
        self.layers = layers
        self.numbers = KINDS  # of odd values that stay as they come, see ``marked``
        self.cells: list[str] = []
        self.ended: SessionEnded | None = None
        self.cell = 0  # of the tests
        self.dropped: list[int] = []
        self.references = References(self)
        self.kept = Kept()
        self.printed = ""  # by the last call
        self._made: dict[int, tuple[list[Any], Any]] = {}  # in place of containers of other kinds
        self._shared = 0
        self._still_kept: set[int] = set()
        self.calls = 0  # since ``expect``; those within others don't count
        self.missed = False  # whether something was asked after its end
        self._ends: Callable[[int], SessionEnded | None] = lambda call: None
        self._end_again: SessionEnded | None = None
        self._turn = threading.RLock()  # tests may ask in several threads
        self._number = 0
        self._depth = 0
        self._in_place = False
        self._verdict: BaseException | None = None
        self._deadline = 0.0

    # What can be asked for.

    def run_cell(self, source: str) -> CellResult:
        """Run a cell. Raises SessionEnded only if the session had ended before.

        ``cells`` keeps the sources of the cells that did not end the session.
        """
        if self.ended is not None:
            raise SessionEnded(self.ended.kind, str(self.ended))
        start = clock.now()
        text = source.encode("utf-8", "replace").decode()
        try:
            found = self._ask("cell", self.limits.cell_seconds, source=text)["value"]
            result = self._read_cell(found, clock.now() - start)
        except SessionEnded as error:
            return CellResult("", error, clock.now() - start)
        except StudentError as error:
            return CellResult("", error, clock.now() - start)
        except WireError as error:
            return CellResult("", StudentError("ValueError", str(error)), 0.0)
        except BaseException:  # of a function that was called back, which has ended the session
            if self.ended is None:
                raise
            ended = SessionEnded(self.ended.kind, str(self.ended))
            return CellResult("", ended, clock.now() - start)
        self.cells.append(source)
        return result

    def call(
        self,
        target: str | Handle,
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
        path: str = "",
        seconds: float | None = None,
        in_place: bool = True,
    ) -> Any:
        """Call ``target`` (or what ``path`` leads to from it) and return plain data or a Handle.

        Arguments are plain data, Handles, or functions: these stay here and are called back, with
        plain data, also later in the session. Arrays, lists and dicts among the arguments that the
        call changes in place are changed here in the same way, unless ``in_place`` is False: what
        is expected should be computed before the call, or from a copy. An array that the student's
        object keeps stays shared: what a later such call does to it is done here as well. A NumPy
        generator (PCG64) among the arguments is copied if it is fresh, and else another one goes in
        its place; that one goes on where it was left, as long as nothing is drawn from the one
        here, which gives other numbers. What came in place of another container goes back as that.

        Raises StudentError, SessionEnded; WireError if an argument can't cross; and what a function
        that was called back has found wrong, whatever student code makes of it.
        """
        what: dict[str, Any] = {"args": tuple(args)}
        named = dict(kwargs or {})
        if named:
            what["kwargs"] = named
        with self._turn:
            numbers = range(0)
            given = [*arrays([what["args"], named])]
            frozen = [n for n, array in enumerate(given) if not array.flags.writeable]
            if frozen:
                what["frozen"] = frozen
            if in_place:
                numbers = self.kept.share(self._shared, given)
                what["first"] = self._shared
                self._shared = numbers.stop
            if self._made:
                all_ = {**{str(n): value for n, value in enumerate(args)}, **named}
                found = {key: self._made.get(id(value)) for key, value in all_.items()}
                what["again"] = {key: made[0] for key, made in found.items() if made}
            try:
                answer = self._ask(
                    "call",
                    self.limits.call_seconds if seconds is None else seconds,
                    in_place,
                    target=target,
                    path=_steps(path),
                    **what,
                )
            finally:
                self.kept.forget(set(numbers) - self._still_kept)
            if in_place:
                for key, value in self._marked_items(_named(answer.get("changed"))).items():
                    if key.isascii() and key.isdigit() and int(key[:6]) < len(args):
                        update(args[int(key[:6])], value)
                    elif kwargs and key in kwargs:
                        update(kwargs[key], value)
        return self._value(answer)

    def get(self, target: str | Handle, path: str = "") -> Any:
        """Read a name, or what ``path`` leads to from it: plain data or a Handle."""
        seconds = self.limits.call_seconds
        return self._value(self._ask("get", seconds, target=target, path=_steps(path)))

    def set(self, target: str | Handle, path: str, value: Any) -> None:
        """Assign to an attribute."""
        seconds = self.limits.call_seconds
        self._ask("set", seconds, target=target, path=_steps(path), value=value)

    def operate(self, name: str, *args: Any) -> Any:
        """Apply a function of the module ``operator``: operate("add", a, b).

        The result is a Handle, whatever it is: a plain number would be the student's word for what
        a test computes, such as the difference between what came and what is right.
        """
        answer = self._ask("operate", self.limits.call_seconds, name=name, args=args)
        if type(self.references.find(answer["value"])) is not Handle:
            self._end("protocol", "an operation gives an object")
        return self._value(answer)

    def leave(self, target: str | Handle, error: Exception, text: str) -> bool:
        """Let a context manager see an error of this side, with ``text`` as its message; whether it
        keeps it quiet."""
        kinds = [kind.__name__ for kind in type(error).__mro__]
        seconds, text = self.limits.call_seconds, text[:500].encode("utf-8", "replace").decode()
        return self._ask("leave", seconds, target=target, kinds=kinds, text=text)["value"] is True

    @property
    def over(self) -> SessionEnded | None:
        """How it ended, or would have."""
        return self.ended or self._end_again

    @property
    def asked(self) -> int:
        """How many questions there were so far."""
        return self._number

    def type_name(self, target: str | Handle) -> str:
        """The name of a type, as the student's process tells it."""
        found = self._ask("type", self.limits.call_seconds, target=target)["value"]
        return found[:100] if type(found) is str else "?"

    def close(self, wait: bool = True) -> None:
        """End the session and all its processes; returns when they are gone, or before."""
        if self.ended is None:
            self.ended = SessionEnded("closed", "the session was closed")
        self._kill(wait)

    def hand_over(self) -> None:
        """Leave the session to a fork of this process; when that is done, ``close`` it here."""
        self.ended = SessionEnded("closed", "another process has the session")
        self.channel.close()

    def farewell(self) -> socket.socket:
        """A socket whose other end closes when all its processes are gone."""
        return self.guard.socket.dup()

    @property
    def was_closed(self) -> bool:
        """Whether it has ended by ``close``, and not before."""
        return self.ended is not None and self.ended.kind == "closed"

    @property
    def files(self) -> list[int]:
        """The open files that it needs."""
        return [self.channel.socket.fileno(), self.guard.socket.fileno()]

    @property
    def idle(self) -> bool:
        """Whether it is there and has said nothing yet, as one that nothing was asked of."""
        if self.ended is not None:
            return False
        poll = select.poll()
        for end in (self.channel.socket, self.guard.socket):
            poll.register(end, select.POLLIN)
        return not poll.poll(0)

    def abandon(self) -> None:
        """End it if a question still waits for its answer, in a thread that was left alone."""
        if self._depth and self.ended is None:
            self.ended = SessionEnded("interrupted", "the test did not wait for the answer")
            self._kill()

    def expect(self, ends: Callable[[int], SessionEnded | None]) -> None:
        """Count calls from here on. ``ends``: told the number of a call; what it gives is raised
        instead of making the call, and by all calls after that until ``go_on``. A call of a check
        raises what it did then, and the check goes on with others.
        """
        self.calls = 0
        self._ends, self._end_again = ends, None

    def end_cell(self) -> None:
        """A cell of the tests is over. The objects that it still has stay until the session ends:
        answers would see by those that are let go whether it has failed.
        """
        self.cell += 1
        self.dropped.clear()

    def go_on(self) -> None:
        """Make calls again. Raises SessionEnded if the session itself has ended."""
        self._end_again = None
        if self.ended is not None:
            raise SessionEnded(self.ended.kind, str(self.ended))

    def begin(self, budget: Budget) -> None:
        """Let the time run that its submission has."""
        self.budget = budget
        self.guard.begin()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # How.

    def _check_open(self) -> None:
        if self.ended is not None:
            self.missed = True
            raise SessionEnded(self.ended.kind, str(self.ended))
        if self._depth == 0:
            self.calls += 1
            end = self._end_again or self._ends(self.calls)
            if end is not None:
                self._end_again = None if end.alone and is_timed() else end
                late = end.kind == "late" and is_timed()
                raise TooLong if late else SessionEnded(end.kind, str(end))
        if self.budget.left <= 0:
            self._end("budget", f"the {self.budget.name} are used up")

    def _ask(self, do: str, seconds: float, in_place: bool = False, **what: Any) -> dict[str, Any]:
        with self._turn:
            return self._ask_now(do, seconds, in_place, what)

    def _ask_now(
        self, do: str, seconds: float, in_place: bool, what: dict[str, Any]
    ) -> dict[str, Any]:
        """One request and its answer; callbacks are served in between, and may ask in turn.

        ``in_place``: whether shared arrays are changed here as they are changed there meanwhile.
        """
        self._check_open()
        self._number += 1
        number = self._number
        # Names among the arguments of the question around this one are asked for by questions.
        states, self.references.states = self.references.states, []
        held, self.references.held = self.references.held, []
        self._still_kept = set()
        drop, self.dropped = self.dropped[:10_000], self.dropped[10_000:]
        start = clock.now()
        deadline = self.budget.deadline(seconds)
        outermost, self._depth = self._depth == 0, self._depth + 1
        outer, self._in_place = self._in_place, in_place
        if outermost:
            self._deadline = deadline
            self._verdict = None
        deadline = min(deadline, self._deadline)  # callbacks have the time of the call around them
        try:
            # What is usual goes without saying.
            unusual = {
                "drop": drop,
                "news": self.kept.news(),
                "deques": "deque" in self.numbers,
                "operators": bool(self.references.guests.operators),
            }
            unusual = {name: value for name, value in unusual.items() if value}
            # Encoded last: the generators among the arguments add their states to it.
            request = {"do": do, "n": number, **unusual, **what, "states": self.references.states}
            self.channel.send(request, deadline, self.references.refer)
            for _ in range(self.limits.callbacks):
                answer = self._receive(number, deadline)
                if "callback" not in answer and "guest" not in answer:
                    break
                self._call_back(answer, deadline)
            else:
                self._end("protocol", f"more than {self.limits.callbacks} callbacks in one call")
        except Late:
            if self.budget.left <= clock.now() - start:
                self._end("budget", f"it took more than the {self.budget.name}")
            self._end("time", f"it took more than {seconds:g} s")
        except Closed:
            self.channel.close()
            self._end(*self.guard.death(self.limits.cpu_seconds))
        except (SessionEnded, WireError):
            raise
        except MemoryError:
            self._end("memory", TOO_LARGE)
        except BaseException as stop:
            # Such as the clock of the test: what comes now would answer the wrong question.
            late = isinstance(stop, TooLong)
            kind = "late" if late else "interrupted"
            alone = late and is_checking()
            self.ended = SessionEnded(kind, "the test did not wait for the answer", alone)
            self._kill()
            raise
        finally:
            self._depth -= 1
            self._in_place = outer
            self.references.states, self.references.held = states, held
            if outermost:
                self.budget.spend(clock.now() - start)
        if self._verdict is not None and do != "cell":  # a cell of theirs is no test
            raise self._verdict  # through all the calls around this one
        if in_place:
            self._learn(answer.get("news"))
        printed = answer.get("printed")
        self.printed = printed[: self.limits.output] if type(printed) is str else ""
        kept = answer.get("kept")
        if type(kept) is list:
            self._still_kept = {n for n in kept if type(n) is int}
        error = answer.get("error")
        if error is not None:
            raise student_error(error, self.cells)
        if "value" not in answer:
            self._end("protocol", "the answer has no value")
        return answer

    def _receive(self, number: int, deadline: float) -> dict[str, Any]:
        try:
            answer = self.channel.receive(deadline, self.references.resolve)
        except WireError as error:
            self._end("protocol", f"the answer can't be read: {error}")
        if type(answer) is not dict or type(answer.get("n")) is not int or answer["n"] != number:
            self._end("protocol", "the answer belongs to no question")
        return answer

    def _call_back(self, message: dict[str, Any], deadline: float) -> None:
        args, kwargs = message.get("args"), message.get("kwargs")
        if type(args) is not tuple or type(kwargs) is not dict:
            self._end("protocol", "a callback of something else")
        function, judges, timed = None, False, is_timed()
        if "guest" not in message:
            function, judges = self.references.function(message["callback"])
            if function is None:
                self._end("protocol", "a callback of something else")
        try:
            if self._in_place:
                self._learn(message.get("news"))
            args, kwargs = tuple(map(self._marked, args)), self._marked_items(kwargs)
            left = max(SHORTEST, deadline - clock.now())
            with contextlib.nullcontext() if timed else time_limit(left):
                if function is None:
                    do, name = message.get("do_"), message.get("name")
                    answer = self.references.guests.ask(message["guest"], do, name, args, kwargs)
                else:
                    answer = {"value": function(*args, **kwargs)}
            answer["news"] = self.kept.news()
            self.channel.send(answer, deadline, self.references.refer)
        except TooLong:
            if timed:
                raise
            raise Late("the test's function took too long for what it was given") from None
        except (Late, Closed, SessionEnded):
            raise
        except AssertionError as error:
            # Of the test: the student's code has no part in it, and doesn't learn what was right.
            self._verdict = self._verdict or error
            self.channel.send({"error": "AssertionError"}, deadline)
        except (Exception, OddValue) as error:
            # The test's function was given something that it can't take: its verdict, where it has
            # asserted something and doesn't raise this itself.
            kinds = [kind.__name__ for kind in type(error).__mro__]
            if isinstance(error, OddValue) or (judges and not on_purpose(error)):
                self._verdict = self._verdict or error
            text = str(error)[:500].encode("utf-8", "replace").decode()
            self.channel.send({"error": text, "kinds": kinds}, deadline)

    def _value(self, answer: dict[str, Any]) -> Any:
        value = answer["value"]
        why = answer.get("why")
        handle = self.references.find(value)
        if type(handle) is Handle and type(why) is str:
            handle.why = why[:500]
        value = self._marked(value)
        made = answer.get("made")
        if type(made) is list and list(map(type, made)) in MADE_KINDS:
            self._note(value, made)
        return value

    def _note(self, value: Any, made: list[Any]) -> None:
        if isinstance(value, (list, dict, Refused)):  # others may be the same elsewhere
            self._made[id(value)] = made, value  # which keeps it, and so its id its own
            if len(self._made) > MADE:
                del self._made[next(iter(self._made))]

    def _marked(self, value: Any) -> Any:
        try:
            return marked(value, self.numbers)
        except MemoryError:
            self._end("memory", TOO_LARGE)

    def _marked_items(self, values: dict[Any, Any]) -> dict[Any, Any]:
        return {key: self._marked(value) for key, value in values.items()}

    def _learn(self, news: Any) -> None:
        """Change arrays of this side; OddValue if tests can't compute with their new content."""
        for content in _named(news).values():
            found = self._marked(content)
            if isinstance(found, Refused):
                found.refuse()
        self.kept.learn(_named(news))

    def _read_cell(self, found: Any, seconds: float) -> CellResult:
        if type(found) is not dict or type(found.get("output")) is not str:
            self._end("protocol", "the answer is not that of a cell")
        longest = self.limits.output
        output = found["output"]
        error = found.get("error")
        return CellResult(
            output[:longest],
            None if error is None else student_error(error),
            seconds,
            bool(found.get("lost") is True or len(output) > longest),
        )

    # How it ends.

    def _end(self, kind: str, text: str) -> NoReturn:
        alone = kind != "budget" and is_checking() and is_timed()
        self.ended = SessionEnded(kind, text, alone)
        self._kill()
        raise SessionEnded(kind, text)

    def _kill(self, wait: bool = True) -> None:
        # The session's end of this socket may be held open by another of its processes.
        self.channel.close()
        self.guard.end(wait)


def _named(found: Any) -> dict[str, Any]:
    """What comes by names; nothing if it doesn't."""
    return found if type(found) is dict and all(type(name) is str for name in found) else {}


def _steps(path: str) -> list[str]:
    return path.split(".") if path else []
