"""The verdict on one submission, computed where the student's code can't reach it.

The answers run in a sandbox session. The graded cells, hidden tests included, run here, unmodified,
and the names that the lecturer's solution defines stand for proxies of what the student wrote. This
process is a fork of its own: whatever a test leaves behind ends with it.

A cell or call that ends the session costs its own question. The session is started anew, the
earlier cells are run again, and the next question is graded.
"""

from __future__ import annotations

import ast
import contextlib
import linecache
import os
import random
import time
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from nncourse.check.call import printable
from nncourse.check.variant import VARIABLE
from nncourse.grading.assignment import Assignment
from nncourse.grading.lacking import lacking, rule
from nncourse.grading.own import OwnCell, label
from nncourse.grading.plan import Cell
from nncourse.grading.proxies import Proxies, Silent
from nncourse.grading.question import TEXTS, Given, Question, error_output, judge, lines_of, name_of
from nncourse.grading.reports import noted, summary
from nncourse.grading.sandbox import (
    Budget,
    Sandbox,
    SandboxUnavailable,
    Session,
    SessionEnded,
    StudentError,
)
from nncourse.grading.sandbox.inside.cells import parse
from nncourse.grading.sandbox.lent import Past
from nncourse.grading.steps import Steps
from nncourse.language import catalogue

_ = catalogue("course")

FILE = "<test {}>"  # as tracebacks name it
LONGEST = 100_000  # characters of a test's output


@dataclass
class Outcome:
    """What came of a submission: its questions by cell name, the outputs of the cells by their
    place in the notebook, the student's own cells that were run ({"place", "source", "outputs"}),
    remarks for the lecturer, and the wall time."""

    questions: dict[str, Question] = field(default_factory=dict)
    outputs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    own: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        questions = {name: vars(question) for name, question in self.questions.items()}
        return {**vars(self), "questions": questions}


