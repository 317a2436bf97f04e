// Run by test_explorers.py: the explorers' JavaScript against numbers computed in Python.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ACTIVATIONS } from "../../nncourse/widgets/activations.js";
import { CURVES, interpolated, largestError } from "../../nncourse/widgets/approximation.js";
import { passes } from "../../nncourse/widgets/depth.js";
import { descend } from "../../nncourse/widgets/descent.js";
import { chance, ensemble, output, prediction } from "../../nncourse/widgets/dropping.js";
import { normals, uniforms } from "../../nncourse/widgets/explorer.js";
import { run as remember } from "../../nncourse/widgets/memory.js";
import { roll } from "../../nncourse/widgets/minima.js";
import { errors, rate } from "../../nncourse/widgets/momentum.js";
import { normalise } from "../../nncourse/widgets/normalizing.js";
import { run } from "../../nncourse/widgets/race.js";
import { agreement, survey } from "../../nncourse/widgets/regions.js";
import { crossEntropy, gradient, softmax } from "../../nncourse/widgets/softmax.js";
import { between, loss } from "../../nncourse/widgets/swap.js";
import { measured, unroll } from "../../nncourse/widgets/unrolled.js";

const fixtures = JSON.parse(readFileSync(process.env.FIXTURES, "utf8"));

/** Equal numbers, arrays or objects, to `tolerance` of their size. */
function close(found, wanted, what, tolerance = 1e-9) {
  if (typeof wanted === "number")
    assert.ok(found === wanted || Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(wanted)), `${what}: ${found}, Python ${wanted}`);
  else if (wanted !== null && typeof wanted === "object") {
    assert.equal(Object.keys(found).length, Object.keys(wanted).length, `${what}: length`);
    for (const key of Object.keys(wanted)) close(found[key], wanted[key], `${what}.${key}`, tolerance);
  } else assert.equal(found, wanted, what);
}

test("random numbers are the same in both languages", () => {
  for (const { seed, uniforms: even, normals: bell } of fixtures.streams) {
    const [next, nextBell] = [uniforms(seed), normals(seed)];
    for (const value of even) assert.equal(next(), value);
    bell.forEach((value) => close(nextBell(), value, "normal", 1e-12));
  }
});

test("softmax, cross-entropy and its gradient", () => {
  for (const { scores, target, temperature, p, loss, gradient: slopes } of fixtures.softmax) {
    close(softmax(scores, temperature), p, "p");
    close(crossEntropy(scores, target, temperature), loss, "loss");
    close(gradient(scores, target, temperature), slopes, "gradient");
  }
});

test("gradient descent with batches and the smoothed Q", () => {
  for (const { problem, objects, settings, path } of fixtures.descents) {
    const { chosen, ...found } = descend(problem, objects, settings);
    assert.equal(chosen.length, path.batch.length);
    close(found, path, `${problem} ${JSON.stringify(settings)}`, 1e-6);
  }
});

test("regions made of half-planes", () => {
  for (const { planes, combine, target, agreement: wanted } of fixtures.regions)
    close(agreement(survey(planes, combine), target), wanted, combine, 1e-12);
});

test("curves made of units", () => {
  for (const { curve, samples, units, activation, steepness, error } of fixtures.approximations)
    close(largestError(samples.length ? interpolated(samples) : CURVES[curve], units, activation, steepness), error, `${curve} ${units} ${activation}`);
});

test("eight optimisers", () => {
  for (const { rule, surface, settings, path } of fixtures.races) close(run(rule, surface, settings), path, `${rule} on ${surface}`, 1e-6);
});

test("the plane of step and momentum", () => {
  for (const { step, momentum, kappa, nesterov, rate: wanted, errors: path } of fixtures.momenta) {
    close(rate(step, momentum, kappa, nesterov), wanted, "rate", 1e-6);
    close(errors(step, momentum, 1 / kappa, nesterov, 15), path, "errors");
  }
});

test("balls in two minima", () => {
  for (const { settings, balls } of fixtures.minima) close(roll(settings), balls, "balls", 1e-6);
});

test("neurons exchanged", () => {
  for (const { order, flip, way, loss: wanted } of fixtures.swaps) close(loss(between(order, flip, way)), wanted, order);
});

test("activations and their derivatives", () => {
  for (const { name, z, alpha, value, slope } of fixtures.activations) {
    close(z.map((v) => ACTIVATIONS[name][0](v, alpha)), value, name);
    close(z.map((v) => ACTIVATIONS[name][1](v, alpha)), slope, `slope of ${name}`);
  }
});

test("activations and gradients through depth", () => {
  for (const { settings, activations, gradients } of fixtures.depths) {
    const found = passes(settings);
    close(found.activations[settings.depth - 1], activations, `${settings.activation} ${settings.init}`, 1e-8);
    close(found.gradients[0], gradients, `gradients ${settings.activation} ${settings.init}`, 1e-8);
  }
});

test("dropout over all networks", () => {
  for (const { p, kind, bent, prediction: wanted, outputs, chances, mean } of fixtures.droppings) {
    close(prediction(p, kind, bent), wanted, "prediction");
    close(outputs.map((_, mask) => output(mask, p, kind, bent)), outputs, "outputs");
    close(chances.map((_, mask) => chance(mask, p)), chances, "chances");
    close(ensemble(p, kind, bent).mean, mean, "mean");
  }
});

test("batch normalisation, values and gradients", () => {
  for (const { settings, values } of fixtures.normalizings)
    for (const [name, wanted] of Object.entries(values)) close(normalise(settings)[name], wanted, name);
});

test("the gates of a memory, and the way back through them", () => {
  for (const { settings, found } of fixtures.memories) close(remember(settings), found, JSON.stringify(settings));
});

test("an unrolled network, its two passes and a difference", () => {
  for (const { settings, passes: wanted, measured: slopes } of fixtures.unrolled) {
    close(unroll(settings), wanted, JSON.stringify(settings));
    close([1, 4, 7].map((k) => measured(settings, k)), slopes, "difference", 1e-7);
  }
});
