"""The tensor itself: what it holds, how it looks, what it refuses."""

import copy
import pickle

import numpy as np
import pytest

import nncourse as nnc


@pytest.mark.parametrize(
    ("tensor", "text"),
    [
        (nnc.tensor([1.0, 2.5]), "tensor([1. , 2.5])"),
        (nnc.tensor(3), "tensor(3)"),
        (nnc.tensor([True, False]), "tensor([ True, False])"),
        (nnc.tensor([[1, 2], [3, 4]]), "tensor([[1, 2],\n        [3, 4]])"),
        (nnc.zeros(1, dtype=nnc.float64), "tensor([0.], dtype=float64)"),
        (nnc.ones(1, requires_grad=True), "tensor([1.], requires_grad=True)"),
        (nnc.ones(1, requires_grad=True) * 2, "tensor([2.], grad_fn=<Multiply>)"),
    ],
)
def test_repr(tensor, text):
    assert repr(tensor) == text


def test_a_long_tensor_is_shortened():
    assert "..." in repr(nnc.zeros(2000))


def test_types_of_new_tensors():
    assert nnc.tensor([1.0]).dtype == nnc.float32
    assert nnc.tensor([1, 2]).dtype == nnc.int64
    assert nnc.tensor([True]).dtype == nnc.bool
    assert nnc.tensor(np.array([1.0])).dtype == nnc.float64
    assert nnc.tensor([np.float64(1)]).dtype == nnc.float32
    assert nnc.tensor([1, 2.5]).dtype == nnc.float32
    assert nnc.tensor([1], dtype=nnc.float64).dtype == nnc.float64
    assert nnc.tensor([nnc.tensor(1.0), nnc.tensor(2.0)]).dtype == nnc.float32


def test_tensor_copies_and_from_numpy_shares():
    array = np.zeros(2, np.float32)
    copied, shared = nnc.tensor(array), nnc.from_numpy(array)
    array[0] = 1
    assert copied.tolist() == [0, 0]
    assert shared.tolist() == [1, 0]
    assert shared.numpy() is array


@pytest.mark.parametrize("data", [[[1], [1, 2]], ["a"], object()])
def test_what_is_no_tensor(data):
    with pytest.raises((TypeError, ValueError)):
        nnc.tensor(data)


def test_item_float_int_bool_index():
    t = nnc.tensor([[2]])
    assert t.item() == 2
    assert float(t) == 2.0
    assert int(t) == 2
    assert bool(t)
    assert list(range(5))[nnc.tensor(2)] == 2
    assert isinstance(nnc.tensor(1.5).item(), float)
    with pytest.raises(RuntimeError, match=r"shape \(2,\)"):
        nnc.zeros(2).item()
    with pytest.raises(RuntimeError, match="neither true nor false"):
        bool(nnc.zeros(2))


def test_len_and_iteration():
    t = nnc.arange(6).reshape(3, 2)
    assert len(t) == 3
    assert [row.tolist() for row in t] == [[0, 1], [2, 3], [4, 5]]
    for use in (len, iter):
        with pytest.raises(TypeError, match="0-d"):
            use(nnc.tensor(1))


def test_iteration_is_differentiable():
    x = nnc.tensor([1.0, 2.0, 3.0], requires_grad=True)
    total = 0
    for i, value in enumerate(x):
        total = total + i * value
    total.backward()
    assert x.grad.tolist() == [0, 1, 2]


def test_numpy_of_a_tensor_with_gradients_says_how():
    x = nnc.ones(2, requires_grad=True)
    for use in (lambda: x.numpy(), lambda: np.asarray(x)):
        with pytest.raises(RuntimeError, match=r"\.detach\(\)\.numpy\(\)"):
            use()
    assert x.detach().numpy() is x._data
    assert np.asarray(x.detach()).tolist() == [1, 1]


def test_numpy_functions_become_operations():
    x = nnc.tensor([1.0, 2.0], requires_grad=True)
    array = np.array([3.0, 4.0], np.float32)
    for product in (array * x, x * array, np.multiply(array, x)):
        assert product.tolist() == [3, 8]
        assert product.requires_grad
    assert (array - x).tolist() == [2, 2]
    assert np.exp(x).requires_grad
    assert (array > x).tolist() == [True, True]
    with pytest.raises(TypeError, match="arctan"):
        np.arctan(x)


