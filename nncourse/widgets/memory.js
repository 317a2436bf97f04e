// The gates of a small memory over time: the twin of memory_cells.py, and the front end.

import { KEEP_KEYS, drawn, element, fill, formatNumber, frame, listen } from "./base.js";
import { chart, choice, cividis, facts, legend, pickable, player, put, showAll, slider } from "./explorer.js";

export const STEPS = 16;
const UNITS = 2;
const VALUES = [0.4, -0.7, 0.9, -0.3, 0.6, -0.8, 0.2, 0.7, -0.5, 0.3, -0.9, 0.8, -0.2, 0.5, -0.6, 0.1];
export const GATES = { rnn: "", lstm: "ifo", gru: "rz", original_gru: "rz" };
const INPUT = {
  i: [[0, 6, 0], [1, 0, 0]], f: [[0, -4, 0], [-1, 0, 0]], g: [[2, 0, 0], [-1.5, 0, 0]],
  o: [[0, 0, 4], [0.5, 0, 0]], r: [[0, 0, 0], [1, 0, 0]], z: [[0, -6, 0], [-1, 0, 0]],
};
const STATE = {
  i: [[0.3, -0.2], [-0.4, 0.5]], f: [[0.2, 0.4], [-0.3, 0.2]], g: [[0.5, -0.6], [0.7, 0.4]],
  o: [[-0.3, 0.5], [0.4, 0.2]], r: [[0.4, -0.3], [-0.5, 0.6]], z: [[0.2, 0.4], [-0.3, 0.2]],
};
const BIAS = { i: [-3, -1], g: [0, 0], o: [-2, 0], r: [1, 0] };
const PEEPHOLE = { i: [-1.5, 0.8], f: [1.2, -0.9], o: [0.9, 1.4] };

const dot = (a, b) => a.reduce((sum, v, k) => sum + v * b[k], 0);
const times = (matrix, v) => matrix.map((row) => dot(row, v));
const back = (matrix, v) => v.map((_, k) => matrix.reduce((sum, row, j) => sum + row[k] * v[j], 0));
const each = (make) => Array.from({ length: UNITS }, (_, k) => make(k));
const sum = (...vectors) => each((k) => vectors.reduce((total, v) => total + v[k], 0));
const sigmoid = (a) => 0.5 + 0.5 * Math.tanh(a / 2);
const zeros = () => each(() => 0);
export const norm = (v) => Math.hypot(...v);

export const inputs = (write) => VALUES.map((value, t) => [value, t + 1 === write ? 1 : 0, t + 1 === STEPS ? 1 : 0]);

