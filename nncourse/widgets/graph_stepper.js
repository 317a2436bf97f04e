// The front end of the computation-graph stepper. It shows steps that Python has computed: which
// numbers are out by now, which node and edges are being visited, what the step says about them.

import {
  KEEP_KEYS, button, drawn, element, fill, frame, icon, listen, readNumber, reducedMotion, requests,
} from "./base.js";

const PAUSE = 1600; // milliseconds a step stays when playing

/** Is the answer as good as the number shown, to two or three digits? */
export function closeEnough(answer, value) {
  return Math.abs(answer - value) <= Math.max(0.01 * Math.abs(value), 1e-6);
}

/** How many numbers of a step are out before anyone has answered. */
export function unasked(step) {
  const first = step.numbers.findIndex((number) => number.ask);
  return first < 0 ? step.numbers.length : first;
}

/** What the picture holds at a step with `out` of its numbers known: { "value 3": "6", ... }. */
export function snapshot(steps, position, out) {
  const seen = {};
  for (let k = 0; k <= position; k++) {
    const numbers = k < position ? steps[k].numbers : steps[k].numbers.slice(0, out);
    for (const number of numbers)
      for (const [kind, which, text] of number.shows)
        if (k === position || (kind !== "flow" && kind !== "adding")) seen[`${kind} ${which}`] = text;
  }
  return seen;
}

/** An SVG path through the points of a route: curves between columns, straight across them. */
export function curve(route) {
  let path = `M${route[0]}`;
  for (let k = 1; k < route.length; k++) {
    const [[x0, y0], [x1, y1]] = [route[k - 1], route[k]];
    const middle = (x0 + x1) / 2;
    path += k % 2 ? ` C${middle},${y0} ${middle},${y1} ${x1},${y1}` : ` L${x1},${y1}`;
  }
  return path;
}

