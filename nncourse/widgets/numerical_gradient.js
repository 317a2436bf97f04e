// The front end of "How small may h be?": the curve on the left, the error against h on the right.
// All numbers come from difference.js, so nothing here waits for the kernel but a reader's own function.

import { KEEP_KEYS, drawn, element, fill, formatNumber, frame, listen, superscript } from "./base.js";
import { line, scale, ticks } from "./explorer.js";
import { CURVES, cause, difference, error, estimates, exact, rounding, sweep } from "./difference.js";

const METHODS = ["forward", "central", "complex"];
const WIDTH = 470;
const AREA = { left: 52, right: 458, top: 34, bottom: 278 };
const DECADES = [-16, -12, -8, -4, 0];
const FLOOR = -18; // log10 of where an error of 0 is drawn

/** What is drawn at a point; Python sends the same for a function of the reader's own. */
function computed(at, zoom) {
  const [name, x, h, how, type] = at;
  const r = rounding(type);
  const f = (u) => CURVES[name].value(r(u), r);
  const here = f(x);
  const above = (t) => [t, f(x + t) - here]; // relative to f(x), so that a window of 1e-15 keeps its digits
  const half = zoom ? 3 * h : 2;
  return {
    at, zoom, here,
    points: Array.from({ length: 601 }, (_, k) => above(-half + (k / 300) * half)),
    ends: { forward: [0, h], central: [-h, h], complex: [0] }[how].map(above),
    exact: exact(name, x, type), numerical: difference(...at), error: error(...at), cause: cause(...at),
    sweeps: null, // showErrors makes them, when they change
  };
}

const power = (exponent) => `10${superscript(exponent)}`;

function plot(title, name, height) {
  const id = `nnc-clip-${name}-${Math.random().toString(36).slice(2)}`;
  const layer = drawn("g", { "clip-path": `url(#${id})` });
  const axes = drawn("g", { class: "nnc-axes" });
  const over = drawn("g");
  const svg = drawn("svg", { class: `nnc-plot nnc-plot-${name}`, role: "img", viewBox: `0 0 ${WIDTH} ${height}` },
    drawn("clipPath", { id }, drawn("rect", { x: AREA.left, y: AREA.top, width: AREA.right - AREA.left, height: AREA.bottom - AREA.top })),
    drawn("text", { class: "nnc-plot-title", x: AREA.left, y: 18 }, title), axes, layer, over);
  return { svg, axes, layer, over };
}

function axis(group, x, y, xTicks, yTicks) {
  const marks = [drawn("path", { class: "nnc-frame", d: `M${AREA.left},${AREA.top} V${AREA.bottom} H${AREA.right}` })];
  for (const [value, label] of xTicks)
    marks.push(
      drawn("path", { class: "nnc-grid", d: `M${x(value)},${AREA.top} V${AREA.bottom}` }),
      drawn("text", { x: x(value), y: AREA.bottom + 17, "text-anchor": "middle" }, label));
  for (const [value, label] of yTicks)
    marks.push(
      drawn("path", { class: "nnc-grid", d: `M${AREA.left},${y(value)} H${AREA.right}` }),
      drawn("text", { x: AREA.left - 6, y: y(value) + 4, "text-anchor": "end" }, label));
  group.replaceChildren(...marks.sort((a, b) => b.classList.contains("nnc-grid") - a.classList.contains("nnc-grid")));
}

