"""Names that were meant: what to say when an attribute is not found, or is set under a wrong name.

Reading an unknown name ends in ``__getattr__``, where the nearest known one is looked up. Setting
one cannot be watched, for that would slow down every operation. So the likely misspellings of the
few names that people set (``x.require_grad = True``) stand on the class themselves, and raise.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


def near(name: str, known: Iterable[str]) -> str:
    """ "Did you mean ...?" with the nearest of the known names, or nothing."""
    found = difflib.get_close_matches(name, [word for word in known if word[0] != "_"], 1, 0.7)
    return f" Did you mean {found[0]!r}?" if found else ""


def unknown_attribute(owner: Any, name: str) -> AttributeError:
    """The error for ``owner.name``, which does not exist."""
    for known in type(owner).__mro__:
        if isinstance(vars(known).get(name), Misspelt):
            return vars(known)[name].error(owner, type(owner))
    kind = type(owner).__name__
    hint = "" if name.startswith("_") else near(name, real_names(owner))
    return AttributeError(f"{kind!r} has no attribute {name!r}.{hint}", name=name, obj=owner)


def real_names(owner: Any) -> list[str]:
    """The names an object has, without the misspelt ones."""
    kinds = type(owner).__mro__
    wrong = {n for kind in kinds for n, value in vars(kind).items() if isinstance(value, Misspelt)}
    return [name for name in object.__dir__(owner) if name not in wrong]


class Misspelt:
    """Stands for a name that does not exist: refuses to be read or set, and names the right one."""

    def __init__(self, name: str, right: str) -> None:
        self.name, self.right = name, right

    def __get__(self, owner: Any, kind: type) -> Any:
        raise self.error(owner, kind)

    def __set__(self, owner: Any, value: Any) -> None:
        raise self.error(owner, type(owner))

    def error(self, owner: Any, kind: type) -> AttributeError:
        return AttributeError(
            f"{kind.__name__!r} has no attribute {self.name!r}. Did you mean {self.right!r}?",
            name=self.name,
            obj=owner,
        )


def guard(kind: type, right: str, *others: str) -> None:
    """Refuse the likely misspellings of a name: a letter left out, doubled, or swapped; others."""
    wrong = set(others)
    for i in range(len(right)):
        wrong.add(right[:i] + right[i + 1 :])
        wrong.add(right[: i + 1] + right[i:])
        wrong.add(right[:i] + right[i : i + 2][::-1] + right[i + 2 :])
    for name in sorted(wrong - {right}):
        if not hasattr(kind, name):
            setattr(kind, name, Misspelt(name, right))
