"""gradcheck calls every wrong gradient wrong, and no right one."""

from itertools import cycle

import numpy as np
import pytest

import nncourse as nnc
from nncourse.autograd.gradcheck import gradgradcheck
from nncourse.ops.catalogue import OPERATIONS
from nncourse.ops.catalogue.entry import MASK
from tests.autograd.mutations import by_function, checked, outcomes
from tests.ops.catalogue_checks import arrays_for, differentiable

# Mutants that change no gradient anywhere, with the proof.
_ZERO = "the derivative is 0: its multiples, and its entries in another order, are the same 0"
EQUIVALENT = {
    ("Add", "swap the first two inputs"): "da = dout = db",
    ("Flat", "zero"): _ZERO,
    ("Flat", "twice"): _ZERO,
    ("Flat", "half"): _ZERO,
    ("Flat", "negate"): _ZERO,
    ("Flat", "shift along the first axis"): _ZERO,
    ("Flat", "shift along the last axis"): _ZERO,
    ("Flat", "drop the last slice"): _ZERO,
}

functions = pytest.mark.parametrize(
    ("node", "operations"), by_function().items(), ids=lambda v: getattr(v, "__name__", "")
)


def _assert_killed(node, found):
    for mutation, results in found.items():
        survived = [result for result in results if result.startswith("survived")]
        assert not survived, f"{node.__name__}, {mutation}: {survived}"
    alive = {(node.__name__, m) for m, results in found.items() if "killed" not in results}
    assert alive == {key for key in EQUIVALENT if key[0] == node.__name__}


@functions
def test_every_mutant_is_called_wrong(node, operations):
    """In the operations that are this function alone, or else in all that use it."""
    alone = [o for o in operations if o.nodes == (node,)]
    _assert_killed(node, outcomes(node, alone or operations))


@pytest.mark.slow
@functions
def test_every_mutant_is_called_wrong_in_every_operation_and_example(node, operations):
    _assert_killed(node, outcomes(node, operations, every_example=True))


def test_equivalent_mutants_are_mutants_of_functions_that_exist():
    names = {node.__name__ for node in by_function()}
    assert {name for name, _ in EQUIVALENT} <= names


def _assert_right(operation, example, seed):
    report = checked(operation, example, seed)
    assert not report.problems, f"{example}, seed {seed}:\n{report}"
    for verdict in report.verdicts:
        # A mask may choose nothing of an input; x^0 does not change.
        assert verdict.status in ("right", "empty", "zero"), f"{example} {seed}\n{report}"
        if verdict.status == "zero":
            masked = MASK in operation.domains
            assert masked or operation.name.startswith("pow of"), f"{example}\n{report}"


operations = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


@operations
def test_right_gradients_pass(operation):
    for example in operation.examples:
        for seed in range(3):
            _assert_right(operation, example, seed)


SEEDS, ENOUGH_SEEDS, ENOUGH_NUMBERS = 200, 50, 3_000


@pytest.mark.slow
@operations
def test_right_gradients_pass_on_many_seeds(operation):
    """Each seed draws other numbers for one of the examples, in turn.

    What could go wrong by chance is a slope, and a check takes one for each number of the inputs,
    at two points at least. So an operation of large inputs is asked as often in fewer checks: no
    fault in 2 x 3,000 slopes means less than one in 2,000 (95%), whatever the operation.
    """
    numbers = 0
    for k, example in zip(range(SEEDS), cycle(operation.examples)):
        if k >= ENOUGH_SEEDS and numbers >= ENOUGH_NUMBERS:
            break
        _assert_right(operation, example, 3 + k)
        arrays = arrays_for(operation, example)
        numbers += sum(a.size for a in arrays if differentiable(a))


def _assert_second_right(operation, examples, fast):
    for example in examples:
        if example.options.get("n") == 0:  # x^0 has no gradient to differentiate
            continue
        tensors = [
            nnc.tensor(a, requires_grad=differentiable(a)) for a in arrays_for(operation, example)
        ]
        report = gradgradcheck(
            lambda *x, e=example: operation.function(*x, **e.options),
            tensors,
            fast_mode=fast,
            raise_exception=False,
        )
        assert report, f"{example}:\n{report}"


# The slopes of these are steps. gradgradcheck looks for a point where the slope of a slope is not
# 0, and ends at small divisors, where the steps lie closer than difference quotients reach. Their
# second derivatives, 0, are compared between the steps in test_higher_orders.py.
STEPS = ("remainder", "fmod")

smooth_operations = pytest.mark.parametrize(
    "operation", [o for o in OPERATIONS if o.name not in STEPS], ids=str
)


@smooth_operations
def test_right_second_gradients_pass(operation):
    _assert_second_right(operation, operation.examples[:2], fast=True)


@pytest.mark.slow
@smooth_operations
def test_right_second_gradients_pass_at_every_coordinate(operation):
    _assert_second_right(operation, operation.examples, fast=False)


def test_seeds_draw_other_numbers():
    operation = OPERATIONS[0]
    first, second = (arrays_for(operation, operation.examples[0], seed)[0] for seed in (0, 1))
    assert not np.array_equal(first, second)
