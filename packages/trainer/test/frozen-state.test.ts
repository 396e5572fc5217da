import type { TensorPieces, Weights } from '@forge/models';
import { tensor } from '@forge/tensor';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrozenStates } from '../src/checkpoint/frozen-states.ts';
import { tinyModel } from './tiny-model.ts';

const { config } = tinyModel(7);
const progress = { steps: 0, phaseSteps: 0, schedule: { kind: 'constant' } } as const;

/** Tensors of one array, filled with one number. */
const tensors = (names: readonly string[], fill: number): Weights => {
  const flat = new Float32Array(4 * names.length).fill(fill);
  return Object.fromEntries(names.map((name, i) => [name, tensor('float32', [4], flat.subarray(4 * i, 4 * (i + 1)))]));
};
const partsOf = (fill: number) => ({
  config,
  lora: undefined,
  progress,
  weights: tensors(['a', 'b', 'c'], fill),
  moments: [tensors(['a', 'b'], fill), tensors(['a', 'b'], fill)] as const,
});
const arraysOf = (...each: readonly Weights[]) =>
  new Set(each.flatMap((weights) => Object.values(weights).map(({ data }) => data.buffer)));
const readOf = (pieces: TensorPieces): number[] => [...pieces.pieces()].flatMap((piece) => Array.from(piece, Number));

test('states that are frozen between changes are each read as they were, whatever is read and changed when', () => {
  const action = fc.oneof(
    fc.constant({ kind: 'change' } as const),
    fc.constant({ kind: 'freeze' } as const),
    fc.record({ kind: fc.constant('read' as const), state: fc.nat(3), tensor: fc.nat(6) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const parts = partsOf(0);
      const changing = arraysOf(parts.weights, ...parts.moments);
      const states = new FrozenStates();
      const unread: { readonly value: number; readonly tensors: TensorPieces[] }[] = [];
      let value = 0;
      for (const each of actions) {
        if (each.kind === 'freeze') {
          const { weights, moments } = states.add(parts);
          unread.push({ value, tensors: [weights, ...moments].flatMap((tensors) => Object.values(tensors)) });
        } else if (each.kind === 'change') {
          states.beforeChange(changing);
          value++;
          for (const { data } of [parts.weights, ...parts.moments].flatMap((tensors) => Object.values(tensors)))
            data.fill(value);
        } else {
          const state = unread[each.state];
          const pieces = state?.tensors.splice(each.tensor, 1)[0];
          if (state !== undefined && pieces !== undefined) expect(readOf(pieces)).toEqual(Array(4).fill(state.value));
        }
      }
      for (const state of unread)
        for (const pieces of state.tensors) expect(readOf(pieces)).toEqual(Array(4).fill(state.value));
    }),
  );
});

test('a tensor that changes after its first pieces were read is read on as it was', () => {
  const long = tensor('float32', [2 ** 20 + 3], new Float32Array(2 ** 20 + 3).fill(1));
  const states = new FrozenStates();
  const state = states.add({ ...partsOf(1), weights: { long } });
  const pieces = state.weights['long']!.pieces()[Symbol.iterator]();
  expect(pieces.next().value).toEqual(new Float32Array(2 ** 20).fill(1));
  states.beforeChange(arraysOf({ long }));
  long.data.fill(2);
  expect(pieces.next().value).toEqual(new Float32Array(3).fill(1));
  expect(pieces.next().done).toBe(true);
});

test('a change waits until few enough bytes are left to copy, or the state is let go of', async () => {
  const parts = partsOf(1);
  const changing = arraysOf(parts.weights);
  const states = new FrozenStates();
  const state = states.add(parts);
  const order: string[] = [];
  const ready = states.readyForChange(changing, 16).then(() => order.push('ready'));
  await states.readyForChange(changing, 48);
  readOf(state.moments[0]['a']!);
  readOf(state.weights['a']!);
  await Promise.resolve();
  order.push('one is read');
  readOf(state.weights['b']!);
  await ready;
  expect(order).toEqual(['one is read', 'ready']);
  const drained = states.readyForChange(changing, 0);
  state[Symbol.dispose]();
  await drained;
  expect(state.bytesToCopy(changing)).toBe(0);
});
