"""Lecture 05: its formulas hold, and so do the claims that its cells do not print.

The functions that the lecture defines are taken from its own cells, so what is tested is what is
taught.
"""

import ast
import re
from itertools import pairwise

import jupytext
import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from nncourse.autograd.tensor import Leaf
from tests.lectures.form import is_note

NAME = "05-backpropagation.md"


@pytest.fixture(scope="session")
def notebook(root):
    return jupytext.read(root / "lectures" / NAME, fmt="md:myst")


@pytest.fixture(scope="session")
def taught(notebook):
    """The functions that the lecture's cells define, in one namespace."""
    names = {"np": np, "nnc": nnc, "Leaf": Leaf}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.metadata.get("lang") in (None, "en"):
            for statement in ast.parse(cell.source).body:
                if isinstance(statement, ast.FunctionDef):
                    exec(compile(ast.Module([statement], []), NAME, "exec"), names)
    return names


def check_gradient(taught, f, array, analytic, tolerance=1e-8):
    numeric = taught["numerical_gradient"](f, array)
    assert np.linalg.norm(numeric) > 1e-3, "a point without gradient proves nothing"
    assert taught["relative_error"](np.asarray(analytic), numeric) < tolerance


# The derivation


@pytest.mark.parametrize("outputs", [1, 3])
def test_gradients_in_indices(taught, outputs):
    """Sums over m, h and j, written as loops, with biases on x0 = u0 = -1."""
    rng = np.random.default_rng(outputs)
    n, H, M = 4, 3, outputs
    x, y = np.append(-1, rng.normal(size=n)), 2 + rng.normal(size=M)
    w1, w2 = rng.normal(size=(n + 1, H + 1)), rng.normal(size=(H + 1, M))

    def passes():
        u, a = np.full(H + 1, -1.0), np.zeros(M)
        for h in range(1, H + 1):
            u[h] = np.tanh(sum(w1[j, h] * x[j] for j in range(n + 1)))
        for m in range(M):
            a[m] = taught["sigmoid"](sum(w2[h, m] * u[h] for h in range(H + 1)))
        return u, a

    def loss():
        return 0.5 * sum((passes()[1] - y) ** 2)

    u, a = passes()
    eps, slope2, slope1 = a - y, a * (1 - a), 1 - u**2
    dw1, dw2, published = np.zeros_like(w1), np.zeros_like(w2), np.zeros_like(w1)
    for h in range(H + 1):
        for m in range(M):
            dw2[h, m] = eps[m] * slope2[m] * u[h]
    for h in range(1, H + 1):
        eps_h = sum(eps[m] * slope2[m] * w2[h, m] for m in range(M))
        for j in range(n + 1):
            dw1[j, h] = eps_h * slope1[h] * x[j]
            published[j, h] = eps[0] * dw1[j, h]
    check_gradient(taught, loss, w1, dw1)
    check_gradient(taught, loss, w2, dw2)
    # The formula of the "find the mistake" box is wrong even where there is a single output.
    numeric = taught["numerical_gradient"](loss, w1)
    assert taught["relative_error"](published, numeric) > 0.05


def test_recurrence_for_any_depth(taught):
    """delta^(l) = W^(l+1)^T delta^(l+1) * sigma'(z^(l)), and its product down to the first layer"""
    rng = np.random.default_rng(0)
    sizes = (3, 5, 4, 6, 2)
    weights = [rng.normal(size=(b, a)) for a, b in pairwise(sizes)]
    biases = [rng.normal(size=b) for b in sizes[1:]]
    x, upstream = rng.normal(size=3), rng.normal(size=2)

    def forward():
        values, sums = [x], []
        for W, b in zip(weights, biases):
            sums.append(W @ values[-1] + b)
            values.append(np.tanh(sums[-1]))
        return values, sums

    def loss():
        return upstream @ forward()[0][-1]

    values, sums = forward()
    slopes = [1 - np.tanh(z) ** 2 for z in sums]
    deltas = [upstream * slopes[-1]]
    for l in reversed(range(len(weights) - 1)):
        deltas.insert(0, weights[l + 1].T @ deltas[0] * slopes[l])
    for l, delta in enumerate(deltas):
        check_gradient(taught, loss, weights[l], np.outer(delta, values[l]))
        check_gradient(taught, loss, biases[l], delta)

    product = np.eye(sizes[1])
    for l in range(len(weights) - 1):
        product = product @ np.diag(slopes[l]) @ weights[l + 1].T
    np.testing.assert_allclose(product @ deltas[-1], deltas[0], rtol=1e-12)


# Nodes


SMOOTH_NODES = {
    "sum": (lambda a, b: a + b, lambda a, b, c, g: (g, g)),
    "product": (lambda a, b: a * b, lambda a, b, c, g: (b * g, a * g)),
    "exp": (lambda a, b: np.exp(a), lambda a, b, c, g: (c * g,)),
    "sigmoid": (lambda a, b: 1 / (1 + np.exp(-a)), lambda a, b, c, g: (c * (1 - c) * g,)),
    "tanh": (lambda a, b: np.tanh(a), lambda a, b, c, g: ((1 - c**2) * g,)),
    "relu": (lambda a, b: np.maximum(a, 0), lambda a, b, c, g: ((a > 0) * g,)),
}


