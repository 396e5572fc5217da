/**
 * Where a replica is in its life: its processes start and it catches up (`initializing`), it takes requests
 * (`healthy`), it is lost and waits for its restart (`recovering`), it used up its restarts (`unhealthy`, for good),
 * it was shut down (`stopped`).
 */
export type ReplicaState = 'initializing' | 'healthy' | 'recovering' | 'unhealthy' | 'stopped';

/** What happens to a replica. */
export type ReplicaChange = 'caughtUp' | 'lost' | 'restart' | 'exhausted' | 'stop';

const TRANSITIONS: Readonly<Record<ReplicaState, Readonly<Partial<Record<ReplicaChange, ReplicaState>>>>> = {
  initializing: { caughtUp: 'healthy', lost: 'recovering', stop: 'stopped' },
  healthy: { lost: 'recovering', stop: 'stopped' },
  recovering: { restart: 'initializing', exhausted: 'unhealthy', stop: 'stopped' },
  unhealthy: { stop: 'stopped' },
  stopped: {},
};

/** The state after a change, `undefined` when the change means nothing in this state (a loss noticed twice). */
export function nextState(state: ReplicaState, change: ReplicaChange): ReplicaState | undefined {
  return TRANSITIONS[state][change];
}
