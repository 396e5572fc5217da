import { Column } from './column.ts';
import { LineFollower } from './line-follower.ts';

/** Which completions are asked for. */
export interface CompletionQuery {
  readonly fromStep?: number;
  readonly toStep?: number;
  readonly minReward?: number;
  readonly maxReward?: number;
  /** A part of the prompt, of what was said or of the target; case does not matter. */
  readonly text?: string;
  /** @default all of them */
  readonly kind?: CompletionKind;
  /** @default 'latest' */
  readonly sort?: CompletionSort;
  /** @default 0 */
  readonly offset?: number;
  /** @default 50 */
  readonly limit?: number;
}

/** Completions that were trained on, those that were not, and those without a score. */
export const COMPLETION_KINDS = ['trained', 'rejected', 'unscored'] as const;
export type CompletionKind = (typeof COMPLETION_KINDS)[number];

export const COMPLETION_SORTS = ['latest', 'earliest', 'best', 'worst', 'prompt'] as const;
export type CompletionSort = (typeof COMPLETION_SORTS)[number];

/** A completion as it was logged. */
export type LoggedCompletion = Readonly<Record<string, unknown>>;

export interface CompletionPage {
  /** Of all that match. */
  readonly total: number;
  readonly rows: readonly LoggedCompletion[];
  /** The text was looked for in the latest of them alone. */
  readonly isPartial: boolean;
}

/** Lines that are read to look for a text; more would let the page wait. */
const MAX_SEARCHED = 200_000;
// A quote within a text is escaped, so that these stand only where the keys are.
const STEP = /"step":(\d+)/;
const REJECTED = /"rejected":"/;
const UNSCORED = /"unscored":\{/;
const REWARD = /"reward":(-?[\d.]+(?:e[-+]?\d+)?|null)/i;

/** What was said in several turns. */
const contentsOf = (messages: unknown): readonly unknown[] =>
  Array.isArray(messages)
    ? messages.map((message) => (message as Readonly<Record<string, unknown>> | null)?.['content'])
    : [];

/** Where the lines of `completions.jsonl` begin, with their steps and rewards; the texts stay in the file. */
export class CompletionIndex {
  readonly #lines: LineFollower;
  #offsets = new Column();
  #lengths = new Column();
  #steps = new Column();
  #rewards = new Column();
  /** Places in COMPLETION_KINDS. */
  #kinds = new Column();

  constructor(path: string) {
    this.#lines = new LineFollower(path);
  }

  get length(): number {
    return this.#offsets.length;
  }

  /** Reads what was added. @returns whether there was something. */
  refresh(): boolean {
    const before = this.length;
    let isNew = false;
    for (const part of this.#lines.read()) {
      if (part.isNew) {
        isNew = true;
        [this.#offsets, this.#lengths, this.#steps, this.#rewards, this.#kinds] = [
          new Column(),
          new Column(),
          new Column(),
          new Column(),
          new Column(),
        ];
      }
      for (const { text, offset, byteLength } of part.lines) {
        this.#offsets.push(offset);
        this.#lengths.push(byteLength);
        this.#steps.push(Number(STEP.exec(text)?.[1] ?? Number.NaN));
        this.#rewards.push(Number(REWARD.exec(text)?.[1] ?? Number.NaN));
        this.#kinds.push(COMPLETION_KINDS.indexOf(kindOf(text)));
      }
    }
    return isNew || this.length > before;
  }

  find({ sort = 'latest', offset = 0, limit = 50, text = '', ...range }: CompletionQuery): CompletionPage {
    const steps = this.#steps.values;
    const rewards = this.#rewards.values;
    const { fromStep = -Infinity, toStep = Infinity, minReward, maxReward, kind } = range;
    const kinds = this.#kinds.values;
    const matching: number[] = [];
    for (let i = 0; i < steps.length; i++) {
      const isWithin = steps[i]! >= fromStep && steps[i]! <= toStep;
      if (!isWithin) continue;
      if (kind !== undefined && COMPLETION_KINDS[kinds[i]!] !== kind) continue;
      if (minReward !== undefined && !(rewards[i]! >= minReward)) continue;
      if (maxReward !== undefined && !(rewards[i]! <= maxReward)) continue;
      matching.push(i);
    }
    const searched = text === '' && sort !== 'prompt' ? matching : matching.slice(-MAX_SEARCHED);
    const found = text === '' ? searched : this.#containing(searched, text);
    const sorted = this.#sorted(found, sort);
    const rows = sorted.slice(offset, offset + limit).map((i) => this.#row(i));
    return { total: sorted.length, rows, isPartial: searched.length < matching.length };
  }

  [Symbol.dispose](): void {
    this.#lines[Symbol.dispose]();
  }

  #containing(places: readonly number[], text: string): readonly number[] {
    const wanted = text.toLowerCase();
    return places.filter((i) => {
      const { prompt, completion, messages, target } = this.#row(i);
      return [prompt, completion, target, ...contentsOf(messages)].some((each) =>
        String(each ?? '')
          .toLowerCase()
          .includes(wanted),
      );
    });
  }

  #sorted(places: readonly number[], sort: CompletionSort): readonly number[] {
    const rewards = this.#rewards.values;
    const steps = this.#steps.values;
    if (sort === 'earliest') return places;
    if (sort === 'latest') return places.toReversed();
    if (sort === 'prompt') {
      const prompts = new Map(places.map((i) => [i, String(this.#row(i)['prompt'])]));
      return places.toSorted((a, b) => prompts.get(a)!.localeCompare(prompts.get(b)!) || steps[a]! - steps[b]!);
    }
    const sign = sort === 'best' ? -1 : 1;
    return places
      .filter((i) => !Number.isNaN(rewards[i]!))
      .toSorted((a, b) => sign * (rewards[a]! - rewards[b]!) || steps[b]! - steps[a]!);
  }

  #row(i: number): LoggedCompletion {
    const text = this.#lines.readAt(this.#offsets.values[i]!, this.#lengths.values[i]!);
    try {
      return JSON.parse(text) as LoggedCompletion;
    } catch {
      return { completion: text };
    }
  }
}

function kindOf(line: string): CompletionKind {
  if (UNSCORED.test(line)) return 'unscored';
  return REJECTED.test(line) ? 'rejected' : 'trained';
}
