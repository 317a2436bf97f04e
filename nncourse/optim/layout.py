"""Parameters laid out one after another, so that a rule runs on all of them at once.

A rule such as Adam's is a dozen array operations. Done for every parameter on its own, small
networks would spend their time in calls. So small parameters of a group share a ``Block``: their
gradients are put one after another into one vector, the rule's averages are vectors of the same
length, and the rule runs once on all of it. Only the last step, ``p -= change``, goes back to the
single parameters: they stay where they are, so that everything that shares memory with them
(other optimisers, tied layers, ``state_dict``) keeps doing so.

A large parameter is a block of its own and is handled in pieces that stay in the processor's cache
from one operation of the rule to the next; its gradient is read where it lies. So the working
memory of a step does not grow with the network.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any

from nncourse.autograd.changes import changes
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, device, device_of, filled, ndarray, same_device, xp

# Numbers per piece: with six million parameters this saves a third of Adam's time; much smaller
# pieces cost more in calls than they save.
BLOCK = 65536


class Buffers:
    """Working memory that blocks of one number type on one device share, from step to step.

    change: first the gradients, which the rule turns into the changes. scratch: for what a rule
    computes on the way, made only if one does.
    """

    def __init__(self, length: int, like: Array) -> None:
        self.change = xp.zeros(length, like.dtype, like=like)

    @cached_property
    def scratch(self) -> Array:
        return xp.zeros_like(self.change)


class Block:
    """Small parameters of one number type on one device, or a single large one."""

    def __init__(
        self, parameters: list[Tensor], start: tuple[Any, ...], buffers: Buffers | None = None
    ) -> None:
        self.parameters = parameters
        self.dtype = parameters[0]._data.dtype
        self.bounds = [0]
        for p in parameters:
            self.bounds.append(self.bounds[-1] + p._data.size)
        self.length = self.bounds[-1]
        self.large = len(parameters) == 1 and self.length > BLOCK
        # What an optimiser counts for each parameter: the number of its steps, as a rule.
        self.counts = [start] * len(parameters)
        self.state: dict[str, Array] = {}
        self.buffers = buffers or Buffers(min(self.length, BLOCK), parameters[0]._data)
        self.changes = []
        if not self.large:
            self.changes = [
                self.buffers.change[a:b].reshape(p._data.shape)
                for p, (a, b) in zip(parameters, pairwise(self.bounds))
            ]

    def __getstate__(self) -> Any:
        return self.parameters, self.counts, self.state

    def __setstate__(self, saved: Any) -> None:
        # A copy of a view is no view: buffers are made anew.
        parameters, counts, state = saved
        self.__init__(parameters, ())  # type: ignore[misc]
        self.counts, self.state = counts, state

    @property
    def device(self) -> device:
        """Where the vectors of the block are."""
        return device_of(self.buffers.change)

    def vector(self, name: str, start: float) -> Array:
        """A vector that is kept from step to step, made when it is first asked for."""
        found = self.state.get(name)
        if found is None:
            like = self.buffers.change
            found = self.state[name] = filled(self.length, start, self.dtype, like)
        return found

    def view(self, name: str, k: int, start: float) -> Array:
        """The part of a vector that belongs to one parameter, in the parameter's shape."""
        part = self.vector(name, start)[self.bounds[k] : self.bounds[k + 1]]
        return part.reshape(self.parameters[k]._data.shape)

    def changed_kind(self) -> bool:
        """Has a parameter got another number type, or gone to another device?"""
        dtype, here = self.dtype, self.buffers.change
        kind = type(here)
        for p in self.parameters:
            if p._data.dtype is not dtype or type(p._data) is not kind:
                return True
        # Between two GPUs.
        return kind is not ndarray and not all(same_device(p._data, here) for p in self.parameters)

    def runs(self) -> Iterator[tuple[int, int]]:
        """(first, last): neighbours that have a gradient and equal counts.

        As a rule this is one run with all parameters.
        """
        n = len(self.parameters)
        first = 0
        while first < n:
            if self.parameters[first]._grad is None:
                first += 1
                continue
            counts = self.counts[first]
            last = first + 1
            while (
                last < n and self.counts[last] == counts and self.parameters[last]._grad is not None
            ):
                last += 1
            yield first, last
            first = last

    def values(self, first: int, last: int) -> Array:
        """The values of a run, one after another."""
        into = self.buffers.scratch[self.bounds[first] : self.bounds[last]]
        return _gathered([p._data for p in self.parameters[first:last]], into)

    def gradients(self, first: int, last: int) -> Array:
        """The gradients of a run, one after another."""
        into = self.buffers.change[self.bounds[first] : self.bounds[last]]
        return _gathered([p._grad._data for p in self.parameters[first:last]], into)  # type: ignore[union-attr]

    def subtract(self, first: int, last: int, shrink: float) -> None:
        """p = shrink * p - change for the parameters of a run."""
        subtract, note = xp.subtract, changes.note
        for p, change in zip(self.parameters[first:last], self.changes[first:last]):
            array = p._data
            if shrink != 1:
                array *= shrink
            subtract(array, change, array)
            note(array)


def _gathered(arrays: list[Array], into: Array) -> Array:
    try:
        return xp.concatenate(arrays, None, into)
    except ValueError:
        raise changed_shape() from None


def changed_shape() -> RuntimeError:
    """The error for a parameter that no longer fits its place."""
    return RuntimeError(
        "a parameter has changed its shape since the optimiser was made: make a new one"
    )


def lay_out(parameters: list[Tensor], start: tuple[Any, ...]) -> list[Block]:
    """Blocks of all parameters; ``start``: the counts of a parameter before its first step."""
    by_type: dict[Any, list[Tensor]] = {}
    for p in parameters:
        by_type.setdefault((p._data.dtype, device_of(p._data)), []).append(p)
    blocks = []
    for same in by_type.values():
        packs: list[list[Tensor]] = [[]]
        room = BLOCK
        for p in (p for p in same if p._data.size <= BLOCK):
            if p._data.size > room:
                packs.append([])
                room = BLOCK
            packs[-1].append(p)
            room -= p._data.size
        packs += [[p] for p in same if p._data.size > BLOCK]
        packs = [pack for pack in packs if pack]
        longest = max(sum(p._data.size for p in pack) for pack in packs)
        buffers = Buffers(min(longest, BLOCK), same[0]._data)
        blocks += [Block(pack, start, buffers) for pack in packs]
    return blocks
