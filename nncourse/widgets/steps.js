// Walking through steps that Python has computed: buttons, slider and keys, the panel that says what
// happens, and the mode in which the reader predicts each number. Several widgets are made of this.

import { KEEP_KEYS, button, element, fill, formatNumber, icon, listen, readNumber } from "./base.js";
import { graphDrawing } from "./graph_drawing.js";

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

/** A text with its derivatives, ∂f/∂x, set as fractions. */
export function typeset(text) {
  return text.split(/(∂[^\s/]+\/∂[^\s/=·:;,)?]+)/).map((part, k) => {
    if (k % 2 === 0) return part;
    const [above, below] = part.split("/");
    return element("span", { class: "nnc-fraction" }, element("span", {}, above), element("span", {}, below));
  });
}

/**
 * The view of a StepWidget below its own controls. `onFresh` is called when new steps have come,
 * `onLeaf(name)` when a leaf of the picture is clicked. Appends to `body`; returns a clean-up.
 */
export function stepView(model, body, { onFresh, onLeaf }) {
  const strings = model.get("strings");
  body.classList.add("nnc-steps");
  const picture = graphDrawing(strings, onLeaf);
  let out = Infinity; // numbers of this step that are known
  let tries = 0; // wrong answers to the present question
  let answers = {}; // step -> numbers known there, so that going back does not ask again
  let timer = null;

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
  const ask = element("span", { class: "nnc-ask" });
  const answer = element("input", {
    type: "text", class: "nnc-answer", inputmode: "decimal", size: "9", "aria-label": strings.answer,
    autocomplete: "off", onkeydown: (e) => {
      if (e.key !== "Enter") return;
      e.preventDefault(); // or this Enter presses the button that gets the focus next
      judge();
    }, ...KEEP_KEYS,
  });
  const verdict = element("span", { class: "nnc-verdict", role: "status" });
  const reveal = button(strings.reveal, strings.reveal, () => settle(false), "nnc-reveal");
  // No <form>: JupyterLab swallows the Enter that would submit it.
  const form = element("div", { class: "nnc-row nnc-question-row" }, ask, answer, button(strings.check, strings.check, () => judge(), "nnc-check"), reveal);
  const panel = element("div", { class: "nnc-panel" }, title, lines, form, verdict);
  const announced = element("div", { class: "nnc-hidden", "aria-live": "polite" });

  body.append(
    picture.stage, picture.legend,
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

  /** Bring the number out and count it. */
  function settle(right) {
    const number = steps()[position()].numbers[out];
    const counted = model.get("score");
    model.set("score", { right: counted.right + (right && !tries ? 1 : 0), asked: counted.asked + 1 });
    model.save_changes();
    const written = formatNumber(number.value);
    verdict.textContent = right ? `✓ ${fill(strings.right, { value: written })}` : fill(strings.shown, { value: written, hint: number.hint });
    verdict.className = `nnc-verdict ${right ? "nnc-right" : ""}`;
    out += 1;
    answers[position()] = out;
    show();
    if (out < steps()[position()].numbers.length) answer.focus();
    else next.focus();
  }

  /** Everything that depends on the step. */
  function show() {
    const step = steps()[position()];
    if (!step) return;
    const seen = snapshot(steps(), position(), out);
    const asking = predict.checked && out < step.numbers.length;
    picture.paint(step, seen, asking);
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
    if (asking) {
      ask.replaceChildren(...typeset(step.numbers[out].ask));
      answer.setAttribute("aria-label", `${strings.answer}: ${step.numbers[out].ask}`);
    }
    answer.value = "";
    reveal.hidden = true;
    tries = 0;
    const counted = model.get("score");
    score.textContent = predict.checked ? fill(strings.score, counted) : "";
    const said = step.lines.map((line) => line.map((part) => (typeof part === "string" ? part : part[0] < out ? part[1] : "?")).join(""));
    announced.textContent = [step.title, ...said, asking ? step.numbers[out].ask : ""].join(". ");
    picture.describe(seen, where);
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

  // One message may change graph, steps and step, and each is announced on its own; they fit
  // together only after the last, so everything waits for the end of the message.
  const changed = new Set();
  function later(what) {
    if (!changed.size) {
      queueMicrotask(() => {
        const now = new Set(changed);
        changed.clear();
        if (now.has("graph")) picture.draw(model.get("graph"));
        if (now.has("steps")) refresh();
        else arrive();
      });
    }
    changed.add(what);
  }

  function refresh() {
    answers = {};
    onFresh();
    arrive();
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
  });

  predict.checked = model.get("predict");
  showPlay();
  picture.draw(model.get("graph"));
  refresh();

  return () => {
    pause();
    stop();
  };
}

/** A row of number fields. `show(fields, values)` fills it; `onEdit(values)` gets all numbers. */
export function numberFields(strings, onEdit) {
  const row = element("div", { class: "nnc-row nnc-values", role: "group", "aria-label": strings.values });
  const inputs = () => [...row.querySelectorAll("input")];

  function edited() {
    const numbers = inputs().map((field) => [field.dataset.leaf, Number.parseFloat(field.value)]);
    onEdit(Object.fromEntries(numbers.filter(([, value]) => Number.isFinite(value))));
  }

  /** `fields` are [name, label] pairs; inputs that are there already keep the focus. */
  function show(fields, values) {
    if (inputs().map((f) => f.dataset.leaf).join(" ") !== fields.map(([name]) => name).join(" "))
      row.replaceChildren(...fields.map(([name, label]) =>
        element("label", { class: "nnc-label nnc-mono" }, `${label} =`,
          element("input", {
            type: "number", step: "0.1", class: "nnc-value nnc-mono", "data-leaf": name,
            "aria-label": fill(strings.value_of, { name: label }), oninput: edited, ...KEEP_KEYS,
          }))));
    for (const field of inputs()) {
      const value = values[field.dataset.leaf];
      const typing = field === document.activeElement && (field.value === "" || Number.parseFloat(field.value) === value);
      if (!typing) field.value = String(value);
    }
  }

  const focus = (name) => inputs().find((field) => field.dataset.leaf === name)?.focus();
  return { row, show, focus };
}
