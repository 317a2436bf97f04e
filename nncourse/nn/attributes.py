"""What a module owns: the parameters, buffers and modules among its attributes.

This is the part of ``Module`` that watches attributes as they are set, so that what belongs to the
network is found again, in order, and what could not be found is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from nncourse.autograd.names import near
from nncourse.autograd.tensor import Tensor
from nncourse.nn.misspelling import misspelt
from nncourse.nn.parameter import Parameter


class _BuiltOnce(type):
    """Notes when the constructors are through: from then on a new attribute may be a typo."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        module = super().__call__(*args, **kwargs)
        object.__setattr__(module, "_built", True)
        return module


class Owner(metaclass=_BuiltOnce):
    """Base of ``Module``: an object that finds what it owns by looking through its attributes."""

    _built: bool = False
    # The names of buffers, and whether each belongs to the state that is saved.
    _buffers: Mapping[str, bool] = MappingProxyType({})

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make ``self.name`` a buffer: a tensor that moves with the module but is not learned.

        persistent: does it belong to ``state_dict()``? A buffer may be None until it is set.
        """
        if tensor is not None and (not isinstance(tensor, Tensor) or isinstance(tensor, Parameter)):
            raise TypeError(
                f"register_buffer({name!r}): a buffer is a tensor or None; got "
                f"{type(tensor).__name__}" + _wrapped(tensor)
            )
        if name not in self._buffers:
            self._check_new("buffer", name)
        object.__setattr__(self, "_buffers", {**self._buffers, name: bool(persistent)})
        object.__setattr__(self, name, tensor)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make ``self.name`` a parameter, or None where there is none: as ``self.name = param``."""
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"register_parameter({name!r}): expected nn.Parameter(...) or None; got "
                f"{type(param).__name__}"
            )
        if not isinstance(self.__dict__.get(name), Parameter):
            self._check_new("parameter", name)
        object.__setattr__(self, name, param)

    def add_module(self, name: str, module: Any) -> None:
        """Make ``self.name`` a module inside this one: as ``self.name = module``."""
        if module is not None and not isinstance(module, Owner):
            hint = (
                " Did you forget to call it, as in nn.ReLU()?" if isinstance(module, type) else ""
            )
            if isinstance(module, list | tuple):
                hint = " Unpack the list: Sequential(*modules)"
            raise TypeError(f"{type(self).__name__} holds modules; got {module!r}.{hint}")
        if not isinstance(self.__dict__.get(name), Owner):
            self._check_new("module", name)
        object.__setattr__(self, name, module)

    register_module = add_module

    def _check_new(self, what: str, name: Any) -> None:
        """Raise if the name cannot be that of a new buffer, parameter or module."""
        if not isinstance(name, str):
            raise TypeError(f"the name of a {what} is a str; got {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f"the name of a {what} cannot be empty or have a dot in it: {name!r}")
        if self.__dict__.get(name) is not None or hasattr(type(self), name):
            raise KeyError(f"{type(self).__name__} has an attribute {name!r} already")

    def _parts(self, saved_only: bool = False) -> Iterator[tuple[str, Any]]:
        """Parameters, buffers and modules among the attributes, in order; repeated ones again.

        saved_only: without the buffers that are not persistent.
        """
        buffers = self._buffers
        for name, value in self.__dict__.items():
            if name in buffers:
                if value is not None and (buffers[name] or not saved_only):
                    yield name, value
            elif isinstance(value, _OWNED):
                yield name, value
            elif isinstance(value, _HOLDERS):
                yield from found(name, value)

    # Attributes and their typos

    def __getattr__(self, name: str) -> Any:
        # Reached only when the name is not found.
        known = [*self.__dict__, *dir(type(self))]
        hint = "" if name.startswith("_") else near(name, known)
        kind = type(self).__name__
        raise AttributeError(f"{kind!r} has no attribute {name!r}.{hint}", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, set | frozenset) and any(found(name, list(value))):
            raise TypeError(
                f"{type(self).__name__}.{name}: a set of modules or parameters has no fixed order; "
                "use a list or a dict"
            )
        if isinstance(value, Iterator):
            raise TypeError(
                f"{type(self).__name__}.{name}: modules inside an iterator could not be found "
                "again; make a list of it"
            )
        if name in self.__dict__:
            self._check_kind(name, value)
        elif self._built and not hasattr(type(self), name):
            owned = [part.split(".")[0] for part, _ in self._parts()]
            if meant := misspelt(name, owned):
                raise AttributeError(
                    f"{type(self).__name__!r} has no attribute {name!r} to overwrite. Did you mean "
                    f"{meant!r}? A new attribute with so similar a name is set in __init__",
                    name=name,
                    obj=self,
                )
        object.__setattr__(self, name, value)

    def _check_kind(self, name: str, value: Any) -> None:
        """Raise where a part of the network would be overwritten by something that is none."""
        if isinstance(value, Parameter | Owner):
            if name in self._buffers:
                self._forget_buffer(name)
        elif value is None:
            pass
        elif name in self._buffers:
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"{type(self).__name__}.{name} is a buffer, so it must be a tensor or None; "
                    f"got {type(value).__name__}. Make a tensor of it: nnc.tensor(...)"
                )
        elif isinstance(self.__dict__[name], Parameter):
            raise TypeError(
                f"{type(self).__name__}.{name} is a parameter; {type(value).__name__} would take "
                "its place, and nothing would be learned. Wrap it, nn.Parameter(...), or copy the "
                f"values in: with no_grad(): module.{name}.copy_(...)"
            )
        elif isinstance(self.__dict__[name], Owner):
            raise TypeError(
                f"{type(self).__name__}.{name} is a module; got {type(value).__name__} to take its "
                "place"
            )

    def _forget_buffer(self, name: str) -> None:
        left = {key: kept for key, kept in self._buffers.items() if key != name}
        object.__setattr__(self, "_buffers", left)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        if name in self._buffers:
            self._forget_buffer(name)

    def __dir__(self) -> list[str]:
        # Modules in a Sequential are called "0", "1", ...: no names for completion after a dot.
        return [name for name in object.__dir__(self) if name.isidentifier()]


_OWNED = (Parameter, Owner)
_HOLDERS = (list, tuple, dict)


def found(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The parameters and modules in a value: the value itself, or inside lists, tuples, dicts."""
    if isinstance(value, _OWNED):
        yield name, value
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from found(f"{name}.{i}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from found(f"{name}.{key}", item)


def _wrapped(tensor: Any) -> str:
    if isinstance(tensor, Parameter):
        return ". A parameter is learned: set it as an attribute, or pass param.detach()"
    return ". Make a tensor of it: nnc.tensor(...)"
