"""Transformers against PyTorch, weights carried over by name; positional encodings."""

import copy
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse import nn
from nncourse.nn import functional as F
from tests.ops.parity import numbers, torch_or_skip

T, S, N, E, H, HIDDEN = 4, 5, 3, 8, 2, 12


def _carried(ours, theirs):
    """Both with the same weights in float64."""
    ours, theirs = ours.double(), theirs.double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    return ours, theirs


def _inputs(batch_first, *lengths):
    return [
        numbers(*((N, n) if batch_first else (n, N)), E, seed=i) * 0.1
        for i, n in enumerate(lengths)
    ]


def _compare(run, ours, theirs, arrays, tolerance=1e-9):
    """run(library, module, *tensors) gives equal results and gradients."""
    torch = torch_or_skip()
    found = []
    for library, module in ((nnc, ours), (torch, theirs)):
        leaves = [library.tensor(a, requires_grad=True) for a in arrays]
        out = run(library, module, *leaves)
        (out * library.tensor(numbers(*out.shape, seed=5))).sum().backward()
        slopes = [p.grad for p in (*leaves, *module.parameters())]
        found.append([x.detach().numpy() for x in (out, *slopes)])
    for a, b in zip(*found, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def _options(data):
    return {
        "batch_first": data.draw(st.booleans(), "batch_first"),
        "norm_first": data.draw(st.booleans(), "norm_first"),
        "bias": data.draw(st.booleans(), "bias"),
        "activation": data.draw(st.sampled_from(["relu", "gelu", "tanh"]), "activation"),
    }


def _made(library, kind, options, **more):
    """A layer of the library; the activation "tanh" is passed as a function."""
    named = dict(options)
    if named["activation"] == "tanh":
        named["activation"] = library.tanh
    return getattr(library.nn, kind)(E, H, HIDDEN, dropout=0.0, **named, **more)


def _hidden(library, kind, n):
    """A causal mask: bools, numbers or none."""
    if kind == "none":
        return None
    if kind == "bool":
        return library.ones(n, n, dtype=library.bool).triu(1)
    return library.nn.Transformer.generate_square_subsequent_mask(n, dtype=library.float64)


masks = st.sampled_from(["none", "bool", "numbers"])


def _padding(library, kind, n):
    """What hides the last place of the second sequence, in the kind of the other mask."""
    hidden = np.zeros((N, n), bool)
    hidden[1, -1] = True
    return library.tensor(hidden if kind != "numbers" else np.where(hidden, -np.inf, 0.0))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_encoder_layers_are_pytorchs(data):
    torch = torch_or_skip()
    options = _options(data)
    mask, padded = data.draw(masks), data.draw(st.booleans())
    ours, theirs = _carried(
        *(_made(library, "TransformerEncoderLayer", options) for library in (nnc, torch))
    )

    def run(library, module, x):
        padding = _padding(library, mask, T) if padded else None
        return module(x, _hidden(library, mask, T), padding)

    _compare(run, ours, theirs, _inputs(options["batch_first"], T))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_decoder_layers_are_pytorchs(data):
    torch = torch_or_skip()
    options = _options(data)
    mask, padded = data.draw(masks), data.draw(st.booleans())
    ours, theirs = _carried(
        *(_made(library, "TransformerDecoderLayer", options) for library in (nnc, torch))
    )

    def run(library, module, tgt, memory):
        return module(
            tgt,
            memory,
            _hidden(library, mask, T),
            tgt_key_padding_mask=_padding(library, mask, T) if padded else None,
            memory_key_padding_mask=_padding(library, mask, S) if padded else None,
        )

    _compare(run, ours, theirs, _inputs(options["batch_first"], T, S))


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("norm_first", [False, True])
def test_stacks_and_the_whole_are_pytorchs(norm_first):
    torch = torch_or_skip()
    settings_ = (E, H, 2, 2, HIDDEN, 0.0)
    ours, theirs = _carried(
        *(library.nn.Transformer(*settings_, norm_first=norm_first) for library in (nnc, torch))
    )

    def run(library, module, src, tgt):
        return module(src, tgt, tgt_mask=_hidden(library, "numbers", T), tgt_is_causal=True)

    _compare(run, ours, theirs, _inputs(False, S, T))


def test_twenty_steps_of_training_are_pytorchs():
    torch = torch_or_skip()
    ours, theirs = _carried(
        *(
            library.nn.TransformerEncoder(
                library.nn.TransformerEncoderLayer(E, H, HIDDEN, 0.0, batch_first=True), 2
            )
            for library in (nnc, torch)
        )
    )
    losses = []
    for library, model in ((nnc, ours), (torch, theirs)):
        x, y = (library.tensor(a) for a in _inputs(True, T, T))
        optimizer = library.optim.AdamW(model.parameters(), lr=0.01)
        mask = library.nn.Transformer.generate_square_subsequent_mask(T, dtype=library.float64)
        losses.append([])
        for _ in range(20):
            optimizer.zero_grad()
            loss = library.nn.functional.mse_loss(model(x, mask, is_causal=True), y)
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
    assert losses[0][-1] < 0.9 * losses[0][0]
    np.testing.assert_allclose(*losses, rtol=1e-8)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-6, atol=1e-9)


