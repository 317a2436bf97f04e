"""Pictures of linear models: what losses ask for, an image as a vector, weights as images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nncourse.language import catalogue
from nncourse.plots import style

_ = catalogue("plots")


@style.styled
def constant_losses(y: Sequence[float], axes: Any = None) -> Any:
    """MSE and MAE of a constant answer c to the numbers y (N,); returns the axes.

    The first is least at the mean, the second at the median; both are marked.
    """
    place = style.make_axes(7, 3.4) if axes is None else axes
    numbers = np.asarray(y, dtype=np.float64)
    c = np.linspace(numbers.min() - 0.5, numbers.max() + 0.5, 301)
    apart = c[:, None] - numbers
    series = (
        ("MSE", (apart**2).mean(axis=1), numbers.mean(), _("mean")),
        ("MAE", np.abs(apart).mean(axis=1), np.median(numbers), _("median")),
    )
    for k, (name, values, best, what) in enumerate(series):
        look = {**style.line(k), "marker": ""}
        place.plot(c, values, label=name, **look)
        least = float(np.interp(best, c, values))
        place.plot(best, least, style.MARKERS[k], color=style.COLOURS[k], markersize=9)
        place.annotate(f"{what} {best:g}", (best, least), (6, -16), textcoords="offset points")
    place.plot(numbers, np.zeros_like(numbers), "|", color=style.INK, markersize=14, label="y")
    place.set_ylim(-0.6, 14)
    place.set_xlabel(_("constant answer c"))
    place.legend()
    return place


@style.styled
def binary_losses(axes: Any = None) -> Any:
    """Losses of one example of class 1 against its score h, and their slopes; two axes.

    Cross-entropy -ln sigma(h), and the square (sigma(h) - 1)^2, whose slope dies where the
    answer is most wrong.
    """
    if axes is None:
        axes = style.make_axes(9, 3.3, ncols=2)
    h = np.linspace(-8, 6, 281)
    p = 1 / (1 + np.exp(-h))
    series = (
        (_("cross-entropy"), -np.log(p), p - 1),
        (_("square of the error"), (p - 1) ** 2, 2 * (p - 1) * p * (1 - p)),
    )
    for k, (name, value, slope) in enumerate(series):
        look = {**style.line(k), "marker": ""}
        axes[0].plot(h, value, label=name, **look)
        axes[1].plot(h, slope, label=name, **look)
    axes[0].set_title(_("Loss of an example of class 1"))
    axes[1].set_title(_("Derivative by the score h"))
    for place in axes:
        place.set_xlabel("$h$")
    axes[0].legend()
    return axes


@style.styled
def image_to_scores(image: Any, weight: Any, scores: Any, axes: Any = None) -> Any:
    """An 8x8 image, the same 64 numbers as a column, and the scores W x; returns three axes.

    image (64,), weight (10, 64), scores (10,).
    """
    if axes is None:
        axes = style.make_axes(9.5, 3.4, ncols=4, width_ratios=(1.1, 0.25, 2.2, 1.2))
    pixels = np.asarray(image, dtype=np.float64).reshape(-1)
    table = np.asarray(weight, dtype=np.float64)
    axes[0].imshow(pixels.reshape(8, 8), cmap="gray_r")
    axes[0].set_title("8 × 8")
    axes[1].imshow(pixels[:, None], cmap="gray_r", aspect="auto")
    axes[1].set_title("$x$: 64")
    size = np.abs(table).max()
    axes[2].imshow(table, cmap="PuOr", aspect="auto", vmin=-size, vmax=size)
    axes[2].set_title("$W$: 10 × 64")
    values = np.asarray(scores, dtype=np.float64).reshape(-1)
    best = int(values.argmax())
    colours = [style.VERMILLION if k == best else style.BLUE for k in range(len(values))]
    axes[3].barh(np.arange(len(values)), values, color=colours)
    axes[3].set(yticks=range(len(values)), title="$Wx + b$: 10")
    axes[3].invert_yaxis()
    for place in axes[:3]:
        place.set(xticks=[], yticks=[])
        place.grid(False)
    return axes


@style.styled
def weight_images(weights: dict[str, Any], axes: Any = None) -> Any:
    """Rows of weight matrices (10, 64) as images, a line of ten for each name; returns the axes.

    Orange speaks against the class, violet for it; every line has its own scale, which its name
    tells.
    """
    if axes is None:
        axes = style.make_axes(8.5, 1.15 * len(weights), nrows=len(weights), ncols=10)
    axes = np.asarray(axes).reshape(len(weights), 10)
    for line, (name, weight) in zip(axes, weights.items()):
        table = np.asarray(weight, dtype=np.float64)
        size = np.abs(table).max()
        for k, place in enumerate(line):
            place.imshow(table[k].reshape(8, 8), cmap="PuOr", vmin=-size, vmax=size)
            place.set(xticks=[], yticks=[])
            place.grid(False)
            place.set_title(str(k), fontsize=9, fontweight="normal")
        line[0].set_ylabel(f"{name}\n±{size:.2g}", fontsize=9)
    return axes
