"""What crosses between the two sides as a number, because it stays where it is.

Objects of the student's stay in the sandbox, and here is a ``Handle`` for each. Functions and shown
objects of the grader's stay here, and the sandbox asks. A NumPy generator is on both sides: with a
call goes its state, if the other side doesn't know it. The one here then leaps to numbers that the
student's code can't foresee; the copy there goes on where it was left, until some are drawn here.
A state can be wound back to what was drawn before, and tells the seed of its kin: so only that of a
fresh generator goes as it is, and in place of others one that is drawn.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Any

import numpy as np

from nncourse.grading.sandbox.guests import Guests
from nncourse.grading.sandbox.handle import Handle
from nncourse.grading.sandbox.lent import Lent, Past
from nncourse.grading.sandbox.wire import Reference, WireError

if TYPE_CHECKING:
    from nncourse.grading.sandbox.session import Session


LEAP = 120  # bits; PCG64 repeats itself after 2**128 numbers


class References:
    """Those of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.functions: list[Lent] = []
        self.past = Past()
        self.theirs: Set[str] = frozenset()  # names that may change at any time
        self.generators: list[tuple[np.random.Generator, Any]] = []
        self.states: list[Any] = []  # of generators, to go with the next question
        self.held: list[Handle] = []  # that it speaks of: what is forgotten here ends there
        self.guests = Guests()
        self.leaps = random.Random(0)  # to be replaced by one whose seed is secret
        # How an oracle shows an object of the sandbox to its tests, and finds it behind that.
        self.show: Callable[[Handle], Any] = lambda handle: handle
        self.find: Callable[[Any], Any] = lambda value: value

    def next_cell(self, theirs: Set[str]) -> None:
        """Another cell begins. ``theirs``: the names in it that are the student's."""
        self.past.now += 1
        self.theirs = theirs

    def refer(self, value: Any) -> Reference:
        """What goes out in place of an object. Raises WireError for one that can't."""
        value = self.find(value)
        guest = self.guests.number(value)
        if guest is not None:
            return Reference("guest", guest)
        if type(value) is np.random.Generator:
            return Reference("generator", self._generator(value))
        if type(value) is Handle:
            if value._session is not self._session:
                raise WireError("an object of another session")
            self.held.append(value)
            return Reference("object", value._number)
        if callable(value) and not isinstance(value, type):
            self.functions.append(Lent(self.past.now, value))
            return Reference("function", len(self.functions) - 1)
        raise WireError(f"an object of type {type(value).__name__}, which is no plain data")

    def resolve(self, reference: Reference) -> Any:
        """What came in. Raises WireError for something that was not given."""
        if reference.kind == "object":
            return self.show(Handle(self._session, reference.number))
        if reference.kind == "guest" and reference.number < len(self.guests.objects):
            return self.guests.objects[reference.number]
        if reference.kind == "function" and reference.number < len(self.functions):
            return self.functions[reference.number].to_call(self.past, self.theirs)
        raise WireError("a function that was not given")

    def function(self, number: Any) -> tuple[Callable | None, bool]:
        """The function that is to be called back, and whether its errors are the test's verdict;
        None if there is no such one."""
        if type(number) is not int or not 0 <= number < len(self.functions):
            return None, False
        lent = self.functions[number]
        function = lent.to_call(self.past, self.theirs)
        return function, lent.judges and not lent.over

    def _generator(self, generator: np.random.Generator) -> int:
        """Its number; its state goes along if the other side doesn't know it."""
        state = generator.bit_generator.state
        if state["bit_generator"] != "PCG64":
            raise WireError(f"a generator of kind {state['bit_generator']}, not PCG64")
        known = [g for g, _ in self.generators]
        number = next((i for i, g in enumerate(known) if g is generator), len(known))
        if number == len(known):
            self.generators.append((generator, None))
        if self.generators[number][1] != state:
            bits: Any = generator.bit_generator
            drawn = np.random.PCG64(self.leaps.getrandbits(128)).state
            self.states.append([number, state if _is_fresh(bits) else drawn])
            bits.advance(self.leaps.getrandbits(LEAP))
            self.generators[number] = (generator, bits.state)
        return number


def _is_fresh(bits: Any) -> bool:
    """Whether nothing was drawn from it, and it was not split off from another one."""
    seed = bits.seed_seq
    return not getattr(seed, "spawn_key", ()) and np.random.PCG64(seed).state == bits.state
