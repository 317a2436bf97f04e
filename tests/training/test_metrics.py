"""Metrics against their definitions, written out."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse import nn
from nncourse.training import metrics

SCORES = np.array([[3.0, 1.0, 2.0], [0.0, 5.0, 1.0], [1.0, 2.0, 3.0], [9.0, 0.0, 1.0]])
CLASSES = np.array([0, 2, 1, 0])


def test_accuracy_and_top_k_by_hand():
    assert metrics.accuracy(SCORES, CLASSES) == 0.5
    assert metrics.top_k_accuracy(SCORES, CLASSES, 1) == 0.5
    assert metrics.top_k_accuracy(SCORES, CLASSES, 2) == 1.0
    assert metrics.top_k_accuracy(nnc.tensor(SCORES), nnc.tensor(CLASSES), 3) == 1.0
    # A model that always says the same has no more than chance.
    assert metrics.top_k_accuracy(np.zeros((4, 3)), CLASSES, 2) == pytest.approx(2 / 3)


def test_the_confusion_matrix_by_hand():
    table = metrics.confusion_matrix(SCORES, CLASSES)
    assert table.tolist() == [[2, 0, 0], [0, 0, 1], [0, 1, 0]]
    assert metrics.confusion_matrix(SCORES.argmax(1), CLASSES).tolist() == table.tolist()
    shares = metrics.confusion_matrix(SCORES[:2], np.array([0, 0]), normalize=True)
    assert shares.tolist() == [[0.5, 0.5, 0], [0, 0, 0], [0, 0, 0]]


def test_perplexity_is_that_of_the_loss():
    scores, classes = nnc.tensor(SCORES), nnc.tensor(CLASSES)
    loss = nn.functional.cross_entropy(scores, classes).item()
    assert metrics.perplexity(scores, classes) == pytest.approx(math.exp(loss))
    assert metrics.perplexity(np.zeros((4, 3)), CLASSES) == pytest.approx(3)
    assert metrics.perplexity(1e4 * np.eye(3), np.arange(3)) == pytest.approx(1)
    # Sequences: (N, T, C) with (N, T).
    assert metrics.perplexity(SCORES[None], CLASSES[None]) == pytest.approx(math.exp(loss))
    assert metrics.accuracy(SCORES[None], CLASSES[None]) == 0.5


def test_r2_by_hand():
    t = np.array([1.0, 2.0, 3.0, 6.0])
    assert metrics.r2_score(t, t) == 1
    assert metrics.r2_score(np.full(4, 3.0), t) == 0
    assert metrics.r2_score(t + 1, t) == pytest.approx(1 - 4 / 14)
    two = np.stack([t + 1, t], 1)
    assert metrics.r2_score(two, np.stack([t, t], 1)) == pytest.approx((1 - 4 / 14 + 1) / 2)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30), st.integers(1, 5), st.integers(0, 10**6))
def test_metrics_agree_with_each_other(n, c, seed):
    random = np.random.default_rng(seed)
    scores, classes = random.standard_normal((n, c)), random.integers(0, c, n)
    table = metrics.confusion_matrix(scores, classes)
    assert table.sum() == n
    assert table.sum(1).tolist() == np.bincount(classes, minlength=c).tolist()
    assert np.trace(table) / n == pytest.approx(metrics.accuracy(scores, classes))
    tops = [metrics.top_k_accuracy(scores, classes, k) for k in range(1, c + 1)]
    assert tops[0] == pytest.approx(metrics.accuracy(scores, classes))
    assert tops == sorted(tops)
    assert tops[-1] == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.accuracy(SCORES, CLASSES[:3]), "classes"),
        (lambda: metrics.accuracy(SCORES, CLASSES * 1.0), "integers"),
        (lambda: metrics.accuracy(SCORES, CLASSES + 1), "0 to 2"),
        (lambda: metrics.accuracy(SCORES[:0], CLASSES[:0]), "no examples"),
        (lambda: metrics.top_k_accuracy(SCORES, CLASSES, 4), "k must be"),
        (lambda: metrics.confusion_matrix(CLASSES - 1, CLASSES), "negative"),
        (lambda: metrics.r2_score(np.ones(3), np.ones(4)), "one shape"),
        (lambda: metrics.r2_score(np.ones(3), np.ones(3)), "differ"),
    ],
)
def test_what_cannot_be_measured_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
