"""Wrong backward passes, made mechanically: the mutation operators, fixed beforehand.

Each takes what a backward returns, one share for each input (or None), and spoils it in one way;
it returns None where the shapes offer nothing to spoil (no second input, no square matrix): then
there is no such mutant. ``python -m tests.autograd.mutations`` prints the kill rate of gradcheck
over the catalogue of operations.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np

import nncourse as nnc
from nncourse.autograd import gradcheck_judge, gradcheck_opinion
from nncourse.autograd.gradcheck import gradcheck
from nncourse.ops.catalogue import OPERATIONS, Example
from tests.ops.catalogue_checks import arrays_for, differentiable, gradients


def _each(change):
    def mutate(shares):
        return tuple([None if g is None else change(np.asarray(g)) for g in shares])

    return mutate


def _some(change):
    """Change the shares that offer something to change; there must be one."""

    def mutate(shares):
        changed = [None if g is None else change(np.asarray(g)) for g in shares]
        if all(g is None for g in changed):
            return None
        return tuple([g if new is None else new for g, new in zip(shares, changed)])

    return mutate


def _transposed(g):
    square = g.ndim > 1 and g.shape[-1] == g.shape[-2] > 1
    return np.swapaxes(g, -1, -2).copy() if square else None


def _shifted(axis):
    def change(g):
        return np.roll(g, 1, axis) if g.ndim and g.shape[axis] > 1 else None

    return change


def _without_last(g):
    axes = [i for i in range(g.ndim) if g.shape[i] > 1]
    if not axes or not g.size:
        return None
    g = np.array(g)
    g[(slice(None),) * axes[-1] + (-1,)] = 0
    return g


def _dropped(i):
    def mutate(shares):
        if i >= len(shares) or shares[i] is None or sum(g is not None for g in shares) < 2:
            return None
        return tuple([g * 0 if k == i else g for k, g in enumerate(shares)])

    return mutate


def _swapped(i, j):
    def mutate(shares):
        if max(i, j) >= len(shares) or shares[i] is None or shares[j] is None:
            return None
        if np.shape(shares[i]) != np.shape(shares[j]):
            return None
        order = list(shares)
        order[i], order[j] = order[j], order[i]
        return tuple(order)

    return mutate


# Where the catalogue has no example on which a mutation could show.
MORE_EXAMPLES = {"sum": (Example(((3, 3),), {"dim": 0}),)}

MUTATIONS = {
    "zero": _each(lambda g: g * 0),
    "twice": _each(lambda g: g * 2),
    "half": _each(lambda g: g * 0.5),
    "negate": _each(lambda g: -g),
    "add one": _each(lambda g: g + 1),
    "transpose": _some(_transposed),
    "shift along the first axis": _some(_shifted(0)),
    "shift along the last axis": _some(_shifted(-1)),
    "drop the last slice": _some(_without_last),
    "drop the first input": _dropped(0),
    "drop the second input": _dropped(1),
    "drop the third input": _dropped(2),
    "swap the first two inputs": _swapped(0, 1),
    "swap the last two of three inputs": _swapped(1, 2),
}


@contextmanager
def mutated(node, mutation):
    """Within, the backward of a function class is spoiled; gives a list, true where it applied."""
    right = node.backward
    applied = []

    def wrong(self, dout):
        shares = right(self, dout)
        spoiled = MUTATIONS[mutation](shares)
        applied.append(spoiled is not None)
        return shares if spoiled is None else spoiled

    node.backward = wrong
    try:
        yield applied
    finally:
        node.backward = right


@contextmanager
def remembered_slopes(memory):
    """Within, gradcheck measures a slope once and finds it in ``memory`` (a dict) afterwards.

    For one function only. The mutants of a function differ in the backward pass, so their slopes
    are the same.
    """

    def remembering(measure):
        def measured(evaluate, xs, i, directions, upstream, *limits):
            arrays = [x.tobytes() for x in (*xs, upstream)]
            asked = [v if isinstance(v, int) else v.tobytes() for v in directions]
            key = (measure.__name__, *arrays, i, *asked, *limits)
            if key not in memory:
                memory[key] = measure(evaluate, xs, i, directions, upstream, *limits)
            return memory[key]

        return measured

    with (
        patch.object(
            gradcheck_judge, "central_slopes", remembering(gradcheck_judge.central_slopes)
        ),
        patch.multiple(
            gradcheck_opinion,
            complex_slopes=remembering(gradcheck_opinion.complex_slopes),
            ridders_slopes=remembering(gradcheck_opinion.ridders_slopes),
        ),
    ):
        yield


def checked(operation, example, seed=0):
    """The report of gradcheck on one example."""
    tensors = [
        nnc.tensor(a, requires_grad=differentiable(a)) for a in arrays_for(operation, example, seed)
    ]
    return gradcheck(
        lambda *x: operation.function(*x, **example.options), tensors, raise_exception=False
    )


def _same(before, after):
    return all(
        np.allclose(a, b, rtol=1e-9, atol=1e-12 * max(1.0, np.max(np.abs(a), initial=0.0)))
        for a, b in zip(before, after)
    )


def outcome(operation, node, mutation, every_example, memories):
    """ "no mutant", "equivalent" (no gradient of any example changes), "killed", "survived on".

    A mutant must be called wrong on the first example in which it changes a gradient, or on each.
    ``memories``: for each operation and example what ``remembered_slopes`` keeps.
    """
    applies = changes = False
    for example in (*operation.examples, *MORE_EXAMPLES.get(operation.name, ())):
        arrays = arrays_for(operation, example)
        if not any(differentiable(a) for a in arrays):
            continue
        _, right = gradients(operation, example, arrays)
        memory = memories[f"{operation} {example}"]
        with mutated(node, mutation) as applied, remembered_slopes(memory):
            _, wrong = gradients(operation, example, arrays)
            applies = applies or any(applied)
            if _same(right, wrong):
                continue
            changes = True
            report = checked(operation, example)
        if not any(v.status == "wrong" for v in report.verdicts):
            return f"survived on {example}"
        if not every_example:
            break
    return "killed" if changes else "equivalent" if applies else "no mutant"


def by_function():
    """{function class: the operations that use it}."""
    found = {}
    for operation in OPERATIONS:
        for node in operation.nodes:
            found.setdefault(node, []).append(operation)
    return found


def outcomes(node, operations, every_example=False):
    """{mutation: what became of it in each operation}, without those that are no mutants."""
    found, memories = {}, defaultdict(dict)
    for mutation in MUTATIONS:
        results = [outcome(o, node, mutation, every_example, memories) for o in operations]
        results = [result for result in results if result != "no mutant"]
        if results:
            found[mutation] = results
    return found


def main(every_example):
    count = Counter()
    for node, operations in by_function().items():
        for mutation, results in outcomes(node, operations, every_example).items():
            survived = [result for result in results if result.startswith("survived")]
            fate = "survived" if survived else "killed" if "killed" in results else "equivalent"
            count[fate] += 1
            if fate != "killed":
                print(f"{fate}: {node.__name__}, {mutation}", *survived)
    made = count["killed"] + count["survived"]
    print(f"killed {count['killed']} of {made}; equivalent besides: {count['equivalent']}")


if __name__ == "__main__":
    main("--all" in sys.argv)
