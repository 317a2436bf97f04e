// Gradient descent on the mean of many losses: the twin of descent.py, and the front end.

import { button, element, fill, formatNumber, frame, listen } from "./base.js";
import { chart, choice, cividis, facts, heat, legend, normals, pickable, player, put, showAll, slider, uniforms } from "./explorer.js";

const FAR = 1e6; // a weight beyond this has flown away

/** Loss and gradient of one object (x, y) at w, for each problem. */
export const PROBLEMS = {
  line: {
    low: [-2], high: [4],
    loss: ([w], [x, y]) => (w * x - y) ** 2 / 2,
    slope: ([w], [x, y]) => [(w * x - y) * x],
  },
  wells: {
    low: [-2], high: [2],
    loss: ([w], [, , a]) => (w * w - 1) ** 2 / 4 + 0.2 * w + a * w,
    slope: ([w], [, , a]) => [w * (w * w - 1) + 0.2 + a],
  },
  plane: {
    low: [-2, -2], high: [4, 3],
    loss: ([w, b], [x, y]) => (w * x + b - y) ** 2 / 2,
    slope: ([w, b], [x, y]) => [(w * x + b - y) * x, w * x + b - y],
  },
};

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

export const risk = (problem, objects, w) => mean(objects.map((object) => PROBLEMS[problem].loss(w, object)));

