// Two things about vectors and matrices (lists of rows) that several explorers need.

export const dot = (a, b) => {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
};

/** Orthonormal rows, by Gram and Schmidt. */
export function orthogonal(rows) {
  const done = [];
  for (const row of rows) {
    let v = row;
    for (const u of done) {
      const along = dot(v, u);
      v = v.map((value, k) => value - along * u[k]);
    }
    const length = Math.sqrt(dot(v, v));
    done.push(v.map((value) => value / length));
  }
  return done;
}
