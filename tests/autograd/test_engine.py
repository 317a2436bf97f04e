"""The backward pass: order, accumulation, memory, and what it refuses."""

import gc
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import nncourse as nnc
from nncourse.autograd.function import Function, unary


def leaf(*values):
    return nnc.tensor(list(values), requires_grad=True)


def test_gradients_of_shared_values_add_up():
    x = leaf(3.0)
    y = x * x
    z = (y * y + y + x).sum()  # x^4 + x^2 + x
    z.backward()
    assert x.grad.item() == 4 * 27 + 6 + 1


def test_a_value_with_many_users():
    x = leaf(2.0)
    h = x * 3
    total = h + h
    for _ in range(5):
        total = total + h
    total.backward()
    assert x.grad.item() == 21


def test_order_is_by_age_where_depth_would_mislead():
    # y is used directly by the result and again at the end of a long chain.
    x = leaf(1.0)
    y = x * 2
    h = y
    for _ in range(10):
        h = h + 0
    (y * h).backward()
    assert x.grad.item() == 8


def test_leaves_accumulate_over_passes_until_reset():
    x = leaf(1.0, 2.0)
    (x * 3).sum().backward()
    (x * 4).sum().backward()
    assert x.grad.tolist() == [7, 7]
    x.grad = None
    (x * 4).sum().backward()
    assert x.grad.tolist() == [4, 4]


def test_backward_of_a_leaf_itself():
    x = leaf(1.0)
    x.backward()
    assert x.grad.tolist() == [1]


def test_a_given_gradient_is_neither_kept_nor_changed():
    x = leaf(1.0, 2.0)
    gradient = nnc.tensor([1.0, 10.0])
    (x + 0).backward(gradient)
    (x + 0).backward(gradient)
    x.grad.zero_()
    assert gradient.tolist() == [1, 10]


def test_two_leaves_never_share_a_gradient():
    a, b = leaf(1.0), leaf(2.0)
    (a + b).backward()
    a.grad.zero_()
    assert b.grad.tolist() == [1]


def test_gradients_have_the_type_of_their_leaves():
    x = nnc.tensor([1.0, 2.0], dtype=nnc.float32, requires_grad=True)
    y = nnc.tensor([3.0, 4.0], dtype=nnc.float64, requires_grad=True)
    (x * y).sum().backward()
    assert x.grad.dtype == nnc.float32
    assert y.grad.dtype == nnc.float64
    assert x.grad.tolist() == [3, 4]


def test_a_long_chain_runs_and_is_freed():
    x = leaf(1.0)
    for backward in (True, False):
        h = x
        for i in range(100_000):
            h = h * 1.0 if i % 2 else h + 0.0
        if backward:
            h.backward()
        del h
    assert x.grad.tolist() == [1]


def test_a_long_chain_of_sharing_runs():
    x = leaf(1.0)
    h = x
    for _ in range(50_000):
        h = h + h * 0.0
    h.backward()
    assert x.grad.tolist() == [1]


def test_memory_after_a_long_chain_is_what_it_was_before():
    x = nnc.randn(16, requires_grad=True)
    tracemalloc.start()
    try:

        def run(length):
            h = x
            for _ in range(length):
                h = -h
            h.sum().backward()

        run(10)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        run(100_000)
        most = tracemalloc.get_traced_memory()[1]
        gc.collect()  # of the lists of free tuples that Python keeps; nothing of ours
        # Less than a byte for each link; the test runner's own threads take a few thousand.
        assert tracemalloc.get_traced_memory()[0] - before < 100_000
        assert most - before > 1e7  # it was there meanwhile
    finally:
        tracemalloc.stop()


def test_memory_goes_while_the_pass_goes():
    # Each function saves a result of its own; at the end of the pass the gradients are left.
    class Watch(Function):
        """out = x; notes, backward, how many of the results are alive."""

        __slots__ = ()

        def forward(self, x):
            return x * 1

        def backward(self, dout):
            alive.append(sum(ref() is not None for ref in results))
            return (dout,)

    results, alive = [], []
    h = leaf(1.0)
    for _ in range(5):
        h = unary(Watch, h).exp()
        results.append(weakref.ref(h._data))
        h = h * 0.1
    h.backward()
    assert alive == [4, 3, 2, 1, 0]


def test_saved_arrays_go_as_the_pass_goes():
    x = nnc.randn(4, requires_grad=True)
    h = x.exp()
    kept = weakref.ref(h._data)
    loss = (h * 2).sum()
    del h
    assert kept() is not None
    loss.backward()
    assert kept() is None


def test_a_graph_leaves_no_cycles():
    x = nnc.randn(3, 3, requires_grad=True)
    gc.collect()
    gc.disable()
    try:
        y = (x @ x).tanh().sum()
        y.backward()
        result = weakref.ref(y)
        del y
        assert result() is None
    finally:
        gc.enable()


