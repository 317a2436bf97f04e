"""Whose numbers a check draws: a seed for each student and exercise.

Inputs, sizes and constants are drawn from it, so that one student's numbers are of no use to
another. The seed of a run is taken from the environment variable NNCOURSE_SEED, where a grader or
a lecturer has set one; without it everybody gets the same numbers.
"""

from __future__ import annotations

import hashlib
import hmac
import os

VARIABLE = "NNCOURSE_SEED"


def seed_of(student: str, exercise: str, secret: str = "") -> int:
    """A number below 2**63 that depends on all three: HMAC-SHA256, keyed by ``secret``."""
    message = f"{student}\0{exercise}".encode()
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def current_seed() -> int | None:
    """The seed of this run, None where none is set. ValueError if it is no whole number >= 0."""
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if not text.isdecimal():
        raise ValueError(f"{VARIABLE} must be a whole number, not negative; got {text!r}")
    return int(text)
