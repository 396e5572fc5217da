import type { Batch, CommitOutcome, HeldPart, Located, LocatedTensor, TensorRecord } from './batch.ts';
import { KeyIndex } from './key-index.ts';
import { nearestKeys, relatives } from './nearest-keys.ts';
import { disagreement, held, Pending, partsByKey } from './pending.ts';
import { type SegmentName, Segments } from './segments.ts';
import { type Structure, tensorKeys } from './state-dict.ts';

/** A generation of a key: immutable once it is visible. */
interface Generation extends LocatedTensor {
  pins: number;
  isRetired: boolean;
}

/** A rank may be this many puts ahead of the slowest one; more would pile up bytes for ranks that may never come. */
const maxPendingPerName = 8;

/**
 * All metadata of a store, without clock and without sockets.
 *
 *   commit ──▶ Pending (ranks meet by name, digest, version) ──all arrived, coverage proved──▶ visible Generation
 *   locate ──▶ pins Generations;  a newer one retires the older;  retired and unpinned ──▶ its segments are dropped
 *
 * Invariant "one step": whatever becomes visible together does so within one call of commit, so a locate sees all or
 * nothing of it.
 */
export class Ledger {
  readonly #visible = new KeyIndex<Generation>();
  readonly #structures = new KeyIndex<Structure>();
  readonly #pending = new Map<string, Pending[]>();
  readonly #pins = new Map<number, { readonly session: string; readonly generations: readonly Generation[] }>();
  readonly #endedSessions = new Set<string>();
  readonly #segments = new Segments();
  #lastGeneration = 0;
  #lastPin = 0;

  /** Takes in what one rank has written. When it is refused, its segments are dropped. */
  commit(batch: Batch): CommitOutcome {
    for (const { place } of held(batch.parts)) this.#segments.add(place);
    const outcome = this.#refusal(batch) ?? this.#accept(batch);
    if (outcome.status !== 'visible' && outcome.status !== 'pending') this.#free(held(batch.parts));
    return outcome;
  }

  #refusal(batch: Batch): CommitOutcome | undefined {
    if (this.#endedSessions.has(batch.session)) return { status: 'sessionEnded' };
    const odd = disagreement(batch.parts);
    if (odd !== undefined) return { status: 'mismatch', ...odd };
    if (batch.version === undefined) return undefined;
    for (const { key } of batch.parts) {
      const visibleVersion = this.#visible.get(key)?.version;
      if (visibleVersion !== undefined && batch.version <= visibleVersion)
        return { status: 'stale', key, visibleVersion };
    }
    return undefined;
  }

  #accept(batch: Batch): CommitOutcome {
    const queue = this.#pending.get(batch.name) ?? [];
    let pending = queue.find((each) => each.accepts(batch));
    if (pending === undefined) {
      if (queue.length >= maxPendingPerName) return { status: 'tooFarAhead', missingRanks: queue[0]!.missingRanks };
      pending = new Pending(batch);
      queue.push(pending);
    }
    const earlier = pending.parts;
    const odd = disagreement([...earlier, ...batch.parts]);
    if (odd !== undefined) return { status: 'mismatch', ...odd };
    pending.add(batch);
    this.#pending.set(batch.name, queue);
    if (!pending.isComplete()) return { status: 'pending', missingRanks: pending.missingRanks };
    this.#removePending(batch.name, pending);
    const gap = pending.uncovered();
    if (gap !== undefined) {
      this.#free(held(earlier)); // commit frees those of this batch
      return { status: 'uncovered', key: gap.key, uncovered: gap.region };
    }
    return { status: 'visible', generation: this.#show(batch.name, pending) };
  }

