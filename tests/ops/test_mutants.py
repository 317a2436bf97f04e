"""The gradient check catches every wrong gradient.

Every function's backward is changed mechanically in the same few ways; the check by central
differences must fail for each of them. A mutant that survives would mean that the examples in the
catalogue are too tame. Operations composed of several functions are left out: each function has an
operation of its own.
"""

import numpy as np
import pytest

from nncourse.ops.catalogue import OPERATIONS
from tests.ops.catalogue_checks import TOLERANCE, gradient_error


def _each(change):
    return lambda shares: tuple([None if g is None else change(g) for g in shares])


def _dropped(i):
    def mutate(shares):
        return tuple([g * 0 if k == i and g is not None else g for k, g in enumerate(shares)])

    return mutate


def _transposed(g):
    g = np.asarray(g)
    return np.swapaxes(g, -1, -2).copy() if g.ndim > 1 and g.shape[-1] == g.shape[-2] else g


def _rolled(g):
    return np.roll(g, 1)


MUTATIONS = {
    "zero": _each(lambda g: g * 0),
    "negate": _each(lambda g: -g),
    "twice": _each(lambda g: g * 2),
    "half": _each(lambda g: g * 0.5),
    "add one": _each(lambda g: g + 1),
    "transpose": _each(_transposed),
    "shift": _each(_rolled),
    "drop first": _dropped(0),
    "drop second": _dropped(1),
    "drop third": _dropped(2),
}


def _differs(before, after):
    """Does the mutant change anything at all in this pass?"""
    return any(a is not None and not np.array_equal(a, b) for a, b in zip(before, after))


MUTANTS = [(o, o.nodes[0], name) for o in OPERATIONS if len(o.nodes) == 1 for name in MUTATIONS]


@pytest.mark.parametrize(
    ("operation", "node", "mutation"),
    MUTANTS,
    ids=[f"{operation}-{node.__name__}-{name}" for operation, node, name in MUTANTS],
)
def test_wrong_backward_is_caught(operation, node, mutation, monkeypatch):
    right = node.backward
    changed = []

    def wrong(self, dout):
        shares = right(self, dout)
        mutated = MUTATIONS[mutation](shares)
        changed.append(_differs(shares, mutated))
        return mutated

    monkeypatch.setattr(node, "backward", wrong)
    caught = False
    for example in operation.examples:
        changed.clear()
        caught = gradient_error(operation, example) > TOLERANCE
        if any(changed):
            assert caught, f"{mutation} survives on {example}"
            return
    # No example lets this mutation change anything: no second input, no square matrix.
    assert not caught
