import type { Actor } from '../actor/actor.ts';
import {
  type EndpointInput,
  endpointBrand,
  endpointInput,
  endpointMethod,
  endpointOf,
  endpointOptions,
} from '../actor/endpoint.ts';
import { EndpointCounters } from '../seeing/actor-counters.ts';
import type { Handling } from '../seeing/handling.ts';
import type { Lane, Mailbox } from './mailbox.ts';

/** An endpoint of one actor that was called: how it is run, and what came of it. */
export interface Served {
  readonly name: string;
  readonly method: (...args: readonly unknown[]) => unknown;
  /** What checks its arguments first. */
  readonly input: EndpointInput | undefined;
  readonly streams: boolean;
  /** It runs in the lane of all that run one at a time. */
  readonly isSerial: boolean;
  readonly lane: Lane<Handling>;
  readonly counters: EndpointCounters;
}

/** Looks an endpoint up; `undefined` when the actor has none of this name. */
export function serve(actor: Actor, name: string, mailbox: Mailbox<Handling>): Served | undefined {
  const endpoint = endpointOf(actor, name);
  if (endpoint === undefined) return undefined;
  const { concurrency = 1 } = endpoint[endpointOptions];
  return {
    name,
    method: endpoint[endpointMethod] ?? endpoint,
    input: endpoint[endpointInput],
    streams: endpoint[endpointBrand] === 'stream',
    isSerial: concurrency === 1,
    lane: mailbox.lane(concurrency),
    counters: new EndpointCounters(),
  };
}
