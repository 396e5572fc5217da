import { NoHealthyReplicaError } from '../errors.ts';
import type { Replica } from '../replicas/replica.ts';
import type { ServiceRequest } from './request.ts';

/** Ends the wait of requests while no replica is healthy: after a while, or at once when none ever will be. */
export class Outage {
  readonly #service: string;
  readonly #replicas: readonly Replica[];
  readonly #waitMs: number;

  constructor(service: string, replicas: readonly Replica[], waitMs: number) {
    this.#service = service;
    this.#replicas = replicas;
    this.#waitMs = waitMs;
  }

  get isOver(): boolean {
    return this.#replicas.some(({ state }) => state === 'healthy');
  }

  /** To be called for each waiting request whenever a replica changes. */
  watch(request: ServiceRequest): void {
    const isHopeless = this.#replicas.every(({ state }) => state === 'unhealthy' || state === 'stopped');
    if (this.isOver) request.endOutage();
    else if (isHopeless) request.reject(this.#error(0));
    else request.beginOutage(this.#waitMs, () => this.#error(this.#waitMs));
  }

  #error(waitedMs: number): NoHealthyReplicaError {
    const replicas = this.#replicas;
    const cause = replicas.find((replica) => replica.cause !== undefined)?.cause;
    return new NoHealthyReplicaError(this.#service, { waitedMs, states: replicas.map(({ state }) => state), cause });
  }
}
