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

SHOW_SECONDS = 0.1  # between two pictures of the bar


class Progress:
    """A bar on stderr, gone when the run is over; to be used in a ``with`` block."""

    def __init__(self, total: int) -> None:
        # With markup it would load thousands of emoji.
        what = TextColumn("{task.description}", markup=False)
        columns = (what, BarColumn(), MofNCompleteColumn())
        console = Console(stderr=True)
        # Without a thread of its own, as long as workers are to be forks.
        options: dict[str, Any] = {"console": console, "transient": True, "auto_refresh": False}
        self.bar = Bar(*columns, TimeRemainingColumn(), **options)
        self.task = self.bar.add_task(_("grading"), total=total)
        self.graded = self.skipped = self.failed = 0
        self.start = self.shown = time.monotonic()

    def advance(self, result: Result) -> None:
        """One submission is done."""
        self.graded += not result.skipped
        self.skipped += result.skipped
        self.failed += bool(result.problem)
        self.bar.advance(self.task)
        if time.monotonic() - self.shown > SHOW_SECONDS:
            self.bar.refresh()
            self.shown = time.monotonic()

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
