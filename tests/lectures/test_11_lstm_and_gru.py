"""Lecture 11: its formulas hold, and so do the claims that its cells do not print."""

import itertools

import numpy as np
import pytest

import nncourse as nnc
from nncourse import data, nn, optim
from nncourse.nn import functional as F
from tests.lectures.form import check_form, functions

NAME = "11-lstm-and-gru"
CELLS = functions(NAME, nnc=nnc, nn=nn, optim=optim, F=F, data=data)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_form_of_the_lecture(language):
    check_form(NAME, language)


def sigmoid(a):
    return (1 + np.tanh(a / 2)) / 2


def double(kind, *sizes, **options):
    nnc.manual_seed(0)
    return getattr(nn, kind)(*sizes, dtype=np.float64, **options)


def draw(*shape, seed=0, grad=False):
    return nnc.tensor(np.random.default_rng(seed).normal(size=shape), requires_grad=grad)


def test_the_four_steps_are_the_library_s_layer():
    """With W [h, x] as it stands on the slides: one matrix for both, one bias."""
    layer = double("LSTM", 3, 4)
    Wx, Wh, b_x, b_h = (p.detach().numpy() for p in layer.parameters())
    W, b = np.hstack([Wh, Wx]), b_x + b_h
    x, h, c = draw(6, 3).numpy(), np.zeros(4), np.zeros(4)
    for value in x:
        z = W @ np.concatenate([h, value]) + b
        i, f, g, o = (sigmoid(z[:4]), sigmoid(z[4:8]), np.tanh(z[8:12]), sigmoid(z[12:]))
        c = f * c + i * g
        h = o * np.tanh(c)
    out, (_h, cell) = layer(nnc.tensor(x[:, None]))
    np.testing.assert_allclose(out.detach().numpy()[-1, 0], h, rtol=1e-9)
    np.testing.assert_allclose(cell.detach().numpy().ravel(), c, rtol=1e-9)
    assert sum(p.numel() for p in layer.parameters()) == 4 * 4 * (3 + 4 + 2)


def test_the_lecture_s_step_is_the_library_s_with_gradients():
    layer, x = double("LSTM", 3, 4), draw(5, 2, 3)
    h = c = nnc.zeros(2, 4, dtype=np.float64)
    for t in range(5):
        h, c, _gates = CELLS["lstm_step"](x[t], h, c, layer)
    upstream = draw(2, 4, seed=1)
    (h * upstream).sum().backward()
    found = [p.grad.numpy().copy() for p in layer.parameters()]
    layer.zero_grad()
    (layer(x)[0][-1] * upstream).sum().backward()
    for p, wanted in zip(layer.parameters(), found):
        np.testing.assert_allclose(p.grad.numpy(), wanted, rtol=1e-7, atol=1e-12)


def test_the_gradient_of_the_cell_by_its_factors():
    """c_t = h_t o (1 - tanh^2) + c_{t+1} f_{t+1}, and what follows from it, against autograd."""
    layer, x = double("LSTM", 3, 4), draw(6, 2, 3)
    h, c = draw(2, 4, seed=1, grad=True), draw(2, 4, seed=2, grad=True)
    h0 = h
    hs, cs, gates = [h], [c], []
    for t in range(6):
        h, c, found = CELLS["lstm_step"](x[t], h, c, layer)
        for one in (h, c, *found):
            one.retain_grad()
        hs.append(h)
        cs.append(c)
        gates.append(found)
    (h * draw(2, 4, seed=3)).sum().backward()
    bar = {t: cs[t].grad.numpy() for t in range(7)}
    numbers = [[one.detach().numpy() for one in found] for found in gates]
    for t in range(1, 7):
        i, f, o = numbers[t - 1]
        cell = np.tanh(cs[t].detach().numpy())
        later = bar[t + 1] * numbers[t][1] if t < 6 else 0
        h_bar = hs[t].grad.numpy()
        np.testing.assert_allclose(bar[t], h_bar * o * (1 - cell**2) + later, rtol=1e-9)
        before = cs[t - 1].detach().numpy()
        g = (cs[t].detach().numpy() - f * before) / i
        i_bar, f_bar, o_bar = (one.grad.numpy() for one in gates[t - 1])
        np.testing.assert_allclose(f_bar, bar[t] * before, rtol=1e-9)
        np.testing.assert_allclose(i_bar, bar[t] * g, rtol=1e-7)
        np.testing.assert_allclose(o_bar, h_bar * cell, rtol=1e-9)
    # Step 1 once more: the arguments of all gates give the gradient of the state before.
    i, f, o = numbers[0]
    g = (cs[1].detach().numpy() - f * cs[0].detach().numpy()) / i
    i_bar, f_bar, o_bar = (one.grad.numpy() for one in gates[0])
    z = np.hstack([i_bar * i * (1 - i), f_bar * f * (1 - f), bar[1] * i * (1 - g**2),
                   o_bar * o * (1 - o)])  # fmt: skip
    np.testing.assert_allclose(h0.grad.numpy(), z @ layer.weight_hh_l0.detach().numpy(), rtol=1e-7)


