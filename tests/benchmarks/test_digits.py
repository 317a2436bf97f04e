"""A small convolutional network reads at least 98.5% of held-out digits, on most of ten seeds."""

import statistics

import pytest

from benchmarks import digits


@pytest.mark.slow
def test_digits_are_read():
    accuracies, seconds = digits.held_out(10)
    assert statistics.median(accuracies) >= 0.985
    assert min(accuracies) >= 0.97
    assert statistics.median(seconds) < 60


def test_settings_are_judged_without_the_held_out_digits(monkeypatch):
    seen = []

    def train(seed, x, y, settings):
        seen.append((len(x), len(y)))

    monkeypatch.setattr(digits, "train", train)
    monkeypatch.setattr(digits, "accuracy", lambda model, x, y: float(len(x)))
    sizes = digits.cross_validated(digits.CHOSEN)
    learned, _ = digits.digits(split=True)
    assert sum(sizes) == len(learned[0])
    assert all(n + size == len(learned[0]) for (n, _), size in zip(seen, sizes, strict=True))
    assert digits.CHOSEN in digits.CANDIDATES
