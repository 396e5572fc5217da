import type { Clock } from '@forge/monarch';
import type { EjectionPolicy } from './ejection.ts';
import type { HealthCheckPolicy } from './health-check.ts';
import type { LifeRules, ReplicaState } from './life.ts';
import type { Replica } from './replica.ts';

/** How the replicas of a service live. */
export interface ReplicaPolicies extends LifeRules {
  readonly maxConcurrency: number;
  readonly ejection: EjectionPolicy | undefined;
  readonly checks: HealthCheckPolicy | undefined;
}

/** What a replica needs from its service. */
export interface ReplicaHooks extends ReplicaPolicies {
  readonly name: string;
  readonly clock: Clock;
  random(): number;
  /** Others can take over its requests. */
  mayEject(replica: Replica): boolean;
  /** Told after every change of its state. */
  changed(replica: Replica, from: ReplicaState): void;
}
