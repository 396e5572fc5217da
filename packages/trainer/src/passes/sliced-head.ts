// P picks, D model width, V vocabulary, S rows of a slice of it

import { gradientName, headName, type ModelConfig, type SlicedHeadGraphs, slicedHeadGraphs } from '@forge/models';
import { type Tensor, tensor } from '@forge/tensor';
import { feedsOf } from '../packing/scores.ts';
import { addInPlace } from '../parameter-arena.ts';
import type { BackwardInputs, HeadInputs } from './layer-sessions.ts';
import { allocateSums, LogitSums } from './logit-sums.ts';
import { openSessions, type Sessions } from './open-sessions.ts';
import type { PassesOptions, PickScores, PickWeights } from './passes.ts';

type Floats = Tensor<'float32'>;
type HeadSessions = Sessions<keyof SlicedHeadGraphs>;

/** The head in slices of the vocabulary, for logits that are too many to be in memory at once. */
export class SlicedHead implements AsyncDisposable {
  readonly #headName: string;
  readonly #maxLogits: number;
  readonly #sessions: HeadSessions;

  private constructor(headName: string, maxLogits: number, sessions: HeadSessions) {
    this.#headName = headName;
    this.#maxLogits = maxLogits;
    this.#sessions = sessions;
  }

  /** @param maxLogits - that are in memory at once. */
  static async open(
    config: ModelConfig,
    { trainable, entropy, maxLogits, ...compute }: Omit<PassesOptions, 'lora'> & { readonly maxLogits: number },
  ): Promise<SlicedHead> {
    const sessions = await openSessions<keyof SlicedHeadGraphs>(
      { ...slicedHeadGraphs(config, { trainable, entropy }) },
      compute,
    );
    return new SlicedHead(headName(config), maxLogits, sessions);
  }

  /** Log-probabilities and entropies of the picks, and the sums that backward needs of them. */
  async score({ weights, feeds, x }: HeadInputs): Promise<PickScores> {
    const { slice: session } = this.#sessions;
    const h = await this.#into({ weights, feeds, x });
    const { data: targets } = targetsOf(feeds);
    const sums = new LogitSums(targets.length);
    const found = allocateSums(targets.length);
    for (const { first, head } of this.#slices(weights, targets.length)) {
      const numRows = head.shape[0]!; // [S, D]
      await session.run({ h, head, rows: rowsIn(targets, first, numRows) }, { ...found });
      sums.add(found, isIn(targets, first, numRows));
    }
    return sums.scores();
  }

  /** @param scores - of the same picks, by `score`. */
  async backward(
    picks: PickWeights,
    scores: PickScores,
    { weights, feeds, x, slopeOfX, gradients }: BackwardInputs,
  ): Promise<void> {
    const { sliceBackward, intoBackward } = this.#sessions;
    const h = await this.#into({ weights, feeds, x });
    const { data: targets } = targetsOf(feeds);
    const ofHead = gradients[this.#headName];
    const slope = tensor('float32', h.shape);
    const part = tensor('float32', h.shape);
    const given = {
      h,
      log_sums: scores.log_sums!, // as `score` found them
      entropies: scores.entropy,
      weights: ofPicks(picks.weights),
      ...(picks.entropy_weights && { entropy_weights: ofPicks(picks.entropy_weights) }),
    };
    for (const { first, head } of this.#slices(weights, targets.length)) {
      const numRows = head.shape[0]!; // [S, D]
      const isHere = isIn(targets, first, numRows);
      const target_weights = ofPicks(picks.weights.map((weight, pick) => (isHere(pick) ? weight : 0)));
      const feedsOfSlice = { ...given, head, rows: rowsIn(targets, first, numRows), target_weights };
      await sliceBackward.run(feedsOf(sliceBackward, feedsOfSlice), {
        [gradientName('h')]: part,
        ...(ofHead && { [gradientName('head')]: rowsOf(ofHead, first, numRows) }),
      });
      addInPlace(slope.data, part.data);
    }
    const { [this.#headName]: _, ...inner } = gradients;
    const fetches = Object.fromEntries(Object.entries(inner).map(([name, each]) => [gradientName(name), each]));
    await intoBackward.run(feedsOf(intoBackward, { ...weights, ...feeds, x, [gradientName('h')]: slope }), {
      ...fetches,
      [gradientName('x')]: slopeOfX,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions[Symbol.asyncDispose]();
  }

  /** What the weight of the head multiplies, [P, D]. */
  async #into({ weights, feeds, x }: HeadInputs): Promise<Floats> {
    const { into } = this.#sessions;
    const { h } = await into.run(feedsOf(into, { ...weights, ...feeds, x }));
    return h as Floats; // the graph says so
  }

  /** The weight of the head in as few slices as the limit allows. */
  *#slices(weights: HeadInputs['weights'], numPicks: number): Iterable<{ first: number; head: Floats }> {
    const head = weights[this.#headName]!; // the caller gives those of the head
    const numRows = Math.max(1, Math.floor(this.#maxLogits / numPicks));
    for (let first = 0; first < head.shape[0]!; first += numRows) yield { first, head: rowsOf(head, first, numRows) };
  }
}

/** Some rows of a matrix, without a copy; fewer where it ends. */
function rowsOf({ shape, data }: Floats, first: number, numRows: number): Floats {
  const [length, width] = shape as readonly [number, number]; // [V, D]
  const end = Math.min(length, first + numRows);
  return tensor('float32', [end - first, width], data.subarray(first * width, end * width));
}

const targetsOf = (feeds: HeadInputs['feeds']): Tensor<'int64'> => feeds['targets'] as Tensor<'int64'>; // of every micro-batch

const isIn =
  (targets: BigInt64Array, first: number, numRows: number) =>
  (pick: number): boolean => {
    const row = Number(targets[pick]) - first;
    return row >= 0 && row < numRows;
  };

/** The row of each target in a slice; any for those that are elsewhere. */
function rowsIn(targets: BigInt64Array, first: number, numRows: number): Tensor<'int64'> {
  const isHere = isIn(targets, first, numRows);
  const rows = targets.map((target, pick) => (isHere(pick) ? target - BigInt(first) : 0n));
  return tensor('int64', [rows.length], rows);
}

const ofPicks = (numbers: Float32Array): Floats => tensor('float32', [numbers.length], numbers);
