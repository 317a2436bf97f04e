"""Hooks of modules: functions that are called before or after ``forward``, or with its gradients.

They let a program look into a network, or change what flows through it, without changing the
network's code. A module without hooks does not pass through here.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nncourse.autograd.function import unary
from nncourse.autograd.hooks import add_hook
from nncourse.autograd.mode import recording
from nncourse.autograd.tensor import Tensor
from nncourse.ops.shape import Reshape

if TYPE_CHECKING:
    from nncourse.nn.module import Module

Hook = Callable[..., Any]
_number = itertools.count().__next__


class Hooks:
    """The hooks of one module, each with whether it wants the keyword arguments, in order."""

    def __init__(self) -> None:
        self.before: dict[int, tuple[Hook, bool]] = {}
        self.after: dict[int, tuple[Hook, bool]] = {}
        self.backward: dict[int, tuple[Hook, bool]] = {}


class ModuleHandle:
    """Takes a module's hook away, by ``remove()`` or at the end of a ``with``."""

    def __init__(self, module: Module, number: int) -> None:
        self._module = weakref.ref(module)
        self._number = number

    def remove(self) -> None:
        module = self._module()
        hooks = None if module is None else module._hooks
        if module is None or hooks is None:
            return
        kinds = hooks.before, hooks.after, hooks.backward
        for kind in kinds:
            kind.pop(self._number, None)
        if not any(kinds):
            object.__setattr__(module, "_hooks", None)

    def __enter__(self) -> ModuleHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


def register(
    module: Module, kind: str, hook: Hook, prepend: bool = False, with_kwargs: bool = False
) -> ModuleHandle:
    """Add a hook of a kind: "before", "after" or "backward"."""
    if not callable(hook):
        raise TypeError(f"a hook must be a function; got {type(hook).__name__}")
    if module._hooks is None:
        object.__setattr__(module, "_hooks", Hooks())
    number = _number()
    known = getattr(module._hooks, kind)
    entry = {number: (hook, with_kwargs)}
    object.__setattr__(module._hooks, kind, {**entry, **known} if prepend else {**known, **entry})
    return ModuleHandle(module, number)


def call(module: Module, hooks: Hooks, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``module(*args, **kwargs)`` with its hooks."""
    for hook, with_kwargs in list(hooks.before.values()):
        new = hook(module, args, kwargs) if with_kwargs else hook(module, args)
        if new is None:
            continue
        if with_kwargs:
            if not (isinstance(new, tuple) and len(new) == 2):
                raise RuntimeError(
                    "a pre-hook with keyword arguments must return None or (args, kwargs); "
                    f"got {type(new).__name__}"
                )
            args, kwargs = new
        else:
            args = new if isinstance(new, tuple) else (new,)
    watch = _Backward(module, hooks) if hooks.backward else None
    seen = args if watch is None else watch.inputs(args)
    out = module.forward(*seen, **kwargs)
    for hook, with_kwargs in list(hooks.after.values()):
        new = hook(module, args, kwargs, out) if with_kwargs else hook(module, args, out)
        out = out if new is None else new
    return out if watch is None else watch.outputs(out)


class _Backward:
    """Collects the gradients of one call of a module, and calls the hooks when they are complete.

    Inputs and results pass through gates, places in the graph where the module begins and ends.
    The last gate of the inputs to receive its gradient calls the hooks; without inputs that need
    gradients, the last gate of the results does.
    """

    def __init__(self, module: Module, hooks: Hooks) -> None:
        self.module, self.hooks = module, hooks
        self.of_inputs: list[Tensor | None] = []
        self.of_outputs: list[Tensor | None] = []
        self.gates_in = self.gates_out = self.seen = 0

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        passed = tuple([self._gate(x, self._input, i) for i, x in enumerate(args)])
        self.of_inputs = [None] * len(args)
        self.gates_in = sum(a is not b for a, b in zip(args, passed))
        return passed

    def outputs(self, out: Any) -> Any:
        several = out if isinstance(out, tuple) else (out,)
        self.of_outputs = [None] * len(several)
        passed = tuple([self._gate(x, self._output, i) for i, x in enumerate(several)])
        self.gates_out = sum(a is not b for a, b in zip(several, passed))
        return passed if isinstance(out, tuple) else passed[0]

    def _gate(self, x: Any, then: Callable[[int, Tensor], Tensor | None], place: int) -> Any:
        if not (isinstance(x, Tensor) and x.requires_grad and recording.enabled):
            return x
        passed = unary(Reshape, x, x.shape)
        assert passed._edge is not None
        add_hook(passed._edge, lambda gradient: then(place, gradient))
        return passed

    def _output(self, place: int, gradient: Tensor) -> None:
        self.of_outputs[place] = gradient
        if not self.gates_in:
            self._count(self.gates_out)

    def _input(self, place: int, gradient: Tensor) -> Tensor | None:
        self.of_inputs[place] = gradient
        self._count(self.gates_in)
        return self.of_inputs[place]

    def _count(self, gates: int) -> None:
        self.seen += 1
        if self.seen < gates:
            return
        self.seen = 0  # for another pass through the same graph
        for hook, _ in list(self.hooks.backward.values()):
            new = hook(self.module, tuple(self.of_inputs), tuple(self.of_outputs))
            if new is None:
                continue
            if self.gates_in != 1:
                raise RuntimeError(
                    "a full backward hook can replace the gradient of a module with one input that "
                    "needs gradients; return None here, or hook the tensors"
                )
            self.of_inputs = list(new) if isinstance(new, tuple) else [new]
