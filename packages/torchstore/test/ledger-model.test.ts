import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Batch, metadataVolume, type Part, type RankClaim } from '../src/batch.ts';
import { Ledger } from '../src/ledger.ts';

const volumes = ['v0', 'v1', 'v2'];
const sessions = ['s0', 's1', 's2'];
const names = ['a', 'b', 'policy_ver_1', 'policy_ver_2', 'policy_ver_3'];
const ranks = 2;

const pick = (values: readonly string[]) => fc.constantFrom(...values);

const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('commit' as const),
      session: pick(sessions),
      name: pick(names),
      rank: fc.nat(ranks - 1),
      volume: fc.nat(2),
      isInline: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('retract' as const), which: fc.nat(5) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('begin' as const),
      session: pick(sessions),
      name: pick(names),
      rank: fc.nat(ranks - 1),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('finish' as const), which: fc.nat(5), volume: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), which: fc.nat(5) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('locate' as const), session: pick(sessions), name: pick(names) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('release' as const), which: fc.nat(5) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('lease' as const), session: pick(sessions), name: pick(names) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('releaseLease' as const), which: fc.nat(5) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('reserve' as const), session: pick(sessions), bytes: fc.nat(40) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), name: pick(names) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('endSession' as const), session: pick(sessions) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('loseVolume' as const), volume: pick(volumes.slice(1)) }) },
);

/** A ledger and the files that volumes would have, driven by random commands. */
class World {
  readonly ledger = new Ledger({
    retention: [
      { prefix: 'a', keepLast: 2 },
      { versionsOf: 'policy_ver_', keepLast: 2 },
    ],
    quotaBytes: 400,
  });
  readonly files = new Set<string>();
  readonly lost = new Set<string>();
  readonly begun: { readonly claim: RankClaim; readonly transaction: number }[] = [];
  readonly pins: number[] = [];
  /** Batches that waited for other ranks when they arrived. */
  readonly waiting: number[] = [];
  readonly leases: { readonly lease: number; readonly segments: readonly string[] }[] = [];
  readonly newest = new Map<string, number>();
  /** Sessions are numbered anew when one ends: ids never come back. */
  readonly generations = new Map<string, number>();
  count = 0;

  session(name: string): string {
    const id = `${name}-${this.generations.get(name) ?? 0}`;
    this.ledger.openSession(id, 'v0');
    return id;
  }

  batch(
    claim: RankClaim,
    how: { readonly volume: number; readonly isInline?: boolean; readonly transaction?: number },
  ): Batch {
    const { volume, isInline = false, transaction } = how;
    this.count += 1;
    const places = (isInline ? [] : [volume, volume + 1]).map((index) => ({
      volume: volumes[index % 3]!,
      segment: `${claim.session}/${this.count}`,
      byteOffset: 0,
      byteLength: 4,
    }));
    for (const { volume: id, segment } of places) this.files.add(`${id}/${segment}`);
    const key = `${claim.name}.w`;
    const region = { offset: [claim.participant.rank], size: [1] };
    const bytes = isInline ? { bytes: new Uint8Array(4) } : {};
    const part: Part = { key, dtype: 'int8', globalShape: [ranks], region, places, ...bytes };
    const structure = { kind: 'dict', entries: [['w', { kind: 'tensor', key }]] } as const;
    return { ...claim, transaction, reservations: [], parts: [part], objects: [], structure };
  }

  commit(batch: Batch): void {
    const outcome = this.ledger.commit(batch);
    if (outcome.status === 'visible') {
      expect(outcome.generation).toBeGreaterThan(this.newest.get(batch.name) ?? 0);
      this.newest.set(batch.name, outcome.generation);
    } else if (outcome.status === 'pending') this.waiting.push(outcome.batch);
  }

  sweep(): void {
    for (const { volume, segment } of this.ledger.takeDropped()) {
      expect(this.files.delete(`${volume}/${segment}`) || this.lost.has(volume)).toBe(true);
    }
  }

  claim(session: string, name: string, rank: number): RankClaim {
    return { session: this.session(session), name, digest: 'd', participant: { rank, ranks }, version: undefined };
  }
}

