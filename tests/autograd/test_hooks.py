"""Hooks and retained gradients."""

import gc
import weakref

import pytest

import nncourse as nnc
from nncourse.autograd.hooks import hooked


def leaf(*values):
    return nnc.tensor(list(values), requires_grad=True)


def test_a_hook_sees_the_complete_gradient():
    x = leaf(3.0)
    y = x * 2
    z = y * y + y
    seen = []
    y.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: seen.append(g.tolist()))
    z.backward()
    assert seen == [[13], [26]]
    assert x.grad.tolist() == [26]


def test_a_hook_may_return_another_gradient():
    x = leaf(3.0)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: g + 1)
    x.register_hook(lambda g: g.double() * 2)
    y.backward()
    assert x.grad.tolist() == [(10 + 1) * 2 * 2]
    assert x.grad.dtype == nnc.float32


@pytest.mark.parametrize(("wrong", "got"), [(lambda g: g.sum(), r"\(\)"), (lambda g: 1.0, "float")])
def test_a_hook_that_returns_something_else(wrong, got):
    x = leaf(1.0, 2.0)
    x.register_hook(wrong)
    with pytest.raises(RuntimeError, match=rf"shape \(2,\), or None; got {got}"):
        (x * 2).sum().backward()


def test_a_hook_is_taken_away():
    x = leaf(1.0)
    seen = []
    handle = x.register_hook(lambda g: seen.append("first"))
    with x.register_hook(lambda g: seen.append("second")):
        (x * 2).backward()
    (x * 2).backward()
    handle.remove()
    handle.remove()
    (x * 2).backward()
    assert seen == ["first", "second", "first"]
    assert not hooked


def test_what_a_hook_keeps_is_not_the_gradient_of_the_leaf():
    x = leaf(1.0)
    kept, own = [], nnc.tensor([5.0])
    x.register_hook(kept.append)
    x.register_hook(lambda g: own)
    (x * 2).backward()
    x.grad.zero_()
    assert kept[0].tolist() == [2]
    assert own.tolist() == [5]


def test_handles_do_not_hold_tensors():
    x = leaf(1.0)
    handle = x.register_hook(print)
    known = weakref.ref(x)
    del x
    assert known() is None
    assert not hooked
    handle.remove()


def test_hooks_go_with_the_graph():
    def watched():
        y = leaf(1.0) * 2
        y.register_hook(lambda g: print(y.shape))  # a cycle, which the collector finds
        y.retain_grad()
        return weakref.ref(y)

    known = watched()
    gc.collect()
    assert known() is None
    assert not hooked


def test_retained_gradients():
    x = leaf(3.0)
    y = x * 2
    z = y * y
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad
    assert y.grad is None  # and no warning
    assert not x.retains_grad
    z.backward(retain_graph=True)
    assert y.grad.tolist() == [12]
    z.backward()
    assert y.grad.tolist() == [24]
    x.retain_grad()  # a leaf does so anyway
    assert not x.retains_grad


def test_a_retained_gradient_comes_after_the_hooks_and_is_its_own():
    x = leaf(3.0)
    y = x * 1
    y.retain_grad()
    y.register_hook(lambda g: g * 5)
    given = nnc.tensor([1.0])
    (y + 0).backward(given)
    y.grad.zero_()
    assert x.grad.tolist() == [5]
    assert given.tolist() == [1]


def test_retaining_does_not_keep_the_tensor_alive():
    x = leaf(3.0)
    y = x * 1
    z = y * 2
    y.retain_grad()
    known = weakref.ref(y)
    del y
    assert known() is None
    z.backward()
    assert x.grad.tolist() == [2]


def test_hooks_of_recorded_passes():
    x = leaf(3.0)
    y = x * x
    y.register_hook(lambda g: g * x)
    y.retain_grad()
    (slope,) = nnc.grad(y, x, create_graph=True)
    assert slope.tolist() == [2 * 3 * 3]
    assert nnc.grad(slope, x)[0].tolist() == [2 * 2 * 3]
    assert y.grad.requires_grad


@pytest.mark.parametrize("use", [lambda t: t.register_hook(print), lambda t: t.retain_grad()])
def test_tensors_without_gradients_take_no_hooks(use):
    with pytest.raises(RuntimeError, match="requires gradients"):
        use(nnc.ones(1))