def test_detach_shares_memory_and_clone_does_not():
    x = nnc.ones(2, requires_grad=True)
    assert x.detach()._data is x._data
    assert not x.detach().requires_grad
    y = x.clone()
    assert not np.shares_memory(y._data, x._data)
    y.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_only_floating_point_tensors_require_gradients():
    with pytest.raises(RuntimeError, match="float32"):
        nnc.tensor([1, 2], requires_grad=True)
    with pytest.raises(RuntimeError, match="int64"):
        nnc.arange(3).requires_grad_()


def test_requires_grad_is_switched_off_for_leaves_only():
    x = nnc.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="detach"):
        (x * 2).requires_grad = False
    assert not x.requires_grad_(False).requires_grad


@pytest.mark.parametrize(
    ("gradient", "error"),
    [
        (nnc.zeros(3), ValueError),
        (np.zeros(2), TypeError),
        (nnc.zeros(2, dtype="float64"), TypeError),
    ],
)
def test_a_gradient_that_does_not_fit(gradient, error):
    x = nnc.ones(2, requires_grad=True)
    with pytest.raises(error):
        x.grad = gradient


def test_data_takes_arrays_only():
    x = nnc.ones(2)
    with pytest.raises(TypeError, match="list"):
        x.data = [1, 2]
    x.data = np.zeros(3, np.float32)
    assert x.shape == (3,)


def test_a_typo_suggests_the_right_name():
    with pytest.raises(AttributeError, match="Did you mean 'reshape'"):
        nnc.ones(2).reshpe(2, 1)
    assert not hasattr(nnc.ones(2), "no_such_thing")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("require_grad", "requires_grad"),
        ("requires_grads", "requires_grad"),
        ("reqiures_grad", "requires_grad"),
        ("gradient", "grad"),
        ("gard", "grad"),
        ("dat", "data"),
    ],
)
def test_a_misspelt_attribute_is_not_set(wrong, right):
    for x in (nnc.ones(2), nnc.nn.Parameter(nnc.ones(2))):
        with pytest.raises(AttributeError, match=f"'{wrong}'. Did you mean '{right}'"):
            setattr(x, wrong, None)
        with pytest.raises(AttributeError, match=f"'{wrong}'. Did you mean '{right}'"):
            getattr(x, wrong)
        assert not hasattr(type(x), wrong)
        assert wrong not in dir(x)
        assert right in dir(x)


def test_copies_and_pickles_of_leaves():
    x = nnc.tensor([1.0, 2.0], requires_grad=True)
    (x * 2).sum().backward()
    for again in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert again.tolist() == [1, 2]
        assert again.grad.tolist() == [2, 2]
        assert again.requires_grad
        assert not np.shares_memory(again._data, x._data)
    with pytest.raises(RuntimeError, match="detach"):
        copy.deepcopy(x * 2)


def test_equality_with_other_things():
    assert (nnc.tensor([1, 2]) == nnc.tensor([1, 3])).tolist() == [True, False]
    assert (nnc.tensor([1, 2]) == None) is False  # noqa: E711 (this is the comparison meant)
    assert nnc.tensor([1]) not in ["a", None]
    assert len({nnc.tensor(1), nnc.tensor(1)}) == 2


def test_the_gradient_of_an_intermediate_value_is_not_kept():
    x = nnc.ones(1, requires_grad=True)
    y = x * 2
    y.backward()
    with pytest.warns(UserWarning, match="Multiply: only leaves"):
        assert y.grad is None


def test_data_is_a_tensor_without_history():
    """As in PyTorch: what programs do to parameters through it reaches them, unrecorded."""
    p = nnc.tensor([1.0, 2.0], requires_grad=True)
    (p * p).sum().backward()
    assert isinstance(p.data, nnc.Tensor)
    assert not p.data.requires_grad
    p.data -= 0.5 * p.grad.data
    np.testing.assert_array_equal(p.detach().numpy(), [0.0, 0.0])
    p.data.fill_(3.0)
    p.data[0] = 4.0
    np.testing.assert_array_equal(p.detach().numpy(), [4.0, 3.0])
    assert p.is_leaf
    assert p.requires_grad