@pytest.mark.parametrize("name", SMOOTH_NODES)
def test_table_of_nodes(taught, name):
    forward, backward = SMOOTH_NODES[name]
    rng = np.random.default_rng(3)
    a, b, upstream = rng.normal(size=(3, 12))
    assert np.abs(a).min() > 1e-4  # ten steps away from ReLU's kink
    gradients = backward(a, b, forward(a, b), upstream)
    for array, gradient in zip((a, b), gradients):
        check_gradient(taught, lambda: np.sum(upstream * forward(a, b)), array, gradient)


def test_graph_example():
    x, y = (nnc.tensor(value, dtype=nnc.float64, requires_grad=True) for value in (2.0, 3.0))
    (x**2 + x * y + (x + y) ** 2).backward()
    assert (x.grad.item(), y.grad.item()) == (17, 12)


def test_lectures_own_walk_agrees_with_the_engine(taught):
    rng = np.random.default_rng(1)
    a, b = (nnc.tensor(rng.normal(size=(3, 4)), requires_grad=True) for _ in range(2))

    def result():
        c = a * b + a.tanh()
        return (c * c * b).sum()

    found = taught["gradients"](result())
    result().backward()
    for leaf in (a, b):
        np.testing.assert_allclose(found[leaf], leaf.grad.numpy(), rtol=1e-12)


# Matrices


def test_linear_layer_in_indices_and_in_matrices(taught):
    rng = np.random.default_rng(4)
    N, inputs, outputs = 5, 4, 3
    X, W, b = rng.normal(size=(N, inputs)), rng.normal(size=(outputs, inputs)), rng.normal(size=3)
    upstream = rng.normal(size=(N, outputs))

    def loss():
        return np.sum(upstream * (X @ W.T + b))

    dX, dW, db = upstream @ W, upstream.T @ X, np.ones(N) @ upstream
    np.testing.assert_allclose(dX, np.einsum("io,ok->ik", upstream, W))
    np.testing.assert_allclose(dW, np.einsum("io,ik->ok", upstream, X))
    np.testing.assert_allclose(db, np.einsum("io->o", upstream))
    for array, gradient in ((X, dX), (W, dW), (b, db)):
        assert gradient.shape == array.shape
        check_gradient(taught, loss, array, gradient)


def test_conventions_of_the_two_derivations_agree():
    rng = np.random.default_rng(5)
    w, x = rng.normal(size=(4, 3)), rng.normal(size=3)  # w[j, h] with w[0, h] the bias on x0 = -1
    V, W, b = w[1:], w[1:].T, -w[0]
    z = np.append(-1, x) @ w
    np.testing.assert_allclose(V.T @ x + b, z)
    np.testing.assert_allclose(W @ x + b, z)


@pytest.mark.parametrize("shape", [(2, 3, 4), (3, 4), (4,), (1, 4), (2, 1, 1), (1,), ()])
def test_gradient_of_broadcasting(taught, shape):
    rng = np.random.default_rng(6)
    small, upstream = rng.normal(size=shape), rng.normal(size=(2, 3, 4))
    other = rng.normal(size=(2, 3, 4))
    check_gradient(
        taught,
        lambda: np.sum(upstream * small * other),
        small,
        taught["unbroadcast"](upstream * other, shape),
    )


def test_softmax_cross_entropy(taught):
    rng = np.random.default_rng(7)
    Z, y = rng.normal(size=(5, 4)), rng.integers(4, size=5)

    def loss():
        P = taught["softmax"](Z)
        return -np.mean(np.log(P[np.arange(5), y]))

    gradient = (taught["softmax"](Z) - np.eye(4)[y]) / 5
    check_gradient(taught, loss, Z, gradient)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=1e-15)
    direct = np.mean(np.log(np.exp(Z).sum(axis=1)) - Z[np.arange(5), y])
    assert loss() == pytest.approx(direct, rel=1e-14)


def test_hand_written_network(taught):
    rng = np.random.default_rng(8)
    p = {"W1": (7, 5), "b1": (7,), "W2": (4, 7), "b2": (4,)}
    p = {name: rng.normal(size=shape) for name, shape in p.items()}
    x, y = rng.normal(size=(6, 5)), rng.integers(4, size=6)
    assert np.abs(x @ p["W1"].T + p["b1"]).min() > 1e-4
    _, grads = taught["loss_and_gradients"](p, x, y)
    for name, array in p.items():
        check_gradient(taught, lambda: taught["loss_and_gradients"](p, x, y)[0], array, grads[name])
    large = {name: 1000 * array for name, array in p.items()}
    assert np.isfinite(taught["loss_and_gradients"](large, x, y)[0])


# Numerical gradients


