"""Every small change of the lecturer's answers costs points, unless it is right as well.

``right-as-well.txt`` lists the others under the reason why they are right. What is found and not
listed stands in the message of the failed test, as it would stand in the list.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.piece import find, sets
from nncourse.grading.names import names, needed
from tests.exercises.changes import changes

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).with_name("right-as-well.txt")
SEEDS = (1, 2, 3)
CHECK = re.compile(r'check\("(ps\d+\.\w+)", (\w+)\)')
# What these learn is judged, whatever the number of steps.
FREE = {"ps02.training", "ps04.training", "ps05.training"}


def cells(exercise: str) -> Iterator[tuple[str, str]]:
    """The code cells of the solution that answers need, and all others that belong to them."""
    (path,) = (ROOT / "solutions" / "en" / exercise).glob("*.ipynb")
    for cell in nbformat.read(path, as_version=4).cells:
        role = cell.metadata.get("nbgrader", {})
        if cell.cell_type == "code":
            answer = role.get("solution")
            yield "answer" if answer else "tests" if role.get("grade") else "other", cell.source


@cache
def answers(exercise: str) -> tuple[list[str], dict[str, tuple[str, str]]]:
    """The cells to run, and for each checked piece its answer's cell and the answer's name."""
    found = list(cells(exercise))
    kept = needed([(names(source), kind != "other") for kind, source in found])
    run = [source for (kind, source), keep in zip(found, kept) if keep and kind != "tests"]
    checked = [
        match for kind, source in found if kind == "tests" for match in CHECK.findall(source)
    ]
    return run, {
        piece: (source, name)
        for piece, name in checked
        for kind, source in found
        if kind == "answer" and name in names(source).binds
    }


@cache
def space(exercise: str) -> dict[str, Any]:
    """The names of the solved notebook."""
    made: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()):
        for source in answers(exercise)[0]:
            exec(compile(source, "<cell>", "exec"), made)
    return made


PIECES = [piece for exercise in sets() for piece in answers(exercise)[1] if piece not in FREE]


def listed() -> dict[str, set[str]]:
    """{piece: changes that are right as well}."""
    found: dict[str, set[str]] = {}
    for line in LIST.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            piece, _colon, change = line.partition(": ")
            assert change not in found.setdefault(piece, set()), line
            found[piece].add(change)
    return found


def earns_all(piece: str, source: str, name: str) -> bool:
    """Whether a changed answer gets full points with every seed."""
    made = dict(space(piece.partition(".")[0]))
    try:
        with contextlib.redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
            exec(compile(source, "<change>", "exec"), made)
            answer = [made[name]]
            return all(judge(find(piece), answer, seed=s, mutants=False).score >= 1 for s in SEEDS)
    except Exception:
        return False


def test_every_piece_that_a_notebook_checks_is_tried():
    for exercise in sets():
        source = "\n".join(source for kind, source in cells(exercise) if kind == "tests")
        assert set(answers(exercise)[1]) == {piece for piece, _name in CHECK.findall(source)}
    assert len(PIECES) > 50
    assert set(listed()) <= set(PIECES)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("piece", PIECES)
def test_a_small_change_of_a_right_answer_costs_points_or_is_right(piece, monkeypatch):
    source, name = answers(piece.partition(".")[0])[1][piece]
    assert earns_all(piece, source, name)
    found = dict(changes(source))
    known = listed().get(piece, set())
    assert len(found) > 2
    assert known <= found.keys(), "listed, but no such change is made"
    left = {label for label in known if earns_all(piece, found[label], name)}
    assert not known - left, "listed, but it costs points"
    # Many changes make a loop without end.
    monkeypatch.setattr("nncourse.check.call.TIME_LIMIT", 0.5)
    for label in found.keys() - known:
        if earns_all(piece, found[label], name):
            left.add(label)
    new = "\n".join(f"{piece}: {label}" for label in sorted(left - known))
    assert not new, f"full points for\n{new}"
