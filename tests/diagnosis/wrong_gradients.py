"""Mistakes made on purpose, by the code of the catalogue, with what the rules may know.

Each case draws a point and returns (a, n, context): the wrong gradient, the numerical one and the
context. The right gradient is always the central difference of a forward pass written here.
"""

from __future__ import annotations

import numpy as np

from nncourse.diagnosis import Context, Quantity, Term, central_difference

N, D, K, C = 5, 4, 3, 3


def linear(rng, square=False):
    """x, W, dout, context and the numerical dx, dW, db of x @ W.T + b."""
    out = D if square else K
    x, W, b = rng.normal(size=(N, D)), rng.normal(size=(out, D)), rng.normal(size=out)
    dout = rng.normal(size=(N, out))
    dx = central_difference(lambda x: x @ W.T + b, x, dout)
    dW = central_difference(lambda W: x @ W.T + b, W, dout)
    db = central_difference(lambda b: x @ W.T + b, b, dout)
    return x, W, dout, dx, dW, db


def of_weight(change, square=False):
    def case(rng):
        x, _W, dout, _dx, dW, _db = linear(rng, square)
        return change(dW, dout, x), dW, Context(batch=N, upstream=dout, product=(dout, x))

    return case


def of_bias(change):
    def case(rng):
        _x, _W, dout, _dx, _dW, db = linear(rng)
        return change(db, dout), db, Context(batch=N, upstream=dout, product=(dout, None))

    return case


def wrong_orientation(rng):
    _x, W, dout, dx, _dW, _db = linear(rng, square=True)
    return dout @ W.T, dx, Context(terms=(Term("M06", dout @ W.T, "orientation"),))