/** The gates, states and gradients of every step; the twin of memory_cells.py's `run`. */
export function run({ kind, forced = {}, peepholes = "", forget, write }) {
  const x = inputs(write);
  const sign = (gate) => (kind === "original_gru" && gate === "z" ? -1 : 1);
  const U = (gate) => STATE[gate].map((row) => row.map((v) => sign(gate) * v));
  const ofInput = (gate, t) => each((k) => sign(gate) * (dot(INPUT[gate][k], x[t]) + ("fz".includes(gate) ? forget : BIAS[gate][k])));
  const argument = (gate, t, h) => sum(ofInput(gate, t), times(U(gate), h));
  const peeps = (gate) => !(gate in forced) && peepholes.includes(gate);
  const open = (gate, t, h, cell = null) => {
    if (gate in forced) return each(() => (forced[gate] === "open" ? 1 : 0));
    const a = argument(gate, t, h);
    return each((k) => sigmoid(a[k] + (cell && peeps(gate) ? PEEPHOLE[gate][k] * cell[k] : 0)));
  };
  // The derivative of a gate by its argument; a forced gate has none.
  const slope = (gate, values) => each((k) => (gate in forced ? 0 : values[k] * (1 - values[k])));
  const [hs, cs, steps] = [[zeros()], [zeros()], []];
  for (let t = 0; t < STEPS; t++) {
    const [h, c] = [hs[t], cs[t]];
    let step;
    if (kind === "lstm") {
      const [i, f, g] = [open("i", t, h, c), open("f", t, h, c), argument("g", t, h).map(Math.tanh)];
      const [kept, written] = [each((k) => f[k] * c[k]), each((k) => i[k] * g[k])];
      cs.push(sum(kept, written));
      const o = open("o", t, h, cs[t + 1]);
      hs.push(each((k) => o[k] * Math.tanh(cs[t + 1][k])));
      step = { gates: { i, f, g, o }, kept, written, keep: f };
    } else if (kind === "rnn") {
      hs.push(argument("g", t, h).map(Math.tanh));
      step = { gates: {}, kept: zeros(), written: zeros(), keep: zeros() };
    } else {
      const [r, z] = [open("r", t, h), open("z", t, h)];
      const after = times(STATE.g, h);
      const before = times(STATE.g, each((k) => r[k] * h[k]));
      const a = ofInput("g", t);
      const n = each((k) => Math.tanh(a[k] + (kind === "gru" ? r[k] * after[k] : before[k])));
      const rest = z.map((v) => 1 - v);
      const [keep, take] = kind === "gru" ? [z, rest] : [rest, z];
      const [kept, written] = [each((k) => keep[k] * h[k]), each((k) => take[k] * n[k])];
      hs.push(sum(kept, written));
      step = { gates: { r, z, n }, kept, written, keep, after };
    }
    steps.push(step);
  }
  const [dhs, dcs, direct] = [Array(STEPS + 1), Array(STEPS + 1), Array(STEPS)];
  let [dh, dc] = [each((k) => (k === 0 ? 1 : 0)), zeros()];
  for (let t = STEPS - 1; t >= 0; t--) {
    const { gates, keep, after } = steps[t];
    const [h, c] = [hs[t], cs[t]];
    dhs[t + 1] = dh;
    if (kind === "lstm") {
      const { i, f, g, o } = gates;
      const bend = cs[t + 1].map(Math.tanh);
      const [si, sf, so] = [slope("i", i), slope("f", f), slope("o", o)];
      const ao = each((k) => dh[k] * bend[k] * so[k]);
      const seen = (gate, a) => each((k) => (peeps(gate) ? a[k] * PEEPHOLE[gate][k] : 0));
      dc = sum(dc, each((k) => dh[k] * o[k] * (1 - bend[k] ** 2)), seen("o", ao));
      dcs[t + 1] = dc;
      const ai = each((k) => dc[k] * g[k] * si[k]);
      const af = each((k) => dc[k] * c[k] * sf[k]);
      const ag = each((k) => dc[k] * i[k] * (1 - g[k] ** 2));
      direct[t] = each((k) => dc[k] * f[k]);
      dh = sum(...[["i", ai], ["f", af], ["g", ag], ["o", ao]].map(([gate, a]) => back(U(gate), a)));
      dc = sum(direct[t], seen("i", ai), seen("f", af));
    } else if (kind === "rnn") {
      direct[t] = zeros();
      dh = back(U("g"), each((k) => dh[k] * (1 - hs[t + 1][k] ** 2)));
    } else {
      const { r, z, n } = gates;
      const torch = kind === "gru";
      const an = each((k) => dh[k] * (torch ? 1 - z[k] : z[k]) * (1 - n[k] ** 2));
      const az = each((k) => (torch ? 1 : -1) * dh[k] * (h[k] - n[k]) * slope("z", z)[k]);
      const through = back(STATE.g, torch ? each((k) => an[k] * r[k]) : an);
      const ar = each((k) => (torch ? an[k] * after[k] : through[k] * h[k]) * slope("r", r)[k]);
      direct[t] = each((k) => dh[k] * keep[k]);
      dh = sum(direct[t], each((k) => through[k] * (torch ? 1 : r[k])), back(U("r"), ar), back(U("z"), az));
    }
  }
  [dhs[0], dcs[0]] = [dh, dc];
  const gather = (name) => steps.map((step) => step[name]);
  const gates = Object.fromEntries(Object.keys(steps[0].gates).map((gate) => [gate, steps.map((step) => step.gates[gate])]));
  const lstm = kind === "lstm";
  return { gates, kept: gather("kept"), written: gather("written"), h: hs, dh: dhs, direct, c: lstm ? cs : null, dc: lstm ? dcs : null };
}

const NAMES = ["kind", "i", "f", "o", "r", "z", "peepholes", "forget", "write", "step"];
const [NARROW, WIDEST] = [760, 960]; // below the first, 16 numbers side by side are too small to read
const LEFT = 118;
const ROW = 21;
const DARK = 0.525; // below this, white stands out better from cividis than black; both reach 4.5

