// Half-planes, convex polygons, regions: the twin of regions.py, and the front end. A neuron of the
// first layer is [a1, a2, b, group] and fires where a1 x1 + a2 x2 + b >= 0; group "A", "B" or "off".

import { KEEP_KEYS, button, drawn, element, fill, formatNumber, frame, listen } from "./base.js";
import { chart, choice, facts, handle, heat, put, showAll } from "./explorer.js";

const PIXELS = 121;
const EXTENT = 3;

export const fires = ([a1, a2, b], x, y) => a1 * x + a2 * y + b >= 0;

/**
 * What the layers say at every point of the picture, from the bottom row: how many of the neurons in
 * use fire, whether polygons A and B hold (one without sides is nowhere), and the output.
 */
export function survey(planes, combine, pixels = PIXELS) {
  const used = planes.filter((plane) => plane[3] !== "off");
  const has = Object.fromEntries(["A", "B"].map((group) => [group, used.some((plane) => plane[3] === group)]));
  const said = { counts: new Uint8Array(pixels ** 2), a: new Uint8Array(pixels ** 2), b: new Uint8Array(pixels ** 2), out: new Uint8Array(pixels ** 2) };
  for (let j = 0, p = 0; j < pixels; j++)
    for (let i = 0; i < pixels; i++, p++) {
      const [x, y] = [at(i, pixels), at(j, pixels)];
      let [a, b] = [has.A, has.B];
      for (const plane of used) {
        if (fires(plane, x, y)) said.counts[p] += 1;
        else if (plane[3] === "A") a = false;
        else b = false;
      }
      said.a[p] = a;
      said.b[p] = b;
      said.out[p] = combine === "A" ? a : combine === "or" ? a || b : a && !b;
    }
  return said;
}

/** The share of the points on which the output and the target agree. */
export function agreement({ out }, target) {
  let right = 0;
  for (let p = 0; p < out.length; p++) right += out[p] === target[p];
  return right / out.length;
}

const at = (k, pixels) => -EXTENT + (2 * EXTENT * k) / (pixels - 1);

