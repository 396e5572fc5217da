// B slots, T new tokens, H query heads, K key/value heads, C channels of a head, S capacity of the cache
import { Random, type Tensor, tensor } from '@forge/tensor';
import { describe, expect, test } from 'vitest';
import {
  type Graph,
  graph,
  groupQueryAttention,
  input,
  openSession,
  type Runtime,
  type Session,
} from '../../src/index.ts';

const [H, K, C, S, P] = [4, 2, 16, 12, 32];

function attention(rotates: boolean): Graph {
  const { output, presentKey, presentValue } = groupQueryAttention({
    query: input('query', 'float32', ['B', 'T', H * C]),
    key: input('key', 'float32', ['B', 'T', K * C]),
    value: input('value', 'float32', ['B', 'T', K * C]),
    pastKey: input('past_key', 'float32', ['B', K, S, C]),
    pastValue: input('past_value', 'float32', ['B', K, S, C]),
    seqlensK: input('seqlens_k', 'int32', ['B']),
    totalSequenceLength: input('total', 'int32', []),
    numHeads: H,
    numKvHeads: K,
    ...(rotates && {
      rotary: { cos: input('cos', 'float32', [P, C / 2]), sin: input('sin', 'float32', [P, C / 2]) },
    }),
  });
  return graph({ output, presentKey, presentValue });
}

const angle = (i: number): number => Math.floor(i / (C / 2)) / 100 ** ((2 * (i % (C / 2))) / C);
const table = (f: (angle: number) => number): Tensor =>
  tensor(
    'float32',
    [P, C / 2],
    Float32Array.from({ length: (P * C) / 2 }, (_, i) => f(angle(i))),
  );
const rotary = { cos: table(Math.cos), sin: table(Math.sin) };

interface Token {
  readonly query: readonly number[];
  readonly key: readonly number[];
  readonly value: readonly number[];
}

function rotate(heads: readonly number[], position: number): number[] {
  return heads.map((x, i) => {
    const channel = i % C;
    const half = C / 2;
    const theta = angle(position * half + (channel % half));
    const other = channel < half ? -heads[i + half]! : heads[i - half]!;
    return x * Math.cos(theta) + other * Math.sin(theta);
  });
}

/** What the token at `position` attends to, as the definition of attention has it. */
function attend(sequence: readonly Token[], position: number, rotates: boolean): number[] {
  const turned = (heads: readonly number[], at: number): readonly number[] => (rotates ? rotate(heads, at) : heads);
  const query = turned(sequence[position]!.query, position);
  const seen = sequence.slice(0, position + 1).map(({ key, value }, at) => ({ key: turned(key, at), value }));
  return Array.from({ length: H }, (_, head) => {
    const from = Math.floor(head / (H / K)) * C;
    const weights = seen.map(({ key }) => {
      let score = 0;
      for (let c = 0; c < C; c += 1) score += query[head * C + c]! * key[from + c]!;
      return Math.exp(score / Math.sqrt(C));
    });
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return Array.from({ length: C }, (_, c) =>
      seen.reduce((total, { value }, at) => total + (weights[at]! / sum) * value[from + c]!, 0),
    );
  }).flat();
}

interface Step {
  /** New tokens of each slot; the rest of `width` is padding. */
  readonly tokens: readonly number[];
  readonly width?: number;
  readonly seqlensK?: readonly number[];
  readonly total?: number;
}

/** A batch of sequences with a cache in place, which checks every step against the definition. */
class Batch {
  readonly #session: Session;
  readonly #rotates: boolean;
  readonly #sequences: Token[][];
  readonly #random = new Random('attention');
  readonly keys: Tensor<'float32'>;
  readonly values: Tensor<'float32'>;

  constructor(session: Session, rotates: boolean, slots: number) {
    this.#session = session;
    this.#rotates = rotates;
    this.#sequences = Array.from({ length: slots }, () => []);
    this.keys = tensor('float32', [slots, K, S, C]);
    this.values = tensor('float32', [slots, K, S, C]);
  }

