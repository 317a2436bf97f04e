"""The corpus: hostile submissions, one small entry each, and what must not come of them.

An entry changes the answers of a submission, its cells, or its bytes. What must not happen is the
same for all: points that are not due, harm to other submissions, the gradebook or files, a process
that stays, a packet that leaves. ``due`` names the points that are earned honestly, where there are
any; ``remark`` is a text that the lecturer must be told.

In code, PORT stands for a port at which the test listens, COURSE and CLASS for the course folder
and the folder of submissions, GRADER for the grader's process id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Cells = list[dict[str, Any]]


@dataclass(frozen=True)
class Attack:
    """One entry. ``code`` is the answer to the first question; ``answers`` replaces any of them."""

    name: str
    code: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    change: Callable[[Cells], Cells] | None = None
    raw: Callable[[str], bytes] | None = None
    due: dict[str, float] = field(default_factory=dict)
    remark: str = ""