def test_two_errors_of_the_central_difference():
    """h^2 |f'''| / 6 above, about eps |f| / h below, least near h = eps^(1/3)"""

    def error(h, dtype=np.float64):
        x, h = dtype(1), dtype(h)
        return abs(float((np.exp(x + h) - np.exp(x - h)) / (2 * h)) - np.e)

    assert error(1e-2) == pytest.approx(1e-4 * np.e / 6, rel=1e-3)
    for dtype, sizes in ((np.float64, (1e-9, 1e-11)), (np.float32, (1e-4, 1e-6))):
        eps = np.finfo(dtype).eps
        for h in sizes:
            around = [error(h * factor, dtype) for factor in np.linspace(1, 2, 30)]
            assert 0.02 < np.mean(around) / (eps * np.e / h) < 2
    best = np.finfo(np.float64).eps ** (1 / 3)
    assert 1e-6 < best < 1e-5
    assert 1e-3 < np.finfo(np.float32).eps ** (1 / 3) < 1e-2
    assert error(best) < 1e-9 < min(error(best * 1e3), error(best / 1e5))


def test_complex_step():
    found = np.imag(np.exp(np.sin(0.7 + 1e-20j))) / 1e-20
    assert found == pytest.approx(np.exp(np.sin(0.7)) * np.cos(0.7), rel=1e-15)


def test_relative_error_by_norm_is_fair_to_a_saturated_tanh(taught):
    """Some elements are all round-off; the norm of the whole array is not."""
    rng = np.random.default_rng(9)
    z = np.append(rng.normal(size=30), [9.0, 11.0, -10.0])
    upstream = rng.normal(size=z.shape)
    right = upstream * (1 - np.tanh(z) ** 2)
    numeric = taught["numerical_gradient"](lambda: np.sum(upstream * np.tanh(z)), z)
    each = np.abs(right - numeric) / (np.abs(right) + np.abs(numeric))
    assert taught["relative_error"](right, numeric) < 1e-9 < 1e-4 < each.max()


# Depth


def test_bound_on_sigmoids_slopes():
    z = np.linspace(-20, 20, 100_001)
    s = 1 / (1 + np.exp(-z))
    assert (s * (1 - s)).max() == pytest.approx(0.25, abs=1e-9)
    assert np.log10(4.0**30) == pytest.approx(18, abs=0.1)


def test_what_the_picture_of_depth_is_said_to_show(taught):
    relu = (lambda z: np.maximum(z, 0), lambda z: z > 0)
    tanh = (np.tanh, lambda z: 1 - np.tanh(z) ** 2)
    s = taught["sigmoid"]
    sigmoid = (s, lambda z: s(z) * (1 - s(z)))

    def ratio(pair, scale):
        norms = taught["gradient_norms"](*pair, scale)
        return norms[0] / norms[-1]

    for scale in (0.5, 1, 2**0.5, 3):
        assert ratio(sigmoid, scale) < 1e-6
    assert 0.1 < ratio(tanh, 1) < 10
    assert 0.1 < ratio(relu, 2**0.5) < 10
    assert ratio(relu, 1) == pytest.approx(2**-14.5, rel=0.5)  # each layer keeps 1/sqrt(2)
    assert ratio(relu, 3) > 1e6


# Training


def test_hand_written_training_reaches_97_percent(taught):
    """Median over 10 seeds of the weights, with the fixed split."""
    accuracies = sorted(hand_trained_accuracy(taught, seed) for seed in range(10))
    assert np.median(accuracies) >= 0.97


def hand_trained_accuracy(taught, seed):
    (train_x, train_y), (test_x, test_y) = nnc.data.digits(split=True)
    taught.update(train_x=np.float64(train_x.numpy()), train_y=train_y.numpy())
    p = taught["train"](taught["initial_parameters"](seed), seed=seed)
    return np.mean(taught["predict"](p, np.float64(test_x.numpy())) == test_y.numpy())


def test_trained_with_the_library_reaches_97_percent():
    """Median over 10 seeds; the accuracy is counted here, not taken from the record."""
    accuracies = sorted(library_accuracy(seed) for seed in range(10))
    assert np.median(accuracies) >= 0.97


def library_accuracy(seed):
    (train_x, train_y), (test_x, test_y) = nnc.data.digits(split=True)
    nnc.manual_seed(seed)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 10))
    train_set = nnc.data.TensorDataset(train_x, train_y)
    loader = nnc.data.DataLoader(train_set, batch_size=16, shuffle=True, seed=seed)
    optimizer = nnc.optim.SGD(model.parameters(), lr=1.0)
    nnc.training.fit(model, loader, nn.CrossEntropyLoss(), optimizer, epochs=20, progress=False)
    return np.mean(model(test_x).detach().numpy().argmax(axis=1) == test_y.numpy())


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
    question, predict = {
        "ru": ("**Вопрос залу.**", "**Предскажите, потом запустите"),
        "en": ("**Question to the audience.**", "**Predict, then run"),
    }[language]
    assert text.count(question) >= 3
    assert text.count(predict) >= 1
    assert text.count("<details><summary>") == text.count("</details>") >= 4
    assert 3 <= code.count("plt.show()") <= 6
    assert code.count("widgets.") >= 2
    longest = max(len(cell.source.split("\n")) for cell in cells if cell.cell_type == "code")
    assert longest <= 18
