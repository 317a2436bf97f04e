"""Derivatives of derivatives: every operation of the catalogue, differentiated twice and more."""

import functools
import gc
import weakref

import numpy as np
import pytest

import nncourse as nnc
from nncourse.autograd.function import Function, apply, unary
from nncourse.ops.catalogue import OPERATIONS
from tests.ops.catalogue_checks import CASES, IDS, arrays_for, differentiable, upstream_for

DIFFERENTIABLE = [
    (operation, example)
    for operation, example in CASES
    if any(differentiable(a) for a in arrays_for(operation, example))
]
cases = pytest.mark.parametrize(
    ("operation", "example"),
    DIFFERENTIABLE,
    ids=[i for i, case in zip(IDS, CASES) if case in DIFFERENTIABLE],
)
STEP = 1e-5


def directions_for(arrays):
    random = np.random.default_rng(11)
    return [random.standard_normal(a.shape) for a in arrays if differentiable(a)]


def moved(arrays, directions, by):
    """The differentiable inputs moved along their directions."""
    steps = iter(directions)
    return [a + by * next(steps) if differentiable(a) else a for a in arrays]


def evaluate(operation, example, arrays):
    """(result, differentiable inputs, upstream), all with gradients."""
    tensors = [nnc.tensor(a, requires_grad=differentiable(a)) for a in arrays]
    out = operation.function(*tensors, **example.options)
    upstream = nnc.tensor(upstream_for(out.shape).astype(out.dtype), requires_grad=True)
    return out, [t for t in tensors if t.requires_grad], upstream


def first(operation, example, arrays, create_graph=False):
    out, inputs, upstream = evaluate(operation, example, arrays)
    return nnc.grad(out, inputs, upstream, create_graph=create_graph), inputs, upstream


def along(slopes, directions):
    """The sum of all inner products."""
    total = 0.0
    for g, v in zip(slopes, directions, strict=True):
        total = total + (g * nnc.tensor(v)).sum()
    return total


def second(operation, example, arrays, directions, create_graph=False):
    """H v by each input, then J v: the derivatives of u^T J v by the inputs and by u."""
    slopes, inputs, upstream = first(operation, example, arrays, create_graph=True)
    products = nnc.grad(
        along(slopes, directions),
        [*inputs, upstream],
        create_graph=create_graph,
        materialize_grads=True,
    )
    return products, inputs


def close(found, expected, tolerance):
    size = max(1.0, float(np.abs(expected).max(initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * size)


@cases
def test_both_routes_give_the_same_gradient(operation, example):
    arrays = arrays_for(operation, example)
    out, inputs, upstream = evaluate(operation, example, arrays)
    out.backward(upstream.detach(), retain_graph=True)
    plain = nnc.grad(out, inputs, upstream.detach(), retain_graph=True)
    recorded = nnc.grad(out, inputs, upstream, create_graph=True)
    for x, a, b in zip(inputs, plain, recorded, strict=True):
        np.testing.assert_array_equal(a.numpy(), x.grad.numpy())
        assert not a.requires_grad
        assert b.requires_grad
        assert b.dtype == a.dtype
        assert b.shape == x.shape
        close(b.detach().numpy(), a.numpy(), 1e-12)


@cases
def test_second_derivatives_are_those_of_central_differences(operation, example):
    arrays = arrays_for(operation, example)
    directions = directions_for(arrays)
    (*curvatures, slope), _ = second(operation, example, arrays, directions)

    ahead, behind = (
        first(operation, example, moved(arrays, directions, by))[0] for by in (STEP, -STEP)
    )
    for found, a, b in zip(curvatures, ahead, behind, strict=True):
        close(found.numpy(), (a.numpy() - b.numpy()) / (2 * STEP), 2e-7)

    ahead, behind = (
        evaluate(operation, example, moved(arrays, directions, by))[0].detach().numpy()
        for by in (STEP, -STEP)
    )
    close(slope.numpy(), (ahead - behind) / (2 * STEP), 2e-7)


# x^0 is constant: PyTorch forgets the upstream there.
KNOWN_TO_PYTORCH = [
    (o, e) for o, e in DIFFERENTIABLE if o.torch is not None and e.options.get("n") != 0
]


@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
@pytest.mark.parametrize(
    ("operation", "example"), KNOWN_TO_PYTORCH, ids=[f"{o}-{e}" for o, e in KNOWN_TO_PYTORCH]
)
def test_second_derivatives_are_those_of_pytorch(operation, example):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    arrays = arrays_for(operation, example)
    directions = directions_for(arrays)
    found, _ = second(operation, example, arrays, directions)

    tensors = [torch.tensor(a, requires_grad=differentiable(a)) for a in arrays]
    inputs = [t for t in tensors if t.requires_grad]
    out = operation.in_torch(torch, tensors, example.options)
    upstream = torch.tensor(upstream_for(tuple(out.shape)), requires_grad=True)
    slopes = torch.autograd.grad(out, inputs, upstream, create_graph=True)
    total = sum((g * torch.tensor(v)).sum() for g, v in zip(slopes, directions))
    expected = torch.autograd.grad(total, [*inputs, upstream], materialize_grads=True)
    for ours, theirs in zip(found, expected, strict=True):
        close(ours.numpy(), theirs.numpy(force=True), 1e-9)


CURVED = ["mul", "div", "pow", "exp", "log", "sqrt", "sin", "tanh", "sigmoid", "matmul", "var"]
CURVED += ["linear", "softmax", "log_softmax", "cross_entropy", "mse_loss", "with numbers"]


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.name in CURVED], ids=str)
def test_third_derivatives_are_those_of_central_differences(operation):
    assert len([o for o in OPERATIONS if o.name in CURVED]) == len(CURVED)
    example = operation.examples[0]
    arrays = arrays_for(operation, example)
    directions = directions_for(arrays)
    products, inputs = second(operation, example, arrays, directions, create_graph=True)
    found = nnc.grad(along(products[:-1], directions), inputs, materialize_grads=True)
    ahead, behind = (
        second(operation, example, moved(arrays, directions, by), directions)[0]
        for by in (STEP, -STEP)
    )
    for a, b, c in zip(found, ahead, behind):
        close(a.numpy(), (b.numpy() - c.numpy()) / (2 * STEP), 1e-6)


