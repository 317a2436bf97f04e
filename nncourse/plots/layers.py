"""Pictures of networks with layers: what they separate, how they fold, what loops cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nncourse.data.regions import And, Or, Region
from nncourse.language import catalogue
from nncourse.plots import style
from nncourse.plots.neuron import draw_examples

_ = catalogue("plots")


@style.styled
def decision_maps(
    models: Mapping[str, Callable[[np.ndarray], Any]], x: Any, y: Any, axes: Any = None
) -> Any:
    """What models say over the plane, a panel for each; returns the axes.

    models[name](points) gives the probability of class 1, or a score in [0, 1], for points (M, 2)
    float32; x (N, 2) with classes y (N,) are drawn above. The white line is where it is 1/2.
    """
    if axes is None:
        axes = style.make_axes(3.1 * len(models), 3.2, ncols=len(models))
    x = np.asarray(x)
    low, high = x.min(axis=0) - 0.4, x.max(axis=0) + 0.4
    ticks = [np.linspace(a, b, 121) for a, b in zip(low, high)]
    points = np.stack(np.meshgrid(*ticks), axis=-1).reshape(-1, 2).astype(np.float32)
    for place, (name, model) in zip(np.atleast_1d(axes), models.items(), strict=True):
        values = np.asarray(model(points), dtype=np.float64).reshape(121, 121)
        place.pcolormesh(*ticks, values, vmin=0, vmax=1, rasterized=True)
        place.contour(*ticks, values, [0.5], colors="white", linewidths=2)
        draw_examples(place, x, y, size=14)
        place.set_title(name)
        place.grid(False)
        place.set(xticks=[], yticks=[])
    return axes


@style.styled
def region_layers(region: Region, extent: float = 3, axes: Any = None) -> Any:
    """From half-planes to polygons to a region, layer by layer; three axes.

    region: an OR of ANDs of half-planes, or one AND (``nncourse.data.regions``).
    """
    if axes is None:
        axes = style.make_axes(9, 3.2, ncols=3)
    ticks = np.linspace(-extent, extent, 241)
    points = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    polygons = region.parts if isinstance(region, Or) else (region,)
    planes = region.half_planes()
    counts = np.sum([plane.contains(points) for plane in planes], axis=0)
    axes[0].contourf(ticks, ticks, counts / len(planes), np.arange(-0.05, 1.2, 0.1), cmap="Blues",
                     vmax=1.6)  # fmt: skip
    for plane in planes:
        axes[0].contour(ticks, ticks, plane.height(points), [0], colors=style.INK, linewidths=1.2)
    for k, part in enumerate(polygons):
        fill = {"colors": [style.COLOURS[k]], "alpha": 0.55, "hatches": [("", "//", "..", "xx")[k]]}
        axes[1].contourf(ticks, ticks, part.contains(points).astype(float), [0.5, 1.5], **fill)
    axes[2].contourf(ticks, ticks, region.contains(points).astype(float), [0.5, 1.5],
                     colors=[style.BLUE], alpha=0.7)  # fmt: skip
    sides = sum(len(p.half_planes()) for p in polygons)
    titles = (
        _("half-planes: {n}", n=sides),
        _("polygons: {n}", n=len(polygons) if isinstance(region, Or | And) else 1),
        _("region"),
    )
    for place, title in zip(axes, titles):
        place.set_title(title)
        place.set_aspect("equal")
        place.set(xticks=[], yticks=[])
        place.grid(False)
    return axes


@style.styled
def folded_lines(depths: Sequence[int] = (1, 2, 4, 6), axes: Any = None) -> Any:
    """The tent folded again and again: two ReLU units a layer, 2^depth pieces; returns the axes."""
    if axes is None:
        axes = style.make_axes(9.5, 2.5, ncols=len(depths), sharey=True)
    x = np.linspace(0, 1, 2**11 + 1)
    for place, depth in zip(np.atleast_1d(axes), depths, strict=True):
        y = x
        for _layer in range(depth):
            y = 2 * np.maximum(y, 0) - 4 * np.maximum(y - 0.5, 0)
        place.plot(x, y, color=style.BLUE, linewidth=1.6)
        pieces = 1 + int((np.abs(np.diff(y, 2)) > 1e-9).sum())
        place.set_title(_("layers {depth}, pieces {pieces}", depth=depth, pieces=pieces))
        place.set(xticks=[0, 1], yticks=[0, 1])
    return axes


@style.styled
def timings(seconds: Mapping[str, float], axes: Any = None) -> Any:
    """Measured times as bars on a logarithmic scale, with their ratio to the shortest."""
    place = style.make_axes(7, 0.6 + 0.5 * len(seconds)) if axes is None else axes
    least = min(seconds.values())
    values = list(seconds.values())
    bars = place.barh(
        list(seconds), values, color=[style.COLOURS[k % 6] for k in range(len(values))]
    )
    place.bar_label(bars, [f"×{value / least:.0f}" for value in values], padding=4)
    place.set_xscale("log")
    place.set_xlim(least / 2, max(values) * 4)
    place.invert_yaxis()
    place.set_xlabel(_("seconds"))
    return place
