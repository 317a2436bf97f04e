"""What the pieces of this set share: an optimiser's class out of a rule, and its trajectory.

A rule says by how much a parameter changes: rule(state, g, t, *settings), with a state of its own
for every parameter. The student's class gets two parameters and drawn gradients, the same whatever
it answers, so that a wrong step does not spoil what the next one is judged by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nncourse.diagnosis import Finding
from nncourse.diagnosis.measure import Array, same
from nncourse.exercises.piece import (
    PLAIN,
    Equivalent,
    Mutant,
    Output,
    Part,
    Piece,
    Point,
    Unfit,
    differing,
    normal,
)
from nncourse.language import mark

STEPS = 7

MORE = 12
"""Steps in the case OTHER: what is forgotten or left out after STEPS shows."""

OTHER = "other"
"""Three parameters of different shapes, large gradients, and settings that nobody has by heart."""

FIRST, SECOND = mark("first parameter"), mark("second parameter")

State = dict[str, Array]
Rule = Callable[..., Array]

EPS = (1e-3, 2e-3)
"""Larger than is usual, so that it can be seen where it stands, and with which sign."""


def optimiser(rule: Rule, shared: bool = False, counted_apart: bool = False) -> type:
    """A class out of a rule. shared: one state for all parameters; counted_apart: t counts them."""

    class Optimiser:
        def __init__(self, params: list[Array], *settings: float) -> None:
            self.params, self.settings, self.t = params, settings, 0
            states: list[State] = [{} for _p in params]
            self.states = [states[0]] * len(params) if shared else states

        def step(self, grads: Sequence[Array]) -> None:
            self.t += 1
            for i, g in enumerate(grads):
                self.params[i] += rule(self.states[i], g, self.t, *self.settings)
                self.t += counted_apart and i == 0

    return Optimiser


def _replacing(rule: Rule) -> type:
    """New arrays in place of the old ones, the parameters from last to first."""

    class Replacing:
        def __init__(self, params: list[Array], *settings: float) -> None:
            self.params, self.settings, self.count = params, settings, 0
            self.memory: dict[int, State] = {}

        def step(self, grads: Sequence[Array]) -> None:
            self.count += 1
            for i in reversed(range(len(grads))):
                state = self.memory.setdefault(i, {})
                self.params[i] = self.params[i] + rule(state, grads[i], self.count, *self.settings)

    return Replacing


def _single(rule: Rule) -> type:
    """The same in float32, with new arrays of it in the list."""

    class Single:
        def __init__(self, params: list[Array], *settings: float) -> None:
            self.params = params
            self.settings = [np.float32(value) for value in settings]
            self.states: list[State] = [{} for _p in params]
            self.t = 0

        def step(self, grads: Sequence[Array]) -> None:
            self.t += 1
            for i, (p, g, state) in enumerate(zip(self.params, grads, self.states)):
                change = rule(state, g.astype(np.float32), self.t, *self.settings)
                self.params[i] = (p + change).astype(np.float32)

    return Single


def _loops(rule: Rule) -> type:
    """One number after the other, each with a state of its own."""

    class Loops:
        def __init__(self, params: list[Array], *settings: float) -> None:
            self.params, self.settings, self.t = params, settings, 0
            self.states: dict[Any, State] = {}

        def step(self, grads: Sequence[Array]) -> None:
            self.t += 1
            for i, g in enumerate(grads):
                for place in np.ndindex(g.shape):
                    state = self.states.setdefault((i, place), {})
                    change = rule(state, np.array(g[place]), self.t, *self.settings)
                    self.params[i][place] += float(change)

    return Loops


def drive(
    kind: Callable[..., Any], start: Sequence[Array], grads: Sequence[Any], *settings: float
) -> Any:
    """(path of the first parameter, path of the others), a row for the start and each step.

    Raises Unfit for an optimiser of copies whose steps the given arrays do not make: it trains
    nobody's network.
    """
    arrays = [p.copy() for p in start]
    made = kind(list(arrays), *settings)
    # This one has a memory and settings of its own.
    other = kind([2 * p for p in start], *(value / 2 for value in settings))
    paths: tuple[list[Array], list[Array]] = ([], [])
    follows = _follows(made, arrays)
    for t in range(len(grads) + 1):
        if t:
            other.step([-g for g in grads[t - 1]])
            made.step([g.copy() for g in grads[t - 1]])
        first, *others = (p.reshape(-1) for p in _current(made, start))
        paths[0].append(first)
        paths[1].append(np.concatenate(others))
    for seen, p, own in zip(follows, arrays, _current(made, start)):
        if not seen and not same(p, own):
            text = mark(
                "params holds copies: the arrays that were given do not make the same steps, and "
                "the network that they belong to does not learn by them. Keep them, "
                "self.params = params, and change them in place."
            )
            raise Unfit(Finding("copies", text))
    return tuple(np.array(path) for path in paths)


def _current(made: Any, start: Sequence[Array]) -> list[Array]:
    """Copies of an optimiser's params; raises Unfit where they are not as they were."""
    params = made.params
    if isinstance(params, Mapping):
        raise Unfit(Finding("type", mark("params must be a list of arrays; it is a dictionary.")))
    if len(params) != len(start):
        text = mark("params must keep its {count} arrays; it has {got} after a step.")
        raise Unfit(Finding("count", text, {"count": len(start), "got": len(params)}))
    found = []
    for p, began in zip(params, start):  # no further, which may be without end
        if np.shape(p) != began.shape:
            text = mark("An array of params has the shape {got} after a step; it had {want}.")
            where = {"got": np.shape(p), "want": began.shape}
            raise Unfit(Finding("shape", text, where))
        found.append(np.array(p))
    return found


