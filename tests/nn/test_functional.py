"""Activations, losses, dropout, embedding, normalisation and attention."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse.ops.lookup import rows_added
from tests.ops.parity import numbers, same, torch_or_skip

F = nnc.nn.functional
quick = settings(max_examples=25, deadline=None)


# Activations


def test_activations_far_from_zero():
    torch = torch_or_skip()
    x = np.array([-1000.0, -30.0, -1e-3, 1e-3, 19.0, 21.0, 1000.0])
    for name in ("gelu", "silu", "softplus", "elu", "leaky_relu", "logsigmoid", "hardtanh"):
        theirs = getattr(torch.nn.functional, name)
        same(getattr(F, name), theirs, [x], 1e-9)
    same(
        lambda x: F.gelu(x, approximate="tanh"),
        lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
        [x],
    )
    same(lambda x: F.softmin(x, 0), lambda x: torch.nn.functional.softmin(x, 0), [x])


def test_activations_refuse():
    with pytest.raises(ValueError, match="'none' or 'tanh'"):
        F.gelu(nnc.ones(2), approximate="erf")
    with pytest.raises(RuntimeError, match=r"int64.*x\.float"):
        F.gelu(nnc.arange(3))
    with pytest.raises(RuntimeError, match=r"4 slopes.*3 channels"):
        F.prelu(nnc.ones(2, 3), nnc.ones(4))
    with pytest.raises(RuntimeError, match=r"softmax needs.*x\.float"):
        nnc.arange(3).softmax(0)


def test_softmax_of_numbers_and_nothing():
    assert nnc.tensor(3.0).softmax(0).item() == 1
    assert nnc.zeros(0, 3).softmax(1).shape == (0, 3)
    assert nnc.zeros(3, 0).softmax(1).shape == (3, 0)
    assert nnc.arange(3).softmax(0, dtype=nnc.float64).dtype == nnc.float64
    x = nnc.tensor([-np.inf, -np.inf], dtype=nnc.float64, requires_grad=True)
    out = x.logsumexp(0)
    out.backward()
    assert out.item() == -np.inf
    assert x.grad.tolist() == [0, 0]
    assert nnc.tensor([1, 1]).logsumexp(0).dtype == nnc.float32


# Losses


@quick
@given(st.data())
def test_cross_entropy_with_all_options(data):
    torch = torch_or_skip()
    n, c = data.draw(st.integers(1, 4)), data.draw(st.integers(2, 4))
    more = data.draw(st.sampled_from([(), (3,), (2, 2)]))
    x = numbers(n, c, *more)
    y = np.random.default_rng(0).integers(0, c, (n, *more))
    weight = data.draw(st.sampled_from([None, np.arange(1.0, c + 1)]))
    options = {
        "reduction": data.draw(st.sampled_from(["mean", "sum", "none"])),
        "label_smoothing": data.draw(st.sampled_from([0.0, 0.1, 1.0])),
        "ignore_index": data.draw(st.sampled_from([-100, int(y.min())])),
    }
    if (y == options["ignore_index"]).all():
        options["ignore_index"] = -100

    def on(library):
        given = None if weight is None else library.tensor(weight)
        return lambda x, y: library.nn.functional.cross_entropy(x, y, given, **options)

    same(on(nnc), on(torch), [x, y])
    options.pop("label_smoothing")

    def likelihood(library):
        given = None if weight is None else library.tensor(weight)
        return lambda x, y: library.nn.functional.nll_loss(x, y, given, **options)

    same(likelihood(nnc), likelihood(torch), [x, y])


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 4, 3)])
def test_cross_entropy_with_probabilities(shape, smoothing):
    torch = torch_or_skip()
    axis = 1 if len(shape) > 1 else 0
    y = np.exp(numbers(*shape, seed=1))
    y /= y.sum(axis, keepdims=True)
    weight = np.arange(1.0, shape[axis] + 1)
    for factors in (None, weight):

        def on(library, factors=factors):
            w = None if factors is None else library.tensor(factors)
            return lambda x, y: library.nn.functional.cross_entropy(
                x, y, w, label_smoothing=smoothing
            )

        same(on(nnc), on(torch), [numbers(*shape), y])


def test_ignored_classes_may_be_impossible():
    x = nnc.tensor([[0.0, -np.inf], [1.0, 2.0]], requires_grad=True)
    loss = F.nll_loss(x, nnc.tensor([-100, 1]))
    loss.backward()
    assert loss.item() == -2
    assert x.grad.tolist() == [[0, 0], [0, -1]]
    fast = F.cross_entropy(nnc.ones(2, 3), nnc.tensor([0, -100]))
    np.testing.assert_allclose(fast.item(), np.log(3), rtol=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "name",
    ["mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits"],
)
def test_losses_of_two_tensors(name, reduction):
    torch = torch_or_skip()
    same(
        lambda x, y: getattr(F, name)(x, y, reduction=reduction),
        lambda x, y: getattr(torch.nn.functional, name)(x, y, reduction=reduction),
        [numbers(3, 4), numbers(3, 4, seed=1) * 0.7],
    )


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_binary_cross_entropy(reduction):
    torch = torch_or_skip()
    p, y = (1 / (1 + np.exp(-numbers(3, 4, seed=i))) for i in range(2))
    w = np.arange(1.0, 5)

    def on(library):
        return lambda p, y: library.nn.functional.binary_cross_entropy(
            p, y, library.tensor(w), reduction=reduction
        )

    same(on(nnc), on(torch), [p, y])
    ends = nnc.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(ends, nnc.tensor([0.0, 1.0, 1.0, 0.0]), reduction="none")
    assert loss.tolist() == [0, 0, 100, 100]
    loss.sum().backward()
    assert np.isfinite(ends.grad._data).all()


def test_the_target_of_binary_cross_entropy_may_have_a_gradient_at_the_ends():
    # The loss is linear in the target, with the logarithms limited to -100; PyTorch says infinity.
    p, y = nnc.tensor([0.0, 1.0, 0.5]), nnc.tensor([0.2, 0.7, 0.5], requires_grad=True)
    F.binary_cross_entropy(p, y, reduction="sum").backward()
    np.testing.assert_allclose(y.grad._data, [100, -100, 0], atol=1e-6)


def test_logits_of_any_size():
    x = nnc.tensor([-1000.0, 1000.0, 0.0], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(x, nnc.tensor([1.0, 1.0, 0.5]), reduction="sum")
    np.testing.assert_allclose(loss.item(), 1000 + np.log(2), rtol=1e-6)
    loss.backward()
    np.testing.assert_allclose(x.grad._data, [-1, 0, 0], atol=1e-7)


@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "batchmean"])
def test_kl_div(reduction, log_target):
    torch = torch_or_skip()
    options = {"reduction": reduction, "log_target": log_target}
    y = numbers(3, 4, seed=1) if log_target else np.abs(numbers(3, 4, seed=1))
    same(
        lambda x, y: F.kl_div(x, y, **options),
        lambda x, y: torch.nn.functional.kl_div(x, y, **options),
        [numbers(3, 4), y],
    )
    zero = F.kl_div(nnc.tensor([0.5, 0.5]).log(), nnc.tensor([0.0, 1.0]), reduction="sum")
    np.testing.assert_allclose(zero.item(), np.log(2), rtol=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_hinge_losses(reduction):
    torch = torch_or_skip()
    x, y = numbers(5, 4), np.array([0, 3, 2, 2, 1])
    for p in (1, 2):
        same(
            lambda x, y, p=p: F.multi_margin_loss(x, y, p, 0.7, reduction=reduction),
            lambda x, y, p=p: torch.nn.functional.multi_margin_loss(
                x, y, p, 0.7, reduction=reduction
            ),
            [x, y],
        )

    def weighted(library):
        w = library.tensor(np.arange(1.0, 5))
        return lambda x, y: library.nn.functional.multi_margin_loss(
            x, y, weight=w, reduction=reduction
        )

    same(weighted(nnc), weighted(torch), [x, y])
    same(
        lambda x, y: F.multi_margin_loss(x, y, reduction=reduction),
        lambda x, y: torch.nn.functional.multi_margin_loss(x, y, reduction=reduction),
        [x[0], y[1]],
    )
    signs = np.where(numbers(5, 4, seed=2) > 0, 1, -1)
    same(
        lambda x, y: F.hinge_embedding_loss(x, y, 0.5, reduction=reduction),
        lambda x, y: torch.nn.functional.hinge_embedding_loss(x, y, 0.5, reduction=reduction),
        [x, signs],
    )
    found = F.hinge_loss(nnc.tensor(x), nnc.tensor(signs), reduction=reduction)
    losses = np.maximum(1 - signs * x, 0)
    expected = {"mean": losses.mean(), "sum": losses.sum(), "none": losses}[reduction]
    np.testing.assert_allclose(found._data, expected)


def _loss_pairs():
    return [
        (F.mse_loss, nnc.ones),
        (F.l1_loss, nnc.ones),
        (F.huber_loss, nnc.ones),
        (F.smooth_l1_loss, nnc.ones),
        (F.binary_cross_entropy, nnc.ones),
        (F.binary_cross_entropy_with_logits, nnc.ones),
        (F.hinge_loss, nnc.ones),
    ]


@pytest.mark.parametrize(("loss", "make"), _loss_pairs(), ids=lambda f: f.__name__)
def test_a_column_against_a_row_is_warned_about(loss, make):
    with pytest.warns(
        UserWarning, match=rf"{loss.__name__}.*\(4,\).*\(4, 1\).*\(4, 4\).*squeeze"
    ) as seen:
        loss(make(4), make(4, 1))
    assert seen[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss(make(4, 1), make(4, 1))
    with pytest.raises(ValueError, match=r"\(4, 2\).*\(2, 4\).*target\.T"):
        loss(make(4, 2), make(2, 4))


def test_the_warning_points_at_the_program_through_modules():
    with pytest.warns(UserWarning, match="mse_loss") as seen:
        nnc.nn.MSELoss()(nnc.ones(3, 1), nnc.ones(3))
    assert seen[0].filename == __file__


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda x: F.mse_loss(x, x, reduction="average"), ValueError, "average"),
        (lambda x: F.kl_div(x, x, reduction="batch"), ValueError, "batchmean"),
        (lambda x: F.huber_loss(x, x, delta=0), ValueError, "positive"),
        (lambda x: F.smooth_l1_loss(x, x, beta=-1), ValueError, "negative"),
        (lambda x: F.binary_cross_entropy(x * 3, x), RuntimeError, "sigmoid"),
        (lambda x: F.cross_entropy(x, nnc.arange(2), "sum"), TypeError, "reduction='sum'"),
        (lambda x: F.nll_loss(x, nnc.arange(2), "sum"), TypeError, "reduction='sum'"),
        (lambda x: F.nll_loss(x, nnc.arange(3)), ValueError, "nll_loss"),
        (
            lambda x: F.cross_entropy(x, nnc.arange(2), label_smoothing=2),
            ValueError,
            "between 0 and 1",
        ),
        (lambda x: F.cross_entropy(x, nnc.arange(2), nnc.ones(3)), ValueError, "2 classes"),
        (lambda x: F.multi_margin_loss(x, nnc.arange(2), p=3), ValueError, "1 or 2"),
        (lambda x: F.multi_margin_loss(x[None], nnc.arange(2)), ValueError, r"\(N, C\)"),
    ],
)
def test_losses_refuse(use, error, message):
    with pytest.raises(error, match=message):
        use(nnc.ones(2, 2))


def test_smooth_l1_with_beta_zero_is_l1():
    x, y = nnc.tensor(numbers(4)), nnc.tensor(numbers(4, seed=1))
    assert F.smooth_l1_loss(x, y, beta=0).item() == F.l1_loss(x, y).item()


def test_losses_of_nothing_are_not_a_number():
    x = nnc.zeros(0, 2)
    assert np.isnan(F.mse_loss(x, x).item())
    assert np.isnan(F.cross_entropy(x, nnc.zeros(0, dtype=nnc.int64)).item())
    assert F.mse_loss(x, x, reduction="sum").item() == 0


# Dropout


def test_dropout_keeps_the_mean_and_drops_the_share():
    x = nnc.ones(200, 500)
    for p in (0.1, 0.5, 0.9):
        out = F.dropout(x, p, generator=nnc.Generator(0))._data
        # Within 5 standard deviations of the share of 100,000 independent draws.
        assert abs((out == 0).mean() - p) < 5 * np.sqrt(p * (1 - p) / x.numel())
        np.testing.assert_allclose(out[out != 0], 1 / (1 - p), rtol=1e-6)
    assert not F.dropout(x, 1.0)._data.any()
    assert F.dropout(x, 0.3, training=False) is x
    assert F.dropout(x, 0.0) is x


def test_dropout_sends_gradients_through_what_it_kept():
    x = nnc.ones(50, requires_grad=True)
    out = F.dropout(x, 0.4)
    out.sum().backward()
    assert nnc.equal(x.grad, out.detach())


def test_dropout_follows_its_generator():
    x = nnc.ones(100)
    a, b = (F.dropout(x, generator=nnc.Generator(3)) for _ in range(2))
    assert nnc.equal(a, b)
    nnc.manual_seed(3)
    assert nnc.equal(F.dropout(x), a)
    assert not nnc.equal(F.dropout(x), a)


def test_dropout_of_channels():
    out = F.dropout2d(nnc.ones(20, 30, 4, 4), 0.5, generator=nnc.Generator(0))._data
    by_channel = out.reshape(600, 16)
    assert (by_channel == by_channel[:, :1]).all()
    assert 0.4 < (by_channel[:, 0] == 0).mean() < 0.6
    x = nnc.ones(2, 3, 4)
    assert F.dropout2d(x, training=False) is x
    with pytest.raises(RuntimeError, match="channels"):
        F.dropout2d(nnc.ones(3, 4))
    with pytest.raises(ValueError, match="probability"):
        F.dropout(x, 1.5)
    with pytest.raises(ValueError, match="probability"):
        F.dropout2d(x, -0.5)


# Embedding


@quick
@given(st.lists(st.integers(0, 5), max_size=12))
def test_rows_are_added_where_they_belong(index):
    at = np.array(index, dtype=np.int64)
    g = numbers(len(at), 3) if len(at) else np.zeros((0, 3))
    expected = np.zeros((6, 3))
    np.add.at(expected, at, g)
    np.testing.assert_allclose(rows_added(g, at, 6), expected, atol=1e-12)


def test_embedding_with_padding():
    torch = torch_or_skip()
    index = np.array([[0, 2, 2], [1, 0, 4]])
    for padding in (None, 2, -1):
        same(
            lambda i, w, p=padding: F.embedding(i, w, p),
            lambda i, w, p=padding: torch.nn.functional.embedding(i, w, p),
            [index, numbers(5, 3)],
        )
    w = nnc.tensor(numbers(5, 3), requires_grad=True)
    assert F.embedding(nnc.zeros(0, dtype=nnc.int64), w).shape == (0, 3)
    (g,) = nnc.grad((F.embedding(nnc.tensor(index), w, 2) ** 2).sum(), [w], create_graph=True)
    (h,) = nnc.grad(g.sum(), [w])
    assert h._data[:, 0].tolist() == [4, 2, 0, 0, 2]


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (nnc.ones(2), TypeError, r"float32.*input\.long"),
        (nnc.tensor([0, 5]), IndexError, "rows 0 to 4.*0 to 5"),
        (nnc.tensor([-1]), IndexError, "-1"),
    ],
)
def test_embedding_refuses(index, error, message):
    with pytest.raises(error, match=message):
        F.embedding(index, nnc.ones(5, 3))
    with pytest.raises(IndexError, match="padding_idx 7"):
        F.embedding(nnc.tensor([0]), nnc.ones(5, 3), padding_idx=7)
    with pytest.raises(RuntimeError, match=r"\(n, d\)"):
        F.embedding(nnc.tensor([0]), nnc.ones(5))


# Normalisation


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 5), (2, 3, 4, 5)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_and_its_running_statistics(shape, training):
    torch = torch_or_skip()
    statistics = {}

    def on(library):
        mean, var = (library.tensor(v) for v in (np.zeros(3), np.ones(3)))
        statistics[library.__name__] = mean, var

        def run(x, w, b):
            batch_norm = library.nn.functional.batch_norm
            for _ in range(2):
                out = batch_norm(x, mean, var, w, b, training=training, momentum=0.3, eps=1e-3)
            return out

        return run

    same(on(nnc), on(torch), [numbers(*shape), numbers(3, seed=1), numbers(3, seed=2)])
    for ours, theirs in zip(statistics["nncourse"], statistics["torch"]):
        np.testing.assert_allclose(ours._data, theirs.numpy(), rtol=1e-10)


@quick
@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(1, 3))
def test_layer_norm_of_any_shape(shape, n):
    torch = torch_or_skip()
    last = tuple(shape[-n:])
    if np.prod(last) == 1:
        return
    same(
        lambda x, w, b: F.layer_norm(x, last, w, b),
        lambda x, w, b: torch.nn.functional.layer_norm(x, last, w, b),
        [numbers(*shape), numbers(*last, seed=1), numbers(*last, seed=2)],
        1e-9,
    )
    same(
        lambda x: F.layer_norm(x, last),
        lambda x: torch.nn.functional.layer_norm(x, last),
        [numbers(*shape)],
        1e-9,
    )


def test_normalised_numbers_have_mean_0_and_variance_1():
    x = nnc.randn(64, 10, generator=nnc.Generator(0), dtype=nnc.float64) * 3 + 5
    rows = F.layer_norm(x, 10, eps=0)._data
    columns = F.batch_norm(x, None, None, training=True, eps=0)._data
    for out, axis in ((rows, 1), (columns, 0)):
        np.testing.assert_allclose(out.mean(axis), 0, atol=1e-12)
        np.testing.assert_allclose(out.var(axis), 1, rtol=1e-12)
    bias = nnc.ones(10, dtype=nnc.float64)
    np.testing.assert_allclose(F.layer_norm(x, 10, None, bias, 0.0)._data, rows + 1)
    zero, one = nnc.zeros(10, dtype=nnc.float64), nnc.ones(10, dtype=nnc.float64)
    np.testing.assert_allclose(F.batch_norm(x, zero, one, eps=0)._data, x._data)
    np.testing.assert_allclose(F.batch_norm(x, zero, one, None, bias, eps=0)._data, x._data + 1)


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: F.layer_norm(nnc.ones(4, 3), 4), RuntimeError, r"\(4, 3\).*\(4,\).*x\.T"),
        (lambda: F.layer_norm(nnc.ones(4), (2, 4)), RuntimeError, r"\(2, 4\)"),
        (lambda: F.layer_norm(nnc.ones(4, 3), 3, nnc.ones(4)), RuntimeError, r"weight must be"),
        (lambda: F.batch_norm(nnc.ones(4), None, None), RuntimeError, r"\(N, C, \.\.\.\)"),
        (lambda: F.batch_norm(nnc.ones(4, 3), None, None), RuntimeError, "running_mean"),
        (
            lambda: F.batch_norm(nnc.ones(4, 3), nnc.ones(4), None, training=True),
            RuntimeError,
            r"3 channels.*running_mean must be \(3,\)",
        ),
        (
            lambda: F.batch_norm(nnc.ones(1, 3), None, None, training=True),
            ValueError,
            "more than one value",
        ),
    ],
)
def test_normalisation_says_what_does_not_fit(use, error, message):
    with pytest.raises(error, match=message):
        use()


# Attention


@quick
@given(st.data())
def test_attention_of_any_shape(data):
    torch = torch_or_skip()
    length = st.integers(1, 4)
    q_len, k_len, e, v_len = (data.draw(length) for _ in range(4))
    batch = data.draw(st.sampled_from([(), (2,), (2, 3)]))
    arrays = [
        numbers(*batch, q_len, e),
        numbers(*batch, k_len, e, seed=1),
        numbers(*batch, k_len, v_len, seed=2),
    ]
    options = {
        "is_causal": data.draw(st.booleans()),
        "scale": data.draw(st.sampled_from([None, 2])),
    }

    def on(library):
        attention = library.nn.functional.scaled_dot_product_attention
        return lambda q, k, v: attention(q, k, v, **options)

    same(on(nnc), on(torch), arrays, 1e-9)


def test_attention_with_masks():
    torch = torch_or_skip()
    arrays = [numbers(2, 3, 4), numbers(2, 5, 4, seed=1), numbers(2, 5, 4, seed=2)]
    mask = np.random.default_rng(0).random((2, 3, 5)) < 0.5
    mask[0, 1] = False  # may look nowhere
    mask[0, 0] = mask[1] = True

    def on(library, mask):
        attention = library.nn.functional.scaled_dot_product_attention
        return lambda q, k, v: attention(q, k, v, library.tensor(mask))

    same(on(nnc, mask), on(torch, mask), arrays, 1e-9)
    added = numbers(3, 5, seed=3)
    same(on(nnc, added), on(torch, added), arrays, 1e-9)
    same(
        F.scaled_dot_product_attention,
        torch.nn.functional.scaled_dot_product_attention,
        [*arrays, added],
        1e-9,
    )
    q, k, v = (nnc.tensor(a, requires_grad=True) for a in arrays)
    out = F.scaled_dot_product_attention(q, k, v, nnc.tensor(mask))
    assert not out._data[0, 1].any()
    (g,) = nnc.grad((out**2).sum(), [q], create_graph=True)
    (h,) = nnc.grad((g**2).sum(), [q])
    assert np.isfinite(h._data).all()


def test_attention_broadcasts_and_drops():
    q, k, v = nnc.ones(2, 1, 3, 4), nnc.ones(4, 5, 4), nnc.ones(4, 5, 2)
    for t in (q, k, v):
        t.requires_grad = True
    out = F.scaled_dot_product_attention(q, k, v)
    assert out.shape == (2, 4, 3, 2)
    out.sum().backward()
    assert (q.grad.shape, k.grad.shape, v.grad.shape) == (q.shape, k.shape, v.shape)
    a, b = (
        F.scaled_dot_product_attention(q, k, v, dropout_p=0.5, generator=nnc.Generator(seed))
        for seed in (1, 2)
    )
    assert not nnc.equal(a, b)


@pytest.mark.parametrize(
    ("shapes", "options", "message"),
    [
        (((3, 4), (5, 3), (5, 2)), {}, "queries and keys"),
        (((3, 4), (5, 4), (4, 2)), {}, "as many values as keys"),
        (((4,), (5, 4), (5, 2)), {}, "two axes"),
        (((3, 4), (5, 4), (5, 2)), {"attn_mask": nnc.ones(5, 3)}, r"\(3, 5\)"),
        (((3, 4), (5, 4), (5, 2)), {"attn_mask": nnc.arange(5)}, r"attn_mask\.bool"),
        (((3, 4), (5, 4), (5, 2)), {"attn_mask": nnc.ones(3, 5), "is_causal": True}, "own mask"),
    ],
)
def test_attention_says_what_does_not_fit(shapes, options, message):
    with pytest.raises(RuntimeError, match=message):
        F.scaled_dot_product_attention(*[nnc.ones(*s) for s in shapes], **options)
