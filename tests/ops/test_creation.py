"""New tensors: constants, ranges, and random numbers with seeds."""

import numpy as np
import pytest

import nncourse as nnc


def test_constants():
    assert nnc.zeros(2, 3).shape == nnc.zeros((2, 3)).shape == (2, 3)
    assert nnc.zeros(()).shape == nnc.zeros().shape == ()
    assert nnc.ones(2).tolist() == [1, 1]
    assert nnc.full((2,), 7).dtype == nnc.int64
    assert nnc.full((2,), 7.5).dtype == nnc.float32
    assert nnc.eye(2).tolist() == [[1, 0], [0, 1]]
    assert nnc.eye(2, 3).shape == (2, 3)
    like = nnc.ones_like(nnc.zeros(2, 1, dtype=nnc.float64))
    assert like.dtype == nnc.float64
    assert like.shape == (2, 1)
    assert nnc.empty(3, requires_grad=True).requires_grad


def test_ranges():
    assert nnc.arange(3).tolist() == [0, 1, 2]
    assert nnc.arange(3).dtype == nnc.int64
    assert nnc.arange(1, 2, 0.25).tolist() == [1, 1.25, 1.5, 1.75]
    assert nnc.arange(3.0).dtype == nnc.float32
    assert nnc.linspace(0, 1, 5).tolist() == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize(
    "draw",
    [
        lambda **k: nnc.randn(5, 4, **k),
        lambda **k: nnc.rand(5, 4, **k),
        lambda **k: nnc.randint(0, 100, (5, 4), **k),
        lambda **k: nnc.randperm(20, **k),
    ],
    ids=["randn", "rand", "randint", "randperm"],
)
def test_seeds_decide(draw):
    nnc.manual_seed(3)
    first, second = draw(), draw()
    nnc.manual_seed(3)
    assert nnc.equal(draw(), first)
    assert not nnc.equal(first, second)
    own = nnc.Generator(3)
    assert nnc.equal(draw(generator=own), first)
    assert nnc.equal(draw(generator=own.manual_seed(3)), first)


def test_a_generator_of_its_own_does_not_disturb_the_default():
    nnc.manual_seed(0)
    expected = nnc.rand(3)
    nnc.manual_seed(0)
    nnc.rand(100, generator=nnc.Generator(5))
    assert nnc.equal(nnc.rand(3), expected)


def test_state_of_a_generator():
    generator = nnc.Generator(1)
    nnc.rand(3, generator=generator)
    state = generator.get_state()
    first = nnc.rand(3, generator=generator)
    other = nnc.Generator()
    other.set_state(state)
    assert nnc.equal(nnc.rand(3, generator=other), first)
    assert other.initial_seed() == 1


def test_distributions():
    nnc.manual_seed(0)
    normal = nnc.randn(100_000)
    assert normal.dtype == nnc.float32
    assert abs(normal.mean().item()) < 0.02
    assert abs(normal.std().item() - 1) < 0.02
    even = nnc.rand(100_000, dtype=nnc.float64)
    assert even.dtype == nnc.float64
    assert 0 <= even.min().item() < 0.001
    assert 0.999 < even.max().item() < 1
    assert abs(even.mean().item() - 0.5) < 0.01
    whole = nnc.randint(2, 5, (30_000,))
    assert set(np.unique(whole.numpy())) == {2, 3, 4}
    assert nnc.randint(3, (2, 2)).shape == (2, 2)
    assert sorted(nnc.randperm(10).tolist()) == list(range(10))
