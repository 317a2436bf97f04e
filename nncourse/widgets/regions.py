"""What do one, two and three layers of steps cut out of the plane? Half-planes, polygons, regions.

The first layer's neurons are half-planes, the second layer's are ANDs of them, convex polygons A
and B, and the output joins the two. The browser computes (regions.js), and Python has the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from nncourse.data.regions import And, HalfPlane, Not, Or, Region, region
from nncourse.language import catalogue, mark
from nncourse.widgets.explorer import COLOURS, Explorer, explorer_script, explorer_styles, picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ = catalogue("widgets")

PIXELS, EXTENT = 121, 3
# Corners of the polygons, for the outline of the target.
OUTLINES: dict[str, list[list[list[int]]]] = {
    "triangle": [[[-2, -2], [2, -1], [0, 2]]],
    "hexagon": [[[2, 0], [1, 2], [-1, 2], [-2, 0], [-1, -2], [1, -2]]],
    "corner": [[[-2, -2], [2, -2], [2, 0], [0, 0], [0, 2], [-2, 2]]],
    "frame": [[[-2, -2], [2, -2], [2, 2], [-2, 2]], [[-1, -1], [1, -1], [1, 1], [-1, 1]]],
    "two squares": [[[-2, -2], [0, -2], [0, 0], [-2, 0]], [[1, 1], [2, 1], [2, 2], [1, 2]]],
}
START = [[1, 0, 2, "A"], [-1, 0, 2, "A"], [0, 1, 2, "A"], [0, -1, 2, "off"], [1, 0, 0, "off"],
         [-1, 0, 1, "off"], [0, 1, 0, "off"], [0, -1, 1, "off"]]  # fmt: skip


def solve(which: Region) -> tuple[list[list[Any]], str]:
    """The planes and the way to combine them that make a region of one or two polygons."""
    if isinstance(which, Or):
        parts, combine = list(which.parts), "or"
    elif isinstance(which, And) and isinstance(which.parts[-1], Not):
        parts, combine = [And(which.parts[:-1]), which.parts[-1].part], "minus"
    else:
        parts, combine = [which], "A"
    planes: list[list[Any]] = [
        [plane.a1, plane.a2, plane.b, name]
        for name, part in zip("AB", parts)
        for plane in part.half_planes()
    ]
    return planes + [[1, 0, 3, "off"]] * (len(START) - len(planes)), combine


def grid() -> np.ndarray:
    """The points of the picture, (PIXELS, PIXELS, 2), rows from the bottom."""
    ticks = -EXTENT + 2 * EXTENT * np.arange(PIXELS) / (PIXELS - 1)
    return np.stack(np.meshgrid(ticks, ticks), axis=-1)


def polygons(planes: Sequence[Sequence[Any]], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the points x (..., 2) are in A, and which in B; without sides none is."""
    found = []
    for name in "AB":
        sides = [a1 * x[..., 0] + a2 * x[..., 1] + b >= 0 for a1, a2, b, of in planes if of == name]
        found.append(np.all(sides, axis=0) if sides else np.zeros(x.shape[:-1], dtype=bool))
    return found[0], found[1]


def inside(planes: Sequence[Sequence[Any]], combine: str, x: np.ndarray) -> np.ndarray:
    """What the output neuron says at the points x (..., 2)."""
    a, b = polygons(planes, x)
    return {"A": a, "or": a | b, "minus": a & ~b}[combine]


