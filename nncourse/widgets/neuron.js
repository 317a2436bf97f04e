// The front end of "Which side of the line is a point on?": the plane with the neuron's line and
// the points on the left, sums and the last correction on the right. perceptron.js computes.

import { KEEP_KEYS, button, columnHead, drawn, element, fill, formatNumber, frame, listen, reducedMotion } from "./base.js";
import { corrected, distance, fires, lineEnds, mistaken, nextMistake, novikoff, score } from "./perceptron.js";
import { arrow, boundary, classMark, plane, sideOf } from "./plane.js";

const [LOW, HIGH, GRID] = [-3, 3, 0.125];
const MOST_POINTS = 12;
const PATIENCE = 200; // corrections without a separating line before "run" gives up
const LONGEST_ARROW = 1.7;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

const snap = (v) => Math.round(v / GRID) * GRID;
const inside = (v) => Math.max(LOW, Math.min(HIGH, snap(v)));
const vector = (values) => `(${values.map(formatNumber).join("; ")})`;

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "neuron");
  const weight = () => model.get("weights");
  const points = () => model.get("points");
  const put = (changes) => {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes();
  };

  let selected = 0;
  let last = null; // the last correction: {index, example, before}
  let pivot = [0, 0]; // where the normal stands on the line
  let timer = null;
  let message = "";

  // What the reader does starts a new count; the bound holds for a count that starts at w = 0.
  const byHand = (changes) => {
    stop();
    last = null;
    message = "";
    const start = changes.weights || weight();
    put({ updates: 0, cursor: 0, from_zero: start.every((v) => v === 0), ...changes });
    show();
  };
  const movePoints = (changed) => byHand({ points: changed });
  const moveLine = (changed) => byHand({ weights: changed });
  const reset = () => byHand({ weights: [0, 0, 0] });

  function correct() {
    const index = nextMistake(weight(), points(), model.get("cursor"));
    if (index < 0) return false;
    last = { index, example: points()[index], before: weight() };
    selected = index;
    model.set("weights", corrected(weight(), points()[index]));
    model.set("updates", model.get("updates") + 1);
    model.set("cursor", (index + 1) % points().length);
    return true;
  }

  function stop() {
    clearInterval(timer);
    timer = null;
  }

  function run() {
    if (timer) {
      stop();
      show();
      return;
    }
    message = "";
    const limit = novikoff(points()).gamma ? Infinity : model.get("updates") + PATIENCE;
    let done = 0;
    const some = () => {
      // Faster and faster, so that a narrow gap does not take minutes.
      const stride = reducedMotion() ? 100000 : Math.ceil((done + 1) / 12);
      let more = true;
      for (let k = 0; more && k < stride; k++, done++) more = model.get("updates") < limit && correct();
      if (!more) {
        stop();
        if (model.get("updates") >= limit) message = fill(strings.gave_up, { n: PATIENCE });
      }
      model.save_changes();
      show();
    };
    timer = setInterval(some, 140);
    some();
  }

  const step = button(strings.step, strings.step, () => { stop(); message = ""; correct(); model.save_changes(); show(); }, "nnc-step");
  const runner = button(strings.run, strings.run, run, "nnc-run");
  const zero = button(strings.reset, strings.reset, reset, "nnc-reset");
  const data = element("select", { class: "nnc-data", "aria-label": strings.data, onchange: () => {
    if (!data.value) return;
    selected = 0;
    byHand({ weights: [0, 0, 0], points: model.get("datasets")[data.value] });
  }, ...KEEP_KEYS }, element("option", { value: "" }, strings.own_data),
  ...Object.keys(model.get("datasets")).map((key) => element("option", { value: key }, strings[`data_${key}`])));
  const add = (y) => {
    if (points().length >= MOST_POINTS) return;
    const free = [[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]].find(([a, b]) => !points().some((p) => p[0] === a && p[1] === b)) || [0.5, 0.5];
    addAt([...free, y]);
  };
  const addAt = (example) => {
    selected = points().length;
    movePoints([...points(), example]);
    groups[selected]?.group.focus();
  };
  const plus = button(strings.add_positive, "+ ●", () => add(1), "nnc-add-positive");
  const minus = button(strings.add_negative, "+ ■", () => add(-1), "nnc-add-negative");
  const remove = (index) => {
    if (points().length < 2) return;
    selected = Math.max(0, index - 1);
    movePoints(points().filter((_, k) => k !== index));
    groups[selected]?.group.focus();
  };
  const removing = button(strings.remove, strings.remove, () => remove(selected), "nnc-remove");
  const inputs = [1, 2, 0].map((k) => {
    const input = element("input", { type: "number", step: "0.125", class: `nnc-w nnc-w${k} nnc-mono`, "aria-label": `w${k}`, ...KEEP_KEYS,
      oninput: () => Number.isFinite(input.valueAsNumber) && moveLine(weight().map((v, j) => (j === k ? input.valueAsNumber : v))) });
    return [k, input];
  });

  const place = plane(LOW, HIGH, ["x₁", "x₂"], [-3, -2, -1, 0, 1, 2, 3]);
  const [oldLine, newLine, markedDistance, pointLayer] = [drawn("g"), drawn("g"), drawn("g"), drawn("g")];
  place.lines.append(oldLine, newLine);
  const arrows = drawn("g");
  const handle = (name, label) => drawn("circle", { class: `nnc-handle nnc-handle-${name}`, r: 9, tabindex: "0", role: "button", "aria-label": label, ...KEEP_KEYS });
  const base = handle("base", strings.handle_base);
  const tip = handle("tip", strings.handle_tip);
  place.over.append(markedDistance, arrows, pointLayer, base, tip);

  const corrections = drawn("svg", { class: "nnc-corrections", viewBox: "0 0 200 200", role: "img" });
  const sums = element("div", { class: "nnc-mono nnc-sums" });
  const working = element("div", { class: "nnc-mono nnc-working" });
  const verdict = element("div", { class: "nnc-verdict", role: "status" });
  const bound = element("div", { class: "nnc-bound nnc-muted" });
  const rows = element("tbody");
  const table = element("table", { class: "nnc-table" },
    element("thead", {}, element("tr", {}, ...["№", "x₁", "x₂", "h", strings.output, strings.distance, ""].map(columnHead))), rows);

  body.append(
    element("div", { class: "nnc-row" }, step, runner, zero, element("label", { class: "nnc-label" }, strings.data, data), plus, minus, removing),
    element("div", { class: "nnc-two" },
      element("div", { class: "nnc-left" }, place.svg,
        element("div", { class: "nnc-row nnc-weights" }, ...inputs.map(([k, input]) => element("label", { class: "nnc-label" }, ["w₀", "w₁", "w₂"][k], input)))),
      element("div", { class: "nnc-aside" },
        element("div", { class: "nnc-panel" }, verdict, bound),
        sums,
        element("div", { class: "nnc-learned" }, corrections, working),
        table)),
    element("p", { class: "nnc-muted nnc-help" }, strings.help));

  // Dragging: the normal turns the line around its foot, the foot carries the line along.
  const line = () => {
    const w = weight();
    const length = Math.hypot(w[1], w[2]);
    if (length) {
      const off = score(w, pivot) / length ** 2;
      pivot = [pivot[0] - off * w[1], pivot[1] - off * w[2]];
      if (Math.max(...pivot.map(Math.abs)) > HIGH) {
        pivot = [(w[0] * w[1]) / length ** 2, (w[0] * w[2]) / length ** 2];
      }
    }
    const scale = length > LONGEST_ARROW ? LONGEST_ARROW / length : 1;
    return { scale, end: [pivot[0] + scale * w[1], pivot[1] + scale * w[2]] };
  };
  const turn = ([x, y], scale, around) => {
    const normal = [snap((x - around[0]) / scale), snap((y - around[1]) / scale)];
    moveLine([snap(normal[0] * around[0] + normal[1] * around[1]), ...normal]);
  };
  const shift = ([x, y]) => {
    const w = weight();
    pivot = [x, y];
    moveLine([snap(w[1] * x + w[2] * y), w[1], w[2]]);
  };
  function draggable(node, begin) {
    let move = null;
    node.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      node.focus();
      node.setPointerCapture(event.pointerId);
      move = begin();
    });
    node.addEventListener("pointermove", (event) => move && move(place.where(event)));
    node.addEventListener("pointerup", () => (move = null));
  }
  draggable(base, () => shift);
  draggable(tip, () => {
    const [{ scale }, around] = [line(), pivot];
    return (at) => { pivot = around; turn(at, scale, around); };
  });
  const keyed = (node, act) => node.addEventListener("keydown", (event) => {
    if (act(event)) { event.preventDefault(); event.stopPropagation(); }
  });
  keyed(base, (event) => {
    const way = KEYS[event.key];
    if (way) moveLine([weight()[0] + GRID * (way[0] + way[1]), weight()[1], weight()[2]]);
    return way;
  });
  keyed(tip, (event) => {
    const way = KEYS[event.key];
    if (!way) return false;
    const normal = [weight()[1] + GRID * way[0], weight()[2] + GRID * way[1]];
    moveLine([snap(normal[0] * pivot[0] + normal[1] * pivot[1]), ...normal]);
    return true;
  });
  place.svg.addEventListener("dblclick", (event) => {
    const [x, y] = place.where(event);
    if (event.target.closest(".nnc-point") || points().length >= MOST_POINTS || Math.max(Math.abs(x), Math.abs(y)) > HIGH) return;
    addAt([snap(x), snap(y), event.shiftKey ? -1 : 1]);
  });

  // Points keep their elements while they are moved, or the focus would be lost.
  let groups = [];
  const change = (index, example) => movePoints(points().map((p, k) => (k === index ? example : p)));
  function makePoint(index) {
    const group = drawn("g", { class: "nnc-point", tabindex: "0", role: "button", "data-point": index, ...KEEP_KEYS });
    group.addEventListener("focus", () => { selected = index; show(); });
    draggable(group, () => ([x, y]) => change(index, [inside(x), inside(y), points()[index][2]]));
    keyed(group, (event) => {
      const [x, y, c] = points()[index];
      const way = KEYS[event.key];
      if (way) change(index, [inside(x + GRID * way[0]), inside(y + GRID * way[1]), c]);
      else if (event.key === " " || event.key === "Enter") change(index, [x, y, -c]);
      else if (event.key === "Delete" || event.key === "Backspace") remove(index);
      else return false;
      return true;
    });
    return { group, y: 0 };
  }

  function showPoints(w, all) {
    if (groups.length !== all.length) {
      groups = all.map((_, index) => makePoint(index));
      pointLayer.replaceChildren(...groups.map((g) => g.group));
    }
    const marked = all.length && last ? last.index : -1;
    all.forEach((p, i) => {
      const wrong = mistaken(w, p);
      const { group } = groups[i];
      group.setAttribute("transform", `translate(${place.toX(p[0])},${place.toY(p[1])})`);
      group.setAttribute("class", `nnc-point${i === selected ? " nnc-selected" : ""}${wrong ? " nnc-missed" : ""}`);
      group.setAttribute("aria-label", fill(strings.point_label, {
        i: i + 1, class: p[2] > 0 ? "+1" : "−1", x: formatNumber(p[0]), y: formatNumber(p[1]), h: formatNumber(score(w, p)),
        verdict: wrong ? strings.wrong : strings.right }));
      group.replaceChildren(
        drawn("circle", { class: "nnc-grip", r: 14 }),
        ...(i === marked ? [drawn("circle", { class: "nnc-last", r: 13 })] : []),
        classMark(p[2] > 0),
        ...(wrong ? [drawn("path", { class: "nnc-cross", d: "M-4,-4 L4,4 M-4,4 L4,-4" })] : []),
        drawn("text", { class: "nnc-halo", x: 12, y: -8 }, String(i + 1)));
    });
  }

  function showLine(w) {
    place.side.replaceChildren(sideOf(place, w));
    newLine.replaceChildren(boundary(place, w));
    oldLine.replaceChildren(last ? boundary(place, last.before, "nnc-old") : "");
    const { end } = line();
    const px = ([x, y]) => [place.toX(x), place.toY(y)];
    arrows.replaceChildren(arrow(px(pivot), px(end), "nnc-normal"));
    for (const [node, at] of [[base, pivot], [tip, end]]) {
      node.setAttribute("cx", place.toX(at[0]));
      node.setAttribute("cy", place.toY(at[1]));
    }
    base.style.display = lineEnds(w, 1) ? "" : "none";
    const p = points()[selected];
    const d = p ? distance(w, p) : NaN;
    const length = Math.hypot(w[1], w[2]);
    markedDistance.replaceChildren(Number.isNaN(d) ? "" : drawn("path", {
      class: "nnc-distance", d: `M${px(p)} L${px([p[0] - (d * w[1]) / length, p[1] - (d * w[2]) / length])}` }));
  }

  /** w, y x and their sum as arrows in the plane of (w1, w2). */
  function showCorrection() {
    const [before, after] = last ? [last.before, corrected(last.before, last.example)] : [weight(), weight()];
    const ends = [[0, 0], before.slice(1), after.slice(1)];
    // The window holds zero and both weights, so that a small correction to a long weight is seen.
    const span = [0, 1].map((d) => ends.map((end) => end[d])).map((v) => [Math.min(...v), Math.max(...v)]);
    const unit = 150 / Math.max(0.5, ...span.map(([a, b]) => b - a));
    const px = ([x, y]) => [100 + unit * (x - (span[0][0] + span[0][1]) / 2), 100 - unit * (y - (span[1][0] + span[1][1]) / 2)];
    const [ox, oy] = px([0, 0]);
    corrections.replaceChildren(
      drawn("path", { class: "nnc-plane-zero", d: `M2,${oy} H198 M${ox},2 V198` }),
      drawn("text", { x: 197, y: oy > 100 ? oy - 5 : oy + 13, "text-anchor": "end" }, "w₁"),
      drawn("text", { x: ox > 100 ? ox - 6 : ox + 6, y: 12, "text-anchor": ox > 100 ? "end" : "start" }, "w₂"),
      arrow(px(ends[0]), px(ends[1]), last ? "nnc-before" : "nnc-normal"),
      ...(last ? [arrow(px(ends[1]), px(ends[2]), "nnc-change"), arrow(px(ends[0]), px(ends[2]), "nnc-normal")] : []));
    if (!last) {
      working.replaceChildren(element("span", { class: "nnc-muted" }, strings.no_correction));
      corrections.setAttribute("aria-label", fill(strings.weight_alt, { w: vector(weight().slice(1)) }));
      return;
    }
    const [x1, x2, y] = last.example;
    const sign = y > 0 ? "+" : "−";
    const lines = [
      fill(strings.corrected, { i: last.index + 1, y: y > 0 ? "+1" : "−1", h: formatNumber(score(before, last.example)) }),
      element("span", {}, element("b", { class: "nnc-before-text" }, `w = ${vector(before.slice(1))}`)),
      element("span", {}, element("b", { class: "nnc-change-text" }, `${sign} x = ${sign} ${vector([x1, x2])}`)),
      element("span", {}, element("b", {}, `w = ${vector(after.slice(1))}`)),
      `w₀ = ${formatNumber(before[0])} ${y > 0 ? "−" : "+"} 1 = ${formatNumber(after[0])}`,
    ];
    working.replaceChildren(...lines.map((text) => element("div", {}, text)));
    corrections.setAttribute("aria-label", fill(strings.correction_alt, {
      before: vector(before.slice(1)), change: `${sign}${vector([x1, x2])}`, after: vector(after.slice(1)) }));
  }

  function showSums(w, all) {
    const p = all[selected];
    if (p) {
      const h = score(w, p);
      const product = (a, b) => `${formatNumber(a)}·${b < 0 ? `(${formatNumber(b)})` : formatNumber(b)}`;
      const threshold = w[0] < 0 ? `(${formatNumber(w[0])})` : formatNumber(w[0]);
      const second = w[2] < 0 ? `(${formatNumber(w[2])})` : formatNumber(w[2]);
      sums.replaceChildren(
        element("div", {}, fill(strings.point, { i: selected + 1 }), ": h = w₁x₁ + w₂x₂ − w₀"),
        element("div", {}, `= ${product(w[1], p[0])} + ${second}·${p[1] < 0 ? `(${formatNumber(p[1])})` : formatNumber(p[1])} − ${threshold} = `,
          element("b", {}, formatNumber(h)), h > 0 ? " > 0 → 1" : " ≤ 0 → 0"));
    }
    rows.replaceChildren(...all.map((q, i) => {
      const wrong = mistaken(w, q);
      const d = distance(w, q);
      return element("tr", { class: `${i === selected ? "nnc-selected" : ""}${wrong ? " nnc-missed" : ""}`, onclick: () => groups[i].group.focus() },
        element("td", {}, `${q[2] > 0 ? "●" : "■"} ${i + 1}`), ...[q[0], q[1], score(w, q)].map((v) => element("td", {}, formatNumber(v))),
        element("td", {}, String(fires(w, q))), element("td", {}, Number.isNaN(d) ? "–" : formatNumber(d)), element("td", {}, wrong ? "✗" : "✓"));
    }));
  }

  function showVerdict(w, all) {
    const { gamma, radius, bound: most } = novikoff(all);
    const next = nextMistake(w, all, model.get("cursor"));
    const wrong = all.filter((p) => mistaken(w, p)).length;
    const updates = model.get("updates");
    const near = Math.min(...all.map((p) => Math.abs(distance(w, p))));
    let text;
    if (next < 0) text = fill(strings.done, { n: all.length, margin: formatNumber(near) });
    else text = fill(strings.next, { wrong, n: all.length, i: next + 1 });
    verdict.textContent = `${message || text} ${fill(strings.count, { n: updates })}`;
    bound.textContent = gamma
      ? fill(model.get("from_zero") ? strings.bound : strings.bound_elsewhere, { radius: formatNumber(radius), gamma: formatNumber(gamma), most: formatNumber(Math.floor(most + 1e-9)) })
      : strings.not_separable;
    step.disabled = next < 0;
    runner.disabled = next < 0 && !timer;
    runner.textContent = timer ? strings.stop : strings.run;
    plus.disabled = minus.disabled = all.length >= MOST_POINTS;
    removing.disabled = all.length < 2;
  }

  function show() {
    const [w, all] = [weight(), points()];
    selected = Math.min(selected, all.length - 1);
    const same = JSON.stringify(all);
    data.value = Object.entries(model.get("datasets")).find(([, set]) => JSON.stringify(set) === same)?.[0] ?? "";
    for (const [k, input] of inputs) if (document.activeElement !== input) input.value = String(Number(w[k].toPrecision(6)));
    showPoints(w, all);
    showLine(w);
    showCorrection();
    showSums(w, all);
    showVerdict(w, all);
    place.svg.setAttribute("aria-label", fill(strings.plane_alt, { w: vector([w[1], w[2]]), w0: formatNumber(w[0]), wrong: all.filter((p) => mistaken(w, p)).length, n: all.length }));
  }

  show();
  // Changes from Python; one's own have been shown already.
  const quiet = listen(model, Object.fromEntries(["weights", "points"].map((name) => [`change:${name}`, () => timer || show()])));
  return () => {
    stop();
    quiet();
  };
}

export default { render };
