"""Generated sets: exact where truth is exact, as distributed as promised, the same for a seed."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nncourse as nnc
from nncourse import data
from nncourse.data import memory, regions
from nncourse.data.pictures import TEMPLATES

GENERATORS = {
    "two_moons": lambda **k: data.two_moons(20, **k),
    "circles": lambda **k: data.circles(20, **k),
    "blobs": lambda **k: data.blobs(20, **k),
    "spirals": lambda **k: data.spirals(20, **k),
    "xor_clouds": lambda **k: data.xor_clouds(20, **k),
    "region_points": lambda **k: data.region_points("star", 20, **k),
    "curve": lambda **k: data.curve("sine", 20, **k),
    "bars": lambda **k: data.bars(20, **k),
    "digits_1d": lambda **k: data.digits_1d(20, **k),
    "sine_series": lambda **k: (data.sine_series(20, **k),),
    "ar_series": lambda **k: (data.ar_series(20, **k),),
    "seasonal_series": lambda **k: (data.seasonal_series(20, **k),),
    "adding": lambda **k: data.adding(20, **k),
    "copying": lambda **k: data.copying(20, **k),
    "parity": lambda **k: data.parity(20, **k),
    "brackets": lambda **k: data.brackets(20, **k),
}


@pytest.mark.parametrize("name", GENERATORS)
def test_a_seed_decides_everything(name):
    make = GENERATORS[name]

    def raw(**arguments):
        return [(t.dtype, t.shape, t.numpy().tobytes()) for t in make(**arguments)]

    assert raw(seed=3) == raw(seed=3) == raw(generator=nnc.Generator(3)) != raw(seed=4)
    nnc.manual_seed(3)
    assert raw() == raw(seed=3)
    assert raw() != raw(seed=3)
    with pytest.raises(ValueError, match="not both"):
        make(seed=1, generator=nnc.Generator(1))
    for tensor in make(seed=1):
        assert tensor.dtype in (nnc.float32, nnc.int64)
        assert np.isfinite(tensor.numpy()).all()


# Truth tables


@pytest.mark.parametrize(
    ("name", "inputs", "truth"),
    [
        ("not", 1, lambda a: not a),
        ("and", 2, lambda a, b: a and b),
        ("or", 2, lambda a, b: a or b),
        ("nand", 2, lambda a, b: not (a and b)),
        ("nor", 2, lambda a, b: not (a or b)),
        ("xor", 2, lambda a, b: a != b),
        ("xnor", 2, lambda a, b: a == b),
        ("implies", 2, lambda a, b: b if a else True),
        ("and", 4, lambda *a: all(a)),
        ("xor", 3, lambda a, b, c: (a != b) != c),
        ("majority", 3, lambda a, b, c: (a and b) or (b and c) or (a and c)),
    ],
)
def test_truth_tables(name, inputs, truth):
    x, y = data.truth_table(name, inputs)
    rows = list(product([0, 1], repeat=inputs))
    assert x.tolist() == [list(map(float, row)) for row in rows]
    assert y.tolist() == [int(truth(*row)) for row in rows]
    assert (x.dtype, y.dtype) == (nnc.float32, nnc.int64)


def test_own_functions_and_wrong_ones():
    x, y = data.truth_table(lambda bits: bits[:, 0] & ~bits[:, 2], 3)
    assert y.tolist() == [int(a == 1 and c == 0) for a, _, c in x.tolist()]
    assert len(data.truth_table("not")[0]) == 2
    for arguments, word in (
        (("nope",), "there are not, and"),
        (("not", 2), "1 input"),
        (("and", 0), "at least 1"),
        (("and", 21), "at most 20"),
        ((lambda bits: True,), "each row"),
    ):
        with pytest.raises(ValueError, match=word):
            data.truth_table(*arguments)


# Shapes in the plane


def test_circles():
    x, y = data.circles(400, noise=0, factor=0.3, seed=0)
    radius = np.linalg.norm(x.numpy(), axis=1)
    np.testing.assert_allclose(radius, np.where(y.numpy() == 1, 0.3, 1), rtol=1e-5)
    assert np.bincount(y.numpy()).tolist() == [200, 200]
    with pytest.raises(ValueError, match="factor"):
        data.circles(10, factor=1)


def test_blobs():
    places = [[0, 0, 5], [3, 3, 3]]
    x, y = data.blobs(4000, places, noise=0.5, seed=0)
    assert x.shape == (4000, 3)
    for k in (0, 1):
        own = x.numpy()[y.numpy() == k]
        np.testing.assert_allclose(own.mean(0), places[k], atol=5 * 0.5 / math.sqrt(2000))
        np.testing.assert_allclose(own.std(0), 0.5, atol=0.05)
    x, y = data.blobs(9, 3, noise=0, seed=0)
    np.testing.assert_allclose(np.linalg.norm(x.numpy(), axis=1), 2, rtol=1e-6)
    assert np.bincount(y.numpy()).tolist() == [3, 3, 3]
    for wrong in (0, [], [1, 2]):
        with pytest.raises(ValueError, match="centers"):
            data.blobs(10, wrong)


def test_spirals():
    x, y = data.spirals(300, arms=3, turns=0.75, noise=0, seed=0)
    points, kinds = x.numpy().astype(float), y.numpy()
    radius = np.linalg.norm(points, axis=1)
    assert radius.min() > 0
    assert radius.max() <= 1
    angle = np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) - 0.75 * radius - kinds / 3
    np.testing.assert_allclose(angle - angle.round(), 0, atol=1e-6)


def test_xor_clouds():
    x, y = data.xor_clouds(20_000, noise=0.3, seed=0)
    guess = (x.numpy()[:, 0] > 0) != (x.numpy()[:, 1] > 0)
    # Wrong if one coordinate, not both, is off by more than 1: 2 q (1 - q), q = Phi(-1 / 0.3).
    q = 0.5 * math.erfc(1 / 0.3 / math.sqrt(2))
    wrong = (guess != (y.numpy() == 1)).mean()
    assert abs(wrong - 2 * q * (1 - q)) < 5 * math.sqrt(2 * q / 20_000)
    assert np.bincount(y.numpy()).tolist() == [10_000, 10_000]


def test_wrong_numbers_are_refused():
    for make, message in (
        (lambda: data.circles(1), "n: .* at least 2 .* got 1"),
        (lambda: data.circles(10, noise=-1), "noise: .* got -1"),
        (lambda: data.blobs(2, 3), "n: .* at least 3 .* got 2"),
        (lambda: data.spirals(10, arms=0), "arms: .* got 0"),
        (lambda: data.xor_clouds(10, noise=math.nan), "noise: .* got nan"),
        (lambda: data.curve("nope"), "no curve 'nope'"),
        (lambda: data.curve("sine", low=1, high=1), "low must be below high"),
        (lambda: data.bars(4, size=3), "size: .* got 3"),
        (lambda: data.digits_1d(4, length=10), "length: .* got 10"),
        (lambda: data.digits_1d(4, shift=2), "shift must be .* got 2"),
        (lambda: data.ar_series(10, (1.0,)), "runs away"),
        (lambda: data.windows(np.arange(5), 5), "at least 6; this one has 5"),
        (lambda: data.adding(3, 1), "length: .* got 1"),
        (lambda: data.copying(3, delay=0), "delay: .* got 0"),
        (lambda: data.parity(0), "n: .* got 0"),
        (lambda: data.brackets(3, 7), "length must be even; got 7"),
        (lambda: data.brackets(3, kinds=3), "kinds must be .* got 3"),
        (lambda: data.sine_series(2.5), "n: .* got 2.5"),
        (lambda: data.seasonal_series(10, period=1), "period: .* got 1"),
    ):
        with pytest.raises(ValueError, match=message):
            make()


# Regions


def exactly(formula, point):
    """The formula in fractions."""
    if isinstance(formula, regions.HalfPlane):
        return formula.a1 * point[0] + formula.a2 * point[1] + formula.b >= 0
    if isinstance(formula, regions.Not):
        return not exactly(formula.part, point)
    together = all if isinstance(formula, regions.And) else any
    return together(exactly(part, point) for part in formula.parts)


@pytest.mark.parametrize("name", regions.REGIONS)
def test_regions_are_exact_for_the_points_drawn(name):
    x, y = data.region_points(name, 400, seed=0)
    formula = data.region(name)
    assert np.bincount(y.numpy()).tolist() == [200, 200]
    for point, inside in zip(x.tolist(), y.tolist()):
        assert exactly(formula, [Fraction(c) for c in point]) == bool(inside)
    # A network of step units in float32 says the same: no rounding takes place.
    planes = formula.half_planes()
    weights = np.array([[p.a1, p.a2] for p in planes], np.float32)
    fires = x.numpy() @ weights.T + np.array([p.b for p in planes], np.float32) >= 0
    for row, point in zip(fires, x.tolist()):
        assert [exactly(p, [Fraction(c) for c in point]) for p in planes] == row.tolist()


def is_convex(formula):
    """Is the region convex? Midpoints of pairs of inside points tell where it is not."""
    grid = np.stack(np.meshgrid(np.arange(-3, 3.01, 0.25), np.arange(-3, 3.01, 0.25)), -1)
    inside = grid.reshape(-1, 2)[formula.contains(grid.reshape(-1, 2))]
    middle = (inside[:, None] + inside) / 2
    return formula.contains(middle).all()


def pieces_of(formula):
    """In how many pieces is the region, on a fine grid?"""
    axis = np.arange(-3, 3.001, 1 / 16) + 1 / 37
    inside = formula.contains(np.stack(np.meshgrid(axis, axis), -1))
    seen, found = np.zeros_like(inside), 0
    for start in zip(*np.nonzero(inside)):
        if seen[start]:
            continue
        found += 1
        todo = [start]
        seen[start] = True
        while todo:
            i, j = todo.pop()
            for u, v in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
                if 0 <= u < len(axis) and 0 <= v < len(axis) and inside[u, v] and not seen[u, v]:
                    seen[u, v] = True
                    todo.append((u, v))
    return found


def test_regions_are_of_the_kinds_their_names_promise():
    convex = [name for name in regions.REGIONS if is_convex(data.region(name))]
    assert convex == ["triangle", "square", "hexagon"]
    found = {name: pieces_of(data.region(name)) for name in regions.REGIONS}
    assert found == dict.fromkeys(regions.REGIONS, 1) | {"two squares": 2, "islands": 3}


def test_points_keep_their_distance():
    x, y = data.region_points("frame", 200, margin=0.125, seed=1)
    assert data.region("frame").distance(x.numpy()).min() >= 0.125
    assert y.numpy().sum() == 100
    with pytest.raises(ValueError, match="distance of 3"):
        data.region_points("square", 10, margin=3)
    with pytest.raises(ValueError, match="there are triangle"):
        data.region_points("circle")


def test_formulas():
    square = data.polygon((0, 0), (1, 0), (1, 1), (0, 1))
    assert square.contains([[0, 0], [0.5, 0.5], [1, 1], [1.01, 0.5]]).tolist() == [1, 1, 1, 0]
    assert (~~square) is square
    assert (~square).contains([0, 0]).item() is False
    half = data.HalfPlane(1, -2, 3)
    assert str(half) == "x1 -2 x2 +3 >= 0"
    assert str(half & ~half | half) == "(x1 -2 x2 +3 >= 0 and (not x1 -2 x2 +3 >= 0)) or " + str(
        half
    )
    assert len((square & half & half).half_planes()) == 5
    for make, word in (
        (lambda: data.HalfPlane(0, 0, 1), "both 0"),
        (lambda: data.HalfPlane(0.5, 0, 1), "whole"),
        (lambda: data.polygon((0, 0), (0, 1), (1, 0)), "counter-clockwise"),
        (lambda: data.polygon((0, 0), (2, 0), (1, 1), (2, 2), (0, 2)), "convex"),
        (lambda: square.contains([1, 2, 3]), "two coordinates"),
    ):
        with pytest.raises((ValueError, TypeError), match=word):
            make()


# Functions, pictures


def test_curves():
    for name, f in data.CURVES.items():
        x, y = data.curve(name, 50, noise=0, low=-1, high=2, seed=0)
        assert x.shape == y.shape == (50, 1)
        assert x.min() >= -1
        assert x.max() <= 2
        np.testing.assert_allclose(y.numpy(), f(x.numpy().astype(float)), rtol=1e-6)
    x, y = data.curve(np.cos, 20_000, noise=0.2, seed=0)
    rest = y.numpy() - np.cos(x.numpy())
    assert abs(rest.mean()) < 5 * 0.2 / math.sqrt(20_000)
    assert abs(rest.std() - 0.2) < 0.01


def test_bars_lie_as_their_class_says():
    x, y = data.bars(400, size=7, noise=0, seed=0)
    assert x.shape == (400, 1, 7, 7)
    assert np.bincount(y.numpy()).tolist() == [100] * 4
    seen = set()
    for picture, kind in zip(x.numpy()[:, 0], y.tolist()):
        rows, columns = np.nonzero(picture)
        assert picture[rows, columns].tolist() == [1] * 5
        steps = {(int(a), int(b)) for a, b in zip(np.diff(rows), np.diff(columns))}
        assert steps == [{(0, 1)}, {(1, 0)}, {(1, 1)}, {(1, -1)}][kind]
        seen.add((kind, rows[0], columns.min()))
    # Every place there is: 7 lines x 3 starts, twice, and 3 x 3, twice.
    assert len(seen) == 2 * 21 + 2 * 9
    noisy = data.bars(400, noise=0.1, seed=0)[0] - data.bars(400, noise=0.0, seed=0)[0]
    assert abs(noisy.std().item() - 0.1) < 0.002


def test_digits_1d():
    x, y = data.digits_1d(500, seed=0)
    assert x.shape == (500, 40)
    assert np.bincount(y.numpy()).tolist() == [50] * 10
    # Templates differ from each other by more than the noise.
    apart = np.linalg.norm(TEMPLATES[:, None] - TEMPLATES, axis=-1) + 9 * np.eye(10)
    assert apart.min() > 0.8
    noise = data.digits_1d(4000, noise=0.1, seed=0)[0] - data.digits_1d(4000, noise=0.0, seed=0)[0]
    assert abs(noise.std().item() - 0.1) < 0.001


def nearest(train, test):
    (x, y), (u, v) = [(a.numpy(), b.numpy()) for a, b in (train, test)]
    distance = (u * u).sum(1)[:, None] - 2 * u @ x.T + (x * x).sum(1)
    return (y[distance.argmin(1)] == v).mean()


def test_digits_1d_can_be_told_apart_and_shifts_make_it_hard():
    def score(n, **options):
        return nearest(data.digits_1d(n, seed=1, **options), data.digits_1d(500, seed=2, **options))

    assert score(4000, noise=0.03) > 0.9
    assert score(300, shift=0.0) > score(300, shift=1.0) + 0.1


# Series


def test_airline_passengers():
    y = data.airline_passengers()
    assert (y.shape, y.dtype) == ((144,), nnc.float32)
    # Sums of the twelve years, from the printed table.
    years = [1520, 1676, 2042, 2364, 2700, 2867, 3408, 3939, 4421, 4572, 5140, 5714]
    assert y.reshape(12, 12).sum(1).tolist() == years
    assert (y[0].item(), y[-1].item(), y.max().item(), y.min().item()) == (112, 432, 622, 104)


def test_sine_series():
    y = data.sine_series(100, period=25, noise=0, seed=0).numpy()
    np.testing.assert_allclose(y[:75], y[25:], atol=1e-5)
    assert y.max() > 0.99


def test_ar_series_has_the_covariances_of_its_rule():
    y = data.ar_series(40_000, (0.5,), noise=1, seed=0).numpy()
    # Variance 1 / (1 - a^2), correlation of neighbours a.
    assert abs(y.var() - 1 / 0.75) < 0.05
    assert abs(np.corrcoef(y[:-1], y[1:])[0, 1] - 0.5) < 0.02
    y = data.ar_series(5000, (1.6, -0.8), noise=0.3, seed=1).numpy()
    rest = y[2:] - 1.6 * y[1:-1] + 0.8 * y[:-2]
    assert abs(rest.std() - 0.3) < 0.02
    assert data.ar_series(10, (), seed=0).shape == (10,)


def test_seasonal_series():
    y = data.seasonal_series(240, 12, trend=0.01, swing=0.3, noise=0, seed=0).numpy().astype(float)
    season = (y - 0.01 * np.arange(240)).reshape(20, 12)
    np.testing.assert_allclose(season, season[:1].repeat(20, 0), atol=1e-5)
    assert abs(season.mean()) < 1e-5
    assert abs(season[0].std() - 0.3) < 1e-5


@given(n=st.integers(2, 30), width=st.integers(1, 10), horizon=st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_windows(n, width, horizon):
    if width + horizon > n:
        return
    x, y = data.windows(nnc.arange(n), width, horizon)
    m = n - width - horizon + 1
    assert x.tolist() == [list(range(i, i + width)) for i in range(m)]
    assert y.tolist() == [list(range(i + width, i + width + horizon)) for i in range(m)]
    both, _ = data.windows(np.zeros((n, 2)), width, horizon)
    assert both.shape == (m, width, 2)


# Memory


def test_adding():
    x, y = data.adding(3000, 11, seed=0)
    values, marks = x.numpy()[..., 0], x.numpy()[..., 1]
    assert marks[:, :5].sum(1).tolist() == marks[:, 5:].sum(1).tolist() == [1] * 3000
    np.testing.assert_allclose((values * marks).sum(1), y.numpy()[:, 0], rtol=1e-6)
    assert (marks.sum(0) > 0).all()
    assert abs(((y.numpy() - 1) ** 2).mean() - 1 / 6) < 0.02
    assert values.min() >= 0
    assert values.max() < 1


def test_copying():
    x, y = data.copying(500, delay=7, items=3, symbols=4, seed=0)
    assert x.shape == y.shape == (500, 13)
    x, y = x.numpy(), y.numpy()
    assert (x[:, :3] == y[:, -3:]).all()
    assert set(np.unique(x[:, :3])) == {1, 2, 3, 4}
    assert (x[:, 9] == 5).all()
    x[:, 9] = 0
    assert not x[:, 3:].any()
    assert not y[:, :-3].any()


def test_parity():
    x, y = data.parity(300, 9, seed=0)
    assert x.shape == (300, 9, 1)
    for bits, odd in zip(x[:, :, 0].tolist(), y.tolist()):
        assert odd == [sum(bits[: t + 1]) % 2 for t in range(9)]


def closed(text):
    """Takes pairs out until nothing is left; another way than the library's stack."""
    while "()" in text or "[]" in text:
        text = text.replace("()", "").replace("[]", "")
    return not text


@pytest.mark.parametrize("kinds", [1, 2])
def test_brackets(kinds):
    x, y = data.brackets(400, 12, kinds, seed=0)
    texts = ["".join(data.BRACKETS[t] for t in row) for row in x.tolist()]
    assert [int(closed(text)) for text in texts] == y.tolist()
    assert np.bincount(y.numpy()).tolist() == [200, 200]
    assert x.max().item() == 2 * kinds - 1
    long, right = data.brackets(2, 600, kinds, seed=0)
    assert [int(memory.balanced(row)) for row in long.tolist()] == right.tolist()


def test_right_brackets_are_equally_likely():
    x, y = data.brackets(10_000, 6, 1, seed=0)
    words, counts = np.unique(x.numpy()[y.numpy() == 1], axis=0, return_counts=True)
    assert len(words) == 5  # Catalan's number of 3
    assert abs(counts - 1000).max() < 5 * math.sqrt(1000 * 0.8)
