"""Answers that are right on the usual inputs, and wrong where the task's words reach further."""

from __future__ import annotations

import copy
import math
import weakref
from statistics import NormalDist

import numpy as np
import pytest

from nncourse.check.judge import judge
from nncourse.exercises.piece import find
from nncourse.exercises.ps04.values import (
    BreadthFirst,
    DepthFirst,
    FirstInputFirst,
    MovedToTheEnd,
    Value,
)


def squeezed(w, x):
    h = np.squeeze(x @ w[1:] - w[0])
    return h, (h > 0) * 1


def answer_compared(w, x, y):
    silent = w[1:] @ x - w[0] <= 0
    return w.copy() if (y < 0) == silent else w + y * np.r_[-1, x]


def two_features(x, y, passes):
    w, history = np.zeros(3), [np.zeros(3)]
    for _pass in range(passes):
        before = len(history)
        for (a, b), label in zip(x, y):
            if label * (w[1] * a + w[2] * b - w[0]) <= 0:
                w = w + label * np.array([-1, a, b])
                history.append(w)
        if len(history) == before:
            break
    return np.array(history)


def positive_threshold(pattern):
    return np.r_[max(pattern.sum() - 0.5, 0.5), 2 * pattern - 1]


def huge_gates():
    """Where it fires the sum is infinite, and so is the distance from the border."""
    return {**find("ps01.gates").reference(), "and": 0.9e308 * np.array([1.9, 1, 1])}


def huge_polygon(corners):
    (W, b), _out = find("ps03.convex").reference(corners)
    n = len(b)
    return [(W, b), (np.full((1, n), 1.8e308 / n), np.array([0.01 - n]) * (1.79e308 / n))]


def two_axes(f, w, h):
    w = np.array(w, dtype=float)
    gradient = np.zeros_like(w)
    rows, slopes = np.atleast_2d(w), np.atleast_2d(gradient)
    for i, j in np.ndindex(rows.shape[:2]):
        kept = rows[i, j].copy()
        rows[i, j] = kept + h
        above = f(w)
        rows[i, j] = kept - h
        slopes[i, j] = (above - f(w)) / (2 * h)
        rows[i, j] = kept
    return gradient


def step_of_its_own(f, w, h):
    return find("ps02.numerical_gradient").reference(f, w, 1e-4)


def three_units(*weights):
    return tuple(np.repeat([1, -1, 1], 3)[:, None] * W for W in weights)


def inputs_of_output(kept):
    def order(graph, out):
        return find("ps04.topological_order").reference({**graph, out: graph[out][kept]}, out)

    return order


def until_answered(x, y, passes):
    """The end is where the neuron's answers are right, as it is silent on the border."""
    run = find("ps01.train_perceptron").reference
    for most in range(1, passes + 1):
        w = run(x, y, most)[-1]
        if np.all(np.where(x @ w[1:] > w[0], 1, -1) == y):
            return run(x, y, most)
    return run(x, y, passes)


def in_single(kept):
    """The steps are taken in float32, or w was rounded to it before."""
    slopes = find("ps02.numerical_gradient").reference
    if not kept:
        return lambda f, w, h: slopes(f, np.float32(w), h)

    def gradient(f, w, h):
        w = np.array(w, dtype=np.float32)
        found = np.zeros_like(w)
        for i in np.ndindex(w.shape):
            w[i] += h
            above = f(w)
            w[i] -= 2 * h
            found[i] = (above - f(w)) / (2 * h)
            w[i] += h
        return found

    return gradient


def one_sided(step):
    def gradient(f, w, h):
        flat = np.array(w, dtype=float).reshape(-1)
        above = [f((flat + e).reshape(w.shape)) for e in step * np.eye(flat.size)]
        return np.float32(np.subtract(above, f(w)) / step).reshape(w.shape)

    return gradient


def by_length(length):
    """The ratio with another length for both, in float32, which is held to less."""

    def error(a, n):
        size = length(np.linalg.norm(a), np.linalg.norm(n))
        return np.float32(np.linalg.norm(a - n) / size if size else 0)

    return error


def ratio(a, n, more=0.0):
    return np.linalg.norm(a - n) / (np.linalg.norm(a) + np.linalg.norm(n) + more)


def softmax_without(subtracted):
    def softmax(z):
        e = np.exp(z - subtracted(z))
        return e / e.sum(axis=1, keepdims=True)

    return softmax


def cross_entropy_without(subtracted):
    def answer(logits, y):
        z = logits - subtracted(logits)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return -log_p[np.arange(len(y)), y].mean(), (np.exp(log_p) - np.eye(z.shape[1])[y]) / len(y)

    return answer


NOT_THE_MAXIMUM = {
    "mean": lambda z: z.mean(axis=1, keepdims=True),
    "median": lambda z: np.median(z, axis=1, keepdims=True),
    "first": lambda z: z[:, :1],
    "last": lambda z: z[:, -1:],
    "second": lambda z: z[:, 1:2],
    "maximum of two": lambda z: z[:, :2].max(axis=1, keepdims=True),
    "maximum but for the first": lambda z: z[:, 1:].max(axis=1, keepdims=True),
    "maximum but for the last": lambda z: z[:, :-1].max(axis=1, keepdims=True),
    "nothing, with more digits": lambda z: np.longdouble(0),
    "maximum, or 0 if that is larger": lambda z: np.maximum(z.max(axis=1, keepdims=True), 0),
    "largest size": lambda z: abs(z).max(axis=1, keepdims=True),
    "one number for each sign": lambda z: np.where(
        (top := z.max(axis=1, keepdims=True)) > 0, top.max(), top.min()
    ),
    "furthest from 0": lambda z: np.take_along_axis(z, abs(z).argmax(axis=1)[:, None], axis=1),
}


def two_or_three_layers(layers):
    (A, a), (B, b), *more = layers
    if not more:
        return B @ A, B @ a + b
    ((C, c),) = more
    return C @ B @ A, C @ (B @ a + b) + c


def slope_and_intercept(p, q):
    k, sign = (q[1] - p[1]) / (q[0] - p[0]), np.sign(q[0] - p[0])
    return sign * np.array([-k, 1.0]), sign * (k * p[0] - p[1])


def intercepts(p, q):
    d = p[0] * q[1] - p[1] * q[0]
    return np.array([p[1] - q[1], q[0] - p[0]]) / d * np.sign(d), np.sign(d)


def slopes_of_sides(corners):
    sides = [slope_and_intercept(p, q) for p, q in zip(corners, np.roll(corners, -1, axis=0))]
    n = len(corners)
    first = np.array([w for w, _b in sides]), np.array([b for _w, b in sides])
    return [first, (np.ones((1, n)), np.array([0.5 - n]))]


def apply_with(name, rule):
    right = find("ps04.apply").reference
    return lambda which, *x: rule(*x) if which == name else right(which, *x)


def repeated_product(a, n):
    value = math.prod([a] * int(n))
    return value, (n * value / a,)


def by_name(graph, out):
    right = find("ps04.topological_order").reference
    return right(graph, out) if len(graph) < 20 else sorted(graph, key=lambda node: int(node[1:]))


class LeavesAlone(Value):
    def backward(self):
        before = {node: node.grad for node in self.order() if node.edges}
        super().backward()
        for node, grad in before.items():
            node.grad = grad


def by_differences(parameters, loss, lr):
    gradient = []
    for p in parameters:
        kept = p.data
        p.data = kept + 1e-5
        above = loss().data
        p.data = kept - 1e-5
        gradient.append((above - loss().data) / 2e-5)
        p.data = kept
    for p, slope in zip(parameters, gradient):
        p.data -= lr * slope


def three_parameters(parameters, loss, lr):
    a, b, c = parameters
    a.grad = b.grad = c.grad = 0.0
    loss().backward()
    for p in (a, b, c):
        p.data -= lr * p.grad


def logarithm_of_p(logits, y):
    _loss, gradient = find("ps05.softmax_cross_entropy").reference(logits, y)
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return -np.log((e / e.sum(axis=1, keepdims=True))[np.arange(len(y)), y]).mean(), gradient


