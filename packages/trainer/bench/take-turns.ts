/** One turn of a contender: milliseconds of each of its runs, warm-ups left out. */
export type Turn = () => Promise<readonly number[]>;

/** A turn of some runs of `work`, the first of which finds the caches cold and does not count. */
export const turnOf =
  (work: () => Promise<unknown>, runs = 3): Turn =>
  async () => {
    const times: number[] = [];
    for (let run = 0; run <= runs; run++) {
      const start = performance.now();
      await work();
      if (run > 0) times.push(performance.now() - start);
    }
    return times;
  };

/** Milliseconds of the runs of a contender. */
export interface Times {
  readonly median: number;
  /** The quickest: what a machine with nothing else to do comes closest to. */
  readonly best: number;
}

/** Times of contenders that take turns for a while, after one turn each that does not count. */
export async function takeTurns<Name extends string>(
  contenders: Readonly<Record<Name, Turn>>,
  budgetMs: number,
): Promise<Record<Name, Times>> {
  const names = Object.keys(contenders) as Name[]; // the keys of a record of them
  for (const name of names) await contenders[name]();
  const all = new Map<Name, number[]>(names.map((name) => [name, []]));
  const end = performance.now() + budgetMs;
  do {
    for (const name of names) all.get(name)!.push(...(await contenders[name]())); // a list was made for each
  } while (performance.now() < end);
  const times = [...all].map(([name, list]) => [name, timesOf(list)] as const);
  return Object.fromEntries(times) as Record<Name, Times>; // one a name
}

function timesOf(runs: readonly number[]): Times {
  const sorted = runs.toSorted((a, b) => a - b);
  return { median: sorted[sorted.length >> 1]!, best: sorted[0]! }; // a turn has at least one run
}
