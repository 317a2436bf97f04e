"""Every operation of the catalogue: values, gradients, number types, memory."""

import gc
import weakref

import numpy as np
import pytest

import nncourse as nnc
from nncourse.autograd.custom import Custom
from nncourse.autograd.function import Cast, Function
from nncourse.autograd.placement import ToDevice
from nncourse.ops.catalogue import OPERATIONS
from nncourse.ops.indexing import SetItem
from tests.ops.catalogue_checks import (
    CASES,
    IDS,
    TOLERANCE,
    arrays_for,
    differentiable,
    gradient_error,
    gradients,
    numerical_gradients,
    upstream_for,
)

cases = pytest.mark.parametrize(("operation", "example"), CASES, ids=IDS)


@cases
def test_value_is_that_of_the_reference(operation, example):
    arrays = arrays_for(operation, example)
    found = operation.function(*[nnc.tensor(a) for a in arrays], **example.options)
    expected = np.asarray(operation.reference(*arrays, **example.options))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)


@cases
def test_gradient_is_that_of_central_differences(operation, example):
    assert gradient_error(operation, example) < TOLERANCE


@cases
def test_no_gradient_check_is_vacuous(operation, example):
    if example.options.get("n") == 0:  # x^0 is constant
        return
    arrays = arrays_for(operation, example)
    if np.size(operation.reference(*arrays, **example.options)):
        slopes = numerical_gradients(operation, example, arrays)
        assert sum(np.linalg.norm(slope) for slope in slopes) > 1e-3


known_to_pytorch = pytest.mark.parametrize(
    ("operation", "example"),
    [(o, e) for o, e in CASES if o.torch is not None],
    ids=[i for i, (o, _) in zip(IDS, CASES) if o.torch is not None],
)


@known_to_pytorch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_and_gradient_are_those_of_pytorch(operation, example, dtype):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    arrays = [a.astype(dtype) if differentiable(a) else a for a in arrays_for(operation, example)]
    found, slopes = gradients(operation, example, arrays)

    tensors = [torch.tensor(a, requires_grad=differentiable(a)) for a in arrays]
    expected = operation.in_torch(torch, tensors, example.options)
    expected.backward(torch.tensor(upstream_for(found.shape).astype(dtype)))

    tolerance = {"float32": 2e-5, "float64": 1e-11}[dtype]
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=tolerance, atol=tolerance)
    their_slopes = [t.grad.numpy() for t in tensors if t.requires_grad]
    for ours, theirs in zip(slopes, their_slopes, strict=True):
        assert ours.dtype == dtype
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def _spread_out(array):
    """The same values in memory with gaps and axes in reverse order."""
    if not array.ndim:
        return array
    roomy = np.zeros([2 * n for n in reversed(array.shape)], array.dtype)
    view = roomy[tuple([slice(None, None, 2)] * array.ndim)].T
    view[...] = array
    return view


@cases
def test_inputs_need_not_be_contiguous(operation, example):
    arrays = arrays_for(operation, example)
    expected, slopes = gradients(operation, example, arrays)
    tensors = [nnc.Tensor(_spread_out(a), requires_grad=differentiable(a)) for a in arrays]
    out = operation.function(*tensors, **example.options)
    out.backward(nnc.Tensor(_spread_out(upstream_for(out.shape))))
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-12, atol=1e-12)
    for tensor, slope in zip([t for t in tensors if t.requires_grad], slopes, strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), slope, rtol=1e-12, atol=1e-12)


@cases
def test_nothing_is_modified_and_nothing_is_shared(operation, example):
    arrays = arrays_for(operation, example)
    tensors = [nnc.tensor(a, requires_grad=differentiable(a)) for a in arrays]
    out = operation.function(*tensors, **example.options)
    value = out.detach().numpy().copy()
    gradient = nnc.tensor(upstream_for(out.shape))
    for _ in range(2):  # the second pass adds to what the first one stored
        out.backward(gradient, retain_graph=True)

    np.testing.assert_array_equal(gradient.numpy(), upstream_for(out.shape))
    np.testing.assert_array_equal(out.detach().numpy(), value)
    for tensor, array in zip(tensors, arrays):
        np.testing.assert_array_equal(tensor.detach().numpy(), array)
    memory = [t.data for t in tensors] + [t.grad.data for t in tensors if t.requires_grad]
    memory.append(gradient.data)
    for i, a in enumerate(memory):
        for b in memory[:i]:
            assert not np.shares_memory(a, b)
    _, slopes = gradients(operation, example, arrays)
    for tensor, slope in zip([t for t in tensors if t.requires_grad], slopes, strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), 2 * slope, rtol=1e-12, atol=1e-12)


@cases
def test_each_input_may_be_the_only_one_with_a_gradient(operation, example):
    arrays = arrays_for(operation, example)
    _, slopes = gradients(operation, example, arrays)
    places = [i for i, a in enumerate(arrays) if differentiable(a)]
    for place, slope in zip(places, slopes, strict=True):
        tensors = [nnc.tensor(a, requires_grad=i == place) for i, a in enumerate(arrays)]
        out = operation.function(*tensors, **example.options)
        out.backward(nnc.tensor(upstream_for(out.shape)))
        np.testing.assert_allclose(tensors[place].grad.numpy(), slope, rtol=1e-12, atol=1e-12)


@pytest.fixture(scope="module")
def frozen_heap():
    """What there is already need not be searched for garbage each time."""
    gc.collect()
    gc.freeze()


