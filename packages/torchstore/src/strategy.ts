/** A volume as a strategy sees it. */
export interface VolumeView {
  readonly id: string;
  /** This process and the volume share memory. */
  readonly isNear: boolean;
}

/** The volume that a rank writes to, one of those that are given; it must be the same for the same question. */
export type SelectVolume = (rank: number, volumes: readonly VolumeView[]) => string;

/**
 * Which volume a rank writes to. 'nearest': one on its host, ranks spread over these, and over all where the host has none.
 * 'single': the first for everybody. 'rank': rank r takes volume r, modulo their number.
 */
export type Strategy = 'nearest' | 'single' | 'rank';

const strategies = {
  nearest(rank, volumes) {
    const near = volumes.filter(({ isNear }) => isNear);
    const candidates = near.length > 0 ? near : volumes;
    return candidates[rank % candidates.length]!.id; // there is a volume: a store without one does not open
  },
  single: (_, volumes) => volumes[0]!.id,
  rank: (rank, volumes) => volumes[rank % volumes.length]!.id,
} as const satisfies Record<Strategy, SelectVolume>;

/** What a rank writes to. */
export interface HomesQuestion {
  readonly rank: number;
  readonly replicas: number;
  /** Those that live, in the order of the store. */
  readonly volumes: readonly VolumeView[];
}

/** The volumes that get a copy each: the chosen one, then those that follow it in a ring, as many as live. */
export function homesOf(strategy: Strategy | SelectVolume, { rank, replicas, volumes }: HomesQuestion): string[] {
  const select = typeof strategy === 'function' ? strategy : strategies[strategy];
  const chosen = select(rank, volumes);
  const first = volumes.findIndex(({ id }) => id === chosen);
  if (first === -1)
    throw new RangeError(`selectVolume chose '${chosen}'; choose one of ${volumes.map(({ id }) => id).join(', ')}.`);
  const ring = [...volumes.slice(first), ...volumes.slice(0, first)];
  return ring.slice(0, replicas).map(({ id }) => id);
}
