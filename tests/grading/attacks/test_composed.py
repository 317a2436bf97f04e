"""Attacks that are composed by chance: what holds for the corpus holds for them.

``NNCOURSE_ATTACKS=5000:1000`` tries a thousand other ones, those of the seeds from 5000.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.grading.attacks.attacked import LIMITS, attacked
from tests.grading.attacks.composed import ANSWERS, CARRIERS, DEEDS, VALUES, carried, composed

FIRST, COUNT = map(int, os.environ.get("NNCOURSE_ATTACKS", "0:100").split(":"))
AT_ONCE = 100  # in one class
# Short, as most of them take all that they are given.
SHORT = {**LIMITS, "cell_seconds": 0.7, "call_seconds": 0.5, "submission_seconds": 3.0}


@pytest.mark.parametrize("first", range(FIRST, FIRST + COUNT, AT_ONCE))
def test_nothing_is_gained_and_nothing_is_harmed(tmp_path, first):
    seeds = range(first, min(first + AT_ONCE, FIRST + COUNT))
    attacks = {f"seed {seed}": composed(seed) for seed in seeds}
    with attacked(tmp_path, attacks, SHORT) as run:
        gained = {
            attacks[student].name: run.points(student)
            for student in attacks
            if any(run.points(student).values())
        }
        assert gained == {}
        run.check_victims()
        run.check_surroundings()


@pytest.mark.parametrize("carrier", CARRIERS)
def test_every_carrier_does_the_deed(tmp_path, carrier):
    """An attack that never begins would show nothing."""
    code = carried("open('done', 'w').close()", carrier, "zero")
    subprocess.run(
        [sys.executable, "-c", f"{code}\n{ANSWERS['square_answer']}\nprint(square(3))"],
        cwd=tmp_path,
        timeout=30,
        capture_output=True,
    )
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("value", VALUES)
def test_every_value_is_made(tmp_path, value):
    code = carried("pass", "at once", value)
    lines = f"{code}\ntry: answer(3)\nexcept BaseException as e: raise SystemExit(type(e).__name__)"
    run = subprocess.run([sys.executable, "-c", lines], timeout=30, capture_output=True, text=True)
    assert run.stderr.strip() in ("", "AssertionError", "E")


def test_deeds_are_code_and_all_parts_are_used():
    for name, deed in DEEDS.items():
        compile(deed.replace("PORT", "1").replace("GRADER", "1"), name, "exec")
    used = Counter(
        part
        for seed in range(1000)
        for part in (*DEEDS, *CARRIERS, *VALUES)
        if part in composed(seed).name
    )
    assert set(used) == {*DEEDS, *CARRIERS, *VALUES}
