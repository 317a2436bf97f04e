"""Normalisation on random shapes, layouts and blocks, against PyTorch, and where it is delicate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse.ops import normalization
from tests.ops.parity import numbers, same, torch_or_skip

F = nnc.nn.functional
quick = settings(max_examples=30, deadline=None)
few = st.integers(1, 4)


@quick
@given(st.data())
def test_layer_norm_of_any_shape_in_blocks(data):
    torch = torch_or_skip()
    last = data.draw(st.lists(few, min_size=1, max_size=2).filter(lambda n: np.prod(n) > 2))
    shape = (*data.draw(st.lists(few, max_size=2)), *last)
    arrays = [numbers(*shape), numbers(*last, seed=1), numbers(*last, seed=2)]
    before, normalization.BLOCK = normalization.BLOCK, data.draw(st.sampled_from([1, 8, 2**16]))
    try:
        same(
            lambda x, w, b: F.layer_norm(x, tuple(last), w, b),
            lambda x, w, b: torch.nn.functional.layer_norm(x, tuple(last), w, b),
            arrays,
            1e-7,
        )
    finally:
        normalization.BLOCK = before


@quick
@given(st.data())
def test_group_norm_of_any_shape(data):
    torch = torch_or_skip()
    groups, each = data.draw(few), data.draw(few)
    rest = data.draw(st.lists(few, max_size=2))
    if each * int(np.prod(rest)) < 3:
        return  # of one or two numbers the variance tells nothing: all becomes 0, 1 or -1
    channels = groups * each
    arrays = [
        numbers(data.draw(few), channels, *rest),
        numbers(channels, seed=1),
        numbers(channels, seed=2),
    ]
    same(
        lambda x, w, b: F.group_norm(x, groups, w, b),
        lambda x, w, b: torch.nn.functional.group_norm(x, groups, w, b),
        arrays,
        1e-7,
    )


@quick
@given(st.data())
def test_batch_norm_of_any_shape_and_layout(data):
    torch = torch_or_skip()
    n, channels = data.draw(st.integers(3, 5)), data.draw(few)
    rest = data.draw(st.lists(few, max_size=2))
    order = [0, len(rest) + 1, *range(1, len(rest) + 1)] if data.draw(st.booleans()) else None
    shape = (n, *rest, channels) if order else (n, channels, *rest)
    arrays = [numbers(*shape), numbers(channels, seed=1), numbers(channels, seed=2)]
    statistics = {lib: (lib.zeros(channels), lib.ones(channels)) for lib in (nnc, torch)}
    statistics = {lib: [t.double() for t in pair] for lib, pair in statistics.items()}

    def program(lib, training):
        def run(x, w, b):
            x = x.permute(*order) if order else x
            mean, variance = statistics[lib]
            out = lib.nn.functional.batch_norm(x, mean, variance, w, b, training, 0.3)
            return out * out  # so that the gradient has the layout of the result

        return run

    for training in (True, False):
        same(program(nnc, training), program(torch, training), arrays, 1e-7)
        for ours, theirs in zip(statistics[nnc], statistics[torch]):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-9, atol=1e-12)


@quick
@given(st.data())
def test_adaptive_pooling_of_any_shape(data):
    torch = torch_or_skip()
    size = data.draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    wanted = tuple(data.draw(st.integers(1, n)) for n in size)
    name = data.draw(st.sampled_from(["adaptive_avg_pool2d", "adaptive_max_pool2d"]))
    same(
        lambda x: getattr(F, name)(x, wanted),
        lambda x: getattr(torch.nn.functional, name)(x, wanted),
        [numbers(2, 3, *size)],
    )


@pytest.mark.parametrize("layer", ["layer_norm", "batch_norm", "group_norm"])
def test_numbers_far_from_zero(layer):
    # A mean of 1000 leaves three digits of float32 to the variance, and no more may be lost.
    torch = torch_or_skip()
    x = (numbers(32, 64) / 50 + 1000).astype(np.float32)
    calls = {
        "layer_norm": lambda lib, x: lib.nn.functional.layer_norm(x, (64,)),
        "batch_norm": lambda lib, x: lib.nn.functional.batch_norm(x, None, None, training=True),
        "group_norm": lambda lib, x: lib.nn.functional.group_norm(x, 4),
    }
    exact = calls[layer](torch, torch.tensor(x.astype(np.float64))).numpy()
    ours = np.abs(calls[layer](nnc, nnc.tensor(x)).numpy() - exact).max()
    theirs = np.abs(calls[layer](torch, torch.tensor(x)).numpy() - exact).max()
    assert ours <= max(3 * theirs, 1e-3)


def test_nothing_to_normalise():
    x = nnc.zeros(0, 4, requires_grad=True)
    out = F.layer_norm(x, 4, nnc.ones(4), nnc.zeros(4))
    assert out.shape == (0, 4)
    out.sum().backward()
    assert x.grad.shape == (0, 4)


def test_mixed_types_are_promoted():
    x, w = nnc.ones(2, 3), nnc.ones(3, dtype=nnc.float64)
    assert F.layer_norm(x, 3, w).dtype == nnc.float64
    assert F.layer_norm(x, 3, w, nnc.zeros(3)).dtype == nnc.float64
    assert F.layer_norm(x, 3, nnc.ones(3), nnc.zeros(3)).dtype == nnc.float32
    assert F.batch_norm(x, None, None, w, training=True).dtype == nnc.float64
    assert F.batch_norm(x, None, None, w, nnc.zeros(3), training=True).dtype == nnc.float64
    assert F.group_norm(x, 1, w).dtype == nnc.float64
    assert F.rms_norm(x, 3, w).dtype == nnc.float64
