"""What is said of answers to exercise 4."""

import pytest

from nncourse.check.judge import judge
from nncourse.exercises.ps04 import PIECES

order = PIECES["topological_order"]


@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_set_is_no_order(kind):
    report = judge(order, [lambda graph, out: kind(order.reference(graph, out))], seed=1)
    assert report.score == 0
    assert "A set has no order; a list of nodes is expected." in str(report)