  /** Removes a complete put from its queue, and those before it: what began earlier must not replace it later. */
  #removePending(name: string, complete: Pending): void {
    const queue = this.#pending.get(name) ?? [];
    const place = queue.indexOf(complete);
    for (const older of queue.slice(0, place)) this.#free(held(older.parts));
    const rest = queue.slice(place + 1);
    if (rest.length === 0) this.#pending.delete(name);
    else this.#pending.set(name, rest);
  }

  #show(name: string, { parts, structure, version }: Pending): number {
    this.#lastGeneration += 1;
    const generation = this.#lastGeneration;
    for (const [key, own] of partsByKey(parts)) {
      this.#retire(key);
      const { dtype, globalShape: shape } = own[0]!;
      this.#visible.set(key, { key, dtype, shape, generation, version, parts: held(own), pins: 0, isRetired: false });
    }
    if (structure !== undefined) {
      const kept = new Set(tensorKeys(structure));
      for (const key of tensorKeys(this.#structures.get(name) ?? structure)) if (!kept.has(key)) this.#retire(key);
      this.#structures.set(name, structure);
    }
    return generation;
  }

  #retire(key: string): boolean {
    const generation = this.#visible.get(key);
    if (generation === undefined) return false;
    this.#visible.delete(key);
    generation.isRetired = true;
    if (generation.pins === 0) this.#free(generation.parts);
    return true;
  }

  #free(parts: readonly HeldPart[]): void {
    for (const { place } of parts) this.#segments.remove(place);
  }

  /** Finds tensors for a reader and pins them all, or none. */
  locate(session: string, keys: readonly string[]): Located {
    if (this.#endedSessions.has(session)) return { status: 'sessionEnded' };
    const generations: Generation[] = [];
    for (const key of keys) {
      const generation = this.#visible.get(key);
      if (generation === undefined) return this.#absence(key);
      generations.push(generation);
    }
    for (const generation of generations) generation.pins += 1;
    this.#lastPin += 1;
    this.#pins.set(this.#lastPin, { session, generations });
    const tensors = generations.map(({ pins, isRetired, ...tensor }): LocatedTensor => tensor);
    return { status: 'found', pin: this.#lastPin, tensors, structure: undefined };
  }

  /** Finds everything that a state dict or a prefix holds, and pins it. */
  locatePrefix(session: string, prefix: string): Located {
    const structure = this.#structures.get(prefix);
    const keys = structure === undefined ? this.#visible.keys(`${prefix}.`) : tensorKeys(structure);
    const unique = [...new Set(keys)];
    if (structure === undefined && unique.length === 0) return this.#absence(prefix);
    const located = this.locate(session, unique);
    return located.status === 'found' ? { ...located, structure } : located;
  }

  #absence(key: string): Located {
    const [oldest] = this.#pendingOf(key);
    if (oldest !== undefined) return { status: 'incomplete', key, missingRanks: oldest.missingRanks };
    return {
      status: 'missing',
      key,
      nearest: nearestKeys(
        key,
        relatives(key, (prefix) => this.#visible.keys(prefix)),
      ),
    };
  }

  #pendingOf(name: string): Pending[] {
    return [...this.#pending].flatMap(([batchName, queue]) =>
      queue.filter((pending) => batchName === name || pending.parts.some((part) => part.key === name)),
    );
  }

  /** Ends a read; its generations go when they are retired and nobody else reads them. */
  release(pin: number): void {
    const pinned = this.#pins.get(pin);
    this.#pins.delete(pin);
    for (const generation of pinned?.generations ?? []) {
      generation.pins -= 1;
      if (generation.isRetired && generation.pins === 0) this.#free(generation.parts);
    }
  }

  /** Ends the reads of a session, refuses its later puts, and returns its files on a volume that must be kept. */
  endSession(end: { readonly volume: string; readonly session: string }): readonly string[] {
    this.#endedSessions.add(end.session);
    for (const [pin, { session }] of this.#pins) if (session === end.session) this.release(pin);
    return this.#segments.ofSession(end);
  }

  /** Removes a visible key, and puts of it that are not complete. */
  remove(key: string): boolean {
    const removed = this.#retire(key);
    return this.#dropPending((name) => name === key) > 0 || removed;
  }

  /** Removes all keys below a prefix, the state dicts there, and what is not complete there; returns how many keys went. */
  removePrefix(prefix: string): number {
    const keys = [...this.#visible.keys(prefix)];
    for (const key of keys) this.#retire(key);
    for (const name of [...this.#structures.keys(prefix)]) this.#structures.delete(name);
    const below = prefix === '' || prefix.endsWith('.') ? prefix : `${prefix}.`;
    this.#dropPending((name) => name === prefix || name.startsWith(below));
    return keys.length;
  }

  #dropPending(matches: (name: string) => boolean): number {
    const names = [...this.#pending.keys()].filter(matches);
    for (const name of names) {
      for (const pending of this.#pending.get(name)!) this.#free(held(pending.parts));
      this.#pending.delete(name);
    }
    return names.length;
  }

  /** The generation of the newest visible key that a name covers, if any is at least that new. */
  newestGeneration(name: string, minGeneration: number): number | undefined {
    let newest: number | undefined;
    for (const [, { generation }] of this.#visible.entries(name)) {
      if (generation >= minGeneration) newest = Math.max(newest ?? 0, generation);
    }
    return newest;
  }

  /** Visible keys that a prefix covers. */
  keys(prefix?: string): string[] {
    return [...this.#visible.keys(prefix)];
  }

  exists(key: string): boolean {
    return this.#visible.get(key) !== undefined;
  }

  /** What is known about a visible key. */
  record(key: string): TensorRecord | undefined {
    const generation = this.#visible.get(key);
    if (generation === undefined) return undefined;
    const { pins, isRetired, ...tensor } = generation;
    const bytes = tensor.parts.reduce((sum, { place }) => sum + place.byteLength, 0);
    const pending = this.#pendingOf(key).map(({ version, missingRanks }) => ({ version, missingRanks }));
    return { ...tensor, bytes, pending };
  }

  /** Segment files that nothing refers to any more, since the last call. */
  takeDropped(): readonly SegmentName[] {
    return this.#segments.takeDropped();
  }
}
