"""Initial values by their distribution: mean, spread, bounds, shape; and orthogonality."""

import math
import warnings

import numpy as np
import pytest

import nncourse as nnc
from nncourse import nn
from nncourse.nn import init

SHAPES = [(300, 200), (40, 25, 5, 5), (64, 1500)]
GAINS = {
    "linear": 1.0,
    "conv2d": 1.0,
    "conv_transpose3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "leaky_relu": math.sqrt(2 / (1 + 0.01**2)),
    "selu": 0.75,
}


def check(array, middle, spread, low=None, high=None):
    """Mean and standard deviation within five standard errors, bounds kept and nearly reached."""
    n = array.size
    assert abs(array.mean() - middle) < 5 * spread / math.sqrt(n)
    assert abs(array.std() / spread - 1) < 5 / math.sqrt(n)
    if low is not None:
        width = high - low
        assert low <= array.min() < low + 0.01 * width
        assert high - 0.01 * width < array.max() <= high
    else:
        # Normal: a share of 4.55% beyond two spreads, and 0.27% beyond three.
        for beyond, share in ((2, 0.0455), (3, 0.0027)):
            found = (abs(array - middle) > beyond * spread).mean()
            assert abs(found - share) < 5 * math.sqrt(share / n)


def fans(shape):
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def filled(shape, fill, dtype=None):
    nnc.manual_seed(0)
    weight = nnc.empty(*shape, dtype=dtype or nnc.float32)
    array = weight._data
    assert fill(weight) is weight
    assert weight._data is array
    return array.astype(np.float64)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("gain", [1.0, 5 / 3])
def test_xavier(shape, gain):
    total = sum(fans(shape))
    a = gain * math.sqrt(6 / total)
    check(filled(shape, lambda w: init.xavier_uniform_(w, gain)), 0, a / math.sqrt(3), -a, a)
    spread = gain * math.sqrt(2 / total)
    check(filled(shape, lambda w: init.xavier_normal_(w, gain)), 0, spread)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize("nonlinearity", GAINS)
def test_kaiming(shape, mode, nonlinearity):
    fan = fans(shape)[mode == "fan_out"]
    slope = 0.01 if nonlinearity == "leaky_relu" else 0.0
    settings = {"a": slope, "mode": mode, "nonlinearity": nonlinearity}
    spread = GAINS[nonlinearity] / math.sqrt(fan)
    b = spread * math.sqrt(3)
    check(filled(shape, lambda w: init.kaiming_uniform_(w, **settings)), 0, spread, -b, b)
    check(filled(shape, lambda w: init.kaiming_normal_(w, **settings)), 0, spread)


def test_defaults_of_kaiming_are_those_of_relu():
    spread = math.sqrt(2 / 200)
    check(filled((300, 200), init.kaiming_normal_), 0, spread)
    b = math.sqrt(6 / 200)
    check(filled((300, 200), init.kaiming_uniform_), 0, spread, -b, b)


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (-3.0, 5.0)])
def test_uniform(a, b):
    array = filled((200, 100), lambda w: init.uniform_(w, a, b))
    check(array, (a + b) / 2, (b - a) / math.sqrt(12), a, b)
    shares, _ = np.histogram(array, 10, (a, b))
    assert abs(shares / 2000 - 1).max() < 5 / math.sqrt(2000)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (2.0, 0.1)])
def test_normal(mean, std):
    check(filled((200, 100), lambda w: init.normal_(w, mean, std)), mean, std)


