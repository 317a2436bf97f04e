"""Jacobians, Hessians and their products with vectors."""

import numpy as np
import pytest

import nncourse as nnc
from nncourse.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp


def numbers(*shape, seed=0):
    return nnc.tensor(np.random.default_rng(seed).uniform(0.5, 1.5, shape))


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def test_the_hessian_of_rosenbrock():
    x = nnc.tensor([-1.2, 1.0], dtype=nnc.float64)
    expected = [[1200 * 1.44 - 400 + 2, 480], [480, 200]]
    np.testing.assert_allclose(hessian(rosenbrock, x).numpy(), expected, rtol=1e-12)
    value, product = hvp(rosenbrock, x, nnc.tensor([1.0, 2.0], dtype=nnc.float64))
    np.testing.assert_allclose(value.item(), 24.2, rtol=1e-12)
    np.testing.assert_allclose(product.numpy(), expected @ np.array([1, 2]), rtol=1e-12)
    np.testing.assert_allclose(jacobian(rosenbrock, x).numpy(), [-215.6, -88], rtol=1e-12)


def test_the_hessian_of_cross_entropy_is_that_of_softmax():
    logits = numbers(1, 4)
    p = logits.softmax(1)[0].numpy()
    found = hessian(lambda z: nnc.nn.functional.cross_entropy(z, nnc.tensor([2])), logits)
    assert found.shape == (1, 4, 1, 4)
    np.testing.assert_allclose(found.numpy()[0, :, 0], np.diag(p) - np.outer(p, p), atol=1e-12)


def test_the_jacobian_of_softmax():
    x = numbers(4)
    p = x.softmax(0).numpy()
    found = jacobian(lambda z: z.softmax(0), x)
    np.testing.assert_allclose(found.numpy(), np.diag(p) - np.outer(p, p), atol=1e-14)
    assert not found.requires_grad


def matrix_and_vector(a, x):
    return (a @ x).sin(), (a * a).sum() * x[0]


def test_products_with_the_jacobian():
    inputs = numbers(3, 2), numbers(2, seed=1)
    J = jacobian(matrix_and_vector, inputs)
    assert [[block.shape for block in row] for row in J] == [[(3, 3, 2), (3, 2)], [(3, 2), (2,)]]
    v = numbers(3, 2, seed=2), numbers(2, seed=3)
    u = numbers(3, seed=4), numbers(seed=5)
    a, x, v0, v1 = (t.numpy() for t in (*inputs, *v))
    np.testing.assert_allclose(J[1][0].numpy(), 2 * a * x[0])
    np.testing.assert_allclose(J[0][1].numpy(), np.cos(a @ x)[:, None] * a)

    outputs, forward = jvp(matrix_and_vector, inputs, v)
    np.testing.assert_allclose(outputs[0].numpy(), np.sin(a @ x))
    expected = np.cos(a @ x) * (v0 @ x + a @ v1)
    np.testing.assert_allclose(forward[0].numpy(), expected)
    np.testing.assert_allclose(
        forward[1].numpy(), (2 * a * v0).sum() * x[0] + (a * a).sum() * v1[0]
    )

    _, backward = vjp(matrix_and_vector, inputs, u)
    inner = sum((b * t).sum() for b, t in zip(backward, v))
    outer = sum((f * t).sum() for f, t in zip(forward, u))
    np.testing.assert_allclose(inner.item(), outer.item())


