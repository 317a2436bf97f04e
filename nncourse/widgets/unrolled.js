// An unrolled recurrent network and its gradient, step by step: the twin of unrolled.py, and the
// front end.

import { button, element, fill, formatNumber, frame, listen } from "./base.js";
import { check, choice, facts, legend, normals, pickable, player, put, showAll, slider } from "./explorer.js";
import { dot, orthogonal } from "./matrix.js";
import { graphPicture, low, normPicture } from "./unrolled_picture.js";

export const [UNITS, LONGEST] = [6, 24];
const [VANISHED, EXPLODED] = [0.03, 30];

const STEP = {
  tanh: [Math.tanh, (s) => 1 - s * s],
  identity: [(z) => z, () => 1],
  relu: [(z) => Math.max(z, 0), (s) => (s > 0 ? 1 : 0)],
}; // f, and f' from the value of f

export const norm = (v) => Math.sqrt(dot(v, v));

/** Q orthogonal, U, v of length 1, s_0 and the inputs, from a seed. */
export function network(seed) {
  const next = normals(seed);
  const draw = (count) => Array.from({ length: count }, next);
  const q = orthogonal(Array.from({ length: UNITS }, () => draw(UNITS)));
  const u = draw(UNITS).map((a) => 0.3 * a);
  const v = draw(UNITS);
  const s0 = draw(UNITS).map((a) => 0.3 * a);
  return { q, u, v: v.map((a) => a / norm(v)), s0, x: draw(LONGEST) };
}

function forward({ q, u, s0 }, x, activation, radius, length) {
  const [f] = STEP[activation];
  const states = [s0];
  for (let t = 0; t < length; t++) states.push(q.map((row, i) => f(u[i] * x[t] + radius * dot(row, states[t]))));
  return states;
}

/** Both passes, as in unrolled.py. */
export function unroll({ activation, radius, length, horizon, seed }) {
  const net = network(seed);
  const slope = STEP[activation][1];
  const states = forward(net, net.x, activation, radius, length);
  const arriving = states.map(() => Array(UNITS).fill(0));
  arriving[length] = net.v;
  const [terms, inputs] = [Array(length).fill(0), Array(length).fill(0)];
  const dw = net.q.map(() => Array(UNITS).fill(0));
  const first = Math.max(0, length - horizon);
  for (let k = length; k > first; k--) {
    const dz = arriving[k].map((g, i) => g * slope(states[k][i]));
    terms[k - 1] = norm(dz) * norm(states[k - 1]); // the norm of an outer product
    inputs[k - 1] = dot(dz, net.u);
    dz.forEach((d, i) => states[k - 1].forEach((s, j) => (dw[i][j] += d * s)));
    if (k - 1 > first || first === 0) arriving[k - 1] = dz.map((_, j) => radius * net.q.reduce((sum, row, i) => sum + row[j] * dz[i], 0));
  }
  return { states, arriving, terms, inputs, total: norm(dw.flat()), loss: dot(net.v, states[length]) };
}

