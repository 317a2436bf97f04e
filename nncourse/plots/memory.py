"""Pictures of gated networks: the LSTM cell in four steps, gates over time, gradients over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nncourse.language import catalogue, mark
from nncourse.plots import style

_ = catalogue("plots")

# What each step of the explanation adds: arrows (corner points), boxes and operations. The cell's
# line runs above, that of h below; coordinates are free, y upwards.
_LINES = (
    (((0, 0.8), (2.2, 0.8), (2.2, 1.6)), ((1, 0), (1, 0.8)), ((2.2, 2.4), (2.2, 4.7))),
    (((2.2, 0.8), (5.8, 0.8), (5.8, 1.6)), ((4.2, 0.8), (4.2, 1.6)),
     ((4.2, 2.4), (4.2, 3.5), (4.7, 3.5)), ((5.8, 2.4), (5.8, 3.5), (5.3, 3.5))),
    (((0, 5), (1.9, 5)), ((2.5, 5), (4.7, 5)), ((5, 3.8), (5, 4.7)), ((5.3, 5), (10, 5))),
    (((5.8, 0.8), (7.6, 0.8), (7.6, 1.6)), ((7.6, 2.4), (7.6, 3), (8.7, 3)),
     ((9, 5), (9, 4.6)), ((9, 3.8), (9, 3.3)),
     ((9, 2.7), (9, 0.8), (10, 0.8))),
)  # fmt: skip
_BOXES = (
    (("$\\sigma$", 2.2, 2),),
    (("$\\sigma$", 4.2, 2), ("tanh", 5.8, 2)),
    (),
    (("$\\sigma$", 7.6, 2), ("tanh", 9, 4.2)),
)
_DOTS = ((), (("×", 5, 3.5),), (("×", 2.2, 5), ("+", 5, 5)), (("×", 9, 3),))
_LABELS = (
    (("$h_{t-1}$", -0.1, 0.8, "right"), ("$x_t$", 1, -0.25, "center"),
     ("$f_t$", 2.4, 3.5, "left")),
    (("$i_t$", 4, 3.2, "right"), ("$g_t$", 6, 3.2, "left")),
    (("$c_{t-1}$", -0.1, 5, "right"), ("$c_t$", 10.1, 5, "left")),
    (("$o_t$", 7.4, 3, "right"), ("$h_t$", 10.1, 0.8, "left")),
)  # fmt: skip
_TITLES = (mark("1. What to forget"), mark("2. What to write"), mark("3. The new cell"),
           mark("4. What to show"))  # fmt: skip


@style.styled
def lstm_steps(axes: Any = None) -> Any:
    """An LSTM cell explained in four steps, a panel each; returns the axes.

    What a step adds is coloured, what came before is dark, what is still to come is pale.
    """
    if axes is None:
        axes = style.make_axes(9.5, 5.6, nrows=2, ncols=2)
    for now, place in enumerate(np.ravel(axes)):
        style.hide_frame(place)
        place.set(xlim=(-1.2, 11.2), ylim=(-0.7, 5.7), aspect="equal")
        place.set_title(_(_TITLES[now]))
        for step in (3, 2, 1, 0):  # what is pale lies below
            colour = (style.INK, style.VERMILLION, style.GRID)[np.sign(step - now) + 1]
            _draw_step(place, step, colour, 2.2 if step == now else 1.3, 4 - abs(step - now))
    return axes


def _draw_step(place: Any, step: int, colour: str, width: float, level: int) -> None:
    for corners in _LINES[step]:
        place.plot(*np.array(corners).T, color=colour, linewidth=width, zorder=level)
        tip = {"arrowstyle": "-|>", "color": colour, "lw": width, "shrinkA": 0, "shrinkB": 0}
        place.annotate("", corners[-1], corners[-2], arrowprops=tip, zorder=level)
    for signs, shape in ((_BOXES[step], "square"), (_DOTS[step], "circle")):
        for text, x, y in signs:
            look = {"boxstyle": f"{shape},pad=0.3", "facecolor": style.PAPER, "edgecolor": colour,
                    "linewidth": width}  # fmt: skip
            place.text(x, y, text, ha="center", va="center", fontsize=11, color=colour, bbox=look,
                       zorder=level + 4)  # fmt: skip
    for text, x, y, side in _LABELS[step]:
        place.text(x, y, text, ha=side, va="center", fontsize=12, color=colour, zorder=9)


@style.styled
def gate_strips(
    gates: Mapping[str, Any], states: Mapping[str, Any], marks: Sequence[int] = (), axes: Any = None
) -> Any:
    """Gates and states over time as strips, a panel each and a row for every unit; the axes.

    gates[name] (T, H) from 0, dark, to 1, bright; states[name] (T, H) orange below 0, violet above.
    ``marks``: indices of steps to mark with a triangle below every panel.
    """
    shown = [*gates.items(), *states.items()]
    if axes is None:
        axes = style.make_axes(9, 0.85 * len(shown) + 0.5, nrows=len(shown), sharex=True)
    axes = np.atleast_1d(axes)
    for k, (place, (name, values)) in enumerate(zip(axes, shown, strict=True)):
        table = np.asarray(values, dtype=np.float64).T
        gate = k < len(gates)
        size = 1.0 if gate else float(np.abs(table).max())
        colours = {"cmap": style.COLOUR_MAP if gate else "PuOr", "vmin": 0 if gate else -size}
        place_of = (0.5, table.shape[1] + 0.5, len(table) - 0.5, -0.5)
        picture = place.imshow(table, aspect="auto", interpolation="nearest", extent=place_of,
                               vmax=size, **colours)  # fmt: skip
        bar = place.figure.colorbar(picture, ax=place, pad=0.01, ticks=[colours["vmin"], size])
        bar.ax.set_yticklabels([f"{colours['vmin']:.2g}", f"{size:.2g}"], fontsize=8)
        place.set_ylabel(name, rotation=0, ha="right", va="center")
        place.set_yticks([])
        place.grid(False)
        below = [len(table) - 0.5] * len(marks)
        place.plot(np.array(marks) + 1, below, "^", color=style.VERMILLION, clip_on=False, ms=7)
    axes[-1].set_xlabel(_("step"))
    return axes


@style.styled
def gradient_through_time(norms: Mapping[str, Sequence[float]], axes: Any = None) -> Any:
    """The size of a state's gradient at every step, relative to the last one, a line for each run.

    norms[name] lists the norms from the first step to the last.
    """
    place = style.make_axes(8.5, 3.4) if axes is None else axes
    for k, (name, values) in enumerate(norms.items()):
        relative = np.asarray(values, dtype=np.float64) / values[-1]
        steps = np.arange(1, len(relative) + 1)
        every = max(1, len(relative) // 8)
        place.semilogy(steps, relative, label=name, markevery=every, **style.line(k))
    place.axhline(1.0, color=style.FAINT, linewidth=0.8)
    place.set_xlabel(_("step"))
    place.set_ylabel(_("gradient, relative to the last step"))
    place.legend(fontsize=9, loc="lower right")
    return place