const SHAPES = {
  forward: (x, y, r) => drawn("circle", { cx: x, cy: y, r }),
  central: (x, y, r) => drawn("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r }),
  complex: (x, y, r) => drawn("path", { d: `M${x},${y - 1.2 * r} l${1.2 * r},${2.1 * r} h${-2.4 * r} z` }),
};

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "difference");
  const functions = Object.fromEntries(model.get("functions").map((f) => [f.key, f]));
  const get = () => ["function", "x", "h", "method", "dtype"].map((name) => model.get(name));
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };

  const choice = element("select", { class: "nnc-function", "aria-label": strings.function, onchange: () => set("function", choice.value), ...KEEP_KEYS },
    ...Object.values(functions).map((f) => element("option", { value: f.key }, f.formula)));
  const point = element("input", { type: "range", step: "0.01", class: "nnc-x", "aria-label": strings.x, oninput: () => set("x", Number(point.value)), ...KEEP_KEYS });
  const pointValue = element("input", {
    type: "number", step: "0.01", class: "nnc-x-value nnc-mono", "aria-label": strings.x, ...KEEP_KEYS,
    oninput: () => Number.isFinite(pointValue.valueAsNumber) && set("x", pointValue.valueAsNumber),
  });
  const step = element("input", { type: "range", class: "nnc-h", min: "-16", max: "0", step: "0.125", "aria-label": strings.h, oninput: () => set("h", 10 ** Number(step.value)), ...KEEP_KEYS });
  const stepValue = element("output", { class: "nnc-h-value" });
  const radios = (name, options) => {
    const group = `nnc-${name}-${Math.random().toString(36).slice(2)}`;
    const inputs = options.map(([value, label]) => [
      value,
      element("input", { type: "radio", name: group, value, class: `nnc-${name}-${value}`, onchange: () => set(name, value), ...KEEP_KEYS }),
      label,
    ]);
    return {
      box: element("span", { class: "nnc-choices", role: "radiogroup", "aria-label": strings[name] }, ...inputs.map(([value, input, label]) =>
        element("label", { class: "nnc-label", title: name === "method" ? strings[`method_${value}`] : null }, input, name === "method" ? element("span", { class: `nnc-sample nnc-sample-${value}` }) : "", label))),
      show: (chosen) => inputs.forEach(([value, input]) => (input.checked = value === chosen)),
    };
  };
  const method = radios("method", METHODS.map((m) => [m, strings[m]]));
  const dtype = radios("dtype", [["float64", "float64"], ["float32", "float32"]]);
  const zoom = element("input", { type: "checkbox", class: "nnc-zoom", onchange: () => set("zoom", zoom.checked), ...KEEP_KEYS });

  const curvePlot = plot(strings.curve_title, "curve", 300);
  const errorPlot = plot(strings.error_title, "error", 320);
  const formulaKey = element("span");
  const legend = element("div", { class: "nnc-legend" },
    element("span", { class: "nnc-key nnc-key-curve" }, formulaKey),
    element("span", { class: "nnc-key nnc-key-tangent" }, strings.tangent),
    element("span", { class: "nnc-key nnc-key-secant" }, strings.secant));
  const numbers = element("div", { class: "nnc-row nnc-numbers" });
  const explanation = element("div", { class: "nnc-explanation", role: "status" });

  body.append(
    element("div", { class: "nnc-row" },
      element("label", { class: "nnc-label" }, strings.function, choice),
      element("label", { class: "nnc-label nnc-grow" }, strings.x, point), pointValue,
      element("label", { class: "nnc-label" }, zoom, strings.zoom)),
    element("div", { class: "nnc-row" },
      element("label", { class: "nnc-label nnc-grow nnc-h-label" }, strings.h, step), stepValue, method.box, dtype.box),
    element("div", { class: "nnc-plots" },
      element("div", { class: "nnc-half" }, curvePlot.svg, legend),
      element("div", { class: "nnc-half" }, errorPlot.svg)),
    element("div", { class: "nnc-panel" }, numbers, explanation),
    ...Object.entries(model.get("problems")).map(([name, told]) => element("div", { class: "nnc-message" }, `${name}: ${told}`)),
  );

  // The error plot can be dragged: its horizontal axis is h.
  const logH = scale(AREA.left, AREA.right, -16, 0);
  const drag = (event) => {
    const box = errorPlot.svg.getBoundingClientRect();
    const where = logH(((event.clientX - box.left) / box.width) * WIDTH);
    set("h", 10 ** (Math.round(Math.max(-16, Math.min(0, where)) * 8) / 8));
  };
  errorPlot.svg.addEventListener("pointerdown", (event) => {
    errorPlot.svg.setPointerCapture(event.pointerId);
    drag(event);
  });
  errorPlot.svg.addEventListener("pointermove", (event) => event.buttons && drag(event));

  function showCurve({ at: [name, x, h], zoom: zoomed, points, ends, here, exact: slope, numerical }) {
    const half = zoomed ? 3 * h : 2;
    const known = points.filter((p) => Number.isFinite(p[1]));
    let [low, high] = known.length ? [Math.min(...known.map((p) => p[1])), Math.max(...known.map((p) => p[1]))] : [-1, 1];
    const least = zoomed ? Math.max(Math.abs(slope), 1e-3) * half : 0.5;
    if (high - low < least) [low, high] = [(low + high - least) / 2, (low + high + least) / 2];
    const pad = 0.12 * (high - low);
    const toX = scale(-half, half, AREA.left, AREA.right);
    const toY = scale(low - pad, high + pad, AREA.bottom, AREA.top);
    const xTicks = zoomed ? [[-h, "x − h"], [0, "x"], [h, "x + h"]] : ticks(x - half, x + half).map((v) => [v - x, formatNumber(Number(v.toPrecision(6)))]);
    const yTicks = zoomed ? [[0, "f(x)"]] : ticks(low - pad + here, high + pad + here).map((v) => [v - here, formatNumber(Number(v.toPrecision(6)))]);
    axis(curvePlot.axes, toX, toY, xTicks, yTicks);
    const straight = (k, t0, y0) => (Number.isFinite(k) ? [[toX(-half), toY(y0 + k * (-half - t0))], [toX(half), toY(y0 + k * (half - t0))]] : []);
    curvePlot.layer.replaceChildren(
      line(known.map(([t, y]) => [toX(t), toY(y)]), "nnc-curve"),
      line(straight(slope, 0, 0), "nnc-tangent"),
      line(straight(numerical, ...ends[0]), "nnc-secant"),
      ...ends.filter(([, y]) => Number.isFinite(y)).map(([t, y]) => drawn("circle", { class: "nnc-end", cx: toX(t), cy: toY(y), r: 5 })),
      drawn("circle", { class: "nnc-here", cx: toX(0), cy: toY(0), r: 4 }),
    );
    formulaKey.textContent = functions[name].formula;
  }

  const toX = scale(-16, 0, AREA.left, AREA.right);
  const toY = scale(FLOOR - 0.6, 1.5, AREA.bottom, AREA.top);
  const place = ([size, wrong]) => [toX(Math.log10(size)), toY(Math.max(FLOOR, Math.log10(wrong)))];
  axis(errorPlot.axes, toX, toY, DECADES.map((k) => [k, k ? power(k) : "1"]),
    [...DECADES.map((k) => [k, k ? power(k) : "1"]), [FLOOR, "0"]]);
  let drawnFor = "";
  let best = [NaN, NaN];

  /** The three curves and the two guides; they do not depend on h. */
  function showErrors([name, x, , how, type], sweeps) {
    const shapes = [];
    for (const other of [...METHODS.filter((m) => m !== how), how]) {
      const points = (sweeps ? sweeps[other] : sweep(name, x, other, type)).filter((p) => Number.isFinite(p[1]));
      const chosen = other === how ? "nnc-chosen" : "nnc-other";
      if (other === how) best = points.reduce((a, b) => (b[1] < a[1] ? b : a), [NaN, Infinity]);
      const group = drawn("g", { class: `nnc-series nnc-series-${other} ${chosen}` }, line(points.map(place), "nnc-errors"));
      points.forEach((p, k) => k % 8 === 4 && group.append(SHAPES[other](...place(p), other === how ? 3.4 : 2.6)));
      shapes.push(group);
    }
    const guides = [];
    const expected = sweeps || CURVES[name].kinks.includes(x) ? [] : ["truncation", "roundoff"];
    for (const [k, label] of expected.entries()) {
      const [from, to] = [-16, 0].map((e) => Math.log10(estimates(name, x, 10 ** e, how, type)[k]));
      if (!Number.isFinite(from)) continue;
      const [x0, y0, x1, y1] = [toX(-16), toY(from), toX(0), toY(to)];
      shapes.unshift(line([[x0, y0], [x1, y1]], "nnc-guide"));
      // The label runs along its line: above the falling one, below the rising one.
      const falling = label === "roundoff";
      const enters = x0 + ((AREA.top + 6 - y0) / (y1 - y0)) * (x1 - x0); // where the line meets the top
      const at = falling ? Math.max(x0, enters) + 14 : Math.min(x1, enters) - 8;
      const angle = (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI;
      const exponent = Math.round((to - from) / 16);
      guides.push(drawn("text", {
        class: "nnc-halo nnc-guide-text", "text-anchor": falling ? "start" : "end", dy: falling ? -7 : 17,
        transform: `translate(${at},${y0 + ((y1 - y0) * (at - x0)) / (x1 - x0)}) rotate(${angle})`,
      }, `${strings[label]} ~ ${{ 1: "h", 2: "h²", "-1": "ε/h" }[exponent]}`));
    }
    errorPlot.layer.replaceChildren(...shapes, ...guides);
  }

  function showError({ at, error: now, sweeps }) {
    const [name, x, h, how, type] = at;
    const key = [name, x, how, type].join();
    if (key !== drawnFor) showErrors(at, sweeps);
    drawnFor = key;
    const [cx, cy] = place([h, now]);
    errorPlot.over.replaceChildren(
      drawn("path", { class: "nnc-now-line", d: `M${cx},${AREA.top} V${AREA.bottom}` }),
      Number.isFinite(now) ? drawn("circle", { class: "nnc-now", cx, cy, r: 7 }) : "",
      drawn("text", { x: (AREA.left + AREA.right) / 2, y: AREA.bottom + 36, "text-anchor": "middle" }, strings.h),
    );
    return best;
  }

  function show() {
    const wanted = get();
    const [name, x, h, how, type] = wanted;
    choice.value = name;
    const { low, high } = functions[name] || { low: -3, high: 3 };
    point.min = String(low);
    point.max = String(high);
    point.value = String(x);
    if (document.activeElement !== pointValue) pointValue.value = String(x);
    step.value = String(Math.log10(h));
    stepValue.textContent = `h = ${formatNumber(h)}`;
    step.setAttribute("aria-valuetext", formatNumber(h));
    method.show(how);
    dtype.show(type);
    zoom.checked = model.get("zoom");

    const found = name in CURVES ? computed(wanted, zoom.checked) : model.get("own_numbers");
    if (!found.at || found.at[0] !== name) return; // the kernel answers in a moment, or there is a problem
    const [slope, numerical, wrong] = ["exact", "numerical", "error"].map((one) => found[one] ?? NaN);
    showCurve({ ...found, exact: slope, numerical });
    const [bestH, best] = showError({ ...found, error: wrong });
    const size = Math.max(Math.abs(slope), Math.abs(numerical));
    const digits = size === 0 ? Infinity : Math.max(0, Math.floor(-Math.log10(wrong / size)));
    const shown = type === "float32" ? 9 : 17;
    const cell = (label, value, mark = "") => element("span", {}, element("span", { class: "nnc-muted" }, `${label} `), element("b", { class: mark }, value));
    numbers.replaceChildren(
      cell(strings.exact_slope, slope.toPrecision(shown)), cell(strings.numerical_slope, numerical.toPrecision(shown)),
      cell(strings.error, formatNumber(wrong), "nnc-error-now"),
      cell(strings.best, `${formatNumber(best)} (h = ${formatNumber(bestH)})`),
      Number.isFinite(digits) ? element("span", { class: "nnc-muted" }, fill(strings.digits, { n: digits })) : "");
    explanation.textContent = fill(strings[`cause_${found.cause}`], { exact: formatNumber(slope), dtype: type });
    const words = { formula: functions[name].formula, x: formatNumber(x), exact: formatNumber(slope), numerical: formatNumber(numerical), error: formatNumber(wrong), h: formatNumber(h), best: formatNumber(best), best_h: formatNumber(bestH) };
    curvePlot.svg.setAttribute("aria-label", fill(strings.curve_alt, words));
    errorPlot.svg.setAttribute("aria-label", fill(strings.error_alt, words));
  }

  show();
  return listen(model, Object.fromEntries(["function", "x", "h", "method", "dtype", "zoom", "own_numbers"].map((name) => [`change:${name}`, show])));
}

export default { render };
