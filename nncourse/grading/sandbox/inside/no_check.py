"""nncourse.check in a graded session: it says nothing, since the verdict is computed elsewhere."""

from __future__ import annotations

from typing import Any


class Report:
    """What ``check`` returns here: no points, no reasons."""

    score = 0.0
    passed = False

    def points(self, most: float) -> float:
        """No points: they are given elsewhere."""
        return 0.0

    def __repr__(self) -> str:
        return "(checked when graded)"


def check(name: str, *answers: Any, **options: Any) -> Report:
    """Nothing is checked here."""
    return Report()


def explain_gradient(*arrays: Any, **options: Any) -> Report:
    """Nothing is explained here."""
    return Report()
