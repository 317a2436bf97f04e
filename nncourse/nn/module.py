"""Modules: parts of a network that own their parameters.

A module is a class with a ``forward`` method and parameters or other modules as attributes. What
it owns is found by looking through its attributes in the order in which they were set, inside
lists, tuples and dicts as well; nothing has to be registered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from nncourse.autograd.names import near
from nncourse.autograd.tensor import Tensor
from nncourse.nn.parameter import Parameter

M = TypeVar("M", bound="Module")


class Mismatch(NamedTuple):
    """Names that ``load_state_dict`` missed in the dict, and names that it could not place."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class _ModuleMeta(type):
    """Notes when the constructors are through: from then on a new attribute may be a typo."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        module = super().__call__(*args, **kwargs)
        object.__setattr__(module, "_built", True)
        return module


class Module(metaclass=_ModuleMeta):
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
    _built: bool = False

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result. Call the module itself, ``module(x)``, rather than this."""
        raise NotImplementedError(
            f"{type(self).__name__} has no forward(); write what it computes as "
            "def forward(self, x): ..."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    # What it owns

    def _parts(self) -> Iterator[tuple[str, Any]]:
        """Parameters and modules among the attributes, by name, in order; repeated ones again."""
        for name, value in self.__dict__.items():
            yield from _found(name, value)

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
        self, prefix: str = "", _seen: set[int] | None = None
    ) -> Iterator[tuple[str, Module]]:
        """This module and all inside it, with dotted names, each once."""
        seen = set() if _seen is None else _seen
        if id(self) in seen:
            return
        seen.add(id(self))
        yield prefix, self
        for name, part in self._parts():
            if isinstance(part, Module):
                yield from part.named_modules(f"{prefix}.{name}" if prefix else name, seen)

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, each once."""
        for _, parameter in self.named_parameters():
            yield parameter

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters with dotted names, a shared one once, under its first name."""
        seen: set[int] = set()
        for name, parameter in self._every_parameter():
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def _every_parameter(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters under all their names, shared ones several times."""
        yield from self._walk("", set())

    def _walk(self, prefix: str, inside: set[int]) -> Iterator[tuple[str, Parameter]]:
        # A module that refers back to the one that holds it would be walked for ever.
        if id(self) in inside:
            return
        inside = inside | {id(self)}
        for name, part in self._parts():
            if isinstance(part, Module):
                yield from part._walk(f"{prefix}{name}.", inside)
            else:
                yield prefix + name, part

    # What can be done with all of it

    def apply(self: M, function: Callable[[Module], Any]) -> M:
        """Call ``function`` on every module inside and then on this one. Returns the module."""
        for child in self.children():
            child.apply(function)
        function(self)
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

    def state_dict(self) -> dict[str, Tensor]:
        """All parameters by name, as tensors that share memory with them."""
        return {name: parameter.detach() for name, parameter in self._every_parameter()}

    def load_state_dict(self, state_dict: dict[str, Any], strict: bool = True) -> Mismatch:
        """Overwrite parameters with the values of equal name; with ``strict``, names must agree.

        Nothing is changed if anything does not fit.
        """
        own = dict(self._every_parameter())
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        problems = []
        if strict and missing:
            problems.append(f"missing: {', '.join(missing)}")
        if strict and unexpected:
            hints = [name + near(name, missing).replace(" Did", " (did") for name in unexpected]
            hints = [hint + ")" if hint.endswith("?") else hint for hint in hints]
            problems.append(f"not in the module: {', '.join(hints)}")
        for name, parameter in own.items():
            if name in state_dict and tuple(state_dict[name].shape) != parameter.shape:
                problems.append(
                    f"{name}: shape {tuple(state_dict[name].shape)} in the dict, "
                    f"{parameter.shape} in the module"
                )
        if problems:
            raise RuntimeError(
                f"load_state_dict of {type(self).__name__}:\n  " + "\n  ".join(problems)
            )
        from nncourse.autograd.mode import no_grad

        with no_grad():
            for name, parameter in own.items():
                if name in state_dict:
                    parameter.copy_(state_dict[name])
        return Mismatch(missing, unexpected)

    # Attributes and their typos

    def __getattr__(self, name: str) -> Any:
        # Reached only when the name is not found.
        known = [*self.__dict__, *dir(type(self))]
        hint = "" if name.startswith("_") else near(name, known)
        kind = type(self).__name__
        raise AttributeError(f"{kind!r} has no attribute {name!r}.{hint}", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, set | frozenset) and any(_found(name, list(value))):
            raise TypeError(
                f"{type(self).__name__}.{name}: a set of modules or parameters has no fixed order; "
                "use a list or a dict"
            )
        if isinstance(value, Iterator):
            raise TypeError(
                f"{type(self).__name__}.{name}: modules inside an iterator could not be found "
                "again; make a list of it"
            )
        if self._built and name not in self.__dict__ and not hasattr(type(self), name):
            owned = [part.split(".")[0] for part, _ in self._parts()]
            if meant := _misspelt(name, owned):
                raise AttributeError(
                    f"{type(self).__name__!r} has no attribute {name!r} to overwrite. Did you mean "
                    f"{meant!r}? A new attribute with so similar a name is set in __init__",
                    name=name,
                    obj=self,
                )
        object.__setattr__(self, name, value)

    # How it looks

    def extra_repr(self) -> str:
        """What stands between the parentheses of the module's repr."""
        return ""

    def __repr__(self) -> str:
        lines = [
            f"({name}): " + repr(child).replace("\n", "\n  ")
            for name, child in self.named_children()
        ]
        extra = self.extra_repr()
        if not lines:
            return f"{type(self).__name__}({extra})"
        body = "".join(f"  {line}\n" for line in ([extra] if extra else []) + lines)
        return f"{type(self).__name__}(\n{body})"


def _found(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Parameter | Module):
        yield name, value
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from _found(f"{name}.{i}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _found(f"{name}.{key}", item)


def _misspelt(name: str, known: list[str]) -> str | None:
    """The known name that differs by one slip of the pen: a letter more, less, other, or swapped.

    layer1 and layer2 differ by intention: names that are equal but for digits are not slips.
    """
    letters = name.rstrip("0123456789")
    for word in known:
        by_intention = word.rstrip("0123456789") == letters or min(len(word), len(name)) < 4
        if not by_intention and _one_slip(name, word):
            return word
    return None


def _one_slip(a: str, b: str) -> bool:
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    a, b = a[start:], b[start:]
    if a[1:] == b[1:] or a[1:] == b or a == b[1:]:
        return True
    return a[:2] == b[:2][::-1] and a[2:] == b[2:]
