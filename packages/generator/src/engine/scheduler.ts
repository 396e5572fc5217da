import { bucketOf, type Demand, type Room } from '../runner/cache/kv-budget.ts';
import { KvSlots, type Move } from '../runner/cache/kv-slots.ts';

/** What the scheduler needs to know of a sequence. */
export interface Schedulable {
  /** Lower ones go first. */
  readonly priority: number;
  /** Place in the order of arrival; those of one group are neighbours. */
  readonly arrival: number;
  /** Tokens there are; the keys and values of the last one are computed with the next token. */
  readonly numTokens: number;
  /** While it waits: all tokens but the last, whose keys and values must be there before it runs. */
  readonly cachedIds: readonly number[];
}

/** Tokens to compute once, and the sequences that go on from them. */
export interface Admission<S extends Schedulable> {
  readonly ids: readonly number[];
  readonly sequences: readonly S[];
  /** The slot of each sequence. */
  readonly slots: readonly number[];
}

/** A sequence that goes on from tokens that are in another one's slot. */
export interface Fork<S extends Schedulable> extends Move {
  readonly sequence: S;
}

/** Limits of the scheduler. */
export interface SchedulerLimits {
  /** Sequences that run at the same time. */
  readonly maxSequences: number;
  /** Tokens that are computed in one run for sequences that do not run yet, padding included. */
  readonly maxPrefillTokens: number;
  /** Whether slots and scratch memory have room for so much. */
  readonly fits: (demand: Demand) => boolean;
}

/** Decides which sequences run: by priority, then first come, first served. Knows no tensors and no clock. */
export class Scheduler<S extends Schedulable> {
  readonly #slots: KvSlots<S>;
  readonly #limits: SchedulerLimits;
  #waiting: S[] = [];

  constructor(limits: SchedulerLimits) {
    this.#slots = new KvSlots(limits.maxSequences);
    this.#limits = limits;
  }

  /** Sequences without a slot, the next one first. */
  get waiting(): readonly S[] {
    return this.#waiting;
  }

  /** Sequences with a slot; the index is the slot. */
  get running(): readonly S[] {
    return this.#slots.owners;
  }

  /** What those with a slot take. */
  get room(): Room {
    return roomOf(this.running);
  }

  /** Queues the sequences of a group, which come one after the other. */
  add(sequences: readonly S[]): void {
    const [first] = sequences;
    if (!first) return;
    const at = this.#waiting.findLastIndex((other) => byUrgency(other, first) < 0) + 1;
    this.#waiting.splice(at, 0, ...sequences);
  }

