// Eight optimisers on one surface: the twin of race.py, and the front end.

import { KEEP_KEYS, button, drawn, element, fill, formatNumber, frame, listen } from "./base.js";
import { chart, choice, cividis, heat, marker, normals, pickable, player, put, showAll, slider } from "./explorer.js";

/** Value and gradient of each surface; twins of race.py's. */
export const SURFACES = {
  ravine: { low: [-4, -2], high: [4, 2], f: ([x, y]) => 0.1 * x * x + 2 * y * y, g: ([x, y]) => [0.2 * x, 4 * y] },
  rosenbrock: { low: [-2, -1], high: [2, 3], f: ([x, y]) => (1 - x) ** 2 / 4 + (y - x * x) ** 2, g: ([x, y]) => [-(1 - x) / 2 - 4 * x * (y - x * x), 2 * (y - x * x)] },
  saddle: { low: [-2, -2.5], high: [2, 2.5], f: ([x, y]) => x * x / 2 - y * y / 2 + y ** 4 / 12, g: ([x, y]) => [x, -y + y ** 3 / 3] },
  wells: { low: [-5, -5], high: [5, 5], f: ([x, y]) => ((x * x + y - 11) ** 2 + (x + y * y - 7) ** 2) / 100, g: ([x, y]) => [(4 * x * (x * x + y - 11) + 2 * (x + y * y - 7)) / 100, (2 * (x * x + y - 11) + 4 * y * (x + y * y - 7)) / 100] },
  plateau: { low: [-4, -3], high: [4, 3], f: ([x, y]) => 1 - Math.exp(-(x * x + 3 * y * y) / 2) + 0.002 * (x * x + y * y), g: ([x, y]) => { const e = Math.exp(-(x * x + 3 * y * y) / 2); return [x * e + 0.004 * x, 3 * y * e + 0.004 * y]; } },
};

const each = (...arrays) => (of) => arrays[0].map((_, d) => of(...arrays.map((a) => a[d])));
const zero = () => [0, 0];

/** The change of w for a gradient, for each rule; a maker keeps the rule's state. */
export const RULES = {
  SGD: ({ lr }) => (g) => g.map((v) => -lr * v),
  Momentum: ({ lr, momentum }) => {
    let v = zero();
    return (g) => (v = each(v, g)((a, b) => momentum * a + b)).map((a) => -lr * a);
  },
  NAG: ({ lr, momentum }) => {
    let v = zero();
    return (g) => {
      const before = v;
      v = each(v, g)((a, b) => momentum * a - lr * b);
      return each(before, v)((a, b) => -momentum * a + (1 + momentum) * b);
    };
  },
  Adagrad: ({ lr }) => {
    let s = zero();
    return (g) => {
      s = each(s, g)((a, b) => a + b * b);
      return each(s, g)((a, b) => (-lr * b) / (Math.sqrt(a) + 1e-10));
    };
  },
  RMSprop: ({ lr }) => {
    let s = zero();
    return (g) => {
      s = each(s, g)((a, b) => 0.9 * a + 0.1 * b * b);
      return each(s, g)((a, b) => (-lr * b) / (Math.sqrt(a) + 1e-8));
    };
  },
  Adadelta: ({ lr }) => {
    let [s, u] = [zero(), zero()];
    return (g) => {
      s = each(s, g)((a, b) => 0.9 * a + 0.1 * b * b);
      const d = each(s, u, g)((a, b, c) => (c * Math.sqrt(b + 1e-6)) / Math.sqrt(a + 1e-6));
      u = each(u, d)((a, b) => 0.9 * a + 0.1 * b * b);
      return d.map((v) => -lr * v);
    };
  },
  Adam: ({ lr, momentum }) => {
    let [m, v, t] = [zero(), zero(), 0];
    return (g) => {
      t += 1;
      m = each(m, g)((a, b) => momentum * a + (1 - momentum) * b);
      v = each(v, g)((a, b) => 0.999 * a + 0.001 * b * b);
      return each(m, v)((a, b) => (-lr * (a / (1 - momentum ** t))) / (Math.sqrt(b / (1 - 0.999 ** t)) + 1e-8));
    };
  },
  NAdam: ({ lr, momentum }) => {
    let [m, v, t, product] = [zero(), zero(), 0, 1];
    const mu = (k) => momentum * (1 - 0.5 * 0.96 ** (k * 4e-3));
    return (g) => {
      t += 1;
      product *= mu(t);
      m = each(m, g)((a, b) => momentum * a + (1 - momentum) * b);
      v = each(v, g)((a, b) => 0.999 * a + 0.001 * b * b);
      return each(m, v, g)((a, b, c) => (-lr * ((mu(t + 1) * a) / (1 - product * mu(t + 1)) + ((1 - mu(t)) * c) / (1 - product))) / (Math.sqrt(b / (1 - 0.999 ** t)) + 1e-8));
    };
  },
};

