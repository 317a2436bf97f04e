// What initial values do to a deep network: the twin of depth.py, and the front end.

import { button, drawn, element, fill, formatNumber, frame, listen } from "./base.js";
import { chart, choice, facts, legend, normals, put, showAll, slider } from "./explorer.js";
import { dot, orthogonal } from "./matrix.js";

export const [WIDTH, EXAMPLES] = [32, 32];

const UNITS = {
  sigmoid: [(z) => 1 / (1 + Math.exp(-z)), (a) => a * (1 - a)],
  tanh: [Math.tanh, (a) => 1 - a * a],
  relu: [(z) => Math.max(z, 0), (a) => (a > 0 ? 1 : 0)],
};

const matrix = (next, rows, columns) => Array.from({ length: rows }, () => Array.from({ length: columns }, next));

/** The weight of a layer from normal numbers (WIDTH, WIDTH). */
export function weight(drawn, init, scale) {
  if (init === "orthogonal") return orthogonal(drawn).map((row) => row.map((v) => scale * v));
  const deviation = { zeros: 0, small: 0.01, xavier: Math.sqrt(1 / WIDTH), he: Math.sqrt(2 / WIDTH) }[init];
  return drawn.map((row) => row.map((v) => scale * deviation * v));
}

/** Activations and gradients of every layer: lists of WIDTH * EXAMPLES numbers. */
export function passes({ activation, init, scale, depth, seed }) {
  const next = normals(seed);
  const [unit, slope] = UNITS[activation];
  let a = matrix(next, EXAMPLES, WIDTH);
  const [weights, activations] = [[], []];
  for (let layer = 0; layer < depth; layer++) {
    const w = weight(matrix(next, WIDTH, WIDTH), init, scale);
    a = a.map((row) => w.map((weights_) => unit(dot(weights_, row))));
    weights.push(w);
    activations.push(a);
  }
  // The gradient that arrives at the last activations is normal; it goes back through every layer.
  let g = matrix(next, EXAMPLES, WIDTH);
  const gradients = Array(depth);
  for (let layer = depth - 1; layer >= 0; layer--) {
    g = g.map((row, i) => row.map((v, k) => v * slope(activations[layer][i][k])));
    gradients[layer] = g.flat();
    const columns = weights[layer][0].map((_, k) => weights[layer].map((row) => row[k]));
    g = g.map((row) => columns.map((column) => dot(row, column)));
  }
  return { activations: activations.map((rows) => rows.flat()), gradients };
}

export const deviation = (values) => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
};

