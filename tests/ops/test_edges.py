"""Empty and 0-d inputs: every example of the catalogue with each of its lengths set to 0, and
with all of its inputs a single number.

Where PyTorch (or, where it has no such operation, the reference) gives a result, so must the
library, with the same gradients. Where it gives none, the library may refuse or do better.
"""

import warnings

import numpy as np
import pytest

import nncourse as nnc
from nncourse.ops.catalogue import OPERATIONS, Example
from tests.ops.catalogue_checks import arrays_for, differentiable, upstream_for

# Operations that differ on purpose: which shapes, and why.
DIFFERENT = {
    "batch_norm": (
        lambda shapes: 0 in shapes[0],
        "in training an empty batch is refused: its statistics are not numbers",
    ),
    "batch_norm with channels last in memory": (lambda shapes: 0 in shapes[0], "as above"),
    "scale and shift by channel": (
        lambda shapes: not shapes[0],
        "a part of batch_norm, which asks for axes before",
    ),
    "group_norm": (
        lambda shapes: 0 in shapes[0][2:],
        "of no pixels PyTorch's gradient of the bias is not a number; here it is 0",
    ),
    "conv2d": (
        lambda shapes: shapes[0][1:2] == (0,),
        "without input channels PyTorch drops the output channels, too; here the bias is left",
    ),
    "conv2d of many channels": (lambda shapes: shapes[0][1:2] == (0,), "as above"),
    "conv1d": (lambda shapes: shapes[0][1:2] == (0,), "as above"),
    "cross_entropy with probabilities": (
        lambda shapes: shapes[0][1:2] == (0,),
        "without classes PyTorch's loss is not a number; here it is a sum of nothing",
    ),
}
# Entries whose options say what the shapes are, so that these cannot be changed.
FIXED = {"put_add", "dropout with a mask", "unpacked", "attention with several heads"}


def variants(operation):
    """The examples with every length in turn set to 0, and with 0-d inputs."""
    known, seen = DIFFERENT.get(operation.name), set()
    for example in operation.examples:
        lengths = {n for shape in example.shapes for n in shape} - {0}
        changed = [
            tuple(tuple([0 if m == n else m for m in shape]) for shape in example.shapes)
            for n in sorted(lengths)
        ]
        for shapes in [*changed, ((),) * len(example.shapes)]:
            variant = Example(shapes, example.options)
            if str(variant) not in seen and not (known and known[0](shapes)):
                seen.add(str(variant))
                yield variant


def attempt(function):
    """What a function returns, or the error that it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function()
        except Exception as error:
            return error


def ours(operation, example, arrays):
    tensors = [nnc.tensor(a, requires_grad=differentiable(a)) for a in arrays]
    out = operation.function(*tensors, **example.options)
    out.backward(nnc.tensor(upstream_for(out.shape).astype(out.dtype)))
    return [out.detach().numpy()] + [
        t.grad.numpy() if t.grad is not None else np.zeros(t.shape)
        for t in tensors
        if t.requires_grad
    ]


def theirs(torch, operation, example, arrays):
    tensors = [torch.tensor(a, requires_grad=differentiable(a)) for a in arrays]
    out = operation.in_torch(torch, tensors, example.options)
    out.backward(torch.tensor(upstream_for(tuple(out.shape))))
    return [out.detach().numpy()] + [
        t.grad.numpy() if t.grad is not None else np.zeros(t.shape)
        for t in tensors
        if t.requires_grad
    ]


def of_reference(operation, example, arrays):
    return [np.asarray(operation.reference(*arrays, **example.options))]


@pytest.mark.parametrize(
    "operation", [o for o in OPERATIONS if o.torch is not None and o.name not in FIXED], ids=str
)
def test_empty_and_0d_inputs_give_what_they_give_in_pytorch(operation):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    for example in variants(operation):
        arrays = attempt(lambda: arrays_for(operation, example))  # noqa: B023 - called at once
        if isinstance(arrays, Exception):  # no numbers of that domain
            continue
        expected = attempt(lambda: theirs(torch, operation, example, arrays))  # noqa: B023
        if isinstance(expected, Exception):
            continue
        found = attempt(lambda: ours(operation, example, arrays))  # noqa: B023
        assert not isinstance(found, Exception), f"{example}: {found!r}"
        for a, b in zip(found, expected, strict=True):
            assert a.shape == b.shape, str(example)
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=str(example))


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.torch is None], ids=str)
def test_empty_and_0d_results_are_those_of_the_reference(operation):
    """For what PyTorch does not have: where both give a result, they give the same."""
    for example in variants(operation):
        arrays = attempt(lambda: arrays_for(operation, example))  # noqa: B023
        if isinstance(arrays, Exception):
            continue
        expected = attempt(lambda: of_reference(operation, example, arrays))  # noqa: B023
        found = attempt(lambda: ours(operation, example, arrays))  # noqa: B023
        if not isinstance(expected, Exception) and not isinstance(found, Exception):
            assert found[0].shape == expected[0].shape, str(example)
            np.testing.assert_allclose(
                found[0], expected[0], rtol=1e-9, atol=1e-9, err_msg=str(example)
            )


@pytest.mark.parametrize("name", sorted({*DIFFERENT, *FIXED}))
def test_every_exception_is_in_the_catalogue(name):
    assert name in {operation.name for operation in OPERATIONS}


def test_products_of_nothing_keep_their_graph():
    x = nnc.ones(0, 3, requires_grad=True)
    out = x.prod(0)
    assert out.tolist() == [1, 1, 1]
    out.sum().backward()
    assert x.grad.shape == (0, 3)


@pytest.mark.parametrize("name", ["cumsum", "sort", "argsort"])
def test_a_number_has_no_second_axis(name):
    with pytest.raises(IndexError):
        getattr(nnc.tensor(1.0), name)(dim=1)


def test_padding_takes_no_more_away_than_there_is():
    with pytest.raises(ValueError, match="takes away more than axis 1 has, 2"):
        nnc.nn.functional.pad(nnc.ones(2, 2), (-3, 5))
