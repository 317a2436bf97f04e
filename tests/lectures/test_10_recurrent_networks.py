"""Lecture 10: its formulas hold, and so do the claims that its cells do not print."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse import data, nn
from nncourse.exercises.ps10 import sequence
from nncourse.nn import functional as F
from tests.lectures.form import check_form, functions

NAME = "10-recurrent-networks"


@pytest.fixture(scope="module")
def lecture():
    return functions(NAME, nnc=nnc, nn=nn, F=F)


@pytest.fixture
def network():
    """T, D, H, M = 7, 3, 5, 2: inputs, U, W, V, s_0, and targets."""
    rng = np.random.default_rng(0)
    draw = rng.normal
    return (draw(size=(7, 3)), draw(size=(5, 3)), draw(size=(5, 5)) / 2, draw(size=(2, 5)),
            draw(size=5) / 2, draw(size=(7, 2)))  # fmt: skip


@pytest.mark.parametrize("language", ["ru", "en"])
def test_form_of_the_lecture(language):
    check_form(NAME, language)


def test_the_number_of_weights_does_not_depend_on_the_length():
    D, H, M = 3, 5, 2
    layer, head = nn.RNN(D, H, bias=False), nn.Linear(H, M, bias=False)
    count = sum(p.numel() for module in (layer, head) for p in module.parameters())
    assert count == H * D + H**2 + M * H
    for T in (1, 4, 50):
        assert head(layer(nnc.zeros(T, D))[0]).shape == (T, M)


def test_forward_is_that_of_the_library_and_of_the_exercise(lecture, network):
    x, U, W, _V, s0, _target = network
    states = lecture["forward"](x, U, W, s0)
    layer = nn.RNN(3, 5, bias=False, dtype="float64")
    names = {"weight_ih_l0": nnc.tensor(U), "weight_hh_l0": nnc.tensor(W)}
    layer.load_state_dict(names)
    found = layer(nnc.tensor(x), nnc.tensor(s0[None]))[0].detach().numpy()
    np.testing.assert_allclose(states[1:], found, atol=1e-12)
    rows = sequence.unroll(x[None], s0[None], U, W, np.zeros(5))
    np.testing.assert_allclose(states[1:], np.asarray(rows)[0], atol=1e-12)


def jacobian(s, W):
    return np.diag(1 - s**2) @ W


def test_the_sum_of_products_is_the_gradient_of_one_loss(lecture, network):
    """dC_t/dW by the formula, against autograd, for every t; the larger i stands further left."""
    x, U, W, V, s0, target = network
    s = lecture["forward"](x, U, W, s0)
    for t in (1, 3, 7):
        above = V.T @ (V @ s[t] - target[t - 1])
        total = np.zeros_like(W)
        for k in range(1, t + 1):
            product = np.eye(5)
            for i in range(k + 1, t + 1):
                product = jacobian(s[i], W) @ product
            # The immediate derivative: ds_k[i] / dW[i, j] = (1 - s_k[i]^2) s_{k-1}[j].
            total += np.outer((above @ product) * (1 - s[k] ** 2), s[k - 1])
        weight = nnc.tensor(W, requires_grad=True)
        state = nnc.tensor(s0)
        for x_t in x[:t]:
            state = (nnc.tensor(U @ x_t) + weight @ state).tanh()
        (0.5 * (nnc.tensor(V) @ state - nnc.tensor(target[t - 1])) ** 2).sum().backward()
        np.testing.assert_allclose(total, weight.grad.numpy(), atol=1e-12)


def test_one_pass_back_gives_the_gradients_of_the_sum(lecture, network):
    x, U, W, V, s0, target = network
    s = lecture["forward"](x, U, W, s0)
    dU, dW = lecture["bptt"]((s[1:] @ V.T - target) @ V, x, s, W)
    layer = nn.RNN(3, 5, bias=False, dtype="float64")
    layer.load_state_dict({"weight_ih_l0": nnc.tensor(U), "weight_hh_l0": nnc.tensor(W)})
    out = layer(nnc.tensor(x), nnc.tensor(s0[None]))[0] @ nnc.tensor(V).T
    (0.5 * (out - nnc.tensor(target)) ** 2).sum().backward()
    np.testing.assert_allclose(dU, layer.weight_ih_l0.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(dW, layer.weight_hh_l0.grad.numpy(), atol=1e-12)


def test_pieces_are_what_detach_makes_of_the_sequence(lecture, network):
    x, U, W, V, s0, target = network
    s = lecture["forward"](x, U, W, s0)
    above = (s[1:] @ V.T - target) @ V
    for piece in (1, 3, 7):
        weight, state, loss = nnc.tensor(W, requires_grad=True), nnc.tensor(s0), 0
        for t, x_t in enumerate(x):
            if t % piece == 0:
                state = state.detach()
            state = (nnc.tensor(U @ x_t) + weight @ state).tanh()
            loss = loss + (0.5 * (nnc.tensor(V) @ state - nnc.tensor(target[t])) ** 2).sum()
        loss.backward()
        cut = lecture["bptt"](above, x, s, W, piece)[1]
        np.testing.assert_allclose(cut, weight.grad.numpy(), atol=1e-12)


def test_only_the_immediate_derivative_fits():
    """The other two readings of the slide are wrong in general, not by chance of the draw."""
    rng = np.random.default_rng(1)
    for _trial in range(10):
        x, w, u, s = rng.normal(size=6), rng.uniform(0.5, 1.5), 0.5, [0.3]
        total, slopes = [0.0], [0.0]
        for x_t in x:
            s.append(np.tanh(u * x_t + w * s[-1]))
            slopes.append(1 - s[-1] ** 2)
            total.append(slopes[-1] * (s[-2] + w * total[-1]))
        paths = [np.prod([w * slopes[i] for i in range(k + 1, 7)]) for k in range(1, 7)]
        immediate = np.array(slopes[1:]) * s[:-1]
        assert np.dot(paths, immediate) == pytest.approx(total[-1])
        for other in (s[:-1], total[1:]):
            assert abs(np.dot(paths, other) - total[-1]) > 0.01 * abs(total[-1])


def test_the_product_is_bounded_by_the_power_of_the_norm(lecture):
    rng = np.random.default_rng(2)
    for size in (0.6, 1.3):
        W = rng.normal(size=(6, 6))
        W *= size / np.linalg.norm(W, 2)
        s = lecture["forward"](rng.normal(size=(20, 2)), rng.normal(size=(6, 2)), W, np.zeros(6))
        product = np.eye(6)
        for steps, state in enumerate(s[1:], start=1):
            product = jacobian(state, W) @ product
            assert np.linalg.norm(product, 2) <= size**steps * (1 + 1e-9)


def test_gradients_go_with_powers_of_the_radius_and_tanh_restrains_them(lecture):
    units = {"none": (lambda z: z, np.ones_like), "tanh": (np.tanh, lambda s: 1 - s**2)}
    norms_back = functions(NAME, UNITS=units)["norms_back"]
    for radius in (0.5, 0.9, 1.1):
        free, bent = norms_back("none", radius), norms_back("tanh", radius)
        np.testing.assert_allclose(free, free[-1] * radius ** np.arange(50, -1, -1.0))
        assert bent[0] < bent[-1]  # even a radius of 1.1 vanishes under tanh
    assert norms_back("none", 1.5)[0] > 1e8 * norms_back("none", 1.5)[-1]
    assert norms_back("tanh", 1.5)[0] < 1e3 * norms_back("tanh", 1.5)[-1]


def test_a_state_that_is_mostly_kept_keeps_most_of_the_gradient(lecture):
    unrolled = pytest.importorskip("nncourse.widgets.unrolled", exc_type=ImportError)
    kept = unrolled.UnrolledRNN(step=lecture["slow_step"], radius=0.7, length=24).norms
    assert (kept[:-1] / kept[1:] >= 0.83 - 1e-6).all()
    assert kept[-1] / kept[0] == pytest.approx(2.5, abs=0.15)
    lost = unrolled.UnrolledRNN("tanh", radius=0.7, length=24).norms
    assert lost[-1] / lost[0] > 2e4


def test_the_gradient_of_the_cliff_and_what_clipping_saves(lecture):
    cliff, descend = lecture["cliff"], lecture["descend"]
    w, b, h = 1.1, -0.2, 1e-6
    slopes = [(cliff(w + h, b)[0] - cliff(w - h, b)[0]) / (2 * h),
              (cliff(w, b + h)[0] - cliff(w, b - h)[0]) / (2 * h)]  # fmt: skip
    np.testing.assert_allclose(cliff(w, b)[1], slopes, rtol=1e-6)
    free, clipped = descend(np.inf)[0], descend(1.0)[0]
    assert cliff(*clipped[-1])[0] < 1e-6 < 1e-2 < cliff(*free[-1])[0]
    steps = np.linalg.norm(np.diff(clipped, axis=0), axis=1)
    assert steps.max() <= 0.05 * (1 + 1e-9)


def test_clipping_keeps_the_direction():
    p = nnc.tensor(np.zeros(3), requires_grad=True)
    (p * nnc.tensor(np.array([3.0, -4.0, 12.0]))).sum().backward()
    before = p.grad.numpy().copy()
    nn.utils.clip_grad_norm_([p], 2.0)
    np.testing.assert_allclose(p.grad.numpy(), before * 2 / 13, rtol=1e-5)


def test_a_dependence_beyond_the_piece_gets_no_gradient(lecture):
    """Loss at the last of 60 steps only: the inputs more than 20 steps before it teach nothing."""
    rng = np.random.default_rng(3)
    W = 0.9 * np.linalg.qr(rng.normal(size=(4, 4)))[0]
    U, x = rng.normal(size=(4, 1)), np.zeros((60, 1))
    x[9] = 1.0  # the event, 50 steps before the loss
    s = lecture["forward"](x, U, W, np.zeros(4))
    above = np.zeros((60, 4))
    above[-1] = rng.normal(size=4)
    assert np.any(lecture["bptt"](above, x, s, W)[0])
    assert not np.any(lecture["bptt"](above, x, s, W, 20)[0])


def test_an_untrained_network_guesses_all_characters_alike():
    for language in ("ru", "en"):
        symbols = data.Vocabulary(data.poem(language))
        codes, L = np.array(symbols.encode(data.poem(language))), len(symbols)
        nnc.manual_seed(1)
        layer, head = nn.RNN(L, 128), nn.Linear(128, L)
        one_hot = nnc.tensor(np.eye(L, dtype=np.float32)[codes[:-1]])
        loss = F.cross_entropy(head(layer(one_hot)[0]), nnc.tensor(codes[1:])).item()
        assert loss == pytest.approx(np.log(L), rel=0.02)
        weights = sum(p.numel() for module in (layer, head) for p in module.parameters())
        assert weights > 40 * len(codes)  # "more than forty parameters for every character"


def test_the_network_knows_the_year_and_levels_with_the_rule_of_growth():
    """The forecast's claims, as medians over seeds that the lecture does not use."""
    logs = np.log(data.airline_passengers().numpy())
    growth = np.diff(logs)[:107]
    scaled = nnc.tensor(((growth - growth.mean()) / growth.std())[None, :, None])
    names = functions(NAME, nnc=nnc, nn=nn, F=F, optim=nnc.optim, scaled=scaled, logs=logs,
                      growth=growth)  # fmt: skip
    real = np.exp(logs[108:])
    rise = np.exp(np.mean(logs[96:108] - logs[84:96]))
    year = np.exp(logs[96:108])
    rules = [np.tile(year, 3), np.concatenate([year * rise**k for k in (1, 2, 3)])]
    plain, grown = (np.mean(abs(rule - real) / real) for rule in rules)
    errors = []
    for seed in range(10, 17):
        guess = names["forecast"](*names["train_forecaster"](seed))
        errors.append(np.mean(abs(guess - real) / real))
    assert np.median(errors) < 0.9 * plain
    assert 0.6 * grown < np.median(errors) < 1.4 * grown