def cut(low, high):
    """Mean and standard deviation of a standard normal number between low and high."""

    def density(x):
        return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)

    inside = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
    mean = (density(low) - density(high)) / inside
    variance = 1 + (low * density(low) - high * density(high)) / inside - mean**2
    return mean, math.sqrt(variance)


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [
        (0.0, 1.0, -2.0, 2.0),
        (0.0, 1.0, -1.0, 3.0),
        (0.0, 1.0, -0.1, 0.1),  # narrow
        (0.5, 2.0, -0.5, 1.0),
        (0.0, 1.0, 2.0, 6.0),  # a tail
        (0.0, 1.0, -9.0, -3.0),
    ],
)
def test_truncated_normal(mean, std, a, b):
    array = filled((200, 100), lambda w: init.trunc_normal_(w, mean, std, a, b), nnc.float64)
    assert a <= array.min()
    assert array.max() <= b
    middle, spread = cut((a - mean) / std, (b - mean) / std)
    assert abs(array.mean() - (mean + std * middle)) < 5 * std * spread / math.sqrt(array.size)
    assert abs(array.std() / (std * spread) - 1) < 0.04


def test_truncated_normal_keeps_its_bounds_in_float32():
    # 0.7 is no float32: the nearest one lies below.
    array = init.trunc_normal_(nnc.empty(20000), 0.0, 50.0, 0.1, 0.7)._data
    assert array.dtype == np.float32
    assert array.min() >= np.float32(0.1)
    assert array.max() <= np.float32(0.7)
    wide = filled((200, 100), lambda w: init.trunc_normal_(w, std=0.02))
    check(wide, 0, 0.02)
    assert init.trunc_normal_(nnc.empty(0, 3)).shape == (0, 3)


@pytest.mark.parametrize("shape", [(5, 5), (7, 3), (3, 7), (4, 3, 2, 2), (20, 3, 2, 2)])
@pytest.mark.parametrize("gain", [1.0, math.sqrt(2)])
def test_orthogonal(shape, gain):
    array = filled(shape, lambda w: init.orthogonal_(w, gain), nnc.float64).reshape(shape[0], -1)
    rows, columns = array.shape
    product = array @ array.T if rows <= columns else array.T @ array
    np.testing.assert_allclose(product, gain**2 * np.eye(min(rows, columns)), atol=1e-12)


def test_all_rotations_are_equally_likely():
    # Mean 0 and equal variance 1/n for all entries; QR without the sign would not give that.
    generator = nnc.Generator(0)
    weight = nnc.empty(3, 3, dtype=nnc.float64)
    drawn = np.array([init.orthogonal_(weight, generator=generator).tolist() for _ in range(2000)])
    assert abs(drawn.mean(0)).max() < 5 * math.sqrt(1 / 3 / 2000)
    assert abs((drawn**2).mean(0) - 1 / 3).max() < 5 * math.sqrt(0.089 / 2000)
    signs = np.linalg.det(drawn)
    assert abs(signs.mean()) < 5 / math.sqrt(2000)  # reflections as often as rotations


@pytest.mark.parametrize("sparsity", [0.0, 0.25, 0.9, 1.0])
def test_sparse(sparsity):
    array = filled((50, 400), lambda w: init.sparse_(w, sparsity, std=0.1))
    zeros = math.ceil(sparsity * 50)
    assert ((array == 0).sum(0) == zeros).all()
    if zeros < 50:
        rest = array[array != 0]
        assert abs(rest.std() / 0.1 - 1) < 5 / math.sqrt(rest.size)
        # All rows are as likely to be zero.
        share = (array == 0).mean(1)
        assert abs(share - zeros / 50).max() <= 5 * math.sqrt(0.25 / 400)


