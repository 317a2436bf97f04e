"""How far a run of the grader is, in the terminal."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from nncourse.grading.results import Result
from nncourse.language import catalogue

_ = catalogue("course")


class Progress:
    """A bar on stderr, gone when the run is over; to be used in a ``with`` block."""

    def __init__(self, total: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        console = Console(stderr=True)
        self.bar = Bar(*columns, TimeRemainingColumn(), console=console, transient=True)
        self.task = self.bar.add_task(_("grading"), total=total)
        self.graded = self.skipped = self.failed = 0
        self.start = time.monotonic()

    def advance(self, result: Result) -> None:
        """One submission is done."""
        self.graded += not result.skipped
        self.skipped += result.skipped
        self.failed += bool(result.problem)
        self.bar.advance(self.task)

    def summary(self) -> str:
        """What was done, in one line."""
        return _(
            "graded: {graded}, unchanged: {skipped}, could not be graded: {failed}, "
            "{seconds:.1f} s",
            graded=self.graded - self.failed,
            skipped=self.skipped,
            failed=self.failed,
            seconds=time.monotonic() - self.start,
        )

    def __enter__(self) -> Progress:
        self.bar.start()
        return self

    def __exit__(self, *_error: Any) -> None:
        self.bar.stop()
