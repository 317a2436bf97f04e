"""``nnc.grad``: derivatives returned, only the needed part of the graph run."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse.ops.elementwise import Exp
from nncourse.ops.linalg import Linear


def leaf(*values):
    return nnc.tensor(list(values), dtype=nnc.float64, requires_grad=True)


def test_gradients_are_returned_and_not_stored():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    dx, dw = nnc.grad((x * w).sum(), (x, w))
    assert dx.tolist() == [3, 4]
    assert dw.tolist() == [1, 2]
    assert x.grad is None
    assert w.grad is None
    dx.zero_()
    assert w.tolist() == [3, 4]


def test_one_input_may_stand_alone():
    x = leaf(2.0)
    (dx,) = nnc.grad(x * x, x)
    assert dx.tolist() == [4]


def test_several_outputs_add_up():
    x = leaf(2.0)
    y, z = x * 3, x * x
    (dx,) = nnc.grad([y, z], x, [nnc.tensor([10.0]), None], retain_graph=True)
    assert dx.tolist() == [34]
    (dx,) = nnc.grad([y, y, x], x, retain_graph=True)
    assert dx.tolist() == [7]
    (dx,) = nnc.grad([x, x], [x], [nnc.tensor([2.0]), nnc.tensor([5.0])])
    assert dx.tolist() == [7]


def test_by_a_computed_tensor():
    x = leaf(2.0)
    h = x * 3
    y = h * h + x
    dh, dx = nnc.grad(y, (h, x))
    assert (dh.tolist(), dx.tolist()) == ([12], [37])


def test_what_lies_before_a_computed_input_is_not_run():
    x = leaf(2.0)
    h = x * x
    y = h.exp()
    nnc.grad(y, h)
    nnc.grad(h, x)  # still has what it saved
    with pytest.raises(RuntimeError, match="second backward pass came to Exp"):
        nnc.grad(y, h)


def test_only_the_needed_part_is_run(monkeypatch):
    ran = []
    right = Exp.backward
    monkeypatch.setattr(Exp, "backward", lambda self, d: ran.append(1) or right(self, d))
    x, w = leaf(1.0), leaf(1.0)
    y = x.exp() * w.exp()
    nnc.grad(y, w)
    assert len(ran) == 1


def test_products_that_nobody_asked_for_are_not_computed(monkeypatch):
    needs = []
    right = Linear.backward
    monkeypatch.setattr(
        Linear, "backward", lambda self, d: needs.append([*map(bool, self.needs)]) or right(self, d)
    )
    x, w, b = nnc.ones(2, 3, requires_grad=True), nnc.ones(4, 3, requires_grad=True), nnc.zeros(4)
    y = nnc.nn.functional.linear(x, w, b).sum()
    nnc.grad(y, x, retain_graph=True)
    y.backward()
    assert needs == [[True, False, False], [True, True, False]]


def test_an_unused_input():
    x, w = leaf(1.0), leaf(1.0, 2.0)
    y = x * 2
    with pytest.raises(RuntimeError, match=r"input 1, of shape \(2,\).*allow_unused=True"):
        nnc.grad(y, (x, w), retain_graph=True)
    dx, dw = nnc.grad(y, (x, w), allow_unused=True)
    assert dx.tolist() == [2]
    assert dw is None
    assert nnc.grad(x * 2, w, materialize_grads=True)[0].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: nnc.grad(x * 2, x), RuntimeError, r"grad\(\).*shape \(2,\).*grad_outputs"),
        (lambda x: nnc.grad((x * 2).sum(), nnc.ones(2)), RuntimeError, "input 0 does not require"),
        (lambda x: nnc.grad(nnc.ones(1), x), RuntimeError, r"grad\(\) found nothing to do"),
        (lambda x: nnc.grad(x * 2, x, nnc.ones(3)), RuntimeError, r"\(3,\).*\(2,\)"),
        (lambda x: nnc.grad([x, x], x, nnc.ones(2)), ValueError, "2 outputs, but 1"),
        (lambda x: nnc.grad(3.0, x), TypeError, "not iterable"),
        (lambda x: nnc.grad(x.sum(), [x, 1.0]), TypeError, "inputs must be tensors; got float"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(leaf(1.0, 2.0))


def test_given_gradients_may_be_arrays_of_another_type():
    x = leaf(1.0, 2.0)
    assert nnc.grad(x * 3, x, [np.array([1, 10])])[0].tolist() == [3, 30]
    given = nnc.tensor([1.0, 10.0], requires_grad=True)  # float32
    (dx,) = nnc.grad(x * 3, x, given, create_graph=True)
    assert nnc.grad(dx.sum(), given)[0].tolist() == [3, 3]


def test_backward_to_some_inputs_only():
    x, w = leaf(2.0), leaf(3.0)
    h = x * w
    (h * h).backward(inputs=[w])
    assert x.grad is None
    assert w.grad.tolist() == [24]
    h = x * w
    (h * h).backward(inputs=[h])
    assert x.grad is None
    assert h.grad.tolist() == [12]
    (x * 2).backward(inputs=[w])
    assert w.grad.tolist() == [24]


def test_the_same_gradients_as_pytorch_in_a_network():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    random = np.random.default_rng(0)
    arrays = [random.standard_normal(s) for s in ((5, 4), (3, 4), (3,), (6, 3))]
    classes = random.integers(0, 6, 5)

    def penalty(library, tensors, target):
        x, w, b, v = tensors
        F = library.nn.functional
        loss = F.cross_entropy(F.linear(F.linear(x, w, b).tanh(), v), target)
        grad = library.grad if library is nnc else library.autograd.grad
        (slope,) = grad(loss, x, create_graph=True)
        return loss + (slope**2).sum()

    ours = [nnc.tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    penalty(nnc, ours, nnc.tensor(classes)).backward()
    penalty(torch, theirs, torch.tensor(classes)).backward()
    for a, b in zip(ours, theirs):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-10, atol=1e-13)
