"""Samples judged by their law: right ones pass, each way of going wrong is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nncourse.diagnosis.distribution import (
    atoms_law,
    diagnose_distribution,
    normal_law,
    uniform_law,
)

SIZE = 20_000
NORMAL, UNIFORM = normal_law(0.5), uniform_law(-0.3, 0.3)
MASK = atoms_law({0.0: 0.3, 1 / 0.7: 0.7})


def mask(rng, p, value):
    return (rng.random(SIZE) >= p) * value


RIGHT = {
    "normal": (NORMAL, lambda rng: rng.normal(0, 0.5, SIZE)),
    "normal in float32": (NORMAL, lambda rng: rng.normal(0, 0.5, SIZE).astype(np.float32)),
    "uniform": (UNIFORM, lambda rng: rng.uniform(-0.3, 0.3, SIZE)),
    "mask": (MASK, lambda rng: mask(rng, 0.3, 1 / 0.7)),
}
WRONG = {
    "too wide": (NORMAL, lambda rng: rng.normal(0, 0.5 * 2**0.5, SIZE), "M108"),
    "a little too wide": (NORMAL, lambda rng: rng.normal(0, 0.55, SIZE), "spread"),
    "mean": (NORMAL, lambda rng: rng.normal(0.1, 0.5, SIZE), "mean"),
    "positive": (UNIFORM, lambda rng: rng.uniform(0, 0.6, SIZE), "mean"),
    "uniform for normal": (NORMAL, lambda rng: rng.uniform(-1, 1, SIZE) * 0.75**0.5, "law"),
    "normal for uniform": (UNIFORM, lambda rng: rng.normal(0, 0.3 / 3**0.5, SIZE), "law"),
    "zeros": (NORMAL, lambda rng: np.zeros(SIZE), "constant"),
    "one row": (NORMAL, lambda rng: np.tile(rng.normal(0, 0.5, 5000), 4), "repeats"),
    "nan": (NORMAL, lambda rng: np.full(SIZE, np.nan), "nan"),
    "not scaled": (MASK, lambda rng: mask(rng, 0.3, 1.0), "M42"),
    "kept and dropped": (MASK, lambda rng: mask(rng, 0.7, 1 / 0.7), "shares"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_sample_fits_whatever_the_seed(name):
    law, draw = RIGHT[name]
    for seed in range(300):
        profile = law.measure(draw(np.random.default_rng(seed)))
        assert law.fits(profile, SIZE), seed
        assert diagnose_distribution(profile, law, SIZE) is None


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_sample_is_told_what_is_wrong(name):
    law, draw, code = WRONG[name]
    for seed in range(20):
        profile = law.measure(draw(np.random.default_rng(seed)))
        assert not law.fits(profile, SIZE)
        constants = {"√2": 2**0.5, "1/√2": 0.5**0.5}
        assert diagnose_distribution(profile, law, SIZE, constants).code == code


def test_two_samples_of_one_law_are_alike_and_of_two_are_not():
    rng = np.random.default_rng(0)
    laws = [(NORMAL, draw) for law, draw, _code in WRONG.values() if law is NORMAL]
    profiles = [[law.measure(draw(rng)) for _i in range(2)] for law, draw in laws]
    for i, (one, same) in enumerate(profiles):
        assert NORMAL.alike(one, same, SIZE)
        for other, _same in profiles[:i]:
            assert not NORMAL.alike(one, other, SIZE)


def test_a_law_knows_its_own_profile():
    for law in (NORMAL, UNIFORM, MASK):
        assert law.fits(law.profile(), SIZE)
        assert law.shares.sum() == pytest.approx(1)
    assert MASK.mean == pytest.approx(1)


def test_numbers_that_are_one_up_to_rounding_are_constant_not_repeated():
    same = 0.1 + np.zeros(SIZE)
    same[::2] += 1e-17
    finding = diagnose_distribution(NORMAL.measure(same), NORMAL, SIZE)
    assert finding is not None
    assert finding.code == "constant"


@pytest.mark.parametrize(
    ("scale", "code"), [(1, "M42"), (1 / 0.7**2, "M44"), (1 / 0.3, "M43"), (3, "values")]
)
def test_a_mask_with_another_scale(scale, code):
    p = 0.3
    law = atoms_law({0.0: p, 1 / (1 - p): 1 - p})
    mask = (np.random.default_rng(4).random(SIZE) >= p) * float(scale)
    found = diagnose_distribution(law.measure(mask), law, SIZE)
    assert found.code == code
    assert f"{float(scale):.4g}" in str(found)


def test_a_mask_of_several_values_has_no_scale():
    law = atoms_law({0.0: 0.3, 1 / 0.7: 0.7})
    rng = np.random.default_rng(5)
    mask = (rng.random(SIZE) >= 0.3) * rng.choice([1.0, 2.0], SIZE)
    assert "none of these" in str(diagnose_distribution(law.measure(mask), law, SIZE))


def drawn_by(law, draw):
    """The law, and the numbers of which a sample must be made."""
    return replace(law, drawn=lambda: iter([draw(np.random.default_rng(6))]), call="rng.f(n)")


@pytest.mark.parametrize("law", [NORMAL, UNIFORM, MASK])
def test_no_numbers_are_others_where_none_are_given(law):
    assert law.other_numbers(np.zeros(SIZE)) is None


@pytest.mark.parametrize("name", RIGHT)
def test_numbers_that_are_given_are_told_from_others(name):
    law, draw = RIGHT[name]
    law = drawn_by(law, draw)
    sample = draw(np.random.default_rng(6))
    for dtype in (np.float64, np.float32, np.float16):
        assert law.other_numbers(sample.astype(dtype)) is None
    found = law.other_numbers(draw(np.random.default_rng(7)))
    assert found.code == "state"
    assert "in one call, rng.f(n), and nothing before it" in str(found)


@pytest.mark.parametrize("factor", [1.01, 0.99])
@pytest.mark.parametrize("name", ["normal", "uniform"])
def test_given_numbers_but_for_a_factor_are_told_it(name, factor):
    law, draw = RIGHT[name]
    found = drawn_by(law, draw).other_numbers(factor * draw(np.random.default_rng(6)))
    assert found.code == "spread"
    assert f"{factor:.4f} times the right ones" in str(found)


@pytest.mark.parametrize("p", [0.31, 0.29, 0.3 + 1 / 64])
def test_a_mask_nearly_as_given_is_told_how_many_entries_differ(p):
    law = drawn_by(MASK, lambda rng: mask(rng, 0.3, 1 / 0.7))
    found = law.other_numbers(mask(np.random.default_rng(6), p, 1 / 0.7))
    assert found.code == "shares"
    share = found.evidence["percent"]
    assert share == pytest.approx(100 * abs(p - 0.3), rel=0.2)
    assert f"{share:.2g}% of its entries" in str(found)