test('whatever ranks, readers, sessions and volumes do, what is found can be read, and in the end nothing is left', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 120, size: 'max' }), (commands) => {
      const world = new World();
      const { ledger, files, lost, begun, pins, leases, waiting } = world;
      for (const each of commands) {
        switch (each.do) {
          case 'commit':
            world.commit(world.batch(world.claim(each.session, each.name, each.rank), each));
            break;
          case 'retract':
            for (const batch of waiting.splice(each.which, 1)) ledger.retract(batch);
            break;
          case 'begin': {
            const claim = world.claim(each.session, each.name, each.rank);
            const outcome = ledger.begin(claim);
            if (outcome.status === 'begun') begun.push({ claim, transaction: outcome.transaction });
            break;
          }
          case 'finish': {
            const [own] = begun.splice(each.which, 1);
            if (own !== undefined)
              world.commit(world.batch(own.claim, { volume: each.volume, transaction: own.transaction }));
            break;
          }
          case 'abort': {
            const [own] = begun.splice(each.which, 1);
            if (own !== undefined) ledger.abort(own.transaction, { reason: 'a test' });
            break;
          }
          case 'locate': {
            const found = ledger.locate({ session: world.session(each.session), of: { name: each.name } });
            if (found.status !== 'found') break;
            if (found.pin !== undefined) pins.push(found.pin);
            for (const { generation } of found.tensors)
              expect(generation).toBeGreaterThanOrEqual(world.newest.get(each.name) ?? 0);
            break;
          }
          case 'release':
            for (const pin of pins.splice(each.which, 1)) ledger.release(pin);
            break;
          case 'lease': {
            const answer = ledger.lease({ session: world.session(each.session), name: each.name });
            if (answer.status !== 'leased') break;
            const found = ledger.locate({
              session: world.session(each.session),
              of: { name: each.name },
              lease: answer.lease,
            });
            if (found.status !== 'found') throw new TypeError(found.status);
            if (found.pin !== undefined) ledger.release(found.pin);
            const segments = found.tensors.flatMap(({ parts }) =>
              parts.flatMap(({ place, bytes }) => (bytes === undefined ? [`${place.volume}/${place.segment}`] : [])),
            );
            leases.push({ lease: answer.lease, segments });
            break;
          }
          case 'releaseLease':
            for (const { lease } of leases.splice(each.which, 1)) ledger.releaseLease(lease);
            break;
          case 'reserve': {
            const outcome = ledger.reserve(world.session(each.session), each.bytes);
            if (outcome.status === 'overQuota') expect(outcome.used + each.bytes).toBeGreaterThan(outcome.limit);
            break;
          }
          case 'remove':
            ledger.removePrefix(each.name);
            world.newest.delete(each.name);
            break;
          case 'endSession': {
            const session = world.session(each.session);
            const orphans = ledger.endSession(session);
            world.generations.set(each.session, (world.generations.get(each.session) ?? 0) + 1);
            for (const id of orphans.leases) leases.splice(leases.findIndex(({ lease }) => lease === id) >>> 0, 1);
            ledger.expire(orphans);
            break;
          }
          case 'loseVolume':
            lost.add(each.volume);
            for (const session of ledger.loseVolume(each.volume)) ledger.expire(ledger.endSession(session));
            break;
        }
        world.sweep();
        // Invariant: what a lease or a reader sees lies in files that are there, unless their volume died.
        for (const { segments } of leases)
          for (const segment of segments) expect(files.has(segment) || lost.has(segment.split('/')[0]!)).toBe(true);
        for (const key of ledger.keys()) {
          for (const { place } of ledger.record(key)?.parts ?? [])
            expect(place.volume === metadataVolume || files.has(`${place.volume}/${place.segment}`)).toBe(true);
        }
        const policies = new Set(ledger.keys().flatMap((key) => (key.startsWith('policy') ? [key.split('.')[0]] : [])));
        expect(policies.size).toBeLessThanOrEqual(3);
      }
      for (const name of sessions) ledger.expire(ledger.endSession(world.session(name)));
      for (const name of names) ledger.removePrefix(name);
      world.sweep();
      expect(ledger.statistics()).toMatchObject({
        keys: 0,
        generations: 0,
        leases: 0,
        reads: 0,
        unfinished: 0,
        bytes: 0,
        reservedBytes: 0,
      });
      expect([...files].filter((file) => !lost.has(file.split('/')[0]!))).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
