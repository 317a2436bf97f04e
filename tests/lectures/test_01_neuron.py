"""Lecture 01: its formulas hold, and so do the claims that its cells do not print."""

import ast
import itertools
import re

import jupytext
import numpy as np
import pytest

from nncourse import nn
from nncourse.nn.perceptron import extend
from tests.lectures.form import is_note

NAME = "01-neuron.md"
BITS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])


@pytest.fixture(scope="session")
def notebook(root):
    return jupytext.read(root / "lectures" / NAME, fmt="md:myst")


@pytest.fixture(scope="session")
def taught(notebook):
    """The functions that the lecture's cells define, and its network, in one namespace."""
    names = {"np": np}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.metadata.get("lang") in (None, "en"):
            for statement in ast.parse(cell.source).body:
                network = isinstance(statement, ast.Assign) and "network" in ast.unparse(
                    statement.targets[0]
                )
                if network or isinstance(statement, ast.FunctionDef):
                    exec(compile(ast.Module([statement], []), NAME, "exec"), names)
    return names


# One neuron


def test_boundary_of_the_sigmoid_is_that_of_the_step(taught):
    h = np.concatenate([np.linspace(-30, 30, 2001), [0.0, 1e-9, -1e-9]])
    np.testing.assert_array_equal(taught["sigmoid"](h) > 0.5, taught["step"](h) == 1)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_distance_is_that_of_the_nearest_point_of_the_boundary(n):
    rng = np.random.default_rng(n)
    w, w0, p = rng.normal(size=n), rng.normal(), rng.normal(size=n)
    d = (w @ p - w0) / np.linalg.norm(w)
    q = p - d * w / np.linalg.norm(w)
    assert w @ q == pytest.approx(w0)
    across = np.linalg.svd(w[None])[2][1:]  # directions along the boundary
    others = q + rng.normal(size=(5000, n - 1)) @ across
    np.testing.assert_allclose(others @ w, w0, atol=1e-9)
    assert np.linalg.norm(others - p, axis=1).min() >= abs(d) - 1e-12
    assert abs(0 - w0) / np.linalg.norm(w) == pytest.approx(
        np.linalg.norm(w * w0 / (w @ w))  # the point of the boundary nearest to the origin
    )


def test_no_line_has_a_wider_margin_for_and_and_or():
    angles = np.linspace(0, 2 * np.pi, 3601)
    heights = np.stack([np.cos(angles), np.sin(angles)], axis=1) @ BITS.T
    for ones in ([3], [1, 2, 3]):
        zeros = [k for k in range(4) if k not in ones]
        gaps = heights[:, ones].min(axis=1) - heights[:, zeros].max(axis=1)
        assert gaps.max() / 2 == pytest.approx(2**0.5 / 4, abs=1e-6)


def test_nand_is_and_with_all_signs_changed(taught):
    out = taught["step"](BITS @ [-1, -1] + 1.5)
    np.testing.assert_array_equal(out, 1 - (BITS[:, 0] & BITS[:, 1]))


# The rule


def test_a_correction_raises_the_score_by_the_squared_length():
    rng = np.random.default_rng(0)
    for y in (-1, 1):
        w, x = rng.normal(size=4), extend(rng.normal(size=3))
        assert y * ((w + y * x) @ x) == pytest.approx(y * (w @ x) + x @ x)
        assert x @ x >= 1


def test_rule_with_targets_and_answers_is_the_same():
    rng = np.random.default_rng(1)
    x = rng.integers(-3, 4, size=(500, 2))
    perceptron = nn.Perceptron(2)
    w = np.zeros(3)
    for x_i, t in zip(x, rng.integers(0, 2, size=500)):
        h = w @ extend(x_i)
        if h == 0:  # on the boundary the two forms differ for class 0
            continue
        perceptron.weight = w
        perceptron.update(x_i, 2 * t - 1)
        w = w + (t - int(h > 0)) * extend(x_i)
        np.testing.assert_array_equal(perceptron.weight, w)


def test_training_of_the_lecture_is_that_of_the_library(taught, capsys):
    rng = np.random.default_rng(2)
    for _ in range(20):
        x = rng.integers(-4, 5, size=(8, 2))
        y = np.where(extend(x) @ rng.normal(size=3) > 0, 1, -1)
        perceptron = nn.Perceptron(2)
        assert perceptron.fit(x, y).converged
        np.testing.assert_array_equal(taught["train"](x, y, passes=2000), perceptron.weight)
    assert "->" in capsys.readouterr().out


def test_wrong_sign_of_the_threshold_changes_the_score_as_said():
    rng = np.random.default_rng(3)
    for y in (-1, 1):
        w, w0, x = rng.normal(size=2), rng.normal(), rng.normal(size=2)
        before = y * (w @ x - w0)
        assert y * ((w + y * x) @ x - (w0 + y)) - before == pytest.approx(x @ x - 1)
        assert y * ((w + y * x) @ x - (w0 - y)) - before == pytest.approx(x @ x + 1)


# Convergence


def separable(seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, size=(25, 2))
    return x, np.where(extend(x) @ rng.normal(size=3) > 0, 1, -1)


