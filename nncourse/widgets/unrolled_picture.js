// The two pictures of the unrolled network, one column for each step: the graph, and the norms.
// Both are made for a width in pixels, so that letters keep their size on a narrow page.

import { drawn, superscript } from "./base.js";
import { chart, cividis, line } from "./explorer.js";

const [LEFT, MARGIN] = [62, 12]; // the same in both pictures, so that columns stand in line
const [LOWEST, HIGHEST] = [1e-12, 1e12]; // what lies beyond is not drawn
const [INPUT, STATE, LABEL, TALL] = [182, 84, 136, 202]; // heights of the rows of the graph
const BOX = 46;

/** The width of a column, for T steps, s_0 and the sum. */
const columnOf = (width, T) => (width - LEFT - MARGIN) / (T + 2.2);
const SUBSCRIPT = "₀₁₂₃₄₅₆₇₈₉";
/** "₁₂" for 12. */
export const low = (k) => Array.from(String(k), (digit) => SUBSCRIPT[digit]).join("");

/** One digit and a power of ten: what fits under a state. */
function short(value) {
  if (!(value > 0)) return "0";
  if (value >= 0.095 && value < 99.5) return String(Number(value.toPrecision(2)));
  const [digit, exponent] = value.toExponential(0).split("e");
  return `${digit}·10${superscript(Number(exponent))}`;
}

/** Where the size of a gradient lies between 10⁻³ and 10³, from 0 to 1. */
const share = (value) => (Math.max(-3, Math.min(3, Math.log10(value))) + 3) / 6;
const wide = (value) => 1 + 8 * share(value);
const tint = (value) => `rgb(${cividis(share(value)).map(Math.round).join()})`;

function arrow(x0, x1, y0, y1, look, width = 1.6) {
  const long = Math.hypot(x1 - x0, y1 - y0);
  const [ux, uy] = [(x1 - x0) / long, (y1 - y0) / long];
  const head = Math.min(long * 0.6, 5 + width);
  const [bx, by] = [x1 - head * ux, y1 - head * uy];
  const [px, py] = [-uy * (3 + width / 2), ux * (3 + width / 2)];
  return drawn("g", { class: look },
    drawn("path", { class: "nnc-shaft", d: `M${x0},${y0} L${bx},${by}`, "stroke-width": width }),
    drawn("path", { class: "nnc-head", d: `M${x1},${y1} L${bx + px},${by + py} L${bx - px},${by - py} z` }));
}

