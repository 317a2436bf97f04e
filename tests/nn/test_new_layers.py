"""Layers: initial values, randomness, layers that PyTorch does not have, and errors."""

import math

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from tests.nn.parity_of_layers import numbers, torch_or_skip


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("Linear", (50, 400)),
        ("Bilinear", (20, 30, 40)),
        ("Embedding", (300, 40)),
        ("Conv1d", (10, 200, 5)),
        ("Conv2d", (8, 200, 3)),
        ("ConvTranspose1d", (40, 60, 5)),
        ("ConvTranspose2d", (20, 60, 3)),
        ("LayerNorm", (50,)),
        ("GroupNorm", (2, 50)),
        ("BatchNorm2d", (50,)),
        ("PReLU", (50,)),
    ],
)
def test_initial_values_are_distributed_as_pytorchs(name, args):
    torch = torch_or_skip()
    nnc.manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    for (n, p), (m, q) in zip(ours.named_parameters(), theirs.named_parameters()):
        a, b = p.detach().numpy(), q.detach().numpy()
        assert n == m
        assert a.dtype == b.dtype
        few = 0.25 if a.size < 1000 else 0.03
        assert abs(a.std() - b.std()) <= few * b.std()
        if name != "Embedding":  # whose numbers have no bound
            assert abs(a.max() - b.max()) <= few * abs(b.max())
            assert abs(a.min() - b.min()) <= few * abs(b.min())
    nnc.manual_seed(0)
    again = getattr(nn, name)(*args)
    assert all(nnc.equal(p, q) for p, q in zip(ours.parameters(), again.parameters()))


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("Linear", (2, 3)),
        ("Bilinear", (2, 2, 3)),
        ("Embedding", (4, 3)),
        ("Conv1d", (2, 3, 3)),
        ("ConvTranspose2d", (2, 3, 3)),
        ("LayerNorm", (3,)),
        ("RMSNorm", (3,)),
        ("GroupNorm", (1, 3)),
        ("BatchNorm1d", (3,)),
        ("PReLU", ()),
    ],
)
def test_type_and_device_are_taken(name, args):
    layer = getattr(nn, name)(*args, device="cpu", dtype=nnc.float64)
    assert {p.dtype for p in layer.parameters()} == {nnc.float64}
    assert all(b.dtype in (nnc.float64, nnc.int64) for b in layer.buffers())


# Dropout


@pytest.mark.parametrize(
    ("kind", "shape", "together"),
    [
        ("Dropout", (50, 40, 5), ()),
        ("Dropout1d", (50, 40, 5), (2,)),
        ("Dropout2d", (50, 40, 2, 3), (2, 3)),
        ("PlainDropout", (50, 40, 5), ()),
    ],
)
def test_dropout_drops_with_its_probability(kind, shape, together):
    nnc.manual_seed(0)
    layer = getattr(nn, kind)(0.3)
    out = layer(nnc.ones(*shape)).numpy()
    kept = 1.0 if kind == "PlainDropout" else 1 / 0.7
    assert set(np.unique(out)) == {0, np.float32(kept)}
    dropped = out == 0
    if together:  # all or none of a channel
        assert (dropped.all(together) == dropped.any(together)).all()
        dropped = dropped.all(together)
    assert abs(dropped.mean() - 0.3) < 5 * math.sqrt(0.21 / dropped.size)
    assert not np.array_equal(out, layer(nnc.ones(*shape)).numpy())
    nnc.manual_seed(0)
    np.testing.assert_array_equal(layer(nnc.ones(*shape)).numpy(), out)


def test_gradients_pass_where_nothing_was_dropped():
    for layer, factor in ((nn.Dropout(0.5), 2), (nn.PlainDropout(0.5), 1)):
        x = nnc.ones(100, requires_grad=True)
        out = layer(x)
        out.sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), factor * (out.detach().numpy() != 0))


def test_dropout_in_evaluation():
    x = nnc.tensor(numbers(3, 4, 5))
    assert nn.Dropout(0.3).eval()(x) is x
    assert nn.Dropout1d(0.3).eval()(x) is x
    np.testing.assert_allclose(nn.PlainDropout(0.3).eval()(x).numpy(), 0.7 * x.numpy())


def test_both_kinds_of_dropout_agree_on_average():
    # The plain one keeps what it keeps as it is, and makes predictions smaller instead.
    nnc.manual_seed(0)
    x = nnc.ones(200_000)
    plain, inverted = nn.PlainDropout(0.2), nn.Dropout(0.2)
    expected = plain.eval()(x).numpy().mean()
    assert expected == pytest.approx(0.8)
    assert plain.train()(x).numpy().mean() == pytest.approx(expected, abs=0.01)
    assert inverted(x).numpy().mean() == pytest.approx(1, abs=0.01)


