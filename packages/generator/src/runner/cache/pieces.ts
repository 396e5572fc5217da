import { setImmediate as nextTurn } from 'node:timers/promises';

/** Copying, in pieces of well below a millisecond; what comes of it is the result. Nothing is done before it is asked for. */
export type Pieces<Result = void> = Generator<void, Result, void>;

/** After a run, and while keys and values are copied: those of a long sequence take half a second. */
const MS_BETWEEN_TURNS = 1.5;

/**
 * Does all pieces, between turns of the event loop.
 *
 * @param fromMs - since when the event loop is held. @default now
 */
export async function inTurns<Result>(pieces: Pieces<Result>, fromMs: number = performance.now()): Promise<Result> {
  let heldSinceMs = fromMs;
  for (;;) {
    if (performance.now() - heldSinceMs >= MS_BETWEEN_TURNS) {
      await nextTurn();
      heldSinceMs = performance.now();
    }
    const { done, value } = pieces.next();
    if (done) return value;
  }
}

/** The pieces of each item, one at least. */
export function* each<Item>(items: Iterable<Item>, piecesOf: (item: Item) => Pieces): Pieces {
  for (const item of items) {
    yield* piecesOf(item);
    yield;
  }
}
