// What the explorers share: controls bound to traits of the model, charts with axes, heat maps.
// A control sets its trait; every picture is drawn anew when a trait changes, by whomever.

import { KEEP_KEYS, button, drawn, element, formatNumber, icon, reducedMotion, superscript } from "./base.js";

export function put(model, changes) {
  for (const [name, value] of Object.entries(changes)) model.set(name, value);
  model.save_changes();
}

/** A slider for a number; with `power` it moves the number's decimal logarithm. */
export function slider(model, name, label, { low, high, step, power = false, shown = formatNumber }) {
  const value = element("output", { class: "nnc-value" });
  const input = element("input", { type: "range", class: `nnc-in-${name}`, min: low, max: high, step, "aria-label": label, ...KEEP_KEYS,
    oninput: () => put(model, { [name]: power ? Number((10 ** Number(input.value)).toPrecision(3)) : Number(input.value) }) });
  return {
    node: element("label", { class: "nnc-label nnc-slider" }, label, input, value),
    input,
    show() {
      const number = model.get(name);
      input.value = String(power ? Math.log10(number) : number);
      value.textContent = shown(number);
      input.setAttribute("aria-valuetext", shown(number));
    },
  };
}

/** A drop-down list; options are [value, label]. */
export function choice(model, name, label, options) {
  const input = element("select", { class: `nnc-in-${name}`, "aria-label": label, ...KEEP_KEYS,
    onchange: () => put(model, { [name]: options[input.selectedIndex][0] }) },
  ...options.map(([, text]) => element("option", {}, text)));
  return {
    node: element("label", { class: "nnc-label" }, label, input),
    input,
    show: () => (input.selectedIndex = options.findIndex(([value]) => value === model.get(name))),
  };
}

export function check(model, name, label) {
  const input = element("input", { type: "checkbox", class: `nnc-in-${name}`, onchange: () => put(model, { [name]: input.checked }), ...KEEP_KEYS });
  return { node: element("label", { class: "nnc-label" }, input, label), input, show: () => (input.checked = model.get(name)) };
}

/** Play and a slider over 0 ... last() for a trait that counts steps; under reduced motion play jumps. */
export function player(model, name, label, last, words, seconds = 4) {
  const at = slider(model, name, label, { low: 0, high: 1, step: 1 });
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    mark();
  };
  const tick = () => {
    const to = Math.min(last(), model.get(name) + Math.max(1, Math.round(last() / (25 * seconds))));
    put(model, { [name]: to });
    if (to >= last()) stop();
  };
  const play = button(words.play, icon("play"), () => {
    if (timer !== null) return stop();
    if (reducedMotion()) return put(model, { [name]: last() });
    if (model.get(name) >= last()) put(model, { [name]: 0 });
    timer = setInterval(tick, 40);
    mark();
  }, "nnc-play");
  const mark = () => {
    play.replaceChildren(icon(timer === null ? "play" : "pause"));
    play.setAttribute("aria-label", timer === null ? words.play : words.pause);
  };
  return {
    node: element("span", { class: "nnc-label nnc-grow" }, play, at.node),
    stop,
    show() {
      at.input.max = String(last());
      at.show();
    },
  };
}

export const scale = (from, to, low, high) => (v) => low + ((v - from) / (to - from)) * (high - low);

/** Steps of 1, 2 or 5 times a power of ten that give about `count` ticks. */
export function ticks(low, high, count = 5) {
  const rough = (high - low) / count;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((m) => m * unit >= rough * (1 - 1e-9)) * unit;
  const result = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) result.push(Number((k * step).toPrecision(9)));
  return result;
}

function powers(low, high) {
  const first = Math.ceil(low - 1e-9);
  const every = Math.max(1, Math.ceil((high - low) / 6));
  return Array.from({ length: Math.max(0, Math.floor((high - first + 1e-9) / every) + 1) }, (_, k) => first + k * every);
}

export const line = (points, name) => drawn("path", { class: name, d: points.length ? `M${points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(" L")}` : "" });

