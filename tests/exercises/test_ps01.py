"""What is asked of networks by hand stands in the task."""

from __future__ import annotations

from pathlib import Path

import nbformat
import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.piece import find
from nncourse.exercises.ps01.gates import minterm
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


def padded(x, y):
    """A row of zeros for each row with answer 0."""
    return [minterm(row) * wanted for row, wanted in zip(x, y)], [0.5, *np.ones(len(y))]


def reached(x, y):
    hidden = np.array([minterm(row) for row in x[y == 1]])
    hidden[:, 0] -= 0.5
    return hidden, [0.5, *np.ones(len(hidden))]


@pytest.mark.parametrize("answer", [padded, reached])
def test_a_border_in_the_hidden_layer_is_not_laid_to_the_output(answer):
    for seed in range(12):
        report = judge(find("ps01.any_function"), [answer], seed=seed)
        assert report.score == pytest.approx(0.7)
        assert [v.output.name for v in report.verdicts if not v.passed] == ["hidden margin"]
        assert "output's" not in str(report)
        assert "output" not in str(report.hint(4))


def test_an_output_that_waits_for_silence_is_told_no_threshold():
    """Its own is -1, and its sum may be -1 as well."""

    def answer(x, y):
        hidden = np.array([minterm(row) for row in x[y == 0]])
        return hidden, np.array([-1.0, *-np.ones(len(hidden))])

    for seed in range(12):
        report = judge(find("ps01.any_function"), [answer], seed=seed)
        assert report.score == pytest.approx(0.7)
        assert "threshold is" not in str(report)


@pytest.mark.parametrize("out", [[0.5, 0.0], [-0.5, 0.0]])
def test_a_network_of_constants_earns_nothing(out):
    def answer(x, y):
        return np.array([[-1.0, *np.zeros(x.shape[1])]]), np.array(out)

    assert judge(find("ps01.any_function"), [answer], seed=3).score == 0


NO_GATE = {
    "None": None,
    "not written": (..., ...),
    "a weight too many": [-0.5, -1, 0],
    "no weights": (),
    "NaN": [np.nan, -1],
    "infinite": [-0.5, -np.inf],
    "texts": ["-0.5", "-1"],
    "huge": [-0.5e308, -1e308],
}


@pytest.mark.parametrize("gate", [*NO_GATE, "missing"])
def test_a_gate_that_cannot_be_used_costs_its_own_part(gate):
    weights = {name: w for name, w in find("ps01.gates").reference().items() if name != "not"}
    if gate in NO_GATE:
        weights["not"] = NO_GATE[gate]
    report = judge(find("ps01.gates"), [lambda: weights])
    assert report.score == pytest.approx(2 / 3)
    said = [verdict.problem and verdict.problem.message for verdict in report.verdicts]
    assert said[:4] == [None] * 4
    assert all("'not'" in text for text in said[4:])


@pytest.mark.parametrize("weights", [None, 1.5, [[1.5, 1, 1], [0.5, 1, 1], [-0.5, -1]]])
def test_gates_without_names_earn_nothing(weights):
    report = judge(find("ps01.gates"), [lambda: weights])
    assert report.score == 0
    assert report.problem is not None


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