/** w, Q(w), the batch's loss and the smoothed Q after each of `total` steps; it ends early when w flies away. */
export function descend(problem, objects, { rate, batch, order, smoothing, noise, start, seed, total }) {
  const { loss, slope } = PROBLEMS[problem];
  const next = uniforms(seed);
  let w = [...start];
  let q = risk(problem, objects, w);
  const bell = normals(seed);
  const path = { w: [w], risk: [q], smooth: [q], batch: [], chosen: [] };
  let cursor = 0;
  for (let step = 0; step < total; step++) {
    let chosen = objects.map((_, i) => i);
    if (batch < objects.length)
      chosen = Array.from({ length: batch }, () => (order === "random" ? Math.floor(next() * objects.length) : cursor++ % objects.length));
    const cost = mean(chosen.map((i) => loss(w, objects[i])));
    const slopes = chosen.map((i) => slope(w, objects[i]));
    w = w.map((v, d) => v - rate * (mean(slopes.map((s) => s[d])) + (noise ? noise * bell() : 0)));
    q = (1 - smoothing) * q + smoothing * cost;
    path.w.push(w);
    path.risk.push(risk(problem, objects, w));
    path.smooth.push(q);
    path.batch.push(cost);
    path.chosen.push(chosen);
    if (!(Math.max(...w.map(Math.abs)) < FAR)) break;
  }
  return path;
}

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const objects = model.get("objects");
  // Losses of the reader's own: the kernel has computed the surface and computes each path.
  const own = model.get("own_surfaces");
  const problems = Object.entries(model.get("problems"));
  const names = [...Object.keys(PROBLEMS), ...Object.keys(own)];
  let path = { w: [[]] };
  let key = "";
  const last = () => path.w.length - 1;
  /** Has the problem two weights? */
  const flat = (name) => (PROBLEMS[name] || own[name]).low.length === 2;
  const problem = choice(model, "problem", strings.problem, names.map((name) => [name, strings[`problem_${name}`] || name]));
  problem.input.addEventListener("change", () => put(model, { start: model.get("starts")[model.get("problem")] }));
  const order = choice(model, "order", strings.order, [["random", strings.order_random], ["stored", strings.order_stored]]);
  const rate = slider(model, "rate", strings.rate, { low: -2, high: 0.6, step: 0.02, power: true });
  const batch = slider(model, "batch", strings.batch, { low: 1, high: objects.length, step: 1 });
  const smoothing = slider(model, "smoothing", strings.smoothing, { low: -2, high: 0, step: 0.05, power: true });
  const noise = slider(model, "noise", strings.noise, { low: 0, high: 3, step: 0.1 });
  const again = button(strings.again, strings.again, () => put(model, { seed: model.get("seed") + 1 }), "nnc-again");
  const steps = player(model, "steps", strings.steps, last, strings);
  const controls = [problem, order, rate, batch, smoothing, noise];

  const surface = chart("", "surface", { width: 470, height: 320 });
  const course = chart(strings.course, "course", { width: 470, height: 320, left: 56 });
  const keys = element("div");
  const numbers = element("div", { class: "nnc-facts" });
  const words = element("div", { class: "nnc-words", role: "status" });
  const warning = element("div", { class: "nnc-message", role: "status" });
  body.append(
    element("div", { class: "nnc-row" }, problem.node, rate.node, batch.node, order.node),
    element("div", { class: "nnc-row" }, noise.node, smoothing.node, again), element("div", { class: "nnc-row" }, steps.node),
    element("div", { class: "nnc-charts" }, element("div", {}, surface.svg, keys, element("div", { class: "nnc-muted" }, strings.help)),
      element("div", {}, course.svg, legend([["nnc-line nnc-s0", strings.risk], ["nnc-line nnc-s1", strings.smooth], ["nnc-dot nnc-s2", strings.batch_loss, 0]]))),
    element("div", { class: "nnc-panel" }, numbers, words, warning),
    ...problems.map(([name, told]) => element("div", { class: "nnc-message" }, `${name}: ${told}`)));

  pickable(
    surface,
    ([x, y]) => put(model, { start: (flat(model.get("problem")) ? [x, y] : [x]).map((v) => Math.round(v * 20) / 20) }),
    (way) => put(model, { start: model.get("start").map((v, d) => Number((v + 0.1 * way[d]).toFixed(3))) }));

  /** Q on a grid of n x n places of the plane, row by row from below. */
  function plane(name) {
    if (name in own) return [Math.round(Math.sqrt(own[name].grid.length)), own[name].grid];
    const { low, high } = PROBLEMS[name];
    const n = 90;
    return [n, Array.from({ length: n * n }, (_, k) => risk(name, objects, [low[0] + ((k % n) + 0.5) / n * (high[0] - low[0]), low[1] + (Math.floor(k / n) + 0.5) / n * (high[1] - low[1])]))];
  }

  let painted = "";
  function showSurface(name, now) {
    const { low, high, loss } = PROBLEMS[name] || own[name];
    surface.heading.textContent = "";
    const shown = path.w.slice(0, now + 1);
    if (flat(name)) {
      const axes = name in own ? { xName: "w₁", yName: "w₂" } : { xName: "w", yName: "b" };
      surface.axes({ x: [low[0], high[0]], y: [low[1], high[1]], ...axes });
      if (painted !== name) {
        const [n, values] = plane(name);
        const floor = Math.min(0, ...values.filter(Number.isFinite));
        const grid = values.map((v) => (Number.isFinite(v) ? Math.log(0.02 + v - floor) : NaN));
        const known = grid.filter(Number.isFinite);
        const [least, most] = [Math.min(...known), Math.max(...known)];
        // Bands instead of a smooth ramp: their edges are level lines. Where Q is no number, nothing is painted.
        surface.paint(heat(n, n, (i, j) => (Number.isFinite(grid[n * j + i]) ? cividis(Math.floor(((grid[n * j + i] - least) / (most - least || 1)) * 12) / 12) : [0, 0, 0, 0])));
      }
      surface.layer.replaceChildren(surface.line(shown, "nnc-edge"), surface.line(shown, "nnc-line nnc-solid nnc-s1"),
        ...shown.map((w) => surface.mark(0, w, "nnc-dot nnc-s1", 3)), surface.mark(3, path.w[0], "nnc-dot nnc-s0", 7), surface.mark(0, path.w[now], "nnc-dot nnc-s1", 7));
    } else {
      const at = (of) => Array.from({ length: 121 }, (_, k) => [low[0] + (k / 120) * (high[0] - low[0])]).map((w) => [w[0], of(w)]);
      const q = name in own
        ? own[name].grid.map((v, k) => [low[0] + (k / 120) * (high[0] - low[0]), v]).filter((p) => Number.isFinite(p[1]))
        : at((w) => risk(name, objects, w));
      const top = Math.max(...q.map((p) => p[1])) * 1.05;
      const bottom = Math.min(0, ...q.map((p) => p[1])) - 0.05 * top;
      surface.ground.replaceChildren();
      surface.axes({ x: [low[0], high[0]], y: [bottom, top], xName: "w", yName: "Q(w)" });
      const chosen = now > 0 && !(name in own) && path.chosen[now - 1].length < objects.length ? [...new Set(path.chosen[now - 1])].slice(0, 8) : [];
      const dots = shown.map((w, k) => [w[0], path.risk[k]]).filter((p) => Number.isFinite(p[1]));
      surface.layer.replaceChildren(
        ...chosen.map((i) => surface.line(at((w) => loss(w, objects[i])), "nnc-thin nnc-s2")),
        surface.line(q, "nnc-line nnc-s0"), surface.line(dots, "nnc-thin nnc-s1"),
        ...dots.map((p) => surface.mark(0, p, "nnc-dot nnc-s1", 3.5)),
        ...dots.slice(0, 1).map((p) => surface.mark(3, p, "nnc-dot nnc-s0", 7)), ...dots.slice(-1).map((p) => surface.mark(0, p, "nnc-dot nnc-s1", 7)));
    }
    keys.replaceChildren(legend([["nnc-dot nnc-s0", strings.begin, 3], ["nnc-dot nnc-s1", strings.walked, 0], ...(name in own || flat(name) ? [] : [["nnc-thin nnc-s2", strings.single]])]));
    painted = name;
  }

  function show() {
    showAll(controls);
    const name = model.get("problem");
    const mine = name in own;
    if (!mine && !(name in PROBLEMS)) return; // one's own that cannot be drawn; the message stands below
    if (model.get("start").length !== (PROBLEMS[name] || own[name]).low.length) return; // the start follows in a moment
    for (const { node } of [batch, order]) node.hidden = mine;
    const now = Object.fromEntries(["rate", "batch", "order", "smoothing", "noise", "start", "seed", "total"].map((trait) => [trait, model.get(trait)]));
    const wanted = JSON.stringify([name, now]);
    if (mine) path = model.get("own_path");
    else if (key !== wanted) path = descend(name, objects, now);
    if (mine && path.problem !== name) return; // the kernel answers in a moment
    key = wanted;
    steps.show();
    const k = Math.min(model.get("steps"), last());
    showSurface(name, k);
    const [low, high] = [path.risk, path.smooth, path.batch].flat().filter((v) => v > 0 && Number.isFinite(v)).reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, 0]);
    course.axes({ x: [0, Math.max(1, last())], y: [Math.max(low, 1e-4) / 1.5, Math.min(high, 1e6) * 1.5], yLog: true, xName: strings.steps });
    const upTo = (values, from = 0) => values.slice(0, k + 1 - from).map((v, i) => [i + from, v]).filter((p) => Number.isFinite(p[1])).map(([i, v]) => [i, Math.max(v, 1e-5)]);
    course.layer.replaceChildren(
      ...upTo(path.batch, 1).map((p) => course.mark(0, p, "nnc-dot nnc-s2", 2.4)),
      course.line(upTo(path.risk), "nnc-line nnc-s0"), course.line(upTo(path.smooth), "nnc-line nnc-s1"));
    const w = path.w[k].map(formatNumber).join("; ");
    numbers.replaceChildren(...facts([[strings.steps, String(k)], [flat(name) ? (mine ? "(w₁; w₂) =" : "(w; b) =") : "w =", w], ["Q(w) =", formatNumber(path.risk[k] ?? NaN)], [strings.smooth, formatNumber(path.smooth[k] ?? NaN)]]));
    const flown = path.w.length - 1 < model.get("total");
    const nowhere = path.risk.some((v) => !Number.isFinite(v));
    warning.textContent = mine ? own[name].wrong : "";
    words.textContent = nowhere ? strings.nowhere : flown ? strings.flown : now.noise > 0 ? strings.shaken : mine ? strings.own_exact : now.batch < objects.length ? strings.noisy : strings.exact;
    const alt = fill(strings.alt, { steps: k, w, q: formatNumber(path.risk[k] ?? NaN), smooth: formatNumber(path.smooth[k] ?? NaN) });
    surface.svg.setAttribute("aria-label", `${strings.start_alt} ${alt}`);
    course.svg.setAttribute("aria-label", alt);
  }

  show();
  const quiet = listen(model, Object.fromEntries(["problem", "rate", "batch", "order", "smoothing", "noise", "start", "seed", "steps", "own_path"].map((name) => [`change:${name}`, show])));
  return () => {
    steps.stop();
    quiet();
  };
}

export default { render };
