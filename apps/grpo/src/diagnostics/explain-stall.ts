/** A service, in short. */
export interface ServiceHealth {
  readonly name: string;
  readonly queued: number;
  /** Of each replica. */
  readonly states: readonly string[];
}

/** What is known while no batch forms. */
export interface StallCounts {
  readonly waitedSeconds: number;
  /** Groups of a batch, and those that are in the buffer. */
  readonly needed: number;
  readonly buffered: number;
  /** Groups that are sampled or scored now. */
  readonly inFlight: number;
  /** Since the last batch. */
  readonly evicted: number;
  readonly rejected: Readonly<Record<string, number>>;
  readonly unscored: number;
  readonly services: readonly ServiceHealth[];
}

/** Why no batch has formed, and what to do, in one line. */
export function explainStall(counts: StallCounts): string {
  const { waitedSeconds, needed, buffered, inFlight, evicted, unscored, services } = counts;
  const rejected = Object.entries(counts.rejected).filter(([, count]) => count > 0);
  const facts = [
    `${buffered} of ${needed} groups are there`,
    `${inFlight} in flight`,
    ...(evicted > 0 ? [`${evicted} were too old`] : []),
    ...rejected.map(([reason, count]) => `${count} were turned away (${reason})`),
    ...(unscored > 0 ? [`${unscored} completions have no score`] : []),
  ];
  return `No batch for ${Math.round(waitedSeconds)} s: ${facts.join(', ')}. ${causeOf(counts, services)}`;
}

/** The first that fits is what stands in the way. */
function causeOf({ inFlight, evicted, unscored, rejected }: StallCounts, services: readonly ServiceHealth[]): string {
  const down = services.filter(({ states }) => states.every((state) => state !== 'healthy'));
  if (down.length > 0) {
    return `${down.map(({ name, states }) => `${name} is ${[...new Set(states)].join(' and ')}`).join('; ')}: look for why its processes end.`;
  }
  const turnedAway = Object.values(rejected).reduce((sum, count) => sum + count, 0);
  if (unscored > 0 && unscored >= inFlight) return 'The rewards fail: see reward/unscored/… and warnings.jsonl.';
  if (turnedAway > inFlight)
    return 'Nearly all groups are turned away: the problems are too easy or too hard for this model.';
  if (evicted > inFlight) return 'Groups grow too old before they are trained on: raise grpo.maxPolicyAge.';
  if (inFlight === 0) return 'Nothing is being sampled, which is a fault of this program: please report it.';
  const [busiest] = services.toSorted((a, b) => b.queued - a.queued);
  if (busiest !== undefined && busiest.queued > 0) {
    return `${busiest.queued} requests wait for ${busiest.name}: it is the bottleneck; give it more replicas or threads.`;
  }
  return 'Sampling goes on and is slow: lower generator.maxTokens or grpo.groupSize, or give the generator more.';
}
