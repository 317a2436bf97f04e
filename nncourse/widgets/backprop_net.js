// The front end of the small network: input, class and activation above the steps, and descent.

import { KEEP_KEYS, button, element, fill, formatNumber, frame, listen, requests } from "./base.js";
import { numberFields, stepView } from "./steps.js";

function render({ model, el }) {
  const strings = model.get("strings");
  const body = frame(model, el, "network");
  const complaint = element("div", { class: "nnc-message nnc-error", role: "alert" });
  const kernel = requests(model, () => (complaint.textContent = strings.no_kernel));
  const inputs = numberFields(strings, (numbers) => kernel.ask({ values: numbers }));
  const choice = (name, options) =>
    element("select", {
      class: `nnc-${name}`, "aria-label": strings[name], ...KEEP_KEYS,
      onchange: (event) => {
        model.set(name, name === "target" ? Number(event.target.value) : event.target.value);
        model.save_changes();
      },
    }, ...options.map((value) => element("option", { value }, String(value))));
  const target = choice("target", [1, 2]);
  const activation = choice("activation", ["tanh", "sigmoid", "relu"]);
  const rate = element("input", { type: "number", step: "0.1", min: "0", max: "100", value: "0.5", class: "nnc-rate nnc-mono", "aria-label": strings.rate, ...KEEP_KEYS });
  const descend = () => Number.isFinite(rate.valueAsNumber) && kernel.ask({ rate: rate.valueAsNumber });
  const losses = element("span", { class: "nnc-losses nnc-mono", role: "status" });

  body.append(
    element("div", { class: "nnc-row" }, inputs.row,
      element("label", { class: "nnc-label" }, strings.target, target),
      element("label", { class: "nnc-label" }, strings.activation, activation)),
    element("div", { class: "nnc-row" },
      element("label", { class: "nnc-label" }, strings.rate, rate),
      button(strings.descend, strings.descend, descend, "nnc-descend"),
      button(strings.restart, strings.restart, () => kernel.ask({ restart: true }), "nnc-restart"), losses),
    complaint,
  );

  function onFresh() {
    complaint.textContent = model.get("error").text ?? "";
    target.value = String(model.get("target"));
    activation.value = model.get("activation");
    inputs.show([["x1", "x₁"], ["x2", "x₂"]], model.get("values"));
    losses.textContent = fill(strings.losses, { losses: model.get("losses").map(formatNumber).join(" → ") });
  }

  const stopSteps = stepView(model, body, { onFresh, onLeaf: inputs.focus });
  const stopErrors = listen(model, { "change:error": () => (complaint.textContent = model.get("error").text ?? "") });
  return () => {
    stopSteps();
    stopErrors();
    kernel.stop();
  };
}

export default { render };