def test_the_factors_of_a_plain_network():
    layer, x = double("RNN", 2, 3), draw(4, 1, 2)
    h = draw(1, 1, 3, seed=1, grad=True)
    out, _last = layer(x, h)
    upstream = draw(1, 3, seed=2)
    (out[-1] * upstream).sum().backward()
    product = upstream.numpy()[0]
    for state in out.detach().numpy()[::-1, 0]:
        product = layer.weight_hh_l0.detach().numpy().T @ ((1 - state**2) * product)
    np.testing.assert_allclose(h.grad.numpy().ravel(), product, rtol=1e-9)


@pytest.mark.parametrize("bias", [0.0, 3.0])
def test_the_factor_through_fifty_steps(bias):
    layer = nn.LSTM(1, 1, dtype=np.float64)
    with nnc.no_grad():
        for p in layer.parameters():
            p[:] = 0
    CELLS["set_forget"](layer, bias)
    start = nnc.zeros(1, 1, 1, dtype=np.float64)
    cell = nnc.ones(1, 1, 1, dtype=np.float64).requires_grad_()
    layer(nnc.zeros(50, 1, 1, dtype=np.float64), (start, cell))[1][1].sum().backward()
    assert cell.grad.item() == pytest.approx(sigmoid(bias) ** 50)
    assert (bias == 0 and cell.grad.item() < 1e-14) or 0.05 < cell.grad.item() < 0.1


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    "gates", ["".join(some) for n in (1, 2, 3) for some in itertools.combinations("ifo", n)]
)
def test_peepholes_of_any_gates_diagonal_or_full(gates, full):
    """The formulas of the lecture, and dc_t / dc_{t-1} of diagonal ones, with h held fixed."""
    layer = double("PeepholeLSTM", 3, 4, peepholes=gates, full=full)
    names = dict(layer.named_parameters())
    Wx, Wh, b_x, b_h = (p.detach().numpy() for p in list(layer.parameters())[:4])
    x, h, c = (draw(*shape, seed=k).numpy() for k, shape in enumerate(((3,), (4,), (4,))))
    z_i, z_f, z_g, z_o = np.split(Wx @ x + Wh @ h + b_x + b_h, 4)
    matrix = {g: names[f"weight_c{g}_l0"].detach().numpy() for g in gates}
    seen = {g: P if full else np.diag(P) for g, P in matrix.items()}
    none = np.zeros((4, 4))
    i = sigmoid(z_i + seen.get("i", none) @ c)
    f = sigmoid(z_f + seen.get("f", none) @ c)
    g = np.tanh(z_g)
    new = f * c + i * g
    o = sigmoid(z_o + seen.get("o", none) @ new)
    cell = nnc.tensor(c[None, None], requires_grad=True)
    out, (_h, after) = layer(nnc.tensor(x[None, None]), (nnc.tensor(h[None, None]), cell))
    np.testing.assert_allclose(out.detach().numpy().ravel(), o * np.tanh(new), rtol=1e-9)
    np.testing.assert_allclose(after.detach().numpy().ravel(), new, rtol=1e-9)
    slope = np.diag(f) + np.diag(c * f * (1 - f)) @ seen.get("f", none)
    slope += np.diag(g * i * (1 - i)) @ seen.get("i", none)
    after[0, 0, 1].backward()
    np.testing.assert_allclose(cell.grad.numpy().ravel(), slope[1], rtol=1e-9, atol=1e-14)
    added = sum(p.numel() for p in names.values()) - 4 * 4 * (3 + 4 + 2)
    assert added == len(gates) * (16 if full else 4)


