"""The verdict on one submission, computed where the student's code can't reach it.

The answers run in a sandbox session. The graded cells, hidden tests included, run here, unmodified,
and the names that the lecturer's solution defines stand for proxies of what the student wrote. This
process is a fork that ends with whatever a test has left behind (``nncourse.grading.forked``).

A cell or call that ends the session costs its own question; in a check, where it is the only one,
its own case. For the others all begins anew, in a process and a session as fresh as the first, and
that call is not made again: it raises what it ended in. So nothing counts twice, and what is there
is what would be there without the call. What was judged before can only get worse; and all that is
random is drawn as before, or a session might be ended to draw once more.
"""

from __future__ import annotations

import ast
import contextlib
import linecache
import os
import random
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from nncourse.check import call, ready_made
from nncourse.check.call import printable
from nncourse.check.variant import VARIABLE
from nncourse.grading import chance
from nncourse.grading.assignment import Assignment, role_of
from nncourse.grading.cells import Cell
from nncourse.grading.lacking import lacking, rule
from nncourse.grading.own import OwnCell, label
from nncourse.grading.proxies import Proxies
from nncourse.grading.proxy import Proxy, Silent
from nncourse.grading.question import TEXTS, Given, Question, error_output, lines_of, name_of
from nncourse.grading.reports import Pending, Points, noted
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
from nncourse.grading.sandbox.limits import crowding
from nncourse.grading.sandbox.outcome import CELL
from nncourse.grading.sandbox.refused import refusals
from nncourse.grading.steps import Steps
from nncourse.grading.verdict import Verdict
from nncourse.language import catalogue

_ = catalogue("course")

FILE = "<test {}>"  # as tracebacks name it
RETRIES = 2  # of what the system has killed
DEATHS = 10  # of sessions in one piece, which is then run without the student's code


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

    def copy(self) -> Outcome:
        """What has come so far."""
        outputs = {place: [*outputs] for place, outputs in self.outputs.items()}
        return Outcome({**self.questions}, outputs, [*self.own], [*self.notes], self.seconds)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        questions = {name: vars(question) for name, question in self.questions.items()}
        return {**vars(self), "questions": questions}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Outcome:
        """From what ``to_json`` gives, sent as JSON."""
        known = {name: found[name] for name in cls.__dataclass_fields__}
        known["questions"] = {name: Question(**q) for name, q in found["questions"].items()}
        known["outputs"] = {int(place): outputs for place, outputs in found["outputs"].items()}
        return cls(**known)


@dataclass
class Tries:
    """What earlier tries have found: how many pieces of the notebook are judged; the calls that
    ended a session, by piece, as {number of the call: [kind, text, alone]}; the seconds of the
    budget that were spent; how many sessions the system has killed.
    """

    judged: int = 0
    ends: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    spent: float = 0.0
    shot: int = 0

    def ends_in(self, piece: int) -> Callable[[int], SessionEnded | None]:
        """What a call in a piece, by its number, ends in."""
        found = {int(n): SessionEnded(*end) for n, end in self.ends.get(str(piece), {}).items()}
        if len(found) < DEATHS:
            return found.get
        return lambda call: next(iter(found.values()))  # it would be another call each time

    def cases(self, piece: int) -> list[str]:
        """How the calls in a piece ended that are not made again."""
        return [kind for n, (kind, *_) in self.ends.get(str(piece), {}).items() if int(n) > 0]

    def note(self, piece: int, call: int, end: SessionEnded | None, is_judged: bool) -> None:
        """Another one. ``is_judged``: nothing more is to come of the piece."""
        assert end is not None
        found = self.ends.setdefault(str(piece), {})
        if end.alone:
            # What ended behind it has another number from now on; it stays, to be counted.
            shifted = {str(-int(n)): found.pop(n) for n in [*found] if int(n) > call}
            found.update(shifted)
        # Many calls that are slow together, or another one each time: none is made once more. Of
        # the cases of a check it would be their order that decides what else was asked.
        if end.alone:
            again = bool(self.cases(piece))
        else:
            whole = any(int(n) > 0 and not alone for n, (_kind, _text, alone) in found.items())
            again = is_judged and (whole or end.kind == "budget")
        found["1" if again else str(call)] = [end.kind, str(end), end.alone and not again]


