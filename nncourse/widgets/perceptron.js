// One neuron on the plane and Rosenblatt's rule: the twin of nncourse/nn/perceptron.py.
// A weight is [w0, w1, w2] with the threshold w0 of the constant feature x0 = -1; an example is
// [x1, x2, y] with y = -1 or +1.

const TINY = 1e-10;
const inner = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);

export const score = (weight, point) => -weight[0] + weight[1] * point[0] + weight[2] * point[1];
export const fires = (weight, point) => (score(weight, point) > 0 ? 1 : 0);
export const mistaken = (weight, example) => example[2] * score(weight, example) <= 0;

/** Signed distance of a point from the line; NaN where there is no line. */
export function distance(weight, point) {
  const length = Math.hypot(weight[1], weight[2]);
  return length ? score(weight, point) / length : NaN;
}

/** The weight after a correction on an example: w + y x, and w0 - y. */
export function corrected([w0, w1, w2], [x1, x2, y]) {
  return [w0 - y, w1 + y * x1, w2 + y * x2];
}

/** The next example to correct, looking from number `from` on and round once; -1 if there is none. */
export function nextMistake(weight, examples, from) {
  for (let k = 0; k < examples.length; k++) {
    const i = (from + k) % examples.length;
    if (mistaken(weight, examples[i])) return i;
  }
  return -1;
}

/** The solution of A v = b by elimination with pivots. */
function solve(matrix, b) {
  const rows = matrix.map((row, i) => [...row, b[i]]);
  const n = rows.length;
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i][k]) > Math.abs(rows[best][k])) best = i;
    [rows[k], rows[best]] = [rows[best], rows[k]];
    for (let i = k + 1; i < n; i++) {
      const factor = rows[i][k] / rows[k][k];
      for (let j = k; j <= n; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  const v = Array(n).fill(0);
  for (let k = n - 1; k >= 0; k--) {
    let rest = rows[k][n];
    for (let j = k + 1; j < n; j++) rest -= rows[k][j] * v[j];
    v[k] = rest / rows[k][k];
  }
  return v;
}

/** The point of the convex hull that is nearest to zero, by Wolfe's algorithm. */
export function nearestToZero(points) {
  const squares = points.map((p) => inner(p, p));
  const tiny = TINY * Math.max(...squares);
  let corners = [squares.indexOf(Math.min(...squares))];
  let shares = [1];
  for (;;) {
    const nearest = points[0].map((_, d) => corners.reduce((sum, c, k) => sum + shares[k] * points[c][d], 0));
    const square = inner(nearest, nearest);
    if (square <= tiny) return nearest.map(() => 0);
    const heights = points.map((p) => inner(p, nearest));
    const towards = heights.indexOf(Math.min(...heights));
    if (heights[towards] >= square - tiny || corners.includes(towards)) return nearest;
    corners.push(towards);
    shares.push(0);
    for (;;) {
      let wanted = solve(corners.map((a) => corners.map((b) => inner(points[a], points[b]) + 1)), corners.map(() => 1));
      const total = wanted.reduce((a, b) => a + b, 0);
      wanted = wanted.map((v) => v / total);
      if (wanted.every((v) => v > TINY)) {
        shares = wanted;
        break;
      }
      const reach = Math.min(1, ...wanted.map((v, k) => (v <= TINY ? shares[k] / (shares[k] - v) : 1)));
      shares = shares.map((v, k) => v + reach * (wanted[k] - v));
      corners = corners.filter((_, k) => shares[k] > TINY);
      shares = shares.filter((v) => v > TINY);
      const left = shares.reduce((a, b) => a + b, 0);
      shares = shares.map((v) => v / left);
    }
  }
}

/** The widest margin of the extended examples (-1, x1, x2), their largest length, and the bound. */
export function novikoff(examples) {
  const gamma = Math.hypot(...nearestToZero(examples.map(([x1, x2, y]) => [-y, y * x1, y * x2])));
  const radius = Math.max(...examples.map(([x1, x2]) => Math.hypot(1, x1, x2)));
  return { gamma, radius, bound: gamma ? (radius / gamma) ** 2 : Infinity };
}

/** The widest possible distance of a line from two classes in the plane; 0 if none separates them. */
export function widestDistance(positive, negative) {
  return Math.hypot(...nearestToZero(positive.flatMap((p) => negative.map((q) => p.map((v, k) => v - q[k]))))) / 2;
}

/** The part of the square from low to high where the neuron fires, as a polygon. */
export function firingSide(weight, low, high) {
  const square = [[low, low], [high, low], [high, high], [low, high]];
  const found = [];
  square.forEach((from, k) => {
    const to = square[(k + 1) % 4];
    const [a, b] = [score(weight, from), score(weight, to)];
    if (a > 0) found.push(from);
    if ((a > 0) !== (b > 0)) found.push(from.map((v, d) => v + (a / (a - b)) * (to[d] - v)));
  });
  return found;
}

/** Two far points of the line w . x = w0; null where there is none. */
export function lineEnds([w0, w1, w2], reach) {
  const squared = w1 * w1 + w2 * w2;
  if (squared === 0) return null;
  const along = [-w2, w1].map((v) => (v * reach) / Math.sqrt(squared));
  return [-1, 1].map((side) => [(w0 * w1) / squared + side * along[0], (w0 * w2) / squared + side * along[1]]);
}
