// A computation graph as an SVG picture: places come from Python, what stands in it from a snapshot.

import { KEEP_KEYS, drawn, element, fill, reducedMotion } from "./base.js";

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

/**
 * A scrollable picture of a graph. `draw(graph)` makes nodes and edges, `paint(step, seen, asking)`
 * shows one step in it, `describe(seen, where)` labels it. `onLeaf(name)` is called on a click.
 */
export function graphDrawing(strings, onLeaf) {
  const svg = drawn("svg", { role: "img", class: "nnc-graph" });
  const stage = element("div", { class: "nnc-stage", tabindex: "0", role: "group", "aria-label": `${strings.graph}. ${strings.keys}`, ...KEEP_KEYS }, svg);
  const legend = element("div", { class: "nnc-legend nnc-muted" });
  for (const kind of ["value", "gradient", "local"])
    legend.append(element("span", { class: `nnc-key nnc-key-${kind}` }, strings[`legend_${kind}`]));
  let graph = { nodes: [], edges: [] };
  let parts = { nodes: [], edges: [] };

  function draw(newGraph) {
    graph = newGraph;
    const [width, height] = [graph.width + 20, graph.height + 36]; // below, room for a sum
    svg.setAttribute("viewBox", `-10 -10 ${width} ${height}`);
    // Small graphs grow a little with the page; large ones shrink a little, then scroll.
    svg.style.width = `${width * 1.2}px`;
    svg.style.minWidth = `${width * 0.72}px`;
    const edges = graph.edges.map((edge) => {
      const [x, y] = edge.route[edge.route.length - 1];
      const line = drawn("path", { class: "nnc-edge", d: curve([...edge.route.slice(0, -1), [x - 7, y]]) });
      const tip = drawn("path", { class: "nnc-tip", d: `M${x - 1},${y} l-8,-4.5 v9 z` });
      const tag = drawn("text", { class: "nnc-local", x: x - 12, y: y + 4, "text-anchor": "end" });
      const plate = drawn("rect", { class: "nnc-plate", y: y - 8.5, height: 17, rx: 3 });
      return { group: drawn("g", { class: "nnc-edge-group" }, line, tip), labels: drawn("g", {}, plate, tag), tag, plate, end: x - 12 };
    });
    const nodes = graph.nodes.map((node, i) => {
      const [x, y] = [node.x - node.width / 2, node.y - node.height / 2];
      const row = (k) => node.y + 21 * (k + 1 - node.rows / 2); // -1 name, 0 value, 1 gradient
      const marks = [
        drawn("circle", { class: "nnc-mark-value", cx: x + 13, cy: row(0), r: 4 }),
        drawn("path", { class: "nnc-mark-gradient", d: node.rows < 2 ? "" : `M${x + 8},${row(1)} l9,-5 v10 z` }),
      ];
      const value = drawn("text", { class: "nnc-number", x: x + 24, y: row(0) + 4.5 });
      const gradient = drawn("text", { class: "nnc-number", x: x + 24, y: row(1) + 4.5 });
      const adding = drawn("text", { class: "nnc-adding", x: node.x, y: y + node.height + 16, "text-anchor": "middle" });
      const group = drawn("g", { class: `nnc-node ${node.leaf ? "nnc-leaf" : ""}`, "data-node": node.name },
        drawn("rect", { class: "nnc-box", x, y, width: node.width, height: node.height, rx: node.leaf ? 14 : 4 }),
        drawn("text", { class: "nnc-name", x: node.x, y: row(-1) + 4.5, "text-anchor": "middle" },
          node.formula ? `${node.label} = ${node.formula}` : node.label),
        ...marks, value, gradient, adding);
      if (node.leaf) group.addEventListener("click", () => onLeaf(node.name));
      return { group, value, gradient, adding, marks };
    });
    parts = { nodes, edges };
    svg.replaceChildren(...edges.map((e) => e.group), ...edges.map((e) => e.labels), ...nodes.map((n) => n.group));
  }

  /** Show a step: what is known by now, where we are, which numbers wait for an answer. */
  function paint(step, seen, asking) {
    const targets = step.phase === "backward" ? step.edges.map((k) => graph.edges[k].source) : [];
    graph.nodes.forEach((node, i) => {
      const part = parts.nodes[i];
      const value = seen[`value ${i}`];
      const gradient = seen[`gradient ${i}`];
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
    follow(graph.nodes[step.node]);
  }

  function describe(seen, where) {
    const known = graph.nodes.flatMap((node, i) => {
      const [value, gradient] = [seen[`value ${i}`], seen[`gradient ${i}`]];
      if (value === undefined) return [];
      return [fill(gradient === undefined ? strings.node_value : strings.node_both, { node: node.label, value, gradient })];
    });
    svg.setAttribute("aria-label", `${strings.graph}, ${where}. ${known.join("; ")}`);
  }

  /** Scroll a wide graph so that the visited node is in sight. */
  function follow(node) {
    if (!node || stage.scrollWidth <= stage.clientWidth) return;
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    const left = (node.x + 10) * scale - stage.clientWidth / 2;
    stage.scrollTo({ left, behavior: reducedMotion() ? "auto" : "smooth" });
  }

  return { stage, legend, draw, paint, describe };
}
