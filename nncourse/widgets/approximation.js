// A curve made of hidden units: the twin of approximation.py, and the front end.

import { element, fill, formatNumber, frame, listen } from "./base.js";
import { chart, choice, facts, legend, showAll, slider, check } from "./explorer.js";

export const CURVES = {
  sine: (x) => Math.sin(2 * Math.PI * x),
  hill: (x) => Math.exp(-40 * (x - 0.4) ** 2) - 0.4 * x,
  tooth: (x) => Math.abs(2 * ((3 * x) % 1) - 1),
  jump: (x) => (x < 0.6 ? 0.3 * x : 1 - 0.5 * x),
};
const MOST = 64;

const sigmoid = (z) => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));

/** The reader's own curve: straight between samples at k / 1600. */
export const interpolated = (samples) => (x) => {
  const at = Math.max(0, Math.min(samples.length - 1, x * (samples.length - 1)));
  const low = Math.min(samples.length - 2, Math.floor(at));
  return samples[low] + (at - low) * (samples[low + 1] - samples[low]);
};

/** The network a(x) = c + sum alpha_h s(k (x - t_h)): c, alphas, places t and the unit s. */
export function network(f, units, activation, steepness) {
  const at = Array.from({ length: units + 1 }, (_, h) => h / units);
  if (activation === "relu") {
    // Straight pieces between the points at: every unit bends the line by the change of slope.
    const slopes = at.slice(1).map((t, h) => (f(t) - f(at[h])) * units);
    return { constant: f(0), alphas: slopes.map((s, h) => s - (h ? slopes[h - 1] : 0)), places: at.slice(0, -1), unit: (z) => Math.max(0, z), k: 1 };
  }
  // Stairs: half-way between two points the value jumps from the one to the other.
  return { constant: f(0), alphas: at.slice(1).map((t, h) => f(t) - f(at[h])), places: at.slice(1).map((t) => t - 0.5 / units), unit: sigmoid, k: steepness * units };
}

export const value = ({ constant, alphas, places, unit, k }, x) => alphas.reduce((sum, alpha, h) => sum + alpha * unit(k * (x - places[h])), constant);

/** The largest distance of network and curve on 401 points of [0, 1]. */
export function largestError(f, units, activation, steepness) {
  const net = network(f, units, activation, steepness);
  let worst = 0;
  for (let k = 0; k <= 400; k++) worst = Math.max(worst, Math.abs(value(net, k / 400) - f(k / 400)));
  return worst;
}

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const samples = model.get("samples");
  const curves = samples.length ? { ...CURVES, own: interpolated(samples) } : CURVES;
  const curve = choice(model, "curve", strings.curve, Object.keys(curves).map((name) => [name, strings[`curve_${name}`]]));
  const activation = choice(model, "activation", strings.activation, [["sigmoid", strings.sigmoid], ["relu", "ReLU"]]);
  const units = slider(model, "units", strings.units, { low: 1, high: MOST, step: 1 });
  const steepness = slider(model, "steepness", strings.steepness, { low: 0, high: 2, step: 0.05, power: true });
  const parts = check(model, "parts", strings.parts);
  const picture = chart(strings.picture, "curve");
  const errors = chart(strings.errors, "errors", { left: 58 });
  const numbers = element("div", { class: "nnc-facts" });
  const words = element("div", { class: "nnc-words", role: "status" });
  body.append(
    element("div", { class: "nnc-row" }, curve.node, activation.node, units.node, steepness.node, parts.node),
    element("div", { class: "nnc-charts" },
      element("div", {}, picture.svg, legend([["nnc-line nnc-s0", strings.wanted], ["nnc-line nnc-s1", strings.made], ["nnc-thin nnc-s2", strings.one_unit]])),
      errors.svg),
    element("div", { class: "nnc-panel" }, numbers, words));
  let known = "";
  let series = [];

  function show() {
    showAll([curve, activation, units, steepness, parts]);
    const [name, H, kind, k] = ["curve", "units", "activation", "steepness"].map((trait) => model.get(trait));
    steepness.node.style.visibility = kind === "relu" ? "hidden" : "";
    const f = curves[name];
    const net = network(f, H, kind, k);
    const xs = Array.from({ length: 401 }, (_, i) => i / 400);
    const made = xs.map((x) => [x, value(net, x)]);
    const [low, high] = name === "own" ? [Math.min(0, ...samples), Math.max(0, ...samples)] : [-1, 1];
    const space = 0.25 * (high - low || 1);
    picture.axes({ x: [0, 1], y: [low - space, high + space], xName: "x" });
    const units_ = model.get("parts") ? net.alphas.slice(0, 24).map((alpha, h) => picture.line(xs.filter((_, i) => i % 4 === 0).map((x) => [x, alpha * net.unit(net.k * (x - net.places[h]))]), "nnc-thin nnc-s2")) : [];
    picture.layer.replaceChildren(...units_, picture.line(xs.map((x) => [x, f(x)]), "nnc-line nnc-s0"), picture.line(made, "nnc-line nnc-s1"));
    const key = [name, kind, k].join();
    if (key !== known) {
      const counts = [1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64];
      series = counts.map((n) => [n, Math.max(1e-6, largestError(f, n, kind, k))]);
      known = key;
    }
    const worst = largestError(f, H, kind, k);
    errors.axes({ x: [1, MOST], y: [1e-4, Math.max(4, 2 * series[0][1])], xLog: true, yLog: true, xName: "H", xTicks: [1, 2, 4, 8, 16, 32, 64].map((n) => [n, String(n)]) });
    const power = kind === "relu" ? 2 : 1;
    errors.layer.replaceChildren(
      errors.line([[1, 2], [MOST, 2 / MOST ** power]], "nnc-muted-line"), errors.line(series, "nnc-line nnc-s1"),
      errors.mark(1, [H, Math.max(1e-4, worst)], "nnc-dot nnc-s1", 7));
    errors.over.replaceChildren();
    numbers.replaceChildren(...facts([[strings.units, String(H)], [strings.parameters, String(3 * H + 1)], [strings.worst, formatNumber(worst)]]));
    words.textContent = name === "jump" ? strings.said_jump : name === "own" ? strings.said_own : strings[`said_${kind}`];
    const alt = fill(strings.alt, { n: H, error: formatNumber(worst) });
    picture.svg.setAttribute("aria-label", alt);
    errors.svg.setAttribute("aria-label", alt);
  }

  show();
  return listen(model, Object.fromEntries(["curve", "units", "activation", "steepness", "parts"].map((name) => [`change:${name}`, show])));
}

export default { render };
