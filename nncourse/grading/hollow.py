"""Tests that hollow answers pass: the lecturer's own, with what they return replaced by NaN, by
nothing, by zeros and the like.

The boundary refuses most such values, unless the lecturer's code speaks of them
(``nncourse.grading.spoken``); whether the tests themselves notice is seen by grading the answers
once for each kind. As in mutation testing, what stays undetected names the weak test. Behind each
graded cell a probe asks how many results have been replaced so far, since a cell that got none of
them says nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nncourse.grading.assignment import Assignment
from nncourse.grading.names import names
from nncourse.grading.sandbox.inside import hollow
from nncourse.language import catalogue

_ = catalogue("course")

MANY = 1e9  # more than results are replaced
PROBE = "nncourse_changes"


def probed(assignment: Assignment, seconds: float) -> Assignment:
    """The same assignment with a probe behind each graded cell. seconds: for all answers."""
    cells = []
    for raw, cell in zip(assignment.notebook["cells"], assignment.cells, strict=True):
        cells.append(raw)
        if cell.kind == "tests":
            role = {"grade_id": _probe_of(cell.name), "grade": True, "solution": False}
            metadata = {"nbgrader": {**role, "locked": True, "points": MANY}}
            probe = {"source": f"{PROBE}()", "metadata": metadata, "outputs": []}
            cells.append({"cell_type": "code", "execution_count": None, **probe})
    rules = dict(assignment.rules)
    # A test that waits for a value to fall below a limit would wait for ever.
    rules["limits"] = {**rules["limits"], "submission_seconds": seconds}
    rules["packages"] = sorted({*rules["packages"], "numpy"})
    first = next(iter(assignment.defines), "")
    return replace(
        assignment,
        notebook={**assignment.notebook, "cells": cells},
        rules=rules,
        defines={
            name: [*bound, PROBE] if name == first else bound
            for name, bound in assignment.defines.items()
        },
        functions=[*assignment.functions, PROBE],
    )


def kinds(assignment: Assignment) -> list[str]:
    """The ways to replace results that may get past the boundary, the most telling ones first."""
    if not assignment.functions:
        return []
    in_place = bool(assignment.rules["in_place"])
    only = {"cleared": in_place, "idle": in_place, "wraps": "integer" in assignment.spoken}
    return [kind for kind in hollow.VALUES if only.get(kind, True)]


def hollowed(assignment: Assignment, answers: Mapping[str, str], kind: str) -> dict[str, str]:
    """The answers, with what they return replaced in this way."""
    found = dict(answers)
    for place, (cell, bound) in enumerate(assignment.defines.items()):
        lines = []
        if place == 0:
            lines.append("nncourse_hollow = {'__name__': 'hollow'}")
            lines.append(f"exec({inspect.getsource(hollow)!r}, nncourse_hollow)")
            listed = list(assignment.rules["in_place"])
            lines.append(f"nncourse_hollow = nncourse_hollow['Hollow']({kind!r}, {listed!r})")
            lines.append(f"{PROBE} = lambda: nncourse_hollow.changes")
        taken = [name for name in bound if name in assignment.functions]
        lines.append(f"nncourse_hollow.take(globals(), {taken!r})")
        found[cell] = "\n".join([found.get(cell, ""), *lines])
    return found


def passed(assignment: Assignment, verdict: Mapping[str, Any]) -> Iterator[str]:
    """The graded cells that give all points though results that they use were replaced.

    Some points tell nothing: they may be for what was left as it was.
    """
    questions = verdict.get("questions", {})
    before = 0.0
    for cell in assignment.tests:
        probe = questions.get(_probe_of(cell.name), {}).get("points", 0.0)
        # After a session that has ended, counting begins anew.
        used = probe > 0 if probe < before else probe > before
        if names(cell.source).reads & assignment.plan.derived[cell.index]:
            used = probe > 0  # they were replaced in an earlier cell
        before = probe
        points = questions.get(cell.name, {}).get("points", 0.0)
        if used and 0 < points == cell.points:
            yield cell.name


def described(kind: str) -> tuple[str, str]:
    """Such answers, and the likely mend, in the current language."""
    close = _("Compare with np.allclose(got, want), or set a bound on either side")
    shape = _("Assert the shape, or the length, first")
    before = _("Compute what is right before the call, or from a copy made before it")
    return {
        "nan": (_("answers of nothing but NaN"), close),
        "inf": (_("answers of nothing but infinite numbers"), close),
        "complex": (_("answers of nothing but imaginary numbers"), close),
        "wraps": (_("answers of huge whole numbers, whose squares wrap,"), close),
        "whole": (_("answers of huge whole numbers, whose squares wrap,"), close),
        "empty": (_("answers of empty arrays, lists and texts"), shape),
        "parts": (_("answers of lists of empty arrays and texts"), shape),
        "many": (_("answers of right and wrong values at once"), shape),
        "short": (_("answers that end behind their first element"), shape),
        "none": (_("answers of nothing but None"), close),
        "zeros": (_("answers of nothing but zeros"), _("Ask for values that are not zero")),
        "false": (
            _("answers of nothing but False"),
            _("Ask which elements an index holds: sorted(order) == list(range(n))"),
        ),
        "cleared": (_("answers that set all arguments to zero"), before),
        "idle": (_("answers that set to zero what they should only read"), before),
    }[kind]


def _probe_of(name: str) -> str:
    return f"nncourse-hollow-{name}"
