"""A release is made beside the one before, and takes its place when it is whole.

By itself nbgrader removes first what students have, and what is graded needs; and a command that is
stopped, or killed, would leave nothing of it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from nbgrader.converters import GenerateAssignment

from nncourse.grading.whole import remove


class ReleaseAside(GenerateAssignment):
    """nbgrader's step for one assignment; ``release/ps05`` is there all the time."""

    def start(self) -> None:
        """Make the release, in ``release/.ps05-new``."""
        self._tidy()
        try:
            super().start()
        finally:
            self._tidy()

    def run_post_convert_hook(self) -> None:
        """Put it in its place; a hook of the lecturer's finds it there."""
        place = self._place
        if place.exists():
            place.rename(self._before)
        self._new.rename(place)
        super().run_post_convert_hook()

    def _tidy(self) -> None:
        """Also after a command that was killed, which may have been between the two renames."""
        if self._before.exists() and not self._place.exists():
            self._before.rename(self._place)
        for folder in (self._before, self._new):
            with contextlib.suppress(OSError):  # it can't be removed, but is in nobody's way
                remove(folder)

    def _format_dest(self, assignment_id: str, student_id: str, escape: bool = False) -> str:
        path: str = super()._format_dest(f".{assignment_id}-new", student_id, escape)
        return path

    @property
    def _new(self) -> Path:
        return Path(self._format_dest(self.coursedir.assignment_id, "."))

    @property
    def _place(self) -> Path:
        return Path(super()._format_dest(self.coursedir.assignment_id, "."))

    @property
    def _before(self) -> Path:
        return self._place.with_name(f".{self._place.name}-before")