class Oracle:
    """Grades one submission. ``say``: told the name of each graded cell before it runs.

    ``given_up``: graded cells at which an earlier try did not come back; they get no points.
    ``session``: one to begin with, if it is still good. ``own``: cells of the student's own.
    ``seed``: what tests draw from, and may tell by what they draw; ``key``: what else is random.
    """

    def __init__(
        self,
        assignment: Assignment,
        sandbox: Sandbox,
        answers: Mapping[str, str],
        seed: int,
        say: Callable[[str], None] = lambda name: None,
        given_up: Mapping[str, str] | None = None,
        session: Session | None = None,
        own: Sequence[OwnCell] = (),
        key: int | None = None,
    ) -> None:
        self.assignment = assignment
        self.sandbox = sandbox
        self.answers = answers
        self.own = own
        self.seed = seed
        self.key = seed if key is None else key
        self.say = say
        self.given_up = given_up or {}
        self.budget = Budget(sandbox.limits.submission_seconds)
        self.outcome = Outcome()
        self.space: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
        self.session: Session | None = None
        self.spare = session
        self._lent = False
        self.cells: list[str] = []
        self.count = 0
        self.past = Past()
        rules = assignment.rules
        self.proxies = Proxies(rules["operators"], rules["objects"], rules["in_place"])
        self.steps = Steps(self.space, self._bind, self._alive, assignment.plan.modules, self.past)

    def grade(self) -> Outcome:
        """Run everything, in the order of the notebook."""
        start = time.monotonic()
        os.environ[VARIABLE] = str(self.seed)
        random.seed(self.key)
        np.random.seed(divmod(self.key, 2**32))  # noqa: NPY002 for tests that draw from it
        plan = self.assignment.plan
        own, late = plan.needed_of(self.own, self.answers) if self.own else ([], [])
        sandboxed = plan.sandboxed(self.answers, own)
        try:
            for cell in self.assignment.cells:
                for part in (part for part in sandboxed if part.index == cell.index):
                    self._run_answer(part)
                if cell.index in plan.steps:
                    self._run_steps(cell)
                if cell.kind == "tests":
                    self._run_tests(cell)
        finally:
            if self.session is not None:
                # The first one's end is waited for by the process that has made it. Without
                # namespaces nothing else would end what it has left.
                self.session.close(wait=not self._lent or self.sandbox.unsafe)
        if self.own:
            self._say_own([cell.name for cell in own], late)
        self.outcome.seconds = time.monotonic() - start
        return self.outcome

    # The student's side.

    def _open(self) -> Session:
        """The session, with all cells run so far; a new one if the last was ended."""
        if self.session is not None:
            self.session.abandon()
        if self.session is not None and self.session.ended is None:
            return self.session
        while True:
            self.session = self._begin()
            with _captured(), noted([], self._in_place):
                if self.steps.again() or self.budget.left <= 0:
                    return self.session

    def _begin(self) -> Session:
        if self.session is not None:
            self.cells = list(self.session.cells)
            self.session.close()
        if self.spare is not None and self.spare.idle:
            session, self._lent = self.spare, True
            session.begin(self.budget)
        else:
            session, self._lent = self.sandbox.session(self.cells, self.budget), False
        self.spare = None
        session.numbers = self.assignment.spoken
        session.references.past = self.past
        session.references.leaps = random.Random(f"leaps of {self.key}")
        self.proxies.begin(session)
        return session

    def _alive(self) -> bool:
        return self.session is not None and self.session.ended is None

    def _in_place(self) -> contextlib.AbstractContextManager[None]:
        return self.proxies.all_in_place()

    def _run_answer(self, cell: Cell) -> None:
        session = self._open()
        if session.ended is not None:
            self._remark(cell, str(session.ended))
            return
        self.count = len(session.cells) + 1
        file = f"<cell {self.count}>"
        linecache.cache[file] = (len(cell.source), None, cell.source.splitlines(True), file)
        result = session.run_cell(cell.source)
        outputs = []
        if result.output:
            longest = TEXTS if cell.kind == "own" else self.sandbox.limits.output
            cut = result.truncated or len(result.output) > longest
            text = printable(result.output[:longest]) + ("\n..." if cut else "")
            outputs.append({"output_type": "stream", "name": "stdout", "text": text})
        if isinstance(result.error, StudentError):
            error = result.error
            packages = self.assignment.rules["packages"]
            lines = printable(error.traceback).splitlines() or [name_of(error)]
            lines += filter(None, [lacking(error.kind, packages)])
            outputs.append(error_output(printable(error.kind), printable(error.message), lines))
            if cell.is_answer or cell.kind == "own":
                allowed = rule(error.kind, error.message, packages)
                self._remark(cell, name_of(error) + (allowed and f" ({allowed})"))
        elif result.error is not None:
            outputs.append(error_output("SessionEnded", str(result.error), [str(result.error)]))
            self._remark(cell, str(result.error))
        if cell.kind == "own":
            own = {"place": cell.index, "source": cell.source, "outputs": outputs}
            self.outcome.own.append(own)
        else:
            self.outcome.outputs[cell.index] = outputs

    def _say_own(self, needed: Sequence[str], late: Sequence[str]) -> None:
        """Which of the student's own cells were needed, by what they are for; and what stands below
        all graded cells.
        """
        count = len(self.own)
        if late:
            note = _(
                "{names}: defined below the last graded cell, too late for the answers that use it",
                names=label(late),
            )
            self.outcome.notes.insert(0, note)
        if needed:
            note = _(
                "{run} of {count} cells of their own were run, since answers use them: {names}",
                run=len(needed),
                count=count,
                names=label(needed),
            )
        elif not late:
            note = _("{count} cells of their own were not run: no answer uses them", count=count)
        else:
            return
        self.outcome.notes.insert(0, note)

    def _remark(self, cell: Cell, text: str) -> None:
        line = text.strip().partition("\n")[0][:240]
        self.outcome.notes.append(_("{name}: {error}", name=cell.label, error=line))

    # The trusted side.

    def _run_steps(self, cell: Cell) -> None:
        """What graded cells need of a cell that is not graded itself."""
        steps = self.assignment.plan.steps[cell.index]
        if any(step.theirs for step in steps):
            self.say(cell.label)
        why = self.given_up.get(cell.label)
        with _captured(), noted([], self._in_place):
            error = self.steps.run(steps, None if why is None else Given(why))
        if error is not None:
            name = name_of(error)
            kind, _colon, text = name.partition(": ")
            outputs = self.outcome.outputs.setdefault(cell.index, [])
            outputs.append(error_output(kind, text, lines_of(error)))

    def _run_tests(self, cell: Cell) -> None:
        self.say(cell.name)
        printed = Silent()
        value: Any = None
        problem: BaseException | None = None
        reports: list[Any] = []
        if cell.name in self.given_up:
            problem = Given(self.given_up[cell.name])
        else:
            try:
                self.past.change(self.assignment.plan.alters[cell.index], self.space)
                self._bind(self.assignment.plan.foreign[cell.index])
                limits = self.sandbox.limits
                most = max(limits.cell_seconds, limits.submission_seconds / 3)
                with (
                    _captured(printed),
                    noted(reports, self._in_place),
                    self.budget.part(most),
                ):
                    value = self._execute(cell)
            except SandboxUnavailable:
                raise
            except BaseException as error:  # a test may raise anything, SystemExit too
                problem = self.steps.reason(error)
        question, outputs = judge(cell.points, value, problem)
        text = printed.getvalue()
        if text:
            cut = printable(text[:LONGEST]) + ("\n..." if len(text) > LONGEST else "")
            outputs.insert(0, {"output_type": "stream", "name": "stdout", "text": cut})
        question.report = [summary(report) for report in reports]
        self.outcome.questions[cell.name] = question
        self.outcome.outputs[cell.index] = outputs

    def _bind(self, foreign: frozenset[str]) -> None:
        """Let the student's names stand for proxies, and their data for itself."""
        for name in foreign:
            self.space.pop(name, None)
        session = self._open()
        if session.ended is not None:
            raise SessionEnded(session.ended.kind, str(session.ended))
        session.references.next_cell(foreign)
        for name in sorted(foreign & self.assignment.plan.trusted_reads):
            if name in self.assignment.functions:
                self.space[name] = self.proxies.name(name)
            else:
                with contextlib.suppress(NameError):
                    self.space[name] = self.proxies.value(name)

    def _execute(self, cell: Cell) -> Any:
        file = FILE.format(cell.name)
        linecache.cache[file] = (len(cell.source), None, cell.source.splitlines(True), file)
        code, last = compiled(cell.source, file)
        exec(code, self.space)
        return None if last is None else eval(last, self.space)


@lru_cache(512)
def compiled(source: str, file: str) -> tuple[types.CodeType, types.CodeType | None]:
    """The statements of a cell, and the expression at its end. SyntaxError."""
    tree = parse(source, file)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        value = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
        last = compile(value, file, "eval", dont_inherit=True)
    return compile(tree, file, "exec", dont_inherit=True), last


@contextlib.contextmanager
def _captured(sink: Silent | None = None) -> Any:
    sink = Silent() if sink is None else sink
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        yield
