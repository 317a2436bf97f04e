"""Number types of results are PyTorch's."""

import itertools

import numpy as np
import pytest

import nncourse as nnc

DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]


def test_the_cases_that_differ_from_numpy():
    assert (nnc.ones(2) * nnc.arange(2)).dtype == nnc.float32
    assert (nnc.arange(2) * 0.5).dtype == nnc.float32
    assert (nnc.ones(2) + nnc.tensor(1.0, dtype=nnc.float64)).dtype == nnc.float32
    assert (nnc.arange(2) / nnc.arange(1, 3)).dtype == nnc.float32
    assert nnc.arange(3).exp().dtype == nnc.float32
    assert nnc.tensor([True, True]).sum().dtype == nnc.int64
    assert nnc.tensor([True, True]).sum().item() == 2
    assert (nnc.ones(2, dtype=nnc.float64) * np.float32(2)).dtype == nnc.float64


@pytest.mark.parametrize("operator", ["add", "mul", "div", "maximum", "where"])
def test_all_pairs_against_pytorch(operator):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")

    def operands(library, kind):
        for dtype in DTYPES:
            yield library.ones(2, dtype=getattr(library, dtype))
            yield library.ones((), dtype=getattr(library, dtype))
        if operator not in ("maximum", "where"):
            yield from (True, 2, 0.5)

    def compute(library, a, b):
        if operator == "where":
            return library.where(library.ones(2, dtype=library.bool), a, b)
        return getattr(library, operator)(a, b)

    ours = list(operands(nnc, "ours"))
    theirs = list(operands(torch, "theirs"))
    for (a, x), (b, y) in itertools.product(zip(ours, theirs), repeat=2):
        if not (isinstance(a, nnc.Tensor)):
            continue
        found, expected = compute(nnc, a, b), compute(torch, x, y)
        assert str(found.dtype) == str(expected.dtype).removeprefix("torch."), (a, b)
        assert found.shape == tuple(expected.shape)


def test_default_dtype_can_be_changed():
    try:
        nnc.set_default_dtype(nnc.float64)
        assert nnc.tensor([1.0]).dtype == nnc.float64
        assert nnc.nn.Linear(2, 2).weight.dtype == nnc.float64
        assert (nnc.arange(2) * 0.5).dtype == nnc.float64
    finally:
        nnc.set_default_dtype(nnc.float32)
    with pytest.raises(TypeError, match="int64"):
        nnc.set_default_dtype(nnc.int64)


def test_gradients_pass_conversions():
    x = nnc.tensor([1.0, 2.0], requires_grad=True)
    (x.double() * nnc.tensor([3.0, 4.0], dtype=nnc.float64)).sum().backward()
    assert x.grad.dtype == nnc.float32
    assert x.grad.tolist() == [3, 4]
    assert not x.long().requires_grad
    assert x.float() is x


@pytest.mark.parametrize("other", ["a", None, [1, 2]])
def test_other_things_are_no_operands(other):
    with pytest.raises(TypeError, match="tensor"):
        nnc.ones(2) + other


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_cut_out_or_filled_in_keeps_its_type(dtype):
    """As PyTorch does; a mask that is cut to a triangle stays a mask."""
    x = nnc.ones(3, 3, dtype=getattr(nnc, dtype))
    hidden = nnc.ones(3, 3, dtype=nnc.bool).tril()
    assert hidden.dtype == nnc.bool
    for found in (x.tril(), x.triu(1), x.masked_fill(hidden, 0), x.masked_fill(hidden, True)):
        assert found.dtype == x.dtype
