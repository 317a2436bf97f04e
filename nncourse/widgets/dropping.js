// Dropout as an ensemble: the twin of dropping.py, and the front end.

import { KEEP_KEYS, button, drawn, element, fill, formatNumber, frame, listen } from "./base.js";
import { chart, check, choice, facts, legend, put, showAll, slider } from "./explorer.js";

export const VALUES = [0.9, 0.4, 1.2, 0.7, 0.3, 1.0];
export const WEIGHTS = [1.2, -0.8, 0.6, 1.5, -1.1, 0.4];
const N = VALUES.length;
const MASKS = 2 ** N;
const BINS = 30;

const after = (z, bent) => (bent ? Math.tanh(z) : z);
const kept = (mask, h) => (mask >> h) & 1;

/** The output with a mask while training: neurons left out, in the inverted form the rest enlarged. */
export function output(mask, p, kind, bent) {
  const z = VALUES.reduce((sum, v, h) => sum + (kept(mask, h) ? v * WEIGHTS[h] : 0), 0);
  return after(kind === "inverted" ? z / (1 - p) : z, bent);
}

/** The output for predictions: nothing is left out, in the plain form all is made smaller. */
export function prediction(p, kind, bent) {
  const z = VALUES.reduce((sum, v, h) => sum + v * WEIGHTS[h], 0);
  return after(kind === "inverted" ? z : (1 - p) * z, bent);
}

/** The probability of a mask. */
export const chance = (mask, p) => Array.from({ length: N }, (_, h) => (kept(mask, h) ? 1 - p : p)).reduce((a, b) => a * b, 1);

