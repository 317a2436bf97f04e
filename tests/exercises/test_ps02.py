"""What is said of a wrong softmax and of a loss without its penalty is true."""

from __future__ import annotations

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.diagnosis import distance
from nncourse.exercises.logits import softmax
from nncourse.exercises.piece import find

ONE_FOR_ALL = "One maximum is subtracted from the whole batch"
TOPS = {
    "maximum, or 0 if that is larger": lambda z: np.maximum(z.max(axis=1, keepdims=True), 0),
    "largest size": lambda z: abs(z).max(axis=1, keepdims=True),
    "one number for each sign": lambda z: np.where(
        (top := z.max(axis=1, keepdims=True)) > 0, top.max(), top.min()
    ),
    "one for all": lambda z: z.max(),
}


def answers(top):
    """The two pieces, softmax without what ``top`` gives and the cross-entropy through it."""

    def probabilities(z):
        e = np.exp(z - top(z))
        return e / e.sum(axis=1, keepdims=True)

    def softmax_cross_entropy(z, y):
        p, rows = probabilities(z), np.arange(len(y))
        return -np.log(p[rows, y]).mean(), (p - np.eye(z.shape[1])[y]) / len(y)

    return {"ps02.softmax": probabilities, "ps05.softmax_cross_entropy": softmax_cross_entropy}


@pytest.mark.parametrize("piece", ["ps02.softmax", "ps05.softmax_cross_entropy"])
@pytest.mark.parametrize("top", TOPS)
def test_one_maximum_for_the_batch_is_said_of_nothing_else(piece, top):
    for seed in range(6):
        report = judge(find(piece), [answers(TOPS[top])[piece]], seed=seed)
        assert not report.passed
        assert (ONE_FOR_ALL in " ".join(str(report).split())) == (top == "one for all")


def test_without_any_penalty_no_output_is_said_to_have_it():
    def loss_and_gradients(W, b, x, y, lam):
        p, rows = softmax(x @ W.T + b), np.arange(len(y))
        d = (p - np.eye(len(W))[y]) / len(y)
        return -np.log(p[rows, y]).mean(), d.T @ x, d.sum(axis=0)

    for seed in range(6):
        report = judge(find("ps02.loss_and_gradients"), [loss_and_gradients], seed=seed)
        said = {outputs: d.finding.message for d in report.diagnoses for outputs in d.outputs}
        assert set(said) == {"loss", "dW"}
        assert "lacks the penalty" in said["loss"]
        assert "penalty is missing" in said["dW"]
        assert not any("is there" in text or "is in the loss" in text for text in said.values())


def test_numerical_gradients_agree_however_they_are_written():
    """Many as the digits of w are: in place, by flat entries, of two halves."""
    piece = find("ps02.numerical_gradient")

    def in_place(f, w, h):
        w = np.array(w, dtype=float)
        gradient = np.zeros_like(w)
        for i in np.ndindex(w.shape):
            w[i] += h
            above = f(w)
            w[i] -= 2 * h
            gradient[i] = (above - f(w)) / h / 2
            w[i] += h
        return gradient

    answers = [in_place, *(equivalent.function for equivalent in piece.equivalents)]
    for seed in range(30):
        for point in piece.points(seed):
            right = piece.reference(*point.arguments)
            for answer in answers:
                assert distance(np.array(answer(*point.arguments)), right) < 1e-8
