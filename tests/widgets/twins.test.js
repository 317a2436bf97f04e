// Run by test_twins.py: the widgets' JavaScript against numbers computed in Python.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { fill, formatNumber, readNumber } from "../../nncourse/widgets/base.js";
import { cause, difference, error, estimates, exact, sweep } from "../../nncourse/widgets/difference.js";
import { curve } from "../../nncourse/widgets/graph_drawing.js";
import { ticks } from "../../nncourse/widgets/explorer.js";
import { closeEnough, snapshot, unasked } from "../../nncourse/widgets/steps.js";

const fixtures = JSON.parse(readFileSync(process.env.FIXTURES, "utf8"));

test("numbers are written as in Python", () => {
  for (const [value, text] of fixtures.numbers) assert.equal(formatNumber(value), text);
});

test("numbers are read as people write them", () => {
  const cases = { "2.5": 2.5, "2,5": 2.5, "−3": -3, " -0.5 ": -0.5, "1/4": 0.25, "−1/4": -0.25, "1e-3": 1e-3, ".5": 0.5 };
  for (const [text, value] of Object.entries(cases)) assert.equal(readNumber(text), value);
  for (const text of ["", "x", "1.2.3", "2*3", "1/", "--1"]) assert.ok(Number.isNaN(readNumber(text)), text);
  assert.equal(fill("{a} of {b} {c}", { a: 1, b: 2 }), "1 of 2 {c}");
});

test("numerical derivatives agree with NumPy", () => {
  let agree = 0;
  for (const { point, difference: wanted, exact: slope, estimates: sizes, cause: reason, slack } of fixtures.differences) {
    const got = difference(...point);
    assert.ok(Math.abs(got - wanted) <= slack, `${point}: ${got}, NumPy ${wanted}, slack ${slack}`);
    const [name, x, , , dtype] = point;
    assert.ok(Math.abs(exact(name, x, dtype) - slope) <= 1e-14 * Math.max(1, Math.abs(slope)));
    estimates(...point).forEach((size, k) => assert.ok(Math.abs(size - sizes[k]) <= 1e-12 * Math.max(size, sizes[k])));
    agree += cause(...point) === reason;
  }
  // Between "lost", "roundoff" and "exact" the last bit of a sine decides; kinks are never in doubt.
  assert.ok(agree >= 0.98 * fixtures.differences.length, `${agree} of ${fixtures.differences.length}`);
  for (const { point, cause: reason } of fixtures.differences)
    if (reason.includes("kink")) assert.equal(cause(...point), reason);
});

test("a sweep has eight steps per decade and no gaps", () => {
  const points = sweep("sin", 1, "central", "float64");
  assert.equal(points.length, 129);
  assert.equal(points[0][0], 1e-16);
  assert.equal(points[128][0], 1);
  assert.ok(points.every(([h, wrong]) => wrong === error("sin", 1, h, "central", "float64")));
});

test("the picture after all steps holds all values and gradients", () => {
  for (const { steps, values, gradients } of fixtures.stories) {
    const seen = snapshot(steps, steps.length - 1, Infinity);
    values.forEach((text, i) => assert.equal(seen[`value ${i}`], text));
    gradients.forEach((text, i) => assert.equal(seen[`gradient ${i}`], text));
    // Nothing of a step that waits for its first answer is seen, and what is passing disappears.
    const first = steps.findIndex((step) => step.phase === "forward");
    assert.equal(unasked(steps[first]), 0);
    assert.deepEqual(snapshot(steps, first, 0), snapshot(steps, 0, Infinity));
    assert.ok(!Object.keys(seen).some((key) => key.startsWith("flow") || key.startsWith("adding")));
  }
});

test("answers, curves and ticks", () => {
  assert.ok(closeEnough(0.333, 1 / 3));
  assert.ok(!closeEnough(0.3, 1 / 3));
  assert.ok(closeEnough(0, 0));
  assert.ok(!closeEnough(0, 0.01));
  assert.ok(!closeEnough(-2, 2));
  assert.equal(curve([[0, 0], [10, 5], [20, 5], [30, 9]]), "M0,0 C5,0 5,5 10,5 L20,5 C25,5 25,9 30,9");
  assert.deepEqual(ticks(-1, 3), [-1, 0, 1, 2, 3]);
});
