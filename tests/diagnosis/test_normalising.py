"""Missing paths through a mean and a variance are named; other mistakes are not taken for them."""

import numpy as np
import pytest

from nncourse.diagnosis import diagnose

EPS = 1e-5


def gradients(seed: int, axis: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The right gradient of (x - mean) / sqrt(var + eps), and wrong ones by their mistakes."""
    random = np.random.default_rng(seed)
    x, dout = random.standard_normal((2, 7, 5)) * random.uniform(0.5, 3)

    def mean(values: np.ndarray) -> np.ndarray:
        return values.mean(axis, keepdims=True)

    inverse = 1 / np.sqrt(x.var(axis, keepdims=True) + EPS)
    normal = (x - mean(x)) * inverse
    right = inverse * (dout - mean(dout) - normal * mean(dout * normal))
    noise = 1e-10 * random.standard_normal(x.shape)  # as a numerical gradient has
    return right + noise, {
        "M48": inverse * dout,
        "M49": inverse * (dout - normal * mean(dout * normal)),
        "M50": inverse * (dout - mean(dout)),
        "M50 with the wrong sign": inverse * (dout - mean(dout) + normal * mean(dout * normal)),
    }


@pytest.mark.parametrize("axis", [0, 1], ids=["BatchNorm", "LayerNorm"])
def test_the_missing_path_and_its_axis_are_named(axis):
    for seed in range(100):
        right, wrong = gradients(seed, axis)
        for name, gradient in wrong.items():
            found = diagnose(gradient, right)
            assert found is not None
            assert (found.code, found.evidence["axis"]) == (name[:3], axis), (seed, name)


def test_other_differences_of_such_gradients_are_not_taken_for_it():
    random = np.random.default_rng(1000)
    for seed in range(100):
        right, _ = gradients(seed, seed % 2)
        for wrong in (
            right + 0.1 * random.standard_normal(right.shape),
            right * random.uniform(0.5, 2, right.shape),
            np.roll(right, 1, 0),
            right + right.mean(1, keepdims=True) * random.standard_normal(right.shape),
        ):
            found = diagnose(wrong, right)
            assert found is None or found.code not in ("M48", "M49", "M50")


def test_softmax_gradients_which_sum_to_zero_too():
    random = np.random.default_rng(1)
    for _ in range(100):
        x, dout = random.standard_normal((2, 6, 4))
        p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
        right = p * (dout - (p * dout).sum(1, keepdims=True))
        for wrong in (p * dout, p * (1 - p) * dout, p * (dout - dout.mean(1, keepdims=True))):
            found = diagnose(wrong, right)
            assert found is None or found.code not in ("M48", "M49", "M50")
