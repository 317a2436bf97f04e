// Run by test_neuron_twins.py: one neuron in JavaScript against numbers computed in Python.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { tableMargin, truthTable, widestFor } from "../../nncourse/widgets/gates.js";
import { corrected, distance, fires, firingSide, lineEnds, mistaken, nextMistake, novikoff, score } from "../../nncourse/widgets/perceptron.js";

const fixtures = JSON.parse(readFileSync(process.env.FIXTURES, "utf8"));
const close = (a, b, what) => assert.ok(a === b || Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)), `${what}: ${a}, NumPy ${b}`);

test("sums, outputs and distances agree with the library", () => {
  for (const { weight, points, scores, outputs, distances } of fixtures.sums)
    points.forEach((p, i) => {
      close(score(weight, p), scores[i], "score");
      assert.equal(fires(weight, p), outputs[i]);
      if (distances) close(distance(weight, p), distances[i], "distance");
      else assert.ok(Number.isNaN(distance(weight, p)));
    });
});

test("the rule makes the same corrections as the library", () => {
  for (const { examples, weights, order, converged } of fixtures.histories) {
    let [w, cursor] = [[0, 0, 0], 0];
    order.forEach((wanted, k) => {
      const i = nextMistake(w, examples, cursor);
      assert.equal(i, wanted, `correction ${k + 1}`);
      assert.ok(mistaken(w, examples[i]));
      w = corrected(w, examples[i]);
      cursor = (i + 1) % examples.length;
      w.forEach((v, d) => close(v, weights[k + 1][d], "weight"));
    });
    if (converged) assert.equal(nextMistake(w, examples, cursor), -1);
    else assert.notEqual(nextMistake(w, examples, cursor), -1);
  }
});

test("margins and bounds agree with the library", () => {
  for (const { examples, gamma, bound } of fixtures.margins) {
    const found = novikoff(examples);
    close(found.gamma, gamma, "gamma");
    if (bound === null) assert.equal(found.bound, Infinity);
    else close(found.bound, bound, "bound");
  }
});

test("gates: truth tables, margins, the widest possible", () => {
  for (const { neurons, layer, outputs, margin } of fixtures.gates) {
    assert.deepEqual(truthTable(neurons, layer).map((row) => row.out), outputs);
    if (margin !== null) close(tableMargin(neurons, layer), margin, "margin");
  }
  for (const [table, widest] of fixtures.widest) {
    if (widest === null) assert.equal(widestFor(table), Infinity);
    else close(widestFor(table), widest, table);
  }
});

test("the drawn side is where the neuron fires, and the line is where the sum is zero", () => {
  for (const { weight } of fixtures.sums) {
    const side = firingSide(weight, -3, 3);
    for (const corner of side) assert.ok(score(weight, corner) >= -1e-9 && corner.every((v) => Math.abs(v) <= 3 + 1e-12));
    const area = Math.abs(side.reduce((sum, [x, y], k) => sum + x * side[(k + 1) % side.length][1] - side[(k + 1) % side.length][0] * y, 0)) / 2;
    let inside = 0;
    for (let i = 0; i < 120; i++) for (let j = 0; j < 120; j++) inside += fires(weight, [-2.975 + i / 20, -2.975 + j / 20]);
    assert.ok(Math.abs(area - inside / 400) < 0.5, `${weight}: ${area}, counted ${inside / 400}`);
    const ends = lineEnds(weight, 10);
    if (weight[1] === 0 && weight[2] === 0) assert.equal(ends, null);
    else for (const end of ends) assert.ok(Math.abs(score(weight, end)) < 1e-9);
  }
});