/** A chart: a clipped layer for what is drawn, one above it, and axes that can be set anew. */
export function chart(title, name, { width = 470, height = 300, left = 50, square = false } = {}) {
  const area = { left, right: width - 12, top: 30, bottom: height - 38 };
  if (square) area.bottom = area.top + (area.right - area.left);
  const tall = square ? area.bottom + 38 : height;
  const id = `nnc-chart-${Math.random().toString(36).slice(2)}`;
  const ground = drawn("g");
  const grid = drawn("g");
  const layer = drawn("g", { "clip-path": `url(#${id})` });
  const over = drawn("g");
  const heading = drawn("text", { class: "nnc-chart-title", x: area.left, y: 18 }, title);
  const svg = drawn("svg", { class: `nnc-chart nnc-chart-${name}`, role: "img", viewBox: `0 0 ${width} ${tall}`, style: `max-width: ${1.12 * width}px` },
    drawn("clipPath", { id }, drawn("rect", { x: area.left, y: area.top, width: area.right - area.left, height: area.bottom - area.top })),
    heading, ground, grid, layer, over);
  const self = { svg, ground, layer, over, area, heading, limits: null };

  /** Set the limits; xLog and yLog take logarithms. Ticks may be given as [value, label]. */
  self.axes = ({ x, y, xLog = false, yLog = false, xName = "", yName = "", xTicks = null, yTicks = null }) => {
    const [fx, fy] = [xLog ? Math.log10 : Number, yLog ? Math.log10 : Number];
    const [sx, sy] = [scale(fx(x[0]), fx(x[1]), area.left, area.right), scale(fy(y[0]), fy(y[1]), area.bottom, area.top)];
    // Far outside is as good as infinite, which SVG does not know.
    const within = (v) => Math.max(-1e4, Math.min(1e4, v));
    self.toX = (v) => within(sx(fx(v)));
    self.toY = (v) => within(sy(fy(v)));
    self.limits = { x, y };
    const marks = (given, [low, high], log) => given || (log ? powers(Math.log10(low), Math.log10(high)).map((k) => [10 ** k, k === 0 ? "1" : `10${superscript(k)}`]) : ticks(low, high).map((v) => [v, formatNumber(v)]));
    grid.replaceChildren(
      ...marks(xTicks, x, xLog).flatMap(([v, text]) => [
        drawn("path", { class: "nnc-grid", d: `M${self.toX(v)},${area.top} V${area.bottom}` }),
        drawn("text", { x: self.toX(v), y: area.bottom + 17, "text-anchor": "middle" }, text)]),
      ...marks(yTicks, y, yLog).flatMap(([v, text]) => [
        drawn("path", { class: "nnc-grid", d: `M${area.left},${self.toY(v)} H${area.right}` }),
        drawn("text", { x: area.left - 6, y: Math.min(self.toY(v) + 4, area.bottom), "text-anchor": "end" }, text)]),
      drawn("path", { class: "nnc-frame", d: `M${area.left},${area.top} V${area.bottom} H${area.right}` }),
      drawn("text", { class: "nnc-axis-name", x: area.right, y: area.bottom + 33, "text-anchor": "end" }, xName),
      drawn("text", { class: "nnc-axis-name", x: title ? area.right : area.left - 6, y: area.top - 10, "text-anchor": title ? "end" : "start" }, yName));
  };
  self.at = ([x, y]) => [self.toX(x), self.toY(y)];
  self.line = (points, look) => line(points.map(self.at), look);
  self.mark = (kind, point, look, r = 5) => marker(kind, ...self.at(point), look, r);
  /** The coordinates of a pointer event (linear axes). */
  self.where = (event) => {
    const box = svg.getBoundingClientRect();
    const [px, py] = [((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * tall];
    const { x, y } = self.limits;
    const inside = (v, [low, high]) => Math.max(low, Math.min(high, v));
    return [inside(scale(area.left, area.right, ...x)(px), x), inside(scale(area.bottom, area.top, ...y)(py), y)];
  };
  /** Paint the area with a picture from `heat`. */
  self.paint = (href) => ground.replaceChildren(drawn("image", { href, x: area.left, y: area.top, width: area.right - area.left, height: area.bottom - area.top, preserveAspectRatio: "none" }));
  return self;
}

// Relative to where the mark stands, so that many can be drawn as one path.
const MARKS = [
  (r) => `m${-r},0 a${r},${r} 0 1 0 ${2 * r},0 a${r},${r} 0 1 0 ${-2 * r},0 z`,
  (r) => `m${-0.9 * r},${-0.9 * r} h${1.8 * r} v${1.8 * r} h${-1.8 * r} z`,
  (r) => `m0,${-1.2 * r} l${1.2 * r},${2.1 * r} h${-2.4 * r} z`,
  (r) => `m0,${-1.3 * r} l${1.3 * r},${1.3 * r} l${-1.3 * r},${1.3 * r} l${-1.3 * r},${-1.3 * r} z`,
  (r) => `m0,${1.2 * r} l${1.2 * r},${-2.1 * r} h${-2.4 * r} z`,
  (r) => `m${-1.2 * r},${-0.4 * r} h${0.8 * r} v${-0.8 * r} h${0.8 * r} v${0.8 * r} h${0.8 * r} v${0.8 * r} h${-0.8 * r} v${0.8 * r} h${-0.8 * r} v${-0.8 * r} h${-0.8 * r} z`,
  (r) => `m${-1.2 * r},0 l${0.6 * r},${-1.1 * r} h${1.2 * r} l${0.6 * r},${1.1 * r} l${-0.6 * r},${1.1 * r} h${-1.2 * r} z`,
  (r) => `m0,${-1.4 * r} l${0.4 * r},${r} l${r},${0.4 * r} l${-r},${0.4 * r} l${-0.4 * r},${r} l${-0.4 * r},${-r} l${-r},${-0.4 * r} l${r},${-0.4 * r} z`,
  (r) => `m${-1.1 * r},${-0.6 * r} h${2.2 * r} v${1.2 * r} h${-2.2 * r} z`,
];

/** A mark whose shape tells series apart where colour does not. */
export function marker(kind, x, y, look, r = 5) {
  return drawn("path", { class: look, transform: `translate(${x.toFixed(2)},${y.toFixed(2)})`, d: `M0,0 ${MARKS[kind % MARKS.length](r)}` });
}

/** Marks of one shape and look in one element: a page draws it much faster than many. */
export function markers(kind, places, look, r = 5) {
  const mark = MARKS[kind % MARKS.length](r);
  return drawn("path", { class: look, d: places.map(([x, y]) => `M${x.toFixed(2)},${y.toFixed(2)} ${mark}`).join("") });
}

/** Samples of lines or marks with their names: [look, label, kind of mark or null]. */
export function legend(entries) {
  return element("div", { class: "nnc-legend" }, ...entries.map(([look, label, kind = null]) =>
    element("span", { class: "nnc-entry" },
      drawn("svg", { class: "nnc-swatch", viewBox: "0 0 28 12", "aria-hidden": "true" },
        kind === null || look.includes("nnc-line") ? drawn("path", { class: look, d: "M1,6 H27" }) : "",
        kind === null ? "" : marker(kind, 14, 6, look.replace("nnc-line", "nnc-dot"), 4.5)), label)));
}

// Cividis at nine places; between them straight lines differ from it by less than the eye sees.
const CIVIDIS = [[0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120], [166, 157, 117], [197, 183, 105], [253, 231, 55]];

export function cividis(t) {
  const v = Math.max(0, Math.min(1, t)) * (CIVIDIS.length - 1);
  const k = Math.min(CIVIDIS.length - 2, Math.floor(v));
  return CIVIDIS[k].map((c, d) => c + (v - k) * (CIVIDIS[k + 1][d] - c));
}

/** A picture of across x up pixels, `colour(i, j)` in [0, 255], row j = 0 at the bottom. */
export function heat(across, up, colour) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [across, up];
  const context = canvas.getContext("2d");
  const image = context.createImageData(across, up);
  for (let j = 0; j < up; j++)
    for (let i = 0; i < across; i++) {
      const [r, g, b, a = 255] = colour(i, j);
      image.data.set([r, g, b, a], 4 * ((up - 1 - j) * across + i));
    }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL();
}

/** Numbers in [0, 1) from a seed; the twin of explorer.py's `uniforms` (mulberry32). */
export function uniforms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Normally distributed numbers made of uniform ones (Box and Muller). */
export function normals(seed) {
  const next = uniforms(seed);
  return () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
}

/** The items of `show` functions, called together. */
export const showAll = (controls) => controls.forEach((control) => control.show());

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** Let mouse and arrow keys choose a point of a chart: `choose` gets coordinates, `nudge` a direction. */
export function pickable(place, choose, nudge) {
  const { svg } = place;
  svg.classList.add("nnc-pick");
  svg.setAttribute("tabindex", "0");
  svg.dataset.lmSuppressShortcuts = "true";
  svg.addEventListener("pointerdown", (event) => {
    svg.setPointerCapture(event.pointerId);
    choose(place.where(event));
  });
  svg.addEventListener("pointermove", (event) => event.buttons && choose(place.where(event)));
  arrows(svg, nudge);
}

function arrows(node, nudge) {
  node.addEventListener("keydown", (event) => {
    const way = ARROWS[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    nudge(way);
  });
}

/**
 * A round handle over a chart for mouse, touch and arrow keys: `begin` is called when it is taken and
 * returns what to do with the coordinates; `nudge` gets the direction of an arrow.
 */
export function handle(place, name, label, begin, nudge) {
  const node = drawn("circle", { class: `nnc-grip ${name}`, r: 8, tabindex: "0", role: "button", "aria-label": label, ...KEEP_KEYS });
  let move = null;
  // `touch-action` on a shape inside a drawing does not always keep the page from scrolling.
  node.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
  node.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    node.focus();
    node.setPointerCapture(event.pointerId);
    move = begin();
  });
  node.addEventListener("pointermove", (event) => move && move(place.where(event)));
  for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => (move = null));
  arrows(node, nudge);
  return node;
}

/** A keyed row of numbers: [label, value]. */
export function facts(pairs) {
  return pairs.map(([label, value, look = ""]) => element("span", {}, element("span", { class: "nnc-muted" }, `${label} `), element("b", { class: look }, value)));
}
