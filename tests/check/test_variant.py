"""Each student's own numbers: another seed, other inputs, the same verdict."""

from __future__ import annotations

import pytest

from nncourse.check import check
from nncourse.check.variant import VARIABLE, current_seed, seed_of


def wrong(dout, x, W, b):
    return dout @ W, dout.T @ x, dout.mean(axis=0)


def test_seeds_differ_by_student_exercise_and_secret():
    seeds = {
        seed_of(student, exercise, secret)
        for student in ("anna", "boris")
        for exercise in ("ps01", "ps05")
        for secret in ("", "key")
    }
    assert len(seeds) == 8
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of("anna", "ps05") == seed_of("anna", "ps05")
    assert seed_of("ab", "c") != seed_of("a", "bc")


def test_a_check_draws_from_the_seed_of_the_run(monkeypatch):
    texts = set()
    for seed in (None, "1", "2"):
        if seed is not None:
            monkeypatch.setenv(VARIABLE, seed)
        text = str(check("ps05.linear_backward", wrong))
        assert "80%" in text
        texts.add(text)
    assert len(texts) == 3
    assert str(check("ps05.linear_backward", wrong, seed=2)) in texts


@pytest.mark.parametrize("text", ["-1", "x", "1.5"])
def test_a_seed_that_is_no_number_is_named(monkeypatch, text):
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ValueError, match=VARIABLE):
        current_seed()
