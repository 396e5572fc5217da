import type { Dim } from './dim.ts';
import { ShapeError } from './errors.ts';

/**
 * The shape that operands broadcast to, as in NumPy: aligned at the last axis, a size of 1 stretches.
 * A symbolic size equals only itself, and stretches only what is 1 in the graph.
 *
 * @throws {ShapeError} when two sizes of one axis differ and neither is 1.
 */
export function broadcast(op: string, ...shapes: readonly (readonly Dim[])[]): readonly Dim[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let size: Dim = 1;
    for (const shape of shapes) {
      const dim = shape[axis - rank + shape.length] ?? 1;
      if (dim === 1 || dim === size) continue;
      if (size !== 1) throw new ShapeError(op, shapes, `${size} and ${dim} do not broadcast`);
      size = dim;
    }
    return size;
  });
}

/** Whether a value of shape `from` broadcasts to exactly `to`. */
export function broadcastsTo(from: readonly Dim[], to: readonly Dim[]): boolean {
  if (from.length > to.length) return false;
  return from.every((dim, axis) => dim === 1 || dim === to[axis + to.length - from.length]);
}