def test_constants():
    assert init.zeros_(nnc.ones(2)).tolist() == [0, 0]
    assert init.ones_(nnc.zeros(2)).tolist() == [1, 1]
    assert init.constant_(nn.Parameter(nnc.zeros(1)), 3.0).item() == 3
    assert init.eye_(nnc.ones(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_gains():
    for name, gain in GAINS.items():
        assert init.calculate_gain(name) == pytest.approx(gain, rel=1e-15)
    assert init.calculate_gain("leaky_relu", 1.0) == 1.0


def test_gains_are_pytorchs():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    names = [*GAINS, *(f"conv{n}d" for n in (1, 3)), *(f"conv_transpose{n}d" for n in (1, 2))]
    for name in names:
        assert init.calculate_gain(name) == torch.nn.init.calculate_gain(name), name
    for slope in (0.0, 0.2, math.sqrt(5)):
        ours = init.calculate_gain("leaky_relu", slope)
        assert ours == torch.nn.init.calculate_gain("leaky_relu", slope)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("uniform_", {"a": -2.0, "b": 3.0}),
        ("normal_", {"mean": 1.0, "std": 0.3}),
        ("trunc_normal_", {"mean": 0.5, "std": 2.0, "a": -1.0, "b": 4.0}),
        ("trunc_normal_", {"a": 1.5, "b": 4.0}),
        ("xavier_uniform_", {"gain": 2.0}),
        ("xavier_normal_", {}),
        ("kaiming_uniform_", {"a": math.sqrt(5)}),
        ("kaiming_uniform_", {"mode": "fan_out", "nonlinearity": "tanh"}),
        ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "relu"}),
        ("orthogonal_", {"gain": 3.0}),
        ("sparse_", {"sparsity": 0.3, "std": 0.2}),
    ],
)
def test_moments_are_pytorchs(name, settings):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; nothing to compare with")
    torch.manual_seed(0)
    shape = (240, 110)
    theirs = getattr(torch.nn.init, name)(torch.empty(shape), **settings).numpy()
    ours = filled(shape, lambda w: getattr(init, name)(w, **settings))
    spread = theirs.std()
    assert abs(ours.mean() - theirs.mean()) < 7 * spread / math.sqrt(ours.size)
    assert abs(ours.std() / spread - 1) < 0.03
    levels = np.linspace(0.02, 0.98, 13)
    apart = np.quantile(ours, levels) - np.quantile(theirs, levels)
    assert abs(apart).max() < 0.06 * spread


def test_seeds_and_generators():
    fills = [
        init.uniform_,
        init.normal_,
        init.trunc_normal_,
        init.xavier_uniform_,
        init.xavier_normal_,
        init.kaiming_uniform_,
        init.kaiming_normal_,
        init.orthogonal_,
        lambda w, generator=None: init.sparse_(w, 0.5, generator=generator),
    ]
    for fill in fills:
        a, b = (fill(nnc.empty(4, 3), generator=nnc.Generator(4)) for _ in range(2))
        assert nnc.equal(a, b)
        assert not nnc.equal(a, fill(nnc.empty(4, 3), generator=nnc.Generator(5)))
        nnc.manual_seed(6)
        a = fill(nnc.empty(4, 3))
        nnc.manual_seed(6)
        assert nnc.equal(a, fill(nnc.empty(4, 3)))


def test_parameters_are_filled_without_a_graph():
    weight = nn.Linear(3, 3).weight
    for fill in (init.eye_, init.trunc_normal_, init.orthogonal_, init.kaiming_normal_):
        fill(weight)
        assert weight.is_leaf
        assert weight.requires_grad


def test_weights_without_numbers():
    for fill in (init.kaiming_uniform_, init.kaiming_normal_):
        with pytest.warns(UserWarning, match="nothing to initialise"):
            assert fill(nnc.empty(0, 3)).shape == (0, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert init.orthogonal_(nnc.empty(0, 3)).shape == (0, 3)


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda: init.xavier_uniform_(nnc.ones(3)), "two axes"),
        (lambda: init.orthogonal_(nnc.ones(3)), "two axes"),
        (lambda: init.kaiming_uniform_(nnc.ones(3, 3), mode="fan"), "fan_in"),
        (lambda: init.calculate_gain("gelu"), "gelu"),
        (lambda: init.eye_(nnc.ones(3)), "matrix"),
        (lambda: init.sparse_(nnc.ones(3), 0.1), "matrix"),
        (lambda: init.sparse_(nnc.ones(3, 3), 1.1), "sparsity"),
        (lambda: init.trunc_normal_(nnc.ones(3), a=1, b=1), "below"),
        (lambda: init.trunc_normal_(nnc.ones(3), std=0), "std"),
    ],
)
def test_refusals(fill, message):
    with pytest.raises(ValueError, match=message):
        fill()
