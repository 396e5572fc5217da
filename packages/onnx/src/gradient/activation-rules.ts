import { sigmoid, tanh } from '../ops/activations.ts';
import { add, erf, exp, mul, neg, sub } from '../ops/elementwise.ts';
import type { Value } from '../value.ts';
import { float, from, type Rule, string } from './rule.ts';

/** y = x · σ(αx): with s = σ(αx), dy/dx = s + α·y·(1 - s). */
export const quickGeluRule: Rule = from((gradient, y, [x], node) => {
  const alpha = float(node, 'alpha');
  const s = sigmoid(alpha === 1 ? x : mul(x, alpha));
  const scaled = alpha === 1 ? y : mul(y, alpha);
  return [mul(gradient, add(s, mul(scaled, sub(1, s))))];
});

export const geluRule: Rule = from((gradient, _, [x], node) => {
  const slope = string(node, 'approximate') === 'tanh' ? tanhSlope(x) : exactSlope(x);
  return [mul(gradient, slope)];
});

/** d(x·Φ(x))/dx = Φ(x) + x·φ(x), with Φ(x) = (1 + erf(x / √2)) / 2 and φ(x) = e^(-x²/2) / √(2π). */
function exactSlope(x: Value): Value {
  const below = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
  const density = mul(exp(mul(mul(x, x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return add(below, mul(x, density));
}

/** d(x·(1 + t)/2)/dx = (1 + t)/2 + x·(1 - t²)·u'/2, with t = tanh(u) and u = √(2/π)·(x + 0.044715·x³). */
function tanhSlope(x: Value): Value {
  const scale = Math.sqrt(2 / Math.PI);
  const square = mul(x, x);
  const t = tanh(mul(mul(x, add(mul(square, 0.044715), 1)), scale));
  const inner = mul(add(mul(square, 3 * 0.044715), 1), scale);
  return mul(add(add(t, 1), mul(mul(x, inner), add(neg(mul(t, t)), 1))), 0.5);
}
