"""A race of optimisers as a moving picture that needs no kernel: SVG with its own animation.

Before it is started, and where animation is not supported, it shows the paths to their ends; a
click or the Enter key plays them from the start. Nothing moves by itself.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import numpy as np

from nncourse.language import catalogue
from nncourse.plots import style

_ = catalogue("plots")

WIDTH, HEIGHT, SECONDS = 460, 300, 6
LOOKS = (*style.COLOURS, "#7a4a1e", "#5b5bd6")
SIGNS = "●■▲◆▼✚⬢✦"


class Movie:
    """An animated SVG; a notebook shows it, ``html`` is its text."""

    def __init__(self, html: str, names: list[str], steps: int) -> None:
        self.html, self.names, self.steps = html, names, steps

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"Movie({', '.join(self.names)}; {self.steps} steps)"


@style.styled
def optimizer_movie(
    paths: Mapping[str, Any], value: Callable[[Any, Any], Any],
    low: tuple[float, float], high: tuple[float, float], least: float = 0.0,
) -> Movie:  # fmt: skip
    """Paths (steps + 1, 2) of up to eight optimisers over a surface, all at the same pace.

    value(x, y) is the surface, drawn between the corners ``low`` and ``high``; ``least`` its least
    value. Points outside are held at the edge.
    """
    if not 0 < len(paths) <= len(SIGNS):
        raise ValueError(f"a movie shows 1 to {len(SIGNS)} paths; got {len(paths)}")
    corner, span = np.array(low, dtype=float), np.subtract(high, low)
    steps = max(len(path) for path in paths.values()) - 1
    parts, legend = [], []
    for k, (name, path) in enumerate(paths.items()):
        # A path that ended early stays where it ended.
        points = np.asarray(path, dtype=np.float64)
        points = np.concatenate([points, np.repeat(points[-1:], steps + 1 - len(points), axis=0)])
        shares = np.clip((points - corner) / span, 0, 1)
        at = np.round(shares * [WIDTH, -HEIGHT] + [0, HEIGHT], 1)
        parts.append(_moving(at, LOOKS[k], SIGNS[k]))
        sign = f'<tspan fill="{LOOKS[k]}">{SIGNS[k]}</tspan>'
        legend.append(f'<text x="{WIDTH + 14}" y="{26 + 22 * k}">{sign} {escape(name)}</text>')
    body = "".join(parts)
    # A hyphen in a name would be read as a minus where the animation is told when to begin.
    name = "race" + hashlib.sha256(body.encode()).hexdigest()[:8]
    alt = escape(_("A race of {names}. Click, or press Enter, to play it.", names=", ".join(paths)))
    ground = _background(value, low, high, least)
    picture = f'<image href="{ground}" width="{WIDTH}" height="{HEIGHT}"/>'
    html = (
        f'<svg id="{name}" viewBox="0 0 {WIDTH + 120} {HEIGHT}" width="{WIDTH + 120}" role="img" '
        f'tabindex="0" aria-label="{alt}" style="background:{style.PAPER};max-width:100%">'
        f"<title>{alt}</title>{picture}"
        f'<g font-family="DejaVu Sans, sans-serif" font-size="14" fill="{style.INK}">'
        f"{''.join(legend)}</g>{body.replace('@', name)}</svg>"
    )
    return Movie(html, list(paths), steps)


def _moving(at: np.ndarray, colour: str, sign: str) -> str:
    """A line that is drawn and a sign that goes along it; step by step, whatever their lengths."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(at, axis=0), axis=1))])
    shares = np.round(lengths / max(lengths[-1], 1e-9), 4)
    route = "M" + "L".join(f"{x:g},{y:g}" for x, y in at)
    timing = f'dur="{SECONDS}s" begin="@.click;@.keydown" fill="freeze" calcMode="linear"'
    times = ";".join(f"{t:.4g}" for t in np.linspace(0, 1, len(at)))
    gone = ";".join(f"{1 - share:.4g}" for share in shares)
    x, y = at[-1]
    line = (
        f'<path d="{route}" fill="none" stroke="{colour}" stroke-width="2.4" pathLength="1" '
        f'stroke-dasharray="1"><animate attributeName="stroke-dashoffset" values="{gone}" '
        f'keyTimes="{times}" {timing}/></path>'
    )
    edge = f'<path d="{route}" fill="none" stroke="#fff" stroke-width="4.5" opacity="0.35"/>'
    mark = (
        f'<text text-anchor="middle" dy="5" font-size="15" fill="{colour}" stroke="#fff" '
        f'stroke-width="2.5" paint-order="stroke" transform="translate({x:g},{y:g})">{sign}'
        f'<animateTransform attributeName="transform" type="translate" '
        f'values="{";".join(f"{a:g},{b:g}" for a, b in at)}" keyTimes="{times}" {timing}/></text>'
    )
    return edge + line + mark


def _background(value: Callable[[Any, Any], Any], low: Any, high: Any, least: float) -> str:
    """The surface's level bands as a PNG in a data address."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    ticks = [np.linspace(a, b, 120) for a, b in zip(low, high)]
    axes.contourf(*ticks, np.log(0.01 + value(*np.meshgrid(*ticks)) - least), 14, cmap="cividis")
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
