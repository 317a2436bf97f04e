// The front end of the computation-graph stepper: a formula and its values, above the steps.

import { KEEP_KEYS, button, element, frame, listen, requests } from "./base.js";
import { numberFields, stepView } from "./steps.js";

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "stepper");
  const kernel = requests(model, () => (complaint.textContent = strings.no_kernel));
  const draw = () => kernel.ask({ expression: formula.value });

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
  const values = numberFields(strings, (numbers) => kernel.ask({ values: numbers }));

  body.append(
    element("div", { class: "nnc-row" },
      element("label", { class: "nnc-label nnc-grow" }, strings.expression, formula),
      button(strings.draw, strings.draw, draw, "nnc-draw"),
      examples),
    complaint, values.row,
  );

  let shown = null;
  function onFresh() {
    if (shown !== model.get("expression")) {
      shown = model.get("expression"); // a text being typed is left alone by other changes
      formula.value = shown;
    }
    complaint.textContent = "";
    formula.removeAttribute("aria-invalid");
    const leaves = model.get("graph").nodes.filter((node) => node.leaf);
    values.show(leaves.map((node) => [node.name, node.label]), model.get("values"));
  }

  /** Say what is wrong, and mark the place in the formula. */
  function showError() {
    const error = model.get("error");
    complaint.textContent = error.text ?? "";
    formula.removeAttribute("aria-invalid");
    if (!error.text) return;
    formula.setAttribute("aria-invalid", "true");
    if (formula.value.trim() === error.in && document.activeElement === formula) {
      const lead = formula.value.length - formula.value.trimStart().length;
      formula.setSelectionRange(error.start + lead, error.end + lead);
    }
  }

  examples.append(element("option", { value: "" }, strings.examples));
  for (const text of model.get("suggestions")) examples.append(element("option", { value: text }, text));
  const stopSteps = stepView(model, body, { onFresh, onLeaf: values.focus });
  const stopErrors = listen(model, { "change:error": showError });

  return () => {
    stopSteps();
    stopErrors();
    kernel.stop();
  };
}

export default { render };
