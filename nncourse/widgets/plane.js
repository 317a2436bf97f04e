// A square piece of the plane of two features: its axes, the side on which a neuron fires, points
// of two classes. Shared by the widgets about one neuron and about gates.

import { drawn, formatNumber } from "./base.js";
import { firingSide, lineEnds } from "./perceptron.js";

const SIZE = 440;
const EDGE = { left: 34, right: 430, top: 10, bottom: 406 };

/** The empty plane from `low` to `high` in both directions, with ticks at whole numbers. */
export function plane(low, high, names, ticks) {
  const toX = (v) => EDGE.left + ((v - low) / (high - low)) * (EDGE.right - EDGE.left);
  const toY = (v) => EDGE.bottom - ((v - low) / (high - low)) * (EDGE.bottom - EDGE.top);
  const id = `nnc-plane-${Math.random().toString(36).slice(2)}`;
  const layer = () => drawn("g", { "clip-path": `url(#${id})` });
  const [side, lines, over] = [layer(), layer(), drawn("g")];
  const grid = drawn("g");
  const across = EDGE.right - EDGE.left;
  for (const v of ticks)
    grid.append(
      drawn("path", { class: v === 0 ? "nnc-plane-zero" : "nnc-plane-grid", d: `M${toX(v)},${EDGE.top} V${EDGE.bottom} M${EDGE.left},${toY(v)} H${EDGE.right}` }),
      drawn("text", { x: toX(v), y: EDGE.bottom + 16, "text-anchor": "middle" }, formatNumber(v)),
      drawn("text", { x: EDGE.left - 6, y: toY(v) + 4, "text-anchor": "end" }, formatNumber(v)));
  const svg = drawn("svg", { class: "nnc-plane", viewBox: `0 0 ${SIZE} ${SIZE}`, role: "group" },
    drawn("clipPath", { id }, drawn("rect", { x: EDGE.left, y: EDGE.top, width: across, height: across })),
    drawn("rect", { class: "nnc-plane-ground", x: EDGE.left, y: EDGE.top, width: across, height: across }),
    side, grid, lines, over,
    drawn("text", { class: "nnc-plane-name", x: EDGE.right - 2, y: EDGE.bottom + 30, "text-anchor": "end" }, names[0]),
    drawn("text", { class: "nnc-plane-name", x: 4, y: EDGE.top + 8 }, names[1]));
  /** The coordinates of a pointer event. */
  const where = (event) => {
    const box = svg.getBoundingClientRect();
    const [px, py] = [((event.clientX - box.left) / box.width) * SIZE, ((event.clientY - box.top) / box.height) * SIZE];
    return [low + ((px - EDGE.left) / across) * (high - low), low + ((EDGE.bottom - py) / across) * (high - low)];
  };
  return { svg, side, lines, over, toX, toY, where, low, high };
}

const path = (place, points) => points.map(([x, y]) => `${place.toX(x).toFixed(2)},${place.toY(y).toFixed(2)}`).join(" L");

/** The tinted side of a weight; `name` is a class of its own look. */
export function sideOf(place, weight, name = "nnc-fires") {
  const corners = firingSide(weight, place.low, place.high);
  return drawn("path", { class: name, d: corners.length ? `M${path(place, corners)} Z` : "" });
}

export function boundary(place, weight, name = "nnc-boundary") {
  const ends = lineEnds(weight, 4 * (Math.abs(place.low) + Math.abs(place.high)));
  return drawn("path", { class: name, d: ends ? `M${path(place, ends)}` : "" });
}

/** An arrow between two points given in pixels. */
export function arrow([x0, y0], [x1, y1], name) {
  const length = Math.hypot(x1 - x0, y1 - y0);
  if (length < 1) return drawn("g", { class: name });
  const [ux, uy] = [(x1 - x0) / length, (y1 - y0) / length];
  const head = Math.min(10, 3 + 0.4 * length, length);
  const [bx, by] = [x1 - head * ux, y1 - head * uy];
  return drawn("g", { class: `nnc-arrow ${name}` },
    drawn("path", { class: "nnc-arrow-line", d: `M${x0},${y0} L${bx},${by}` }),
    drawn("path", { class: "nnc-arrow-head", d: `M${x1},${y1} L${bx - 0.5 * head * uy},${by + 0.5 * head * ux} L${bx + 0.5 * head * uy},${by - 0.5 * head * ux} Z` }));
}

/** The mark of a class around (0, 0): a circle for +1, a square for -1. */
export function classMark(positive, r = 8) {
  return positive
    ? drawn("circle", { class: "nnc-positive", r })
    : drawn("rect", { class: "nnc-negative", x: -0.88 * r, y: -0.88 * r, width: 1.76 * r, height: 1.76 * r });
}
