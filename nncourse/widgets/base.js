// What the front ends of all widgets share: building elements, texts, numbers, themes.
// Every file here is a plain ES module; base.py joins those that a widget needs into one.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element. Attributes that start with "on" are listeners; null and false are left out. */
export function element(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** The head of a table's column: a plain cell where there is nothing to say. */
export function columnHead(text) {
  return text ? element("th", { scope: "col" }, text) : element("td");
}

/** An SVG element, with the same conventions. */
export function drawn(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS(SVG, tag), attributes, children);
}

function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== false && value !== undefined)
      node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Put `{name}` fields into a text, as Python's str.format does. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (field, name) => (name in values ? values[name] : field));
}

// JupyterLab takes arrows and letters away from an output, unless the very element that has the
// focus says otherwise.
export const KEEP_KEYS = { "data-lm-suppress-shortcuts": "true" };

export function button(label, symbol, onclick, name = "") {
  return element(
    "button",
    { type: "button", class: `nnc-button ${name}`, "aria-label": label, title: label, onclick, ...KEEP_KEYS },
    symbol,
  );
}

// Drawn here, since the fonts of many machines lack the signs of a tape recorder.
const ICONS = {
  first: "M3,3 h2 v10 h-2 z M13,3 v10 l-7,-5 z",
  back: "M11,3 v10 l-8,-5 z",
  next: "M5,3 v10 l8,-5 z",
  last: "M13,3 h-2 v10 h2 z M3,3 v10 l7,-5 z",
  play: "M8,1 a7,7 0 1 0 0.01,0 z M8,2.4 a5.6,5.6 0 1 1 -0.01,0 z M6.3,5 v6 l5,-3 z",
  pause: "M4,3 h3 v10 h-3 z M9,3 h3 v10 h-3 z",
};

export function icon(name) {
  return drawn("svg", { class: "nnc-icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, drawn("path", { d: ICONS[name] }));
}

/** The outer frame: the question as its heading, the body below. Returns the body. */
export function frame(model, el, name) {
  const id = `nnc-${Math.random().toString(36).slice(2)}`;
  const body = element("div", { class: "nnc-body" });
  el.append(
    element(
      "section",
      { class: `nnc nnc-${name}`, lang: model.get("lang"), "aria-labelledby": id },
      element("h4", { class: "nnc-question", id }, model.get("heading")),
      body,
    ),
  );
  return body;
}

export function reducedMotion() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Listen to several changes of a model; returns a function that stops listening. */
export function listen(model, handlers) {
  for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
  return () => {
    for (const [event, handler] of Object.entries(handlers)) model.off(event, handler);
  };
}

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

export function superscript(number) {
  return Array.from(String(number), (sign) => RAISED[sign]).join("");
}

/** Four significant digits; the twin of numbers.py. */
export function formatNumber(value) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const rounded = Number(size.toExponential(3));
  let text;
  if (size === 0) text = "0";
  else if (size < 1e6 && Number.isInteger(size)) text = String(size);
  else if (rounded >= 1e-3 && rounded < 1e6) {
    const digits = Math.max(0, 3 - Math.floor(Math.log10(rounded)));
    text = size.toFixed(digits);
    if (text.includes(".")) text = text.replace(/\.?0+$/, "");
  } else {
    const [digits, exponent] = size.toExponential(3).split("e");
    const mantissa = digits.replace(/\.?0+$/, "");
    const power = `10${superscript(Number(exponent))}`;
    text = mantissa === "1" ? power : `${mantissa}·${power}`;
  }
  return value < 0 ? `−${text}` : text;
}

/** A number as people write it: 0,5 and −2 and 1/3 as well. NaN if it is none. */
export function readNumber(text) {
  const plain = text.trim().replace(/[−–]/g, "-").replace(",", ".");
  const match = plain.match(/^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?:\s*\/\s*([+-]?\d+\.?\d*))?$/i);
  return match ? Number(match[1]) / (match[2] === undefined ? 1 : Number(match[2])) : NaN;
}

/** Send to the kernel. Where it is gone nothing is sent; whoever waits for an answer hears that. */
export function tell(model, content) {
  try {
    model.send(content);
  } catch {
    // "Cannot send": the kernel was restarted.
  }
}

/**
 * Sends requests to the kernel one at a time: while one is under way only the latest next one is
 * kept, so that a held key never floods it. `onSilence` is called when no answer comes.
 */
export function requests(model, onSilence, patience = 3000) {
  let serial = model.get("answered");
  let waiting = null;
  let timer = null;
  const send = (content) => {
    serial += 1;
    clearTimeout(timer);
    timer = setTimeout(onSilence, patience);
    tell(model, { ...content, serial });
  };
  const stop = listen(model, {
    "change:answered": () => {
      if (model.get("answered") !== serial) return;
      clearTimeout(timer);
      timer = null;
      if (waiting) send(waiting);
      waiting = null;
    },
  });
  return {
    ask(content) {
      if (timer === null) send(content);
      else waiting = content;
    },
    stop() {
      clearTimeout(timer);
      stop();
    },
  };
}