@pytest.mark.parametrize("seed", range(8))
def test_every_step_of_the_proof(seed):
    """k gamma <= w_k . w* <= |w_k| <= R sqrt(k), in any order of the examples."""
    x, y = separable(seed)
    best, gamma = nn.widest_margin(x, y)
    radius = np.linalg.norm(extend(x), axis=1).max()
    assert gamma > 0
    order = np.random.default_rng(seed).permutation(len(x))
    history = nn.Perceptron(2).fit(x[order], y[order], max_updates=10**5)
    assert history.converged
    weights, k = np.array(history.weights), np.arange(len(history) + 1)
    along, lengths = weights @ best, np.linalg.norm(weights, axis=1)
    slack = 1e-9
    assert (k * gamma <= along + slack).all()
    assert (along <= lengths + slack).all()
    assert (lengths <= radius * np.sqrt(k) + slack).all()
    assert len(history) <= (radius / gamma) ** 2


def test_proof_needs_that_only_mistakes_are_corrected():
    """Corrected at every example, the length outgrows R sqrt(k)."""
    x, y = separable(0)
    z = np.tile(y[:, None] * extend(x), (4, 1))
    radius = np.linalg.norm(z, axis=1).max()
    lengths = np.linalg.norm(np.cumsum(z, axis=0), axis=1)
    assert (lengths > 1.5 * radius * np.sqrt(np.arange(1, len(z) + 1)))[-1]


def test_xor_goes_round_from_any_whole_start():
    y = np.array([-1, 1, 1, -1])
    for start in itertools.product([-3, 0, 2], repeat=3):
        perceptron = nn.Perceptron(2)
        perceptron.weight = np.array(start, dtype=float)
        history = perceptron.fit(BITS, y, max_updates=5000)
        assert history.cycle > 0
        assert np.abs(history.weights).max() < 20


# XOR


def test_the_four_inequalities_add_up_to_a_contradiction():
    rng = np.random.default_rng(4)
    w0, w1, w2 = rng.normal(size=(3, 10_000))
    first = [-w0, w1 + w2 - w0]
    second = [w1 - w0, w2 - w0]
    np.testing.assert_allclose(sum(first), sum(second), atol=1e-12)
    assert not (np.all(np.array(first) <= 0, axis=0) & np.all(np.array(second) > 0, axis=0)).any()


def test_number_of_threshold_functions_of_four_bits():
    """1882 of 65536: weights up to 3 make that many tables; OEIS A000609 says there are no more."""
    inputs = np.array(list(itertools.product([0, 1], repeat=4)))
    weights = np.array(list(itertools.product(range(-3, 4), repeat=4)))
    scores = inputs @ weights.T  # (16, 2401)
    powers = 1 << np.arange(16)
    tables = set()
    for threshold in np.arange(-12.5, 13):
        tables |= set((powers @ (scores > threshold)).tolist())
    assert len(tables) == 1882


def test_an_added_feature_makes_xor_a_line(taught):
    features = np.column_stack([BITS, BITS.prod(axis=1)])
    np.testing.assert_array_equal(taught["step"](features @ [1, 1, -2] - 0.5), [0, 1, 1, 0])
    assert nn.widest_margin(features, [-1, 1, 1, -1])[1] > 0


def test_network_of_the_lecture(taught):
    step = taught["step"]
    values = {"x1": BITS[:, 0], "x2": BITS[:, 1]}
    for name, (inputs, (w0, *w)) in taught["network"].items():
        values[name] = step(sum(v * values[i] for v, i in zip(w, inputs)) - w0)
    either, both = values["OR"], values["AND"]
    np.testing.assert_array_equal(either, BITS.max(axis=1))
    np.testing.assert_array_equal(both, BITS.min(axis=1))
    np.testing.assert_array_equal(values["NOT"], 1 - both)
    np.testing.assert_array_equal(values["XOR"], BITS[:, 0] ^ BITS[:, 1])
    np.testing.assert_array_equal(values["XOR"], step(either - both - 0.5))
    np.testing.assert_array_equal(either - both - 0.5, either + (1 - both) - 1.5)


# The form of a lecture


@pytest.mark.parametrize("language", ["ru", "en"])
def test_form_of_the_lecture(notebook, language):
    cells = [
        cell
        for cell in notebook.cells
        if cell.metadata.get("lang") in (None, language) and not is_note(cell)
    ]
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    bare = re.sub(r"\$\$.+?\$\$|\$[^$]+\$|\]\([^)]*\)|<[^>]+>", " ", text, flags=re.DOTALL)
    assert 900 <= len(re.findall(r"\w+", bare)) <= 2100
    question, predict, mistake = {
        "ru": ("**Вопрос залу.**", "**Предскажите, потом запустите", "## Найдите ошибку"),
        "en": ("**Question to the audience.**", "**Predict, then run", "## Find the mistake"),
    }[language]
    assert text.count(question) >= 3
    assert text.count(predict) >= 1
    assert text.count(mistake) == 1
    assert text.count("<details><summary>") == text.count("</details>") >= 4
    assert 3 <= code.count("plt.show()") <= 6
    assert code.count("widgets.") >= 2
    assert max(len(cell.source.split("\n")) for cell in cells if cell.cell_type == "code") <= 18
