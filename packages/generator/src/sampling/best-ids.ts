/** The ids of the `count` largest values, best first, the lower id first among equals; -Infinity is never among them. */
export function bestIds(values: Float32Array | Float64Array, count: number): readonly number[] {
  const best: number[] = [];
  for (let id = 0; id < values.length; id++) {
    const value = values[id]!;
    if (value === Number.NEGATIVE_INFINITY) continue;
    if (best.length === count && values[best[count - 1]!]! >= value) continue;
    let at = best.length;
    while (at > 0 && values[best[at - 1]!]! < value) at--;
    best.splice(at, 0, id);
    if (best.length > count) best.pop();
  }
  return best;
}