const COLOURS = { light: { A: [0, 114, 178], B: [213, 94, 0], ground: [255, 255, 255], both: [0, 158, 115] }, dark: { A: [86, 180, 233], B: [230, 159, 0], ground: [17, 17, 17], both: [47, 196, 154] } };

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  const goals = model.get("targets");
  let edited = 0;
  const target = choice(model, "target", strings.target, Object.keys(goals).map((name) => [name, strings[`target_${name}`]]));
  const combine = choice(model, "combine", strings.combine, [["A", "A"], ["or", strings.combine_or], ["minus", strings.combine_minus]]);
  const solution = button(strings.solution, strings.solution, () => put(model, { planes: goals[model.get("target")].planes, combine: goals[model.get("target")].combine }), "nnc-solution");
  const pick = element("select", { class: "nnc-edited", "aria-label": strings.edited, onchange: () => { edited = pick.selectedIndex; show(); }, ...KEEP_KEYS });
  const change = (plane) => put(model, { planes: model.get("planes").map((old, k) => (k === edited ? plane : old)) });
  const group = element("select", { class: "nnc-group", "aria-label": strings.group, onchange: () => {
    const [a1, a2, b] = model.get("planes")[edited];
    change([a1, a2, b, group.value]);
  }, ...KEEP_KEYS }, ...["A", "B", "off"].map((value) => element("option", { value }, value === "off" ? strings.off : value)));
  const polar = ([a1, a2, b]) => [(Math.atan2(a2, a1) * 180) / Math.PI, -b / Math.hypot(a1, a2)];
  const turned = (angle, distance) => {
    const [, , , mine] = model.get("planes")[edited];
    const r = (angle * Math.PI) / 180;
    const rounded = [Math.cos(r), Math.sin(r), -distance].map((v) => Number(v.toFixed(6)));
    change([...rounded, mine]);
  };
  const control = (name, label, low, high, step) => {
    const value = element("output", { class: "nnc-value" });
    const input = element("input", { type: "range", class: `nnc-in-${name}`, min: low, max: high, step, "aria-label": label, ...KEEP_KEYS, oninput: () => turned(Number(angle.input.value), Number(distance.input.value)) });
    return { input, value, node: element("label", { class: "nnc-label nnc-slider" }, label, input, value) };
  };
  const angle = control("angle", strings.angle, -180, 180, 5);
  const distance = control("distance", strings.distance, -3, 3, 0.1);

  const views = ["layer_1", "layer_2", "layer_3"].map((name) => {
    const view = chart(strings[name], name, { width: 320, left: 30, square: true });
    view.axes({ x: [-EXTENT, EXTENT], y: [-EXTENT, EXTENT], xName: "x₁", yName: name === "layer_1" ? "x₂" : "", xTicks: [-2, 0, 2].map((v) => [v, formatNumber(v)]), yTicks: [-2, 0, 2].map((v) => [v, formatNumber(v)]) });
    return view;
  });
  const keys = [0, 1].map(() => element("div", { class: "nnc-legend" }));
  const key = (entries) => entries.map(([colour, label]) => element("span", { class: "nnc-entry" }, element("span", { class: "nnc-tile", style: `background: rgb(${colour})` }), label));
  // The handles stand on the line and on its normal, which points to the side that fires.
  const foot = ([a1, a2, b]) => [a1, a2].map((v) => (-b * v) / (a1 * a1 + a2 * a2));
  const tip = ([a1, a2, b]) => foot([a1, a2, b]).map((v, d) => v + (0.7 * [a1, a2][d]) / Math.hypot(a1, a2));
  const now = () => model.get("planes")[edited];
  const place = (degrees, away) => turned(((Math.round(degrees / 5) * 5 + 180 + 360) % 360) - 180, Math.max(-3, Math.min(3, Math.round(10 * away) / 10)));
  const shift = handle(views[0], "nnc-shift", strings.shift_handle,
    () => ([x, y]) => { const [a1, a2] = now(); place(polar(now())[0], (a1 * x + a2 * y) / Math.hypot(a1, a2)); },
    (way) => place(polar(now())[0], polar(now())[1] + 0.1 * (way[0] + way[1])));
  const turn = handle(views[0], "nnc-turn", strings.turn_handle,
    () => {
      const around = foot(now());
      return ([x, y]) => {
        const to = Math.atan2(y - around[1], x - around[0]);
        place((to * 180) / Math.PI, around[0] * Math.cos(to) + around[1] * Math.sin(to));
      };
    },
    (way) => place(polar(now())[0] + 5 * (way[1] - way[0]), polar(now())[1]));
  const normal = drawn("path", { class: "nnc-line nnc-s8" });
  views[0].over.append(normal, shift, turn);
  views[0].svg.setAttribute("role", "group"); // an image would hide its handles
  views[0].svg.addEventListener("pointerdown", (event) => {
    if (event.target === shift || event.target === turn) return;
    // A press beside the handles takes the nearest line in use.
    const [x, y] = views[0].where(event);
    const far = model.get("planes").map(([a1, a2, b, of]) => (of === "off" ? Infinity : Math.abs(a1 * x + a2 * y + b) / Math.hypot(a1, a2)));
    const nearest = far.indexOf(Math.min(...far));
    if (far[nearest] < 0.3) { edited = nearest; show(); }
  });
  const numbers = element("div", { class: "nnc-facts" });
  const words = element("div", { class: "nnc-words", role: "status" });
  body.append(
    element("div", { class: "nnc-row" }, target.node, combine.node, solution),
    element("div", { class: "nnc-row" }, element("label", { class: "nnc-label" }, strings.edited, pick), angle.node, distance.node, element("label", { class: "nnc-label" }, strings.group, group)),
    element("div", { class: "nnc-charts" },
      element("div", {}, views[0].svg, element("div", { class: "nnc-muted" }, strings.help)),
      element("div", {}, views[1].svg, keys[0]), element("div", {}, views[2].svg, keys[1])),
    element("div", { class: "nnc-panel" }, numbers, words));

  const ends = ([a1, a2, b]) => {
    const length = Math.hypot(a1, a2);
    const foot = [(-b * a1) / length ** 2, (-b * a2) / length ** 2];
    return [-9, 9].map((t) => [foot[0] - (t * a2) / length, foot[1] + (t * a1) / length]);
  };

  function show() {
    showAll([target, combine]);
    const [planes, how, goal] = [model.get("planes"), model.get("combine"), goals[model.get("target")]];
    edited = Math.min(edited, planes.length - 1);
    pick.replaceChildren(...planes.map((plane, k) => element("option", {}, `${k + 1} (${plane[3] === "off" ? strings.off : plane[3]})`)));
    pick.selectedIndex = edited;
    group.value = planes[edited][3];
    const [degrees, away] = polar(planes[edited]);
    angle.input.value = String(degrees);
    distance.input.value = String(away);
    angle.value.textContent = `${formatNumber(Math.round(degrees))}°`;
    distance.value.textContent = formatNumber(Number(away.toFixed(2)));

    const tone = COLOURS[document.body.dataset.jpThemeLight === "false" ? "dark" : "light"];
    const mix = (colour, share) => colour.map((c, d) => share * c + (1 - share) * tone.ground[d]);
    const used = planes.filter((plane) => plane[3] !== "off").length;
    const said = survey(planes, how);
    const tones = { none: tone.ground, a: mix(tone.A, 0.75), b: mix(tone.B, 0.75), both: mix(tone.both, 0.8), much: mix(tone.B, 0.85), little: mix(tone.B, 0.35) };
    const steps = Array.from({ length: used + 1 }, (_, n) => mix(tone.A, (0.75 * n) / Math.max(1, used)));
    const paint = (view, colour) => view.paint(heat(PIXELS, PIXELS, (i, j) => colour(j * PIXELS + i)));
    paint(views[0], (p) => steps[said.counts[p]]);
    paint(views[1], (p) => (said.a[p] ? (said.b[p] ? tones.both : tones.a) : said.b[p] ? tones.b : tones.none));
    // Wrong points are orange, dark where the network says too much and light where it says too little.
    paint(views[2], (p) => (said.out[p] === goal.grid[p] ? (said.out[p] ? tones.a : tones.none) : said.out[p] ? tones.much : tones.little));
    views[0].layer.replaceChildren(...planes.filter((plane) => plane[3] !== "off" || plane === planes[edited]).map((plane) => views[0].line(ends(plane), `nnc-line ${plane === planes[edited] ? "nnc-s8" : plane[3] === "B" ? "nnc-s1" : "nnc-s0"}`)));
    const [at0, at1] = [foot(planes[edited]), tip(planes[edited])].map(views[0].at);
    for (const [node, [x, y]] of [[shift, at0], [turn, at1]]) {
      node.setAttribute("cx", x);
      node.setAttribute("cy", y);
    }
    normal.setAttribute("d", `M${at0} L${at1}`);
    keys[0].replaceChildren(...key([[tones.a, "A"], [tones.b, "B"], [tones.both, strings.both]]));
    keys[1].replaceChildren(...key([[tones.a, strings.right], [tones.much, strings.too_much], [tones.little, strings.too_little]]));
    views.slice(1).forEach((view) => view.layer.replaceChildren(...goal.outline.map((ring) => view.line([...ring, ring[0]], "nnc-line nnc-s8 nnc-outline"))));
    const share = agreement(said, goal.grid);
    const count = (name) => planes.filter((plane) => plane[3] === name).length;
    numbers.replaceChildren(...facts([[strings.neurons, `${count("A")} + ${count("B")}`], [strings.agree, `${(100 * share).toFixed(1)}%`]]));
    words.textContent = share === 1 ? strings.done : goal.convex ? strings.hint_convex : strings.hint_union;
    views.forEach((view) => view.svg.setAttribute("aria-label", fill(strings.alt, { layer: view.heading.textContent, a: count("A"), b: count("B"), share: (100 * share).toFixed(1) })));
  }

  const watch = new MutationObserver(show);
  watch.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  show();
  const quiet = listen(model, Object.fromEntries(["planes", "combine", "target"].map((name) => [`change:${name}`, show])));
  return () => {
    watch.disconnect();
    quiet();
  };
}

export default { render };