def softmax(z, axis=1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def cross_entropy(change):
    """change(n, p, y, logits): a wrong gradient of the mean cross-entropy."""

    def case(rng):
        logits = rng.normal(size=(N, C))
        y = rng.permutation(np.resize(np.arange(C - 1), N))
        n = central_difference(lambda z: -np.mean(np.log(softmax(z)[np.arange(N), y])), logits)
        p = softmax(logits)
        known = Context(
            batch=N, classes=C, averaged=True, targets=y, probabilities=p, logits=logits
        )
        return change(n, p, y, logits), n, known

    return case


def onehot(y):
    return np.eye(C)[y]


def columns(n, p, y, logits):
    p = p.copy()
    p[:, y] -= 1
    return p / N


def overflowing(rng):
    a, n, _known = cross_entropy(lambda n, p, y, z: np.full_like(n, np.nan))(rng)
    return a, n, Context(logits=rng.normal(size=(N, C)) + 1000)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def activation(change, function=np.tanh, derivative=lambda h: 1 - h**2):
    """change(dout, z, h, derivative): a wrong gradient through an elementwise function."""

    def case(rng):
        z = rng.normal(size=(N, D))
        z += 0.1 * np.sign(z)
        dout, h = rng.normal(size=(N, D)), function(z)
        n = central_difference(function, z, dout)
        known = Context(
            batch=N,
            upstream=dout,
            quantities=(
                Quantity("f'(z)", derivative(h), "derivative"),
                Quantity("f'(h)", derivative(function(h)), "derivative at output"),
                Quantity("g'(z)", h * (1 - h), "other derivative"),
            ),
        )
        return change(dout, z, h, derivative), n, known

    return case


def relu(change):
    """change(dout, z): a wrong gradient of ReLU."""

    def case(rng):
        z = rng.normal(size=(N, D))
        z += 0.1 * np.sign(z)
        z[0, :2] = 1.0, -1.0
        dout = rng.normal(size=(N, D))
        n = central_difference(lambda z: np.maximum(z, 0), z, dout)
        return change(dout, z), n, Context(batch=N, upstream=dout, preactivation=z)

    return case


def hidden(change):
    """change(dh, h, x): a wrong dW1 of a network whose hidden layer is tanh(x @ W1.T)."""

    def case(rng):
        x, W = rng.normal(size=(N, D)), rng.normal(size=(K, D))
        dh = rng.normal(size=(N, K))
        n = central_difference(lambda W: np.tanh(x @ W.T), W, dh)
        z = x @ W.T
        h = np.tanh(z)
        other = rng.normal(size=(N, D))
        known = Context(
            product=(dh * (1 - h**2), x),
            quantities=(
                Quantity("f'(z)", 1 - h**2, "derivative"),
                Quantity("f'(h)", 1 - np.tanh(h) ** 2, "derivative at output"),
            ),
            instead={"z": other},
            terms=(
                Term("M19", ((dh[:, ::-1]) * (1 - h**2)).T @ x, "through another array"),
                Term("M09", ((dh[:, ::-1]) * (1 - h**2)).T @ x, "plus a multiple", added=True),
            ),
        )
        return change(dh, h, x, other), n, known

    return case


def penalty(rng):
    x, W, dout, _dx, dW, _db = linear(rng)
    term = Term("M40", W, "a multiple of the weights", added=True)
    return dW - 0.02 * W, dW, Context(product=(dout, x), terms=(term,))


def two_paths(rng):
    x = rng.normal(size=(N, D))
    dout = rng.normal(size=(N, D))
    n = central_difference(lambda x: x**2 + 3 * np.sin(x), x, dout)
    first, second = dout * 2 * x, dout * 3 * np.cos(x)
    return second, n, Context(branches={"the square": first, "the sine": second})


def images(change):
    def case(rng):
        n = rng.normal(size=(2, 3, 4, 4))
        return change(n), n, Context()

    return case


def padded(n):
    a = np.full(tuple(s + 2 for s in n.shape), 7.0)
    a[1:-1, 1:-1, 1:-1, 1:-1] = n
    return a


def whole_numbers(rng):
    n = 10 * rng.normal(size=(N, D))
    return n.astype(np.int64), n, Context()


def vacuous(rng):
    return rng.normal(size=(N, D)), np.zeros((N, D)), Context()


CASES = {
    "M01 forgot 1/N": cross_entropy(lambda n, p, y, z: n * N),
    "M02 1/N twice": cross_entropy(lambda n, p, y, z: n / N),
    "M02 1/N three times": cross_entropy(lambda n, p, y, z: n / N**2),
    "M03 factor 2": cross_entropy(lambda n, p, y, z: 2 * n),
    "M03 factor 1/2": activation(lambda dout, z, h, d: dout * d(h) / 2),
    "M04 sign": cross_entropy(lambda n, p, y, z: -n),
    "M05 transposed, square": of_weight(lambda n, dout, x: x.T @ dout, square=True),
    "M05 transposed": of_weight(lambda n, dout, x: x.T @ dout),
    "M06 other orientation": wrong_orientation,
    "M07 not summed": of_bias(lambda n, dout: dout),
    "M08 wrong axis": of_bias(lambda n, dout: dout.sum(axis=1)),
    "M08 total": of_bias(lambda n, dout: dout.sum()),
    "M08 total in all entries": of_bias(lambda n, dout: np.full_like(n, dout.sum())),
    "M09 weights updated first": hidden(
        lambda dh, h, x, o: ((dh - 0.1 * dh[:, ::-1]) * (1 - h**2)).T @ x
    ),
    "M10 mean": of_bias(lambda n, dout: dout.mean(axis=0)),
    "M11 last example": of_weight(lambda n, dout, x: np.outer(dout[-1], x[-1])),
    "M11 last example of a bias": of_bias(lambda n, dout: dout[-1]),
    "M13 one path": two_paths,
    "M15 derivative missing": activation(lambda dout, z, h, d: dout),
    "M15 derivative missing, weight": hidden(lambda dh, h, x, o: dh.T @ x),
    "M16 derivative twice": activation(lambda dout, z, h, d: dout * d(h) ** 2),
    "M16 derivative twice, weight": hidden(lambda dh, h, x, o: (dh * (1 - h**2) ** 2).T @ x),
    "M17 derivative at output": activation(lambda dout, z, h, d: dout * d(np.tanh(h))),
    "M17 derivative at output, weight": hidden(
        lambda dh, h, x, o: (dh * (1 - np.tanh(h) ** 2)).T @ x
    ),
    "M19 another array in the chain": hidden(lambda dh, h, x, o: (dh[:, ::-1] * (1 - h**2)).T @ x),
    "M20 wrong cache": hidden(lambda dh, h, x, o: (dh * (1 - h**2)).T @ o),
    "M21 mask missing": relu(lambda dout, z: dout),
    "M22 mask from dout": relu(lambda dout, z: dout * (dout > 0)),
    "M22 both masks": relu(lambda dout, z: dout * (dout > 0) * (z > 0)),
    "M23 mask inverted": relu(lambda dout, z: dout * (z <= 0)),
    "M24 times relu": relu(lambda dout, z: dout * np.maximum(z, 0)),
    "M25 leaky": relu(lambda dout, z: np.where(z > 0, dout, 0.1 * dout)),
    "M26 overflow": overflowing,
    "M28 axis 0": cross_entropy(lambda n, p, y, z: (softmax(z, axis=0) - onehot(y)) / N),
    "M28 over all": cross_entropy(lambda n, p, y, z: (np.exp(z) / np.exp(z).sum() - onehot(y)) / N),
    "M29 no -1": cross_entropy(lambda n, p, y, z: p / N),
    "M30 whole columns": cross_entropy(columns),
    "M31 divided by C": cross_entropy(lambda n, p, y, z: n * N / C),
    "M31 divided by NC": cross_entropy(lambda n, p, y, z: n / C),
    "M32 in the probabilities": cross_entropy(lambda n, p, y, z: -onehot(y) / p / N),
    "M33 diagonal": cross_entropy(lambda n, p, y, z: onehot(y) * (p - 1) / N),
    "M35 softmax twice": cross_entropy(lambda n, p, y, z: n * p * (1 - p)),
    "M40 penalty": penalty,
    "M56 kept axis": of_bias(lambda n, dout: dout.sum(axis=0, keepdims=True)),
    "M61 rotated": images(lambda n: n[..., ::-1, ::-1]),
    "M63 padding left": images(padded),
    "M66 axes swapped": images(lambda n: np.swapaxes(n, 2, 3)),
    "M110 vacuous": vacuous,
    "X01 no upstream": activation(lambda dout, z, h, d: d(h)),
    "X02 upstream twice": activation(lambda dout, z, h, d: dout**2 * d(h)),
    "X03 another derivative": activation(lambda dout, z, h, d: dout * h * (1 - h)),
    "X04 first example": of_weight(lambda n, dout, x: np.outer(dout[0], x[0])),
    "X05 a example missing": of_weight(lambda n, dout, x: dout[1:].T @ x[1:]),
    "X07 integers": whole_numbers,
}