def test_dropout_of_everything_and_of_nothing():
    x = nnc.ones(5)
    for kind in (nn.Dropout, nn.PlainDropout):
        assert kind(1.0)(x).tolist() == [0] * 5
        assert kind(0.0)(x).tolist() == [1] * 5
        with pytest.raises(ValueError, match="probability"):
            kind(1.5)


# Not in PyTorch


def test_step():
    x = nnc.tensor([-1.0, 0.0, 0.5, 2.0], requires_grad=True)
    out = nn.Step()(x)
    assert out.tolist() == [0, 1, 1, 1]
    out.sum().backward()
    assert x.grad.tolist() == [0, 0, 0, 0]
    assert nn.Step(1.0)(x).tolist() == [0, 0, 0, 1]
    assert repr(nn.Step(1.0)) == "Step(threshold=1.0)"


def test_residual():
    inner = nn.Linear(3, 3)
    x = nnc.tensor(numbers(2, 3, dtype=np.float32))
    assert nnc.equal(nn.Residual(inner)(x), x + inner(x))
    shortcut = nn.Linear(3, 2)
    net = nn.Residual(nn.Linear(3, 2), shortcut)
    np.testing.assert_array_equal(
        net(x).detach().numpy(), (shortcut(x) + net.module(x)).detach().numpy()
    )
    with pytest.raises(RuntimeError, match="shortcut"):
        nn.Residual(nn.Linear(3, 1))(x)


# Embedding


def test_embedding_from_a_table():
    table = nnc.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    layer = nn.Embedding.from_pretrained(table)
    assert layer(nnc.tensor([2, 0])).tolist() == [[5, 6], [1, 2]]
    assert not layer.weight.requires_grad
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad
    with pytest.raises(ValueError, match=r"\(n, d\)"):
        nn.Embedding.from_pretrained(nnc.ones(3))


def test_embedding_and_padding():
    layer = nn.Embedding(4, 2, padding_idx=-1)
    assert layer.padding_idx == 3
    assert layer.weight[3].tolist() == [0, 0]
    with pytest.raises(ValueError, match="padding_idx 4"):
        nn.Embedding(4, 2, padding_idx=4)
    with pytest.raises(NotImplementedError, match="sparse"):
        nn.Embedding(4, 2, sparse=True)


def test_shortening_rows_counts_as_a_change_of_the_table():
    layer = nn.Embedding(3, 4, max_norm=0.5)
    with nnc.no_grad():
        layer.weight.fill_(1.0)
    kept = layer.weight * layer.weight
    layer(nnc.tensor([1, 1]))
    lengths = np.linalg.norm(layer.weight.detach().numpy(), axis=1)
    np.testing.assert_allclose(lengths, [2, 0.5, 2], rtol=1e-6)
    with pytest.raises(RuntimeError, match=r"changed|overwritten|in place|in-place"):
        kept.sum().backward()


