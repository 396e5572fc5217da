import type { Pieces } from '../../../src/runner/cache/pieces.ts';

/** Does all pieces, one after the other. */
export function atOnce<Result>(pieces: Pieces<Result>): Result {
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value;
  }
}
