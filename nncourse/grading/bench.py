"""The grading of items for an assignment that was made ready.

The oracle of an item works in a fork, which is ended when it takes too long or too much memory;
then the item is graded once more, without the question at which that happened. Where the graded
cells are nothing but checks, one fork takes several items in turn, as long as all goes well.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from nncourse import language
from nncourse.grading.assignment import Assignment
from nncourse.grading.forked import Told, Turns, folder_of_its_own, in_fork
from nncourse.grading.sandbox import Limits, Sandbox, SandboxUnavailable, Session, clock
from nncourse.grading.sandbox.guard import GRACE, read_lines
from nncourse.grading.sandbox.library import WithheldError
from nncourse.grading.shut_in import shut_in

OWN_SECONDS = 60.0  # for the graded cells themselves, beyond what the student's code may take
RETRIES = 2  # with a new warm process
PAYS_AFTER = 8  # items for each step of the rehearsal: it takes longer than it saves in one


class Bench:
    """An assignment made ready to grade items, and its sandbox.

    Forks of the process that made it ready have everything that it has; ``take_over`` is for them.
    """

    def __init__(self, unsafe: bool = False) -> None:
        self.unsafe = unsafe
        self.mark = "nncourse"  # how the folders begin that it makes for tests
        self.assignment: Assignment | None = None
        self.sandbox: Sandbox | None = None
        self._rules: Any = None
        self._pieces: list[Any] = []
        self._rehearsal: Iterator[None] = iter(())
        self._spare: Session | None = None
        self._last: Session | None = None  # that an oracle was given
        self._turns: Turns | None = None
        self._folder: contextlib.ExitStack  # that of ``_turns``
        self._farewell: socket.socket | None = None  # of the last session there
        self._digest = b""
        self._ready = False
        self._graded = 0

    def begin(self, data: bytes) -> None:
        """Let the sandbox start for an assignment; it stays if its rules are the same.

        Raises SandboxUnavailable.
        """
        digest = hashlib.sha256(data).digest()
        if digest == self._digest:
            return
        self._digest, self._ready = b"", False
        self._end_turns()
        self.assignment = Assignment.from_bytes(data)
        if self.sandbox is None or self._rules != self.assignment.rules:
            self.close()
            self._rules = self.assignment.rules
            try:
                self.sandbox = make_sandbox(self._rules, self.unsafe, self._draws)
            except (OSError, WithheldError) as error:
                raise SandboxUnavailable(f"the sandbox can't be made: {error}") from error
        self.sandbox.begin()
        self._digest = digest

    def _draws(self) -> bool:
        """Whether most submissions will use matplotlib."""
        assert self.assignment is not None
        return self.assignment.draws

    def prepare(self, data: bytes) -> None:
        """Make ready for an assignment. Raises SandboxUnavailable."""
        self.begin(data)
        if self._ready:
            return
        from nncourse.grading.rehearsal import load, rehearse

        # The sandbox loads what it needs while this process does.
        assert self.assignment is not None
        self._pieces = load(self.assignment)
        self._rehearsal = rehearse(self._pieces)
        for _right_answer in self._pieces:
            self._rehearse()
        self._wait()
        self._ready = True

    def _wait(self) -> None:
        """Until the sandbox is there; rehearse meanwhile."""
        assert self.sandbox is not None
        while not self.sandbox.loaded and self._rehearse():
            pass
        self.sandbox.start()
        gc.freeze()  # so that forks copy fewer pages

    def _rehearse(self) -> bool:
        """One step; False after the last."""
        assert self.assignment is not None
        with language.using(self.assignment.language):
            return next(self._rehearsal, self) is None

    def take_over(self) -> None:
        """Be the bench of a fork, apart from that of its parent."""
        assert self.sandbox is not None
        self.sandbox = self.sandbox.twin()
        self._spare = self._last = self._turns = None

    @property
    def files(self) -> list[int]:
        """The open files that it needs."""
        return [] if self.sandbox is None else self.sandbox.files

    def grade(self, item: bytes) -> bytes:
        """The verdict on an item, as JSON. Raises SandboxUnavailable."""
        assert self.assignment is not None
        assert self.sandbox is not None
        work = json.loads(item)
        given_up: dict[str, str] = {}
        earlier: dict[str, Any] | None = None
        seconds = self.sandbox.limits.submission_seconds + OWN_SECONDS
        start = clock.now()
        lost = 0
        killed = False
        in_turn = self._ready and self.assignment.only_checks  # the first try alone
        while True:
            self._wait()
            began = clock.now()
            left = min(seconds, start + 2 * seconds - began)
            if in_turn:
                answer, at, why = self._in_turn(item, left)
            else:
                answer, at, why = self._alone(work, given_up, earlier, left)
            in_turn = False
            if answer is not None and "unavailable" in answer and lost < RETRIES:
                lost += 1  # the warm process has died; the next start makes another
                self._end_spare()
                self._end_turns()
                self.sandbox.close()
                continue
            if answer is not None and "tries" in answer:
                earlier = answer
                continue
            if answer is not None:
                break
            if not killed and clock.now() - began < left:
                killed = True  # maybe for want of memory, which others had taken
                continue
            # Questions that each take their time must not hold up the class.
            if not at or at in given_up or left < seconds:
                answer = self._as_far_as_it_came(earlier, why)
                answer = answer or {"student": work["student"], "failed": why}
                break
            given_up[at] = why
        if "unavailable" in answer:
            # Maybe the machine's trouble and not its own: the next run tries it again.
            self._try_without(answer["unavailable"])
            answer = {"student": work["student"], "lost": answer["unavailable"]}
        answer["seconds"] = clock.now() - start
        return json.dumps(answer, ensure_ascii=True).encode()

    def _as_far_as_it_came(self, earlier: dict[str, Any] | None, why: str) -> dict[str, Any] | None:
        """What earlier tries have judged, if there were any."""
        if earlier is None:
            return None
        assert self.assignment is not None
        nothing = {"points": 0.0, "why": why, "report": []}
        rest = {c.name: {**nothing, "max_points": c.points} for c in self.assignment.tests}
        del earlier["tries"]
        return {**earlier, "questions": rest | earlier["questions"]}

    def _try_without(self, why: str) -> None:
        """Whether it is this submission for which there is no session, or all of them.

        Raises SandboxUnavailable if it is all.
        """
        assert self.sandbox is not None
        self._end_spare()
        self._end_turns()
        self.sandbox.close()
        with self.sandbox.session() as session:
            if session.run_cell("").error is not None:
                raise SandboxUnavailable(why)

    def _alone(
        self,
        work: dict[str, Any],
        given_up: dict[str, str],
        earlier: dict[str, Any] | None,
        seconds: float,
    ) -> Told:
        """A try in a fork of its own."""
        self._draw(work["seed"])  # what is known here need not be made by forks
        self._end_last()
        with folder_of_its_own(self.mark) as folder:
            kept = [*self.files, *([] if self._spare is None else self._spare.files)]
            return in_fork(
                lambda say: self._oracle(work, given_up, earlier, say),
                seconds,
                self._make_ready,
                lambda writing: shut_in(folder, [*kept, writing]),
            )

    def _in_turn(self, item: bytes, seconds: float) -> Told:
        """A try in the fork that has worked for others before."""
        self._end_spare()
        if self._turns is None:
            self._end_last()
            self._folder = contextlib.ExitStack()
            folder = self._folder.enter_context(folder_of_its_own(self.mark))
            self._turns = Turns(
                self._take_turn,
                self._end_turn,
                lambda file: shut_in(folder, [*self.files, file]),
            )
        told = self._turns.ask(item, seconds)
        if self._turns.over:
            self._end_turns()
        return told

    def _take_turn(self, item: bytes, say: Callable[[str], None]) -> tuple[dict[str, Any], bool]:
        """In that fork: the answer, and whether all went so well that another may follow."""
        assert self.sandbox is not None
        work = json.loads(item)
        self._draw(work["seed"])
        spare = self._spare = self._spare or self.sandbox.spare()
        self._farewell = None if spare is None else spare.farewell()
        answer = self._oracle(work, {}, None, say)
        unusual = {"tries", "unavailable"}.intersection(answer)
        return answer, spare is not None and spare.was_closed and not unusual

    def _end_turn(self, more: bool) -> None:
        """In that fork: no session begins before the last one is gone, since both have the same
        bounds.
        """
        assert self.sandbox is not None
        if self._farewell is not None:
            read_lines(self._farewell, clock.now() + GRACE)
            self._farewell.close()
        self._spare = self.sandbox.spare() if more else None

    def _draw(self, seed: int) -> None:
        for piece in self._pieces:
            with contextlib.suppress(Exception):  # then the check itself draws
                piece.task(seed, quick=True)

    def _make_ready(self) -> None:
        """For the next item, while an oracle has the session that was at hand."""
        assert self.sandbox is not None
        if self._spare is not None:
            self._spare.hand_over()
        self._last, self._spare = self._spare, self.sandbox.spare()
        self._graded += 1
        if self._graded % PAYS_AFTER == 0 and self._rehearse():
            gc.freeze()

    def _oracle(
        self,
        work: dict[str, Any],
        given_up: dict[str, str],
        earlier: dict[str, Any] | None,
        say: Callable[[str], None],
    ) -> dict[str, Any]:
        """One try; with "tries" in its answer it is not finished."""
        from nncourse.grading.oracle import Oracle, Outcome, Tries

        assert self.assignment is not None
        assert self.sandbox is not None
        try:
            with language.using(self.assignment.language):
                oracle = Oracle(
                    self.assignment,
                    self.sandbox,
                    work["answers"],
                    work["seed"],
                    say,
                    given_up,
                    self._spare,
                    work["own"],
                    work["key"],
                    (Outcome.from_json(earlier), Tries(**earlier["tries"])) if earlier else None,
                )
                more = {} if oracle.grade() else {"tries": vars(oracle.tries)}
        except SandboxUnavailable as error:
            return {"unavailable": str(error)}
        outcome = oracle.outcome.to_json()
        return {"student": work["student"], "seed": work["seed"], **outcome, **more}

    def close(self) -> None:
        """End the sandbox."""
        self._end_turns()
        self._end_spare()
        self._end_last()
        if self.sandbox is not None:
            self.sandbox.close()
            self.sandbox = None
        self._digest = b""

    def _end_spare(self) -> None:
        if self._spare is not None:
            self._spare.close(wait=False)
            self._spare = None

    def _end_turns(self) -> None:
        if self._turns is not None:
            self._turns.end()
            self._turns = None
            self._folder.close()

    def _end_last(self) -> None:
        """What it still holds would be missing to the next, whose bounds are the same."""
        if self._last is not None:
            self._last.close()
            self._last = None

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def make_sandbox(
    rules: Mapping[str, Any], unsafe: bool = False, draws: Callable[[], bool] = lambda: True
) -> Sandbox:
    """The sandbox that the rules of an assignment ask for, not yet started.

    ``draws``: asked, while it starts, whether most submissions will use matplotlib.
    """
    known = {field.name for field in fields(Limits)}
    given = {name: value for name, value in rules["limits"].items() if name in known}
    packages = list(rules["packages"])
    pyplot = ["matplotlib", "matplotlib.pyplot"] if "matplotlib" in packages else []
    preload = ["numpy"] if "numpy" in packages else []
    withheld = list(rules["withheld"])
    library = withheld != ["nncourse"]
    preload += ["nncourse", "nncourse.data.digits:_split", "nncourse.check"] if library else []
    plots = ["nncourse.plots"] if library and pyplot else []
    return Sandbox(
        replace(Limits(), **given),
        withheld=withheld,
        packages=packages,
        preload=preload,
        then=lambda: (pyplot + plots, []) if draws() else (plots, pyplot),
        unsafe=unsafe,
    )