def test_the_tenth_derivative():
    x = nnc.tensor(0.3, dtype=nnc.float64, requires_grad=True)
    y = x.sin()
    for _ in range(10):
        (y,) = nnc.grad(y, x, create_graph=True)
    np.testing.assert_allclose(y.item(), -np.sin(0.3), rtol=1e-12)


def test_a_fused_operation_is_differentiated_through_its_twin():
    called = []

    class Cubed(Function):
        """out = (x * y)^3 with a backward in which nothing can be recorded."""

        __slots__ = ()
        saves = ("x", "y", "product")

        def forward(self, x, y):
            self.saved = x, y, x * y
            return (x * y) ** 3

        def backward(self, dout):
            called.append("backward")
            x, y, product = self.saved
            slope = np.multiply(3 * product**2, dout)
            return slope * y, slope * x

        def twin(self, x, y):
            called.append("twin")
            return (x * y) ** 3

    x = nnc.tensor([2.0], dtype=nnc.float64, requires_grad=True)
    y = nnc.tensor([5.0], dtype=nnc.float64, requires_grad=True)
    out = apply(Cubed, (x, y))
    plain = nnc.grad(out, (x, y), retain_graph=True)
    slopes = nnc.grad(out, (x, y), create_graph=True)
    assert called == ["backward", "twin"]
    assert [g.tolist() for g in plain] == [g.tolist() for g in slopes] == [[1500], [600]]
    assert nnc.grad(slopes[0], (x, y))[1].tolist() == [3 * 3 * 2**2 * 5**2]

    # The same tensor twice: each input has its own share.
    out = apply(Cubed, (x, x))
    (slope,) = nnc.grad(out, x, create_graph=True)
    assert slope.tolist() == [6 * 2.0**5]
    assert nnc.grad(slope, x)[0].tolist() == [30 * 2.0**4]


WITH_TWIN = [(o, e) for o, e in DIFFERENTIABLE if any(node.twin for node in o.nodes)]


@pytest.mark.parametrize(
    ("operation", "example"), WITH_TWIN, ids=[f"{o}-{e}" for o, e in WITH_TWIN]
)
def test_every_twin_gives_the_same_result_and_replaces_backward(operation, example, monkeypatch):
    arrays = arrays_for(operation, example)
    plain, _, _ = first(operation, example, arrays)
    values = {}
    for kind in {node for node in operation.nodes if node.twin}:
        forward, twin = kind.forward, kind.twin

        @functools.wraps(forward)
        def noted(self, *inputs, forward=forward):
            values[self] = [forward(self, *inputs)]
            return values[self][0]

        def compared(self, *inputs, twin=twin):
            out = twin(self, *inputs)
            values[self].append(out._data)
            return out

        monkeypatch.setattr(kind, "forward", noted)
        monkeypatch.setattr(kind, "twin", compared)
        monkeypatch.setattr(kind, "backward", None)
    recorded, _, _ = first(operation, example, arrays, create_graph=True)
    assert values
    for fused, spelled_out in values.values():
        assert spelled_out.shape == np.shape(fused)
        assert spelled_out.dtype == fused.dtype
        close(spelled_out, fused, 1e-10)
    for a, b in zip(plain, recorded, strict=True):
        close(b.detach().numpy(), a.numpy(), 1e-10)