  async step({ tokens, width = Math.max(...tokens), ...lengths }: Step): Promise<void> {
    const past = this.#sequences.map(({ length }) => length);
    const padded = tokens.map((count, slot) => {
      const row = Array.from({ length: width }, () => this.#token());
      this.#sequences[slot]!.push(...row.slice(0, count));
      return row;
    });
    const output = tensor('float32', [tokens.length, width, H * C]);
    const side = (name: keyof Token, channels: number): Tensor =>
      tensor(
        'float32',
        [tokens.length, width, channels],
        Float32Array.from(padded.flat().flatMap((token) => token[name])),
      );
    const ends = this.#sequences.map(({ length }) => length - 1);
    const { seqlensK = ends, total = Math.max(...ends) + 1 } = lengths;
    await this.#session.run(
      {
        query: side('query', H * C),
        key: side('key', K * C),
        value: side('value', K * C),
        past_key: this.keys,
        past_value: this.values,
        seqlens_k: tensor('int32', [tokens.length], Int32Array.from(seqlensK)),
        total: tensor('int32', [], Int32Array.of(total)),
        ...(this.#rotates ? rotary : {}),
      },
      { output, presentKey: this.keys, presentValue: this.values },
    );
    for (const [slot, count] of tokens.entries()) {
      for (let t = 0; t < count; t += 1) {
        const row = output.data.subarray((slot * width + t) * H * C, (slot * width + t + 1) * H * C);
        const expected = attend(this.#sequences[slot]!, past[slot]! + t, this.#rotates);
        for (const [i, value] of expected.entries()) expect(row[i]).toBeCloseTo(value, 4);
      }
    }
  }

  #token(): Token {
    const draw = (length: number): number[] => Array.from({ length }, () => this.#random.normal());
    return { query: draw(H * C), key: draw(K * C), value: draw(K * C) };
  }
}

const decode: Step = { tokens: [1, 1] };
const cases: Record<string, readonly Step[]> = {
  'decoding from an empty cache': [decode, decode, decode],
  'prompts of one length, then decoding': [{ tokens: [4, 4] }, decode, decode],
  'prompts padded on the right, then decoding over the padding': [
    { tokens: [4, 2], total: 4 },
    ...[decode, decode, decode],
  ],
  'prompts that are all shorter than the padded width': [{ tokens: [3, 2], width: 4, total: 4 }, decode],
  'prompts that count their padding as tokens': [{ tokens: [4, 2], seqlensK: [3, 3], total: 4 }, decode],
  'a total length that is the capacity': [
    { tokens: [4, 2], total: 4 },
    { ...decode, total: S },
  ],
  'one sequence in pieces': [{ tokens: [3] }, { tokens: [2] }, { tokens: [4] }, { tokens: [1] }],
  'a piece padded on the right that counts its padding': [
    { tokens: [3] },
    { tokens: [2], width: 4, seqlensK: [6], total: 7 },
    { tokens: [1] },
  ],
};

describe.each<Runtime>(['c-api', 'binding'])(
  'grouped-query attention with a cache in place, over the %s',
  (runtime) => {
    describe.each([false, true])('with rotation %s', (rotates) => {
      test.each(Object.entries(cases))('%s', async (_, steps) => {
        await using session = await openSession(attention(rotates), { runtime });
        const batch = new Batch(session, rotates, steps[0]!.tokens.length);
        for (const step of steps) await batch.step(step);
      });

      test('pieces of several sequences are refused', async () => {
        await using session = await openSession(attention(rotates), { runtime });
        const batch = new Batch(session, rotates, 2);
        await batch.step({ tokens: [3, 3] });
        await expect(batch.step({ tokens: [2, 2] })).rejects.toThrow('batch_size must be 1');
      });

      test('a total length beyond the capacity is refused', async () => {
        await using session = await openSession(attention(rotates), { runtime });
        await expect(new Batch(session, rotates, 2).step({ ...decode, total: S + 1 })).rejects.toThrow(/shape/i);
      });
    });
  },
);

test('a step writes nothing to the cache but its own tokens, padding included', async () => {
  await using session = await openSession(attention(false), { runtime: 'c-api' });
  const batch = new Batch(session, false, 2);
  batch.keys.data.fill(7);
  const written = (): number[] =>
    [0, 1].map(
      (slot) => batch.keys.data.subarray(slot * K * S * C, (slot + 1) * K * S * C).filter((x) => x !== 7).length,
    );
  await batch.step({ tokens: [4, 2], total: 4 });
  expect(written()).toEqual([4 * K * C, 4 * K * C]);
  await batch.step(decode);
  expect(written()).toEqual([5 * K * C, 4 * K * C]);
});
