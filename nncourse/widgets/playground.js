// The front end of the playground: settings, the network with its neurons, the boundary, the loss.
// The kernel trains and sends frames, as many as this file has allowed.

import { KEEP_KEYS, button, drawn, element, fill, formatNumber, frame, icon, listen, reducedMotion, requests, tell } from "./base.js";
import { chart, choice, facts, legend, line, marker, markers, put, showAll, slider } from "./explorer.js";

const [PIXELS, SMALL, REACH] = [100, 16, 3];
const AHEAD = 16; // frames that the kernel may send before it hears that they have come
const PATIENCE = 3000; // milliseconds without a frame
// Milliseconds from one picture of the network and the loss to the next, which are slower to draw
// than the boundary; where motion is unwelcome, of the boundary as well.
const [DETAILS, CALM] = [100, 500];
const CLASSES = { light: [[0, 114, 178], [213, 94, 0], [0, 158, 115]], dark: [[86, 180, 233], [230, 159, 0], [47, 196, 154]] };

const bytes = (view) => (view instanceof DataView ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength) : new Uint8Array(view || []));
const isDark = () => document.body.dataset.jpThemeLight === "false";

/** The colours of the boundary: class k of a byte is its quotient by 85, the rest is how sure it is. */
export function boundaryColours(shown, tones, ground) {
  const out = new Uint8ClampedArray(4 * shown.length);
  shown.forEach((v, p) => {
    const tone = tones[Math.min(2, Math.floor(v / 85))];
    const share = 0.08 + 0.67 * ((v % 85) / 84);
    for (let d = 0; d < 3; d++) out[4 * p + d] = share * tone[d] + (1 - share) * ground[d];
    out[4 * p + 3] = 255;
  });
  return out;
}

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "explorer");
  body.classList.add("nnc-playground");
  const { features: known, rules, activations, stops } = model.get("choices");
  const [ownModel, ownRule] = model.get("own");
  // The names of features stand in programs; readers see the usual signs. The sines are of 2x.
  const sign = (name) => name.replace("sin x", "sin 2x").replace(/x([12])/g, (_, k) => `x${"₁₂"[k - 1]}`);
  const playing = () => model.get("playing");
  let cross = [0, 0];
  let [due, detailed] = [0, 0];

  const data = choice(model, "data", strings.data, ["moons", "circles", "xor", "spirals", "blobs", "own"].map((name) => [name, strings[`data_${name}`]]));
  const noise = slider(model, "noise", strings.noise, { low: 0, high: 0.6, step: 0.05 });
  const rule = choice(model, "rule", strings.rule, [...rules.map((name) => [name, name]), ...(ownRule ? [["own", strings.own]] : [])]);
  const rate = slider(model, "rate", strings.rate, { low: -4, high: 1, step: 0.1, power: true });
  const batch = slider(model, "batch", strings.batch, { low: 1, high: 64, step: 1 });
  const l2 = slider(model, "l2", strings.l2, { low: 0, high: 0.05, step: 0.001 });
  const dropout = slider(model, "dropout", strings.dropout, { low: 0, high: 0.8, step: 0.1 });
  const stop = choice(model, "stop", strings.stop, stops.map((name) => [name, strings[`stop_${name}`]]));
  const stopAt = element("input", { type: "number", min: 0, step: "any", class: "nnc-stop-at", "aria-label": strings.stop_at, ...KEEP_KEYS,
    onchange: () => stopAt.checkValidity() && Number.isFinite(stopAt.valueAsNumber) && put(model, { stop_at: stopAt.valueAsNumber }) });
  // A number that makes sense at once for each way of stopping.
  stop.input.addEventListener("change", () => put(model, { stop_at: { steps: 1000, loss: 0.05, patience: 500 }[model.get("stop")] ?? model.get("stop_at") }));
  const controls = [data, noise, rule, rate, batch, l2, dropout, stop];
  const features = known.map((name) => {
    const input = element("input", { type: "checkbox", class: "nnc-feature", ...KEEP_KEYS, onchange: () => {
      const chosen = known.filter((other) => (other === name ? input.checked : model.get("features").includes(other)));
      if (chosen.length) put(model, { features: chosen });
      show();
    } });
    return { name, input, node: element("label", { class: "nnc-label" }, input, sign(name)) };
  });
  const layersBox = element("span", { class: "nnc-label", role: "group", "aria-label": strings.layers });
  const each = () => { const one = model.get("activation"); return typeof one === "string" ? model.get("layers").map(() => one) : one; };
  const change = (layers) => {
    const kinds = each();
    // One activation for all stays one; a list follows the layers.
    const list = layers.map((_, k) => kinds[k] ?? kinds[kinds.length - 1] ?? activations[0]);
    put(model, { layers, activation: typeof model.get("activation") === "string" ? model.get("activation") : list });
  };
  const play = button(strings.play, icon("play"), () => put(model, { playing: !playing() }), "nnc-play");
  const step = button(strings.step, icon("next"), () => { put(model, { playing: false }); asks.ask({ do: "step" }); }, "nnc-step");
  const reset = button(strings.reset, icon("first"), () => put(model, { playing: false, seed: model.get("seed") + 1 }), "nnc-reset");
  const gradients = element("input", { type: "checkbox", class: "nnc-gradients", ...KEEP_KEYS, onchange: () => showNetwork() });
  const pen = element("select", { class: "nnc-pen", "aria-label": strings.draw, ...KEEP_KEYS }, ...["●", "■", "▲"].map((sign, k) => element("option", {}, `${k + 1} ${sign}`)));
  const clear = button(strings.clear, strings.clear, () => put(model, { data: "own", points: [] }), "nnc-clear");
  const program = button(strings.code, strings.code, () => {
    listing.hidden = !listing.hidden;
    if (!listing.hidden) asks.ask({ do: "code" });
    showCode();
  }, "nnc-code");
  function showCode() {
    if (listing.hidden) return;
    listing.textContent = model.get("code");
    navigator.clipboard?.writeText(model.get("code")).then(() => (words.textContent = strings.copied), () => {});
  }
  const listing = element("pre", { class: "nnc-mono nnc-listing", hidden: true, tabindex: "0", ...KEEP_KEYS });
  const numbers = element("div", { class: "nnc-facts" });
  const rest = element("div", { class: "nnc-rest", role: "status" });
  const words = element("div", { class: "nnc-message", role: "status" });

  const net = drawn("svg", { class: "nnc-chart nnc-net", role: "img", viewBox: "0 0 420 360" });
  const canvas = element("canvas", { width: PIXELS, height: PIXELS, "aria-hidden": "true" });
  const over = drawn("svg", { class: "nnc-over", viewBox: "0 0 300 300", tabindex: "0", role: "img", ...KEEP_KEYS });
  const losses = chart("", "losses", { width: 340, height: 210, left: 46 });
  body.append(
    element("div", { class: "nnc-row" }, play, step, reset, data.node, noise.node, element("span", { class: "nnc-label", role: "group", "aria-label": strings.features }, ...features.map((f) => f.node))),
    element("div", { class: "nnc-row" }, layersBox),
    element("div", { class: "nnc-row" }, rule.node, rate.node, batch.node, l2.node, dropout.node, stop.node, stopAt),
    element("div", { class: "nnc-charts" },
      element("div", {}, element("div", { class: "nnc-row" }, element("label", { class: "nnc-label" }, gradients, strings.show_gradients)), net),
      element("div", {}, element("div", { class: "nnc-row" }, element("label", { class: "nnc-label" }, strings.draw, pen), clear, program), element("div", { class: "nnc-map" }, canvas, over)),
      element("div", {}, losses.svg, legend([["nnc-line nnc-s0", strings.training], ["nnc-line nnc-s1", strings.test], ["nnc-dot nnc-s0", strings.trained_on, 0], ["nnc-dot nnc-s0 nnc-held", strings.test, 0]]), numbers, rest, words)),
    element("div", { class: "nnc-muted" }, strings.help), listing);

  const giveUp = () => { put(model, { playing: false }); words.textContent = strings.no_kernel; };
  const asks = requests(model, giveUp, PATIENCE);
  let [allowed, silence] = [0, null];
  /** Called for every frame: lets the kernel go on, and waits for the next one. */
  function allow() {
    clearTimeout(silence);
    if (!playing()) return;
    silence = setTimeout(giveUp, PATIENCE);
    if (allowed - model.get("frames") > AHEAD / 2) return;
    allowed = model.get("frames") + AHEAD;
    tell(model, { do: "train", until: allowed });
  }
  function showPlaying() {
    play.replaceChildren(icon(playing() ? "pause" : "play"));
    play.setAttribute("aria-label", playing() ? strings.pause : strings.play);
    showDetails();
  }

  const context = canvas.getContext("2d");
  function showBoundary() {
    const tones = CLASSES[isDark() ? "dark" : "light"];
    const image = new ImageData(boundaryColours(bytes(model.get("frame")), tones, isDark() ? [17, 17, 17] : [255, 255, 255]), PIXELS, PIXELS);
    context.putImageData(image, 0, 0);
  }

  function showDetails() {
    showNetwork();
    showRecord();
  }

  // Of the frames that come between two of the screen only the last is drawn: a slow page never lags.
  function showFrame(now) {
    due = 0;
    if (now < detailed + CALM && reducedMotion()) return;
    showBoundary();
    if (now < detailed + DETAILS) return;
    detailed = now;
    showDetails();
  }

  const toPicture = ([x, y]) => [150 + (x / REACH) * 150, 150 - (y / REACH) * 150];
  function showPoints() {
    const held = model.get("trained");
    const shown = model.get("shown");
    const some = (k, part, look) => markers(k, part.filter((row) => row[2] === k).map(toPicture), `nnc-dot nnc-s${k}${look}`, 3.4);
    over.replaceChildren(...[0, 1, 2].flatMap((k) => [some(k, shown.slice(0, held), ""), some(k, shown.slice(held), " nnc-held")]),
      drawn("path", { class: "nnc-cross-hair", transform: `translate(${toPicture(cross)})`, d: "M-7,0 H7 M0,-7 V7" }));
  }

  function thumbnails() {
    const small = bytes(model.get("small"));
    const [warm, cold] = [CLASSES[isDark() ? "dark" : "light"][1], CLASSES[isDark() ? "dark" : "light"][0]];
    const ground = isDark() ? [17, 17, 17] : [255, 255, 255];
    const total = small.length / SMALL ** 2;
    const sheet = document.createElement("canvas");
    [sheet.width, sheet.height] = [SMALL, SMALL * Math.max(1, total)];
    const drawing = sheet.getContext("2d");
    const image = drawing.createImageData(SMALL, SMALL * Math.max(1, total));
    for (let n = 0; n < total; n++)
      for (let p = 0; p < SMALL ** 2; p++) {
        const v = (small[n * SMALL ** 2 + p] - 128) / 127;
        const tone = v > 0 ? cold : warm;
        const row = SMALL - 1 - Math.floor(p / SMALL);
        const at = 4 * ((n * SMALL + row) * SMALL + (p % SMALL));
        for (let d = 0; d < 3; d++) image.data[at + d] = Math.abs(v) * tone[d] + (1 - Math.abs(v)) * ground[d];
        image.data[at + 3] = 255;
      }
    drawing.putImageData(image, 0, 0);
    return { url: total ? sheet.toDataURL() : "", total };
  }

  function showNetwork() {
    const edges = model.get("edges");
    const widths = model.get("widths");
    const sizes = edges.length ? [edges[0].weight[0].length, ...edges.map((e) => e.weight.length)] : [];
    const toX = (layer) => 46 + (layer / Math.max(1, sizes.length - 1)) * 328;
    const toY = (k, n) => 180 + (k - (n - 1) / 2) * Math.min(52, 330 / n);
    const which = gradients.checked ? "gradient" : "weight";
    const lines = edges.flatMap(({ weight, gradient }, layer) => {
      const values = which === "gradient" && gradient.length ? gradient : weight;
      const top = Math.max(1e-9, ...values.flat().map(Math.abs));
      return values.flatMap((row, out) => row.map((v, from) => {
        const path = line([[toX(layer), toY(from, sizes[layer])], [toX(layer + 1), toY(out, sizes[layer + 1])]], `nnc-edge-line ${v > 0 ? "nnc-plus" : "nnc-minus"}`);
        path.setAttribute("stroke-width", (0.4 + 4.6 * Math.abs(v) / (which === "weight" ? Math.max(top, 1) : top)).toFixed(2));
        return path;
      }));
    });
    const hidden = sizes.slice(1, -1);
    const fits = JSON.stringify(hidden) === JSON.stringify(widths);
    const { url, total } = fits ? thumbnails() : { url: "", total: 0 };
    let n = 0;
    const nodes = sizes.flatMap((size, layer) => Array.from({ length: size }, (_, k) => {
      const [x, y] = [toX(layer), toY(k, size)];
      if (layer === 0) return drawn("text", { class: "nnc-halo", x: x - 4, y: y + 4, "text-anchor": "end" }, sign(model.get("features")[k] ?? ""));
      if (layer === sizes.length - 1) return drawn("g", { transform: `translate(${x},${y})` }, marker(k % 3, 0, 0, `nnc-dot nnc-s${k % 3}`, 8));
      if (!url) return drawn("circle", { class: "nnc-node", cx: x, cy: y, r: 9 });
      const clip = n++;
      // One sheet holds all pictures; each neuron looks at its own part of it.
      return drawn("svg", { x: x - 15, y: y - 15, width: 30, height: 30, viewBox: `0 ${clip * SMALL} ${SMALL} ${SMALL}` },
        drawn("image", { href: url, x: 0, y: 0, width: SMALL, height: SMALL * total, preserveAspectRatio: "none" }),
        drawn("rect", { class: "nnc-thumb", x: 0.25, y: clip * SMALL + 0.25, width: SMALL - 0.5, height: SMALL - 0.5 }));
    }));
    net.replaceChildren(...lines, ...nodes);
    net.setAttribute("aria-label", `${strings.network}: ${sizes.join(" → ")}`);
  }

  function showRecord() {
    const { steps = 0, accuracy = [0, 0], losses: found = [], reached = false } = model.get("record");
    const both = [1, 2].map((k) => found.map((row) => [row[0], row[k]]).filter((p) => p[1] !== null));
    const top = Math.max(0.1, ...both.flat().map((p) => p[1]));
    losses.axes({ x: [0, Math.max(1, steps)], y: [0, Math.min(top, 5) * 1.05], xName: strings.steps, yName: strings.losses });
    losses.layer.replaceChildren(losses.line(both[0], "nnc-line nnc-s0"), losses.line(both[1], "nnc-line nnc-s1"));
    const percent = (v) => (v !== null && Number.isFinite(v) ? `${Math.round(100 * v)}%` : "–");
    const loss = found.length ? (found[found.length - 1][1] ?? NaN) : NaN;
    numbers.replaceChildren(...facts([[strings.steps, String(steps)], [strings.losses, formatNumber(Number(loss.toFixed(3)))], [`${strings.accuracy}, ${strings.training}`, percent(accuracy[0])], [strings.test, percent(accuracy[1])]]));
    const alt = fill(strings.alt, { n: steps, loss: formatNumber(Number(loss.toFixed(3))), right: Math.round(100 * accuracy[0]), held: Math.round(100 * accuracy[1]) });
    losses.svg.setAttribute("aria-label", alt);
    over.setAttribute("aria-label", `${strings.boundary}. ${alt} ${strings.help}`);
    words.textContent = model.get("error");
    rest.textContent = reached ? fill(strings.stopped, { n: steps }) : "";
  }

  function showLayers() {
    const layers = model.get("layers");
    const held = layersBox.contains(document.activeElement) ? document.activeElement.className : "";
    layersBox.replaceChildren(element("span", {}, strings.layers),
      button(strings.fewer_layers, "−", () => layers.length && change(layers.slice(0, -1)), "nnc-fewer"),
      ...layers.map((n, k) => {
        const input = element("input", { type: "number", min: 1, max: 8, step: 1, value: n, class: `nnc-width nnc-width-${k}`, "aria-label": fill(strings.width, { k: k + 1 }), ...KEEP_KEYS,
          onchange: () => input.checkValidity() && change(layers.map((old, j) => (j === k ? input.valueAsNumber : old))) });
        const kind = element("select", { class: `nnc-kind nnc-kind-${k}`, "aria-label": fill(strings.activation, { k: k + 1 }), ...KEEP_KEYS,
          onchange: () => put(model, { activation: each().map((old, j) => (j === k ? kind.value : old)) }) },
        ...activations.map((name) => element("option", { value: name }, name === "none" ? strings.none : name)));
        kind.value = each()[k];
        return element("span", { class: "nnc-label nnc-layer" }, input, kind);
      }),
      button(strings.more_layers, "+", () => layers.length < 4 && change([...layers, 3]), "nnc-more"));
    if (held) layersBox.getElementsByClassName(held)[0]?.focus(); // made anew, and still in hand
    layersBox.style.display = ownModel ? "none" : "";
    dropout.node.style.display = ownModel ? "none" : "";
    program.style.display = ownModel || ownRule ? "none" : "";
  }

  function showControls() {
    showAll(controls);
    if (document.activeElement !== stopAt) stopAt.value = String(model.get("stop_at")); // not while it is typed
    stopAt.style.display = model.get("stop") === "never" ? "none" : "";
  }

  function show() {
    showControls();
    for (const { name, input } of features) input.checked = model.get("features").includes(name);
    showBoundary();
    showPoints();
    showDetails();
  }

  const add = ([x, y]) => {
    const rounded = [x, y].map((v) => Number(Math.max(-REACH, Math.min(REACH, v)).toFixed(2)));
    const before = model.get("data") === "own" ? model.get("points") : [];
    if (before.length < 400) put(model, { points: [...before, [...rounded, pen.selectedIndex]], data: "own" });
  };
  over.addEventListener("pointerdown", (event) => {
    const box = over.getBoundingClientRect();
    add([((event.clientX - box.left) / box.width - 0.5) * 2 * REACH, (0.5 - (event.clientY - box.top) / box.height) * 2 * REACH]);
  });
  over.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: [-0.2, 0], ArrowRight: [0.2, 0], ArrowUp: [0, 0.2], ArrowDown: [0, -0.2] }[event.key];
    if (way) cross = cross.map((v, d) => Math.max(-REACH, Math.min(REACH, v + way[d])));
    else if (event.key === "Enter" || event.key === " ") add(cross);
    else return;
    event.preventDefault();
    event.stopPropagation();
    showPoints();
  });

  const watch = new MutationObserver(show);
  watch.observe(document.body, { attributeFilter: ["data-jp-theme-light"] });
  showLayers();
  show();
  showPlaying();
  const quiet = listen(model, {
    "change:frame": () => playing() || showBoundary(),
    "change:record": () => playing() || showDetails(),
    "change:frames": () => { allow(); due ||= requestAnimationFrame(showFrame); },
    "change:playing": () => { showPlaying(); allow(); },
    "change:shown": showPoints,
    "change:code": showCode,
    "change:error": showRecord,
    "change:layers": showLayers,
    "change:activation": showLayers,
    "change:features": () => showNetwork(),
    ...Object.fromEntries(["data", "noise", "rule", "rate", "batch", "l2", "dropout", "stop", "stop_at"].map((name) => [`change:${name}`, showControls])),
  });
  allow(); // it may be training already
  return () => {
    clearTimeout(silence);
    cancelAnimationFrame(due);
    watch.disconnect();
    asks.stop();
    quiet();
  };
}

export default { render };