def test_an_operation_on_any_number_of_inputs():
    class Product(Function):
        """out = product of all inputs, which are saved as one tuple."""

        __slots__ = ()
        saves = ("inputs",)

        def forward(self, *arrays):
            self.saved = (arrays,)
            total = arrays[0]
            for a in arrays[1:]:
                total = total * a
            return total

        def backward(self, dout):
            (inputs,) = self.saved
            shares = []
            for i in range(len(inputs)):
                share = dout
                for k, x in enumerate(inputs):
                    share = share if k == i else share * x
                shares.append(share)
            return tuple(shares)

    xs = [nnc.tensor([v], dtype=nnc.float64, requires_grad=True) for v in (2.0, 3.0, 5.0)]
    out = apply(Product, tuple(xs))
    slopes = nnc.grad(out, xs, create_graph=True)
    assert [g.item() for g in slopes] == [15, 10, 6]
    assert [g.item() for g in nnc.grad(slopes[0], xs[1:])] == [5, 3]

    y = xs[0] + 1
    out = apply(Product, (y, xs[1]))
    y += 1
    with pytest.raises(RuntimeError, match="input of Product"):
        out.backward()

    class ProductWithTwin(Product):
        __slots__ = ()

        def twin(self, *inputs):
            total = inputs[0]
            for x in inputs[1:]:
                total = total * x
            return total

    slopes = nnc.grad(apply(ProductWithTwin, tuple(xs)), xs, create_graph=True)
    assert [g.item() for g in slopes] == [15, 10, 6]
    assert nnc.grad(slopes[0], xs[1])[0].item() == 5


def test_gradients_by_backward_can_be_differentiated():
    x = nnc.tensor([1.0, 2.0], dtype=nnc.float64, requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    assert x.grad.tolist() == [3, 12]
    penalty = (x.grad**2).sum()
    x.grad = None
    penalty.backward()
    assert x.grad.tolist() == [2 * 3 * 6, 2 * 12 * 12]


def test_recorded_gradients_add_up_in_leaves():
    x = nnc.tensor([2.0], dtype=nnc.float64, requires_grad=True)
    (x**2 + x**3).backward(create_graph=True)
    (x**2).backward(create_graph=True)
    assert x.grad.tolist() == [4 + 12 + 4]
    (curvature,) = nnc.grad(x.grad, x)
    assert curvature.tolist() == [2 + 12 + 2]


def test_a_leaf_gets_a_gradient_of_its_own():
    a, b = (nnc.ones(2, requires_grad=True) for _ in range(2))
    upstream = nnc.ones(2)
    (a + b).backward(upstream, create_graph=True)
    a.grad.detach().zero_()
    assert b.grad.tolist() == upstream.tolist() == [1, 1]


def test_create_graph_under_no_grad():
    x = nnc.tensor([3.0], requires_grad=True)
    y = x**2
    with nnc.no_grad():
        (slope,) = nnc.grad(y, x, create_graph=True)
    assert nnc.grad(slope, x)[0].tolist() == [2]


def test_gradients_of_mixed_types_stay_differentiable():
    x = nnc.tensor([2.0], dtype=nnc.float32, requires_grad=True)
    y = nnc.tensor([3.0], dtype=nnc.float64, requires_grad=True)
    (slope,) = nnc.grad((x * y) ** 2, x, create_graph=True)
    assert slope.dtype == nnc.float32
    dx, dy = nnc.grad(slope, (x, y))
    assert (dx.dtype, dy.dtype) == (nnc.float32, nnc.float64)
    assert (dx.item(), dy.item()) == (18, 24)


def test_assignments_are_differentiated_twice():
    x = nnc.tensor([1.0, 2.0, 3.0], dtype=nnc.float64, requires_grad=True)
    y = x * x
    y[1:] = y[1:].clone() * x[:-1]
    (slope,) = nnc.grad((y * y).sum(), x, create_graph=True)
    (curvature,) = nnc.grad(slope[1], x)
    # y = (x0^2, x1^2 x0, x2^2 x1): d/dx1 of the sum of squares is 4 x1^3 x0^2 + 2 x2^4 x1
    assert slope[1].item() == 4 * 8 + 2 * 81 * 2
    assert curvature.tolist() == [8 * 8, 12 * 4 + 2 * 81, 8 * 27 * 2]


class Tracer:
    pass


@cases
def test_no_cycles_remain_after_a_recorded_pass(operation, example):
    arrays = arrays_for(operation, example)
    out, inputs, upstream = evaluate(operation, example, arrays)
    slopes = nnc.grad(out, inputs, upstream, create_graph=True)
    kept = []
    for node in (out.grad_fn, *[g.grad_fn for g in slopes]):
        if node is not None:
            node.made = tracer = Tracer()  # goes when the function goes
            kept.append(weakref.ref(tracer))
    assert kept
    gc.disable()
    try:
        del out, slopes, node, tracer
        assert [ref() for ref in kept] == [None] * len(kept)
    finally:
        gc.enable()


def test_a_gradient_of_wrong_shape_is_refused_when_recorded():
    class Wrong(Function):
        __slots__ = ()

        def forward(self, x):
            return x * 1

        def backward(self, dout):
            return (dout[:1],)

    x = nnc.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"Wrong returned a gradient of shape \(1,\)"):
        nnc.grad(unary(Wrong, x), x, nnc.ones(2), create_graph=True)
