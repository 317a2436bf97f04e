// A wide and a sharp minimum: the twin of minima.py, and the front end.

import { button, drawn, element, fill, formatNumber, frame, listen } from "./base.js";
import { chart, facts, legend, normals, put, showAll, slider } from "./explorer.js";

export const WIDE = { at: -1, depth: 1, width: 0.6 };
export const SHARP = { at: 1.2, depth: 1.05 };
const [LOW, HIGH, BALLS, STEPS] = [-3, 3, 48, 150];

const well = (w, { at, depth, width }) => depth * Math.exp(-((w - at) ** 2) / (2 * width ** 2));

export const loss = (w, width) => 1.2 + 0.02 * w * w - well(w, WIDE) - well(w, { ...SHARP, width });
export const slope = (w, width) => 0.04 * w + ((w - WIDE.at) / WIDE.width ** 2) * well(w, WIDE) + ((w - SHARP.at) / width ** 2) * well(w, { ...SHARP, width });

/** Where balls that start all over the interval are after `steps` noisy steps. */
export function roll({ width, rate, noise, seed, steps = STEPS }) {
  const bell = normals(seed);
  let balls = Array.from({ length: BALLS }, (_, k) => LOW + ((k + 0.5) / BALLS) * (HIGH - LOW));
  for (let step = 0; step < steps; step++)
    balls = balls.map((w) => Math.max(-9, Math.min(9, w - rate * (slope(w, width) + noise * bell()))));
  return balls;
}

/** The share of balls nearer to the wide minimum than to the sharp one. */
export const shareWide = (balls) => balls.filter((w) => Math.abs(w - WIDE.at) < Math.abs(w - SHARP.at)).length / balls.length;

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const width = slider(model, "width", strings.width, { low: 0.05, high: 0.6, step: 0.01 });
  const shift = slider(model, "shift", strings.shift, { low: -0.6, high: 0.6, step: 0.02 });
  const rate = slider(model, "rate", strings.rate, { low: -2, high: 0, step: 0.05, power: true });
  const noise = slider(model, "noise", strings.noise, { low: 0, high: 3, step: 0.1 });
  const again = button(strings.again, strings.again, () => put(model, { seed: model.get("seed") + 1 }), "nnc-again");
  const curves = chart(strings.curves, "curves", { width: 470, height: 320 });
  const shares = chart(strings.shares, "shares", { width: 470, height: 320 });
  const numbers = element("div", { class: "nnc-facts" });
  const words = element("div", { class: "nnc-words", role: "status" });
  body.append(
    element("div", { class: "nnc-row" }, width.node, shift.node), element("div", { class: "nnc-row" }, rate.node, noise.node, again),
    element("div", { class: "nnc-charts" }, element("div", {}, curves.svg, legend([["nnc-line nnc-s0", strings.training], ["nnc-line nnc-s1", strings.test], ["nnc-dot nnc-s2", strings.ball, 0]])), shares.svg),
    element("div", { class: "nnc-panel" }, numbers, words));
  let key = "";
  let series = [];

  function show() {
    showAll([width, shift, rate, noise]);
    const [s, d, a, n, seed] = ["width", "shift", "rate", "noise", "seed"].map((name) => model.get(name));
    const xs = Array.from({ length: 301 }, (_, k) => LOW + (k / 300) * (HIGH - LOW));
    curves.axes({ x: [LOW, HIGH], y: [0, 1.6], xName: "w" });
    const balls = roll({ width: s, rate: a, noise: n, seed });
    curves.layer.replaceChildren(
      curves.line(xs.map((w) => [w, loss(w, s)]), "nnc-line nnc-s0"), curves.line(xs.map((w) => [w, loss(w - d, s)]), "nnc-line nnc-s1"),
      ...balls.map((w) => curves.mark(0, [w, loss(w, s)], "nnc-dot nnc-s2", 4)));
    const wanted = [s, n, seed].join();
    if (key !== wanted) series = Array.from({ length: 11 }, (_, k) => 10 ** (-2 + k / 5)).map((r) => [r, shareWide(roll({ width: s, rate: r, noise: n, seed }))]);
    key = wanted;
    shares.axes({ x: [0.01, 1], y: [0, 1], xLog: true, xName: strings.rate });
    const share = shareWide(balls);
    const limits = [[SHARP, s], [WIDE, WIDE.width]].map(([one, w]) => (2 * w * w) / one.depth);
    shares.layer.replaceChildren(...limits.map((limit) => shares.line([[limit, 0], [limit, 1]], "nnc-muted-line")),
      shares.line(series, "nnc-line nnc-s2"), shares.mark(0, [a, share], "nnc-dot nnc-s2", 7));
    shares.over.replaceChildren(...limits.map((limit, k) => drawn("text", { class: "nnc-halo", x: shares.toX(limit) - 5, y: shares.area.bottom - 8 - 16 * k, "text-anchor": "end" }, k ? strings.limit_wide : strings.limit_sharp)));
    const test = [WIDE.at, SHARP.at].map((w) => formatNumber(loss(w - d, s)));
    numbers.replaceChildren(...facts([[strings.share, `${Math.round(100 * share)}%`], [strings.test_wide, test[0]], [strings.test_sharp, test[1]], [strings.limit_sharp, formatNumber(limits[0])], [strings.limit_wide, formatNumber(limits[1])]]));
    words.textContent = a > limits[0] && limits[0] < limits[1] ? strings.thrown : strings.both;
    const alt = fill(strings.alt, { share: Math.round(100 * share), wide: test[0], sharp: test[1] });
    curves.svg.setAttribute("aria-label", alt);
    shares.svg.setAttribute("aria-label", alt);
  }

  show();
  return listen(model, Object.fromEntries(["width", "shift", "rate", "noise", "seed"].map((name) => [`change:${name}`, show])));
}

export default { render };