/** A text with its derivatives, ∂f/∂x, set as fractions. */
export function typeset(text) {
  return text.split(/(∂[^\s/]+\/∂[^\s/=·:;,)?]+)/).map((part, k) => {
    if (k % 2 === 0) return part;
    const [above, below] = part.split("/");
    return element("span", { class: "nnc-fraction" }, element("span", {}, above), element("span", {}, below));
  });
}

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "stepper");
  let out = Infinity; // numbers of this step that are known
  let answers = {}; // step -> numbers known there, so that going back does not ask again
  let timer = null;
  const kernel = requests(model, () => (complaint.textContent = strings.no_kernel));

  // The formula and the values.
  const formula = element("input", {
    type: "text", class: "nnc-mono nnc-formula", "aria-label": strings.expression, spellcheck: "false",
    autocomplete: "off", onkeydown: (e) => e.key === "Enter" && draw(), ...KEEP_KEYS,
  });
  const examples = element("select", {
    "aria-label": strings.examples, class: "nnc-examples", ...KEEP_KEYS,
    onchange: () => {
      if (!examples.value) return;
      formula.value = examples.value;
      examples.selectedIndex = 0;
      draw();
    },
  });
  const complaint = element("div", { class: "nnc-message nnc-error", role: "alert" });
  const values = element("div", { class: "nnc-row nnc-values", role: "group", "aria-label": strings.values });
  const draw = () => kernel.ask({ expression: formula.value });

  // The picture.
  const svg = drawn("svg", { role: "img", class: "nnc-graph" });
  const stage = element("div", { class: "nnc-stage", tabindex: "0", role: "group", "aria-label": `${strings.graph}. ${strings.keys}`, ...KEEP_KEYS }, svg);

  // The controls.
  const first = button(strings.first, icon("first"), () => go(0), "nnc-first");
  const back = button(strings.back, icon("back"), () => go(position() - 1), "nnc-back");
  const next = button(strings.next, icon("next"), () => go(position() + 1), "nnc-next");
  const last = button(strings.last, icon("last"), () => go(Infinity), "nnc-last");
  const play = button(strings.play, "", () => (timer ? pause() : start()), "nnc-play");
  const slider = element("input", {
    type: "range", min: "0", step: "1", class: "nnc-position", "aria-label": strings.position,
    oninput: () => go(Number(slider.value)), ...KEEP_KEYS,
  });
  const count = element("span", { class: "nnc-count" });
  const predict = element("input", {
    type: "checkbox", class: "nnc-predict", ...KEEP_KEYS,
    onchange: () => {
      model.set("predict", predict.checked);
      model.save_changes();
    },
  });
  const score = element("span", { class: "nnc-score nnc-muted" });

  // What the step says, and the question.
  const title = element("div", { class: "nnc-title" });
  const lines = element("div", { class: "nnc-lines" });
  const ask = element("label", { class: "nnc-ask" });
  const answer = element("input", {
    type: "text", class: "nnc-answer", inputmode: "decimal", size: "9", "aria-label": strings.answer,
    autocomplete: "off", onkeydown: (e) => e.key === "Enter" && judge(), ...KEEP_KEYS,
  });
  const verdict = element("span", { class: "nnc-verdict", role: "status" });
  const reveal = button(strings.reveal, strings.reveal, () => settle(false), "nnc-reveal");
  // No <form>: JupyterLab swallows the Enter that would submit it.
  const form = element("div", { class: "nnc-row nnc-question-row" }, ask, answer, button(strings.check, strings.check, () => judge(), "nnc-check"), reveal);
  const panel = element("div", { class: "nnc-panel" }, title, lines, form, verdict);
  const announced = element("div", { class: "nnc-hidden", "aria-live": "polite" });

  const legend = element("div", { class: "nnc-legend nnc-muted" });
  for (const kind of ["value", "gradient", "local"])
    legend.append(element("span", { class: `nnc-key nnc-key-${kind}` }, strings[`legend_${kind}`]));

  body.append(
    element("div", { class: "nnc-row" },
      element("label", { class: "nnc-label nnc-grow" }, strings.expression, formula),
      button(strings.draw, strings.draw, draw, "nnc-draw"),
      examples),
    complaint, values, stage, legend,
    element("div", { class: "nnc-row nnc-controls" },
      element("span", { class: "nnc-buttons" }, first, back, play, next, last), slider, count,
      element("label", { class: "nnc-label" }, predict, strings.predict), score),
    panel, announced,
  );

  const position = () => model.get("step");
  const steps = () => model.get("steps");

  /** Go to a step; in predict mode the next number must be answered before going on. */
  function go(k) {
    k = Math.max(0, Math.min(k, steps().length - 1));
    if (predict.checked && k > position()) {
      if (out < steps()[position()].numbers.length) {
        answer.focus();
        return;
      }
      const asked = (j) => (answers[j] ?? unasked(steps()[j])) < steps()[j].numbers.length;
      for (let j = position() + 1; j < k; j++) if (asked(j)) k = j;
    }
    if (k === position()) return;
    model.set("step", k);
    model.save_changes();
  }

  function start() {
    if (position() >= steps().length - 1) go(0);
    timer = setInterval(() => {
      const before = position();
      go(before + 1);
      if (position() === before || position() === steps().length - 1) pause();
    }, PAUSE);
    showPlay();
  }

  function pause() {
    clearInterval(timer);
    timer = null;
    showPlay();
  }

  function showPlay() {
    play.replaceChildren(icon(timer ? "pause" : "play"));
    play.title = timer ? strings.pause : strings.play;
    play.setAttribute("aria-label", play.title);
  }

  /** Judge the typed number; only the first attempt counts. */
  function judge() {
    const number = steps()[position()].numbers[out];
    const typed = readNumber(answer.value);
    if (Number.isNaN(typed)) {
      verdict.textContent = strings.not_a_number;
      verdict.className = "nnc-verdict";
    } else if (closeEnough(typed, number.value)) {
      settle(true);
    } else {
      tries += 1;
      verdict.textContent = `✗ ${fill(strings.wrong, { hint: number.hint })}`;
      verdict.className = "nnc-verdict nnc-wrong";
      reveal.hidden = false;
      answer.select();
    }
  }

  let tries = 0;
  /** Bring the number out and count it. */
  function settle(right) {
    const number = steps()[position()].numbers[out];
    const counted = model.get("score");
    model.set("score", { right: counted.right + (right && !tries ? 1 : 0), asked: counted.asked + 1 });
    model.save_changes();
    const written = number.shows.find(([kind]) => kind !== "adding")[2];
    verdict.textContent = right ? `✓ ${fill(strings.right, { value: written })}` : fill(strings.shown, { value: written, hint: number.hint });
    verdict.className = `nnc-verdict ${right ? "nnc-right" : ""}`;
    out += 1;
    answers[position()] = out;
    show();
    if (out < steps()[position()].numbers.length) answer.focus();
    else next.focus();
  }

  /** Draw nodes and edges once per graph; the numbers come with show(). */
  let parts = { nodes: [], edges: [] };
  function drawGraph() {
    const graph = model.get("graph");
    const [left, top] = [10, 10];
    const [width, height] = [graph.width + 20, graph.height + 36];
    svg.setAttribute("viewBox", `${-left} ${-top} ${width} ${height}`);
    // Small graphs grow a little with the page; large ones shrink a little, then scroll.
    svg.style.width = `${width * 1.2}px`;
    svg.style.minWidth = `${width * 0.8}px`;
    const edges = graph.edges.map((edge) => {
      const [x, y] = edge.route[edge.route.length - 1];
      const line = drawn("path", { class: "nnc-edge", d: curve(edge.route.with(-1, [x - 7, y])) });
      const tip = drawn("path", { class: "nnc-tip", d: `M${x - 1},${y} l-8,-4.5 v9 z` });
      const tag = drawn("text", { class: "nnc-local", x: x - 12, y: y + 4, "text-anchor": "end" });
      const plate = drawn("rect", { class: "nnc-plate", y: y - 8.5, height: 17, rx: 3 });
      return { group: drawn("g", { class: "nnc-edge-group" }, line, tip), labels: drawn("g", {}, plate, tag), tag, plate, end: x - 12 };
    });
    const nodes = graph.nodes.map((node, i) => {
      const [x, y] = [node.x - node.width / 2, node.y - node.height / 2];
      const row = (k) => node.y + 21 * k;
      const marks = [
        drawn("circle", { class: "nnc-mark-value", cx: x + 13, cy: row(0), r: 4 }),
        drawn("path", { class: "nnc-mark-gradient", d: `M${x + 8},${row(1)} l9,-5 v10 z` }),
      ];
      const value = drawn("text", { class: "nnc-number", x: x + 24, y: row(0) + 4.5 });
      const gradient = drawn("text", { class: "nnc-number", x: x + 24, y: row(1) + 4.5 });
      const adding = drawn("text", { class: "nnc-adding", x: node.x, y: y + node.height + 16, "text-anchor": "middle" });
      const group = drawn("g", { class: `nnc-node ${node.leaf ? "nnc-leaf" : ""}`, "data-node": node.name },
        drawn("rect", { class: "nnc-box", x, y, width: node.width, height: node.height, rx: node.leaf ? 14 : 4 }),
        drawn("text", { class: "nnc-name", x: node.x, y: row(-1) + 4.5, "text-anchor": "middle" },
          node.formula ? `${node.label} = ${node.formula}` : node.label),
        ...marks, value, gradient, adding);
      if (node.leaf) group.addEventListener("click", () => values.querySelector(`[data-leaf="${CSS.escape(node.name)}"]`)?.focus());
      return { group, value, gradient, adding, marks };
    });
    parts = { nodes, edges };
    svg.replaceChildren(...edges.map((e) => e.group), ...edges.map((e) => e.labels), ...nodes.map((n) => n.group));
  }

  /** Fields for the leaves; those that exist keep the focus. */
  function drawValues() {
    const given = model.get("values");
    const nodes = model.get("graph").nodes.filter((node) => node.leaf);
    const fields = [...values.querySelectorAll("input")];
    if (fields.map((f) => f.dataset.leaf).join(" ") !== nodes.map((n) => n.name).join(" ")) {
      values.replaceChildren(...nodes.map((node) => {
        const field = element("input", {
          type: "number", step: "0.1", class: "nnc-value nnc-mono", "data-leaf": node.name,
          "aria-label": fill(strings.value_of, { name: node.label }), ...KEEP_KEYS,
          oninput: () => {
            const value = Number.parseFloat(field.value);
            if (Number.isFinite(value)) kernel.ask({ values: collect() });
          },
        });
        return element("label", { class: "nnc-label nnc-mono" }, `${node.label} =`, field);
      }));
    }
    for (const field of values.querySelectorAll("input")) {
      const value = given[field.dataset.leaf];
      if (field !== document.activeElement || Number.parseFloat(field.value) !== value)
        if (!(field === document.activeElement && field.value === "")) field.value = String(value);
    }
  }

  const collect = () => {
    const all = {};
    for (const field of values.querySelectorAll("input")) {
      const value = Number.parseFloat(field.value);
      if (Number.isFinite(value)) all[field.dataset.leaf] = value;
    }
    return all;
  };

  /** Everything that depends on the step. */
  function show() {
    const step = steps()[position()];
    const graph = model.get("graph");
    if (!step) return;
    const seen = snapshot(steps(), position(), out);
    const asking = predict.checked && out < step.numbers.length;
    graph.nodes.forEach((node, i) => {
      const part = parts.nodes[i];
      const value = seen[`value ${i}`];
      const gradient = seen[`gradient ${i}`];
      const targets = step.phase === "backward" ? step.edges.map((k) => graph.edges[k].source) : [];
      part.value.textContent = value ?? "";
      part.gradient.textContent = gradient ?? "";
      part.adding.textContent = seen[`adding ${i}`] ?? "";
      part.marks[0].classList.toggle("nnc-dim", value === undefined);
      part.marks[1].classList.toggle("nnc-dim", gradient === undefined);
      part.group.classList.toggle("nnc-current", i === step.node);
      part.group.classList.toggle("nnc-target", targets.includes(i));
      part.group.classList.toggle("nnc-in-forward", step.phase === "forward");
      if (asking && i === step.node && value === undefined) part.value.textContent = "?";
      if (asking && i === step.node && step.phase === "seed") part.gradient.textContent = "?";
    });
    graph.edges.forEach((edge, k) => {
      const { group, tag, plate, end } = parts.edges[k];
      const active = step.edges.includes(k);
      group.classList.toggle("nnc-active-forward", active && step.phase === "forward");
      group.classList.toggle("nnc-active-backward", active && step.phase === "backward");
      tag.textContent = seen[`local ${k}`] ?? "";
      tag.classList.toggle("nnc-bold", active);
      const width = tag.textContent.length * 7.2 + 6;
      plate.setAttribute("width", tag.textContent ? width : 0);
      plate.setAttribute("x", end - width + 3);
    });
    title.textContent = step.title;
    lines.replaceChildren(...step.lines.map((line) => {
      const groups = [element("span")];
      for (const part of line) {
        if (part === "; ") groups.push(element("span"));
        else if (typeof part === "string") groups.at(-1).append(...typeset(part));
        else groups.at(-1).append(element("b", { class: `nnc-result nnc-result-${step.phase}` }, part[0] < out ? part[1] : "?"));
      }
      return element("div", { class: "nnc-line" }, ...groups);
    }));
    const total = steps().length;
    const phase = { start: "start", forward: "forward", seed: "backward", backward: "backward", end: "end" }[step.phase];
    panel.dataset.phase = phase;
    slider.max = String(total - 1);
    slider.value = String(position());
    const where = fill(strings.count, { k: position() + 1, n: total });
    slider.setAttribute("aria-valuetext", `${where}, ${strings[phase]}: ${step.title}`);
    count.textContent = `${where} · ${strings[phase]}`;
    first.disabled = back.disabled = position() === 0;
    last.disabled = next.disabled = position() === total - 1;
    form.hidden = !asking;
    if (asking) ask.replaceChildren(...typeset(step.numbers[out].ask));
    answer.value = "";
    reveal.hidden = true;
    tries = 0;
    const counted = model.get("score");
    score.textContent = predict.checked ? fill(strings.score, counted) : "";
    const said = step.lines.map((line) => line.map((part) => (typeof part === "string" ? part : part[0] < out ? part[1] : "?")).join(""));
    announced.textContent = [step.title, ...said, asking ? step.numbers[out].ask : ""].join(". ");
    svg.setAttribute("aria-label", describe(graph, seen, where));
    follow(graph.nodes[step.node], svg);
  }

  function describe(graph, seen, where) {
    const known = graph.nodes.flatMap((node, i) => {
      const [value, gradient] = [seen[`value ${i}`], seen[`gradient ${i}`]];
      if (value === undefined) return [];
      return [fill(gradient === undefined ? strings.node_value : strings.node_both, { node: node.label, value, gradient })];
    });
    return `${strings.graph}, ${where}. ${known.join("; ")}`;
  }

  /** Scroll a wide graph so that the visited node is in sight. */
  function follow(node) {
    if (!node || stage.scrollWidth <= stage.clientWidth) return;
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const left = (node.x + 10) * scale - stage.clientWidth / 2;
    stage.scrollTo({ left, behavior: reducedMotion() ? "auto" : "smooth" });
  }

  function onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.target.matches("input, select")) return; // they need these keys themselves
    const moves = { ArrowRight: position() + 1, ArrowLeft: position() - 1, Home: 0, End: Infinity };
    if (!(event.key in moves)) return;
    event.preventDefault();
    go(moves[event.key]);
  }
  body.addEventListener("keydown", onKey);

  function arrive() {
    const step = steps()[position()];
    const asked = predict.checked ? (answers[position()] ?? (step ? unasked(step) : 0)) : Infinity;
    out = asked;
    verdict.textContent = "";
    verdict.className = "nnc-verdict";
    show();
  }

  let shown = null;
  function update() {
    if (shown !== model.get("expression")) {
      shown = model.get("expression"); // a text being typed is left alone by other changes
      formula.value = shown;
    }
    complaint.textContent = "";
    formula.removeAttribute("aria-invalid");
    answers = {};
    drawValues();
    arrive();
  }

  // One message may change graph, steps and step, and each is announced on its own; they fit
  // together only after the last, so everything waits for the end of the message.
  const changed = new Set();
  function later(what) {
    if (!changed.size) {
      queueMicrotask(() => {
        const now = new Set(changed);
        changed.clear();
        if (now.has("graph")) drawGraph();
        if (now.has("steps")) update();
        else arrive();
      });
    }
    changed.add(what);
  }

  const stop = listen(model, {
    "change:graph": () => later("graph"),
    "change:steps": () => later("steps"),
    "change:step": () => later("step"),
    "change:score": () => (score.textContent = predict.checked ? fill(strings.score, model.get("score")) : ""),
    "change:predict": () => {
      predict.checked = model.get("predict");
      answers = {};
      pause();
      arrive();
    },
    "change:error": () => {
      const error = model.get("error");
      complaint.textContent = error.text ?? "";
      formula.toggleAttribute("aria-invalid", false);
      if (!error.text) return;
      formula.setAttribute("aria-invalid", "true");
      if (formula.value.trim() === error.in && document.activeElement === formula) {
        const lead = formula.value.length - formula.value.trimStart().length;
        formula.setSelectionRange(error.start + lead, error.end + lead);
      }
    },
  });

  examples.append(element("option", { value: "" }, strings.examples));
  for (const text of model.get("suggestions")) examples.append(element("option", { value: text }, text));
  predict.checked = model.get("predict");
  showPlay();
  drawGraph();
  update();

  return () => {
    pause();
    kernel.stop();
    stop();
  };
}

export default { render };
