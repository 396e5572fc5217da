import { type EjectionPolicy, probeDelayMs } from './ejection.ts';
import { type Moment, type RestartPolicy, recentRestarts, restartDelayMs } from './restart.ts';

/**
 * Where a replica is in its life: its processes and actors start (`initializing`), it catches up (`warming`), it takes
 * requests (`healthy`), it runs but takes none because it failed too often (`ejected`) or only one to try it (`probing`),
 * it finishes what it has before it ends (`draining`), it is lost and waits for its restart (`recovering`), it used up
 * its restarts (`unhealthy`, for good), it was ended (`stopped`).
 */
export type ReplicaState =
  | 'initializing'
  | 'warming'
  | 'healthy'
  | 'ejected'
  | 'probing'
  | 'draining'
  | 'recovering'
  | 'unhealthy'
  | 'stopped';

/**
 * What happens to a replica: its actors run (`started`) and have caught up (`caughtUp`), it answered a call or a check
 * (`answered`) or did not (`failed`), its processes are gone or did not start (`lost`), the time of its state is over
 * (`due`), it is to finish (`drain`), it is to end (`stop`).
 */
export type LifeEvent = 'started' | 'caughtUp' | 'answered' | 'failed' | 'lost' | 'due' | 'drain' | 'stop';

/** What decides about a life beside the event. */
export interface LifeRules {
  readonly restart: RestartPolicy | undefined;
  readonly ejection: EjectionPolicy | undefined;
  /** Longest time in `initializing`, and again in `warming`. @default no limit */
  readonly startTimeoutMs: number | undefined;
}

/** The moment of an event. */
export interface LifeMoment extends Moment, LifeRules {
  /** Why it failed or was lost. */
  readonly cause?: unknown;
  /** Others can take over its requests. */
  readonly mayEject: boolean;
}

/** All that is known of a life, and nothing that runs. */
export interface Life {
  readonly state: ReplicaState;
  /** The state lasts this long unless something else happens before; then `due` does. */
  readonly waitMs: number | undefined;
  /** Failures in a row. */
  readonly failures: number;
  /** Probes that failed since it was ejected. */
  readonly failedProbes: number;
  /** Restarts that count against the budget. */
  readonly restartedAtMs: readonly number[];
  /** All restarts. */
  readonly restarts: number;
  /** Why it was last lost or ejected. */
  readonly cause: unknown;
}

/** Before anything happened. */
export function born({ startTimeoutMs }: LifeRules): Life {
  return {
    state: 'initializing',
    waitMs: startTimeoutMs,
    failures: 0,
    failedProbes: 0,
    restartedAtMs: [],
    restarts: 0,
    cause: undefined,
  };
}

type Rule = (life: Life, moment: LifeMoment) => Life;

const stop: Rule = (life) => ({ ...life, state: 'stopped', waitMs: undefined });
const drain: Rule = (life) => ({ ...life, state: 'draining', waitMs: undefined });
const serve: Rule = (life) => ({ ...life, state: 'healthy', waitMs: undefined, failures: 0, failedProbes: 0 });
const warm: Rule = (life, { startTimeoutMs }) => ({ ...life, state: 'warming', waitMs: startTimeoutMs });
const beginRow: Rule = (life) => (life.failures === 0 ? life : { ...life, failures: 0 });

const lose: Rule = (life, moment) => {
  const { cause, restart } = moment;
  const waitMs = restartDelayMs(life.restartedAtMs, moment, restart);
  return { ...life, state: waitMs === undefined ? 'unhealthy' : 'recovering', waitMs, cause };
};

const restartNow: Rule = (life, { nowMs, restart, startTimeoutMs }) => ({
  ...life,
  state: 'initializing',
  waitMs: startTimeoutMs,
  failures: 0,
  failedProbes: 0,
  restarts: life.restarts + 1,
  restartedAtMs: [...recentRestarts(life.restartedAtMs, nowMs, restart), nowMs],
});

const eject: Rule = (life, { chance, ejection = {}, cause }) => ({
  ...life,
  state: 'ejected',
  waitMs: probeDelayMs(life.failedProbes, chance, ejection),
  cause,
});

const fail: Rule = (life, moment) => {
  const failures = life.failures + 1;
  const { mayEject, ejection: { maxFailures = 5 } = {} } = moment;
  const failed = { ...life, failures };
  return mayEject && failures >= maxFailures ? eject(failed, moment) : failed;
};

const failProbe: Rule = (life, moment) => {
  const failedProbes = life.failedProbes + 1;
  const { ejection: { maxProbes = 5 } = {} } = moment;
  return failedProbes >= maxProbes ? lose(life, moment) : eject({ ...life, failedProbes }, moment);
};

const probe: Rule = (life) => ({ ...life, state: 'probing', waitMs: undefined });

/**
 * What may happen in each state, and what comes of it. What is not here means nothing: a loss noticed twice, an answer
 * of actors that are gone.
 *
 * ```
 *  initializing ─started─▶ warming ─caughtUp─▶ healthy ─failed × maxFailures─▶ ejected ─due─▶ probing
 *       ▲                                       ▲   │                            ▲  └──failed──┘ │
 *       │                                       └───┼────────────answered────────┼───────────────┘
 *      due                                        drain                          └ maxProbes: lost
 *       │                                           ▼
 *  recovering ◀──lost (any that runs)           draining ─lost, stop─▶ stopped
 *       └ restarts used up: unhealthy
 * ```
 */
export const RULES: Readonly<Record<ReplicaState, Readonly<Partial<Record<LifeEvent, Rule>>>>> = {
  initializing: { started: warm, lost: lose, due: lose, stop },
  warming: { caughtUp: serve, lost: lose, due: lose, stop },
  healthy: { answered: beginRow, failed: fail, lost: lose, drain, stop },
  ejected: { due: probe, lost: lose, drain, stop },
  probing: { answered: serve, failed: failProbe, lost: lose, drain, stop },
  draining: { lost: stop, stop },
  recovering: { due: restartNow, stop },
  unhealthy: { stop },
  stopped: {},
};

/** The life after an event: the same object when the event means nothing in this state. */
export function afterEvent(life: Life, event: LifeEvent, moment: LifeMoment): Life {
  return RULES[life.state][event]?.(life, moment) ?? life;
}

/** What a state means for others. */
interface Traits {
  /** Its processes run or are being started. */
  readonly runs: boolean;
  /** Its actors know what sessions told them, and can be asked. */
  readonly keepsSessions: boolean;
  /** It may become healthy, now or later. */
  readonly hasHope: boolean;
  /** Calls to all replicas do not reach it as they reach the healthy ones. */
  readonly misses: boolean;
}

const NOTHING: Traits = { runs: false, keepsSessions: false, hasHope: false, misses: false };

/** What the states mean for others. */
export const TRAITS: Readonly<Record<ReplicaState, Traits>> = {
  initializing: { ...NOTHING, runs: true, hasHope: true, misses: true },
  warming: { ...NOTHING, runs: true, hasHope: true, misses: true },
  healthy: { ...NOTHING, runs: true, hasHope: true, keepsSessions: true },
  ejected: { runs: true, hasHope: true, keepsSessions: true, misses: true },
  probing: { runs: true, hasHope: true, keepsSessions: true, misses: true },
  draining: { ...NOTHING, runs: true, keepsSessions: true, misses: true },
  recovering: { ...NOTHING, hasHope: true },
  unhealthy: NOTHING,
  stopped: NOTHING,
};
