"""Rules for axes with a meaning: time, an optimiser's steps, gate blocks."""

from __future__ import annotations

import numpy as np
import pytest

from nncourse.diagnosis import Context, diagnose
from nncourse.diagnosis.picture import html_map, row_labels, text_map

rng = np.random.default_rng(0)
IN_TIME = Context(axes=("batch", "time", "unit"))
GATES = Context(axes=("unit", "gate"), blocks=("i", "f", "g", "o"))
n = rng.normal(size=(3, 5, 2))
w = rng.normal(size=(3, 8))
path = np.cumsum(rng.normal(size=(6, 4)), axis=0)


def spoilt(array, *places):
    array = array.copy()
    for place in places:
        array[place] += rng.normal(size=array[place].shape)
    return array


@pytest.mark.parametrize(
    ("a", "code"),
    [
        (spoilt(n, np.s_[:, :4]), "last step"),
        (spoilt(n, np.s_[:, :2]), "late steps"),
        (spoilt(n, np.s_[:, 3:]), "early steps"),
    ],
)
def test_where_in_time(a, code):
    assert diagnose(a, n, IN_TIME).code == code


def test_times_need_the_axis_named():
    assert diagnose(spoilt(n, np.s_[:, :4]), n).code == "where"


def test_gates():
    i, f, g, o = np.split(w, 4, axis=1)
    cases = {
        "M86": np.concatenate([i, o, g, f], axis=1),
        "M87": np.concatenate([i, i, g, o], axis=1),
        "blocks": np.concatenate([i, f, 2 * g, o], axis=1),
    }
    for code, a in cases.items():
        found = diagnose(a, w, GATES)
        assert found.code == code
    assert "f, o" in diagnose(cases["M86"], w, GATES).message
    assert ": g." in diagnose(cases["blocks"], w, GATES).message


def test_the_first_wrong_step_of_an_optimiser():
    a = path.copy()
    a[3:] += 0.5 * (path[3] - path[2])
    found = diagnose(a, path, Context(axes=("step", "entry")))
    assert found.code == "step"
    assert found.evidence["k"] == 3
    assert found.evidence["ratio"] == pytest.approx(1.5)
    other = diagnose(spoilt(path, np.s_[2:]), path, Context(axes=("step", "entry")))
    assert other.evidence == {"k": 2, "last": 5}


def test_maps_name_rows_and_blocks():
    assert row_labels((2, 2, 3), ("batch", "time", "unit")) == ["n0 t0", "n0 t1", "n1 t0", "n1 t1"]
    assert row_labels((2, 3), ()) == ["", ""]
    lines = text_map(spoilt(w, np.s_[:, 2:4]), w, ("row", "gate"), ("i", "f", "g", "o"))
    assert lines[0].split() == ["i", "|", "f", "|", "g", "|", "o"]
    assert all(line.startswith(f"i{k} . . |") for k, line in enumerate(lines[1:]))
    html = html_map(spoilt(w, np.s_[:, 2:4]), w, "x", ("row", "gate"), ("i", "f", "g", "o"))
    assert html.count('colspan="2"') == 4
    assert html.count("border-left:3px") == 9


def test_a_step_the_other_way_is_not_called_right_in_direction():
    steps = np.cumsum(np.random.default_rng(3).normal(size=(6, 4)), axis=0)
    answer = steps.copy()
    answer[2] = answer[1] - 3 * (steps[2] - steps[1])
    finding = diagnose(answer, steps, Context(axes=("step", "entry")))
    assert finding is not None
    assert "opposite way" in str(finding)
    assert "3 times" in str(finding)


def test_the_first_step_has_none_before_it():
    rng = np.random.default_rng(3)
    steps = np.cumsum(rng.normal(size=(6, 4)), axis=0)
    answer = steps + np.vstack([np.zeros((1, 4)), rng.normal(size=(5, 4))])
    assert "Already the first" in str(diagnose(answer, steps, Context(axes=("step", "entry"))))


def test_a_path_that_is_mirrored_or_stands_still():
    steps = Context(axes=("step", "unit"))
    n = np.cumsum(np.random.default_rng(3).normal(size=(8, 6)), axis=0)
    assert diagnose(2 * n[0] - n, n, steps).code == "M04"
    assert diagnose(np.tile(n[0], (8, 1)), n, steps).code == "still"
    halfway = np.where(np.arange(8)[:, None] < 4, n, 2 * n[3] - n)
    assert diagnose(halfway, n, steps).code == "step"
