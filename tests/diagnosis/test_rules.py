"""Every mistake that the rules know is named, and nothing else is named."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nncourse import language
from nncourse.diagnosis import Context, Quantity, diagnose
from nncourse.diagnosis.rules import ENTRY_RULES, RULES
from tests.diagnosis.wrong_gradients import CASES, C, K, N
from tests.diagnosis.wrong_gradients import D as WIDTH

SEEDS = range(8)


@pytest.mark.parametrize("name", CASES)
def test_mistake_is_named(name):
    for seed in SEEDS:
        a, n, context = CASES[name](np.random.default_rng([seed, 77]))
        found = diagnose(a, n, context)
        assert found is not None, f"seed {seed}: not recognised"
        assert found.code == name.split()[0], f"seed {seed}: {found.code}: {found}"


def test_at_least_ten_mistakes_are_told_apart():
    assert len({name.split()[0] for name in CASES}) >= 30


def _without(*codes):
    return [name for name in CASES if name.split()[0] not in codes]


# NaN, integers and zeros say nothing about precision.
@pytest.mark.parametrize("name", _without("M26", "X07", "M110"))
def test_float32_numbers_get_the_same_reason(name):
    for seed in SEEDS:
        a, n, context = CASES[name](np.random.default_rng([seed, 78]))
        found = diagnose(np.asarray(a, dtype=np.float32), n, context)
        assert found is not None
        assert found.code == name.split()[0]


# The texts of terms belong to the exercise that declares them.
@pytest.mark.parametrize("lang", language.LANGUAGES)
@pytest.mark.parametrize("name", _without("M06", "M09", "M19", "M40"))
def test_message_is_a_sentence(name, lang):
    found = diagnose(*CASES[name](np.random.default_rng(3)))
    with language.using(lang):
        message = found.message
    assert message.endswith((".", "?", ")"))
    assert "{" not in message
    has_cyrillic = any("а" <= letter <= "я" for letter in message.lower())
    assert has_cyrillic == (lang == "ru")


# At a vacuous point every gradient gets the warning.
@pytest.mark.parametrize("name", _without("M110"))
def test_right_gradient_has_no_finding(name):
    _a, n, context = CASES[name](np.random.default_rng(5))
    assert diagnose(n + 1e-9 * np.abs(n).max(), n, context) is None
    assert diagnose(n.astype(np.float32), n, context) is None


@settings(deadline=None)  # a busy machine is no fault of the rules
@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(sorted(CASES)))
def test_unrelated_numbers_get_no_reason(seed, name):
    rng = np.random.default_rng(seed)
    _a, n, context = CASES[name](rng)
    if not np.any(n):
        return
    for a in (
        rng.normal(size=n.shape),
        n + 0.1 * rng.normal(size=n.shape),
        n * rng.uniform(0.5, 2, size=n.shape),
        np.abs(n),
        n**3,
        np.cumsum(n, axis=-1),
    ):
        found = diagnose(a, n, context)
        # A cumulative sum of one entry, or |n| of a gradient of one sign, is a right answer or a
        # changed sign.
        assert found is None or not found.is_reason or found.code == "M04", found


# Two mistakes at once. Each family is a chain of stages; a mistake replaces one stage.


def _softmax_stages(mistakes, logits, y):
    """p, then the target, then the Jacobian, then the factor, as the mistakes have it."""
    e = np.exp(logits)
    p = e / e.sum(axis=0 if "M28" in mistakes else 1, keepdims=True)
    g = p.copy()
    if "M30" in mistakes:
        g[:, y] -= 1
    elif "M29" not in mistakes:
        g[np.arange(len(y)), y] -= 1
    if "M35" in mistakes:
        g = g * p * (1 - p)
    if "M33" in mistakes:
        g = g * np.eye(C)[y]
    factor = {"M01": 1.0, "M02": 1 / N**2, "M31": 1 / C}
    chosen = [factor[m] for m in mistakes if m in factor]
    g = g * (chosen[0] if chosen else 1 / N)
    if "M04" in mistakes:
        g = -g
    if "M03" in mistakes:
        g = 2 * g
    return g


SOFTMAX_STAGES = (
    ("M28",),
    ("M29", "M30"),
    ("M35",),
    ("M33",),
    ("M01", "M02", "M31"),
    ("M04",),
    ("M03",),
)


def _activation_stages(mistakes, dout, z):
    h = np.tanh(z)
    d = 1 - h**2
    if "M15" in mistakes:
        d = np.ones_like(d)
    if "M16" in mistakes:
        d = d**2
    if "M17" in mistakes:
        d = 1 - np.tanh(h) ** 2
    if "X03" in mistakes:
        d = h * (1 - h)
    if "X01" in mistakes:
        dout = np.ones_like(dout)
    if "X02" in mistakes:
        dout = dout**2
    g = dout * d
    if "M03" in mistakes:
        g = g / 2
    return -g if "M04" in mistakes else g


ACTIVATION_STAGES = (("M15", "M16", "M17", "X03"), ("X01", "X02"), ("M03",), ("M04",))


def _weight_stages(mistakes, dout, x):
    if "M11" in mistakes:
        dout, x = dout[-1:], x[-1:]
    if "X04" in mistakes:
        dout, x = dout[:1], x[:1]
    if "X05" in mistakes:
        dout, x = dout[1:], x[1:]
    g = dout.T @ x
    if "M05" in mistakes:
        g = g.T
    if "M10" in mistakes:
        g = g / N
    if "M03" in mistakes:
        g = 2 * g
    return -g if "M04" in mistakes else g


WEIGHT_STAGES = (("M11", "X04", "X05"), ("M05",), ("M10",), ("M03",), ("M04",))


def _relu_stages(mistakes, dout, z):
    mask = z > 0
    if "M21" in mistakes:
        mask = np.ones_like(mask)
    if "M23" in mistakes:
        mask = ~mask
    if "M22" in mistakes:
        dout = dout * (dout > 0)
    g = dout * mask
    if "M24" in mistakes:
        g = g * np.maximum(z, 0)
    if "M03" in mistakes:
        g = 2 * g
    return -g if "M04" in mistakes else g


RELU_STAGES = (("M21", "M23"), ("M22",), ("M24",), ("M03",), ("M04",))


def _pairs(stages):
    for first, second in itertools.combinations(stages, 2):
        yield from itertools.product(first, second)


def _softmax_family(rng):
    logits = rng.normal(size=(N, C))
    y = rng.permutation(np.resize(np.arange(C - 1), N))
    right = _softmax_stages((), logits, y)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    context = Context(batch=N, classes=C, averaged=True, targets=y, probabilities=p, logits=logits)
    return lambda mistakes: (_softmax_stages(mistakes, logits, y), right, context)


def _activation_family(rng):
    z, dout = rng.normal(size=(N, WIDTH)), rng.normal(size=(N, WIDTH))
    h = np.tanh(z)
    context = Context(
        batch=N,
        upstream=dout,
        quantities=(
            Quantity("f'(z)", 1 - h**2, "derivative"),
            Quantity("f'(h)", 1 - np.tanh(h) ** 2, "derivative at output"),
            Quantity("g'(z)", h * (1 - h), "other derivative"),
        ),
    )
    right = _activation_stages((), dout, z)
    return lambda mistakes: (_activation_stages(mistakes, dout, z), right, context)


def _weight_family(rng):
    dout, x = rng.normal(size=(N, WIDTH)), rng.normal(size=(N, WIDTH))
    context = Context(batch=N, upstream=dout, product=(dout, x))
    right = _weight_stages((), dout, x)
    return lambda mistakes: (_weight_stages(mistakes, dout, x), right, context)


def _relu_family(rng):
    z, dout = rng.normal(size=(N, K + 2)), rng.normal(size=(N, K + 2))
    context = Context(batch=N, upstream=dout, preactivation=z)
    right = _relu_stages((), dout, z)
    return lambda mistakes: (_relu_stages(mistakes, dout, z), right, context)


FAMILIES = {
    "softmax": (SOFTMAX_STAGES, _softmax_family),
    "activation": (ACTIVATION_STAGES, _activation_family),
    "weight": (WEIGHT_STAGES, _weight_family),
    "relu": (RELU_STAGES, _relu_family),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_single_mistakes_of_the_families_are_named(family):
    stages, draw = FAMILIES[family]
    for seed in SEEDS:
        build = draw(np.random.default_rng([seed, 4]))
        for mistake in itertools.chain(*stages):
            found = diagnose(*build((mistake,)))
            assert found is not None, mistake
            assert found.code == mistake


@pytest.mark.parametrize("family", FAMILIES)
def test_two_mistakes_at_once_never_get_a_third_reason(family):
    stages, draw = FAMILIES[family]
    for seed in SEEDS:
        build = draw(np.random.default_rng([seed, 5]))
        for pair in _pairs(stages):
            found = diagnose(*build(pair))
            named = found.code if found is not None and found.is_reason else None
            assert named in (None, *pair), f"seed {seed}, {pair}: {found.code}: {found}"


def test_order_of_rules_holds_entry_rules_first():
    assert not set(ENTRY_RULES) & set(RULES)
    names = [rule.__name__ for rule in RULES]
    assert names.index("permuted") < names.index("constant_factor") < names.index("relu_mask")
    assert names.index("elementwise_derivative") < names.index("known_terms")
    assert names[-1] == "where"


def test_two_constants_that_coincide_are_both_listed():
    n = np.random.default_rng(0).normal(size=(3, 4))
    found = diagnose(2 * n, n, Context(batch=2))
    assert found.code == "scale"
    assert found.evidence["names"] == "2, N"


def test_constants_by_name():
    n = np.random.default_rng(0).normal(size=(3, 4))
    found = diagnose(0.7 * n, n, Context(constants={"1 - p": 0.7}))
    assert found.code == "scale"
    assert "1 - p" in found.message


def test_unknown_factor_is_an_observation():
    n = np.random.default_rng(0).normal(size=(3, 4))
    found = diagnose(0.123 * n, n)
    assert found.code == "scale"
    assert not found.is_reason
    assert "0.123" in found.message


def test_one_number_is_not_called_a_multiple():
    assert diagnose(np.array(0.123), np.array(1.0)) is None


def test_where_only_one_time_step_is_right():
    rng = np.random.default_rng(0)
    n = rng.normal(size=(4, 5, 3))
    a = n.copy()
    a[:, :-1] += rng.normal(size=(4, 4, 3))
    found = diagnose(a, n)
    assert found.code == "where"
    assert found.evidence == {"indices": "0, 1, 2, 3", "axis": 1}


def test_factor_for_each_feature():
    rng = np.random.default_rng(0)
    n, gamma = rng.normal(size=(4, 5)), rng.uniform(0.5, 2, size=5)
    found = diagnose(n / gamma, n)
    assert (found.code, found.evidence["axis"]) == ("axis", 1)
    named = diagnose(n / gamma, n, Context(quantities=(Quantity("gamma", gamma),)))
    assert (named.code, named.evidence["name"]) == ("factor", "gamma")


def test_rows_in_another_order():
    n = np.random.default_rng(0).normal(size=(5, 3))
    assert diagnose(n[[2, 0, 1, 4, 3]], n).code == "reordered"
    assert diagnose(n[::-1], n).code == "flipped"


def test_offset_along_the_batch():
    rng = np.random.default_rng(0)
    n = rng.normal(size=(5, 3))
    assert diagnose(n + rng.normal(size=3), n).code == "offset"
    assert diagnose(n + 0.25, n).evidence["offset"] == pytest.approx(0.25)


def test_rejects_what_is_no_gradient():
    with pytest.raises(TypeError, match="complex"):
        diagnose(np.ones(3, dtype=complex), np.ones(3))


def test_arrays_of_other_kinds_are_survived():
    n = np.random.default_rng(0).normal(size=(2, 3))
    for a in (np.zeros(()), np.zeros((0,)), np.ones((1,) * 30), np.array([True, False]), n > 0):
        diagnose(a, n)
    assert diagnose(np.zeros_like(n), n).code == "zero"
    assert diagnose(np.full_like(n, np.inf), n).code == "nan"


def test_a_negative_factor_is_no_right_direction():
    n = np.random.default_rng(0).normal(size=(4, 3))
    assert "direction" not in str(diagnose(-3 * n, n))


def test_slices_that_are_right_are_not_said_to_have_a_factor():
    n = np.random.default_rng(0).normal(size=(4, 3))
    text = str(diagnose(n * [1, 5, 1], n))
    assert "slices 1 are the right ones times 5; the others are right" in text


@pytest.mark.parametrize("seed", range(20))
def test_scattered_entries_are_no_pattern(seed):
    """That a row or column of a small table is spared by chance says nothing."""
    rng = np.random.default_rng(seed)
    n = rng.normal(size=(5, 4))
    a = np.where(n > 0, 2 * n, n)
    found = diagnose(a, n)
    assert found is None or found.code != "where"


def test_a_wrong_column_is_a_pattern_even_where_some_of_it_is_right():
    rng = np.random.default_rng(0)
    n = rng.normal(size=(6, 4))
    a = n.copy()
    a[[0, 1, 3, 5], 2] += 1 + rng.random(4)
    found = diagnose(a, n)
    assert found.code == "where"
    assert found.evidence == {"indices": "2", "axis": 1}


def test_decisions_are_counted():
    n = np.array([1.0, 1, 1, 0, 0, 0, 0, 1])
    a = np.array([1.0, 0, 1, 1, 1, 0, 0, 1])
    found = diagnose(a, n)
    assert found.code == "decisions"
    assert str(found) == (
        "1 of the 4 entries that must be 1 are 0, and 2 of the 4 that must be 0 are 1."
    )
    assert diagnose(n * 2, n * 1.0).code != "decisions"


def test_softmax_over_the_wrong_axis_is_seen_in_the_probabilities():
    e = np.exp(np.random.default_rng(1).normal(size=(5, 3)))
    right = e / e.sum(axis=1, keepdims=True)
    for wrong in (e / e.sum(axis=0), e / e.sum()):
        assert diagnose(wrong, right).code == "M28"
    for other in (e, right**2, right[::-1], e / e.sum(axis=1, keepdims=True) / 2):
        found = diagnose(other, right)
        assert found is None or found.code != "M28"


def test_exchanged_axes_are_told_in_another_shape():
    n = np.random.default_rng(2).normal(size=(3, 4, 2))
    found = diagnose(np.swapaxes(n, 0, 1), n)
    assert found.code == "M66"
    assert "axes 0 and 1" in str(found)
    assert diagnose(np.swapaxes(n, 0, 1)[:, ::-1], n).code == "shape"