def _follows(made: Any, arrays: Sequence[Array]) -> list[bool]:
    """For each of the arrays that an optimiser was given, whether its params change with it."""
    for p in arrays:
        np.negative(p, out=p)
    found = list(map(np.array_equal, _current(made, arrays), arrays))
    for p in arrays:
        np.negative(p, out=p)
    return found


def drawing(*choices: Sequence[float]) -> Callable[[np.random.Generator, str], Point]:
    """A draw of start and gradients, and of each setting out of its choices."""

    def draw(rng: np.random.Generator, case: str) -> Point:
        if case == OTHER:
            shapes = (3,), (2, 4), (2, 2)
            begin, *steps = ([normal(rng, *shape) for shape in shapes] for _t in range(MORE + 1))
            others = [0.75 * float(rng.choice(values)) for values in choices]
            # Not all are small: nothing is cut off.
            large = tuple([16 * g for g in step] for step in steps)
            return Point((begin, large, *others), {}, 1.0, case)
        start = normal(rng, 2, 2, 3)
        grads = normal(rng, STEPS, 2, 2, 3)
        # No gradient is tiny, but one number's is exactly 0 in the first step, 0 / 0 without eps,
        # and one's in a later step, then all of one parameter's and all of the other's, when a
        # memory moves them all the same.
        grads = np.sign(grads) * (0.25 + np.abs(grads))
        grads[0, 0, 1, 2] = grads[0, 1, 0, 0] = 0
        grads[3, 0, 0, 1] = grads[3, 1, 0, 1] = 0
        grads[4, 1] = grads[5, 0] = 0
        # The second parameter is another matrix, or the vector of a bias.
        part: int | slice = 0 if rng.integers(2) else slice(None)
        begin, *steps = ([one, other[part]] for one, other in (start, *grads))
        settings = [float(rng.choice(values)) for values in choices]
        return Point((begin, tuple(steps), *settings), {}, 1.0, case)

    return draw


ALL_UPHILL = mark("Every step goes uphill: the parameters must change against the gradient.")
NO_RATE = mark("The learning rate lr does not take part.")
SHARED = mark(
    "The first parameter is right, the second is not: they share one memory. "
    "Every parameter needs arrays of its own."
)
NO_EPS = mark(
    "Where a gradient is 0 in the first step, 0 / 0 comes out: add eps to the denominator."
)
EPS_INSIDE = mark(
    "eps stands under the root; it is added to the root, or small memories weigh in differently."
)
NO_ROOT = mark(
    "The denominator lacks its square root: the step then changes when all gradients are scaled."
)
NOT_SQUARED = mark(
    "The memory of the denominator holds gradients, not their squares: positive and negative ones "
    "cancel."
)


def piece(
    name: str,
    settings: str,
    draw: Callable[[np.random.Generator, str], Point],
    rule: Rule,
    mutants: tuple[Mutant, ...],
    look: str,
    derive: str,
    formula: str,
    equivalents: tuple[Equivalent, ...] = (),
) -> Piece:
    """A piece whose answer is the class ``name(params, settings)`` with a method step(grads)."""
    hints = {"look": look, "derive": derive, "formula": formula}
    return Piece(
        name=name,
        signature=f"{name}(params, {settings}): params, step(grads)",
        outputs=tuple(
            Output(which, by="value", key=(i,), axes=("step", "unit"), **hints)  # type: ignore[arg-type]
            for i, which in enumerate((FIRST, SECOND))
        ),
        parts=(
            Part(FIRST, 0.6, (PLAIN,)),
            Part(SECOND, 0.2, (PLAIN,)),
            Part(FIRST, 0.1, (PLAIN, OTHER)),
            Part(SECOND, 0.1, (PLAIN, OTHER)),
        ),
        draw=draw,
        reference=optimiser(rule),
        drive=drive,
        mutants=mutants,
        equivalents=(
            Equivalent("new arrays, from the last parameter", _replacing(rule)),
            Equivalent("float32", _single(rule)),
            Equivalent("one number after the other", _loops(rule)),
            *equivalents,
        ),
        cases=(PLAIN, PLAIN, OTHER),
        varied=differing(lambda point: [point.arguments[0][1].ndim, *point.arguments[2:]]),
        case_names={OTHER: mark("three parameters of different shapes, other settings")},
    )


def mutant(name: str, rule: Rule, hint: str, family: str, code: str = "") -> Mutant:
    """A mutant out of another rule."""
    return Mutant(name, optimiser(rule), hint, family, code)


def shared_memory(rule: Rule) -> Mutant:
    """The mistake of one memory for all parameters."""
    return Mutant("one memory for all", optimiser(rule, shared=True), SHARED, "state", "M107")
