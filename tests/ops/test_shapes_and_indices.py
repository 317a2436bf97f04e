"""Broadcasting and indexing on random shapes, and the errors of shapes that do not fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nncourse as nnc

quick = settings(max_examples=150, deadline=None)


def numbers(shape, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 2.0, shape)


@quick
@given(
    hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4, min_side=0),
    st.sampled_from(["add", "sub", "mul", "div"]),
)
def test_broadcasting_and_its_gradient(shapes, name):
    a, b = (numbers(s, i) for i, s in enumerate(shapes.input_shapes))
    x, y = (nnc.tensor(v, requires_grad=True) for v in (a, b))
    out = getattr(nnc, name)(x, y)
    assert out.shape == shapes.result_shape
    upstream = numbers(out.shape, 2)
    out.backward(nnc.tensor(upstream))

    whole_a, whole_b = np.broadcast_arrays(a, b)
    slopes = {
        "add": (1, 1),
        "sub": (1, -1),
        "mul": (whole_b, whole_a),
        "div": (1 / whole_b, -whole_a / whole_b**2),
    }[name]
    for leaf, slope in zip((x, y), slopes):
        expected = np.zeros(leaf.shape)
        # Every element of the result adds its share to the element it came from.
        places = np.broadcast_to(np.arange(leaf.numel()).reshape(leaf.shape), out.shape)
        np.add.at(expected.reshape(-1), places.reshape(-1), (upstream * slope).reshape(-1))
        np.testing.assert_allclose(leaf.grad.numpy(), expected, rtol=1e-10, atol=1e-12)


def _check_index(array, index, ours=None):
    x = nnc.tensor(array, requires_grad=True)
    out = x[index if ours is None else ours]
    np.testing.assert_array_equal(out.detach().numpy(), array[index])
    assert out.shape == array[index].shape
    upstream = numbers(out.shape, 1)
    out.backward(nnc.tensor(upstream))
    expected = np.zeros_like(array)
    np.add.at(expected, index, upstream)
    np.testing.assert_allclose(x.grad.numpy(), expected)


@quick
@given(st.data(), hnp.array_shapes(max_dims=3, max_side=4))
def test_basic_indices(data, shape):
    index = data.draw(
        hnp.basic_indices(shape, allow_newaxis=True, max_dims=5).filter(
            lambda i: not isinstance(i, bool)
        )
    )
    _check_index(numbers(shape), index)


@quick
@given(st.data(), hnp.array_shapes(max_dims=3, max_side=4))
def test_integer_indices_with_repeats(data, shape):
    index = data.draw(hnp.integer_array_indices(shape))
    as_tensors = tuple([nnc.tensor(i) for i in index])
    _check_index(numbers(shape), index)
    _check_index(numbers(shape), index, as_tensors)


@quick
@given(st.data(), hnp.array_shapes(max_dims=3, max_side=4))
def test_masks(data, shape):
    mask = data.draw(hnp.arrays(bool, shape[: data.draw(st.integers(1, len(shape)))]))
    _check_index(numbers(shape), mask)
    _check_index(numbers(shape), mask, nnc.tensor(mask))


@quick
@given(st.data(), hnp.array_shapes(max_dims=3, max_side=4))
def test_assignment(data, shape):
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=False))
    array = numbers(shape)
    value = numbers(array[index].shape, 3)
    x, v = nnc.tensor(array, requires_grad=True), nnc.tensor(value, requires_grad=True)
    y = x * 1
    y[index] = v
    upstream = numbers(shape, 4)
    y.backward(nnc.tensor(upstream))

    array[index] = value
    np.testing.assert_array_equal(y.detach().numpy(), array)
    np.testing.assert_allclose(v.grad.numpy(), upstream[index])
    upstream[index] = 0
    np.testing.assert_allclose(x.grad.numpy(), upstream)


def test_a_float_is_no_index():
    with pytest.raises(IndexError, match="float32"):
        nnc.ones(3)[nnc.ones(2)]


def test_indices_may_mix_tensors_lists_slices_and_dots():
    array = numbers((3, 4, 5))
    x = nnc.tensor(array)
    rows = nnc.tensor([2, 0, 2])
    np.testing.assert_array_equal(x[rows, ..., 1:3].numpy(), array[[2, 0, 2], ..., 1:3])
    np.testing.assert_array_equal(
        x[:, [1, 1], nnc.tensor([0, 3])].numpy(), array[:, [1, 1], [0, 3]]
    )


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda a, b: a @ b, r"\(3, 4\) @ \(2, 4\).*last axis of a \(4\).*a @ b\.T"),
        (lambda a, b: nnc.ones(4, 3) @ nnc.ones(4, 2), r"a\.T @ b"),
        (lambda a, b: a @ nnc.tensor(2.0), r"a \* b"),
        (lambda a, b: a @ 2.0, r"a \* b"),
        (lambda a, b: nnc.ones(2, 3, 4) @ nnc.ones(3, 4, 5), "cannot be broadcast"),
        (lambda a, b: nnc.nn.functional.linear(a.T, b), r"Linear\(4 -> 2\): x is \(4, 3\).*x\.T"),
        (lambda a, b: nnc.nn.functional.linear(nnc.ones(5, 2, 2), b), r"x\.flatten\(1\)"),
        (lambda a, b: nnc.nn.functional.linear(nnc.ones(5, 2), b), r"layer 2 -> 4"),
        (lambda a, b: nnc.nn.functional.linear(a, b, nnc.ones(3)), r"bias has shape \(3,\)"),
        (lambda a, b: a.reshape(5, 2), r"12 elements"),
        (lambda a, b: a.expand(2, 3), r"\(3, 4\) cannot be expanded to \(2, 3\)"),
        (lambda a, b: nnc.cat([a, b], 1), r"\(3, 4\), \(2, 4\)"),
        (lambda a, b: nnc.stack([a, b]), "one shape"),
        (lambda a, b: nnc.cat([]), "at least one"),
        (lambda a, b: a.permute(0, 0), "every axis once"),
        (lambda a, b: nnc.ones(1, 2, 3).t(), "at most two axes"),
        (lambda a, b: a.flatten(1, 0), "after end_dim"),
        (lambda a, b: nnc.arange(3).mean(), r"int64.*x\.float\(\)"),
        (lambda a, b: nnc.arange(3) ** -1, "negative powers"),
    ],
)
def test_errors_name_the_likely_mend(compute, message):
    with pytest.raises(RuntimeError, match=message):
        compute(nnc.ones(3, 4), nnc.ones(2, 4))


@pytest.mark.parametrize(
    "use",
    [
        lambda x: x.sum(2),
        lambda x: x.max(-3),
        lambda x: x.softmax(2),
        lambda x: x.unsqueeze(4),
        lambda x: x.transpose(0, 2),
        lambda x: x[3],
    ],
)
def test_axes_out_of_range(use):
    with pytest.raises(IndexError):
        use(nnc.ones(3, 4))


def test_extremes_return_values_and_indices():
    x = nnc.tensor([[1.0, 5.0, 2.0], [7.0, 0.0, 7.0]])
    values, indices = x.max(1)
    assert values.tolist() == [5, 7]
    assert indices.tolist() == [1, 0]
    assert x.min(dim=0).indices.tolist() == [0, 1, 0]
    assert x.max().item() == 7
    assert x.max(nnc.tensor(3.0)).tolist() == [[3, 5, 3], [7, 3, 7]]
    assert x.argmax().item() == 3
    assert x.argmax(1).tolist() == [1, 0]
    assert x.argmin(0, keepdim=True).tolist() == [[0, 1, 0]]


def test_ties_share_the_gradient_as_in_pytorch():
    x = nnc.tensor([2.0, 5.0, 5.0], requires_grad=True)
    x.max().backward()
    assert x.grad.tolist() == [0, 0.5, 0.5]
    x.grad = None
    x.max(0).values.backward()
    assert x.grad.tolist() == [0, 1, 0]
    a = nnc.tensor([1.0], requires_grad=True)
    b = nnc.tensor([1.0], requires_grad=True)
    nnc.maximum(a, b).backward()
    assert a.grad.tolist() == b.grad.tolist() == [0.5]


def test_gradient_at_zero_is_zero():
    x = nnc.tensor([0.0, -0.0], requires_grad=True)
    (x.relu() + x.abs()).sum().backward()
    assert x.grad.tolist() == [0, 0]


def test_all_any_comparisons_and_logic():
    x = nnc.tensor([1, 2, 3])
    assert (x > 1).any().item()
    assert not (x > 1).all().item()
    assert ((x > 1) & ~(x == 3)).tolist() == [False, True, False]
    assert ((x < 2) | (x >= 3)).tolist() == [True, False, True]
    assert (x != 2).tolist() == [True, False, True]
    assert (x <= 2).tolist() == [True, True, False]
    assert nnc.allclose(nnc.ones(2), nnc.ones(2) + 1e-7)
    assert nnc.equal(x, x.clone())


def test_softmax_and_cross_entropy_do_not_overflow():
    x = nnc.tensor([[1000.0, 0.0], [-1000.0, 1000.0]], requires_grad=True)
    assert x.softmax(1).tolist() == [[1, 0], [0, 1]]
    assert np.isfinite(x.log_softmax(1).detach().numpy()).all()
    loss = nnc.nn.functional.cross_entropy(x, nnc.tensor([1, 1]))
    assert loss.item() == 500
    loss.backward()
    assert x.grad.tolist() == [[0.5, -0.5], [0, 0]]
    assert nnc.tensor([-1000.0, 0.0, 1000.0]).sigmoid().tolist() == [0, 0.5, 1]


@pytest.mark.parametrize(
    ("logits", "target", "error", "message"),
    [
        (nnc.ones(3, 4), nnc.ones(3), TypeError, r"float32.*target\.long\(\)"),
        (nnc.ones(3, 4), nnc.arange(4), ValueError, r"must be \(3,\); got \(4,\)"),
        (nnc.ones(3, 4), nnc.arange(3).reshape(3, 1), ValueError, r"squeeze"),
        (nnc.ones(3, 4), nnc.eye(3, 4, dtype=nnc.int64), ValueError, r"argmax\(1\)"),
        (nnc.ones(3, 4), nnc.tensor([0, 4, 1]), IndexError, r"classes are 0 to 3.*0 to 4"),
        (nnc.ones(3, 4), nnc.tensor([0, -1, 1]), IndexError, "-1"),
        (nnc.arange(4), nnc.tensor(1), TypeError, "logits"),
    ],
)
def test_cross_entropy_refuses(logits, target, error, message):
    with pytest.raises(error, match=message):
        nnc.nn.functional.cross_entropy(logits, target)


def test_cross_entropy_of_one_example_and_of_images():
    logits = nnc.tensor(numbers((2, 3, 4, 5)))
    target = nnc.randint(0, 3, (2, 4, 5))
    per_pixel = nnc.nn.functional.cross_entropy(logits, target, reduction="none")
    assert per_pixel.shape == (2, 4, 5)
    one = nnc.nn.functional.cross_entropy(logits[1, :, 2, 3], target[1, 2, 3])
    np.testing.assert_allclose(one.item(), per_pixel[1, 2, 3].item(), rtol=1e-12)
    with pytest.raises(ValueError, match="average"):
        nnc.nn.functional.cross_entropy(logits, target, reduction="average")


def test_mse_warns_of_a_column_against_a_row():
    with pytest.warns(UserWarning, match=r"\(4, 1\).*\(4,\).*\(4, 4\)"):
        nnc.nn.functional.mse_loss(nnc.ones(4, 1), nnc.ones(4))


def test_where_lets_no_nonsense_through():
    x = nnc.tensor([1.0, 2.0], requires_grad=True)
    out = nnc.where(nnc.tensor([True, False]), x, 0.0)
    out.backward(nnc.tensor([1.0, float("inf")]))
    assert x.grad.tolist() == [1, 0]


def test_powers_of_zero():
    a = nnc.tensor([0.0, 0.0, 2.0], requires_grad=True)
    b = nnc.tensor([0.0, 2.0, 0.0], requires_grad=True)
    (a**b).sum().backward()
    assert a.grad.tolist() == [0, 0, 0]
    np.testing.assert_allclose(b.grad.numpy(), [0, 0, np.log(2)], rtol=1e-6)
    b.grad = None
    (3.0**b).sum().backward()
    np.testing.assert_allclose(b.grad.numpy(), np.log(3) * 3**b.data, rtol=1e-6)


def test_sizes_and_methods_of_pytorch():
    x = nnc.zeros(2, 3)
    assert x.size() == (2, 3)
    assert x.size(-1) == x.size(1) == 3
    assert x.dim() == x.ndim == 2
    assert x.numel() == 6
    assert x.view(3, 2).shape == (3, 2)
    assert x.view(-1).shape == (6,)
    assert x.expand_as(nnc.zeros(4, 2, 3)).shape == (4, 2, 3)
    assert x.mT.shape == x.t().shape == (3, 2)
    assert x.unsqueeze(-1).squeeze().shape == (2, 3)
    assert nnc.tensor(1.0).sum(0).item() == 1
    assert x.int().dtype == nnc.int32
    assert x.bool().dtype == nnc.bool
    assert np.isnan(nnc.zeros(2, 0).mean().item())
    assert nnc.zeros_like(x).shape == nnc.full_like(x, 2.0).shape == (2, 3)
    with pytest.raises(ValueError, match="twice"):
        x.sum((0, 0))
    with pytest.raises(ValueError, match="min, max or both"):
        x.clamp()
    with pytest.raises(TypeError, match="bool tensor"):
        nnc.where(nnc.ones(2), nnc.ones(2), 0.0)
    assert nnc.where(np.array([True, False]), nnc.ones(2), 0.0).tolist() == [1, 0]
    assert x.where(nnc.tensor([True, False, True]), 5.0).tolist() == [[0, 5, 0], [0, 5, 0]]
    assert nnc.arange(3).clamp(0.5, 1.5).tolist() == [0.5, 1, 1.5]
    assert nnc.tensor([True, False]).clamp(max=0).dtype == nnc.int64
