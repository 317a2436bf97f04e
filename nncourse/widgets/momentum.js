// Step and momentum on a bowl: the twin of momentum.py, and the front end.

import { element, fill, formatNumber, frame, listen } from "./base.js";
import { chart, check, cividis, facts, heat, legend, pickable, put, showAll, slider } from "./explorer.js";

const [WIDEST, HIGHEST, PIXELS] = [4, 1, 80];
const GROWS = [110, 40, 40];

/** How a step multiplies the error along an axis of curvature c: the spectral radius of the recursion. */
export function rateOf(step, momentum, curvature, nesterov) {
  const shrink = 1 - step * curvature;
  const [b, c] = nesterov ? [(1 + momentum) * shrink, momentum * shrink] : [momentum + shrink, momentum];
  const inner = b * b - 4 * c;
  return inner < 0 ? Math.sqrt(c) : (Math.abs(b) + Math.sqrt(inner)) / 2;
}

/** The slower of the two axes, with curvatures 1 and 1 / kappa. */
export const rate = (step, momentum, kappa, nesterov) => Math.max(rateOf(step, momentum, 1, nesterov), rateOf(step, momentum, 1 / kappa, nesterov));

/** The error along an axis after 0, 1, ... steps, from 1 and at rest. */
export function errors(step, momentum, curvature, nesterov, steps) {
  let [w, before] = [1, 1];
  const path = [w];
  for (let k = 0; k < steps; k++) {
    const ahead = nesterov ? w + momentum * (w - before) : w;
    [w, before] = [w + momentum * (w - before) - step * curvature * ahead, w];
    path.push(w);
  }
  return path;
}

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const step = slider(model, "step", strings.step, { low: 0.02, high: WIDEST - 0.02, step: 0.02 });
  const momentum = slider(model, "momentum", strings.momentum, { low: 0, high: 0.99, step: 0.01 });
  const kappa = slider(model, "kappa", strings.kappa, { low: 0, high: 3, step: 0.1, power: true });
  const nesterov = check(model, "nesterov", strings.nesterov);
  const plane = chart("", "plane", { width: 470, height: 360, left: 56 });
  const course = chart(strings.course, "course", { width: 470, height: 360, left: 56 });
  const colours = element("div", { class: "nnc-legend" }, ...[[cividis(1), strings.fast], [cividis(0), strings.slow], [GROWS, strings.grows]].map(([tone, label]) =>
    element("span", { class: "nnc-entry" }, element("span", { class: "nnc-tile", style: `background: rgb(${tone})` }), label)));
  const numbers = element("div", { class: "nnc-facts" });
  const words = element("div", { class: "nnc-words", role: "status" });
  body.append(
    element("div", { class: "nnc-row" }, step.node, momentum.node, kappa.node, nesterov.node),
    element("div", { class: "nnc-charts" }, element("div", {}, plane.svg, colours, element("div", { class: "nnc-muted" }, strings.help)),
      element("div", {}, course.svg, legend([["nnc-line nnc-s0", strings.steep], ["nnc-line nnc-s1", strings.flat]]))),
    element("div", { class: "nnc-panel" }, numbers, words));
  const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
  const choose = (x, y) => put(model, { step: Number(clamp(x, 0.02, WIDEST - 0.02).toFixed(2)), momentum: Number(clamp(y, 0, 0.99).toFixed(2)) });
  pickable(plane, ([x, y]) => choose(x, y), (way) => choose(model.get("step") + 0.05 * way[0], model.get("momentum") + 0.02 * way[1]));

  let painted = "";
  function show() {
    showAll([step, momentum, kappa, nesterov]);
    const [a, m, k, look] = ["step", "momentum", "kappa", "nesterov"].map((name) => model.get(name));
    plane.axes({ x: [0, WIDEST], y: [0, HIGHEST], xName: strings.step, yName: strings.momentum });
    const key = [k, look].join();
    if (key !== painted) {
      // Bright is fast: the logarithm of the steps for a tenth of the error, the best one brightest.
      const tenths = Array.from({ length: PIXELS * PIXELS }, (_, p) => {
        const r = rate((((p % PIXELS) + 0.5) / PIXELS) * WIDEST, ((Math.floor(p / PIXELS) + 0.5) / PIXELS) * HIGHEST, k, look);
        return r >= 1 ? Infinity : Math.log10(-1 / Math.log10(Math.max(r, 0.05)));
      });
      const least = Math.min(...tenths);
      plane.paint(heat(PIXELS, PIXELS, (i, j) => {
        const slow = tenths[PIXELS * j + i] - least;
        return slow === Infinity ? GROWS : cividis(1 - slow / 1.5);
      }));
      painted = key;
    }
    plane.layer.replaceChildren(plane.mark(0, [a, m], "nnc-dot nnc-s8", 9), plane.mark(0, [a, m], "nnc-dot nnc-s1", 6));
    const [fast, slow] = [1, 1 / k].map((c) => errors(a, m, c, look, 100));
    const shown = (path) => path.map((v, t) => [t, clamp(Math.abs(v), 1e-9, 1e9)]);
    course.axes({ x: [0, 100], y: [1e-8, 1e4], yLog: true, xName: strings.steps });
    course.layer.replaceChildren(course.line(shown(fast), "nnc-line nnc-s0"), course.line(shown(slow), "nnc-line nnc-s1"));
    const r = rate(a, m, k, look);
    const root = Math.sqrt(k);
    const best = ((root - 1) / (root + 1)) ** 2;
    numbers.replaceChildren(...facts([[strings.rate, formatNumber(r)], [strings.tenth, r < 1 ? formatNumber(Math.ceil(-1 / Math.log10(Math.max(r, 1e-9)))) : "∞"],
      [strings.best_plain, formatNumber((k - 1) / (k + 1))], [strings.best_ball, formatNumber((root - 1) / (root + 1))], ["μ* =", formatNumber(best)], ["ε* =", formatNumber(4 / (1 + 1 / root) ** 2)]]));
    words.textContent = r >= 1 ? strings.diverges : rateOf(a, m, 1, look) > rateOf(a, m, 1 / k, look) + 1e-9 ? strings.steep_rules : strings.flat_rules;
    const alt = fill(strings.alt, { step: formatNumber(a), momentum: formatNumber(m), rate: formatNumber(r) });
    plane.svg.setAttribute("aria-label", `${strings.help} ${alt}`);
    course.svg.setAttribute("aria-label", alt);
  }

  show();
  return listen(model, Object.fromEntries(["step", "momentum", "kappa", "nesterov"].map((name) => [`change:${name}`, show])));
}

export default { render };