def test_second_pass_names_the_way_out():
    x = leaf(2.0)
    y = x * x
    y.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        y.backward()


def test_retained_graph_runs_again():
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [8]


def test_a_failing_backward_leaves_gradients_alone():
    class Broken(Function):
        __slots__ = ()

        def forward(self, x):
            return x * 1

        def backward(self, dout):
            raise ZeroDivisionError

    x = leaf(1.0)
    y = x * 2 + unary(Broken, x)
    with pytest.raises(ZeroDivisionError):
        y.backward()
    assert x.grad is None


def test_a_gradient_of_wrong_shape_is_refused():
    class Wrong(Function):
        __slots__ = ()

        def forward(self, x):
            return x * 1

        def backward(self, dout):
            return (dout[:1],)

    y = unary(Wrong, leaf(1.0, 2.0)).sum()
    with pytest.raises(RuntimeError, match=r"Wrong returned a gradient of shape \(1,\)"):
        y.backward()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nnc.ones(3, requires_grad=True) * 2, r"shape \(3,\).*\.sum\(\)"),
        (lambda: nnc.ones(1) * 2, "requires_grad=True"),
    ],
)
def test_what_cannot_be_differentiated(make, message):
    with pytest.raises(RuntimeError, match=message):
        make().backward()


def test_gradient_of_wrong_shape_given():
    with pytest.raises(RuntimeError, match=r"shape \(2,\).*\(3,\)"):
        (nnc.ones(3, requires_grad=True) * 2).backward(nnc.ones(2))


def test_no_grad_nests_and_ends():
    x = leaf(1.0)
    with nnc.no_grad():
        with nnc.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad

    with pytest.raises(ZeroDivisionError), nnc.no_grad():
        raise ZeroDivisionError
    assert nnc.is_grad_enabled()


@pytest.mark.parametrize("decorator", [nnc.no_grad(), nnc.no_grad])
def test_no_grad_as_a_decorator(decorator):
    @decorator
    def double(x):
        """Twice."""
        return x * 2

    assert not double(leaf(1.0)).requires_grad
    assert double.__doc__ == "Twice."
    assert nnc.is_grad_enabled()


def test_inference_mode_is_no_grad_by_another_name():
    x = nnc.ones(2, requires_grad=True)

    @nnc.inference_mode()
    def predict():
        return x * 2

    @nnc.inference_mode(mode=False)
    def learn():
        return x * 2

    assert not predict().requires_grad
    assert learn().requires_grad
    with nnc.no_grad():
        assert not learn().requires_grad
    with nnc.inference_mode(), nnc.enable_grad():
        assert (x * 2).requires_grad
    with nnc.set_grad_enabled(mode=False):
        assert not (x * 2).requires_grad


def test_no_grad_is_of_one_thread():
    seen = []
    with nnc.no_grad():
        thread = threading.Thread(target=lambda: seen.append(nnc.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_micrograd_expression():
    # The expression of micrograd's readme; its numbers were computed with PyTorch in float64.
    def run(a, b):
        c = a + b
        d = a * b + b**3
        c = c + (c + 1)
        c = c + (1 + c + (-a))
        d = d + (d * 2 + (b + a).relu())
        d = d + (3 * d + (b - a).relu())
        e = c - d
        f = e**2
        g = f / 2.0
        return g + 10.0 / f

    a = nnc.tensor(-4.0, dtype=nnc.float64, requires_grad=True)
    b = nnc.tensor(2.0, dtype=nnc.float64, requires_grad=True)
    g = run(a, b)
    g.backward()
    np.testing.assert_allclose(g.item(), 24.70408163265306, rtol=1e-12)
    np.testing.assert_allclose(a.grad.item(), 138.83381924198252, rtol=1e-12)
    np.testing.assert_allclose(b.grad.item(), 645.5772594752186, rtol=1e-12)


def test_micrograd_small_expression():
    # The first of micrograd's tests, with z = 2x + 2 + x; its numbers are whole.
    x = nnc.tensor(-4.0, dtype=nnc.float64, requires_grad=True)
    z = 2 * x + 2 + x
    q = z.relu() + z * x
    h = (z * z).relu()
    y = h + q + q * x
    y.backward()
    assert y.item() == -20
    assert x.grad.item() == 46


def test_recording_by_a_value():
    x = leaf(1.0)
    for mode in (True, False):
        with nnc.set_grad_enabled(mode):
            assert (x * 2).requires_grad is mode

        @nnc.set_grad_enabled(mode)
        def double(t):
            return t * 2

        assert double(x).requires_grad is mode


def test_repr_of_a_function():
    assert repr((leaf(1.0) * 2).grad_fn) == "<Multiply>"
