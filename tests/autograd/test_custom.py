"""Functions in PyTorch's form, each defined once and run in both libraries."""

import gc

import numpy as np
import pytest

import nncourse as nnc
from nncourse.autograd.gradcheck import gradcheck
from tests.ops.parity import torch_or_skip


def _legendre(library):
    class Legendre(library.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale):
            ctx.save_for_backward(x)
            ctx.scale = scale
            return scale * 0.5 * (5 * x**3 - 3 * x)

        @staticmethod
        def backward(ctx, dout):
            (x,) = ctx.saved_tensors
            return dout * ctx.scale * 1.5 * (5 * x**2 - 1), None

    return Legendre


def _product(library):
    class Product(library.autograd.Function):
        @staticmethod
        def forward(a, b):
            return a @ b

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, dout):
            a, b = ctx.saved_tensors
            da = dout @ b.t() if ctx.needs_input_grad[0] else None
            db = a.t() @ dout if ctx.needs_input_grad[1] else None
            return da, db

    return Product


def test_the_same_as_in_pytorch():
    torch = torch_or_skip()
    a, b = (np.random.default_rng(i).standard_normal((3, 3)) for i in range(2))
    found = []
    for library in (nnc, torch):
        x, y = library.tensor(a, requires_grad=True), library.tensor(b)
        out = _product(library).apply(_legendre(library).apply(x, 2.0), y)
        (g,) = library.autograd.grad((out**2).sum(), [x], create_graph=True)
        (h,) = library.autograd.grad((g**2).sum(), [x])
        found.append([t.detach().numpy() for t in (out, g, h)])
    for ours, theirs in zip(*found):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_gradcheck_judges_them():
    x = nnc.tensor(np.random.default_rng(0).standard_normal(4), requires_grad=True)
    assert gradcheck(lambda x: _legendre(nnc).apply(x, 3.0), [x])

    class Wrong(nnc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.exp()

        @staticmethod
        def backward(ctx, dout):
            return dout

    assert not gradcheck(Wrong.apply, [x], raise_exception=False)


def test_what_is_not_needed_may_be_none():
    x, y = nnc.ones(2, 2, requires_grad=True), nnc.ones(2, 2, requires_grad=True)

    class First(nnc.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x.clone()

        @staticmethod
        def backward(ctx, dout):
            return dout, None

    First.apply(x, y).sum().backward()
    assert nnc.equal(x.grad, nnc.ones(2, 2))
    assert not y.grad.numpy().any()
    assert not First.apply(x.detach(), 1).requires_grad


def test_mistakes_are_named():
    x = nnc.ones(2, requires_grad=True)

    class Pair(nnc.autograd.Function):
        @staticmethod
        def forward(ctx, x, n):
            return (x, x) if n else x * 1

        @staticmethod
        def backward(ctx, dout):
            return dout

    with pytest.raises(TypeError, match=r"Pair\.forward must return one tensor; got tuple"):
        Pair.apply(x, 1)
    with pytest.raises(RuntimeError, match=r"each of the 2 arguments of forward; it returned 1"):
        Pair.apply(x, 0).sum().backward()


def test_the_graph_goes_with_its_result():
    x = nnc.ones(2, requires_grad=True)
    function = _legendre(nnc)
    gc.collect()
    gc.disable()
    try:
        out = function.apply(x, 1.0)
        assert "Legendre" in repr(out.grad_fn)
        out.sum().backward()
        del out
        function.apply(x, 1.0)
        assert gc.collect() == 0, "a reference cycle"
    finally:
        gc.enable()
