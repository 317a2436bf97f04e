"""Changes in place: what they do, and that no gradient is silently wrong after one."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse.autograd.changes import changes


def leaf(*values):
    return nnc.tensor(list(values), requires_grad=True)


def test_parameters_are_updated_under_no_grad():
    p = leaf(1.0, 2.0)
    array = p._data
    (p * 3).sum().backward()
    with nnc.no_grad():
        p -= 0.5 * p.grad
    assert p.tolist() == [-0.5, 0.5]
    assert p._data is array
    assert p.requires_grad
    assert p.is_leaf


def test_parameters_are_updated_through_data():
    p = leaf(1.0, 2.0)
    (p * 3).sum().backward()
    p.data -= 0.5 * p.grad
    assert p.tolist() == [-0.5, 0.5]
    p.data -= 0.5 * p.grad._data
    assert p.tolist() == [-2, -1]


def test_a_recorded_leaf_is_not_overwritten():
    p = leaf(1.0)
    for change in (lambda: p.add_(1), lambda: p.zero_(), lambda: p.__setitem__(0, 1.0)):
        with pytest.raises(RuntimeError, match="no_grad"):
            change()


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("add", lambda y: y.add_(1), 2.0),
        ("sub", lambda y: y.sub_(1), 2.0),
        ("mul", lambda y: y.mul_(3), 6.0),
        ("div", lambda y: y.div_(4), 0.5),
        ("pow", lambda y: y.pow_(2), 2 * 2 * 6.0),
    ],
)
def test_a_recorded_change_enters_the_graph(name, change, expected):
    x = leaf(3.0)
    y = x * 2
    change(y)
    y.sum().backward()
    assert x.grad.tolist() == [expected]


def test_operators_change_in_place():
    y = nnc.tensor([8.0])
    array = y._data
    y += 1
    y -= 3
    y *= 4
    y /= 2
    y **= 2
    assert y.tolist() == [144]
    assert y._data is array


def test_a_sum_of_losses_may_grow_in_place():
    x = leaf(2.0)
    total = nnc.zeros(1)
    for k in range(3):
        total += x * k
    total.backward()
    assert x.grad.tolist() == [3]


def test_multiplication_in_place_by_a_value_with_a_gradient():
    x, w = leaf(3.0), leaf(5.0)
    y = x * 2
    y *= w  # the product needs y from before
    y.backward()
    assert x.grad.tolist() == [10]
    assert w.grad.tolist() == [6]


def test_assignment_enters_the_graph():
    x, v = leaf(1.0, 2.0, 3.0), leaf(7.0)
    y = x * 2
    y[1] = v[0] * 3
    (y * nnc.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert y.tolist() == [2, 21, 6]
    assert x.grad.tolist() == [2, 0, 200]
    assert v.grad.tolist() == [30]


def test_assignment_without_gradients():
    x = nnc.zeros(3, 3)
    x[0] = 1
    x[:, 2] = nnc.tensor([4.0, 5.0, 6.0])
    x[x == 0] = -1
    assert x.tolist() == [[1, 1, 4], [-1, -1, 5], [-1, -1, 6]]
    x[1] += 10
    assert x[1].tolist() == [9, 9, 15]


def test_views_of_recorded_values_are_not_changed_in_place():
    y = nnc.ones(2, 2, requires_grad=True) * 1
    row = y[0]
    with pytest.raises(RuntimeError, match="view"):
        row += 1


def test_views_share_memory():
    x = nnc.zeros(2, 3)
    x[0].fill_(5)
    x.T[2, 1] = 7
    x[1, 0].fill_(3)
    assert x.tolist() == [[5, 5, 5], [3, 0, 7]]


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.add_(1),
        lambda h: h.zero_(),
        lambda h: h.__setitem__(0, 9.0),
        lambda h: h.detach().add_(1),
        lambda h: h.detach()[1:].fill_(0),
    ],
)
def test_a_change_of_a_saved_value_is_noticed(change):
    h = nnc.ones(3, requires_grad=True) * 2
    y = (h * h).sum()
    change(h)
    with pytest.raises(
        RuntimeError,
        match=r"input 'a' of Multiply.*\(3,\).*in place since, at test_inplace\.py:\d+\. Change",
    ):
        y.backward()


def test_a_change_of_a_saved_result_is_noticed():
    x = nnc.ones(3, requires_grad=True)
    y = x.exp()
    y += 1
    with pytest.raises(RuntimeError, match="result of Exp"):
        y.sum().backward()


def test_a_step_of_the_optimiser_between_forward_and_backward_is_noticed():
    layer = nnc.nn.Linear(2, 2)
    optimizer = nnc.optim.SGD(layer.parameters(), lr=0.1)
    layer(nnc.ones(1, 2)).sum().backward()
    loss = layer(nnc.ones(1, 2, requires_grad=True)).sum()
    optimizer.step()
    with pytest.raises(RuntimeError, match="input 'W' of Linear"):
        loss.backward()


def test_changes_elsewhere_do_not_matter():
    x = nnc.ones(2, 2, requires_grad=True)
    h = x * 2
    y = (h * h).sum()
    other = nnc.zeros(2, 2)
    other += 1
    whole = np.zeros((4, 2), np.float32)
    nnc.Tensor(whole)[2:].fill_(1)
    y.backward()
    assert x.grad.tolist() == [[8, 8], [8, 8]]


def test_neighbours_in_one_block_of_memory_do_not_matter():
    block = nnc.ones(2, 3)
    left = block[:, :1].requires_grad_()
    right = block[:, 1:]
    y = (left * left).sum()
    right.fill_(5)
    y.backward()
    assert left.grad.tolist() == [[2], [2]]


def test_unneeded_values_may_change():
    x = leaf(1.0)
    y = x + 1
    z = y + 2  # a sum keeps nothing
    y.detach().zero_()
    z.backward()
    assert x.grad.tolist() == [1]


def test_changed_arrays_are_forgotten_with_their_tensors():
    before = len(changes.blocks)
    for _ in range(10):
        t = nnc.zeros(3)
        t += 1
    del t
    assert len(changes.blocks) <= before


def test_results_that_do_not_fit_are_refused():
    with pytest.raises(RuntimeError, match=r"\(3, 2\).*\(2,\)"):
        nnc.zeros(2).add_(nnc.zeros(3, 2))
    with pytest.raises(RuntimeError, match=r"float32.*int64"):
        nnc.arange(3).add_(0.5)