def test_layers_of_a_stack_are_copies():
    layer = nn.TransformerEncoderLayer(E, H, HIDDEN)
    stack = nn.TransformerEncoder(layer, 2, nn.LayerNorm(E))
    assert len(list(stack.parameters())) == 2 * len(list(layer.parameters())) + 2
    first, second = stack.layers
    assert nnc.equal(first.linear1.weight, second.linear1.weight)
    first.linear1.weight.data[...] = 0
    assert second.linear1.weight.data.any()
    assert layer.linear1.weight.data.any()


def test_all_dropouts_drop():
    """With everything dropped only the residual path is left; in evaluation nothing is."""
    x = nnc.randn(T, N, E)
    for layer in (
        nn.TransformerEncoderLayer(E, H, HIDDEN, 1.0, norm_first=True),
        nn.TransformerDecoderLayer(E, H, HIDDEN, 1.0, norm_first=True),
    ):
        more = (x,) if isinstance(layer, nn.TransformerDecoderLayer) else ()
        assert nnc.equal(layer(x, *more), x)
        assert not nnc.allclose(layer.eval()(x, *more), x)


def test_a_decoder_does_not_look_ahead():
    layer = nn.TransformerDecoderLayer(E, H, HIDDEN, 0.0, batch_first=True)
    tgt, memory = nnc.randn(N, T, E, requires_grad=True), nnc.randn(N, S, E)
    out = layer(tgt, memory, tgt_is_causal=True)
    for t in range(T):
        (g,) = nnc.grad((out[:, t] ** 3).sum(), [tgt], retain_graph=True)
        assert g.numpy()[:, : t + 1].any(axis=(0, 2)).all()
        assert not g.numpy()[:, t + 1 :].any()


def test_unknown_activations_are_refused():
    with pytest.raises(RuntimeError, match="'relu', 'gelu' or a function; got 'sigmiod'"):
        nn.TransformerEncoderLayer(E, H, activation="sigmiod")


def test_masks_that_hide_the_future():
    torch = torch_or_skip()
    for dtype in ("float32", "float64"):
        ours, theirs = (
            library.nn.Transformer.generate_square_subsequent_mask(4, dtype=getattr(library, dtype))
            for library in (nnc, torch)
        )
        assert str(ours.dtype) == dtype
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert nn.Transformer.generate_square_subsequent_mask(2).dtype == nnc.float32


# Positional encodings


def test_sinusoidal_encoding_is_the_formula():
    for width in (6, 5, 1):
        found = nn.sinusoidal_encoding(50, width, dtype=nnc.float64).numpy()
        assert found.shape == (50, width)
        for t in (0, 1, 7, 49):
            for j in range(width):
                angle = t / 10000 ** (2 * (j // 2) / width)
                assert found[t, j] == pytest.approx((math.sin, math.cos)[j % 2](angle), abs=1e-12)


def test_a_shift_is_a_rotation():
    """Section 3.5: the encoding of t + k is a linear function of that of t, one for all t."""
    waves = nn.sinusoidal_encoding(40, 8, dtype=nnc.float64).numpy()
    turn, *_ = np.linalg.lstsq(waves[:-3], waves[3:], rcond=None)
    np.testing.assert_allclose(waves[:-3] @ turn, waves[3:], atol=1e-9)
    np.testing.assert_allclose(turn @ turn.T, np.eye(8), atol=1e-9)


@pytest.mark.parametrize("kind", [nn.SinusoidalEncoding, nn.LearnedEncoding])
def test_encodings_are_added_by_place(kind):
    module = kind(E, 10)
    x = nnc.zeros(N, T, E)
    out = module(x)
    assert out.shape == (N, T, E)
    assert (out.data == out.data[0]).all()
    assert not (out.data[0, 0] == out.data[0, 1]).all()
    other = kind(E, 10, batch_first=False)
    other.load_state_dict(module.state_dict())
    assert nnc.equal(other(x.transpose(0, 1)).transpose(0, 1), out)
    assert nnc.equal(module(x[0]), out[0])
    with pytest.raises(RuntimeError, match="no longer than 10"):
        module(nnc.zeros(N, 11, E))
    with pytest.raises(RuntimeError, match=f"last axis must be {E}"):
        module(nnc.zeros(N, T, E - 1))


def test_only_learned_encodings_are_learned():
    assert not nn.SinusoidalEncoding(E, 10).state_dict()
    module = nn.LearnedEncoding(E, 10)
    module(nnc.zeros(N, T, E)).sum().backward()
    assert (module.weight.grad.data[:T] == N).all()
    assert not module.weight.grad.data[T:].any()
    assert 0.01 < nn.LearnedEncoding(64, 64).weight.data.std() < 0.03


def test_layers_can_be_copied():
    layer = nn.TransformerEncoderLayer(E, H, HIDDEN, 0.0, activation=F.gelu)
    x = nnc.randn(T, N, E)
    assert nnc.equal(copy.deepcopy(layer)(x), layer(x))
