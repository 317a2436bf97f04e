// BatchNorm on one feature: the twin of normalizing.py, and the front end.

import { drawn, element, fill, formatNumber, frame, listen } from "./base.js";
import { chart, choice, facts, legend, showAll, slider } from "./explorer.js";

export const BATCH = [-1.4, -0.9, -0.3, 0.1, 0.4, 0.8, 1.1, 1.9];
export const UPSTREAM = [0.6, -0.4, 0.9, 0.2, -0.7, 0.5, 0.8, -0.1];
const EPS = 1e-5;

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

/** Mean and variance (divided by N) that normalise: of this batch, or the running ones. */
export function statistics(u, mode) {
  if (mode === "prediction") {
    const centre = mean(BATCH);
    return [centre, mean(BATCH.map((v) => (v - centre) ** 2))];
  }
  const centre = mean(u);
  return [centre, mean(u.map((v) => (v - centre) ** 2))];
}

/** What goes in, normalised, out, and the gradient by the input for the fixed gradient of the output. */
export function normalise({ shift, spread, gamma, beta, mode }) {
  const u = BATCH.map((v) => spread * v + shift);
  const [mu, variance] = statistics(u, mode);
  const deviation = Math.sqrt(variance + EPS);
  const hat = u.map((v) => (v - mu) / deviation);
  const out = hat.map((v) => gamma * v + beta);
  const [along, across] = [mean(UPSTREAM), mean(UPSTREAM.map((d, i) => d * hat[i]))];
  const gradient = UPSTREAM.map((d, i) => (gamma / deviation) * (mode === "prediction" ? d : d - along - hat[i] * across));
  return { u, hat, out, gradient, mu, deviation };
}

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const shift = slider(model, "shift", strings.shift, { low: -4, high: 4, step: 0.1 });
  const spread = slider(model, "spread", strings.spread, { low: -1, high: 1, step: 0.05, power: true });
  const gamma = slider(model, "gamma", "γ", { low: -2, high: 3, step: 0.1 });
  const beta = slider(model, "beta", "β", { low: -3, high: 3, step: 0.1 });
  const mode = choice(model, "mode", strings.mode, [["training", strings.training], ["prediction", strings.prediction]]);
  const points = chart(strings.points, "points", { width: 470, height: 260, left: 100 });
  const bars = chart(strings.gradients, "gradients", { width: 470, height: 260, left: 46 });
  const numbers = element("div", { class: "nnc-facts" });
  const words = element("div", { class: "nnc-words", role: "status" });
  body.append(
    element("div", { class: "nnc-row" }, shift.node, spread.node, gamma.node, beta.node, mode.node),
    element("div", { class: "nnc-charts" }, points.svg,
      element("div", {}, bars.svg, legend([["nnc-dot nnc-s1", strings.upstream, 1], ["nnc-dot nnc-s0", strings.downstream, 0]]))),
    element("div", { class: "nnc-panel" }, numbers, words));

  function show() {
    showAll([shift, spread, gamma, beta, mode]);
    const settings = Object.fromEntries(["shift", "spread", "gamma", "beta", "mode"].map((name) => [name, model.get(name)]));
    const { u, hat, out, gradient, mu, deviation } = normalise(settings);
    const far = Math.max(4, ...[...u, ...hat, ...out].map(Math.abs)) * 1.05;
    points.axes({ x: [-far, far], y: [0, 3], yTicks: [[2.5, strings.input], [1.5, strings.normalised], [0.5, strings.output]], xName: strings.value });
    points.layer.replaceChildren(
      ...u.flatMap((v, i) => [points.line([[v, 2.5], [hat[i], 1.5], [out[i], 0.5]], "nnc-thin nnc-s0")]),
      ...[u, hat, out].flatMap((row, k) => row.map((v) => points.mark(k, [v, 2.5 - k], `nnc-dot nnc-s${k}`, 5))));
    const top = Math.max(1, ...gradient.map(Math.abs)) * 1.1;
    bars.axes({ x: [0, BATCH.length], y: [-top, top], xTicks: BATCH.map((_, i) => [i + 0.5, String(i + 1)]), xName: strings.example });
    const bar = (v, i, left, look) => drawn("rect", { class: `nnc-dot ${look}`, x: bars.toX(i + left), width: bars.toX(0.36) - bars.toX(0), y: Math.min(bars.toY(v), bars.toY(0)), height: Math.abs(bars.toY(v) - bars.toY(0)) });
    bars.layer.replaceChildren(bars.line([[0, 0], [BATCH.length, 0]], "nnc-frame"), ...UPSTREAM.map((v, i) => bar(v, i, 0.12, "nnc-s1")), ...gradient.map((v, i) => bar(v, i, 0.52, "nnc-s0")));
    const sum = gradient.reduce((a, b) => a + b, 0);
    const along = gradient.reduce((a, b, i) => a + b * hat[i], 0);
    const short = (v) => formatNumber(Math.abs(v) < 1e-4 ? 0 : Number(v.toFixed(4)));
    numbers.replaceChildren(...facts([["μ =", short(mu)], ["σ =", short(deviation)], ["Σ du =", short(sum)], ["Σ du·û =", short(along)]]));
    words.textContent = settings.mode === "training" ? strings.lost : strings.kept;
    const alt = fill(strings.alt, { mu: short(mu), sigma: short(deviation), sum: short(sum) });
    points.svg.setAttribute("aria-label", alt);
    bars.svg.setAttribute("aria-label", alt);
  }

  show();
  return listen(model, Object.fromEntries(["shift", "spread", "gamma", "beta", "mode"].map((name) => [`change:${name}`, show])));
}

export default { render };
