"""explain_gradient on arrays of anyone's."""

from __future__ import annotations

import numpy as np
import pytest

from nncourse import language
from nncourse.check import explain_gradient

rng = np.random.default_rng(0)
x, dout = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
W = rng.normal(size=(3, 4))
n = dout.T @ x


def test_agreement():
    found = explain_gradient(n + 1e-10, n)
    assert found.agrees
    assert found.finding is None
    assert "agree" in str(found)
    assert explain_gradient(n.astype(np.float32), n).agrees
    assert explain_gradient(n.tolist(), n.tolist()).agrees


@pytest.mark.parametrize(
    ("analytic", "context", "code"),
    [
        (n * 5, {"batch": 5, "averaged": True}, "M01"),
        (n / 5, {"batch": 5}, "M10"),
        (n / 5, {"batch": 5, "averaged": True}, "M02"),
        (n.T, {}, "M05"),
        (np.outer(dout[-1], x[-1]), {"left": dout, "right": x}, "M11"),
        (n - 0.02 * W, {"weights": W}, "M40"),
        (n * 0.3, {"constants": {"p": 0.3}}, "scale"),
        (n * W, {"quantities": {"gamma": W}}, "factor"),
        (n / 3, {"branches": {"first": n / 3, "second": 2 * n / 3}}, "M13"),
        (n * (1 - W**2), {"derivative": 1 - W**2}, "M16"),
        (n * np.nan, {}, "nan"),
        (n[:, :2], {}, "shape"),
    ],
)
def test_reasons(analytic, context, code):
    found = explain_gradient(analytic, n, **context)
    assert not found.agrees
    assert found.finding is not None
    assert found.finding.code == code
    assert found.finding.message in str(found)


def test_not_recognised():
    found = explain_gradient(rng.normal(size=n.shape), n, batch=5)
    assert not found.agrees
    assert found.finding is None
    assert "not recognised" in str(found)
    assert "#" in str(found)


def test_vacuous_point_does_not_agree():
    found = explain_gradient(np.zeros(4), np.zeros(4))
    assert not found.agrees
    assert found.finding.code == "M110"


def test_in_russian_and_as_html():
    with language.using("ru"):
        found = explain_gradient(-n, n)
        assert "знак" in str(found)
        assert found._repr_html_().startswith("<pre")
    assert "<script" not in explain_gradient(n * 0.3, n, constants={"<script>": 0.3})._repr_html_()


def test_context_that_does_not_fit_is_ignored_or_named():
    with pytest.raises(ValueError, match=r"left\.T @ right"):
        explain_gradient(2 * n, n, left=dout, right=x[:2])
    odd = rng.normal(size=(7, 2))
    found = explain_gradient(
        rng.normal(size=n.shape),
        n,
        upstream=odd,
        preactivation=odd,
        targets=[0, 1, 9],
        probabilities=odd,
        derivative=odd,
        weights=odd,
        quantities={"odd": odd},
        branches={"odd": odd},
        left=odd,
        right=odd,
    )
    assert found.finding is None


def test_time_and_gates():
    sequence = rng.normal(size=(3, 4, 2))
    late = sequence.copy()
    late[:, :3] *= 2 + rng.normal(size=(3, 3, 2))
    found = explain_gradient(late, sequence, axes=("batch", "time", "unit"))
    assert found.finding.code == "last step"
    assert "n0 t3 . ." in str(found)
    gates = rng.normal(size=(5, 8))
    swapped = gates[:, [0, 1, 4, 5, 2, 3, 6, 7]]
    found = explain_gradient(swapped, gates, blocks=("i", "f", "g", "o"))
    assert found.finding.code == "M86"
    assert "f, g" in str(found)
