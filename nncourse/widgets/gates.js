// The front end of "Which Boolean functions can one neuron compute?": sixteen functions to aim at,
// sliders for the weights, half-planes and the truth table. perceptron.js computes.

import { KEEP_KEYS, button, columnHead, drawn, element, fill, formatNumber, frame, listen } from "./base.js";
import { distance, fires, score, widestDistance } from "./perceptron.js";
import { boundary, classMark, plane, sideOf } from "./plane.js";

export const INPUTS = [[0, 0], [0, 1], [1, 0], [1, 1]];
const NEAR = 0.13; // how far marks stand from a corner that several inputs are sent to

/** What a network answers to the four inputs: [{u: hidden outputs or the inputs, h, out}]. */
export function truthTable(neurons, layer) {
  const last = neurons[layer ? 2 : 0];
  return INPUTS.map((x) => {
    const u = layer ? [fires(neurons[0], x), fires(neurons[1], x)] : x;
    return { u, h: score(last, u), out: fires(last, u) };
  });
}

/** The smallest distance of the points that reach the last neuron from its line. */
export function tableMargin(neurons, layer) {
  const last = neurons[layer ? 2 : 0];
  return Math.min(...truthTable(neurons, layer).map(({ u }) => Math.abs(distance(last, u))));
}

/** The widest distance that one neuron on x can have for a table of "0" and "1"; 0 if it cannot. */
export function widestFor(table) {
  const chosen = (bit) => INPUTS.filter((_, k) => table[k] === bit);
  return table.includes("0") && table.includes("1") ? widestDistance(chosen("1"), chosen("0")) : Infinity;
}

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "gates");
  const functions = model.get("functions");
  const put = (changes) => {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes();
    show();
  };
  const labels = Object.fromEntries(functions.map(({ table, name }) => [table, name]));
  let edited = 0; // the neuron that the sliders move

  const picture = (table) => drawn("svg", { viewBox: "0 0 34 34", "aria-hidden": "true" },
    drawn("rect", { class: "nnc-plane-ground", x: 1, y: 1, width: 32, height: 32, rx: 3 }),
    ...INPUTS.map(([x, y], k) => drawn("g", { transform: `translate(${9 + 16 * x},${25 - 16 * y})` }, classMark(table[k] === "1", 5))));
  const choices = functions.map(({ table, name }) => {
    const mark = element("span", { class: "nnc-found-mark" });
    const node = element("button", { type: "button", class: "nnc-gate", "data-table": table, onclick: () => put({ target: table }), ...KEEP_KEYS },
      picture(table), element("span", {}, name, mark));
    return { table, node, mark };
  });
  const tally = element("span", { class: "nnc-muted nnc-tally" });

  const layer = element("input", { type: "checkbox", class: "nnc-layer", onchange: () => {
    edited = 0;
    put({ layer: layer.checked });
  }, ...KEEP_KEYS });
  const group = `nnc-edited-${Math.random().toString(36).slice(2)}`;
  const tabs = ["neuron_1", "neuron_2", "neuron_out"].map((key, k) => element("input", { type: "radio", name: group, value: String(k), class: `nnc-edit-${k}`, onchange: () => { edited = k; show(); }, ...KEEP_KEYS }));
  const tabBox = element("span", { class: "nnc-choices", role: "radiogroup", "aria-label": strings.edited },
    ...tabs.map((tab, k) => element("label", { class: "nnc-label" }, tab, strings[["neuron_1", "neuron_2", "neuron_out"][k]])));
  const solution = button(strings.solution, strings.solution, () => put({ neurons: model.get("solution"), target: "0110" }), "nnc-solution");

  const sliders = [1, 2, 0].map((k) => {
    const value = element("output");
    const input = element("input", { type: "range", class: `nnc-range nnc-w${k}`, min: "-3", max: "3", step: "0.25", ...KEEP_KEYS,
      oninput: () => put({ neurons: model.get("neurons").map((w, j) => (j === edited ? w.map((v, i) => (i === k ? Number(input.value) : v)) : w)) }) });
    return { k, input, value, box: element("label", { class: "nnc-label nnc-slider" }, element("i", {}, ["w₀", "w₁", "w₂"][k]), input, value) };
  });

  const first = plane(-0.5, 1.5, ["x₁", "x₂"], [0, 1]);
  const second = plane(-0.5, 1.5, ["u₁", "u₂"], [0, 1]);
  for (const place of [first, second]) place.svg.setAttribute("role", "img");
  const firstBox = element("figure", {}, first.svg, element("figcaption", {}, strings.plane_x));
  const secondBox = element("figure", {}, second.svg, element("figcaption", {}, strings.plane_u));
  const planes = element("div", { class: "nnc-planes" }, firstBox, secondBox);
  const formula = element("div", { class: "nnc-mono nnc-sums" });
  const verdict = element("div", { class: "nnc-verdict", role: "status" });
  const detail = element("div", { class: "nnc-detail" });
  const head = element("tr");
  const rows = element("tbody");

  body.append(
    element("div", { class: "nnc-gate-board", role: "group", "aria-label": strings.target }, ...choices.map((c) => c.node)),
    element("div", { class: "nnc-row" }, tally, element("label", { class: "nnc-label" }, layer, strings.add_layer), tabBox, solution),
    element("div", { class: "nnc-row" }, ...sliders.map((s) => s.box)),
    element("div", { class: "nnc-two" },
      planes,
      element("div", { class: "nnc-aside" },
        element("div", { class: "nnc-panel" }, verdict, detail), formula,
        element("table", { class: "nnc-table" }, element("thead", {}, head), rows))));

  function showPlane(place, points, neurons, target) {
    const alone = neurons.length === 1;
    place.side.replaceChildren(...(alone ? [sideOf(place, neurons[0])] : [sideOf(place, neurons[edited === 1 ? 1 : 0])]));
    place.lines.replaceChildren(...neurons.map((w, k) => boundary(place, w, alone ? "nnc-boundary" : `nnc-boundary nnc-boundary-${k + 1}`)));
    const taken = {};
    const corner = {};
    points.forEach((u) => (corner[u.join()] = (corner[u.join()] || 0) + 1));
    place.over.replaceChildren(...points.map((u, k) => {
      // Inputs that the hidden layer sends to one corner stand side by side.
      const key = u.join();
      const nth = (taken[key] = (taken[key] ?? -1) + 1);
      const x = u[0] + NEAR * (nth - (corner[key] - 1) / 2);
      return drawn("g", { transform: `translate(${place.toX(x)},${place.toY(u[1])})` },
        classMark(target[k] === "1", 10),
        drawn("text", { class: "nnc-halo", x: 0, y: nth % 2 ? 28 : -16, "text-anchor": "middle" }, INPUTS[k].join("")));
    }));
  }

  function show() {
    const [neurons, layered, target] = [model.get("neurons"), model.get("layer"), model.get("target")];
    if (!layered) edited = 0;
    const table = truthTable(neurons, layered);
    const answer = table.map((row) => row.out).join("");
    const reached = answer === target;
    if (!layered && !model.get("found").includes(answer)) {
      model.set("found", [...model.get("found"), answer]);
      model.save_changes();
    }
    const found = model.get("found");
    for (const { table: bits, node, mark } of choices) {
      node.setAttribute("aria-pressed", String(bits === target));
      mark.textContent = found.includes(bits) ? " ✓" : "";
      node.setAttribute("aria-label", found.includes(bits) ? `${labels[bits]} ✓` : labels[bits]);
    }
    tally.style.display = layered ? "none" : "";
    tally.textContent = fill(strings.tally, { n: found.length });
    layer.checked = layered;
    tabBox.style.display = solution.style.display = secondBox.style.display = layered ? "" : "none";
    planes.classList.toggle("nnc-layered", layered);
    tabs.forEach((tab, k) => (tab.checked = k === edited));
    for (const { k, input, value } of sliders) {
      input.value = String(neurons[edited][k]);
      value.textContent = formatNumber(neurons[edited][k]);
      input.setAttribute("aria-label", `w${k}`);
    }
    showPlane(first, INPUTS, layered ? neurons.slice(0, 2) : neurons.slice(0, 1), target);
    if (layered) showPlane(second, table.map((row) => row.u), neurons.slice(2), target);

    const last = neurons[layered ? 2 : 0];
    const names = layered ? ["u₁", "u₂"] : ["x₁", "x₂"];
    const term = (v, name) => `${v < 0 ? "−" : "+"} ${Math.abs(v) === 1 ? "" : `${formatNumber(Math.abs(v))}·`}${name}`;
    const written = (w, of) => [term(w[1], of[0]), term(w[2], of[1]), term(-w[0], "").replace("·", "")]
      .filter((_, k) => w[[1, 2, 0][k]] !== 0).map((t) => (/[+−] $/.test(t) ? `${t}1` : t)).join(" ").replace(/^\+ /, "").replace(/^− /, "−") || "0";
    formula.replaceChildren(...(layered ? neurons.slice(0, 2).map((w, k) => element("div", {}, `u${"₁₂"[k]} = [${written(w, ["x₁", "x₂"])} > 0]`)) : []),
      element("div", {}, `h = ${written(last, names)}`));
    head.replaceChildren(...["x₁", "x₂", ...(layered ? names : []), "h", strings.output, strings.wanted, ""].map(columnHead));
    rows.replaceChildren(...table.map(({ u, h, out }, k) => {
      const right = String(out) === target[k];
      return element("tr", { class: right ? "" : "nnc-missed" },
        ...[...INPUTS[k], ...(layered ? u : [])].map((v) => element("td", {}, String(v))),
        element("td", {}, formatNumber(h)), element("td", {}, String(out)), element("td", {}, target[k]), element("td", {}, right ? "✓" : "✗"));
    }));

    const wrong = table.filter((row, k) => String(row.out) !== target[k]).length;
    const margin = tableMargin(neurons, layered);
    const widest = widestFor(target);
    const words = { name: labels[target], wrong, margin: formatNumber(margin), widest: formatNumber(widest) };
    verdict.textContent = fill(reached ? strings.reached : strings.not_reached, words);
    let more = "";
    if (reached && Number.isFinite(margin)) more = fill(strings.margin, words);
    if (reached && !layered && Number.isFinite(widest)) more += ` ${fill(strings.widest, words)}`;
    if (!reached && !layered && widest === 0) more = strings.impossible;
    if (!reached && layered) more = strings.hint_layer;
    detail.textContent = more;
    const alt = fill(strings.plane_alt, { formula: written(last, names), name: labels[target], wrong });
    first.svg.setAttribute("aria-label", alt);
    second.svg.setAttribute("aria-label", alt);
  }

  show();
  return listen(model, Object.fromEntries(["neurons", "target", "layer"].map((name) => [`change:${name}`, show])));
}

export default { render };
