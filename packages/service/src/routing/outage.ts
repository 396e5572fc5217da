import { NoHealthyReplicaError } from '../errors.ts';
import type { Fleet } from '../replicas/fleet.ts';
import type { ServiceRequest } from './request.ts';

/** Ends the wait of requests while no replica is healthy: after a while, or at once when none ever will be. */
export class Outage {
  readonly #service: string;
  readonly #fleet: Pick<Fleet, 'replicas' | 'hasHope'>;
  readonly #waitMs: number;

  constructor(service: string, fleet: Pick<Fleet, 'replicas' | 'hasHope'>, waitMs: number) {
    this.#service = service;
    this.#fleet = fleet;
    this.#waitMs = waitMs;
  }

  get isOver(): boolean {
    return this.#fleet.replicas.some(({ state }) => state === 'healthy');
  }

  /** To be called for each waiting request whenever a replica changes. */
  watch(request: ServiceRequest): void {
    if (this.isOver) request.endOutage();
    else if (!this.#fleet.hasHope) request.reject(this.#error(0));
    else request.beginOutage(this.#waitMs, () => this.#error(this.#waitMs));
  }

  #error(waitedMs: number): NoHealthyReplicaError {
    const { replicas } = this.#fleet;
    const cause = replicas.find((replica) => replica.cause !== undefined)?.cause;
    return new NoHealthyReplicaError(this.#service, { waitedMs, states: replicas.map(({ state }) => state), cause });
  }
}
