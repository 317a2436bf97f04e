"""Multi-head attention against PyTorch, weights carried over by name; and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse import nn
from tests.ops.parity import numbers, torch_or_skip

L, S, N, E, H = 3, 5, 2, 8, 2
# Results of PyTorch 2.13 on the weights and the input of the last test.
REFERENCE = {
    "out": [
        [[0.03540738, -0.07164963, -0.00873974, 0.00591623]],
        [[0.03011771, -0.06207513, -0.0120202, 0.00249068]],
        [[0.03438555, -0.06879171, -0.01001851, 0.00538605]],
    ],
    "weights": [
        [
            [0.32382111, 0.34618753, 0.32999136],
            [0.34185687, 0.3308971, 0.32724603],
            [0.32871724, 0.34923537, 0.32204739],
        ]
    ],
    "dx": [
        [[-0.03957242, -0.00644903, -0.02185182, -0.01481152]],
        [[-0.04206765, -0.00827005, -0.02519328, -0.01439012]],
        [[-0.03893944, -0.00716324, -0.02336614, -0.01404141]],
    ],
}


def _pair(*args, **kwargs):
    """The same attention here and in PyTorch, in float64, with equal weights."""
    torch = torch_or_skip()
    theirs = torch.nn.MultiheadAttention(*args, **kwargs).double()
    ours = nn.MultiheadAttention(*args, **kwargs).double()
    with torch.no_grad():
        for i, p in enumerate(theirs.parameters()):
            p.copy_(torch.tensor(numbers(*p.shape, seed=i) * 0.3))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    return ours, theirs


def _masks(rng, causal, padded, added, each_head):
    masks = {}
    if causal:
        shape = (N * H, L, S) if each_head else (L, S)
        hidden = rng.random(shape) < 0.4
        hidden[..., 0] = False
        masks["attn_mask"] = np.where(hidden, -np.inf, rng.random(shape)) if added else hidden
    if padded:
        hidden = rng.random((N, S)) < 0.3
        hidden[:, 0] = False
        masks["key_padding_mask"] = np.where(hidden, -np.inf, 0.0) if added else hidden
    return masks


def _compare(ours, theirs, arrays, options, masks, tolerance=1e-10):
    torch = torch_or_skip()
    shared = all(a is arrays[0] for a in arrays)
    same_memory = arrays[1] is arrays[2]

    def tensors(library):
        q = library.tensor(arrays[0], requires_grad=True)
        k = q if shared else library.tensor(arrays[1], requires_grad=True)
        v = k if shared or same_memory else library.tensor(arrays[2], requires_grad=True)
        return q, k, v

    found, expected = [], []
    for library, module, results in ((nnc, ours, found), (torch, theirs, expected)):
        leaves = tensors(library)
        given_masks = {name: library.tensor(mask) for name, mask in masks.items()}
        out, weights = module(*leaves, **options, **given_masks)
        results.append(out.detach().numpy())
        results.append(None if weights is None else weights.detach().numpy())
        upstream = library.tensor(numbers(*out.shape, seed=9))
        loss = (out * upstream).sum()
        if weights is not None:
            loss = loss + (weights * library.tensor(numbers(*weights.shape, seed=10))).sum()
        module.zero_grad()
        loss.backward()
        results += [x.grad.numpy() for x in dict.fromkeys(leaves)]
        results += [p.grad.numpy() for p in module.parameters()]
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_equal_to_pytorch_in_every_configuration(data):
    torch_or_skip()
    flag = st.booleans()
    options = {name: data.draw(flag, name) for name in ("bias", "batch_first", "add_zero_attn")}
    options["add_bias_kv"] = data.draw(flag, "add_bias_kv")
    kind = data.draw(st.sampled_from(["self", "memory", "three", "other widths"]), "kind")
    if kind == "other widths":
        options |= {"kdim": 6, "vdim": 4}
    ours, theirs = _pair(E, H, **options)

    def shape(length, width):
        return (N, length, width) if options["batch_first"] else (length, N, width)

    query = numbers(*shape(L, E))
    key = query if kind == "self" else numbers(*shape(S, options.get("kdim", E)), seed=1)
    value = (
        numbers(*shape(S, options.get("vdim", E)), seed=2)
        if kind in ("three", "other widths")
        else key
    )
    arrays = (query, key, value)
    seen = data.draw(st.tuples(flag, flag, flag, flag), "causal, padded, added, each head")
    masks = {}
    if kind != "self":
        masks = _masks(np.random.default_rng(0), *seen)
    call = {
        "need_weights": data.draw(flag, "need_weights"),
        "average_attn_weights": data.draw(flag, "average"),
    }
    _compare(ours, theirs, arrays, call, masks)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_without_a_batch(batch_first, need_weights):
    ours, theirs = _pair(E, H, batch_first=batch_first)
    x, memory = numbers(L, E), numbers(S, E, seed=1)
    padding = np.array([False, True, False, False, True])
    call = {"need_weights": need_weights}
    _compare(ours, theirs, (x, x, x), call, {})
    _compare(ours, theirs, (x, memory, memory), call, {"key_padding_mask": padding})


def test_causal_without_a_mask_is_causal_with_the_mask():
    module = nn.MultiheadAttention(E, H, batch_first=True)
    x = nnc.randn(N, L, E)
    hidden = nnc.ones(L, L, dtype=nnc.bool).triu(1)
    for need_weights in (True, False):
        a, _ = module(x, x, x, need_weights=need_weights, is_causal=True)
        b, _ = module(x, x, x, need_weights=need_weights, attn_mask=hidden)
        c, _ = module(x, x, x, need_weights=need_weights, attn_mask=hidden, is_causal=True)
        assert nnc.equal(a, b)
        assert nnc.equal(a, c)
        y = x.clone()
        y[:, -1] = 7.0
        d, _ = module(y, y, y, need_weights=need_weights, is_causal=True)
        np.testing.assert_allclose(d.detach().numpy()[:, :-1], a.detach().numpy()[:, :-1])


def test_the_fused_way_is_the_spelled_out_way():
    """With weights the layer is composed of small operations; without them it is one."""
    for dropout in (0.0, 0.4):
        module = nn.MultiheadAttention(E, H, dropout).double()
        x, memory = nnc.tensor(numbers(L, N, E)), nnc.tensor(numbers(S, N, E, seed=1))
        found = []
        for need_weights in (True, False):
            nnc.manual_seed(1)
            module.zero_grad()
            x = x.detach().requires_grad_()
            out, _ = module(x, memory, memory, need_weights=need_weights)
            (out**2).sum().backward()
            found.append([out.detach(), x.grad, *(p.grad for p in module.parameters())])
        for a, b in zip(*found, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-12)


def test_dropout_is_for_training():
    module = nn.MultiheadAttention(E, H, dropout=0.5)
    x = nnc.randn(L, N, E)
    a, b = (module(x, x, x, need_weights=False)[0] for _ in range(2))
    assert not nnc.equal(a, b)
    _, weights = module(x, x, x)
    assert (weights._data == 0).any() or (weights._data > 1 / L).any()
    module.eval()
    a, b = (module(x, x, x, need_weights=False)[0] for _ in range(2))
    assert nnc.equal(a, b)
    np.testing.assert_allclose(module(x, x, x)[1].detach().numpy().sum(-1), 1, rtol=1e-5)


def test_second_gradient():
    module = nn.MultiheadAttention(4, 2).double()
    x = nnc.tensor(numbers(3, 2, 4), requires_grad=True)

    def f(x):
        out, _ = module(x, x, x, need_weights=False)
        return (out**3).sum()

    (g,) = nnc.grad(f(x), [x], create_graph=True)
    direction = nnc.tensor(numbers(3, 2, 4, seed=3))
    (h,) = nnc.grad((g * direction).sum(), [x])
    step = 1e-5

    def slope(t):
        moved = (x + t * direction).detach().requires_grad_()
        return nnc.grad(f(moved), [moved])[0]._data

    numerical = (slope(step) - slope(-step)) / (2 * step)
    np.testing.assert_allclose(h._data, numerical, rtol=1e-6, atol=1e-8)


def test_learned_mask_gets_a_gradient():
    torch = torch_or_skip()
    ours, theirs = _pair(E, H)
    x, mask = numbers(L, N, E), numbers(L, L, seed=4)
    slopes = []
    for library, module in ((nnc, ours), (torch, theirs)):
        m = library.tensor(mask, requires_grad=True)
        t = library.tensor(x)
        module(t, t, t, attn_mask=m, need_weights=False)[0].pow(2).sum().backward()
        slopes.append(m.grad.numpy())
    np.testing.assert_allclose(*slopes, rtol=1e-9, atol=1e-12)


def test_who_may_look_nowhere_gets_zeros():
    module = nn.MultiheadAttention(E, H, bias=False)
    x = nnc.randn(L, N, E, requires_grad=True)
    hidden = nnc.zeros(L, L, dtype=nnc.bool)
    hidden[1] = True
    for need_weights in (True, False):
        out, weights = module(x, x, x, attn_mask=hidden, need_weights=need_weights)
        assert not out._data[1].any()
        assert out._data[0].all()
        if weights is not None:
            assert not weights._data[:, 1].any()
        (g,) = nnc.grad(out.sum(), [x])
        assert np.isfinite(g._data).all()


def test_initial_values_are_distributed_as_pytorchs():
    torch = torch_or_skip()
    torch.manual_seed(0)
    nnc.manual_seed(0)
    kinds = ({}, {"kdim": 48, "vdim": 32}, {"add_bias_kv": True})
    for options in kinds:
        ours = nn.MultiheadAttention(128, 4, **options)
        theirs = torch.nn.MultiheadAttention(128, 4, **options)
        for (name, p), (other, q) in zip(
            ours.named_parameters(), theirs.named_parameters(), strict=True
        ):
            assert name == other
            assert p.shape == tuple(q.shape)
            a, b = np.sort(p._data.ravel()), np.sort(q.detach().numpy().ravel())
            if not b.any():
                assert not a.any()
                continue
            # Kolmogorov and Smirnov's distance of the two distributions.
            at = np.concatenate([a, b])
            distance = np.abs(np.searchsorted(a, at) - np.searchsorted(b, at)).max() / len(a)
            assert distance < (0.03 if len(a) > 1000 else 0.2), name


@pytest.mark.parametrize(
    ("shapes", "options", "message"),
    [
        (((3, 2, 7), (5, 2, 8), (5, 2, 8)), {}, "last axis of query must be embed_dim=8"),
        (((3, 2, 8), (5, 2, 8), (4, 2, 8)), {}, "a value for every key"),
        (((3, 2, 8), (3, 5, 8), (3, 5, 8)), {}, "Did you mean batch_first=True"),
        (((3, 2, 8), (5, 8), (5, 8)), {}, "without a batch"),
        (((3, 2, 8),) * 3, {"attn_mask": nnc.zeros(2, 3)}, r"must be \(3, 3\) or \(4, 3, 3\)"),
        (((3, 2, 8), *((5, 2, 8),) * 2), {"attn_mask": nnc.zeros(5, 3)}, r"attn_mask\.T"),
        (((3, 2, 8),) * 3, {"key_padding_mask": nnc.zeros(3, 2)}, r"key_padding_mask\.T"),
        (((3, 2, 8),) * 3, {"attn_mask": nnc.arange(9).reshape(3, 3)}, r"attn_mask\.bool"),
    ],
)
def test_shapes_that_do_not_fit_are_named(shapes, options, message):
    made = {shape: nnc.ones(*shape) for shape in shapes}
    with pytest.raises(RuntimeError, match=message):
        nn.MultiheadAttention(8, 2)(*[made[shape] for shape in shapes], **options)


def test_the_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="multiple of num_heads"):
        nn.MultiheadAttention(8, 3)


def _filled(module):
    for i, p in enumerate(module.parameters()):
        p._data[...] = numbers(*p.shape, seed=i) * 0.3
    return module


def test_values_and_gradients_without_pytorch():
    """Some numbers of PyTorch, written down."""
    module = _filled(nn.MultiheadAttention(4, 2).double())
    x = nnc.tensor(numbers(3, 1, 4), requires_grad=True)
    out, weights = module(x, x, x)
    (out**2).sum().backward()
    for name, found in (("out", out), ("weights", weights), ("dx", x.grad)):
        np.testing.assert_allclose(found.detach().numpy(), REFERENCE[name], rtol=1e-5)