def params_in_order(params, x, y):
    renamed = dict(zip(("W1", "b1", "W2", "b2"), params.values()))
    loss, grads = find("ps05.network_gradients").reference(renamed, x, y)
    return loss, dict(zip(params, grads.values()))


class OneShape:
    def __init__(self, params, lr, mu):
        self.params, self.lr, self.mu = params, lr, mu
        self.v = np.zeros_like(np.array(params))

    def step(self, grads):
        self.v = self.mu * self.v - self.lr * np.array(grads)
        for p, v in zip(self.params, self.v):
            p += v


class TwoParameters:
    def __init__(self, params, lr):
        self.params, self.lr = params, lr

    def step(self, grads):
        one, other = self.params
        one -= self.lr * grads[0]
        other -= self.lr * grads[1]


class EpsByHeart:
    def __init__(self, params, lr, eps):
        self.params, self.lr = params, lr
        self.s = [np.zeros_like(p) for p in params]

    def step(self, grads):
        for p, g, s in zip(self.params, grads, self.s):
            s += g**2
            p -= self.lr * g / (np.sqrt(s) + 1e-3)


def smaller_side(name, fan_out, fan_in, rng):
    right = find("ps07.initialise").reference
    scale = 1.0 if "xavier" in name else (fan_in / min(fan_in, fan_out)) ** 0.5
    return right(name, fan_out, fan_in, rng) * scale


def dropout_with(mask_of):
    def answer(x, p, rng, train):
        mask = mask_of(x, p, rng) / (1 - p) if train else np.ones_like(x)
        return x * mask, mask

    return answer


def plain_with(mask_of):
    def answer(x, p, rng, train):
        mask = mask_of(x, p, rng) * 1.0 if train else np.full(x.shape, 1 - p)
        return x * mask, mask

    return answer


def quotient(x, p, rng, train):
    out = np.where(rng.random(x.shape) < p, 0, x / (1 - p)) if train else x.copy()
    return out, out / x


def by_heart(x):
    return np.random.default_rng(12345).random(np.shape(x))


