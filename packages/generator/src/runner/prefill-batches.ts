/** What a run costs beside its tokens, in tokens: it reads all weights and starts every operator. */
const TOKENS_OF_A_RUN = 16;

/**
 * Rows in batches of similar lengths, the longest first: a batch is as long as the longest of its rows, and these batches
 * cost the least in all, each of them some tokens more.
 */
export function prefillBatches<Row extends { readonly ids: readonly number[] }>(
  rows: readonly Row[],
): readonly (readonly Row[])[] {
  const sorted = rows.toSorted((a, b) => b.ids.length - a.ids.length);
  // Of the rows before each place: what they cost at least, and where the last of their batches begins.
  const costs = [0];
  const starts = [0];
  for (let to = 1; to <= sorted.length; to++) {
    let [least, best] = [Number.POSITIVE_INFINITY, 0];
    for (let from = 0; from < to; from++) {
      const cost = costs[from]! + (to - from) * sorted[from]!.ids.length + TOKENS_OF_A_RUN;
      if (cost < least) [least, best] = [cost, from];
    }
    costs.push(least);
    starts.push(best);
  }
  const batches: (readonly Row[])[] = [];
  for (let to = sorted.length; to > 0; to = starts[to]!) batches.unshift(sorted.slice(starts[to], to));
  return batches;
}