  /**
   * Gives slots to waiting sequences, in order, whose tokens can be computed together in one run: as many as slots,
   * the token budget and memory allow. None when the next one `isAlone`: it is computed in pieces, or on top of what
   * is known of it.
   */
  admitTogether(isAlone: (ids: readonly number[]) => boolean): readonly Admission<S>[] {
    const admissions: { ids: readonly number[]; sequences: S[]; slots: number[] }[] = [];
    let longest = 0;
    let numAdmitted = 0;
    for (const sequence of this.#waiting) {
      const { cachedIds } = sequence;
      const last = admissions.at(-1);
      const joins = last?.ids === cachedIds;
      if (!joins && isAlone(cachedIds)) break;
      longest = Math.max(longest, cachedIds.length);
      const numRows = admissions.length + (joins ? 0 : 1);
      if (numRows > 1 && !joins && numRows * longest > this.#limits.maxPrefillTokens) break;
      if (!this.#hasRoomFor(sequence, numRows * bucketOf(longest))) break;
      const slot = this.#slots.take(sequence);
      if (slot === undefined) break;
      numAdmitted++;
      if (joins) {
        last.sequences.push(sequence);
        last.slots.push(slot);
      } else {
        admissions.push({ ids: cachedIds, sequences: [sequence], slots: [slot] });
      }
    }
    this.#waiting.splice(0, numAdmitted);
    return admissions;
  }

  /**
   * Gives slots to waiting sequences, in order, whose tokens one that runs began with: a member of their group that
   * `isSource`. As many as slots and memory allow, beside no scratch memory.
   */
  admitFrom(isSource: (running: S) => boolean): readonly Fork<S>[] {
    const forks: Fork<S>[] = [];
    for (const sequence of this.#waiting) {
      const { cachedIds } = sequence;
      const from = this.running.findIndex((running) => running.cachedIds === cachedIds && isSource(running));
      if (from === -1 || !this.#hasRoomFor(sequence, 0)) break;
      const to = this.#slots.take(sequence);
      if (to === undefined) break;
      forks.push({ sequence, from, to });
    }
    this.#waiting.splice(0, forks.length);
    return forks;
  }

  /** The tokens of the next waiting sequence, if it could start once they are computed. */
  nextAlone(): readonly number[] | undefined {
    const [next] = this.#waiting;
    if (!next || this.#slots.numFree === 0) return undefined;
    return this.#hasRoomFor(next, bucketOf(next.cachedIds.length)) ? next.cachedIds : undefined;
  }

  /** Gives slots to waiting sequences that go on from these very tokens: as many as slots and memory allow. */
  admitAlone(ids: readonly number[]): Admission<S> {
    const sequences: S[] = [];
    const slots: number[] = [];
    for (const sequence of this.#waiting) {
      if (sequence.cachedIds !== ids) continue;
      if (!this.#hasRoomFor(sequence, bucketOf(ids.length))) break;
      const slot = this.#slots.take(sequence);
      if (slot === undefined) break;
      sequences.push(sequence);
      slots.push(slot);
    }
    const started = new Set(sequences);
    this.#waiting = this.#waiting.filter((sequence) => !started.has(sequence));
    return { ids, sequences, slots };
  }

  /**
   * Takes the slots of the least urgent sequences until the next token of the others has room beside so many tokens of
   * scratch memory; at least one keeps its slot. `onPreempt` sees each before it waits again.
   */
  preempt(numScratchTokens: number, onPreempt: (sequence: S) => void): readonly Move[] {
    const hasRoom = (sequences: readonly S[]) => this.#limits.fits({ ...roomOf(sequences), numScratchTokens });
    if (hasRoom(this.running)) return [];
    const kept = this.running.toSorted(byUrgency);
    const preempted: S[] = [];
    while (kept.length > 1 && !hasRoom(kept)) preempted.push(kept.pop()!); // more than one
    return this.#preempt(preempted, onPreempt);
  }

  /** Takes the slots of all running sequences; `onPreempt` sees each before it waits again. */
  preemptAll(onPreempt: (sequence: S) => void): readonly Move[] {
    return this.#preempt([...this.running], onPreempt);
  }

  #preempt(preempted: readonly S[], onPreempt: (sequence: S) => void): readonly Move[] {
    const moves = this.#slots.release(new Set(preempted));
    for (const sequence of preempted) {
      onPreempt(sequence);
      this.add([sequence]);
    }
    return moves;
  }

  /** Forgets finished and given-up sequences, waiting ones included; the moves close the holes they leave. */
  release(leaving: ReadonlySet<S>): readonly Move[] {
    if (leaving.size === 0) return [];
    if (this.#waiting.length > 0) this.#waiting = this.#waiting.filter((sequence) => !leaving.has(sequence));
    return this.#slots.release(leaving);
  }

  #hasRoomFor(sequence: S, numScratchTokens: number): boolean {
    return this.#limits.fits({ ...roomOf([...this.running, sequence]), numScratchTokens });
  }
}

function byUrgency(a: Schedulable, b: Schedulable): number {
  return a.priority - b.priority || a.arrival - b.arrival;
}

function roomOf(sequences: readonly Schedulable[]): Room {
  let longest = 1;
  for (const { numTokens } of sequences) if (numTokens > longest) longest = numTokens;
  return { numSlots: sequences.length, longest };
}
