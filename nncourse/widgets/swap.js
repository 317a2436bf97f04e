// Hidden neurons exchanged: the twin of swap.py, and the front end. A network is rows [w, b, v].

import { columnHead, element, fill, formatNumber, frame, listen } from "./base.js";
import { chart, check, choice, facts, legend, showAll, slider } from "./explorer.js";

export const NETWORK = [[2, 1, 1], [-3, 1.5, 0.6], [1, -1, -1.4]];
export const ORDERS = ["123", "132", "213", "231", "312", "321"];
const POINTS = Array.from({ length: 41 }, (_, k) => -3 + (6 * k) / 40);

/** The network with its neurons in another order; with `flip` the first one changes all its signs. */
export function exchanged(order, flip) {
  const rows = Array.from(order, (digit) => NETWORK[Number(digit) - 1]);
  return rows.map((row, k) => (flip && k === 0 ? row.map((v) => -v) : row));
}

export const value = (network, x) => network.reduce((sum, [w, b, v]) => sum + v * Math.tanh(w * x + b), 0);

/** The weights on the straight way from the network (t = 0) to the exchanged one (t = 1). */
export const between = (order, flip, t) => exchanged(order, flip).map((row, k) => row.map((v, d) => (1 - t) * NETWORK[k][d] + t * v));

/** The mean squared distance of a network's function from that of the first. */
export const loss = (network) => POINTS.reduce((sum, x) => sum + (value(network, x) - value(NETWORK, x)) ** 2, 0) / POINTS.length;

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const order = choice(model, "order", strings.order, ORDERS.map((name) => [name, Array.from(name).join(", ")]));
  const flip = check(model, "flip", strings.flip);
  const way = slider(model, "way", strings.way, { low: 0, high: 1, step: 0.02 });
  const curve = chart(strings.curve, "curve");
  const course = chart(strings.course, "course");
  const rows = element("tbody");
  const table = element("table", { class: "nnc-table nnc-mono" }, element("thead", {}, element("tr", {}, ...["", "w", "b", "v"].map(columnHead))), rows);
  const numbers = element("div", { class: "nnc-facts" });
  const words = element("div", { class: "nnc-words", role: "status" });
  body.append(
    element("div", { class: "nnc-row" }, order.node, flip.node, way.node),
    element("div", { class: "nnc-charts" }, element("div", {}, curve.svg, legend([["nnc-line nnc-s0", strings.first], ["nnc-line nnc-s1", strings.here]])), course.svg, table),
    element("div", { class: "nnc-panel" }, numbers, words));

  function show() {
    showAll([order, flip, way]);
    const [name, flipped, t] = ["order", "flip", "way"].map((trait) => model.get(trait));
    const network = between(name, flipped, t);
    const xs = Array.from({ length: 121 }, (_, k) => -3 + k / 20);
    curve.axes({ x: [-3, 3], y: [-3.2, 3.2], xName: "x" });
    curve.layer.replaceChildren(curve.line(xs.map((x) => [x, value(NETWORK, x)]), "nnc-line nnc-s0"), curve.line(xs.map((x) => [x, value(network, x)]), "nnc-line nnc-s1"));
    const hill = Array.from({ length: 51 }, (_, k) => [k / 50, loss(between(name, flipped, k / 50))]);
    const top = Math.max(0.1, ...hill.map((p) => p[1]));
    course.axes({ x: [0, 1], y: [0, top * 1.1], xName: strings.way });
    course.layer.replaceChildren(course.line(hill, "nnc-line nnc-s1"), course.mark(0, [t, loss(network)], "nnc-dot nnc-s1", 7));
    rows.replaceChildren(...network.map((row, k) => element("tr", {}, element("td", {}, String(k + 1)), ...row.map((v) => element("td", {}, v.toFixed(2).replace("-", "−"))))));
    numbers.replaceChildren(...facts([[strings.loss, formatNumber(loss(network))], [strings.top, formatNumber(top)], [strings.equal, "3! · 2³ = 48"]]));
    const end = t === 0 || t === 1;
    words.textContent = name === "123" && !flipped ? strings.same : end ? strings.ends : strings.middle;
    const alt = fill(strings.alt, { order: name, way: formatNumber(t), loss: formatNumber(loss(network)) });
    curve.svg.setAttribute("aria-label", alt);
    course.svg.setAttribute("aria-label", alt);
  }

  show();
  return listen(model, Object.fromEntries(["order", "flip", "way"].map((name) => [`change:${name}`, show])));
}

export default { render };