@cases
def test_the_graph_goes_with_its_result(operation, example, frozen_heap):
    arrays = arrays_for(operation, example)
    tensors = [nnc.tensor(a, requires_grad=differentiable(a)) for a in arrays]
    gc.disable()
    gc.collect()
    try:
        out = operation.function(*tensors, **example.options)
        out.backward(nnc.tensor(upstream_for(out.shape)))
        del out
        operation.function(*tensors, **example.options)
        assert gc.collect() == 0, "a reference cycle"
    finally:
        gc.enable()


def _nodes(out):
    """All functions behind a result."""
    found, waiting = {}, [out.grad_fn]
    while waiting:
        node = waiting.pop()
        if id(node) not in found:
            found[id(node)] = node
            waiting += [edge for edge in node.edges if isinstance(edge, Function)]
    return list(found.values())


def _watched(out, tensors):
    """Weak references to the arrays of a result and of all that was saved for its gradient."""
    own = {id(t._data) for t in tensors}
    saved = [value for node in _nodes(out) if node.saves for value in node.saved]
    saved += [array for value in saved if isinstance(value, tuple) for array in value]
    arrays = [out._data, *[a for a in saved if isinstance(a, np.ndarray)]]
    return [weakref.ref(a) for a in arrays if id(a) not in own and a.base is None]


@cases
def test_memory_goes_with_the_result_and_with_the_backward_pass(operation, example):
    arrays = arrays_for(operation, example)
    tensors = [nnc.tensor(a, requires_grad=differentiable(a)) for a in arrays]
    gc.disable()  # what goes, goes by itself
    try:
        out = operation.function(*tensors, **example.options)
        watched = _watched(out, tensors)
        del out
        assert [ref() for ref in watched] == [None] * len(watched)

        out = operation.function(*tensors, **example.options)
        watched = _watched(out, tensors)
        out.backward(nnc.tensor(upstream_for(out.shape)))
        assert all(not node.saves or node.saved is None for node in _nodes(out))
        assert all(ref() is None or ref() is out._data for ref in watched)
    finally:
        gc.enable()


@cases
def test_float32_stays_float32_and_near_the_reference(operation, example):
    exact = arrays_for(operation, example)
    arrays = [a.astype(np.float32) if differentiable(a) else a for a in exact]
    found, slopes = gradients(operation, example, arrays)
    expected, of_reference = gradients(operation, example, exact)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    for slope, precise in zip(slopes, of_reference, strict=True):
        assert slope.dtype == np.float32
        np.testing.assert_allclose(slope, precise, rtol=1e-3, atol=1e-3)


@cases
def test_the_graph_holds_what_is_declared(operation, example):
    arrays = arrays_for(operation, example)
    tensors = [nnc.tensor(a, requires_grad=differentiable(a)) for a in arrays]
    out = operation.function(*tensors, **example.options)
    found, waiting = set(), [out.grad_fn]
    while waiting:
        node = waiting.pop()
        found.add(type(node))
        assert (len(node.saved) if node.saves else 0) == len(node.saves)
        waiting += [edge for edge in node.edges if isinstance(edge, Function)]
    assert found <= set(operation.nodes)

    # What was saved under the name of an input is that input, not a copy.
    parameters = type(node).forward.__code__.co_varnames[1:]
    for name, array in zip(node.saves, node.saved if node.saves else ()):
        if name == "out" and node is out.grad_fn:
            assert np.array_equal(array, out.data)
        elif name in parameters and parameters.index(name) < len(node.edges):
            edge = node.edges[parameters.index(name)]
            if isinstance(edge, nnc.Tensor):
                assert array is edge.data


@cases
def test_without_gradients_nothing_is_recorded(operation, example):
    tensors = [nnc.tensor(a) for a in arrays_for(operation, example)]
    assert operation.function(*tensors, **example.options).grad_fn is None
    for t in tensors:
        t.requires_grad = differentiable(t.data)
    with nnc.no_grad():
        out = operation.function(*tensors, **example.options)
    assert out.grad_fn is None
    assert not out.requires_grad


@pytest.mark.parametrize(
    ("operation", "example"),
    [(o, e) for o, e in CASES if o.spelled_out],
    ids=[i for i, (o, _) in zip(IDS, CASES) if o.spelled_out],
)
def test_fused_operations_equal_their_spelled_out_twins(operation, example):
    arrays = arrays_for(operation, example)
    results = []
    for function in (operation.function, operation.spelled_out):
        tensors = [nnc.tensor(a, requires_grad=differentiable(a)) for a in arrays]
        out = function(*tensors, **example.options)
        out.backward(nnc.tensor(upstream_for(out.shape)))
        results.append([out.detach()] + [t.grad for t in tensors if t.requires_grad])
    for fused, spelled_out in zip(*results, strict=True):
        np.testing.assert_allclose(fused.numpy(), spelled_out.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_declared_functions_are_used(operation):
    found = set()
    for example in operation.examples:
        tensors = [
            nnc.tensor(a, requires_grad=differentiable(a)) for a in arrays_for(operation, example)
        ]
        waiting = [operation.function(*tensors, **example.options).grad_fn]
        while waiting:
            node = waiting.pop()
            found.add(type(node))
            waiting += [edge for edge in node.edges if isinstance(edge, Function)]
    assert found == set(operation.nodes)


def test_every_function_is_in_the_catalogue():
    declared = {node for operation in OPERATIONS for node in operation.nodes}
    # Tested with number types, with assignments, with devices, and in PyTorch's form.
    elsewhere = {Cast, Custom, SetItem, ToDevice}
    exist = {c for c in Function.__subclasses__() if c.__module__.startswith("nncourse.")}
    assert exist - declared - elsewhere == set()