/** The path of one rule: w after 0, 1, ... total steps; it ends early when w flies away. */
export function run(rule, surface, { rates, scale, momentum, noise, start, seed, total }) {
  const { g } = SURFACES[surface];
  const change = RULES[rule]({ lr: rates[rule] * scale, momentum });
  const bell = normals(seed);
  const path = [start];
  let w = start;
  for (let step = 0; step < total; step++) {
    const slope = g(w).map((v) => (noise ? v + noise * bell() : v));
    w = each(w, change(slope))((a, b) => a + b);
    if (!(Math.max(...w.map(Math.abs)) < 1e6)) break;
    path.push(w);
  }
  return path;
}

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const names = Object.keys(RULES);
  const own = () => model.get("own_paths");
  let paths = {};
  let key = "";
  const surface = choice(model, "surface", strings.surface, Object.keys(SURFACES).map((name) => [name, strings[`surface_${name}`]]));
  surface.input.addEventListener("change", () => put(model, { start: model.get("starts")[model.get("surface")] }));
  const rate = slider(model, "scale", strings.scale, { low: -1, high: 1, step: 0.05, power: true, shown: (v) => `× ${formatNumber(v)}` });
  const momentum = slider(model, "momentum", strings.momentum, { low: 0, high: 0.99, step: 0.01 });
  const noise = slider(model, "noise", strings.noise, { low: 0, high: 2, step: 0.05 });
  const steps = player(model, "steps", strings.steps, () => model.get("total"), strings, 6);
  const again = button(strings.again, strings.again, () => put(model, { seed: model.get("seed") + 1 }), "nnc-again");
  const looks = (k) => `nnc-s${Math.min(k, 8)}`;
  const boxes = element("div", { class: "nnc-legend", role: "group", "aria-label": strings.shown });
  const plane = chart("", "surface", { width: 520, height: 360, left: 40 });
  const course = chart(strings.course, "course", { width: 470, height: 360, left: 56 });
  const problems = element("div", { class: "nnc-message", role: "status" });
  const standing = element("div", { class: "nnc-facts", role: "status" });
  body.append(
    element("div", { class: "nnc-row" }, surface.node, rate.node, momentum.node, noise.node),
    element("div", { class: "nnc-row" }, steps.node, again), boxes,
    element("div", { class: "nnc-charts" }, element("div", {}, plane.svg, element("div", { class: "nnc-muted" }, strings.help)), course.svg),
    element("div", { class: "nnc-panel" }, standing, problems));

  const all = () => [...names, ...Object.keys(own())];
  function showBoxes() {
    boxes.replaceChildren(...all().map((name, k) => {
      const input = element("input", { type: "checkbox", class: `nnc-show-${name}`, ...KEEP_KEYS, onchange: () => {
        const hidden = model.get("hidden").filter((other) => other !== name);
        put(model, { hidden: input.checked ? hidden : [...hidden, name] });
      } });
      input.checked = !model.get("hidden").includes(name);
      return element("label", { class: "nnc-label" }, input, marked(k), name);
    }));
  }
  const marked = (k) => drawn("svg", { class: "nnc-icon", viewBox: "0 0 14 14", "aria-hidden": "true" }, marker(k, 7, 7, `nnc-dot ${looks(k)}`, 5));

  pickable(
    plane,
    (point) => put(model, { start: point.map((v) => Math.round(v * 20) / 20) }),
    (way) => put(model, { start: model.get("start").map((v, d) => Number((v + 0.1 * way[d]).toFixed(3))) }));

  let painted = "";
  function show() {
    showAll([surface, rate, momentum, noise, steps]);
    showBoxes();
    const name = model.get("surface");
    const { low, high, f } = SURFACES[name];
    const settings = Object.fromEntries(["rates", "scale", "momentum", "noise", "start", "seed", "total"].map((trait) => [trait, model.get(trait)]));
    const wanted = JSON.stringify([name, settings]);
    if (key !== wanted) paths = Object.fromEntries(names.map((rule) => [rule, run(rule, name, settings)]));
    key = wanted;
    const known = { ...paths, ...own() };
    const least = model.get("least")[name];
    plane.axes({ x: [low[0], high[0]], y: [low[1], high[1]], xName: "w₁", yName: "w₂" });
    if (painted !== name) {
      const n = 90;
      const grid = Array.from({ length: n * n }, (_, k) => Math.log(0.01 + f([low[0] + ((k % n) + 0.5) / n * (high[0] - low[0]), low[1] + (Math.floor(k / n) + 0.5) / n * (high[1] - low[1])]) - least));
      const [a, b] = [Math.min(...grid), Math.max(...grid)];
      plane.paint(heat(n, n, (i, j) => cividis(Math.floor(((grid[n * j + i] - a) / (b - a)) * 14) / 14)));
      painted = name;
    }
    course.axes({ x: [0, model.get("total")], y: [1e-6, 1e2], yLog: true, xName: strings.steps });
    const k = model.get("steps");
    const lines = [];
    const heads = [];
    const curves = [];
    const order = [];
    all().forEach((rule, index) => {
      if (model.get("hidden").includes(rule) || !known[rule] || rule in model.get("problems")) return;
      const path = known[rule].slice(0, k + 1);
      const at = path[path.length - 1];
      const flown = known[rule].length <= Math.min(k, model.get("total"));
      lines.push(plane.line(path, "nnc-edge"), plane.line(path, `nnc-line nnc-solid ${looks(index)}`));
      heads.push(plane.mark(index, at, `nnc-dot ${looks(index)}`, 7));
      const losses = path.map((w, t) => [t, Math.max(1e-8, f(w) - least)]);
      curves.push(course.line(losses.map(([t, v]) => [t, Math.min(v, 1e4)]), `nnc-line ${looks(index)}`));
      order.push([flown ? Infinity : losses[losses.length - 1][1], rule, index]);
    });
    const ring = ["nnc-ring nnc-ring-wide", "nnc-ring"].map((look) => plane.mark(0, model.get("start"), look, 8));
    plane.layer.replaceChildren(...ring, ...lines, ...heads);
    course.layer.replaceChildren(...curves);
    problems.replaceChildren(...Object.entries(model.get("problems")).map(([rule, told]) => element("div", {}, `${rule}: ${told}`)));
    order.sort((a, b) => a[0] - b[0]);
    const said = order.map(([v, rule, index]) => [rule, v === Infinity ? strings.flown : formatNumber(v), index]);
    standing.replaceChildren(...said.map(([rule, v, index]) => element("span", { class: "nnc-label" }, marked(index), element("span", {}, rule, " ", element("b", {}, v)))));
    const alt = fill(strings.alt, { steps: k, order: said.map(([rule, v]) => `${rule} ${v}`).join("; ") });
    plane.svg.setAttribute("aria-label", `${strings.start_alt} ${alt}`);
    course.svg.setAttribute("aria-label", alt);
  }

  show();
  const quiet = listen(model, Object.fromEntries(["surface", "scale", "momentum", "noise", "start", "seed", "steps", "hidden", "own_paths", "problems"].map((name) => [`change:${name}`, show])));
  return () => {
    steps.stop();
    quiet();
  };
}

export default { render };
