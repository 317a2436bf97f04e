"""All random generators that a program may draw from: their states, to be kept and restored.

A training that is to go on exactly where it was, and a look at a model that is to leave no trace,
need more than the default generator. A loader may have a generator of its own, a layer or a data
set of the user another; and code that the library knows nothing about draws from Python's and
NumPy's global ones. Generators in attributes, lists and dicts are found; one that is only inside a
closure is not.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any

from nncourse.autograd.tensor import Tensor
from nncourse.backend import ndarray
from nncourse.random import Generator, default_generator

_LONGEST = 1000  # a longer list holds data, not parts of a program


def find_generators(**roots: Any) -> dict[str, Any]:
    """Generators reachable from the given objects, each once, by the path to it."""
    found: dict[str, Any] = {}
    seen = {id(default_generator)}
    waiting = list(reversed(roots.items()))
    while waiting:
        path, value = waiting.pop()
        if id(value) in seen or isinstance(value, _LEAVES):
            continue
        seen.add(id(value))
        if _kind(value):
            found[path] = value
        else:
            waiting += reversed([(f"{path}.{name}", part) for name, part in _inside(value)])
    return found


def _inside(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, list | tuple):
        yield from enumerate(value) if len(value) <= _LONGEST else ()
    elif isinstance(value, dict):
        yield from list(value.items()) if len(value) <= _LONGEST else ()
    else:
        yield from list(getattr(value, "__dict__", {}).items())


_LEAVES = (Tensor, ndarray, str, bytes, int, float, type, type(None), FunctionType, ModuleType)


def _kind(value: Any) -> str | None:
    if isinstance(value, Generator):
        return "nncourse"
    if isinstance(value, random.Random):
        return "python"
    if type(value).__module__.startswith("numpy.random"):
        name = type(value).__name__
        return {"Generator": "numpy", "RandomState": "legacy"}.get(name)
    return None


def random_states(found: dict[str, Any] | None = None) -> dict[str, Any]:
    """The states of the default generators, and of those that ``find_generators`` returned."""
    states: dict[str, Any] = {"default": default_generator.get_state()}
    states["python"] = random.getstate()
    if "numpy.random" in sys.modules:  # who has not imported it has drawn nothing from it
        states["numpy"] = sys.modules["numpy.random"].get_state(legacy=False)
    states["found"] = {path: _state(generator) for path, generator in (found or {}).items()}
    return states


def set_random_states(states: dict[str, Any], found: dict[str, Any] | None = None) -> None:
    """Put all generators back; ValueError if those now found are not those of the states."""
    own = found or {}
    if own.keys() != states["found"].keys():
        raise ValueError(
            f"the program has other random generators than when its state was saved: then "
            f"{sorted(states['found']) or 'none'}, now {sorted(own) or 'none'}"
        )
    default_generator.set_state(states["default"])
    random.setstate(states["python"])
    if "numpy" in states:
        import numpy.random

        numpy.random.set_state(states["numpy"])  # noqa: NPY002 - what others draw from
    for path, generator in own.items():
        _set_state(generator, states["found"][path])


def _state(generator: Any) -> Any:
    kind = _kind(generator)
    if kind == "nncourse":
        return generator.get_state()
    if kind == "python":
        return generator.getstate()
    return generator.bit_generator.state if kind == "numpy" else generator.get_state(legacy=False)


def _set_state(generator: Any, state: Any) -> None:
    kind = _kind(generator)
    if kind == "python":
        generator.setstate(state)
    elif kind == "numpy":
        generator.bit_generator.state = state
    else:
        generator.set_state(state)


@contextmanager
def untouched_generators(**roots: Any) -> Iterator[None]:
    """Inside, anything may be drawn; afterwards all generators are as they were."""
    found = find_generators(**roots)
    states = random_states(found)
    try:
        yield
    finally:
        set_random_states(states, found)
