import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MeshFailure } from '../../src/errors.ts';
import { type ChoosePolicy, Chooser } from '../../src/mesh/choose.ts';
import { extentOf } from '../../src/mesh/extent.ts';
import { Peer } from '../../src/process/peer.ts';
import type { Member } from '../../src/process/pending-call.ts';
import { Target } from '../../src/process/target.ts';

const extent = extentOf({ replica: 8 });

function members(): Member[] {
  return [...extent.points()].map((point) => ({
    target: new Target(new Peer(`0.${point.rank}`), 1),
    mesh: 'm',
    point,
  }));
}

function die({ target, point }: Member): void {
  target.failure = new MeshFailure({ mesh: 'm', points: [point], kind: 'exit', problem: 'is gone' });
}

/** The same numbers for the same seed. */
function randomOf(seed: number): () => number {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

function counts(chooser: Chooser, policies: readonly ChoosePolicy[]): number[] {
  const chosen = new Array<number>(extent.size).fill(0);
  for (const policy of policies) chosen[chooser.choose(policy)]!++;
  return chosen;
}

const times = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));
const policies = fc.oneof(
  fc.constantFrom<ChoosePolicy>('leastPending', 'roundRobin', 'random'),
  fc.oneof(fc.string(), fc.integer(), fc.bigInt()).map((key) => ({ key })),
);

describe('choose', () => {
  test('never takes a lost actor while another lives', () => {
    const dead = fc.uniqueArray(fc.nat(7), { maxLength: 7 });
    fc.assert(
      fc.property(dead, fc.array(policies, { minLength: 1 }), fc.nat(), (ranks, sequence, seed) => {
        const all = members();
        for (const rank of ranks) die(all[rank]!);
        const chooser = new Chooser(all, randomOf(seed));
        for (const policy of sequence) expect(ranks).not.toContain(chooser.choose(policy));
      }),
    );
  });

  test('gives some rank, whose failure answers, when none lives', () => {
    const all = members();
    all.forEach(die);
    const chooser = new Chooser(all, randomOf(1));
    for (const policy of ['leastPending', 'roundRobin', 'random', { key: 'a' }] as const) {
      expect(chooser.choose(policy)).toBe(0);
    }
  });

  test('in turn takes each exactly as often, and skips the lost', () => {
    const all = members();
    const chooser = new Chooser(all, randomOf(1));
    expect(
      counts(
        chooser,
        times(16, () => 'roundRobin'),
      ),
    ).toEqual(times(8, () => 2));
    die(all[3]!);
    expect(
      counts(
        chooser,
        times(14, () => 'roundRobin'),
      ),
    ).toEqual([2, 2, 2, 0, 2, 2, 2, 2]);
  });

  test('at random reaches all, evenly, and repeats with the same seed', () => {
    const random = times(8_000, () => 'random' as const);
    const first = counts(new Chooser(members(), randomOf(7)), random);
    for (const count of first) expect(Math.abs(count - 1_000)).toBeLessThan(150);
    expect(counts(new Chooser(members(), randomOf(7)), random)).toEqual(first);
  });

  test('by fewest pending takes the idle', () => {
    const all = members();
    all.forEach(({ target }, rank) => {
      target.pending = rank === 5 ? 1 : 2;
    });
    expect(new Chooser(all, randomOf(1)).choose('leastPending')).toBe(5);
  });

  test('spreads keys evenly, whatever they look like', () => {
    const chooser = new Chooser(members(), randomOf(1));
    const looks: ((i: number) => string | number | bigint)[] = [
      (i) => i,
      (i) => BigInt(i) * 1_000n,
      (i) => `session-${i}`,
      (i) => 'a'.repeat(i % 100) + i,
    ];
    for (const look of looks) {
      for (const count of counts(
        chooser,
        times(8_000, (i) => ({ key: look(i) })),
      )) {
        expect(Math.abs(count - 1_000)).toBeLessThan(150);
      }
    }
  });

  test('by key moves the keys of a lost actor to several others, and no other key', () => {
    const all = members();
    const chooser = new Chooser(all, randomOf(1));
    const keys = times(2_000, (i) => ({ key: `user ${i}` }));
    const before = keys.map((key) => chooser.choose(key));
    die(all[2]!);
    const after = keys.map((key) => chooser.choose(key));
    const moved = keys.flatMap((_, i) => (before[i] === after[i] ? [] : [{ from: before[i], to: after[i] }]));
    expect(moved).toHaveLength(before.filter((rank) => rank === 2).length);
    expect(moved.every(({ from }) => from === 2)).toBe(true);
    expect(new Set(moved.map(({ to }) => to)).size).toBe(7);
  });

  test('gives a key to the same actor through a slice as through the whole mesh', () => {
    const all = members();
    const whole = new Chooser(all, randomOf(1));
    const part = all.slice(2, 6);
    const slice = new Chooser(part, randomOf(1));
    for (const key of times(200, (i) => ({ key: i }))) {
      const owner = all[whole.choose(key)]!;
      if (part.includes(owner)) expect(part[slice.choose(key)]).toBe(owner);
    }
  });
});
