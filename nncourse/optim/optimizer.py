"""What all optimisers have in common: groups of parameters, steps, saving and loading.

A subclass is one ``rule``: from the gradient, how far each number moves. It sees vectors only;
``layout.py`` tells where they come from. A parameter without a gradient is left alone, as in
PyTorch: its piece of the vectors is skipped and it counts its own steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nncourse.autograd.changes import changes
from nncourse.autograd.mode import enable_grad
from nncourse.autograd.tensor import Tensor
from nncourse.backend import Array, as_array, moved, xp
from nncourse.dtypes import float32, float64
from nncourse.optim.layout import Block, changed_shape, lay_out

# PyTorch's switches between its implementations: accepted, and without effect here.
IMPLEMENTATION = ("foreach", "fused", "capturable")

# What a group may hold besides the settings of its optimiser: names, and the marks of schedules.
NOTES = ("name", "initial_lr", "max_lr", "min_lr", "max_momentum", "base_momentum")


def settings_in(arguments: dict[str, Any]) -> dict[str, Any]:
    """The settings among the arguments of an optimiser's constructor, which are its ``locals()``.

    So a setting stands once, in the signature, with its name and its default.
    """
    others = {"self", "params", "implementation", "__class__"}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in arguments.items()
        if name not in others
    }


class Optimizer:
    """Base of the optimisers.

    params: parameters, or dicts {"params": [...], "lr": ...} whose settings differ from the rest.
    ``param_groups`` holds the groups with their settings, which may be changed between steps.
    """

    # What is counted for every parameter before its first step, and the names under which it is
    # saved; the first is the number of steps.
    start: tuple[Any, ...] = (0,)
    count_names: tuple[str, ...] = ("step",)
    uses_scratch = True
    saved_from_start = False  # is there something to save before the first step?

    def __init__(
        self, params: Any, defaults: dict[str, Any], implementation: dict[str, Any] | None = None
    ) -> None:
        unknown = set(implementation or ()) - set(IMPLEMENTATION)
        if unknown:
            raise TypeError(
                f"{type(self).__name__} has no setting {sorted(unknown)}; it has {sorted(defaults)}"
            )
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.steps_taken = 0
        self._blocks: list[list[Block]] = []
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
        unknown = set(group) - set(self.defaults) - {"params", *NOTES, *IMPLEMENTATION}
        if unknown:
            raise ValueError(
                f"{type(self).__name__} has no setting {sorted(unknown)}; "
                f"it has {sorted(self.defaults)}"
            )
        settings = {**self.defaults, **group, "params": own}
        self.check_settings(settings)
        self.param_groups.append(settings)
        self._blocks.append(lay_out(own, self.start))

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

    # The step

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient by one step of the rule.

        ``closure`` computes the loss and its gradients anew; its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for i, group in enumerate(self.param_groups):
            if any(block.changed_kind() for block in self._blocks[i]):
                self._lay_out_again(i)
            for block in self._blocks[i]:
                for first, last in block.runs():
                    counts = self.counted(group, block.counts[first])
                    work = self._step_large if block.large else self._step_small
                    work(group, block, first, last, counts)
                    block.counts[first:last] = [counts] * (last - first)
        self.steps_taken += 1
        return loss

    def _step_small(
        self, group: dict[str, Any], block: Block, first: int, last: int, counts: tuple[Any, ...]
    ) -> None:
        g = block.gradients(first, last)
        a, b = block.bounds[first], block.bounds[last]
        if group["maximize"]:
            xp.negative(g, g)
        decay, shrink = _decay(group)
        if decay:
            values = block.values(first, last)
            values *= decay
            g += values
        scratch = block.buffers.scratch[a:b] if self.uses_scratch else g
        vectors = [block.vector(*kept)[a:b] for kept in self.kept(group)]
        self.rule(group, counts, scratch, g, g, *vectors)
        block.subtract(first, last, shrink)

    def _step_large(
        self, group: dict[str, Any], block: Block, first: int, last: int, counts: tuple[Any, ...]
    ) -> None:
        (p,) = block.parameters
        array = p._data
        values, gradients = array.reshape(-1), p._grad._data.reshape(-1)  # type: ignore[union-attr]
        if not len(values) == len(gradients) == block.length:
            raise changed_shape()
        decay, shrink = _decay(group)
        vectors = [block.vector(*kept) for kept in self.kept(group)]
        buffers = block.buffers
        size = len(buffers.change)
        for a in range(0, block.length, size):
            b = min(a + size, block.length)
            g, x = gradients[a:b], values[a:b]
            change = buffers.change[: b - a]
            scratch = buffers.scratch[: b - a] if self.uses_scratch or decay else change
            if group["maximize"]:
                g = xp.negative(g, change)
            if decay:
                xp.multiply(x, decay, scratch)
                g = xp.add(g, scratch, change)
            self.rule(group, counts, scratch, g, change, *[vector[a:b] for vector in vectors])
            if shrink != 1:
                x *= shrink
            x -= change
        if not xp.shares_memory(values, array):
            array[...] = values.reshape(array.shape)
        changes.note(array)

    def rule(
        self,
        group: dict[str, Any],
        counts: tuple[Any, ...],
        scratch: Array,
        g: Array,
        change: Array,
        *state: Array,
    ) -> None:
        """From the gradient ``g``, bring ``state`` up to date and write ``change`` (p -= change).

        counts: what ``counted`` returned; the step counts from 1. All arrays are vectors of one
        length. ``change`` may be ``g`` itself: once it has been written to, g is not read any
        more. scratch is for what is computed on the way, if ``uses_scratch`` says so.
        """
        raise NotImplementedError

    def kept(self, group: dict[str, Any]) -> tuple[tuple[str, float], ...]:
        """The vectors that the rule keeps: (PyTorch's name, value at the start)."""
        return ()

    def counted(self, group: dict[str, Any], counts: tuple[Any, ...]) -> tuple[Any, ...]:
        """What is counted for a parameter, one step on."""
        return (counts[0] + 1,)

    # Saving and loading

    def _lay_out_again(self, i: int) -> None:
        """Parameters of a group have another number type or device: so get their averages."""
        kept = {}
        for block in self._blocks[i]:
            for k, p in enumerate(block.parameters):
                kept[id(p)] = (
                    block.counts[k],
                    {name: block.view(name, k, 0) for name in block.state},
                )
        self._blocks[i] = lay_out(self.param_groups[i]["params"], self.start)
        for block in self._blocks[i]:
            for k, p in enumerate(block.parameters):
                block.counts[k], arrays = kept[id(p)]
                for name, array in arrays.items():
                    block.view(name, k, 0)[...] = moved(array, block.device)

    def _places(self) -> Iterator[tuple[dict[str, Any], Block, int]]:
        """For every parameter, in order: (its group, its block, its place there)."""
        for group, blocks in zip(self.param_groups, self._blocks):
            place = {id(p): (block, k) for block in blocks for k, p in enumerate(block.parameters)}
            for p in group["params"]:
                yield group, *place[id(p)]

    @property
    def state(self) -> dict[Tensor, dict[str, Tensor]]:
        """Step counts and averages by parameter, under PyTorch's names, to be looked at."""
        return {
            block.parameters[k]: self._saved(group, block, k) for group, block, k in self._places()
        }

    def state_dict(self) -> dict[str, Any]:
        """Step counts, averages and settings in PyTorch's layout, as copies."""
        state: dict[int, dict[str, Any]] = {}
        groups = []
        n = 0
        for group in self.param_groups:
            settings = {name: value for name, value in group.items() if name != "params"}
            settings["params"] = list(range(n, n + len(group["params"])))
            n += len(group["params"])
            groups.append(settings)
        for n, (group, block, k) in enumerate(self._places()):
            entry = self._saved(group, block, k)
            if entry:
                state[n] = {name: value.clone() for name, value in entry.items()}
        return {"state": state, "param_groups": groups}

    def _saved(self, group: dict[str, Any], block: Block, k: int) -> dict[str, Tensor]:
        """What is kept for one parameter; vectors share memory with what the rule keeps."""
        if not block.counts[k][0] and not self.saved_from_start:
            return {}
        counts = {
            name: Tensor(as_array(value).astype(float32 if name == "step" else float64))
            for name, value in zip(self.count_names, block.counts[k])
        }
        return counts | {
            name: Tensor(block.view(name, k, value)) for name, value in self.kept(group)
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what ``state_dict`` of an optimiser of the same parameters returned.

        A dict from PyTorch's optimiser of the same name will do as well. Nothing is changed if
        anything does not fit.
        """
        saved = state_dict["param_groups"]
        if [len(g["params"]) for g in saved] != [len(g["params"]) for g in self.param_groups]:
            raise ValueError("the saved optimiser had other groups of parameters")
        numbers = [n for g in saved for n in g["params"]]
        entries = [state_dict["state"].get(n, {}) for n in numbers]
        found = [self._read(n, entry, at) for n, entry, at in zip(numbers, entries, self._places())]
        for settings, group in zip(saved, self.param_groups):
            known = {*self.defaults, *NOTES}
            group.update({name: value for name, value in settings.items() if name in known})
        for (counts, vectors), (group, block, k) in zip(found, self._places()):
            block.counts[k] = counts
            for name, start in self.kept(group):
                block.view(name, k, start)[...] = vectors.get(name, start)

    def _read(
        self, n: int, entry: dict[str, Any], at: tuple[Any, Block, int]
    ) -> tuple[tuple[Any, ...], dict[str, Array]]:
        """Counts and vectors of the n-th saved parameter, if they fit."""
        if not entry:
            return self.start, {}
        _, block, k = at
        shape = block.parameters[k]._data.shape
        vectors = {}
        for name, value in entry.items():
            if name == "step" or name in self.count_names or value is None:
                continue
            array = as_array(value._data if isinstance(value, Tensor) else value)
            vectors[name] = moved(array, block.device)
            if vectors[name].shape != shape:
                raise ValueError(
                    f"{name} of parameter {n} has shape {vectors[name].shape} in the saved "
                    f"optimiser; the parameter has {shape}"
                )
        missing = [name for name in self.count_names if name not in entry]
        if missing:
            raise ValueError(
                f"this is not the state of {type(self).__name__}: it has no {', '.join(missing)}"
            )
        return self._loaded(entry), vectors

    def _loaded(self, entry: dict[str, Any]) -> tuple[Any, ...]:
        """The counts of a parameter from what was saved."""
        step, *others = (float(entry[name]) for name in self.count_names)
        return (int(step), *others)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {name}: {group[name]}" for name in sorted(self.defaults)]
        return "\n".join([*lines, ")"])


def _decay(group: dict[str, Any]) -> tuple[float, float]:
    """Weight decay as (what is added to the gradient per unit of p, what p is multiplied by)."""
    decay = group["weight_decay"]
    if decay and group.get("decoupled_weight_decay"):
        return 0.0, 1 - group["lr"] * decay
    return decay, 1.0


Parameters = Iterable[Any]
