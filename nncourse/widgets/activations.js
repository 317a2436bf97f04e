// Activation functions with their derivatives: the twin of activations.py, and the front end.

import { element, fill, formatNumber, frame, listen } from "./base.js";
import { chart, check, choice, facts, legend, pickable, put, showAll, slider } from "./explorer.js";

const erf = (x) => {
  // The series near zero, a continued fraction far away: to about 1e-12.
  const a = Math.abs(x);
  if (a < 2.5) {
    let [term, sum] = [a, a];
    for (let n = 1; Math.abs(term) > 1e-16 * Math.abs(sum) && n < 200; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 60; k > 0; k--) fraction = k / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + fraction)));
};
const sigmoid = (z) => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)));
const bell = (z) => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
const phi = (z) => 0.5 * (1 + erf(z / Math.SQRT2));

/** Value and derivative, each a function of z and of the parameter alpha. */
export const ACTIVATIONS = {
  sigmoid: [sigmoid, (z) => sigmoid(z) * (1 - sigmoid(z))],
  tanh: [Math.tanh, (z) => 1 - Math.tanh(z) ** 2],
  relu: [(z) => Math.max(z, 0), (z) => (z > 0 ? 1 : 0)],
  leaky_relu: [(z, a) => (z > 0 ? z : a * z), (z, a) => (z > 0 ? 1 : a)],
  elu: [(z, a) => (z > 0 ? z : a * Math.expm1(z)), (z, a) => (z > 0 ? 1 : a * Math.exp(z))],
  gelu: [(z) => z * phi(z), (z) => phi(z) + z * bell(z)],
};
/** Has the function a kink at 0? */
export const kinked = (name, alpha) => name === "relu" || (["leaky_relu", "elu"].includes(name) && alpha !== 1);

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const tables = model.get("own_tables");
  // The reader's own functions come as tables; between two places the line is straight.
  const between = (table) => (z) => {
    const at = Math.max(0, Math.min(240, (z + 6) * 20));
    const [low, part] = [Math.floor(at + 1e-9), at - Math.floor(at + 1e-9)];
    const [a, b] = [table[low] ?? NaN, table[Math.min(240, low + 1)] ?? NaN];
    return part > 1e-6 ? (1 - part) * a + part * b : a;
  };
  const functions = { ...ACTIVATIONS, ...Object.fromEntries(Object.entries(tables).map(([name, rows]) => [name, rows.map(between)])) };
  const problems = Object.entries(model.get("problems"));
  const names = Object.keys(functions);
  const labels = model.get("labels");
  const activation = choice(model, "activation", strings.activation, names.map((name) => [name, labels[name]]));
  const z = slider(model, "z", "z", { low: -6, high: 6, step: 0.05 });
  const alpha = slider(model, "alpha", "α", { low: 0, high: 1.5, step: 0.01 });
  const depth = slider(model, "depth", strings.depth, { low: 1, high: 30, step: 1 });
  const all = check(model, "compare", strings.compare);
  const value = chart(strings.value, "value");
  const slope = chart(strings.slope, "slope");
  const numbers = element("div", { class: "nnc-facts" });
  const words = element("div", { class: "nnc-words", role: "status" });
  const keys = element("div");
  body.append(
    element("div", { class: "nnc-row" }, activation.node, z.node, alpha.node, depth.node, all.node),
    element("div", { class: "nnc-charts" }, value.svg, slope.svg), keys,
    element("div", { class: "nnc-panel" }, numbers, words),
    ...problems.map(([name, told]) => element("div", { class: "nnc-message" }, `${name}: ${told}`)));
  const at = (v) => put(model, { z: Number(Math.max(-6, Math.min(6, v)).toFixed(2)) });
  for (const place of [value, slope]) pickable(place, ([x]) => at(Math.round(x * 20) / 20), (way) => at(model.get("z") + 0.05 * way[0]));

  function show() {
    showAll([activation, z, alpha, depth, all]);
    const [name, here, a, n] = ["activation", "z", "alpha", "depth"].map((trait) => model.get(trait));
    alpha.node.style.visibility = ["leaky_relu", "elu"].includes(name) ? "" : "hidden";
    if (!(name in functions)) return; // one's own that cannot be drawn; the message stands below
    const look = (other) => `nnc-s${names.indexOf(other) % 9}`;
    const shown = model.get("compare") ? names : [name];
    const xs = Array.from({ length: 241 }, (_, k) => -6 + k / 20);
    [[value, 0, [-2, 6]], [slope, 1, [-0.3, 1.6]]].forEach(([place, which, limits]) => {
      place.axes({ x: [-6, 6], y: limits, xName: "z" });
      place.layer.replaceChildren(
        place.line([[-6, 0], [6, 0]], "nnc-frame"), place.line([[0, limits[0]], [0, limits[1]]], "nnc-frame"),
        ...shown.flatMap((other) => {
          // A derivative that jumps is drawn in two pieces.
          const parts = which && kinked(other, a) ? [xs.filter((x) => x <= 0), xs.filter((x) => x > 0)] : [xs];
          const points = parts.map((part) => part.map((x) => [x, functions[other][which](x, a)]).filter((p) => Number.isFinite(p[1])));
          return points.map((part) => place.line(part, `nnc-line ${look(other)}${other === name ? "" : " nnc-faded"}`));
        }),
        ...[functions[name][which](here, a)].filter(Number.isFinite).map((v) => place.mark(names.indexOf(name), [here, v], `nnc-dot ${look(name)}`, 7)));
    });
    keys.replaceChildren(legend(shown.map((other) => [`nnc-line ${look(other)}`, labels[other]])));
    const [f, d] = functions[name].map((of) => of(here, a));
    const product = d ** n;
    numbers.replaceChildren(...facts([["f(z) =", formatNumber(f)], ["f′(z) =", formatNumber(d)], [fill(strings.product, { n }), formatNumber(product)]]));
    words.textContent = !Number.isFinite(d) ? strings.nowhere : kinked(name, a) && here === 0 ? strings.kink : d === 0 ? strings.dead : Math.abs(d) < 0.05 ? strings.saturated : Math.abs(product) < 0.01 ? strings.vanishes : strings.flows;
    const alt = fill(strings.alt, { name: labels[name], z: formatNumber(here), f: formatNumber(f), d: formatNumber(d) });
    value.svg.setAttribute("aria-label", alt);
    slope.svg.setAttribute("aria-label", alt);
  }

  show();
  return listen(model, Object.fromEntries(["activation", "z", "alpha", "depth", "compare"].map((name) => [`change:${name}`, show])));
}

export default { render };