function counts(values, low, high, bins) {
  const found = Array(bins).fill(0);
  for (const v of values) found[Math.max(0, Math.min(bins - 1, Math.floor(((v - low) / (high - low)) * bins)))] += 1;
  return found;
}

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const { own = [], own_init: ownInit = [] } = model.get("own_names");
  const problems = model.get("problems");
  const plain = (names) => names.map((name) => [name, name]);
  const activation = choice(model, "activation", strings.activation, [["tanh", "tanh"], ["relu", "ReLU"], ["sigmoid", strings.sigmoid], ...plain(own)]);
  const init = choice(model, "init", strings.init, [...["zeros", "small", "xavier", "he", "orthogonal"].map((name) => [name, strings[`init_${name}`]]), ...plain(ownInit)]);
  const scale = slider(model, "scale", strings.scale, { low: -1, high: 1, step: 0.05, power: true, shown: (v) => `× ${formatNumber(v)}` });
  const depth = slider(model, "depth", strings.depth, { low: 2, high: 12, step: 1 });
  const again = button(strings.again, strings.again, () => put(model, { seed: model.get("seed") + 1 }), "nnc-again");
  const forward = chart(strings.activations, "activations", { width: 470, height: 330, left: 36 });
  const backward = chart(strings.gradients, "gradients", { width: 470, height: 330, left: 36 });
  const sizes = chart(strings.sizes, "sizes", { width: 470, height: 240, left: 56 });
  const numbers = element("div", { class: "nnc-facts" });
  const words = element("div", { class: "nnc-words", role: "status" });
  body.append(
    element("div", { class: "nnc-row" }, activation.node, init.node, scale.node, depth.node, again),
    element("div", { class: "nnc-charts" }, forward.svg, backward.svg),
    element("div", { class: "nnc-charts" }, element("div", {}, sizes.svg, legend([["nnc-line nnc-s0", strings.of_activations], ["nnc-line nnc-s1", strings.of_gradients]])),
      element("div", { class: "nnc-panel" }, numbers, words)),
    ...Object.entries(problems).map(([name, told]) => element("div", { class: "nnc-message" }, `${name}: ${told}`)));

  /** What the kernel has computed with the reader's own code: its settings and both passes. */
  function received() {
    const at = model.get("own_at");
    const bytes = model.get("own_numbers");
    if (!at.depth || !bytes.byteLength) return [at, null];
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    const size = WIDTH * EXAMPLES;
    const layers = Array.from({ length: 2 * at.depth }, (_, k) => Array.from(values.subarray(k * size, (k + 1) * size)));
    return [at, { activations: layers.slice(0, at.depth), gradients: layers.slice(at.depth) }];
  }

  /** A row of bars for every layer, the first at the bottom. Exact zeros would dwarf all else: their share is told. */
  function ridges(place, layers, limits, xName, look) {
    const bins = 41;
    place.axes({ x: limits, y: [0, layers.length], xName, yName: strings.layer, yTicks: layers.map((_, k) => [k + 0.1, String(k + 1)]) });
    const zeros = layers.map((values) => values.filter((v) => v === 0).length / values.length);
    place.over.replaceChildren(...zeros.flatMap((share, k) => (share < 0.005 ? [] : [drawn("text", { class: "nnc-halo nnc-zeros", x: place.area.right, y: place.toY(k + 0.25), "text-anchor": "end" }, `0: ${Math.round(100 * share)}%`)])));
    place.layer.replaceChildren(...layers.map((values, k) => {
      const heights = counts(zeros[k] < 1 ? values.filter((v) => v !== 0) : values, ...limits, bins);
      const top = Math.max(1, ...heights);
      const points = heights.flatMap((n, b) => [[limits[0] + (b / bins) * (limits[1] - limits[0]), k + 0.1 + (0.82 * n) / top], [limits[0] + ((b + 1) / bins) * (limits[1] - limits[0]), k + 0.1 + (0.82 * n) / top]]);
      return place.line([[limits[0], k + 0.1], ...points, [limits[1], k + 0.1]], `nnc-ridge ${look}`);
    }));
  }

  function show() {
    showAll([activation, init, scale, depth]);
    let settings = Object.fromEntries(["activation", "init", "scale", "depth", "seed"].map((name) => [name, model.get(name)]));
    if (settings.activation in problems || settings.init in problems) return; // the message stands below
    const mine = own.includes(settings.activation) || ownInit.includes(settings.init);
    const [at, found] = mine ? received() : [settings, passes(settings)];
    if (!found || at.activation !== settings.activation || at.init !== settings.init) return; // the kernel answers in a moment
    settings = at; // the numbers on show belong to these
    const { activations, gradients } = found;
    const wide = Math.max(1e-12, ...gradients.map(deviation).filter(Number.isFinite)) * 3;
    const ends = (layers) => layers.flat().filter(Number.isFinite).reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [-0.5, 0.5]).map((v) => Math.max(-4, Math.min(4, v)));
    const limits = own.includes(settings.activation) ? ends(activations) : settings.activation === "relu" ? [-0.5, 4] : [-1.05, 1.05];
    ridges(forward, activations, limits, strings.activation_value, "nnc-dot nnc-s0");
    ridges(backward, gradients, [-wide, wide], strings.gradient_value, "nnc-dot nnc-s1");
    const [up, down] = [activations, gradients].map((layers) => layers.map(deviation));
    const shown = (values) => values.map((v, k) => [k + 1, v]).filter((p) => p[1] > 0 && Number.isFinite(p[1]));
    const positive = [...up, ...down].filter((v) => v > 0 && Number.isFinite(v));
    sizes.axes({ x: [1, settings.depth], y: [Math.min(0.1, ...positive) / 2, Math.max(10, ...positive) * 2], yLog: true, xName: strings.layer, xTicks: up.map((_, k) => [k + 1, String(k + 1)]) });
    sizes.layer.replaceChildren(sizes.line(shown(up), "nnc-line nnc-s0"), sizes.line(shown(down), "nnc-line nnc-s1"));
    const [first, last] = [down[0], down[settings.depth - 1]];
    const ratio = last === 0 ? 0 : first / last;
    numbers.replaceChildren(...facts([[strings.last_activation, formatNumber(up[settings.depth - 1])], [strings.ratio, formatNumber(ratio)]]));
    words.textContent = !Number.isFinite(ratio) ? strings.said_nowhere : settings.init === "zeros" ? strings.said_zeros : ratio < 0.03 ? strings.said_vanish : ratio > 30 ? strings.said_explode : strings.said_flow;
    const alt = fill(strings.alt, { depth: settings.depth, up: formatNumber(up[settings.depth - 1]), ratio: formatNumber(ratio) });
    for (const place of [forward, backward, sizes]) place.svg.setAttribute("aria-label", `${place.heading.textContent}. ${alt}`);
  }

  show();
  return listen(model, Object.fromEntries(["activation", "init", "scale", "depth", "seed", "own_at"].map((name) => [`change:${name}`, show])));
}

export default { render };
