"""matplotlib is there for every session, and is loaded only in one that draws."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nncourse.grading.sandbox import Sandbox
from tests.conftest import find_tool

IMPORTS = """
import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib import pyplot as again
import sys

def loaded():
    return "matplotlib.figure" in sys.modules
"""


def test_what_else_to_load_is_asked_while_the_warm_process_starts(cache: Path) -> None:
    find_tool("bwrap", "to run cells in a sandbox")
    asked = []

    def then() -> tuple[list[str], list[str]]:
        asked.append(sandbox.alive)
        return ["colorsys"], []

    options: dict[str, Any] = {
        "withheld": ["nncourse"],
        "packages": ["numpy"],
        "preload": [],
    }
    sandbox = Sandbox(**options, then=then, cache=cache)
    with sandbox:
        for starts in (1, 2):
            with sandbox.session() as session:
                result = session.run_cell("import gc, sys\nprint(gc.isenabled(), *sys.modules)")
                assert result.output.startswith("True ")
                assert "colorsys" in result.output.split()
            assert asked == [True] * starts
            sandbox.close()


def test_a_deferred_module_is_loaded_when_it_is_used(cache: Path) -> None:
    find_tool("bwrap", "to run cells in a sandbox")
    deferred = ["matplotlib", "matplotlib.pyplot", "not_there", "not_there.at_all"]
    with Sandbox(preload=["numpy"], then=lambda: ([], deferred), cache=cache) as sandbox:
        with sandbox.session() as session:
            assert session.run_cell(IMPORTS).error is None
            assert session.call("loaded") is False
            drawn = session.run_cell(
                "fig, ax = plt.subplots()\nax.plot([1, 2])\nfig.canvas.draw()\n"
                "print(again is plt is mpl.pyplot, len(plt.get_fignums()), mpl.rcParams['backend'])"
            )
            assert drawn.error is None
            assert drawn.output == "True 1 agg\n"
            assert session.call("loaded") is True
            assert session.run_cell("print(plt.get_fignums())").output == "[]\n"
            assert "not_there" in str(session.run_cell("import not_there").error)
        with sandbox.session() as session:
            session.run_cell(IMPORTS)
            assert session.call("loaded") is False
            assert session.run_cell("from matplotlib.colors import to_rgb").error is None
            assert session.run_cell("print(to_rgb('red'))").output == "(1.0, 0.0, 0.0)\n"
            error = session.run_cell("plt.not_a_function").error
            assert error is not None
            assert error.kind == "AttributeError"


@pytest.mark.parametrize("deferred", [False, True])
def test_wherever_a_notebook_wants_to_draw_nothing_fails(cache: Path, deferred: bool) -> None:
    find_tool("bwrap", "to run cells in a sandbox")
    pyplot = ["matplotlib", "matplotlib.pyplot"]
    then = ([], pyplot) if deferred else (pyplot, [])
    wishes = [
        "import matplotlib\nmatplotlib.use('nbAgg')",
        "from matplotlib import use\nuse('TkAgg')",
    ]
    wishes += ["import matplotlib\nmatplotlib.use('module://ipympl.backend_nbagg', force=True)"]
    wishes += ["import matplotlib as mpl\nmpl.rcParams['backend'] = 'QtAgg'"]
    wishes += [f"import matplotlib.pyplot as p\np.switch_backend({name!r})" for name in ("tk", "x")]
    with Sandbox(preload=["numpy"], then=lambda: then, cache=cache) as sandbox:
        for wish in wishes:
            with sandbox.session() as session:
                draws = "\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('a.png')"
                assert session.run_cell(wish + draws).error is None
