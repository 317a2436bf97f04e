"""The state of a module taken from a dict: all of it, or nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nncourse.autograd.mode import no_grad
from nncourse.autograd.names import near

if TYPE_CHECKING:
    from nncourse.nn.module import Module


class Mismatch(NamedTuple):
    """Names that ``load_state_dict`` missed in the dict, and names that it could not place."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def load(module: Module, state: dict[str, Any], strict: bool) -> Mismatch:
    """Overwrite parameters and buffers with the values of equal name."""
    own = module.state_dict(keep_vars=True)
    missing = [name for name in own if name not in state]
    unexpected = [name for name in state if name not in own]
    problems = []
    if strict and missing:
        problems.append(f"missing: {', '.join(missing)}")
    if strict and unexpected:
        hints = [name + near(name, missing).replace(" Did", " (did") for name in unexpected]
        hints = [hint + ")" if hint.endswith("?") else hint for hint in hints]
        problems.append(f"not in the module: {', '.join(hints)}")
    for name, tensor in own.items():
        if name in state and tuple(state[name].shape) != tensor.shape:
            problems.append(
                f"{name}: shape {tuple(state[name].shape)} in the dict, {tensor.shape} in the "
                "module"
            )
    if problems:
        raise RuntimeError(
            f"load_state_dict of {type(module).__name__}:\n  " + "\n  ".join(problems)
        )
    with no_grad():
        for name, tensor in own.items():
            if name in state:
                tensor.copy_(state[name])
    return Mismatch(missing, unexpected)
