"""The reading of submissions, in a process that is ended when one of them takes too long.

A file may be made to keep its reader busy for hours, also where Python can't be interrupted. So it
costs its own grade and some seconds, and no class waits for it.
"""

from __future__ import annotations

import json
import select
import sys
from collections.abc import Iterable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from nncourse import language
from nncourse.course.folder import CourseFolderError
from nncourse.grading.answers import Intake
from nncourse.grading.child import Child, attend, other_version
from nncourse.grading.forked import bound_memory
from nncourse.grading.intake import take_in
from nncourse.grading.notebook_file import IntakeError, Unread
from nncourse.grading.own import OwnCell
from nncourse.grading.sandbox import clock
from nncourse.grading.sandbox.inside import kernel
from nncourse.grading.submissions import Submission
from nncourse.language import catalogue

_ = catalogue("course")

SECONDS = 30.0  # a notebook of an exercise takes some hundredths of one
MEMORY = 2 << 30  # bytes; the largest file, full of empty lists, takes a quarter of it
TRIES = 2  # where its process ends: maybe for want of memory, which others had taken


def make_release(notebook: Mapping[str, Any], earlier: Iterable[str] = ()) -> bytes:
    """For the way to a reader: a notebook as students got it, and what is known of earlier ones."""
    known = {"notebook": notebook, "earlier": sorted(earlier), "language": language.current()}
    return json.dumps(known).encode()


class Reader:
    """Reads one submission after the other. Its process starts with the first."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._sent = b""

    def take_in(self, submission: Submission, release: bytes) -> Intake:
        """What counts of a submission. Raises IntakeError; CourseFolderError where nothing can be
        read.
        """
        for _try in range(TRIES):
            child = self._child = self._child or self._begun()
            try:
                answer = self._ask(child.connection, submission, release)
                break
            except BaseException as error:
                child.kill()
                self.close()
                if not isinstance(error, (OSError, EOFError)):
                    raise
        else:
            raise Unread(_("the process that read the file has ended, {count} times", count=TRIES))
        if "refused" in answer:
            raise (Unread if answer["anew"] else IntakeError)(answer["refused"])
        own = [OwnCell(*cell) for cell in answer.pop("own")]
        return Intake(own=own, **answer)

    def _begun(self) -> Child:
        """A process that says it is ready. Else no submission is to blame."""
        child = Child(_serve, __name__)
        self._sent = b""
        try:
            trouble = child.connection.recv_bytes().decode()
        except (OSError, EOFError) as error:
            trouble = str(error) or "its process ends at once"
        if trouble:
            child.close()
            raise CourseFolderError(_("submissions can't be read: {why}", why=trouble))
        return child

    def _ask(
        self, connection: Connection, submission: Submission, release: bytes
    ) -> dict[str, Any]:
        if release is not self._sent and release != self._sent:
            connection.send_bytes(b"r" + release)
            self._sent = release
        student, *paths = submission.student, submission.path, submission.rival, submission.folder
        asked = [student, *(None if path is None else str(path) for path in paths)]
        connection.send_bytes(b"s" + json.dumps(asked).encode())
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        if not clock.wait(poll, clock.now() + SECONDS):
            raise Unread(_("to read the file took more than {seconds:g} s", seconds=SECONDS))
        answer: dict[str, Any] = json.loads(connection.recv_bytes())
        return answer

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def main() -> None:
    """Serve a process that has started this one anew."""
    attend()
    _serve(int(sys.argv[1]), other_version(sys.argv[2]))


def _serve(file: int, trouble: str = "") -> None:
    """Serve until the other end closes. ``trouble``: why nothing can be read."""
    kernel.close_all_but({file})  # the gradebook's, the workers'
    bound_memory(MEMORY)
    connection = Connection(file)
    release: dict[str, Any] = {}
    try:
        connection.send_bytes(trouble.encode())
        while True:
            message = connection.recv_bytes()
            if message[:1] == b"r":
                release = json.loads(message[1:])
                release["earlier"] = frozenset(release["earlier"])
                language.use(release["language"])
                continue
            student, *paths = json.loads(message[1:])
            submission = Submission(student, *(path and Path(path) for path in paths))
            try:
                answer = vars(take_in(submission, release["notebook"], release["earlier"]))
            except IntakeError as error:
                answer = {"refused": str(error), "anew": isinstance(error, Unread)}
            except MemoryError:
                why = _("to read the file takes more than {size} MB of memory", size=MEMORY >> 20)
                answer = {"refused": why, "anew": False}
            connection.send_bytes(json.dumps(answer).encode())
    except (EOFError, OSError):
        return


if __name__ == "__main__":
    main()
