"""Recurrent layers by themselves: what PyTorch lacks, what they refuse, what they keep apart."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from nncourse.autograd import gradcheck
from nncourse.ops.recurrent import blocks
from nncourse.ops.recurrent.gru import gru, gru_spelled_out
from nncourse.ops.recurrent.lstm import lstm, lstm_spelled_out
from nncourse.ops.recurrent.original_gru import original_gru, original_gru_spelled_out
from nncourse.ops.recurrent.peephole import peephole_lstm, peephole_lstm_spelled_out
from nncourse.ops.recurrent.rnn import rnn, rnn_spelled_out

KINDS = ["RNN", "LSTM", "GRU", "OriginalGRU", "PeepholeLSTM"]


def _normal(seed, *shape):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def _first(result):
    return result[0]


def _layer(kind, *args, **options):
    nnc.manual_seed(0)
    return getattr(nn, kind)(*args, **options).double()


def _sines(*shape, seed=0.0):
    return np.sin(np.arange(int(np.prod(shape))) * 1.7 + seed).reshape(shape)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_values_and_gradients_written_by_pytorch(kind):
    """Two layers, both directions, sequences of lengths 2 and 4: for where PyTorch is missing."""
    expected = json.loads(Path(__file__).with_name("recurrent_values.json").read_text())[kind]
    layer = _layer(kind, 3, 2, num_layers=2, bidirectional=True)
    with nnc.no_grad():
        for k, p in enumerate(layer.parameters()):
            p.copy_(nnc.tensor(_sines(*p.shape, seed=k)))
    x = nnc.tensor(_sines(4, 2, 3, seed=0.5), requires_grad=True)
    output, states = layer(x, lengths=[2, 4])
    (output * nnc.tensor(_sines(*output.shape, seed=0.25))).sum().backward()
    states = states if isinstance(states, tuple) else (states,)
    found = {
        "output": output,
        "states": nnc.stack(states),
        "input gradient": x.grad,
        "weight_hh_l0 gradient": layer.weight_hh_l0.grad,
    }
    assert found.keys() == expected.keys()
    for name, value in found.items():
        np.testing.assert_allclose(
            value.detach().numpy(), expected[name], rtol=1e-9, atol=1e-11, err_msg=name
        )


# The source lecture's forms


def test_the_original_gru_is_the_lectures():
    """z and r from [h, x]; the candidate from [r * h, x]; h = (1 - z) * h + z * candidate."""
    layer = _layer("OriginalGRU", 3, 4)
    assert [n for n, _ in layer.named_parameters()] == ["weight_ih_l0", "weight_hh_l0"]
    w_r, w_z, w = np.split(
        np.hstack([layer.weight_hh_l0.detach().numpy(), layer.weight_ih_l0.detach().numpy()]), 3
    )

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    x, h = _normal(1, 5, 2, 3), _normal(2, 2, 4)
    output, last = layer(nnc.tensor(x), nnc.tensor(h[None]))
    for t, x_t in enumerate(x):
        both = np.hstack([h, x_t])
        z, r = sigmoid(both @ w_z.T), sigmoid(both @ w_r.T)
        candidate = np.tanh(np.hstack([r * h, x_t]) @ w.T)
        h = (1 - z) * h + z * candidate
        np.testing.assert_allclose(output[t].detach().numpy(), h, rtol=1e-12)
    np.testing.assert_allclose(last[0].detach().numpy(), h, rtol=1e-12)


@pytest.mark.parametrize("bias", [False, True])
def test_the_map_from_the_original_gru_to_pytorchs(bias):
    """Rows of z change their sign; where U of n is diagonal, it does not matter where r stands."""
    ours, theirs = (_layer(k, 3, 4, bias=bias) for k in ("OriginalGRU", "GRU"))
    with nnc.no_grad():
        ours.weight_hh_l0[8:] = ours.weight_hh_l0[8:] * nnc.eye(4).double()
        if bias:
            ours.bias_hh_l0[8:] = 0.0  # r multiplies this one in PyTorch's form
        for name, p in ours.named_parameters():
            copy = p.detach().clone()
            copy[4:8] = -copy[4:8]
            getattr(theirs, name).copy_(copy)
    x, h = nnc.tensor(_normal(1, 5, 2, 3)), nnc.tensor(_normal(2, 1, 2, 4))
    np.testing.assert_allclose(
        _first(ours(x, h)).detach().numpy(), _first(theirs(x, h)).detach().numpy(), rtol=1e-12
    )
    with nnc.no_grad():  # and where it is not, it does
        for layer in (ours, theirs):
            layer.weight_hh_l0[8:] = 0.5
    assert (
        abs(_first(ours(x, h)).detach().numpy() - _first(theirs(x, h)).detach().numpy()).max()
        > 1e-3
    )


def test_full_peepholes_are_the_lectures():
    """f and i from [C', h', x], o from [C, h', x]."""
    layer = _layer("PeepholeLSTM", 3, 4, full=True)
    W, U = (
        np.split(layer.weight_ih_l0.detach().numpy(), 4),
        np.split(layer.weight_hh_l0.detach().numpy(), 4),
    )
    b = np.split(layer.bias_ih_l0.detach().numpy() + layer.bias_hh_l0.detach().numpy(), 4)
    P = {
        "i": layer.weight_ci_l0.detach().numpy(),
        "f": layer.weight_cf_l0.detach().numpy(),
        "o": layer.weight_co_l0.detach().numpy(),
    }
    joined = {gate: np.hstack([P[gate], U[k], W[k]]) for gate, k in (("i", 0), ("f", 1), ("o", 3))}

    def gate(name, k, *seen):
        return 1 / (1 + np.exp(-(np.hstack(seen) @ joined[name].T + b[k])))

    x, h, C = _normal(1, 5, 2, 3), _normal(2, 2, 4), _normal(3, 2, 4)
    output, (_, last) = layer(nnc.tensor(x), (nnc.tensor(h[None]), nnc.tensor(C[None])))
    for t, x_t in enumerate(x):
        f, i = gate("f", 1, C, h, x_t), gate("i", 0, C, h, x_t)
        C = f * C + i * np.tanh(np.hstack([h, x_t]) @ np.hstack([U[2], W[2]]).T + b[2])
        h = gate("o", 3, C, h, x_t) * np.tanh(C)
        np.testing.assert_allclose(output[t].detach().numpy(), h, rtol=1e-12)
    np.testing.assert_allclose(last[0].detach().numpy(), C, rtol=1e-12)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("peepholes", ["", "i", "f", "o", "if", "io", "fo", "ifo"])
def test_any_subset_of_gates_may_have_peepholes(peepholes, full):
    """A gate without a peephole is one with a peephole of zeros; without any it is an LSTM."""
    options = {"num_layers": 2, "bidirectional": True, "batch_first": True}
    some = _layer("PeepholeLSTM", 3, 4, peepholes=peepholes, full=full, **options)
    every = _layer("PeepholeLSTM", 3, 4, full=full, **options)
    plain = _layer("LSTM", 3, 4, **options)
    names = [n for n in some.state_dict() if "weight_c" in n]
    assert sorted({n.split("_")[1] for n in names}) == sorted(f"c{gate}" for gate in peepholes)
    assert len(names) == 4 * len(peepholes)
    for name, p in every.state_dict().items():
        p.copy_(some.state_dict().get(name, p * 0))
    plain.load_state_dict(some.state_dict(), strict=False)
    x = nnc.tensor(_normal(1, 2, 5, 3))
    found = _first(some(x, lengths=[5, 3])).detach().numpy()
    np.testing.assert_allclose(found, _first(every(x, lengths=[5, 3])).detach().numpy(), rtol=1e-12)
    difference = abs(found - _first(plain(x, lengths=[5, 3])).detach().numpy()).max()
    assert difference > 1e-3 if peepholes else difference < 1e-12


def test_a_diagonal_peephole_is_a_diagonal_matrix():
    one, other = _layer("PeepholeLSTM", 3, 4), _layer("PeepholeLSTM", 3, 4, full=True)
    for name, p in one.state_dict().items():
        other.state_dict()[name].copy_(nnc.eye(4).double() * p if "weight_c" in name else p)
    x = nnc.tensor(_normal(1, 5, 2, 3))
    np.testing.assert_allclose(
        _first(one(x)).detach().numpy(), _first(other(x)).detach().numpy(), rtol=1e-12
    )
    assert repr(one) == "PeepholeLSTM(3, 4, peepholes='ifo')"
    assert repr(other) == "PeepholeLSTM(3, 4, peepholes='ifo', full=True)"
    for bad in ("x", "ii", "ifog"):
        with pytest.raises(ValueError, match="'ifo'"):
            nn.PeepholeLSTM(3, 4, peepholes=bad)


# Fused and spelled out


TWINS = [
    (rnn, rnn_spelled_out, 1, 1, ()),
    (lstm, lstm_spelled_out, 4, 2, ()),
    (gru, gru_spelled_out, 3, 1, ()),
    (original_gru, original_gru_spelled_out, 3, 1, ()),
    (peephole_lstm, peephole_lstm_spelled_out, 4, 2, ((4,), (4, 4), (4,))),
]


@pytest.mark.parametrize("lengths", [None, (2, 6, 1)], ids=["even", "lengths"])
@pytest.mark.parametrize(
    ("fused", "spelled_out", "gates", "states", "more"), TWINS, ids=[t[0].__name__ for t in TWINS]
)
def test_twins_agree_in_value_gradient_and_second_gradient(
    fused, spelled_out, gates, states, more, lengths, monkeypatch
):
    monkeypatch.setattr(blocks, "_NUMBERS_AT_ONCE", 24)  # two steps at once
    monkeypatch.setattr(blocks, "_ROWS_AT_LEAST", 1)
    shapes = [(6, 3, 2), *[(3, 4)] * states, (gates * 4, 2), (gates * 4, 4), *[(gates * 4,)] * 2]
    arrays = [_normal(i, *shape) for i, shape in enumerate([*shapes, *more])]
    ends = None if lengths is None else np.array(lengths)
    found = []
    for function in (fused, spelled_out):
        leaves = [nnc.tensor(a, requires_grad=True) for a in arrays]
        results = function(*leaves, lengths=ends)
        upstream = [nnc.tensor(_normal(9, *r.shape), requires_grad=True) for r in results]
        total = sum((r * u).sum() for r, u in zip(results, upstream))
        plain = nnc.grad(total, leaves, retain_graph=True)
        slopes = nnc.grad(total, leaves, create_graph=True)
        bend = sum((s * s).sum() for s in slopes)
        found.append([*results, *plain, *slopes, *nnc.grad(bend, [*leaves, *upstream])])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_a_layer_by_central_differences(kind):
    layer = _layer(kind, 2, 3, num_layers=2, bidirectional=True)
    x = nnc.tensor(_normal(1, 4, 2, 2), requires_grad=True)
    assert gradcheck(lambda x: layer(x, lengths=[4, 2])[0], (x,))


def test_only_what_is_needed_is_computed():
    """Frozen weights get no gradient; x may need one where the weights need none."""
    for kind in KINDS:
        layer = _layer(kind, 3, 4)
        x = nnc.tensor(_normal(1, 5, 2, 3), requires_grad=True)
        _first(layer(x)).sum().backward()
        expected = x.grad.detach().numpy()
        frozen = _layer(kind, 3, 4).requires_grad_(False)
        x.grad = None
        _first(frozen(x)).sum().backward()
        np.testing.assert_array_equal(x.grad.detach().numpy(), expected)
        assert all(p.grad is None for p in frozen.parameters())
        some = _layer(kind, 3, 4)
        some.weight_ih_l0.requires_grad = False
        _first(some(x.detach())).sum().backward()
        assert some.weight_ih_l0.grad is None
        np.testing.assert_allclose(
            some.weight_hh_l0.grad.detach().numpy(), layer.weight_hh_l0.grad.detach().numpy()
        )


def test_outputs_may_be_changed_in_place_and_used_later():
    """Results are copies: nothing that the backward pass needs can be overwritten through them."""
    for kind in KINDS:
        slopes = []
        for change in (False, True):
            layer = _layer(kind, 3, 4)
            x = nnc.tensor(_normal(1, 5, 2, 3))
            out = _first(layer(x))
            if change:
                out.data[...] = 0
            out.backward(nnc.ones(5, 2, 4).double())
            slopes.append(layer.weight_hh_l0.grad.detach().numpy())
        np.testing.assert_array_equal(*slopes)


# Settings


def test_dropout_is_between_layers_and_in_training_only():
    x = nnc.tensor(_normal(1, 5, 2, 3))
    layer = _layer("GRU", 3, 4, num_layers=2, dropout=1.0)
    plain = _layer("GRU", 3, 4, num_layers=2)
    np.testing.assert_array_equal(
        _first(layer.eval()(x)).detach().numpy(), _first(plain(x)).detach().numpy()
    )
    output, last = layer.train()(x)
    # The layer above gets zeros; its own outputs are not dropped, nor is the state below.
    zeros = nnc.zeros(5, 2, 3).double()
    assert not np.allclose(output.detach().numpy(), _first(plain(x)).detach().numpy())
    np.testing.assert_allclose(output.detach().numpy(), _first(layer(zeros)).detach().numpy())
    np.testing.assert_array_equal(last[0].detach().numpy(), plain(x)[1][0].detach().numpy())
    assert (output.detach().numpy() != 0).all()

    half = _layer("GRU", 3, 4, num_layers=2, dropout=0.5)
    nnc.manual_seed(1)
    first = _first(half(x)).detach().numpy()
    assert not np.array_equal(first, _first(half(x)).detach().numpy())
    nnc.manual_seed(1)
    np.testing.assert_array_equal(first, _first(half(x)).detach().numpy())


def test_dropout_of_a_single_layer_is_warned_of():
    with pytest.warns(UserWarning, match="one layer only"):
        nn.LSTM(3, 4, dropout=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.LSTM(3, 4, num_layers=2, dropout=0.5)


def test_initial_values():
    nnc.manual_seed(0)
    layer = nn.LSTM(50, 64)
    for p in layer.parameters():
        assert abs(p.detach().numpy()).max() <= 1 / 8
        assert abs(p.detach().numpy().std() - 1 / 8 / np.sqrt(3)) < 0.01
    assert all(p.dtype == nnc.float64 for p in nn.GRU(2, 3, dtype=nnc.float64).parameters())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.LSTM(3, 0), ValueError, "hidden_size must be positive"),
        (lambda: nn.LSTM(3, 2.5), ValueError, "hidden_size must be a whole number"),
        (lambda: nn.GRU(3, 4, num_layers=0), ValueError, "num_layers must be positive"),
        (lambda: nn.RNN(3, 4, 2, dropout=1.5), ValueError, "0 to 1; got 1.5"),
        (lambda: nn.LSTM(3, 4, proj_size=2), NotImplementedError, "proj_size=2"),
        (lambda: nn.RNN(3, 4, nonlinearity="sigmoid"), ValueError, "'tanh' or 'relu'"),
        (lambda: nn.RNNCell(3, 4, nonlinearity="sigmoid"), ValueError, "'tanh' or 'relu'"),
        (lambda: nn.GRUCell(-3, 4), ValueError, "input_size"),
    ],
)
def test_settings_that_make_no_layer(make, error, message):
    with pytest.raises(error, match=message):
        make()