class RegionBuilder(Explorer):
    """Cut a region out of the plane with half-planes, polygons and their union or difference.

    ``planes``: rows (a1, a2, b, group), a neuron fires where a1 x1 + a2 x2 + b >= 0, group is the
    polygon "A" or "B" that it is a side of, or "off"; ``combine``: "A", "or", "minus" (A and not
    B); ``target``: "triangle", "hexagon", "corner", "frame" or "two squares".
    """

    _esm = explorer_script("regions.js")
    _css = explorer_styles()

    question = mark("What do one, two and three layers of steps cut out of the plane?")
    settings = ("target", "planes", "combine")
    texts = {
        "target": mark("Build"),
        "target_triangle": mark("a triangle"),
        "target_hexagon": mark("a hexagon"),
        "target_corner": mark("a corner"),
        "target_frame": mark("a frame"),
        "target_two squares": mark("two squares"),
        "combine": mark("Output"),
        "combine_or": mark("A or B"),
        "combine_minus": mark("A and not B"),
        "solution": mark("Show a solution"),
        "edited": mark("Neuron"),
        "group": mark("Side of"),
        "off": mark("off"),
        "angle": mark("Angle"),
        "distance": mark("Distance"),
        "layer_1": mark("Layer 1: half-planes"),
        "layer_2": mark("Layer 2: convex polygons"),
        "layer_3": mark("Layer 3: the region"),
        "neurons": mark("Sides of A and B:"),
        "agree": mark("Right points:"),
        "help": mark(
            "Drag the dot to shift the line, the ring to turn it (arrow keys do the same); press "
            "another line to take it."
        ),
        "shift_handle": mark("Line: arrow keys or the mouse shift it"),
        "turn_handle": mark("Normal: arrow keys or the mouse turn it"),
        "both": mark("A and B"),
        "right": mark("right"),
        "too_much": mark("too much"),
        "too_little": mark("missing"),
        "done": mark("The network says exactly what is wanted."),
        "hint_convex": mark("One polygon is enough: the region is convex."),
        "hint_union": mark("No single AND makes this region: it takes A, B and the third layer."),
        "alt": mark("{layer}: {a} sides of A, {b} of B; {share}% of the points are right"),
    }

    targets = traitlets.Dict(read_only=True).tag(sync=True)
    target = traitlets.Enum(list(OUTLINES), "hexagon").tag(sync=True)
    planes: traitlets.List[Any] = traitlets.List().tag(sync=True)
    combine = traitlets.Enum(["A", "or", "minus"], "A").tag(sync=True)

    def __init__(self, target: str = "hexagon", planes: Any = None, **traits: Any) -> None:
        super().__init__(
            target=target,
            planes=[list(plane) for plane in (START if planes is None else planes)],
            **traits,
        )
        known = {}
        for name, outline in OUTLINES.items():
            planes, combine = solve(region(name))
            inner = region(name).contains(grid()).astype(int)
            known[name] = {"planes": planes, "combine": combine, "grid": inner.ravel().tolist(),
                           "outline": outline, "convex": combine == "A"}  # fmt: skip
        self.set_trait("targets", known)

    @traitlets.validate("planes")
    def _check_planes(self, proposal: Any) -> Any:
        planes = proposal["value"]
        for plane in planes:
            if len(plane) != 4 or plane[3] not in ("A", "B", "off") or not (plane[0] or plane[1]):
                raise traitlets.TraitError(
                    f"planes: rows (a1, a2, b, group) with a1 or a2 other than 0 and group 'A', "
                    f"'B' or 'off'; got {plane}"
                )
        if not planes:
            raise traitlets.TraitError("planes: at least one is needed")
        return planes

    @property
    def agreement(self) -> float:
        """The share of the picture's points on which network and target agree."""
        points = grid()
        wanted = region(self.target).contains(points)
        return float((inside(self.planes, self.combine, points) == wanted).mean())

    def describe(self) -> str:
        """The target, the sides of the polygons, and how much is right."""
        count = {name: sum(plane[3] == name for plane in self.planes) for name in "AB"}
        return "\n".join([
            f"{self.said('target')}: {self.said('target_' + self.target)}.",
            self.said("alt", layer=self.said("layer_3"), a=count["A"], b=count["B"],
                      share=f"{100 * self.agreement:.1f}") + ".",
            *(str(HalfPlane(*plane[:3])) if all(isinstance(v, int) for v in plane[:3])
              else f"{plane[0]:g} x1 + {plane[1]:g} x2 + {plane[2]:g} >= 0"
              for plane in self.planes if plane[3] != "off"),
        ])  # fmt: skip

    def figure(self) -> Figure:
        figure, axes = picture(self.heading, 3)
        points = grid()
        used = [plane for plane in self.planes if plane[3] != "off"]
        a, b = polygons(self.planes, points)
        counts = sum(p[0] * points[..., 0] + p[1] * points[..., 1] + p[2] >= 0 for p in used)
        extent = (-EXTENT, EXTENT, -EXTENT, EXTENT)
        shown: dict[str, Any] = {"origin": "lower", "extent": extent, "cmap": "Blues", "vmin": 0}
        axes[0].imshow(counts / max(1, len(used)), vmax=1.6, **shown)
        for a1, a2, offset, name in used:
            foot = np.array([a1, a2]) * -offset / (a1**2 + a2**2)
            axes[0].axline(foot, foot + np.array([-a2, a1]), color=COLOURS[int(name == "B")])
        colours = np.ones((PIXELS, PIXELS, 3))
        for chosen, colour in ((a, "#7fb8d8"), (b, "#eaae80"), (a & b, "#7fceb9")):
            colours[chosen] = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        axes[1].imshow(colours, origin="lower", extent=extent)
        axes[2].imshow(inside(self.planes, self.combine, points), vmax=1.6, **shown)
        for place in axes[1:]:
            for ring in OUTLINES[self.target]:
                place.plot(*np.array([*ring, ring[0]]).T, color="#1f1f1f")
        for place, key in zip(axes, ("layer_1", "layer_2", "layer_3")):
            place.set_title(self.said(key), fontsize=9)
            place.set(xlim=(-3, 3), ylim=(-3, 3))
            place.set_xlabel("x₁", fontsize=9)
            place.grid(visible=False)
        axes[0].set_ylabel("x₂", fontsize=9)
        return figure