class Oracle:
    """Grades one submission. ``say``: told the name of each graded cell before it runs.

    ``given_up``: graded cells at which an earlier try did not come back; they get no points.
    ``session``: one to begin with, if it is still good. ``own``: cells of the student's own.
    ``seed``: what tests draw from, and may tell by what they draw; ``key``: what else is random.
    ``earlier``: the unfinished outcome of a try, and what it found.
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
        earlier: tuple[Outcome, Tries] | None = None,
    ) -> None:
        self.assignment = assignment
        self.sandbox = sandbox
        self.answers = answers
        self.own = own
        self.seed = seed
        self.key = seed if key is None else key
        self.say = say
        self.given_up = given_up or {}
        self.outcome, self.tries = earlier or (Outcome(), Tries())
        most = sandbox.limits.submission_seconds
        # All tries but the first have the time of one.
        self.budget = Budget(max(0.0, min(most, 2 * most - self.tries.spent)))
        self.found = self.outcome  # where what comes now goes
        self.session: Session
        self.main = types.ModuleType("__main__")
        self.space = vars(self.main)
        self.spare = session
        self.count = 0
        self.past = Past()
        self.verdicts: list[Verdict] = []  # on what has run
        self.again: list[Outcome] = []  # of what an earlier try has judged
        self.steps = Steps(self.space, self._bind, assignment.plan.modules, self.past)

    def grade(self) -> bool:
        """Run everything, in the order of the notebook; False if a session was ended on the way,
        and another try is needed.
        """
        start = time.monotonic()
        for file in [file for file in linecache.cache if CELL.fullmatch(file)]:
            del linecache.cache[file]  # of another student's
        os.environ[VARIABLE] = str(self.seed)
        call.CROWDING = crowding
        ready_made.HERE = lambda answer: not isinstance(answer, Proxy)
        sys.modules["__main__"] = self.main  # where unittest.main() looks for tests
        chance.follow(self.key)
        plan = self.assignment.plan
        own, late = plan.sandboxed.needed_of(self.own, self.answers) if self.own else ([], [])
        sandboxed = plan.sandboxed.cells(self.answers, own)
        lent = self._begin()
        try:
            finished = self._run(list(self._pieces(sandboxed)))
        finally:
            # The first one's end is waited for by the process that has made it. Without namespaces
            # nothing else would end what it has left.
            self.session.close(wait=not lent or self.sandbox.unsafe)
        for verdict in self.verdicts:
            verdict.reach()
            if finished:  # else the next session would know by the time what there is to say
                verdict.say()
        for again in self.again:
            self._lower(again)
        if finished and self.own:
            self._say_own(own, late)
        self.tries.spent += self.budget.spent
        self.outcome.seconds += time.monotonic() - start
        return finished

    def _pieces(self, sandboxed: Sequence[Cell]) -> Iterator[Callable[[], bool]]:
        """What is run in turn; each says whether it is judged even if it ends the session."""
        for cell in self.assignment.cells:
            for part in (part for part in sandboxed if part.index == cell.index):
                yield partial(self._run_answer, part)
            if cell.index in self.assignment.plan.steps:
                yield partial(self._run_steps, cell)
            if cell.kind == "tests":
                yield partial(self._run_tests, cell)

    def _run(self, pieces: Sequence[Callable[[], bool]]) -> bool:
        judged = self.tries.judged
        for place, piece in enumerate(pieces):
            before = self.outcome.copy()
            self.found = self.outcome if place >= judged else Outcome()
            self.session.expect(self.tries.ends_in(place))
            is_judged = piece()
            if self._was_shot():
                self.outcome = before  # but for what was judged, which must not be drawn again
                self.tries.judged = max(judged, place)
                return False
            self.session.abandon()
            unfinished = self._is_over() and self._has_more(place)
            is_judged = is_judged and not unfinished
            if place < judged and not unfinished and self.budget.left > 0:
                self.again.append(self.found)
            if unfinished or (self._is_over() and place + 1 < len(pieces)):
                self.tries.note(place, self.session.calls, self.session.ended, is_judged)
                self.tries.judged = max(judged, place + is_judged)
                return False
        return True

    def _was_shot(self) -> bool:
        """Whether the system has killed the session, maybe for want of memory which others had
        taken, and another try may be made."""
        shot = self.session.guard.shot and self.tries.shot < RETRIES and self.budget.left > 0
        self.tries.shot += shot
        return shot

    def _is_over(self) -> bool:
        """Whether the session has ended, and another try has time for the rest."""
        return self.session.ended is not None and self.budget.left > 0

    def _has_more(self, piece: int) -> bool:
        """Whether a check went on with what it can ask only in another try, or has met a second
        case that ends the session and does not know it: it counts late ones itself.
        """
        ended = self.session.ended
        if ended is None or not ended.alone:
            return False
        before = self.tries.cases(piece)
        return self.session.missed or (bool(before) and {ended.kind, *before} != {"late"})

    def _lower(self, again: Outcome) -> None:
        """Take over what is worse in this try. Else one could be right until that is judged, end
        the session, and then leave what suits later questions. What is the same is taken over as
        well, since it will be put into words.
        """
        for name, question in again.questions.items():
            if question.points <= self.outcome.questions[name].points:
                self.outcome.questions[name] = question
                self.outcome.outputs |= again.outputs

    # The student's side.

    def _begin(self) -> bool:
        """Begin the session; whether it was there before."""
        lent = self.spare is not None and self.spare.idle
        if self.spare is not None and lent:
            self.session = self.spare
            self.session.begin(self.budget)
        else:
            self.session = self.sandbox.session(self.budget)
        self.session.numbers = self.assignment.spoken
        self.session.references.past = self.past
        self.session.references.leaps = random.Random(f"leaps of {self.key}")
        rules = self.assignment.rules
        self.proxies = Proxies(
            self.session, rules["operators"], rules["objects"], rules["in_place"]
        )
        return lent

    def _in_place(self) -> contextlib.AbstractContextManager[None]:
        return self.proxies.all_in_place()

    def _run_answer(self, cell: Cell) -> bool:
        session = self.session
        if session.ended is not None:
            self._remark(cell, str(session.ended))
            return True
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
            self.found.own.append(own)
        else:
            self.found.outputs[cell.index] = outputs
        return True

    def _say_own(self, needed: Sequence[Cell], late: Sequence[str]) -> None:
        """Which of the student's own cells were needed, by what they are for; and what stands below
        all graded cells. What was written for a task is read by the lecturer, and counts if it ran.
        """
        raw = self.assignment.notebook["cells"]
        tasks = {at + 1 for at, cell in enumerate(raw) if role_of(cell).get("task")}
        places = [place for place, *_ in self.own if place not in tasks]
        count = len(places) + sum(cell.index not in places for cell in needed)
        if late:
            note = _(
                "{names}: defined below the last graded cell, too late for the answers that use it",
                names=label(late),
            )
            self.outcome.notes.insert(0, note)
        if passed := self.assignment.plan.sandboxed.passed_over(self.own, needed, self.answers):
            note = _(
                "{names}: changed in cells of their own, but answers were given what the lecturer "
                "has made",
                names=label(passed),
            )
            self.outcome.notes.insert(0, note)
        if needed:
            note = _(
                "{run} of {count} cells of their own were run, since answers use them: {names}",
                run=len(needed),
                count=count,
                names=label([cell.name for cell in needed]),
            )
        elif count and not late:
            note = _("{count} cells of their own were not run: no answer uses them", count=count)
        else:
            return
        self.outcome.notes.insert(0, note)

    def _remark(self, cell: Cell, text: str) -> None:
        line = text.strip().partition("\n")[0][:240]
        self.found.notes.append(_("{name}: {error}", name=cell.label, error=line))

    # The trusted side.

    def _run_steps(self, cell: Cell) -> bool:
        """What graded cells need of a cell that is not graded itself."""
        steps = self.assignment.plan.steps[cell.index]
        if any(step.theirs for step in steps):
            self.say(cell.label)
        why = self.given_up.get(cell.label)
        with _captured(), noted([], self._in_place):
            error = self.steps.run(steps, None if why is None else Given(why))
        self.session.end_cell()
        if error is not None and not self._is_over():
            name = name_of(error)
            kind, _colon, text = name.partition(": ")
            outputs = self.found.outputs.setdefault(cell.index, [])
            outputs.append(error_output(kind, text, lines_of(error)))
        return False  # later statements of it need a session

    def _run_tests(self, cell: Cell) -> bool:
        self.say(cell.name)
        printed = Silent()
        value: Any = None
        problem: BaseException | None = None
        reports: list[Pending] = []
        if cell.name in self.given_up:
            problem = Given(self.given_up[cell.name])
        else:
            refusals.clear()
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
        question = self.found.questions[cell.name] = Question(0.0, cell.points)
        outputs = self.found.outputs[cell.index] = []
        caught = self.session.over or next(iter(refusals), None)
        verdict = Verdict(question, outputs, value, problem, caught, reports, printed)
        self.verdicts.append(verdict)
        self.session.end_cell()
        return True

    def _bind(self, foreign: frozenset[str]) -> None:
        """Let the student's names stand for proxies, and their data for itself."""
        for name in foreign:
            self.space.pop(name, None)
        self.session.go_on()
        self.session.references.next_cell(foreign)
        self.proxies.errors = {
            name: kind
            for name in self.assignment.plan.given_classes
            if isinstance(kind := self.space.get(name), type)
            and issubclass(kind, Exception)
            and not issubclass(kind, (StopIteration, StopAsyncIteration))
        }
        for name in sorted(foreign & self.assignment.plan.trusted_reads):
            if name in self.assignment.functions:
                self.space[name] = self.proxies.name(name)
            else:
                with contextlib.suppress(NameError):
                    self.space[name] = self.proxies.value(name)

    def _execute(self, cell: Cell) -> Any:
        file = FILE.format(cell.name)
        linecache.cache[file] = (len(cell.source), None, cell.source.splitlines(True), file)
        code, last, most = compiled(cell.source, file)
        exec(code, self.space)
        value: Any = None if last is None else eval(last, self.space)
        if most is None:
            return value
        return Points(value, most) if isinstance(value, Pending) else value.points(most)


@lru_cache(512)
def compiled(source: str, file: str) -> tuple[types.CodeType, types.CodeType | None, float | None]:
    """The statements of a cell, and the expression at its end; where that is ``report.points(20)``,
    the report, and the number. SyntaxError.

    Not optimised, whatever PYTHONOPTIMIZE says: no assertion would be left.
    """
    tree = parse(source, file)
    last: types.CodeType | None = None
    most: float | None = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        value = tree.body.pop().value  # type: ignore[attr-defined]
        match value:
            case ast.Call(ast.Attribute(of, "points"), [ast.Constant(int() | float() as n)], []):
                value, most = of, n
        last = compile(ast.Expression(value), file, "eval", dont_inherit=True, optimize=0)
    return compile(tree, file, "exec", dont_inherit=True, optimize=0), last, most


@contextlib.contextmanager
def _captured(sink: Silent | None = None) -> Any:
    sink = Silent() if sink is None else sink
    with contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
        yield