def _given(*shape, dtype=None):
    return nnc.zeros(*shape, dtype=dtype)


CALLS = [
    ("(N, I, T)", lambda m: m(_given(32, 64, 10)), r"must be \(T, N, 64\).*x\.transpose\(1, 2\)"),
    ("(I, T)", lambda m: m(_given(64, 10)), r"Did you mean x\.T\?"),
    ("(I, N, T)", lambda m: m(_given(64, 7, 10)), r"x\.permute\(1, 2, 0\)"),
    ("features", lambda m: m(_given(5, 7, 63)), r"x is \(5, 7, 63\); it must be \(T, N, 64\)"),
    ("four axes", lambda m: m(_given(1, 5, 7, 64)), r"or \(T, 64\) for one sequence"),
    ("tokens", lambda m: m(_given(5, 7, dtype=nnc.int64)), "nn.Embedding or one_hot"),
    (
        "array",
        lambda m: m(np.zeros((5, 7, 64))),
        "tensor or packed sequence; got ndarray",
    ),
    ("no step", lambda m: m(_given(0, 7, 64)), "sequences of no step"),
    ("only h", lambda m: m(_given(5, 7, 64), _given(1, 7, 8)), r"the pair \(h, c\); got Tensor"),
    (
        "h, c without N",
        lambda m: m(_given(5, 7, 64), (_given(1, 8), _given(1, 8))),
        r"h of hx is \(1, 8\); it must be \(1, 7, 8\)",
    ),
    (
        "batch first",
        lambda m: m(_given(7, 5, 64), (_given(1, 7, 8), _given(1, 7, 8))),
        "Did you forget batch_first=True",
    ),
    ("lengths", lambda m: m(_given(5, 7, 64), lengths=[3, 4]), r"must be \(7,\).*got \(2,\)"),
    (
        "lengths of the other axis",
        lambda m: m(_given(5, 7, 64), lengths=[3] * 5),
        "Did you forget batch_first=True",
    ),
    ("long", lambda m: m(_given(5, 2, 64), lengths=[3, 6]), "1 to 5.*got 3 to 6"),
    ("length 0", lambda m: m(_given(5, 2, 64), lengths=[3, 0]), "1 to 5.*got 0 to 3"),
    ("length 2.5", lambda m: m(_given(5, 2, 64), lengths=[3, 2.5]), "whole numbers"),
    ("one", lambda m: m(_given(5, 64), lengths=[3]), "lengths= is for a batch"),
]


