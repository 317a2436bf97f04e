"""What is asked of networks by hand stands in the task."""

from __future__ import annotations

from pathlib import Path

import nbformat
import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.piece import find
from nncourse.exercises.ps01.network import LIMIT
from nncourse.exercises.ps01.update import perceptron_update

FOLDER = Path(__file__).parents[2] / "exercises"


@pytest.mark.parametrize("language", ["en", "ru"])
def test_the_task_names_the_margin_that_every_neuron_needs(language):
    (path,) = (FOLDER / language / "ps01").glob("*.ipynb")
    texts = [cell.source for cell in nbformat.read(path, as_version=4).cells]
    (task,) = [text for text in texts if text.startswith("## 4.")]
    assert str(LIMIT) in task


@pytest.mark.parametrize(("threshold", "score"), [(-1.0, 1), (0.5, 1), (0.0, 0.7)])
def test_a_hidden_neuron_without_weights_has_no_border(threshold, score):
    """It always fires, or never does, and takes no part: unless its sum is 0."""

    def answer(x, y):
        hidden, out = find("ps01.any_function").reference(x, y)
        constant = [threshold, *np.zeros(x.shape[1])]
        return np.vstack([constant, hidden]), np.insert(out, 1, 0.0)

    report = judge(find("ps01.any_function"), [answer], seed=3)
    assert report.score == pytest.approx(score)


@pytest.mark.parametrize("out", [[0.5, 0.0], [-0.5, 0.0]])
def test_a_network_of_constants_earns_nothing(out):
    def answer(x, y):
        return np.array([[-1.0, *np.zeros(x.shape[1])]]), np.array(out)

    assert judge(find("ps01.any_function"), [answer], seed=3).score == 0


def passes_taken_for_corrections(x, y, passes):
    history = [np.zeros(x.shape[1] + 1)]
    for _ in range(passes):
        for row, label in zip(x, y, strict=True):
            w = perceptron_update(history[-1], row, label)
            if np.any(w != history[-1]):
                history.append(w)
        if len(history) == passes:
            break
    return np.array(history)


def test_passes_and_corrections_are_not_confused():
    piece = find("ps01.train_perceptron")
    scores = {judge(piece, [passes_taken_for_corrections], seed=seed).score for seed in range(30)}
    assert max(scores) < 1
