"""What a worker does once, so that no oracle has to do it again.

Oracles work in forks of the worker that live for one submission or some, and whatever such a fork
does for the first time, every one does for the first time: load modules and catalogues, read data,
train the network that mutants need, let the interpreter find out which of its instructions are hot.
So the worker loads what is needed, and while it has to wait, it judges each piece with right and
with wrong answers of the course's own, and puts the verdict into words; later forks inherit all of
that. No cell of a lecturer and no line of a student's is run here.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import nncourse.grading.oracle as oracle
from nncourse.check.judge import judge
from nncourse.exercises.piece import Piece, find, sets
from nncourse.grading.assignment import Assignment
from nncourse.grading.names import statements
from nncourse.grading.proxies import Proxies
from nncourse.grading.proxy import Proxy
from nncourse.grading.reports import summary
from nncourse.grading.sandbox import Budget, Limits, Session
from nncourse.grading.sandbox.channel import Channel
from nncourse.grading.sandbox.guard import Guard
from nncourse.grading.sandbox.wire import decode, encode

SEED = 1
NAME = "answer"


def load(assignment: Assignment) -> list[Piece]:
    """Load what the graded cells will use; returns the pieces that they check."""
    for kept in ("plan", "spoken"):  # made here, so that no fork makes it anew
        getattr(assignment, kept)
    if assignment.name in sets():
        importlib.import_module(f"nncourse.exercises.{assignment.name}")
    for steps in assignment.plan.steps.values():
        for step in steps:
            if isinstance(step.statement, (ast.Import, ast.ImportFrom)):
                with contextlib.suppress(ImportError):
                    exec(
                        compile(
                            ast.Module([step.statement], []), "<imports>", "exec", dont_inherit=True
                        ),
                        {},
                    )
    for cell in assignment.tests:
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            oracle.compiled(cell.source, oracle.FILE.format(cell.name))
    return [find(name) for name in dict.fromkeys(_checked(assignment))]


def rehearse(pieces: Iterable[Piece]) -> Iterator[None]:
    """Judge each piece with a right and with wrong answers, one for each ``next``.

    Right answers come first, since most answers are right, then mistakes that rules explain and
    mistakes that mutants explain. The right ones that are functions are asked as students' are.
    """
    right = [(piece, [piece.reference], True) for piece in pieces]
    wrong = [
        (piece, [mutant.function for mutant in piece.mutants[:1]], mutants)
        for mutants in (False, True)
        for piece, _answers, _mutants in right
    ]
    for piece, answers, mutants in (*right, *wrong):
        with contextlib.suppress(Exception):  # the graded cell itself will say what is wrong
            points, _right = piece.task(SEED, quick=True)
            lent = any(callable(value) for point in points for value in point.arguments)
            crosses = answers == [piece.reference] and piece.drive is None and not lent
            with _asked(piece.reference) if crosses else contextlib.nullcontext() as proxy:
                report = judge(piece, [proxy] if crosses else answers, seed=SEED, mutants=mutants)
            summary(report)
            str(report)
        yield


@contextlib.contextmanager
def _asked(answer: Callable[..., Any]) -> Iterator[Proxy]:
    """A proxy for an answer that this process has itself."""
    channel, guard = socket.socketpair()
    limits = Limits()
    budget = Budget(limits.submission_seconds)
    session = Session(_Echo(channel, answer), Guard(guard, int), limits, budget, {})
    proxies = Proxies(session)
    try:
        with proxies.all_in_place():
            yield proxies.name(NAME)
    finally:
        session.close(wait=False)


class _Echo(Channel):
    """A channel on which the answers come from this process; all that crosses is put into frames
    as ever."""

    def __init__(self, end: socket.socket, answer: Callable[..., Any]) -> None:
        super().__init__(end)
        self.answer = answer
        self.frame = b""

    def send_frame(self, frame: bytes, deadline: float | None = None) -> None:
        """Answer it."""
        asked = decode(frame)
        value = self.answer(*asked["args"])
        self.frame = encode({"n": asked["n"], "value": value})

    def receive_frame(self, deadline: float | None = None) -> bytearray:
        """The last answer."""
        return bytearray(self.frame)


def _checked(assignment: Assignment) -> Iterator[str]:
    """The names of the pieces in ``check("psNN.piece", ...)`` in the graded cells."""
    for cell in assignment.tests:
        for statement in statements(cell.source):
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and _called(node) == "check" and node.args:
                    name = node.args[0]
                    if isinstance(name, ast.Constant) and isinstance(name.value, str):
                        with contextlib.suppress(KeyError):
                            find(name.value)
                            yield name.value


def _called(node: ast.Call) -> str:
    function = node.func
    return getattr(function, "id", getattr(function, "attr", ""))
