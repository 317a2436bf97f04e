// Numerical derivatives and what limits them: the twin of difference.py, number for number.
// Math.fround after every operation makes float32 out of JavaScript's only type, float64.

const sign = Math.sign;

/** Value in a rounding `r`, imaginary part of f(x + ih), and the first three derivatives. */
export const CURVES = {
  sin: {
    value: (x, r) => r(Math.sin(x)),
    imaginary: (x, h) => Math.cos(x) * Math.sinh(h),
    slopes: (x) => [Math.cos(x), -Math.sin(x), -Math.cos(x)],
    kinks: [],
  },
  cube: {
    value: (x, r) => r(r(x * x) * x),
    imaginary: (x, h) => 3 * x * x * h - h * h * h,
    slopes: (x) => [3 * x * x, 6 * x, 6],
    kinks: [],
  },
  exp: {
    value: (x, r) => r(Math.exp(x)),
    imaginary: (x, h) => Math.exp(x) * Math.sin(h),
    slopes: (x) => [Math.exp(x), Math.exp(x), Math.exp(x)],
    kinks: [],
  },
  tanh: {
    value: (x, r) => r(Math.tanh(x)),
    imaginary: (x, h) => Math.sin(2 * h) / (Math.cosh(2 * x) + Math.cos(2 * h)),
    slopes: (x) => {
      const [t, first] = [Math.tanh(x), 1 / Math.cosh(x) ** 2];
      return [first, -2 * t * first, (6 * t * t - 2) * first];
    },
    kinks: [],
  },
  relu: {
    value: (x) => (x > 0 ? x : 0),
    imaginary: (x, h) => (x > 0 ? h : 0),
    slopes: (x) => [x > 0 ? 1 : 0, 0, 0],
    kinks: [0],
  },
  abs: {
    value: (x) => Math.abs(x),
    imaginary: (x, h) => sign(x) * h,
    slopes: (x) => [sign(x), 0, 0],
    kinks: [0],
  },
  max: {
    value: (x, r) => (x >= r(x * x) ? x : r(x * x)),
    imaginary: (x, h) => (x >= x * x - h * h ? h : 2 * x * h),
    slopes: (x) => (x >= x * x ? [1, 0, 0] : [2 * x, 2, 0]),
    kinks: [0, 1],
  },
};

export const rounding = (dtype) => (dtype === "float32" ? Math.fround : (x) => x);
const EPSILON = { float64: 2 ** -52, float32: 2 ** -23 };

export function difference(name, x, h, method, dtype) {
  const r = rounding(dtype);
  const [at, step, f] = [r(x), r(h), (u) => CURVES[name].value(u, r)];
  if (method === "forward") return r(r(f(r(at + step)) - f(at)) / step);
  if (method === "central") return r(r(f(r(at + step)) - f(r(at - step))) / r(step + step));
  return r(r(CURVES[name].imaginary(at, step)) / step);
}

export function exact(name, x, dtype) {
  return CURVES[name].slopes(rounding(dtype)(x))[0];
}

export function error(name, x, h, method, dtype) {
  return Math.abs(difference(name, x, h, method, dtype) - exact(name, x, dtype));
}

/** The sizes to expect of the truncation error and of the round-off error. */
export function estimates(name, x, h, method, dtype) {
  const [first, second, third] = CURVES[name].slopes(x);
  const truncation = method === "forward" ? (Math.abs(second) * h) / 2 : (Math.abs(third) * h * h) / 6;
  if (method === "complex") return [truncation, 0];
  const value = CURVES[name].value(x, (u) => u);
  return [truncation, ((EPSILON[dtype] / 2) * (Math.abs(value) + Math.abs(x * first))) / h];
}

/** What the error comes from. */
export function cause(name, x, h, method, dtype) {
  const r = rounding(dtype);
  const [at, step, curve] = [r(x), r(h), CURVES[name]];
  const low = method === "central" ? r(at - step) : at;
  const high = method === "complex" ? at : r(at + step);
  if (curve.kinks.includes(at)) return "at_kink";
  if (curve.kinks.some((kink) => low < kink && kink < high)) return "kink";
  const slope = exact(name, x, dtype);
  if (method !== "complex" && slope !== 0 && curve.value(high, r) === curve.value(low, r)) return "lost";
  if (error(name, x, h, method, dtype) <= 4 * EPSILON[dtype] * Math.abs(slope)) return "exact";
  const [truncation, roundoff] = estimates(name, x, h, method, dtype);
  return truncation > roundoff ? "truncation" : "roundoff";
}

/** Pairs [h, error], h from 1e-16 to 1, eight per decade. */
export function sweep(name, x, method, dtype) {
  return Array.from({ length: 129 }, (_, k) => {
    const h = 10 ** ((k - 128) / 8);
    return [h, error(name, x, h, method, dtype)];
  });
}