@pytest.mark.parametrize(("call", "message"), [c[1:] for c in CALLS], ids=[c[0] for c in CALLS])
def test_wrong_inputs_are_named_with_the_likely_mend(call, message):
    with pytest.raises((RuntimeError, ValueError, TypeError), match=message) as caught:
        call(nn.LSTM(64, 8))
    assert "LSTM" in str(caught.value)


def test_other_wrong_inputs():
    with pytest.raises(RuntimeError, match=r"batch_first=True: x is \(N, T, I\)"):
        nn.GRU(3, 4, batch_first=True)(_given(5, 7, 3), _given(1, 7, 4))
    with pytest.raises(RuntimeError, match="one tensor, h; got 2 of them"):
        nn.GRU(3, 4)(_given(5, 7, 3), (_given(1, 7, 4), _given(1, 7, 4)))
    packed = nn.utils.rnn.pack_sequence([_given(3, 5)])
    with pytest.raises(RuntimeError, match=r"packed steps are \(3, 5\)"):
        nn.GRU(3, 4)(packed)
    with pytest.raises(ValueError, match="knows its lengths"):
        nn.GRU(5, 4)(packed, lengths=[3])
    cell = nn.GRUCell(3, 4)
    with pytest.raises(RuntimeError, match=r"Did you mean x\.T"):
        cell(_given(3, 7))
    with pytest.raises(RuntimeError, match=r"one step: x\[t\], or use nn\.GRU"):
        cell(_given(5, 7, 3))
    with pytest.raises(RuntimeError, match=r"hx must be \(7, 4\); got \(1, 7, 4\)"):
        cell(_given(7, 3), _given(1, 7, 4))
    with pytest.raises(RuntimeError, match=r"pair \(h, c\)"):
        nn.LSTMCell(3, 4)(_given(7, 3), _given(7, 4))