# Errors, with the likely mend


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (lambda: nn.Linear(4, 3)(nnc.ones(4, 2)), r"x is \(4, 2\); .*Did you mean x\.T\?"),
        (lambda: nn.Bilinear(4, 3, 2)(nnc.ones(5, 3), nnc.ones(5, 4)), "swapped"),
        (lambda: nn.Bilinear(4, 3, 2)(nnc.ones(5, 4), nnc.ones(6, 3)), "all axes but the last"),
        (lambda: nn.Conv2d(3, 4, 3)(nnc.ones(2, 8, 8, 3)), r"x\.permute\(0, 3, 1, 2\)"),
        (lambda: nn.Conv2d(1, 4, 3)(nnc.ones(8, 8)), r"unsqueeze\(0\)"),
        (lambda: nn.Conv2d(1, 4, 5)(nnc.ones(1, 1, 3, 3)), "More padding, or a smaller kernel"),
        (lambda: nn.ConvTranspose2d(3, 4, 3)(nnc.ones(2, 4, 8, 8)), "4 channels"),
        (lambda: nn.ConvTranspose2d(3, 4, 3)(nnc.ones(2, 2)), r"\(N, C, H, W\)"),
        (lambda: nn.ConvTranspose1d(3, 4, 1, padding=2)(nnc.ones(2, 3, 3)), "nothing would be"),
        (
            lambda: nn.ConvTranspose2d(1, 1, 2, output_padding=1)(nnc.ones(1, 1, 2, 2)),
            "output_padding must be smaller",
        ),
        (lambda: nn.BatchNorm1d(3)(nnc.ones(2, 4, 3)), r"x\.permute\(0, 2, 1\)"),
        (lambda: nn.GroupNorm(2, 4)(nnc.ones(2, 6, 3)), "expected 4 channels"),
        (lambda: nn.LayerNorm(3)(nnc.ones(3, 2)), r"Did you mean x\.T"),
        (lambda: nn.Unflatten(1, (2, 2))(nnc.ones(3, 5)), "cannot be split"),
        (lambda: nn.AdaptiveAvgPool2d(2)(nnc.ones(5, 5)), r"\(N, C, H, W\)"),
        (lambda: nn.AdaptiveAvgPool1d(2)(nnc.ones(5)), r"\(N, C, L\)"),
        (lambda: nn.PReLU(3)(nnc.ones(2, 4)), "1 or 4"),
    ],
)
def test_shapes_that_do_not_fit(program, message):
    with pytest.raises(RuntimeError, match=message):
        program()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "2 groups"),
        (lambda: nn.Conv2d(3, 4, (3, 3, 3)), "kernel_size"),
        (lambda: nn.Conv2d(3, 4, 3, padding="full"), "'same' or 'valid'"),
        (lambda: nn.Conv2d(3, 4, 3, padding="same", stride=2), "stride 1"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), "padding_mode"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, padding="same"), "number"),
        (lambda: nn.GroupNorm(3, 4), "3 groups"),
        (lambda: nn.Bilinear(0, 2, 3), "in1_features"),
        (lambda: nn.Embedding(-1, 2), "num_embeddings"),
        (lambda: nn.Hardtanh(1.0, 0.0), "max_val"),
        (lambda: nn.BatchNorm1d(3)(nnc.ones(2, 3, 4, 4)), r"\(N, C\) or \(N, C, L\)"),
        (lambda: nn.BatchNorm2d(3)(nnc.ones(2, 3)), r"\(N, C, H, W\)"),
        (lambda: nn.BatchNorm1d(3)(nnc.ones(1, 3)), "more than one value"),
        (lambda: nn.AdaptiveAvgPool2d((2, 2, 2))(nnc.ones(1, 1, 4, 4)), "output_size"),
    ],
)
def test_options_that_do_not_fit(program, message):
    with pytest.raises(ValueError, match=message):
        program()


def test_what_is_not_here():
    with pytest.raises(NotImplementedError, match="running statistics"):
        nn.functional.instance_norm(nnc.ones(2, 3, 4), nnc.zeros(3), nnc.ones(3))
    with pytest.raises(NotImplementedError, match="equal size"):
        nn.functional.adaptive_max_pool2d(nnc.ones(1, 1, 5, 5), 2, return_indices=True)


# Functions without a module of their own


def test_instance_norm():
    torch = torch_or_skip()
    x, w, b = numbers(2, 3, 4, 5), numbers(3, seed=1), numbers(3, seed=2)
    ours = nn.functional.instance_norm(nnc.tensor(x), weight=nnc.tensor(w), bias=nnc.tensor(b))
    theirs = torch.nn.functional.instance_norm(
        torch.tensor(x), weight=torch.tensor(w), bias=torch.tensor(b)
    )
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-9, atol=1e-9)
    with pytest.raises(ValueError, match="more than one value"):
        nn.functional.instance_norm(nnc.ones(2, 3, 1))


def test_output_size_of_transposed_convolution():
    torch = torch_or_skip()
    x = numbers(1, 2, 3, 3, dtype=np.float32)
    theirs = torch.nn.ConvTranspose2d(2, 1, 3, stride=2, padding=1)
    ours = nn.ConvTranspose2d(2, 1, 3, stride=2, padding=1)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    for size in ((5, 5), (6, 5), (6, 6)):
        a, b = ours(nnc.tensor(x), size), theirs(torch.tensor(x), size)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"from \(5, 5\) to \(6, 6\)"):
        ours(nnc.tensor(x), (7, 7))


def test_running_statistics_of_two_kinds():
    # With momentum=None they are the plain average over all batches seen.
    x = numbers(4, 5, 3)
    layer = nn.BatchNorm1d(3, momentum=None).double()
    for batch in x:
        layer(nnc.tensor(batch))
    np.testing.assert_allclose(layer.running_mean.numpy(), x.mean((0, 1)))
    np.testing.assert_allclose(layer.running_var.numpy(), x.var(1, ddof=1).mean(0))
    assert layer.num_batches_tracked.item() == 4
    layer.reset_running_stats()
    assert layer.running_mean.tolist() == [0, 0, 0]
    assert layer.running_var.tolist() == [1, 1, 1]
    assert layer.num_batches_tracked.item() == 0