def test_shapes_and_values_are_those_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    theirs_of = torch.autograd.functional
    a, x = numbers(3, 2), numbers(2, seed=1)
    ta, tx = torch.tensor(a.numpy()), torch.tensor(x.numpy())

    def scalar(a, x):
        return ((a @ x).tanh() ** 2).sum() * x[1]

    def same(ours, theirs):
        if isinstance(theirs, tuple):
            assert isinstance(ours, tuple)
            for b, c in zip(ours, theirs, strict=True):
                same(b, c)
        else:
            assert ours.shape == tuple(theirs.shape)
            np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-11)

    pair, v = (a, x), (numbers(3, 2, seed=2), numbers(2, seed=3))
    tpair, tv = (ta, tx), tuple(torch.tensor(t.numpy()) for t in v)
    same(jacobian(matrix_and_vector, pair), theirs_of.jacobian(matrix_and_vector, tpair))
    same(jacobian(scalar, pair), theirs_of.jacobian(scalar, tpair))
    same(jacobian(lambda x: x * x, x), theirs_of.jacobian(lambda x: x * x, tx))
    same(jacobian(lambda x: (x, x[0]), x), theirs_of.jacobian(lambda x: (x, x[0]), tx))
    same(hessian(scalar, pair), theirs_of.hessian(scalar, tpair))
    same(hessian(rosenbrock, x), theirs_of.hessian(rosenbrock, tx))
    same(hvp(scalar, pair, v), theirs_of.hvp(scalar, tpair, tv))
    same(vhp(scalar, pair, v), theirs_of.vhp(scalar, tpair, tv))
    same(hvp(scalar, (a, x), v), theirs_of.hvp(scalar, (ta, tx), tv))
    same(jvp(matrix_and_vector, pair, v), theirs_of.jvp(matrix_and_vector, tpair, tv))
    same(vjp(scalar, pair), theirs_of.vjp(scalar, tpair))
    same(vjp(rosenbrock, x), theirs_of.vjp(rosenbrock, tx))


def test_constant_and_linear_functions_have_zeros():
    x = numbers(2)
    assert jacobian(lambda x: nnc.ones(2), x).tolist() == [[0, 0], [0, 0]]
    assert hessian(lambda x: (x * 3).sum(), x).tolist() == [[0, 0], [0, 0]]
    assert jacobian(lambda x: x[:0], x).shape == (0, 2)
    assert jvp(lambda x: nnc.ones(2), x, x)[1].tolist() == [0, 0]
    assert vjp(lambda x, y: y * 2, (numbers(1), numbers(1)))[1][0].tolist() == [0]


def test_the_inputs_are_left_alone():
    x = numbers(2).requires_grad_()
    with nnc.no_grad():
        assert jacobian(lambda t: t * x.detach(), x).requires_grad is False
    assert x.grad is None
    assert x.is_leaf


def test_results_that_can_be_differentiated_again():
    x = numbers(2).requires_grad_()
    a, b = x.tolist()
    J = jacobian(lambda t: t**3, x, create_graph=True)
    assert J.requires_grad
    np.testing.assert_allclose(nnc.grad(J.sum(), x)[0].numpy(), [6 * a, 6 * b])
    _, product = hvp(lambda t: (t**3).sum(), x, nnc.ones(2).double(), create_graph=True)
    np.testing.assert_allclose(nnc.grad(product.sum(), x)[0].numpy(), [6, 6])
    value, slope = vjp(lambda t: (t**3).sum(), x, create_graph=True)
    assert value.requires_grad
    np.testing.assert_allclose(nnc.grad(slope[0], x)[0].numpy(), [6 * a, 0])
    _, slope = jvp(lambda t: t**3, x, nnc.ones(2).double(), create_graph=True)
    np.testing.assert_allclose(nnc.grad(slope[1], x)[0].numpy(), [0, 6 * b])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: hessian(lambda t: t * 2, x), RuntimeError, r"hessian.*got shape \(2,\)"),
        (lambda x: hvp(lambda t: (t[0], t[1]), x, x), RuntimeError, "hvp.*got 2 tensors"),
        (lambda x: vjp(lambda t: t * 2, x), RuntimeError, "only if the outputs are one number"),
        (lambda x: jvp(lambda t: t * 2, x), RuntimeError, "only if the inputs are one number"),
        (lambda x: jvp(lambda t: t * 2, x, nnc.ones(3)), RuntimeError, r"\(2,\); got \(3,\)"),
        (lambda x: jacobian(lambda t: 1.0, x), TypeError, "must return tensors; got float"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(numbers(2))