/** Mean and standard deviation of the output over all 2^6 masks. */
export function ensemble(p, kind, bent) {
  const all = Array.from({ length: MASKS }, (_, mask) => [chance(mask, p), output(mask, p, kind, bent)]);
  const mean = all.reduce((sum, [w, v]) => sum + w * v, 0);
  return { mean, deviation: Math.sqrt(all.reduce((sum, [w, v]) => sum + w * (v - mean) ** 2, 0)) };
}

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const p = slider(model, "p", strings.p, { low: 0, high: 0.9, step: 0.05 });
  const kind = choice(model, "kind", strings.kind, [["inverted", strings.inverted], ["plain", strings.plain]]);
  const bent = check(model, "bent", strings.bent);
  const again = button(strings.again, strings.again, () => {
    const drawnMask = VALUES.reduce((mask, _, h) => mask | (Math.random() < model.get("p") ? 0 : 1 << h), 0);
    put(model, { mask: drawnMask });
  }, "nnc-again");
  const boxes = VALUES.map((_, h) => element("input", { type: "checkbox", class: `nnc-unit-${h}`, "aria-label": fill(strings.unit, { k: h + 1 }), ...KEEP_KEYS, onchange: () => put(model, { mask: model.get("mask") ^ (1 << h) }) }));
  const network = drawn("svg", { class: "nnc-chart", role: "img", viewBox: "0 0 400 280", style: "max-width: 440px" });
  const spread = chart(strings.spread, "spread", { width: 470, height: 280, left: 50 });
  const numbers = element("div", { class: "nnc-facts" });
  const words = element("div", { class: "nnc-words", role: "status" });
  body.append(
    element("div", { class: "nnc-row" }, p.node, kind.node, bent.node, again),
    element("div", { class: "nnc-row", role: "group", "aria-label": strings.units }, strings.units, ...boxes.map((box, h) => element("label", { class: "nnc-label" }, box, String(h + 1)))),
    element("div", { class: "nnc-charts" }, network,
      element("div", {}, spread.svg, legend([["nnc-dot nnc-s0", strings.all_masks, 1], ["nnc-line nnc-s2", strings.mean], ["nnc-line nnc-s1", strings.prediction], ["nnc-dot nnc-s8", strings.this_mask, 3]]))),
    element("div", { class: "nnc-panel" }, numbers, words));

  function show() {
    showAll([p, kind, bent]);
    const [rate, form, curve, mask] = ["p", "kind", "bent", "mask"].map((name) => model.get(name));
    boxes.forEach((box, h) => (box.checked = Boolean(kept(mask, h))));
    network.replaceChildren(
      ...VALUES.map((_, h) => drawn("path", { class: kept(mask, h) ? `nnc-line ${WEIGHTS[h] > 0 ? "nnc-s0" : "nnc-s1"}` : "nnc-muted-line", d: `M86,${28 + 42 * h} L330,133` })),
      ...VALUES.map((v, h) => drawn("g", {}, drawn("circle", { class: kept(mask, h) ? "nnc-dot nnc-s0" : "nnc-frame", cx: 86, cy: 28 + 42 * h, r: 13 }), drawn("text", { x: 64, y: 32 + 42 * h, "text-anchor": "end" }, kept(mask, h) ? formatNumber(v) : "0"),
        drawn("text", { class: "nnc-halo", x: 148, y: 28 + 42 * h + (62 / 244) * (105 - 42 * h) + 4, "text-anchor": "middle" }, formatNumber(WEIGHTS[h])))),
      drawn("circle", { class: "nnc-dot nnc-s8", cx: 330, cy: 133, r: 13 }),
      drawn("text", { x: 330, y: 112, "text-anchor": "middle" }, curve ? "tanh Σ" : "Σ"),
      drawn("text", { x: 330, y: 168, "text-anchor": "middle" }, formatNumber(Number(output(mask, rate, form, curve).toFixed(3)))));
    const all = Array.from({ length: MASKS }, (_, m) => [chance(m, rate), output(m, rate, form, curve)]);
    const ends = [Math.min(-0.5, ...all.map((a) => a[1])), Math.max(0.5, ...all.map((a) => a[1]))];
    const [low, high] = [ends[0] - 0.04 * (ends[1] - ends[0]), ends[1] + 0.04 * (ends[1] - ends[0])];
    const heights = Array(BINS).fill(0);
    for (const [w, v] of all) heights[Math.min(BINS - 1, Math.floor(((v - low) / (high - low)) * BINS))] += w;
    const top = Math.max(...heights);
    spread.axes({ x: [low, high], y: [0, top * 1.1], xName: strings.output, yName: strings.chance });
    const { mean, deviation } = ensemble(rate, form, curve);
    const says = prediction(rate, form, curve);
    spread.layer.replaceChildren(
      ...heights.map((height, b) => {
        const [x0, x1] = [b, b + 1].map((k) => spread.toX(low + (k / BINS) * (high - low)));
        return drawn("rect", { class: "nnc-dot nnc-s0", x: x0, width: x1 - x0, y: spread.toY(height), height: spread.toY(0) - spread.toY(height) });
      }),
      spread.line([[mean, 0], [mean, top * 1.1]], "nnc-line nnc-s2"), spread.line([[says, 0], [says, top * 1.1]], "nnc-line nnc-s1"),
      spread.mark(3, [output(mask, rate, form, curve), top * 0.06], "nnc-dot nnc-s8", 6));
    numbers.replaceChildren(...facts([[strings.mean, formatNumber(Number(mean.toFixed(4)))], [strings.prediction, formatNumber(Number(says.toFixed(4)))], [strings.deviation, formatNumber(Number(deviation.toFixed(4)))], [strings.count, "2⁶ = 64"]]));
    words.textContent = Math.abs(mean - says) < 1e-9 ? strings.equal : strings.close;
    const alt = fill(strings.alt, { p: formatNumber(rate), mean: formatNumber(Number(mean.toFixed(3))), says: formatNumber(Number(says.toFixed(3))) });
    network.setAttribute("aria-label", alt);
    spread.svg.setAttribute("aria-label", alt);
  }

  show();
  return listen(model, Object.fromEntries(["p", "kind", "bent", "mask"].map((name) => [`change:${name}`, show])));
}

export default { render };
