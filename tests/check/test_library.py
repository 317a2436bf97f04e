"""A mutant's hint is told only where its whole story fits."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.check.matrix import pieces_of
from nncourse.check.reason import find_reasons
from nncourse.check.trial import run
from nncourse.exercises import Mutant
from nncourse.exercises.piece import Piece, sets
from nncourse.exercises.ps05 import PIECES


def told(piece, answer, **options):
    report = judge(piece, [answer], **options)
    assert not report.passed
    return {(diagnosis.outputs, diagnosis.mutant) for diagnosis in report.diagnoses}


def test_numbers_that_agree_by_accident_name_no_mutant():
    """w @ x > 1 gives the same zeros and ones as a threshold added, at the usual inputs only."""
    piece = pieces_of("ps01")["neuron"]

    def neuron(w, x):
        h = x @ w[1:] - w[0]
        return h, (h > 1).astype(int)

    assert all(not mutant for _outputs, mutant in told(piece, neuron))


@pytest.mark.parametrize("name", PIECES)
def test_an_answer_can_not_tell_by_its_calls_whether_it_is_right(name):
    """It is asked the same and as often, whatever its mistake: the next answer would use that."""
    piece = PIECES[name]

    def asked(function):
        calls = []

        def answer(*arguments):
            calls.append(repr(arguments))
            try:
                return function(*arguments)
            except Exception:
                calls.append("raised")  # which it knows of itself; it is not asked the same again
                raise

        judge(piece, [answer], seed=3)
        return calls

    right = asked(piece.reference)
    assert right
    for mutant in piece.mutants:
        calls = asked(mutant.function)
        assert calls == right or "raised" in calls, mutant.name


def test_a_hint_on_an_output_that_is_right_is_not_told_of_one_that_follows_from_it():
    """Only the last term of dh has the wrong sign; the block z of da is right."""
    piece = pieces_of("ps11")["gru_step_backward"]

    def answer(dh_next, x, h, gates, Wx, Wh):
        da, dx, dh, dWx, dWh = piece.reference(dh_next, x, h, gates, Wx, Wh)
        H = h.shape[1]
        return da, dx, dh - 2 * da[:, H : 2 * H] @ Wh[H : 2 * H], dWx, dWh

    assert (("dh",), "sign of z") not in told(piece, answer)


def test_an_output_without_numbers_is_no_evidence():
    piece = PIECES["softmax_cross_entropy"]

    def answer(logits, y):
        loss, gradient = piece.reference(logits, y)
        return np.full_like(loss, np.nan), 3 * gradient

    assert all(not mutant for _outputs, mutant in told(piece, answer))


def test_two_hints_for_the_same_numbers_are_not_told_of_one_output():
    piece = PIECES["linear_backward"]
    mean = next(m for m in piece.mutants if m.name == "db mean")
    other = Mutant("another story", mean.function, "Something else.", "scale")
    piece = replace(piece, mutants=(*piece.mutants, other))

    def answer(dout, x, W, b):
        return 2 * (dout @ W), dout.T @ x, dout.mean(axis=0)

    assert all(not mutant for _outputs, mutant in told(piece, answer))


def test_inf_in_the_answer_is_not_called_a_changing_answer():
    piece = pieces_of("ps08")["dropout"]

    def dropout(x, p, rng, train):
        with np.errstate(all="ignore"):
            mask = (rng.random(x.shape) >= p) / np.float64(0) if train else np.ones_like(x)
            return x * mask, mask

    report = judge(piece, [dropout])
    assert "different answers" not in str(report)


@pytest.mark.parametrize(("dh", "order"), [("dh", False), ("dx", True)])
def test_another_order_is_asked_about_only_where_both_are_wrong(dh, order):
    piece = pieces_of("ps11")["lstm_step_backward"]

    def answer(*arguments):
        names = ("dz", "dc", "dx", "dh", "dWx", "dWh", "db")
        right = dict(zip(names, piece.reference(*arguments), strict=True))
        return tuple({**right, "dx": right["dh"], "dh": right[dh]}.values())

    text = str(judge(piece, [answer]))
    assert ("another order" in text) == order
    assert ("These are the numbers of dh" in text) != order


def test_a_mutant_that_differs_at_the_first_point_is_not_asked_about_the_others():
    piece = PIECES["network_gradients"]
    calls = {mutant.name: 0 for mutant in piece.mutants}

    def counted(mutant):
        def function(*arguments):
            calls[mutant.name] += 1
            return mutant.function(*arguments)

        return replace(mutant, function=function)

    counting = replace(piece, mutants=tuple(counted(mutant) for mutant in piece.mutants))
    answer = piece.mutants[0]
    assert told(counting, answer.function) == told(piece, answer.function)
    assert calls.pop(answer.name) == len(piece.cases) + 1
    assert set(calls.values()) == {1}


def test_of_two_answers_without_numbers_the_same_must_be_said():
    """A matrix from another generator is told of that, and not that it is always the same."""
    piece = pieces_of("ps07")["orthogonal"]
    report = judge(piece, [lambda n, _rng: piece.reference(n, np.random.default_rng())])
    assert "not made of the numbers that rng gives" in str(report)
    assert not report.diagnoses
    (same,) = judge(piece, [lambda n, _rng: np.eye(n)]).diagnoses
    assert same.mutant == "unit matrix"


class Stream(io.StringIO):
    """Standard output as it is in grading."""

    def keep(self, report):
        self.kept = report


def test_reasons_are_looked_for_when_somebody_wants_to_know_them(monkeypatch):
    """It takes time, by which an answer that goes on would know that it is wrong."""
    looked = []

    def find(*about):
        looked.append(about)
        return find_reasons(*about)

    monkeypatch.setattr("nncourse.check.judge.find_reasons", find)
    piece = PIECES["linear_backward"]
    stream = Stream()
    with contextlib.redirect_stdout(stream):
        report = judge(piece, [piece.mutants[0].function])
        earned = report.points(10)
    assert 0 < earned < 10
    assert (looked, stream.getvalue(), stream.kept) == ([], "", report)
    assert report.diagnoses[0].mutant == piece.mutants[0].name
    assert report.diagnoses is report.diagnoses
    assert len(looked) == 1


def calls_of_verdict(piece: Piece, answer: Callable[..., Any], monkeypatch) -> int:
    """How many calls are made, C's included, from an answer's last one to its points."""
    count = 0

    def counting(_frame, event, _arg):
        nonlocal count
        count += event in ("call", "c_call")

    def watched(*args, **options):
        trials = run(*args, **options)
        sys.setprofile(counting)
        return trials

    monkeypatch.setattr("nncourse.check.judge.run", watched)
    before = sys.getprofile()
    try:
        with contextlib.redirect_stdout(Stream()):
            judge(piece, [answer], seed=5).points(10)
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("name", sets())
def test_what_is_wrong_takes_as_many_steps_as_what_is_right(monkeypatch, name):
    """In grading the session that begins where one has ended would know by the time, as would the
    next answer where a cell needs the verdict at once. A clock is no measure on a busy machine; a
    thousand calls take 0.1 ms or so, and reasons tens of thousands.
    """
    for piece in pieces_of(name).values():
        calls_of_verdict(piece, piece.reference, monkeypatch)  # what is made once is there
        right = calls_of_verdict(piece, piece.reference, monkeypatch)
        for mutant in piece.mutants:
            wrong = calls_of_verdict(piece, mutant.function, monkeypatch)
            assert abs(wrong - right) < 2000, f"{piece.name}: {mutant.name}"
