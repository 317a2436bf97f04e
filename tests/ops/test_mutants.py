"""The gradient check catches every wrong gradient.

Every function's backward is changed mechanically in the same few ways; the check by central
differences must fail for each of them. A mutant that survives would mean that the examples in the
catalogue are too tame. Each function is looked at in the operations that consist of it alone, or,
if it serves only together with others, in one of those.
"""

import numpy as np
import pytest

from nncourse.ops import classification, elementwise, lookup, special
from nncourse.ops.catalogue import OPERATIONS
from tests.ops.catalogue_checks import TOLERANCE, arrays_for, gradient_error, gradients


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


_DROPS = ("drop first", "drop second", "drop third")


def _name(node):
    return node.__name__


def _differs(before, after):
    """Does the mutant change anything at all in this pass?"""
    return any(a is not None and not np.array_equal(a, b) for a, b in zip(before, after))


def _pairs():
    """Each function with the operations that consist of it, or else with the first that uses it."""
    for node in dict.fromkeys(node for o in OPERATIONS for node in o.nodes):
        alone = [o for o in OPERATIONS if o.nodes == (node,)]
        yield from ((o, node) for o in alone or [o for o in OPERATIONS if node in o.nodes][:1])


MUTANTS = [(operation, node, name) for operation, node in _pairs() for name in MUTATIONS]
# Mutants that change nothing, whatever the example, with the reason.
EQUIVALENT = {
    **{
        (special.Flat, name): "the gradient is 0 everywhere: a multiple, or another order, is too"
        for name in ("zero", "negate", "twice", "half", "transpose", "shift", "drop first")
    },
    (elementwise.Where, "drop first"): "the mask has no gradient",
    (classification.CrossEntropy, "drop second"): "the classes have no gradient",
    (lookup.Embedding, "drop second"): "the row numbers have no gradient",
}


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
    # No example of this operation lets the mutation change anything: no second input, no square
    # matrix. The next test sees to it that some other operation's does.
    assert not caught


@pytest.mark.parametrize("node", dict.fromkeys(node for _, node in _pairs()), ids=_name)
def test_every_mutation_is_put_to_the_test(node, monkeypatch):
    right, seen, inputs = node.backward, set(), 1

    def spoilt(self, dout):
        nonlocal inputs
        shares = right(self, dout)
        inputs = max(inputs, len(shares))
        seen.update(name for name in MUTATIONS if _differs(shares, MUTATIONS[name](shares)))
        return shares

    monkeypatch.setattr(node, "backward", spoilt)
    for operation in (o for o, n in _pairs() if n is node):
        for example in operation.examples:
            gradients(operation, example, arrays_for(operation, example))
    impossible = {name for i, name in enumerate(_DROPS) if i >= inputs}
    impossible |= {name for kind, name in EQUIVALENT if kind is node}
    assert set(MUTATIONS) - seen == impossible
