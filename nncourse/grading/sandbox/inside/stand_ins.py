"""What a kernel and its notebook offer, in a graded session: nothing is shown, and nothing fails.

Students import ``IPython.display``, progress bars, widgets and pictures around their answers.
Loading these would cost more than grading does, and there is nobody to look. So their names stand
for things that take whatever is done to them. Where the rules of an exercise allow the real
package, that is found first.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

ROOTS = {"IPython", "ipympl", "ipywidgets", "matplotlib_inline", "nncourse.widgets", "tqdm"}
ROOTS |= {"altair", "bokeh", "google.colab", "plotly", "seaborn"}
STARRED = {
    "IPython.display": "display clear_output HTML Markdown Math Latex Image SVG Audio Video IFrame",
    "ipywidgets": "interact interactive interactive_output interact_manual fixed widgets Layout "
    "IntSlider FloatSlider FloatLogSlider IntProgress FloatProgress BoundedIntText IntText Text "
    "BoundedFloatText FloatText Textarea Checkbox ToggleButton ToggleButtons Dropdown RadioButtons "
    "Select SelectionSlider Button Play HTML HTMLMath Label Output Box HBox VBox GridBox Accordion "
    "Tab jslink jsdlink link dlink",
}


class Nothing:
    """Has every attribute, can be called, entered, and gone over: nothing comes of it.

    Called as a decorator, or as ``interact(f, ...)``, it gives the function back. What it was
    called with by name are its attributes: a slider has its ``value``.
    """

    def __init__(self, *arguments: Any, **attributes: Any) -> None:
        vars(self).update(attributes)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{name} is not there in a graded session")
        return Nothing()

    def __call__(self, *arguments: Any, **attributes: Any) -> Any:
        if arguments and callable(arguments[0]) and not isinstance(arguments[0], Nothing):
            return arguments[0]
        return Nothing(**attributes)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type, ...]:
        return (Nothing,)

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __contains__(self, item: object) -> bool:
        return False

    def __getitem__(self, key: object) -> Nothing:
        return Nothing()

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return ""


class Display(Nothing):
    """The function ``display``, and the module of that name: it prints what it is given."""

    def __call__(self, *values: Any, display_id: Any = None, **options: Any) -> Any:
        for value in values:
            if not isinstance(value, Nothing):
                print(repr(value))
        return Nothing() if display_id else None

    @property
    def display(self) -> Display:
        """Of the module."""
        return self


class tqdm(Nothing):
    """A progress bar that goes over what it is given."""

    n = 0
    write = staticmethod(print)

    def __init__(self, iterable: Any = (), *arguments: Any, **options: Any) -> None:
        super().__init__(**options)
        self.iterable = iterable

    def __iter__(self) -> Iterator[Any]:
        return iter(self.iterable)

    def __contains__(self, item: object) -> bool:
        return item in self.iterable

    def __len__(self) -> int:
        return len(self.iterable)


def trange(*arguments: int, **options: Any) -> tqdm:
    """A bar over a range."""
    return tqdm(range(*arguments), **options)


# A kernel has them without an import.
display = Display()
NAMES = {"display": display, "get_ipython": Nothing, "exit": Nothing(), "quit": Nothing()}
KNOWN = {**NAMES, "interactive": Nothing, "interactive_output": Nothing}
BARS = {"tqdm": tqdm, "tqdm_notebook": tqdm, "trange": trange, "tnrange": trange}


class StandIn(types.ModuleType):
    """A module in which every name is there; of progress bars, their own names."""

    version_info = (9, 0, 0)  # matplotlib looks for that of IPython
    __version__ = "9.0.0"

    def __getattr__(self, name: str) -> Any:
        bars = self.__name__.partition(".")[0] == "tqdm"
        if bars and name in BARS:
            return BARS[name]
        if bars or name.startswith("_"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return KNOWN[name] if name in KNOWN else Nothing()


class StandIns(MetaPathFinder, Loader):
    """Finds these modules where nothing else does."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Of a module below one of the roots, as of a package: there may be more below it."""
        below = any(name == root or name.startswith(root + ".") for root in ROOTS)
        if below or name == "google":  # above google.colab
            return ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: ModuleSpec) -> StandIn:
        """It is empty."""
        module = StandIn(spec.name)
        if spec.name in STARRED:
            module.__dict__["__all__"] = STARRED[spec.name].split()
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Nothing to run."""


def install() -> None:
    """For the rest of this process, which must be a session's."""
    sys.meta_path.append(StandIns())
