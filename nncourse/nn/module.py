"""Modules: parts of a network that own their parameters.

A module is a class with a ``forward`` method and parameters or other modules as attributes. What
it owns is found by looking through its attributes in the order in which they were set, inside
lists, tuples and dicts as well; parameters and modules need not be registered. A tensor that is to
be kept with them but is not learned is a *buffer*: ``register_buffer`` makes one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from nncourse.autograd.names import near
from nncourse.autograd.tensor import Tensor
from nncourse.dtypes import float16, float32, float64
from nncourse.nn import conversion
from nncourse.nn.attributes import Owner
from nncourse.nn.module_hooks import Hook, Hooks, ModuleHandle, call, register
from nncourse.nn.parameter import Parameter
from nncourse.nn.state import Mismatch, load

M = TypeVar("M", bound="Module")


class Module(Owner):
    """Base of all networks and layers.

    Subclasses set their parts in ``__init__`` and compute in ``forward``:

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.hidden = nn.Linear(64, 32)
                self.out = nn.Linear(32, 10)

            def forward(self, x):
                return self.out(self.hidden(x).tanh())
    """

    training: bool = True
    _hooks: Hooks | None = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result. Call the module itself, ``module(x)``, rather than this."""
        raise NotImplementedError(
            f"{type(self).__name__} has no forward(); write what it computes as "
            "def forward(self, x): ..."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._hooks is None:
            return self.forward(*args, **kwargs)
        return call(self, self._hooks, args, kwargs)

    # What it owns

    def children(self) -> Iterator[Module]:
        """The modules directly inside."""
        for _, module in self.named_children():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly inside, with their names, each once."""
        seen: set[int] = set()
        for name, part in self._parts():
            if isinstance(part, Module) and id(part) not in seen:
                seen.add(id(part))
                yield name, part

    def modules(self) -> Iterator[Module]:
        """This module and all inside it."""
        for _, module in self.named_modules():
            yield module

    def named_modules(
        self, memo: set[int] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all inside it, with dotted names; each once, or under all its names.

        memo: the ids of modules to be left out.
        """
        seen = set() if memo is None else memo
        if id(self) in seen:
            return
        seen.add(id(self))
        yield prefix, self
        for name, part in self._parts():
            if isinstance(part, Module):
                whole = f"{prefix}.{name}" if prefix else name
                # Without the modules that this one is in, the walk would not end in a cycle.
                others = seen if remove_duplicate else set(seen)
                yield from part.named_modules(others, whole, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once; without ``recurse`` those of this module alone."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """All parameters with dotted names; a shared one under its first name, or under all."""
        yield from self._tensors(True, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """All buffers, each once: tensors that are kept but not learned."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """All buffers with dotted names; a shared one under its first name, or under all."""
        yield from self._tensors(False, prefix, recurse, remove_duplicate)

    def _tensors(self, learned: bool, prefix: str, recurse: bool, once: bool) -> Iterator[Any]:
        seen: set[int] = set()
        for name, tensor in self._walk(prefix and prefix + ".", recurse):
            if isinstance(tensor, Parameter) is not learned or (once and id(tensor) in seen):
                continue
            seen.add(id(tensor))
            yield name, tensor

    def _walk(
        self,
        prefix: str,
        recurse: bool = True,
        saved_only: bool = False,
        inside: frozenset[int] = frozenset(),
    ) -> Iterator[tuple[str, Any]]:
        """All parameters and buffers under all their names, shared ones several times."""
        # A module that refers back to the one that holds it would be walked for ever.
        if id(self) in inside:
            return
        inside = inside | {id(self)}
        for name, part in self._parts(saved_only):
            if not isinstance(part, Module):
                yield prefix + name, part
            elif recurse:
                yield from part._walk(f"{prefix}{name}.", True, saved_only, inside)

    def get_submodule(self, target: str) -> Module:
        """The module of a dotted name; "" is this one."""
        return self._lookup("module", target, self.named_modules(remove_duplicate=False))

    def get_parameter(self, target: str) -> Parameter:
        """The parameter of a dotted name."""
        return self._lookup("parameter", target, self.named_parameters(remove_duplicate=False))

    def get_buffer(self, target: str) -> Tensor:
        """The buffer of a dotted name."""
        return self._lookup("buffer", target, self.named_buffers(remove_duplicate=False))

    def _lookup(self, what: str, target: str, known: Iterator[tuple[str, Any]]) -> Any:
        parts = dict(known)
        if target not in parts:
            hint = near(target, [name for name in parts if name])
            raise AttributeError(f"{type(self).__name__} has no {what} {target!r}.{hint}")
        return parts[target]

    # What can be done with all of it

    def apply(self: M, fn: Callable[[Module], Any]) -> M:
        """Call ``fn`` on every module inside and then on this one. Returns the module."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self: M, mode: bool = True) -> M:
        """Switch to training behaviour (of dropout, batch normalisation), or away from it."""
        for module in self.modules():
            object.__setattr__(module, "training", bool(mode))
        return self

    def eval(self: M) -> M:
        """Switch to the behaviour used for predictions."""
        return self.train(False)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad.zero_()

    def requires_grad_(self: M, requires_grad: bool = True) -> M:
        """Freeze all parameters with False, thaw them with True. Returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def to(self: M, *args: Any, **kwargs: Any) -> M:
        """Move to a device, or change the type of all numbers with fractions: returns the module.

        ``to(dtype)``, ``to(device)``, ``to(device, dtype)``, ``to(tensor)``: to the tensor's. The
        parameters and buffers stay the same objects, so optimisers made before remain valid.
        """
        conversion.to(self, *args, **kwargs)
        return self

    def float(self: M) -> M:
        """Turn parameters and buffers with fractions into float32."""
        return self.to(float32)

    def double(self: M) -> M:
        """Turn parameters and buffers with fractions into float64."""
        return self.to(float64)

    def half(self: M) -> M:
        """Turn them into float16, which takes half the memory; NumPy computes slowly with it."""
        return self.to(float16)

    def cpu(self: M) -> M:
        """Move to the processor's memory."""
        return self.to("cpu")

    def cuda(self: M, device: Any = None) -> M:
        """Move to a graphics card: the current one, or of a number."""
        return self.to("cuda" if device is None else device)

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Any]:
        """All parameters and persistent buffers by name, as tensors that share memory with them.

        keep_vars: the parameters themselves, rather than tensors without gradients.
        """
        named = self._walk(prefix, saved_only=True)
        return {name: tensor if keep_vars else tensor.detach() for name, tensor in named}

    def load_state_dict(self, state_dict: dict[str, Any], strict: bool = True) -> Mismatch:
        """Overwrite parameters and buffers with the values of equal name.

        With ``strict``, names must agree. Nothing is changed if anything does not fit.
        """
        return load(self, state_dict, strict)

    # Hooks

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> ModuleHandle:
        """Have ``hook(module, args)`` called before ``forward``; what it returns replaces args.

        with_kwargs: ``hook(module, args, kwargs)``, which returns None or (args, kwargs). The hook
        goes with ``remove()`` of what is returned here.
        """
        return register(self, "before", hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> ModuleHandle:
        """Have ``hook(module, args, output)`` called after ``forward``.

        What it returns, unless None, replaces the output. with_kwargs: ``hook(module, args, kwargs,
        output)``.
        """
        return register(self, "after", hook, prepend, with_kwargs)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> ModuleHandle:
        """Have ``hook(module, grad_input, grad_output)`` called in every backward pass.

        Both are tuples with the gradients of the positional inputs and of the results, None where
        there is none. What it returns, unless None, replaces grad_input, if there is one input.
        """
        return register(self, "backward", hook, prepend)

    # How it looks

    def extra_repr(self) -> str:
        """What stands between the parentheses of the module's repr."""
        return ""

    def __repr__(self) -> str:
        lines = [
            f"({name}): " + repr(part).replace("\n", "\n  ")
            for name, part in self._parts()
            if isinstance(part, Module)
        ]
        extra = self.extra_repr()
        if not lines:
            return f"{type(self).__name__}({extra})"
        body = "".join(f"  {line}\n" for line in ([extra] if extra else []) + lines)
        return f"{type(self).__name__}(\n{body})"