export function graphPicture(width) {
  const svg = drawn("svg", { class: "nnc-chart nnc-unrolled", role: "img", viewBox: `0 0 ${width} ${TALL}`, style: `max-width: ${1.12 * width}px` });
  let steps = 1;

  function draw({ T, k: chosen, states, norms, cut, forward, back }) {
    steps = T;
    const column = columnOf(width, T);
    const x = (k) => LEFT + (k + 0.6) * column;
    const half = Math.min(28, column * 0.3);
    const every = Math.ceil(54 / column);
    // Where not all steps have room for a text, the chosen one takes that of its neighbours.
    const named = (k) => k === chosen || ((T - k) % every === 0 && (every === 1 || Math.abs(k - chosen) >= every));
    const largest = Math.max(1, ...states.flat().map(Math.abs));
    const parts = [drawn("rect", { class: "nnc-chosen", x: x(chosen) - column / 2, width: column, y: 2, height: TALL - 4, rx: 5 })];
    if (cut !== null) parts.push(line([[x(cut + 0.5), 4], [x(cut + 0.5), TALL - 4]], "nnc-muted-line"));
    states.forEach((state, k) => {
      const here = k <= forward;
      if (k > 0) {
        if (here) parts.push(arrow(x(k - 1) + half + 2, x(k) - half - 2, STATE - 12, STATE - 12, "nnc-ahead"));
        if (k > back && norms[k - 1] > 0) parts.push(arrow(x(k) - half - 2, x(k - 1) + half + 2, STATE + 12, STATE + 12, "nnc-behind", wide(norms[k - 1])));
        parts.push(arrow(x(k), x(k), INPUT - 14, LABEL + 8, "nnc-ahead"));
        if (named(k)) parts.push(drawn("text", { x: x(k), y: INPUT + 4, "text-anchor": "middle" }, `x${low(k)}`));
      }
      parts.push(drawn("rect", { class: "nnc-state", x: x(k) - half, y: STATE - BOX / 2, width: 2 * half, height: BOX, rx: 4 }));
      if (here)
        state.forEach((v, i) => {
          const tall = (Math.abs(v) / largest) * (BOX / 2 - 3);
          const w = (2 * half - 6) / state.length;
          parts.push(drawn("rect", { class: v < 0 ? "nnc-below" : "nnc-above", x: x(k) - half + 3 + i * w, width: Math.max(1, w - 1), y: v < 0 ? STATE : STATE - tall, height: tall }));
        });
      if (k >= back) {
        const meter = { x: x(k) - half, y: STATE + BOX / 2 + 4, height: 9 };
        if (norms[k] > 0) parts.push(drawn("rect", { ...meter, width: 2 * half * share(norms[k]), style: `fill:${tint(norms[k])}` }));
        parts.push(drawn("rect", { class: "nnc-meter", ...meter, width: 2 * half }));
        if (named(k)) parts.push(drawn("text", { class: "nnc-halo", x: x(k), y: LABEL, "text-anchor": "middle" }, short(norms[k])));
      }
    });
    parts.push(arrow(x(T), x(T), STATE - BOX / 2 - 2, 26, "nnc-ahead"), drawn("text", { x: x(T), y: 18, "text-anchor": "middle" }, "C"));
    if (back <= T) parts.push(arrow(x(T) + 9, x(T) + 9, 26, STATE - BOX / 2 - 2, "nnc-behind", wide(norms[T])));
    svg.replaceChildren(...parts);
  }

  /** The step under a pointer. */
  function where(event) {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    return [(x - LEFT) / columnOf(width, steps) - 0.6];
  }
  return { svg, draw, where };
}

export function normPicture(title, width) {
  const self = chart(title, "norms", { width, height: 250, left: LEFT });

  function draw({ T, k: chosen, norms, terms, total, numerical, cut, back, after }) {
    const visible = (values, first) => values.map((v, i) => [i + first, v]).filter(([i, v]) => i >= back && v > LOWEST && v < HIGHEST);
    const shown = [visible(terms, 1), visible(norms, 0), ...(numerical ? [visible(numerical, 0)] : [])];
    const sums = back <= 0 ? [total, ...(after === null ? [] : [after])].filter((v) => v > LOWEST && v < HIGHEST) : [];
    // The limits follow the whole pass, so that they do not jump while it is played.
    const all = [...norms, ...terms, ...(numerical || []), total, after].filter((v) => v > LOWEST && v < HIGHEST);
    const limits = [Math.min(0.1, ...all) / 2, Math.max(10, ...all) * 2];
    const column = columnOf(width, T);
    const every = Math.ceil(34 / column);
    const names = norms.map((_, k) => [k, `s${low(k)}`]).filter(([k]) => k % every === 0);
    self.axes({ x: [-0.6, T + 1.6], y: limits, yLog: true, xTicks: [...names, [T + 1, "Σ"]] });
    self.ground.replaceChildren(drawn("rect", { class: "nnc-chosen", x: self.toX(chosen) - column / 2, width: column, y: self.area.top, height: self.area.bottom - self.area.top, rx: 5 }));
    self.layer.replaceChildren(
      ...(cut === null ? [] : [self.line([[cut + 0.5, limits[0]], [cut + 0.5, limits[1]]], "nnc-muted-line")]),
      self.line([[-0.6, 1], [T + 1.6, 1]], "nnc-frame"),
      ...shown.flatMap((points, s) => [self.line(points, `nnc-line nnc-s${s}`), ...points.map((p) => self.mark(s, p, `nnc-dot nnc-s${s}`, 4))]),
      ...sums.map((v, s) => (s ? self.mark(3, [T + 1, v], "nnc-dot nnc-s2", 7) : self.mark(1, [T + 1, v], "nnc-hollow", 7))));
  }
  return { ...self, draw };
}
