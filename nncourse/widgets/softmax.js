// Softmax and cross-entropy: the twin of softmax.py, and the front end of the explorer.

import { KEEP_KEYS, drawn, element, fill, formatNumber, frame, listen } from "./base.js";
import { chart, check, facts, put, showAll, slider } from "./explorer.js";

export function softmax(scores, temperature) {
  const top = Math.max(...scores);
  const powers = scores.map((z) => Math.exp((z - top) / temperature));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** -ln p of the target, computed from the scores, so that a p that underflows to 0 does no harm. */
export function crossEntropy(scores, target, temperature) {
  const top = Math.max(...scores);
  const sum = scores.reduce((a, z) => a + Math.exp((z - top) / temperature), 0);
  return Math.log(sum) - (scores[target] - top) / temperature;
}

/** The gradient of the cross-entropy by the scores: (p - y) / T. */
export const gradient = (scores, target, temperature) =>
  softmax(scores, temperature).map((p, k) => (p - (k === target ? 1 : 0)) / temperature);

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const names = model.get("names");
  const group = `nnc-target-${Math.random().toString(36).slice(2)}`;
  const rows = names.map((name, k) => {
    const radio = element("input", { type: "radio", name: group, class: `nnc-target-${k}`, "aria-label": `${strings.target}: ${name}`, onchange: () => put(model, { target: k }), ...KEEP_KEYS });
    const input = element("input", { type: "range", class: `nnc-score-${k}`, min: -6, max: 6, step: 0.1, "aria-label": `${strings.score} ${name}`, ...KEEP_KEYS,
      oninput: () => put(model, { scores: model.get("scores").map((z, j) => (j === k ? Number(input.value) : z)) }) });
    const value = element("output", { class: "nnc-value" });
    return { radio, input, value, node: element("div", { class: "nnc-row" }, element("label", { class: "nnc-label", title: strings.target }, radio, name), element("label", { class: "nnc-label nnc-slider" }, `z${"₁₂₃₄₅"[k]}`, input, value)) };
  });
  const temperature = slider(model, "temperature", strings.temperature, { low: -1, high: 1, step: 0.05, power: true });
  const shift = slider(model, "shift", strings.shift, { low: -1000, high: 1000, step: 50 });
  const naive = check(model, "naive", strings.naive);

  const bars = chart(strings.probability, "probability", { width: 330, height: 250, left: 40 });
  const cost = chart(strings.loss, "loss", { width: 330, height: 250, left: 40 });
  const slope = chart(strings.gradient, "gradient", { width: 330, height: 250, left: 46 });
  const numbers = element("div", { class: "nnc-facts" });
  const words = element("div", { class: "nnc-words", role: "status" });
  body.append(
    element("div", { class: "nnc-muted" }, `${strings.target} ★ · ${strings.scores} z`),
    element("div", { role: "group", "aria-label": strings.scores }, ...rows.map((row) => row.node)),
    element("div", { class: "nnc-row" }, temperature.node, shift.node, naive.node),
    element("div", { class: "nnc-charts" }, bars.svg, cost.svg, slope.svg),
    element("div", { class: "nnc-panel" }, numbers, words));

  function drawBars(place, values, limits, shown) {
    place.axes({ x: [0, values.length], y: limits, xTicks: names.map((name, k) => [k + 0.5, name]) });
    const zero = place.toY(0);
    place.layer.replaceChildren(
      drawn("path", { class: "nnc-frame", d: `M${place.area.left},${zero} H${place.area.right}` }),
      ...values.map((v, k) => {
        const y = place.toY(Math.max(limits[0], Math.min(v, limits[1])));
        return drawn("rect", { class: `nnc-dot ${k === model.get("target") ? "nnc-s1" : "nnc-s0"}`, x: place.toX(k + 0.18), width: place.toX(0.64) - place.toX(0), y: Math.min(y, zero), height: Math.abs(y - zero) });
      }));
    place.over.replaceChildren(...values.map((v, k) => drawn("text", {
      class: "nnc-halo", x: place.toX(k + 0.5), "text-anchor": "middle",
      y: v < 0 ? Math.min(place.area.bottom - 4, place.toY(v) + 14) : Math.max(place.area.top + 12, place.toY(Math.min(v, limits[1])) - 5) },
    shown(v) + (k === model.get("target") ? " ★" : ""))));
  }

  function show() {
    showAll([temperature, shift, naive]);
    const [T, target, c] = [model.get("temperature"), model.get("target"), model.get("shift")];
    const scores = model.get("scores");
    rows.forEach(({ radio, input, value }, k) => {
      radio.checked = k === target;
      input.value = String(scores[k]);
      value.textContent = formatNumber(scores[k]);
    });
    const moved = scores.map((z) => z + c);
    const powers = moved.map((z) => Math.exp(z / T));
    const sum = powers.reduce((a, b) => a + b, 0);
    const p = model.get("naive") ? powers.map((power) => power / sum) : softmax(moved, T);
    const broken = !p.every(Number.isFinite);
    const loss = model.get("naive") ? -Math.log(p[target]) : crossEntropy(moved, target, T);
    const slopes = p.map((v, k) => (v - (k === target ? 1 : 0)) / T);
    drawBars(bars, p.map((v) => (broken ? 0 : v)), [0, 1], (v) => (broken ? "NaN" : v.toFixed(3)));
    const high = Math.max(1, ...slopes.map((g) => Math.abs(Number.isFinite(g) ? g : 0))) * 1.15;
    drawBars(slope, slopes.map((v) => (broken ? 0 : v)), [-high, high], (v) => (broken ? "NaN" : v.toFixed(3).replace("-", "−")));
    cost.axes({ x: [0, 1], y: [0, 6], xName: strings.p_target, yName: "" });
    const curve = Array.from({ length: 200 }, (_, k) => [(k + 1) / 200, -Math.log((k + 1) / 200)]);
    const guess = Math.log(names.length);
    cost.layer.replaceChildren(cost.line(curve, "nnc-line nnc-s0"),
      cost.line([[0, guess], [1, guess]], "nnc-muted-line"),
      ...(broken || !Number.isFinite(loss) ? [] : [cost.mark(0, [p[target], Math.min(loss, 5.95)], "nnc-dot nnc-s1", 7)]));
    cost.over.replaceChildren(drawn("text", { class: "nnc-halo", x: cost.area.right, y: cost.toY(guess) - 5, "text-anchor": "end" }, `ln ${names.length} = ${guess.toFixed(3)}`));
    const best = p.indexOf(Math.max(...p));
    numbers.replaceChildren(...facts([
      ["Σ p =", broken ? "NaN" : p.reduce((a, b) => a + b, 0).toFixed(3)],
      ["p★ =", broken ? "NaN" : formatNumber(p[target])],
      ["−ln p★ =", formatNumber(loss)],
      ["argmax:", broken ? "–" : names[best]]]));
    words.textContent = broken ? strings.overflow : fill(best === target ? strings.right : strings.wrong, { loss: formatNumber(loss), best: names[best] });
    const told = names.map((name, k) => `${name} ${broken ? "NaN" : p[k].toFixed(3)}`).join(", ");
    for (const place of [bars, cost, slope]) place.svg.setAttribute("aria-label", `${place.heading.textContent}. ${told}`);
  }

  show();
  return listen(model, Object.fromEntries(["scores", "target", "temperature", "shift", "naive"].map((name) => [`change:${name}`, show])));
}

export default { render };