def test_packing_refuses_what_it_cannot_pack():
    rnn_utils = nn.utils.rnn
    with pytest.raises(RuntimeError, match="enforce_sorted=False"):
        rnn_utils.pack_padded_sequence(_given(5, 2, 3), [2, 4])
    with pytest.raises(ValueError, match="batch_first"):
        rnn_utils.pack_padded_sequence(_given(5, 2, 3), [5, 4, 3, 2, 1])
    with pytest.raises(RuntimeError, match=r"first axis.*\(3, 2\), \(4, 5\)"):
        rnn_utils.pad_sequence([_given(3, 2), _given(4, 5)])
    with pytest.raises(RuntimeError, match="at least one"):
        rnn_utils.pad_sequence([])
    with pytest.raises(ValueError, match="total_length 2 is less"):
        rnn_utils.pad_packed_sequence(rnn_utils.pack_sequence([_given(3, 2)]), total_length=2)
    with pytest.raises(ValueError, match="'right' or 'left'"):
        rnn_utils.pad_sequence([_given(3, 2)], padding_side="top")
    packed = rnn_utils.pack_sequence([_given(3, 2)])
    assert packed.to(nnc.float64).data.dtype == nnc.float64
    assert packed.sorted_indices is None


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
def test_states_that_explode_in_the_padding_spoil_nothing():
    layer = nn.RNN(1, 2, nonlinearity="relu")
    with nnc.no_grad():
        layer.weight_hh_l0.copy_(30 * nnc.eye(2))
        for p in (layer.weight_ih_l0, layer.bias_ih_l0, layer.bias_hh_l0):
            p.copy_(nnc.ones_like(p))
    x = nnc.ones(60, 2, 1).requires_grad_()
    output, last = layer(x, lengths=[2, 3])  # by step 30 a state would be infinite
    (output.sum() + last.sum()).backward()
    assert (output.detach().numpy()[3:] == 0).all()
    for value in (
        output.detach().numpy(),
        last.detach().numpy(),
        x.grad.detach().numpy(),
        *[p.grad.detach().numpy() for p in layer.parameters()],
    ):
        assert np.isfinite(value).all()


def test_the_parts_of_a_backward_pass():
    """All steps once, from the last to the first; few of large states, but not too few rows."""
    for n_steps, n, H, most in ((64, 32, 128, 8), (20, 64, 512, 4), (7, 1, 4, 7), (5, 0, 3, 5)):
        found = list(blocks.parts(n_steps, n, H))
        assert [t for p in found for t in range(p.stop - 1, p.start - 1, -1)] == [
            *range(n_steps - 1, -1, -1)
        ]
        assert max(p.stop - p.start for p in found) == most