/** Two places, few enough for a cell. */
const short = (v) => (Math.abs(v) < 5e-3 ? "0" : v.toFixed(2)).replace("-", "−");
const tidy = (v) => formatNumber(Math.abs(v) < 1e-12 ? 0 : Number(v.toPrecision(3)));

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const kinds = [["rnn", "RNN"], ["lstm", "LSTM"], ["gru", strings.gru], ["original_gru", strings.original_gru]];
  if (model.get("own").h) kinds.push(["own", strings.own]);
  const kind = choice(model, "kind", strings.kind, kinds);
  const forces = ["free", "open", "closed"].map((how) => [how, strings[`force_${how}`]]);
  const gates = Object.fromEntries([..."iforz"].map((gate) => [gate, choice(model, gate, strings[`gate_${gate}`], forces)]));
  const peeps = [..."ifo"].map((gate) => {
    const input = element("input", { type: "checkbox", class: `nnc-in-peephole-${gate}`, ...KEEP_KEYS,
      onchange: () => put(model, { peepholes: [..."ifo"].filter((g) => (g === gate ? input.checked : model.get("peepholes").includes(g))).join("") }) });
    return { node: element("label", { class: "nnc-label" }, input, gate), show: () => (input.checked = model.get("peepholes").includes(gate)) };
  });
  const peepholes = element("span", { class: "nnc-label", role: "group", "aria-label": strings.peepholes }, strings.peepholes, ...peeps.map((p) => p.node));
  const forget = slider(model, "forget", strings.forget, { low: -2, high: 6, step: 0.25 });
  const write = slider(model, "write", strings.write, { low: 1, high: STEPS - 2, step: 1 });
  const walk = player(model, "step", strings.step, () => STEPS, strings, 8);
  const strips = element("div", { class: "nnc-strips" });
  const curves = element("div", {});
  const names = element("div", {});
  const table = element("table", { class: "nnc-table" });
  const numbers = element("div", { class: "nnc-facts" });
  const words = element("div", { class: "nnc-words", role: "status" });
  const controls = [kind, ...Object.values(gates), ...peeps, forget, write, walk];
  const choices = element("div", { class: "nnc-row" }, ...Object.values(gates).map((gate) => gate.node), peepholes);
  body.append(
    element("div", { class: "nnc-row" }, kind.node, forget.node, write.node),
    choices, walk.node, strips, curves, names, element("div", { class: "nnc-scroll" }, table),
    element("div", { class: "nnc-panel" }, numbers, words));
  const pick = (place) => pickable(place, ([at]) => put(model, { step: Math.max(1, Math.min(STEPS, Math.round(at))) }),
    ([across, up]) => put(model, { step: Math.max(0, Math.min(STEPS, model.get("step") + (across || up))) }));
  let [slopes, width] = [null, 0];
  let grid = { rows: 0, places: [] };

  /** The width for pictures, in pixels: that of the page within limits. */
  const room = () => Math.max(430, Math.min(WIDEST, Math.round(body.clientWidth) || WIDEST));
  function build() {
    width = room();
    slopes = chart(strings.gradients, "memory", { width, height: 250, left: width < NARROW ? 56 : LEFT });
    pick(slopes);
    curves.replaceChildren(slopes.svg);
    grid = { rows: 0, places: [] };
  }

  /** Grids of cells with numbers, one row per quantity and unit, in a narrow page half of the steps each. */
  function cells(rows, column) {
    const banks = width < NARROW ? 2 : 1;
    if (grid.rows !== rows.length) {
      const focused = grid.places.findIndex(({ svg }) => svg === document.activeElement);
      const part = (bank) => chart(bank ? "" : strings.strips, "strips", { width, height: 68 + ROW * rows.length, left: LEFT });
      grid = { rows: rows.length, places: Array.from({ length: banks }, (_, bank) => part(bank)) };
      grid.places.forEach(pick);
      strips.replaceChildren(...grid.places.map((place) => place.svg));
      if (focused >= 0) grid.places[focused].svg.focus();
    }
    grid.places.forEach((place, bank) => fillBank(place, rows, column, bank * (STEPS / banks), STEPS / banks));
  }

  /** The cells of `count` steps after the first `from`. */
  function fillBank(place, rows, column, from, count) {
    const steps = Array.from({ length: count }, (_, k) => from + k);
    place.axes({ x: [from + 0.5, from + count + 0.5], y: [rows.length, 0], xName: strings.axis, xTicks: steps.map((t) => [t + 1, String(t + 1)]), yTicks: rows.map(({ label }, k) => [k + 0.5, label]) });
    const [w, h] = [place.toX(from + 2) - place.toX(from + 1), place.toY(1) - place.toY(0)];
    const cell = (row, k, v, t) => {
      const look = row.gate ? { style: `fill: rgb(${cividis(v).map(Math.round)})` } : { class: v < 0 ? "nnc-minus" : "nnc-plus", "fill-opacity": 0.75 * Math.min(1, Math.abs(v)) };
      const ink = row.gate ? (v > DARK ? "nnc-on-light" : "nnc-on-dark") : "";
      return [
        drawn("rect", { ...look, x: place.toX(t + 0.5) + 0.5, y: place.toY(k) + 0.5, width: w - 1, height: h - 1 }),
        drawn("text", { class: `nnc-number ${ink}`, x: place.toX(t + 1), y: place.toY(k) + h / 2 + 4, "text-anchor": "middle" }, row.texts ? row.texts[t] : short(v))];
    };
    place.layer.replaceChildren(...rows.flatMap((row, k) => steps.flatMap((t) => cell(row, k, row.values[t], t))));
    const marked = from < column && column <= from + count;
    place.over.replaceChildren(...(marked ? [drawn("rect", { class: "nnc-column", x: place.toX(column - 0.5), y: place.area.top, width: w, height: place.area.bottom - place.area.top })] : []));
  }

  /** The sums of one step for both units, forward and back. */
  function sums(found, settings, t) {
    const { c, dc } = found;
    const [state, gradient, s] = c ? [c, dc, "c"] : [found.h, found.dh, "h"];
    if (settings.kind === "own") return tabulate([strings.unit, "c(t)", strings.shown, "∂L/∂c(t)", "∂L/∂h(t)"],
      (k) => [String(k + 1), ...[c, found.h, dc, found.dh].map((list) => tidy(list[t][k]))]);
    const plain = settings.kind === "rnn";
    const heads = [strings.unit, ...(plain ? [] : [strings.kept, strings.written]), `${s}(t)`, ...(c ? [strings.shown] : []), `∂L/∂${s}(t)`, ...(plain ? [] : [strings.direct]), plain ? strings.matrix : strings.around, `∂L/∂${s}(t−1)`];
    const line = (k) => [String(k + 1), ...(plain ? [] : [tidy(found.kept[t - 1][k]), tidy(found.written[t - 1][k])]), tidy(state[t][k]), ...(c ? [tidy(found.h[t][k])] : []), tidy(gradient[t][k]), ...(plain ? [] : [tidy(found.direct[t - 1][k])]), tidy(gradient[t - 1][k] - found.direct[t - 1][k]), tidy(gradient[t - 1][k])];
    tabulate(heads, line);
  }

  /** A table with a row for each unit, in a narrow page with a column for each. */
  function tabulate(heads, line) {
    let rows = [heads, line(0), line(1)];
    if (width < NARROW) rows = heads.map((_, n) => rows.map((row) => row[n]));
    table.replaceChildren(...rows.map((row, k) => element("tr", {}, ...row.map((text, n) => (k && n ? element("td", {}, text) : element("th", { scope: k ? "row" : "col" }, text))))));
  }

  function show() {
    showAll(controls);
    const settings = Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
    const mine = settings.kind === "own" ? model.get("own") : null;
    const own = mine ? (mine.gates.i ? "ifo" : "") : GATES[settings.kind];
    if (mine) settings.write = mine.write; // the numbers on show belong to this step
    const forcible = mine ? "" : own;
    settings.forced = Object.fromEntries([...forcible].filter((gate) => settings[gate] !== "free").map((gate) => [gate, settings[gate]]));
    if (settings.kind !== "lstm") settings.peepholes = "";
    for (const [gate, { node }] of Object.entries(gates)) node.hidden = !forcible.includes(gate);
    peepholes.hidden = settings.kind !== "lstm";
    forget.node.hidden = settings.kind === "rnn";
    choices.hidden = forcible === "";
    const found = mine || run(settings);
    const both = (name, list, gate = false) => [0, 1].map((k) => ({ label: `${name}, ${strings.unit} ${k + 1}`, values: list.map((v) => v[k]), gate }));
    const x = inputs(settings.write);
    cells([
      { label: strings.value, values: x.map(([v]) => v) },
      { label: strings.flag, values: x.map(([, w, r]) => w || r), texts: x.map(([, w, r]) => (w ? strings.to_write : r ? strings.to_read : "")) },
      ...[...own].flatMap((gate) => both(gate, found.gates[gate], true)),
      ...(found.c ? both("c", found.c.slice(1)) : []),
      ...both("h", found.h.slice(1)),
    ], settings.step);
    // Of one's own cell the last c has no gradient but by h, so there is nothing to draw.
    const shown = (list) => list.slice(1).map((v, t) => [t + 1, Math.max(mine ? 0 : 1e-9, norm(v))]).filter(([, v]) => v > 0);
    const lines = found.dc ? [["nnc-line nnc-s0", "|∂L/∂c|", found.dc, 0], ["nnc-line nnc-s1", "|∂L/∂h|", found.dh, 1]] : [["nnc-line nnc-s1", "|∂L/∂h|", found.dh, 1]];
    if (mine && mine.numerical.length) lines.push(["nnc-line nnc-s2", strings.numerical, mine.numerical.map((v) => [v]), 2]);
    const least = Math.min(1e-3, ...lines.flatMap(([, , list]) => shown(list).map(([, v]) => v)));
    slopes.axes({ x: [0.5, STEPS + 0.5], y: [Math.max(1e-9, least / 2), 4], yLog: true, xName: strings.axis, xTicks: VALUES.map((_, t) => [t + 1, String(t + 1)]) });
    const ruled = settings.step ? [slopes.line([[settings.step, slopes.limits.y[0]], [settings.step, 4]], "nnc-muted-line")] : [];
    slopes.layer.replaceChildren(...ruled, ...lines.flatMap(([look, , list, mark]) => [slopes.line(shown(list), look), ...shown(list).map((point) => slopes.mark(mark, point, look.replace("nnc-line", "nnc-dot"), 4))]));
    const late = settings.step > STEPS - 2;
    slopes.over.replaceChildren(...(settings.step ? lines.slice(0, 2).filter(([, , list]) => norm(list[settings.step]) > 1e-9 || !mine) : []).map(([, , list], n) => {
      const value = norm(list[settings.step]);
      const [x, y] = slopes.at([settings.step, Math.max(1e-9, value)]);
      return drawn("text", { class: "nnc-halo", x: x + (late ? -8 : 8), y: Math.min(slopes.area.bottom - 6, y + (n ? 16 : -8)), "text-anchor": late ? "end" : "start" }, tidy(value));
    }));
    names.replaceChildren(legend(lines.map(([look, label, , mark]) => [look, label, mark])));
    table.hidden = !settings.step;
    if (settings.step) sums(found, settings, settings.step);
    const gradient = found.dc || found.dh;
    const reach = mine ? norm([...mine.dh[mine.write], ...mine.dc[mine.write]]) : norm(gradient[settings.write]) / (norm(gradient[STEPS]) || 1);
    const answer = found.h[STEPS][0];
    numbers.replaceChildren(...facts([[strings.stored, tidy(x[settings.write - 1][0])], [strings.answer, tidy(answer)], [mine ? strings.own_reach : strings.reach, tidy(reach)]]));
    words.textContent = mine && mine.wrong.length ? fill(strings.said_wrong, { k: mine.wrong[0], name: mine.wrong[1] }) : reach < 0.003 ? strings.said_lost : reach < 0.2 ? strings.said_fades : strings.said_kept;
    const alt = fill(mine ? strings.own_alt : strings.alt, { kind: Object.fromEntries(kinds)[settings.kind], answer: tidy(answer), reach: tidy(reach) });
    for (const place of [...grid.places, slopes]) place.svg.setAttribute("aria-label", `${place.heading.textContent || strings.strips}. ${alt}`);
  }

  build();
  show();
  const resized = new ResizeObserver(() => {
    if (Math.abs(room() - width) < 40) return;
    build();
    show();
  });
  resized.observe(body);
  const stop = listen(model, Object.fromEntries([...NAMES, "own"].map((name) => [`change:${name}`, show])));
  return () => {
    walk.stop();
    resized.disconnect();
    stop();
  };
}

export default { render };
