"""What all optimisers have in common: groups of parameters, and one long vector for each.

A rule such as Adam's is a dozen array operations. Done for every parameter on its own, small
networks would spend their time in calls. So the gradients of all parameters of a group are put
one after another into one vector, the rule's averages are vectors of the same length, and the rule
runs once on all of it; only the last step, ``p -= change``, goes back to the single parameters.
The parameters themselves stay where they are, so that everything that shares memory with them
(other optimisers, tied layers, ``state_dict``) keeps doing so.

A parameter without a gradient is left alone, as in PyTorch: its piece of the vectors is skipped
and it counts its own steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

from nncourse.autograd.changes import changes
from nncourse.autograd.mode import enable_grad
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, xp

# Rules run over pieces of this many numbers, which stay in the processor's cache from one
# operation of the rule to the next. With six million parameters this saves a third of Adam's time;
# much smaller pieces cost more in calls than they save.
BLOCK = 65536


class FlatParameters:
    """Parameters of one group and one number type, laid out one after another."""

    def __init__(self, parameters: list[Tensor], state: tuple[str, ...]) -> None:
        self.parameters = parameters
        sizes = [p._data.size for p in parameters]
        self.bounds = [0]
        for n in sizes:
            self.bounds.append(self.bounds[-1] + n)
        length, dtype = self.bounds[-1], parameters[0]._data.dtype
        self.steps = [0] * len(parameters)
        self.gradient = xp.zeros(length, dtype)
        self.change = xp.zeros(length, dtype)
        self.scratch = xp.zeros(min(length, BLOCK), dtype)
        self.state = {name: xp.zeros(length, dtype) for name in state}
        self.changes = [
            self.change[start:stop].reshape(p._data.shape)
            for p, (start, stop) in zip(parameters, pairwise(self.bounds))
        ]

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """(first, last, steps): neighbours that have a gradient and took equally many steps.

        As a rule this is one run with all parameters.
        """
        n = len(self.parameters)
        first = 0
        while first < n:
            if self.parameters[first]._grad is None:
                first += 1
                continue
            last = first + 1
            while (
                last < n
                and self.steps[last] == self.steps[first]
                and self.parameters[last]._grad is not None
            ):
                last += 1
            yield first, last, self.steps[first]
            first = last

    def gather(self, what: str, into: Array, first: int, last: int) -> Array:
        """Copy the values ("_data") or gradients ("_grad") of a run into its piece of a vector."""
        piece = into[self.bounds[first] : self.bounds[last]]
        run = self.parameters[first:last]
        arrays = [p._data for p in run] if what == "_data" else [p._grad._data for p in run]  # type: ignore[union-attr]
        try:
            return xp.concatenate(arrays, None, piece)
        except ValueError:
            raise RuntimeError(
                "a parameter has changed its shape since the optimiser was made: make a new one"
            ) from None

    def subtract(self, first: int, last: int) -> None:
        """p -= change for the parameters of a run."""
        for i in range(first, last):
            array = self.parameters[i]._data
            xp.subtract(array, self.changes[i], array)
            changes.note(array)
            self.steps[i] += 1


class Optimizer:
    """Base of the optimisers.

    params: parameters, or dicts {"params": [...], "lr": ...} whose settings differ from the rest.
    ``param_groups`` holds the groups with their settings, which may be changed between steps.
    """

    # The vectors that a rule keeps from step to step, under PyTorch's names.
    state_names: tuple[str, ...] = ()

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._flat: list[list[FlatParameters]] = []
        if isinstance(params, Tensor):
            raise TypeError("params must be a list of parameters: [p] for a single one")
        groups = list(params)
        if not groups:
            raise ValueError("the optimiser got no parameters")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Add parameters, {"params": [...]}, with settings of their own where given."""
        own = group["params"]
        own = [own] if isinstance(own, Tensor) else list(own)
        known = {id(p) for g in self.param_groups for p in g["params"]}
        for p in own:
            if not isinstance(p, Tensor):
                raise TypeError(f"an optimiser takes parameters; got {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError("an optimiser takes leaves; this tensor was computed from others")
            if id(p) in known:
                raise ValueError("a parameter appears twice among the optimiser's parameters")
            known.add(id(p))
        unknown = set(group) - set(self.defaults) - {"params"}
        if unknown:
            raise ValueError(
                f"{type(self).__name__} has no setting {sorted(unknown)}; "
                f"it has {sorted(self.defaults)}"
            )
        settings = {**self.defaults, **group, "params": own}
        self.check_settings(settings)
        self.param_groups.append(settings)
        self._flat.append(self._laid_out(own))

    def _laid_out(self, parameters: list[Tensor]) -> list[FlatParameters]:
        by_type: dict[Any, list[Tensor]] = {}
        for p in parameters:
            by_type.setdefault(p.dtype, []).append(p)
        return [FlatParameters(same, self.state_names) for same in by_type.values()]

    def check_settings(self, settings: dict[str, Any]) -> None:
        """Raise ValueError for settings outside their range."""
        for name in ("lr", "eps", "momentum", "weight_decay"):
            if settings.get(name, 0) < 0:
                raise ValueError(f"{name} must not be negative; got {settings[name]}")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients; with ``set_to_none=False``, set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none or p._grad is None:
                    p._grad = None
                else:
                    p._grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient by one step of the rule.

        ``closure`` computes the loss and its gradients anew; its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group, laid_out in zip(self.param_groups, self._flat):
            for flat in laid_out:
                for first, last, steps in flat.runs():
                    self._step_run(group, flat, first, last, steps + 1)
        return loss

    def _step_run(
        self, group: dict[str, Any], flat: FlatParameters, first: int, last: int, step: int
    ) -> None:
        flat.gather("_grad", flat.gradient, first, last)
        decay = group["weight_decay"]
        if decay:
            values = flat.gather("_data", flat.change, first, last)
            values *= decay
            flat.gradient[flat.bounds[first] : flat.bounds[last]] += values
        vectors = [flat.gradient, flat.change, *flat.state.values()]
        start, end = flat.bounds[first], flat.bounds[last]
        while start < end:
            stop = min(start + BLOCK, end)
            self.rule(
                group,
                step,
                flat.scratch[: stop - start],
                *[vector[start:stop] for vector in vectors],
            )
            start = stop
        flat.subtract(first, last)

    def rule(
        self,
        group: dict[str, Any],
        step: int,
        scratch: Array,
        g: Array,
        change: Array,
        *state: Array,
    ) -> None:
        """From the gradient ``g``, bring ``state`` up to date and write ``change`` (p -= change).

        step counts from 1. All arrays are vectors of one length; scratch and g may be overwritten.
        """
        raise NotImplementedError

    # Saving and loading

    def _pieces(self) -> Iterator[tuple[int, FlatParameters, int]]:
        """For every parameter, in order: (its group, where it is laid out, its place there)."""
        for i, (group, laid_out) in enumerate(zip(self.param_groups, self._flat)):
            place = {id(p): (flat, k) for flat in laid_out for k, p in enumerate(flat.parameters)}
            for p in group["params"]:
                yield i, *place[id(p)]

    def state_dict(self) -> dict[str, Any]:
        """Step counts, averages and settings in PyTorch's layout, as copies."""
        state: dict[int, dict[str, Any]] = {}
        groups = [{k: v for k, v in g.items() if k != "params"} for g in self.param_groups]
        numbers: list[list[int]] = [[] for _ in groups]
        for n, (i, flat, k) in enumerate(self._pieces()):
            numbers[i].append(n)
            if flat.steps[k]:
                piece = slice(flat.bounds[k], flat.bounds[k + 1])
                shape = flat.parameters[k].shape
                state[n] = {"step": flat.steps[k]} | {
                    name: Tensor(vector[piece].reshape(shape).copy())
                    for name, vector in flat.state.items()
                }
        for settings, own in zip(groups, numbers):
            settings["params"] = own
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what ``state_dict`` of an optimiser of the same parameters returned."""
        saved = state_dict["param_groups"]
        if [len(g["params"]) for g in saved] != [len(g["params"]) for g in self.param_groups]:
            raise ValueError("the saved optimiser had other groups of parameters")
        for settings, group in zip(saved, self.param_groups):
            group.update({k: v for k, v in settings.items() if k in self.defaults})
        for n, (_, flat, k) in enumerate(self._pieces()):
            entry = state_dict["state"].get(n, {})
            flat.steps[k] = int(entry.get("step", 0))
            for name, vector in flat.state.items():
                value = entry.get(name, 0)
                if isinstance(value, Tensor):
                    value = value._data.reshape(-1)
                vector[flat.bounds[k] : flat.bounds[k + 1]] = value

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {name}: {group[name]}" for name in sorted(self.defaults)]
        return "\n".join([*lines, ")"])


Parameters = Iterable[Any]