def test_the_gru_of_the_lecture_and_its_direct_way():
    layer = double("OriginalGRU", 3, 4)
    Wx, Wh = (p.detach().numpy() for p in layer.parameters())
    x, h = draw(3).numpy(), draw(4, seed=1).numpy()
    r = sigmoid(Wx[:4] @ x + Wh[:4] @ h)
    z = sigmoid(Wx[4:8] @ x + Wh[4:8] @ h)
    n = np.tanh(Wx[8:] @ x + Wh[8:] @ (r * h))
    out = layer(nnc.tensor(x[None, None]), nnc.tensor(h[None, None]))[0]
    np.testing.assert_allclose(out.detach().numpy().ravel(), (1 - z) * h + z * n, rtol=1e-9)
    # Without the matrices at the state only the direct way is left: 1 - z.
    with nnc.no_grad():
        layer.weight_hh_l0[:] = 0
    before = nnc.tensor(h[None, None], requires_grad=True)
    layer(nnc.tensor(x[None, None]), before)[0].sum().backward()
    np.testing.assert_allclose(before.grad.numpy().ravel(), 1 - sigmoid(Wx[4:8] @ x), rtol=1e-9)


def test_the_map_between_both_conventions():
    difference = CELLS["difference"]
    assert difference(True, True) < 1e-6
    assert difference(True, False) > 1e-2
    assert difference(False, True) > 0.5


def test_a_gru_is_smaller_by_a_quarter():
    lstm, gru = (sum(p.numel() for p in make(5, 7).parameters()) for make in (nn.LSTM, nn.GRU))
    assert gru == 0.75 * lstm


def test_who_always_answers_one_is_wrong_by_a_sixth():
    _x, y = data.adding(20000, 10, seed=0)
    assert ((y.numpy() - 1) ** 2).mean() == pytest.approx(1 / 6, rel=0.03)
    flags = data.adding(500, 60, seed=1)[0].numpy()[:, :, 1]
    assert (60 - flags.argmax(axis=1) > 30).all()


def test_guessing_the_copied_symbols():
    """Blanks for certain, the symbols evenly: k ln S in T steps."""
    _x, y = data.copying(200, 20, items=2, symbols=4, seed=0)
    log_p = np.where(y.numpy() == 0, 0.0, -np.log(4))
    assert -log_p.mean() == pytest.approx(2 * np.log(4) / 24)


def test_gradients_of_states_fade_with_the_forget_bias():
    found = {}
    for bias in (0.0, 1.0, 3.0):
        nnc.manual_seed(1)
        norms = CELLS["state_gradients"](CELLS["set_forget"](nn.LSTM(2, 16), bias))
        found[bias] = norms[0] / norms[-1]
    assert found[0.0] < 1e-8 < found[1.0] < 1e-2 < 0.05 < found[3.0]
    nnc.manual_seed(1)
    plain = CELLS["state_gradients"](nn.RNN(2, 16))
    assert plain[0] / plain[-1] < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("task", ["adding", "copying"])
def test_who_learns_the_tasks_for_memory(task):
    """Medians over seeds: gated networks beat guessing by far, a plain one does not."""
    Reader, train, set_forget = (CELLS[name] for name in ("Reader", "train", "set_forget"))
    makers = {"RNN": nn.RNN, "GRU": nn.GRU}
    for name, bias in (("half", 0.0), ("open", 3.0)):
        makers[name] = lambda *a, bias=bias, **o: set_forget(nn.LSTM(*a, **o), bias)
    ends = {}
    for name, make in makers.items():
        losses = []
        for seed in range(3):
            nnc.manual_seed(seed)
            if task == "adding":
                model = Reader(make(2, 16, batch_first=True), 1)
                loss = lambda out, y: F.mse_loss(out[:, -1], y)  # noqa: E731
                curve = train(model, CELLS["adding"], loss, 600, 0.01)
            else:
                model = Reader(make(6, 32, batch_first=True), 6)
                loss = lambda out, y: F.cross_entropy(out.reshape(-1, 6), y.reshape(-1))  # noqa: E731
                curve = train(model, CELLS["copying"], loss, 500, 0.02)
            losses.append(curve[-50:].mean())
        ends[name] = np.median(losses)
    guess = 1 / 6 if task == "adding" else 2 * np.log(4) / 24
    assert ends["RNN"] > 0.9 * guess
    assert ends["GRU"] < 0.1 * guess
    assert ends["open"] < (0.1 if task == "adding" else 0.5) * guess
    if task == "adding":
        assert ends["half"] > 0.9 * guess
