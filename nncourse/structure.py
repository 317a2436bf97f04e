"""Nested values taken apart into tensors by name and a text, and put together again.

An optimiser's state is a dict of dicts with lists in them; a file of weights holds tensors by name
and texts. ``pack`` gives every tensor a dotted name that says where it stood ("optimizer.state.0.
exp_avg") and writes down the rest as JSON, with marks where tensors were; ``unpack`` is the way
back. The JSON is read as data: it can name no class and no function.

    [..]                    list
    {"tuple": [..]}         tuple
    {"dict": [[k, v], ..]}  dict, in order; keys are texts, numbers, booleans or None, or tuples
    {"tensor": name}        tensor; {"array": name}: NumPy array
    {"float": "inf"}        numbers that JSON lacks
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy

from nncourse.autograd.tensor import Tensor

KEY = "nncourse.structure"  # the name of the text in a file


def pack(obj: Any) -> tuple[dict[str, Any], str | None]:
    """Tensors and arrays by name, and the rest as JSON; None for a dict of tensors alone."""
    if isinstance(obj, Mapping) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in obj.items()
    ):
        return dict(obj), None
    tensors: dict[str, Any] = {}
    structure = _taken_apart(obj, "", tensors, ())
    return tensors, json.dumps(structure, ensure_ascii=False, separators=(",", ":"))


def unpack(tensors: Mapping[str, Tensor], structure: str) -> Any:
    """The value that ``pack`` took apart. Raises ValueError or KeyError for a damaged text."""
    return _put_together(json.loads(structure), tensors)


def _taken_apart(value: Any, path: str, tensors: dict[str, Any], inside: tuple[int, ...]) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numpy.generic):
        value = value.item()
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": repr(float(value))}
    if isinstance(value, Tensor | numpy.ndarray):
        name = path or "value"
        while name in tensors:  # the keys 1 and "1", or "a.b" and "a" with "b" inside
            name += "_"
        tensors[name] = value
        return {"tensor" if isinstance(value, Tensor) else "array": name}
    if id(value) in inside:
        raise ValueError(f"{path or 'the value'} contains itself and cannot be saved")
    inside = (*inside, id(value))
    start = path + "." if path else ""
    if isinstance(value, Mapping):
        return {
            "dict": [
                [
                    _taken_apart(key, path, {}, inside) if _is_key(key) else _refused(key, path),
                    _taken_apart(item, f"{start}{key}", tensors, inside),
                ]
                for key, item in value.items()
            ]
        }
    if isinstance(value, list | tuple):
        items = [_taken_apart(v, f"{start}{i}", tensors, inside) for i, v in enumerate(value)]
        return {"tuple": items} if isinstance(value, tuple) else items
    return _refused(value, path)


def _is_key(key: Any) -> bool:
    if isinstance(key, tuple):
        return all(_is_key(part) for part in key)
    return key is None or isinstance(key, str | int | float | bool)


def _refused(value: Any, path: str) -> Any:
    hint = ""
    if hasattr(value, "state_dict"):
        hint = "; save its .state_dict()"
    elif isinstance(value, set | frozenset):
        hint = "; save a sorted list"
    raise TypeError(
        f"{path or 'the value'}: only tensors, arrays, numbers, texts, None and dicts, lists and "
        f"tuples of these can be saved; got {type(value).__name__}{hint}"
    )


def _put_together(node: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(node, list):
        return [_put_together(item, tensors) for item in node]
    if not isinstance(node, dict):
        return node
    if len(node) != 1:
        raise ValueError(f"a mark has one name; got {sorted(node)[:5]}")
    ((kind, value),) = node.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "array":
        return tensors[value].numpy()
    if kind == "float" and value in ("inf", "-inf", "nan"):
        return float(value)
    if kind == "tuple" and isinstance(value, list):
        return tuple([_put_together(item, tensors) for item in value])
    if kind == "dict" and isinstance(value, list):
        return {_put_together(key, tensors): _put_together(item, tensors) for key, item in value}
    raise ValueError(f"unknown mark {kind!r}")
