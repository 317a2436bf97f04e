"""Pictures of recurrent networks: kinds of tasks, a cliff of the loss, forecasts of a series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nncourse.language import catalogue
from nncourse.plots import style

_ = catalogue("plots")

# Which steps read an input and which give an output, by the kind of a task.
_TASKS = {
    "one to many": ("1000", "1111"),
    "many to one": ("1111", "0001"),
    "step by step": ("1111", "1111"),
    "reads, then writes": ("11100", "00111"),
}


@style.styled
def sequence_tasks(axes: Any = None) -> Any:
    """Four kinds of tasks for a network with a state: where inputs enter and outputs leave."""
    if axes is None:
        axes = style.make_axes(9.5, 2.3, ncols=len(_TASKS))
    names = (_("one to many"), _("many to one"), _("step by step"), _("reads, then writes"))
    rows = ((0, "x", style.BLUE), (1, "s", style.INK), (2, "y", style.VERMILLION))
    for place, (inputs, outputs), name in zip(axes, _TASKS.values(), names, strict=True):
        steps = len(inputs)
        shown = {0: inputs, 1: "1" * steps, 2: outputs}
        for height, letter, colour in rows:
            for k in range(steps):
                if shown[height][k] == "1":
                    frame = {"boxstyle": "round", "fc": style.PAPER, "ec": colour}
                    place.text(k, height, f"${letter}$", ha="center", va="center", bbox=frame)
        arrow = {"arrowstyle": "-|>", "color": style.FAINT, "shrinkA": 9, "shrinkB": 9}
        for k in range(steps):
            ends = [((k, 0), (k, 1))] * (inputs[k] == "1") + [((k, 1), (k, 2))] * (
                outputs[k] == "1"
            )
            if k:
                ends.append(((k - 1, 1), (k, 1)))
            for start, end in ends:
                place.annotate("", end, start, arrowprops=arrow)
        place.set(xlim=(-0.6, steps - 0.4), ylim=(-0.5, 2.5))
        place.set_title(name, fontsize=11)
        style.hide_frame(place)
    return axes


@style.styled
def gradient_cliff(
    loss: Callable[[Any, Any], Any], w: Any, b: Any, paths: Mapping[str, Any], axes: Any = None
) -> Any:
    """A loss over two weights as a map, and paths of descent over it, paths[name] (K, 2).

    loss(W, B) takes grids; w and b are the ticks of the axes. What leaves the map ends at its edge.
    """
    place = style.make_axes(7, 4) if axes is None else axes
    values = np.log10(loss(*np.meshgrid(w, b)) + 1e-3)
    picture = place.pcolormesh(w, b, values, rasterized=True)
    place.figure.colorbar(picture, ax=place, label=_("loss, decimal logarithm"))
    for k, (name, path) in enumerate(paths.items()):
        look = {**style.line(k + 1), "markersize": 4, "linewidth": 1.4}
        place.plot(*np.asarray(path).T, color="white", linewidth=3)
        place.plot(*np.asarray(path).T, label=name, **look)
    place.plot(*np.asarray(path)[0], "*", color="white", markeredgecolor=style.INK, markersize=13)
    place.set(xlim=(w[0], w[-1]), ylim=(b[0], b[-1]), xlabel="$w$", ylabel="$b$")
    place.grid(False)
    place.legend(loc="upper right", fontsize=9)
    return place


@style.styled
def forecasts(
    times: Any, series: Any, guesses: Mapping[str, Any], label: str = "", axes: Any = None
) -> Any:
    """A series over time, and forecasts of its last part, each guesses[name] (K,)."""
    place = style.make_axes(9, 3.2) if axes is None else axes
    times, series = np.asarray(times), np.asarray(series)
    place.plot(times, series, color=style.INK, linewidth=1.4, label=_("series"))
    longest = max(len(values) for values in guesses.values())
    place.axvline(times[-longest], color=style.FAINT, linewidth=0.8)
    for k, (name, values) in enumerate(guesses.items()):
        last = times[-len(values) :]
        place.plot(last, values, label=name, markevery=3, **style.line(k))
    place.set_ylabel(label)
    place.legend(fontsize=9)
    return place