MASKS = {
    "exact share": lambda x, p, rng: rng.permutation(np.arange(x.size) >= p * x.size).reshape(
        x.shape
    ),
    "exact share of each row": lambda x, p, rng: np.array(
        [rng.permutation(np.arange(len(row)) >= int(p * len(row))) for row in x]
    ),
    "rows twice": lambda x, p, rng: np.tile(rng.random((len(x) // 2, x.shape[1])) >= p, (2, 1)),
    "columns four times": lambda x, p, rng: np.tile(
        rng.random((len(x), x.shape[1] // 4)) >= p, (1, 4)
    ),
    "what is large stays": lambda x, p, rng: (
        abs(x) + 0.1 * rng.random(x.shape) >= np.quantile(abs(x), p)
    ),
    "where out is not 0": lambda x, p, rng: (rng.random(x.shape) >= p) & (x != 0),
    "columns twice": lambda x, p, rng: np.repeat(
        rng.random((len(x), x.shape[1] // 2)) >= p, 2, axis=1
    ),
    "by heart but for one entry in a hundred": lambda x, p, rng: (
        np.where(rng.random(x.shape) < 0.01, rng.random(x.shape), by_heart(x)) >= p
    ),
    "by heart and moved": lambda x, p, rng: np.roll(by_heart(x), rng.integers(x.size)) >= p,
    "a checkerboard never": lambda x, p, rng: (
        rng.random(x.shape)
        >= np.where(np.indices(x.shape).sum(axis=0) % 2, min(1, 2 * p), max(0, 2 * p - 1))
    ),
}


def nearly_by_heart(name, fan_out, fan_in, rng):
    W = find("ps07.initialise").reference(name, fan_out, fan_in, np.random.default_rng(12345))
    return W * (1 + 1e-9 * rng.standard_normal(W.shape))


def sixteen_values(name, fan_out, fan_in, rng):
    u = (np.arange(16) + 0.5) / 16
    values = 2 * u - 1 if "uniform" in name else np.array([NormalDist().inv_cdf(a) for a in u])
    variance = 2 / (fan_in + fan_out if "xavier" in name else fan_in)
    values = values * (variance / np.mean(values**2)) ** 0.5
    W = values[rng.integers(16, size=(fan_out, fan_in))]
    return W * (1 + 1e-9 * rng.random(W.shape))


def copied_with_noise(name, fan_out, fan_in, rng):
    W = find("ps07.initialise").reference(name, fan_out, fan_in, rng)
    if "normal" in name:
        few = fan_out // 3
        copies = W[rng.integers(few, size=fan_out - few)]
        W[few:] = 0.5 * copies + 0.75**0.5 * W[few:]
    return W


def turned_a_little(n, rng):
    Q = np.linalg.qr(np.random.default_rng(12345).normal(size=(n, n)))[0]
    S = 0.05 * rng.normal(size=(n, n))
    return Q @ np.linalg.solve(np.eye(n) + S - S.T, np.eye(n) - S + S.T)


def two_gradients(grads, limit):
    one, other = grads
    norm = np.hypot(np.linalg.norm(one), np.linalg.norm(other))
    return [g * min(1.0, limit / norm) for g in (one, other)]


def direction_times_length(grads, limit):
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    return [g / norm * min(norm, limit) for g in grads]


def i_and_f_together(x, h, c, Wx, Wh, b, p):
    both = {gate: p.get(gate, 0 * h[0]) for gate in "if"} if "i" in p else {}
    return find("ps11.peephole_step").reference(
        x, h, c, Wx, Wh, b, {**both, **{gate: p[gate] for gate in p if gate == "o"}}
    )


def with_first_alone(grads, limit):
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    return [g * (limit / norm if np.linalg.norm(grads[0]) > limit else 1) for g in grads]


def by_limit(grads, limit):
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    return [g * (limit / norm if limit < 3 else 1) for g in grads]


def o_with_i(name):
    """Asks for the peephole of o where i has one."""

    def answer(*arguments):
        *arrays, p = arguments
        asked = {gate: p[gate] for gate in "if" if gate in p}
        return find(name).reference(*arrays, {**asked, "o": p["o"]} if "i" in p else asked)

    return answer


def squeezing(name):
    def squeezed(value):
        if isinstance(value, dict):
            return {key: squeezed(item) for key, item in value.items()}
        return tuple(map(squeezed, value)) if isinstance(value, tuple) else np.squeeze(value)

    return lambda *arguments: squeezed(find(name).reference(*arguments))


SQUEEZED = [
    *("ps10.rnn_step", "ps10.rnn_step_backward", "ps10.rnn_forward", "ps10.rnn_backward"),
    *("ps11.lstm_step", "ps11.lstm_step_backward", "ps11.lstm_forward", "ps11.lstm_backward"),
    *("ps11.peephole_step", "ps11.peephole_backward"),
    *("ps11.gru_step", "ps11.gru_step_backward", "ps11.gru_to_pytorch"),
]


def clipped(W, b, x, y, lam):
    loss, dW, db = find("ps02.loss_and_gradients").reference(W, b, x, y, lam)
    z = x @ W.T + b
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p = (p / p.sum(axis=1, keepdims=True))[np.arange(len(y)), y]
    return loss + np.mean(np.log(p) - np.log(np.maximum(p, 1e-8))), dW, db


def narrow(corners):
    """A margin of 1/100, and of none at all in a neuron whose sums and length overflow."""
    (W, b), _out = find("ps03.convex").reference(corners)
    n = len(b)
    first = np.vstack([W, np.zeros((4, 2))]), np.r_[b, np.ones(4)]
    second = np.zeros((2, n + 4))
    second[0, :n] = 1
    second[1, n:] = 1e308
    return [first, (second, np.array([0.01 - n, 0.0])), (np.array([[1.0, 0.0]]), np.array([-0.5]))]


def wraps(n, rng):
    """Far from orthogonal: only where whole numbers wrap, Q^T Q is the unit matrix."""
    square = 0
    while square % 2 == 0:
        v = [int(a) for a in rng.integers(-(2**40), 2**40, n)]
        square = sum(a * a for a in v)
    k = 2 * pow(square, -1, 2**64)
    entries = [[int(i == j) - k * v[i] * v[j] for j in range(n)] for i in range(n)]
    return [[(entry + 2**63) % 2**64 - 2**63 for entry in row] for row in entries]


class Late:
    """A number in place of a Value, that changes when the check reads it."""

    def __init__(self, value):
        self.value, self.todo = value, None

    @property
    def data(self):
        if self.todo is not None:
            todo, self.todo = self.todo, None
            todo()
        return self.value

    def __sub__(self, other):
        return Value(self.value) - other


def late_differences(parameters, loss, lr):
    late = [Late(p.data) for p in parameters]
    parameters[:] = late

    def step():
        slopes = []
        for p in late:
            kept, values = p.value, []
            for h in (1e-4, -1e-4):
                p.value = kept + h
                values.append(loss().data)
            p.value = kept
            slopes.append((values[0] - values[1]) / 2e-4)
        for p, slope in zip(late, slopes):
            p.value -= lr * slope

    late[0].todo = step


def no_backward(parameters, loss, lr):
    """With arrays in place of numbers one graph gives all differences."""
    kept = np.array([p.data for p in parameters])
    for p, row in zip(parameters, np.eye(len(kept))):
        p.data = p.data + 1e-4 * np.concatenate([row, -row])
    above, below = np.split(loss().data, 2)
    for p, data, slope in zip(parameters, kept, (above - below) / 2e-4):
        p.data = data - lr * slope


class OneSetting(find("ps06.SGD").reference):
    """The class has it, and so all of its objects."""

    def __init__(self, params, lr):
        super().__init__(params, lr)
        OneSetting.settings = vars(self).pop("settings")


class OneMomentum(find("ps08.RunningNorm").reference):
    def __init__(self, features, momentum, eps):
        super().__init__(features, momentum, eps)
        OneMomentum.momentum = vars(self).pop("momentum")


class StillWithoutSlope:
    """What was gathered moves nothing where the gradient is 0."""

    def __init__(self, params, lr, mu):
        self.params, self.lr, self.mu = params, lr, mu
        self.speed = [np.zeros_like(p) for p in params]

    def step(self, grads):
        for p, v, g in zip(self.params, self.speed, grads):
            there = g != 0
            v[there] = self.mu * v[there] - self.lr * g[there]
            p[there] += v[there]


class OneMemory:
    """Of all its objects."""

    speed: dict[int, np.ndarray] = {}

    def __init__(self, params, lr, mu):
        self.params, self.lr, self.mu = params, lr, mu
        OneMemory.speed.clear()

    def step(self, grads):
        for k, (p, g) in enumerate(zip(self.params, grads)):
            v = OneMemory.speed[k] = self.mu * OneMemory.speed.get(k, 0) - self.lr * g
            p += v


class CutsOff(find("ps06.SGD").reference):
    def step(self, grads):
        super().step([np.clip(g, -8, 8) for g in grads])


class Flat(find("ps06.SGD").reference):
    def step(self, grads):
        super().step([np.reshape(g, np.shape(p)) for g, p in zip(grads, self.params)])
        self.params = [p.reshape(-1) for p in self.params]


OPTIMISERS = ("SGD", "Momentum", "Nesterov", "Adagrad", "RMSprop", "Adadelta", "Adam", "Nadam")


def keeping(name, kept):
    """The optimiser with other params than it was given."""

    class Keeping(find(f"ps06.{name}").reference):
        def __init__(self, params, *settings):
            super().__init__(kept(params), *settings)

    return Keeping


def idle_without_slope(name):
    """The optimiser, whose parameters and memory wait where a whole gradient is 0."""

    class Idle:
        def __init__(self, params, *settings):
            self.params = params
            self.each = [find(f"ps06.{name}").reference([p], *settings) for p in params]

        def step(self, grads):
            for one, g in zip(self.each, grads):
                if np.any(g):
                    one.step([g])

    return Idle


class Window(find("ps06.Adagrad").reference):
    """The sum of the latest squares."""

    def __init__(self, params, lr, eps):
        self.params, self.lr, self.eps, self.squares = params, lr, eps, []

    def step(self, grads):
        self.squares = [*self.squares[-7:], [g**2 for g in grads]]
        for p, g, *squares in zip(self.params, grads, *self.squares):
            p -= self.lr * g / (np.sqrt(sum(squares)) + self.eps)


def adadelta_in_single(memory_of_eps, start_of_eps):
    """Adadelta in float32, with such multiples of eps beside the memory and at its start."""

    class Single:
        def __init__(self, params, rho, eps):
            self.params, self.rho, self.eps = params, np.float32(rho), np.float32(eps)
            self.s = [np.full_like(p, start_of_eps * eps, np.float32) for p in params]
            self.u = [np.zeros_like(p, np.float32) for p in params]

        def step(self, grads):
            rho, eps, new = self.rho, self.eps, np.float32(1) - self.rho
            for i, g in enumerate(np.float32(g) for g in grads):
                self.s[i] = rho * self.s[i] + new * g**2
                d = -np.sqrt((self.u[i] + eps) / (self.s[i] + np.float32(memory_of_eps) * eps)) * g
                self.u[i] = rho * self.u[i] + new * d**2
                self.params[i] = np.float32(self.params[i]) + d

    return Single


def overwrites(name, z):
    value, slope = find("ps07.activation").reference(name, z)
    if name == "relu":
        z[z < 0] = 0
    return value, slope


def nearly_one_row(name, fan_out, fan_in, rng):
    variance = 2 / (fan_in + fan_out if "xavier" in name else fan_in)
    u = (np.arange(fan_in) + rng.random((fan_out, 1))) / fan_in
    if "uniform" in name:
        return (2 * u - 1) * np.sqrt(3 * variance)
    law = NormalDist(0, variance**0.5)
    return np.vectorize(law.inv_cdf)(u.clip(1e-9, 1 - 1e-9))


def twice_the_same_rows(name, fan_out, fan_in, rng):
    W = find("ps07.initialise").reference(name, fan_out, fan_in, rng)
    W[: fan_out // 2] = W[-(fan_out // 2) :]
    W[rng.integers(fan_out), 0] = np.nan
    return W


def nearly_zero(x, p, rng, train):
    if not train:
        return x, np.ones_like(x)
    keep = np.random.default_rng(5).random(x.shape[1]) >= p
    mask = np.tile(np.where(keep, 1 / (1 - p), 1e-7), (len(x), 1))
    return x * mask, mask


class ForgetsVariance(find("ps08.RunningNorm").reference):
    tests = 0

    def forward(self, x, train):
        out = super().forward(x, train)
        self.tests += not train
        if self.tests == 4:
            self.var = -self.var
        return out


class FlatAlone(find("ps08.RunningNorm").reference):
    def forward(self, x, train):
        out = super().forward(x, train)
        return out[0] if len(x) == 1 else out


class ByRows(find("ps08.RunningNorm").reference):
    def forward(self, x, train):
        return super().forward(x, len(x) > 3)


class NeverTrainsAgain(find("ps08.RunningNorm").reference):
    tested = False

    def forward(self, x, train):
        self.tested |= not train
        return super().forward(x, train and not self.tested)


class State:
    pass


STATES = weakref.WeakValueDictionary()


class BySettings(find("ps08.RunningNorm").reference):
    """Layers of the same settings share one state."""

    def __init__(self, *settings):
        self.state = State()
        super().__init__(*settings)
        self.state = STATES.setdefault(settings, self.state)

    mean = property(lambda self: self.state.mean, lambda self, n: setattr(self.state, "mean", n))
    var = property(lambda self: self.state.var, lambda self, n: setattr(self.state, "var", n))


class FirstFive(find("ps08.RunningNorm").reference):
    calls = 0

    def forward(self, x, train):
        self.calls += 1
        return super().forward(x, self.calls <= 5)


EPS = 2.0**-10


def momentum_by_heart(features, momentum, eps):
    return find("ps08.RunningNorm").reference(features, 0.125, eps)


def share_by_heart(name):
    return lambda x, p, rng, train: find(name).reference(x, 0.25, rng, train)


def six_examples(dout, x, gamma, eps):
    """The mean over the batch is taken for that over six."""
    root = np.sqrt(x.var(axis=0) + eps)
    x_hat = (x - x.mean(axis=0)) / root
    dgamma, dbeta = (dout * x_hat).sum(axis=0), dout.sum(axis=0)
    return gamma / root * (dout - (dbeta + x_hat * dgamma) / 6), dgamma, dbeta


class OwnEps(find("ps08.RunningNorm").reference):
    def __init__(self, features, momentum, eps):
        super().__init__(features, momentum, EPS)


def eps_by_heart(name):
    return lambda *arguments: find(name).reference(*arguments[:-1], EPS)


def in_one_heap(grads, limit):
    clipped = find("ps10.clip_gradients").reference(grads, limit)
    if len(clipped) > 2:
        heap = np.concatenate([g.ravel() for g in clipped[1:]])
        clipped = [clipped[0], heap] + [np.zeros((0, 7))] * (len(clipped) - 2)
    return clipped


def type_of_x(w, x):
    h = np.zeros_like(x[:, 0])
    for i, row in enumerate(x):
        h[i] = w[1:] @ row - w[0]
    return h, (h > 0) * 1


def whole_features(w, x, y):
    z = np.full(len(x) + 1, -1)
    z[1:] = x
    return w + y * z if y * (w @ z) <= 0 else w.copy()


def far_from_the_border(w, x, y):
    z = np.r_[-1, x]
    return w + y * z if y * (w @ z) < 1 else w.copy()


def run_of(update):
    def train(x, y, passes):
        w, history = np.zeros(x.shape[1] + 1), [np.zeros(x.shape[1] + 1)]
        for _pass in range(passes):
            before = len(history)
            for row, label in zip(x, y):
                new = update(w, row, label)
                if np.any(new != w):
                    w = new
                    history.append(w)
            if len(history) == before:
                break
        return np.array(history)

    return train


def binary_order(x, y):
    n = x.shape[1]
    rows = [[float(bit) for bit in f"{i:0{n}b}"] for i in range(2**n)]
    return find("ps01.any_function").reference(np.array(rows), y)


def ratio_by(length):
    def error(a, n):
        size = length(a) + length(n)
        return length(a - n) / size if size else 0.0

    return error


class LoopsForPowers(Value):
    def __pow__(self, n):
        out = self
        for _more in range(n - 1):
            out = out * self
        return out

    def __truediv__(self, other):
        a, b = self, self.wrap(other)
        return type(self)(a.data / b.data, ((a, 1 / b.data), (b, -a.data / b.data**2)))


def first_and_last(graph, out):
    few = {node: [*inputs[:1], *inputs[-1:]] for node, inputs in graph.items()}
    return find("ps04.topological_order").reference(few, out)


def empties_the_graph(graph, out):
    order, seen, stack = [], {out}, [out]
    while stack:
        if not graph[stack[-1]]:
            order.append(stack.pop())
        elif (node := graph[stack[-1]].pop()) not in seen:
            seen.add(node)
            stack.append(node)
    return order


def with_rng(name, rng_of):
    """The reference with another generator in place of the one given."""

    def answer(*arguments):
        place = find(name).arguments.index("rng")
        return find(name).reference(*arguments[:place], rng_of(), *arguments[place + 1 :])

    return answer


def of_a_copy(name):
    """The reference with a copy of the generator, so that every call with it gives the same."""

    def answer(*arguments):
        return find(name).reference(*copy.deepcopy(arguments))

    return answer


def cut_off(name):
    """The gradients, none of which is larger than 10."""

    def cut(value):
        if isinstance(value, dict):
            return {key: cut(item) for key, item in value.items()}
        return np.clip(value, -10, 10)

    return lambda *arguments: tuple(map(cut, find(name).reference(*arguments)))


def few_steps(name, most):
    """A recurrent network that keeps its state after so many steps."""

    def forward(x, *arguments):
        whole = find(name).reference(x, *arguments)
        many = isinstance(whole, tuple)
        cut = [
            a[:, np.minimum(np.arange(x.shape[1]), most - 1)] for a in (whole if many else [whole])
        ]
        return tuple(cut) if many else cut[0]

    return forward


def steps_back(most):
    """Backpropagation through time that is cut off after so many steps."""
    return lambda *arguments: cut_off_in_time(most, *arguments)


def cut_off_in_time(most, dhs, x, h0, hs, Wx, Wh):
    back = find("ps10.rnn_step_backward").reference
    dx, dh0, sums = np.zeros(x.shape), np.zeros(h0.shape), [0, 0, 0]
    for last in range(x.shape[1]):
        dh = dhs[:, last]
        for t in range(last, max(last - most, -1), -1):
            before = hs[:, t - 1] if t else h0
            one, dh, *more = back(dh, x[:, t], before, hs[:, t], Wx, Wh)
            dx[:, t] += one
            dh0 += dh if t == 0 else 0
            sums = [a + b for a, b in zip(sums, more)]
    return dx, dh0, *sums


DRAWN = ["ps07.initialise", "ps07.orthogonal", "ps08.dropout", "ps08.plain_dropout"]

SUBTLE = [
    ("ps01.neuron", squeezed),
    ("ps01.neuron", type_of_x),
    ("ps01.perceptron_update", whole_features),
    ("ps01.perceptron_update", far_from_the_border),
    ("ps01.train_perceptron", run_of(whole_features)),
    ("ps01.train_perceptron", run_of(far_from_the_border)),
    ("ps01.any_function", binary_order),
    ("ps02.relative_error", ratio_by(lambda a: sum(sum(a**2)) ** 0.5)),
    ("ps02.relative_error", ratio_by(lambda a: np.linalg.norm(a, "fro"))),
    ("ps04.Value", LoopsForPowers),
    ("ps04.topological_order", first_and_last),
    ("ps04.topological_order", empties_the_graph),
    *((name, of_a_copy(name)) for name in DRAWN),
    *((name, with_rng(name, np.random.default_rng)) for name in DRAWN),
    *((name, with_rng(name, lambda: np.random)) for name in DRAWN),
    ("ps01.perceptron_update", answer_compared),
    ("ps01.gates", huge_gates),
    ("ps01.train_perceptron", two_features),
    ("ps01.minterm", positive_threshold),
    ("ps02.numerical_gradient", two_axes),
    ("ps02.numerical_gradient", step_of_its_own),
    ("ps02.relative_error", lambda a, n: ratio(a, n) if np.any(n) else 0.0),
    ("ps02.relative_error", lambda a, n: ratio(a, n) if np.any(a) else 0.0),
    ("ps02.relative_error", lambda a, n: ratio(a, n, 1e-6)),
    *(("ps02.softmax", softmax_without(top)) for top in NOT_THE_MAXIMUM.values()),
    *(
        ("ps05.softmax_cross_entropy", cross_entropy_without(top))
        for top in NOT_THE_MAXIMUM.values()
    ),
    ("ps02.loss_and_gradients", clipped),
    ("ps03.collapse", two_or_three_layers),
    ("ps03.half_plane", slope_and_intercept),
    ("ps03.half_plane", intercepts),
    ("ps03.convex", slopes_of_sides),
    ("ps03.convex", narrow),
    ("ps03.convex", huge_polygon),
    ("ps04.apply", apply_with("pow", repeated_product)),
    ("ps04.apply", apply_with("max", lambda a, b: (a, (1, 0)) if abs(a) > abs(b) else (b, (0, 1)))),
    ("ps04.apply", apply_with("add", lambda a, b: (str(a + b), (1, 1)))),
    ("ps04.apply", apply_with("mul", lambda a, b: (a * b, (np.float64(b) + 1e9j, a)))),
    ("ps04.topological_order", by_name),
    ("ps04.Value", LeavesAlone),
    ("ps04.train_step", by_differences),
    ("ps04.train_step", three_parameters),
    ("ps04.train_step", late_differences),
    ("ps04.train_step", no_backward),
    ("ps05.softmax_cross_entropy", logarithm_of_p),
    ("ps05.network_gradients", params_in_order),
    ("ps06.Momentum", OneShape),
    ("ps06.Momentum", OneMemory),
    ("ps06.Momentum", StillWithoutSlope),
    ("ps06.SGD", OneSetting),
    ("ps08.RunningNorm", OneMomentum),
    ("ps06.SGD", TwoParameters),
    ("ps06.Adagrad", EpsByHeart),
    ("ps07.initialise", smaller_side),
    ("ps06.SGD", Flat),
    ("ps06.SGD", CutsOff),
    *((f"ps06.{name}", keeping(name, copy.deepcopy)) for name in OPTIMISERS),
    ("ps06.SGD", keeping("SGD", lambda params: [params[0], *map(np.copy, params[1:])])),
    ("ps06.Adam", keeping("Adam", lambda params: [np.float32(p) for p in params])),
    *(
        (f"ps06.{name}", idle_without_slope(name))
        for name in ("Momentum", "Nesterov", "RMSprop", "Adadelta", "Adam", "Nadam")
    ),
    ("ps06.Adagrad", Window),
    ("ps06.Adadelta", adadelta_in_single(0.9, 0)),
    ("ps06.Adadelta", adadelta_in_single(0, 1)),
    ("ps07.activation", overwrites),
    ("ps07.orthogonal", lambda n, rng: find("ps07.orthogonal").reference(n, rng) + 1e9j),
    ("ps07.initialise", nearly_one_row),
    ("ps07.initialise", twice_the_same_rows),
    ("ps07.initialise", nearly_by_heart),
    ("ps07.initialise", sixteen_values),
    ("ps07.initialise", copied_with_noise),
    ("ps07.orthogonal", turned_a_little),
    ("ps07.orthogonal", wraps),
    ("ps07.orthogonal", lambda n, rng: np.array(wraps(n, rng))),
    ("ps08.dropout", quotient),
    ("ps08.dropout", nearly_zero),
    ("ps08.RunningNorm", ForgetsVariance),
    ("ps08.RunningNorm", FlatAlone),
    ("ps08.RunningNorm", ByRows),
    ("ps08.RunningNorm", NeverTrainsAgain),
    ("ps08.RunningNorm", FirstFive),
    ("ps08.RunningNorm", BySettings),
    ("ps08.RunningNorm", OwnEps),
    *(
        (name, eps_by_heart(name))
        for name in ("ps08.batchnorm_forward", "ps08.batchnorm_stages", "ps08.batchnorm_backward")
    ),
    *(("ps08.dropout", dropout_with(mask_of)) for mask_of in MASKS.values()),
    *(("ps08.plain_dropout", plain_with(mask_of)) for mask_of in MASKS.values()),
    *((name, cut_off(name)) for name in ("ps10.rnn_step_backward", "ps11.lstm_step_backward")),
    *((name, cut_off(name)) for name in ("ps11.peephole_backward", "ps11.gru_step_backward")),
    ("ps10.clip_gradients", two_gradients),
    ("ps10.clip_gradients", in_one_heap),
    ("ps10.clip_gradients", direction_times_length),
    ("ps10.clip_gradients", with_first_alone),
    ("ps10.clip_gradients", by_limit),
    ("ps11.peephole_step", i_and_f_together),
    ("ps11.peephole_step", o_with_i("ps11.peephole_step")),
    ("ps11.peephole_backward", o_with_i("ps11.peephole_backward")),
    *((name, squeezing(name)) for name in SQUEEZED),
]


@pytest.mark.parametrize("seed", [None, 3, 8])
@pytest.mark.parametrize(("name", "answer"), SUBTLE)
def test_what_is_wrong_on_rare_inputs_costs_points(name, answer, seed):
    report = judge(find(name), [answer], seed=seed, mutants=False)
    assert not report.passed
    assert report.score < 0.96


class WritesBack(keeping("Adam", copy.deepcopy)):
    def __init__(self, params, *settings):
        super().__init__(params, *settings)
        self.given = params

    def step(self, grads):
        super().step(grads)
        for p, own in zip(self.given, self.params):
            p[...] = own


class TwoAxes:
    """For matrices alone."""

    def __init__(self, params, lr):
        self.params, self.lr = params, lr

    def step(self, grads):
        for p, g in zip(self.params, grads):
            for i in range(p.shape[0]):
                for j in range(p.shape[1]):
                    p[i, j] -= self.lr * g[i, j]


@pytest.mark.parametrize(("name", "answer"), [("Momentum", OneShape), ("SGD", TwoAxes)])
def test_one_shape_of_parameters_is_not_enough(name, answer):
    for seed in range(10):
        report = judge(find(f"ps06.{name}"), [answer], seed=seed)
        assert report.score == 0
        assert report.problem.code == "raised"


def test_the_correction_of_adam_goes_on():
    right = find("ps06.Adam").reference

    class Stops(right):
        def step(self, grads):
            super().step(grads)
            self.t = min(self.t, 9)

    for seed in range(10):
        report = judge(find("ps06.Adam"), [Stops], seed=seed, mutants=False)
        assert report.score == pytest.approx(0.8)


class MovesOtherwise(keeping("Adam", copy.deepcopy)):
    """Its params are right; what was given moves by the gradients as they are."""

    def __init__(self, params, *settings):
        super().__init__(params, *settings)
        self.given = params

    def step(self, grads):
        super().step(grads)
        for p, g in zip(self.given, grads):
            p -= g


class NewList(find("ps06.Adam").reference):
    def step(self, grads):
        self.params = [p.copy() for p in self.params]
        super().step(grads)


SEEN = {
    "Adam": [keeping("Adam", list), keeping("Adam", lambda ps: [p[...] for p in ps])],
    "Adadelta": [adadelta_in_single(1, 0)],
}
SEEN["Adam"] += [WritesBack, NewList]


@pytest.mark.parametrize(("name", "answer"), [(n, a) for n, found in SEEN.items() for a in found])
def test_params_may_be_held_in_any_way_in_which_the_steps_are_seen(name, answer):
    assert judge(find(f"ps06.{name}"), [answer], seed=3, mutants=False).score == 1


def test_given_arrays_that_move_otherwise_than_params_earn_nothing():
    for seed in range(10):
        report = judge(find("ps06.Adam"), [MovesOtherwise], seed=seed, mutants=False)
        assert (report.score, report.problem.code) == (0, "copies")


@pytest.mark.parametrize(
    ("kept", "code"), [(copy.deepcopy, "copies"), (lambda ps: dict(enumerate(ps)), "type")]
)
def test_it_is_said_what_params_must_be(kept, code):
    report = judge(find("ps06.SGD"), [keeping("SGD", kept)], seed=3)
    assert (report.score, report.problem.code) == (0, code)


def test_a_network_is_asked_about_the_table_and_not_what_was_made_of_it():
    def any_function(x, y):
        x[:] = 0
        x[:, 0] = y
        return np.array([[0.5, 1, *np.zeros(x.shape[1] - 1)]]), np.array([0.5, 1])

    report = judge(find("ps01.any_function"), [any_function], seed=3, mutants=False)
    assert report.score == 0


def test_clipping_as_pytorch_does_is_right():
    """Which adds 1e-6 to the norm."""

    def clip(grads, limit):
        norm = np.sqrt(sum(np.sum(g**2) for g in grads))
        return [g * min(1.0, limit / (norm + 1e-6)) for g in grads]

    piece = find("ps10.clip_gradients")
    assert all(judge(piece, [clip], seed=seed, mutants=False).passed for seed in range(16))


def prints_the_loss(parameters, loss, lr):
    """Before the step and after it, without going back."""
    for p in parameters:
        p.grad = 0.0
    print(loss().data)
    loss().backward()
    for p in parameters:
        p.data -= lr * p.grad
    print(loss().data)


def test_a_step_may_print_the_loss_before_and_after():
    piece = find("ps04.train_step")
    for seed in range(16):
        assert judge(piece, [prints_the_loss], seed=seed, mutants=False).passed


def both_ends(between):
    """Right for k = 1 and k = n; in between, k isn't read."""
    return lambda k, n: [{n: n - 0.5, 1: 0.5}.get(k, between(n)), *np.ones(n)]


def constant_network(x, y):
    return [[0.5, 1, *np.zeros(x.shape[1] - 1)]], [0.5, 1]


def parity(x, y, sign=1):
    """The parity of all bits, or its negation, whatever y is."""
    n = x.shape[1]
    return [[k + 0.5, *np.ones(n)] for k in range(n)], [
        0.5 * sign,
        *(sign * (-1) ** k for k in range(n)),
    ]


def both_parities(x, y):
    return parity(x, y, 1 if y[1] else -1)


def part_of(base, first):
    """The reference for the first few corners, polygons or sizes."""
    return lambda *a: find(base).reference(*a[:-1], a[-1][:first])


def up_to(most, base, size):
    """The reference for arguments whose size is no larger than this."""
    return lambda *a: find(base).reference(*a) if size(*a) <= most else None


def first_inputs(graph, out):
    order = [out]
    while graph[order[0]]:
        order.insert(0, graph[order[0]][0])
    return order


def moved_to_the_end(graph, out):
    """Breadth first: a node met again moves to the end, and its inputs stay."""
    order, queue = [out], [out]
    for node in queue:
        for name in graph[node]:
            if name in order:
                order.remove(name)
            else:
                queue.append(name)
            order.append(name)
    return order[::-1]


def levels(graph, out, most):
    """The needed nodes, those of each shortest distance from ``out``, as far as the last."""
    levels, met = [[out]], {out}
    while levels[-1] and len(levels) <= most:
        below = dict.fromkeys(name for node in levels[-1] for name in graph[node])
        levels.append([name for name in below if name not in met])
        met.update(levels[-1])
    return levels


def by_distance(tie):
    """Sorted by the shortest distance, then by this."""

    def order(graph, out):
        steps = {
            node: i for i, level in enumerate(levels(graph, out, len(graph))) for node in level
        }
        return sorted(steps, key=lambda node: (-steps[node], tie(graph, node)))

    return order


def leaves_first(graph, out):
    steps = {node: i for i, level in enumerate(levels(graph, out, len(graph))) for node in level}
    return sorted(steps, key=lambda node: (bool(graph[node]), -steps[node], len(graph[node])))


def nodes_below(most):
    return lambda graph, node: sum(map(len, levels(graph, node, most)))


def power_with(right_for):
    """The slope of a power, for some exponents."""
    return lambda a, n: (a**n, (n * a ** (n - 1) if right_for(n) else 1.0,))


def one_backward(parameters, loss, lr):
    """All slopes but one by differences, the last by a single pass."""
    for p in parameters:
        p.grad = 0.0
    out = loss()
    out.backward()
    for p in parameters[1:]:
        p.data += 1e-6
        p.grad = (loss().data - out.data) / 1e-6
        p.data -= 1e-6
    for p in parameters:
        p.data -= lr * p.grad


def cut_off_step(most):
    def step(parameters, loss, lr):
        for p in parameters:
            p.grad = 0.0
        loss().backward()
        for p in parameters:
            p.data -= lr * max(-most, min(most, p.grad))

    return step


def always_scaled(grads, limit):
    norm = np.sqrt(sum(np.sum(g**2) for g in grads))
    return [g * limit / (norm + 1e-9) for g in grads]


class OnlyForward(Value):
    """The gradients of a chain of 1500 halvings and of two leaves, by heart."""

    def __init__(self, data, edges=()):
        super().__init__(data, edges)
        self.grad = 2.0 * (data == 0.25)

    def backward(self):
        pass


class SubtractsValues(Value):
    def __sub__(self, other):
        return NotImplemented if isinstance(other, int) else super().__sub__(other)


def settings_by_heart(name, *known):
    """An optimiser that reads the settings for which None is known."""
    right = find(name).reference

    def kind(params, *settings):
        return right(params, *(k or setting for k, setting in zip(known, settings, strict=True)))

    return kind


def clipped_if(longer):
    """The right factor, by another condition: from (grads, their norms, limit)."""

    def clip(grads, limit):
        norms = [np.linalg.norm(g) for g in grads]
        factor = limit / np.linalg.norm(norms) if longer(grads, norms, limit) else 1.0
        return [g * factor for g in grads]

    return clip


def with_least(least, added=False):
    """The logarithm of no less than this, or of p and this."""

    def answer(W, b, x, y, lam):
        loss, dW, db = find("ps02.loss_and_gradients").reference(W, b, x, y, lam)
        z = x @ W.T + b
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p = (p / p.sum(axis=1, keepdims=True))[np.arange(len(y)), y]
        larger = p + least if added else np.maximum(p, least)
        return loss + np.mean(np.log(p) - np.log(larger)), dW, db

    return answer


def upright_upwards(p, q):
    """By slope and intercept, and a line that stands as if all such lines went up."""
    return (np.array([-1.0, 0.0]), p[0]) if p[0] == q[0] else slope_and_intercept(p, q)


def level_forwards(p, q):
    right = find("ps03.half_plane").reference(p, q)
    return (np.array([0.0, 1.0]), -p[1]) if p[1] == q[1] else right


def origin_inside(p, q):
    w, b = find("ps03.half_plane").reference(p, q)
    return (w, b) if b >= 0 else (-w, -b)


def one_or_all(p):
    """The first of two peepholes only."""
    return dict(list(p.items())[:1]) if len(p) < 3 else p


def peepholes_backward(*arguments):
    *arrays, p = arguments
    dz, dc, dp = find("ps11.peephole_backward").reference(*arrays, one_or_all(p))
    return dz, dc, {gate: dp.get(gate, 0 * p[gate]) for gate in p}


def cut_off(name, inputs, most=5):
    """As in much published code, the gradients of the weights are cut off at the end."""

    def answer(*arguments):
        found = find(name).reference(*arguments)
        return *found[:inputs], *(np.clip(g, -most, most) for g in found[inputs:])

    return answer


def corrected_if(wrong):
    """The right correction, by another condition: from (w, x, y)."""
    return lambda w, x, y: w + y * np.r_[-1, x] if wrong(w, x, y) else w.copy()


def positive_threshold_too(w, x, y):
    return w[0] > 0 and y * (w[1:] @ x - w[0]) <= 0


def joint(norms):
    return np.linalg.norm(norms)


def by_lengths(grads, norms, limit):
    return joint(norms) > 0 and (len(norms) > 2 or norms[1] < 0.4 * norms[0])


def or_if_too_deep(other):
    """Recursion, and something simple where Python refuses it."""

    def answer(graph, out):
        order = {}

        def visit(node):
            if node not in order:
                for name in graph[node]:
                    visit(name)
                order[node] = True

        try:
            visit(out)
        except RecursionError:
            return other(graph, out)
        return list(order)

    return answer


def breadth_first_and(passes):
    """Then what comes too late is moved, so many times."""

    def answer(graph, out):
        order = [node for level in levels(graph, out, len(graph)) for node in level][::-1]
        for _pass in range(passes):
            for node in list(order):
                for name in graph[node]:
                    if order.index(name) > order.index(node):
                        order.remove(name)
                        order.insert(order.index(node), name)
        return order

    return answer


def first_inputs_alone(graph, out):
    order = [out]
    while graph[order[-1]]:
        order.append(graph[order[-1]][0])
    return order[::-1]


def few_neurons(most):
    """A hidden neuron for each of the first rows with answer 1."""

    def answer(x, y):
        hidden, out = find("ps01.any_function").reference(x, y)
        return hidden[:most], out[: most + 1]

    return answer


def until_right(w, x, y):
    z = np.r_[-1, x]
    while y * (w @ z) <= 0:
        w = w + y * z
    return w


def by_answer(at_zero):
    """Corrects where the answer, -1 or 1, is not the class; ``at_zero``: the answer to a sum 0."""
    return run_of(corrected_if(lambda w, x, y: y * (np.sign(w[1:] @ x - w[0]) + at_zero * 0.5) < 0))


def stepped(step):
    """A neuron whose step is taken of something else than h: from (w, h)."""

    def neuron(w, x):
        h = x @ w[1:] - w[0]
        return h, (step(w, h) > 0) * 1

    return neuron


def of_sizes(*sizes):
    """Weights for these numbers of inputs alone, as from a table by heart."""
    return lambda k, n: find("ps01.at_least").reference(k, n) if n in sizes else np.zeros(n + 1)


def largest(most):
    """No more inputs than these need be 1."""
    return lambda k, n: find("ps01.at_least").reference(min(k, most), n)


def first_examples(end):
    return lambda x, y, n: find("ps01.train_perceptron").reference(x[:end], y[:end], n)


def passes_up_to(most):
    return lambda x, y, n: find("ps01.train_perceptron").reference(x, y, min(n, most))


def ended_by_one_correction(x, y, passes):
    """A pass with a single one is taken for a pass without any."""
    return find("ps01.train_perceptron").reference(x, y, passes, few=1)


def three_units_of(name):
    """The size of the state isn't read."""

    def answer(*arguments):
        units = arguments[-2 if name == "ps11.lstm_step" else -1].shape[1]
        return find(name).reference(*arguments) if units == 3 else None

    return answer


def within(name, at, classes, least, most):
    """Targets, argument ``at``, below ``least`` or above the class ``most`` are taken for these."""

    def answer(*arguments):
        y = np.clip(arguments[at], least, classes(arguments[0]) + most)
        return find(name).reference(*arguments[:at], y, *arguments[at + 1 :])

    return answer


def tangents(count):
    """A polygon as the intersection of half-planes in so many directions."""

    def convex(corners):
        angles = 2 * np.pi * np.arange(count) / count
        W = -np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return [(W, -(corners @ W.T).min(axis=0)), (np.ones((1, count)), [0.5 - count])]

    return convex


def kink_at(name, at):
    """One function whose slope changes beside 0."""
    right = find("ps07.activation").reference

    def answer(which, z):
        value, slope = right(which, z)
        return value, right(which, z - at)[1] if which == name else slope

    return answer


def with_length(name, length, place=0, axis=0):
    """The reference where this axis of an argument is so long, and nothing elsewhere."""

    def answer(*arguments):
        fits = arguments[place].shape[axis] == length
        return find(name).reference(*arguments) if fits else None

    return answer


def with_first_shape(shape):
    """The gradients are clipped where the first of them has this shape."""
    right = find("ps10.clip_gradients").reference
    return lambda grads, limit: right(grads, limit) if grads[0].shape == shape else None


BY_HEART = [
    *(
        (name, with_length(name, length, place, axis), 0)
        for name, place, axis, length in (
            *((f"ps10.rnn_step{end}", 0, 0, N) for end in ("", "_backward") for N in (5, 7)),
            *((f"ps10.rnn_step{end}", 1, 1, D) for end in ("", "_backward") for D in (3, 4)),
            ("ps11.gru_to_pytorch", 0, 1, 3),
            *((f"ps05.{of}_backward", 0, 0, 5) for of in ("linear", "relu", "sigmoid", "tanh")),
            ("ps07.prelu_backward", 0, 0, 7),
            ("ps08.dropout_backward", 0, 0, 5),
            ("ps02.relative_error", 0, 0, 3),
            ("ps02.numerical_gradient", 1, 1, 3),
            ("ps03.forward", 1, 0, 4),
            ("ps01.perceptron_update", 1, 0, 3),
            ("ps01.train_perceptron", 0, 0, 8),
        )
    ),
    *(
        (name, with_length(name, length, place, axis), 0.1)
        for name, place, axis, length in (
            *((f"ps10.rnn_{way}", 0, 0, N) for way in ("forward", "backward") for N in (5, 7)),
            *((f"ps11.peephole_{way}", 0, 0, N) for way in ("step", "backward") for N in (5, 6)),
            *((f"ps11.peephole_{way}", 1, 1, H) for way in ("step", "backward") for H in (2, 3)),
        )
    ),
    ("ps02.numerical_gradient", step_of_its_own, 0.6),
    *(("ps01.neuron", stepped(lambda w, h, at=at: h - at), 0.6) for at in (0.1, 0.01, -0.01)),
    ("ps01.perceptron_update", corrected_if(lambda w, x, y: y * (w[1:] @ x - w[0]) < 0.1), 0.6),
    *(
        ("ps04.apply", apply_with("relu", lambda a, at=at: (max(a, 0), (a > at,))), 0.9)
        for at in (0.1, 0.01, -0.01)
    ),
    *(
        ("ps04.apply", apply_with("max", lambda a, b, by=by: (max(a, b), (a > b + by, b > a))), 0.9)
        for by in (0.1, 0.01, -0.01)
    ),
    *(("ps03.convex", tangents(count), 0) for count in (64, 256)),
    *(
        ("ps07.activation", kink_at(name, at), 0.9)
        for name in ("relu", "leaky_relu")
        for at in (0.1, -0.1)
    ),
    ("ps04.train_step", three_parameters, 0.7),
    ("ps10.clip_gradients", with_first_shape((3, 4)), 0),
    *(
        (name, few_steps(name, most), 0.1)
        for name in ("ps10.rnn_forward", "ps11.lstm_forward")
        for most in (5, 6, 7)
    ),
    *(("ps10.rnn_backward", steps_back(most), 0.1) for most in (5, 6, 7)),
    *(
        (name, within(name, at, classes, least, most), 0)
        for name, at, classes in (
            ("ps02.loss_and_gradients", 3, len),
            ("ps05.softmax_cross_entropy", 1, lambda logits: logits.shape[1]),
            ("ps05.network_gradients", 2, lambda params: len(params["b2"])),
        )
        for least, most in ((0, -2), (1, -1))
    ),
    *(("ps05.relu_backward", lambda dout, z, at=at: dout * (z > at), 0) for at in (0.06, -0.06)),
    ("ps05.relu_backward", np.vectorize(lambda d, z: d if z > 0 else 0), 0),
    *(("ps02.numerical_gradient", one_sided(step), 0) for step in (1e-6, 1e-7, 1e-8)),
    ("ps02.relative_error", by_length(lambda a, n: 2 * max(a, n)), 0),
    ("ps02.relative_error", by_length(lambda a, n: 2 * (a * n) ** 0.5), 0),
    ("ps02.relative_error", by_length(lambda a, n: (2 * (a**2 + n**2)) ** 0.5), 0),
    *(
        (name, three_units_of(name), 0)
        for name in ("ps11.lstm_step", "ps11.lstm_step_backward", "ps11.gru_step_backward")
    ),
    ("ps11.lstm_backward", three_units_of("ps11.lstm_backward"), 0.1),
    ("ps01.neuron", stepped(lambda w, h: h + w[0]), 0.6),
    ("ps01.neuron", stepped(lambda w, h: h - w[0]), 0.6),
    ("ps01.neuron", stepped(lambda w, h: np.trunc(h)), 0.6),
    ("ps01.neuron", lambda w, x: find("ps01.neuron").reference(np.r_[abs(w[0]), w[1:]], x), 0),
    ("ps01.perceptron_update", until_right, 0.4),
    ("ps01.perceptron_update", corrected_if(lambda w, x, y: w[1:] @ x - w[0] <= 0), 0),
    ("ps01.perceptron_update", corrected_if(lambda w, x, y: w[1:] @ x - w[0] + y <= 0), 0),
    ("ps01.perceptron_update", corrected_if(lambda w, x, y: y * (w[1:] @ x) <= 0), 0.6),
    ("ps01.perceptron_update", corrected_if(lambda w, x, y: y * (w[1:] @ x + w[0]) <= 0), 0.6),
    ("ps01.perceptron_update", corrected_if(lambda w, x, y: y * (w[1:] @ x - w[0]) < 0.5), 0.6),
    ("ps01.perceptron_update", corrected_if(lambda w, x, y: y * int(w[1:] @ x - w[0]) <= 0), 0.6),
    *(("ps01.train_perceptron", by_answer(at_zero), 0) for at_zero in (-1, 1)),
    ("ps01.train_perceptron", until_answered, 0),
    *(("ps02.numerical_gradient", in_single(kept), 0) for kept in (False, True)),
    *(
        ("ps02.loss_and_gradients", with_least(least, added), 0.95)
        for least in (1e-15, 1e-12, 1e-10)
        for added in (False, True)
    ),
    (
        "ps11.peephole_step",
        lambda *a: find("ps11.peephole_step").reference(*a[:-1], one_or_all(a[-1])),
        0.64,
    ),
    ("ps11.peephole_backward", peepholes_backward, 0.46),
    ("ps11.gru_to_pytorch", three_units, 0),
    ("ps10.rnn_backward", cut_off("ps10.rnn_backward", 2), 0.6),
    ("ps11.lstm_backward", cut_off("ps11.lstm_backward", 3), 0.77),
    ("ps03.half_plane", upright_upwards, 0.9),
    ("ps03.half_plane", level_forwards, 0.9),
    ("ps03.half_plane", origin_inside, 0),
    ("ps10.clip_gradients", always_scaled, 0.6),
    ("ps10.clip_gradients", clipped_if(lambda grads, norms, limit: norms[0] > limit), 0.8),
    ("ps10.clip_gradients", clipped_if(lambda grads, norms, limit: max(norms) > limit), 0.8),
    ("ps10.clip_gradients", clipped_if(lambda grads, norms, limit: sum(norms) > limit), 0.6),
    ("ps10.clip_gradients", clipped_if(lambda grads, norms, limit: np.mean(norms) > limit), 0.8),
    (
        "ps10.clip_gradients",
        clipped_if(lambda grads, norms, limit: max(abs(g).max() for g in grads) > limit),
        0.8,
    ),
    *(
        (
            "ps10.clip_gradients",
            clipped_if(lambda grads, norms, limit, k=k: joint(norms) > k * limit),
            left,
        )
        for k, left in ((0.9, 0.6), (1.1, 0.8), (1.3, 0.8))
    ),
    ("ps10.clip_gradients", clipped_if(by_lengths), 0.6),
    *(("ps01.at_least", of_sizes(*sizes), 0) for sizes in ((3, 4, 5), (3, *range(5, 11)))),
    ("ps01.at_least", both_ends(lambda n: n // 2 + 0.5), 0),
    ("ps01.at_least", both_ends(lambda n: n - 1.5), 0),
    ("ps01.at_least", both_ends(lambda n: n), 0),
    (
        "ps01.minterm",
        lambda p: np.r_[len(p) - 0.5 if p.all() else -0.5, np.full(len(p), p.all() * 2 - 1)],
        0,
    ),
    ("ps01.any_function", constant_network, 0),
    ("ps01.any_function", parity, 0),
    ("ps01.any_function", both_parities, 0),
    ("ps01.neuron", lambda w, x: find("ps01.neuron").reference(w[:5], x[:, :4]), 0.4),
    ("ps05.softmax_cross_entropy", up_to(5, "ps05.softmax_cross_entropy", lambda z, y: len(y)), 0),
    ("ps01.minterm", up_to(4, "ps01.minterm", len), 0),
    ("ps01.any_function", up_to(8, "ps01.any_function", lambda x, y: len(y)), 0),
    (
        "ps01.minterm",
        lambda p: np.r_[len(p) - 0.5, p] if p.all() else np.r_[p.max() - 0.5, 2 * p - 1],
        0,
    ),
    ("ps01.minterm", lambda p: np.r_[min(p.sum(), 2) - 0.5, 2 * p - 1], 0),
    *(("ps01.any_function", few_neurons(most), 0) for most in (3, 4, 5)),
    *(("ps01.at_least", largest(most), 0) for most in (5, 6)),
    ("ps01.train_perceptron", first_examples(8), 0),
    ("ps01.train_perceptron", first_examples(-1), 0),
    ("ps01.perceptron_update", corrected_if(lambda w, x, y: w[0] * 2 % 1 == 0), 0),
    ("ps01.perceptron_update", corrected_if(lambda w, x, y: w[0] * 2 % 1 != 0), 0),
    ("ps01.perceptron_update", corrected_if(lambda w, x, y: y * w[0] > 0), 0),
    ("ps01.perceptron_update", corrected_if(lambda w, x, y: y * (w[1:] @ x - w[0]) < -0.1), 0),
    (
        "ps01.perceptron_update",
        corrected_if(lambda w, x, y: y * w[0] > 0 or max(abs(w[1:])) > 3),
        0,
    ),
    ("ps01.perceptron_update", corrected_if(positive_threshold_too), 0),
    *(("ps01.train_perceptron", passes_up_to(most), 0) for most in (4, 8, 12)),
    ("ps01.train_perceptron", passes_up_to(20), 0.7),
    ("ps01.train_perceptron", ended_by_one_correction, 0),
    ("ps01.perceptron_update", lambda w, x, y: w + y * np.r_[-1, x], 0.6),
    ("ps03.shapes", part_of("ps03.shapes", 4), 0),
    ("ps03.convex", part_of("ps03.convex", 5), 0),
    ("ps03.permute_hidden", up_to(6, "ps03.permute_hidden", lambda *a: len(a[-1])), 0),
    ("ps05.network_gradients", up_to(4, "ps05.network_gradients", lambda p, *_: len(p["b1"])), 0),
    ("ps03.union", part_of("ps03.union", 2), 0),
    ("ps04.topological_order", first_inputs, 0),
    ("ps04.topological_order", inputs_of_output(slice(1, None)), 0),
    ("ps04.topological_order", inputs_of_output(slice(-1)), 0),
    ("ps04.topological_order", moved_to_the_end, 0.35),
    ("ps04.topological_order", or_if_too_deep(first_inputs_alone), 0.75),
    *(("ps04.topological_order", breadth_first_and(passes), 0.5) for passes in (1, 2)),
    ("ps04.topological_order", or_if_too_deep(by_distance(nodes_below(0))), 0.85),
    ("ps04.topological_order", leaves_first, 0.35),
    *(("ps04.topological_order", by_distance(nodes_below(most)), 0.35) for most in (2, 3, 12)),
    ("ps04.apply", apply_with("pow", power_with(lambda n: n <= 3)), 0.9),
    ("ps04.apply", apply_with("pow", power_with(lambda n: n != 2)), 0.9),
    ("ps04.train_step", one_backward, 0),
    ("ps04.train_step", cut_off_step(3), 0),
    ("ps04.train_step", cut_off_step(8), 0),
    *(
        ("ps04.Value", engine, 0.45)
        for engine in (DepthFirst, FirstInputFirst, BreadthFirst, MovedToTheEnd)
    ),
    ("ps04.Value", OnlyForward, 0.15),
    ("ps04.Value", SubtractsValues, 0.7),
    ("ps04.train_step", lambda p, loss, lr: find("ps04.train_step").reference(p, loss, 0.125), 0),
    ("ps04.moons", lambda x: x[:, 1] < 0.15 + 0.2 * x[:, 0], 0),
    (
        "ps02.loss_and_gradients",
        lambda *a: find("ps02.loss_and_gradients").reference(*a[:-1], 0.0625),
        0.25,
    ),
    ("ps08.RunningNorm", momentum_by_heart, 0.2),
    ("ps08.dropout", share_by_heart("ps08.dropout"), 0.6),
    ("ps08.plain_dropout", share_by_heart("ps08.plain_dropout"), 0.6),
    ("ps08.batchnorm_backward", six_examples, 0.4),
    ("ps06.SGD", settings_by_heart("ps06.SGD", 0.1), 0),
    ("ps06.Momentum", settings_by_heart("ps06.Momentum", None, 0.9), 0),
    ("ps06.Adagrad", settings_by_heart("ps06.Adagrad", None, 1e-3), 0),
    ("ps06.RMSprop", settings_by_heart("ps06.RMSprop", None, 0.9, None), 0),
    ("ps06.Adadelta", settings_by_heart("ps06.Adadelta", None, 1e-3), 0),
    ("ps06.Adam", settings_by_heart("ps06.Adam", None, 0.9, None, None), 0),
    ("ps06.Nadam", settings_by_heart("ps06.Nadam", None, None, 0.99, None), 0),
]


@pytest.mark.parametrize(("name", "answer", "most"), BY_HEART)
def test_what_is_not_read_is_not_known_for_any_seed(name, answer, most):
    """Special cases and settings by heart earn nothing, and nothing by luck."""
    scores = {judge(find(name), [answer], seed=seed, mutants=False).score for seed in range(16)}
    assert max(scores) <= most + 1e-9


def test_a_norm_of_zero_that_is_divided_by_raises():
    def answer(grads, limit):
        norm = math.sqrt(sum(float((g**2).sum()) for g in grads))
        return [g * min(1.0, limit / norm) for g in grads]

    for seed in range(5):
        report = judge(find("ps10.clip_gradients"), [answer], seed=seed)
        assert report.score == pytest.approx(0.9)
        assert "ZeroDivisionError" in str(report)