/** dC/dx_k as a central difference, which no truncation can fool. */
export function measured({ activation, radius, length, seed }, k) {
  const net = network(seed);
  const [above, below] = [1e-4, -1e-4].map((h) => dot(net.v, forward(net, net.x.map((v, t) => (t === k - 1 ? v + h : v)), activation, radius, length)[length]));
  return (above - below) / 2e-4;
}

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const kinds = [["tanh", "tanh"], ["identity", strings.identity], ["relu", "ReLU"]];
  if (model.get("own").states) kinds.push(["own", strings.own]);
  const activation = choice(model, "activation", strings.activation, kinds);
  const radius = slider(model, "radius", strings.radius, { low: 0.1, high: 3, step: 0.05 });
  const length = slider(model, "length", strings.length, { low: 2, high: LONGEST, step: 1 });
  const horizon = slider(model, "horizon", strings.horizon, { low: 1, high: LONGEST, step: 1, shown: (k) => (k >= model.get("length") ? strings.all : String(k)) });
  const clipped = check(model, "clipped", strings.clipped);
  const limit = slider(model, "limit", strings.limit, { low: -3, high: 3, step: 0.1, power: true });
  const last = () => 2 * model.get("length") + 1;
  const shown = player(model, "shown", strings.passes, last, { play: strings.play, pause: strings.pause }, 6);
  length.input.addEventListener("input", () => put(model, { shown: last() }));
  const again = button(strings.again, strings.again, () => put(model, { seed: model.get("seed") + 1 }), "nnc-again");
  const controls = [activation, radius, length, horizon, clipped, limit, shown];

  let [graph, chart, width] = [];
  const pictures = element("div", {});
  const keys = element("div", {});
  const numbers = element("div", { class: "nnc-facts" });
  const words = element("div", { class: "nnc-words", role: "status" });
  body.append(
    element("div", { class: "nnc-row" }, activation.node, radius.node, length.node),
    element("div", { class: "nnc-row" }, shown.node, horizon.node, again),
    pictures, keys,
    element("div", { class: "nnc-row" }, clipped.node, limit.node),
    element("div", { class: "nnc-panel" }, numbers, words));

  const choose = ([x]) => put(model, { chosen: Math.max(1, Math.min(model.get("length"), Math.round(x))) });
  const nudge = ([across, up]) => choose([Math.min(model.get("chosen"), model.get("length")) + across + up]);

  /** The width for pictures, in pixels: that of the page within limits. */
  const room = () => Math.max(430, Math.min(1000, Math.round(body.clientWidth) || 1000));
  function build() {
    width = room();
    [graph, chart] = [graphPicture(width), normPicture(strings.norms, width)];
    for (const place of [graph, chart]) pickable(place, choose, nudge);
    pictures.replaceChildren(graph.svg, element("div", { class: "nnc-muted" }, strings.help), chart.svg);
  }

  function show() {
    showAll(controls);
    limit.input.disabled = !model.get("clipped");
    const own = model.get("activation") === "own" ? model.get("own") : null;
    const settings = Object.fromEntries(["activation", "radius", "length", "horizon", "seed"].map((name) => [name, model.get(name)]));
    Object.assign(settings, own && { length: own.length, horizon: own.horizon });
    const found = own || unroll(settings);
    const T = settings.length;
    const k = Math.min(model.get("chosen"), T);
    const difference = own ? own.differences[k - 1] : measured(settings, k);
    const norms = found.arriving.map(norm);
    const view = {
      T, k, states: found.states, norms, terms: found.terms, total: found.total, numerical: own && own.numerical,
      cut: settings.horizon < T ? T - settings.horizon : null,
      forward: Math.min(model.get("shown"), T), // s_1 ... of the forward pass
      back: 2 * T + 1 - model.get("shown"), // the gradient has come down to this state
      after: model.get("clipped") ? Math.min(found.total, model.get("limit")) : null,
    };
    graph.draw(view);
    chart.draw(view);
    keys.replaceChildren(legend([
      ["nnc-line nnc-s1", strings.arriving, 1], ["nnc-line nnc-s0", strings.terms, 0],
      ...(own ? [["nnc-line nnc-s2", strings.numerical, 2]] : []),
      ["nnc-hollow", strings.sum_before, 1], ...(view.after === null ? [] : [["nnc-dot nnc-s2", strings.sum_after, 3]])]));
    numbers.replaceChildren(...facts([
      [`‖∂C/∂s${low(k)}‖`, formatNumber(norms[k])], [fill(strings.by_rule, { k: low(k) }), formatNumber(found.inputs[k - 1])],
      [strings.by_difference, formatNumber(difference)], ["‖∂C/∂W‖", formatNumber(found.total)],
      ...(view.after === null ? [] : [[strings.after, formatNumber(view.after)]])]));
    const ratio = norms[1] / norms[T];
    words.textContent = own && own.wrong.length ? fill(strings.wrong, { k: own.wrong[0], name: own.wrong[1] })
      : view.cut !== null ? fill(strings.cut, { k: view.cut + 1 })
      : ratio < VANISHED ? strings.lost : ratio > EXPLODED ? strings.blown : strings.flows;
    const alt = fill(strings.alt, { steps: T, first: formatNumber(norms[1]), last: formatNumber(norms[T]), of_w: formatNumber(found.total) });
    graph.svg.setAttribute("aria-label", `${strings.help} ${alt}`);
    chart.svg.setAttribute("aria-label", `${strings.norms}. ${alt}`);
  }

  build();
  show();
  const resized = new ResizeObserver(() => {
    if (Math.abs(room() - width) < 40) return;
    build();
    show();
  });
  resized.observe(body);
  const names = ["activation", "radius", "length", "horizon", "clipped", "limit", "chosen", "shown", "seed", "own"];
  const quiet = listen(model, Object.fromEntries(names.map((name) => [`change:${name}`, show])));
  return () => {
    shown.stop();
    resized.disconnect();
    quiet();
  };
}

export default { render };
