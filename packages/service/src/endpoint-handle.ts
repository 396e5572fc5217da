import type { EndpointCard } from '@forge/monarch';
import type { ReplicaSet } from './replicas/replica-set.ts';
import { fanout } from './routing/fanout.ts';
import { FanoutError, type FanoutOutcome } from './routing/fanout-error.ts';
import { Plan, type PlanOptions } from './routing/plan.ts';
import { planOptions, type RouteOptions, withOptions } from './routing/route-options.ts';
import type { StickySession } from './routing/session.ts';
import { routedStream } from './routing/stream.ts';

/** An endpoint of a service or a session. */
export interface CalledEndpoint {
  readonly replicas: ReplicaSet;
  readonly name: string;
  readonly card: EndpointCard;
  /** The session that a call belongs to, asked when it is made. */
  readonly sessionNow: () => StickySession | undefined;
  /** Whether it can call all replicas, which a session does not. */
  readonly hasFanout: boolean;
}

type Args = readonly unknown[];

/** The ways to call an endpoint, with these options. */
export function endpointHandle(endpoint: CalledEndpoint, options: RouteOptions): object {
  const { replicas, name, card, sessionNow, hasFanout } = endpoint;
  const { dispatcher } = replicas;
  const planned = planOptions(name, options, dispatcher.router);
  const plan = new Plan(planned);
  const again = { with: (more: RouteOptions) => endpointHandle(endpoint, withOptions(options, more)) };
  if (card.kind === 'stream') return { route: (...args: Args) => streamOf(endpoint, planned, args), ...again };
  const route = (...args: Args) => dispatcher.route(plan, args, sessionNow());
  return { route, ...(hasFanout && fanouts(replicas, plan)), ...again };
}

/** The items of a stream that is opened whenever it is iterated. */
function streamOf({ replicas, sessionNow }: CalledEndpoint, options: PlanOptions, args: Args): AsyncIterable<unknown> {
  const session = sessionNow();
  return { [Symbol.asyncIterator]: () => routedStream(replicas.dispatcher, { options, args, session }) };
}

function fanouts({ name, dispatcher, replicas }: ReplicaSet, plan: Plan) {
  const fanoutSettled = async (...args: Args): Promise<readonly FanoutOutcome<unknown>[]> =>
    await fanout(dispatcher, replicas, plan, args);
  return {
    fanoutSettled,
    fanout: async (...args: Args) => {
      const outcomes = await fanoutSettled(...args);
      return outcomes.map((outcome) => {
        if (!outcome.ok) throw new FanoutError(name, plan.endpoint, outcomes);
        return outcome.value;
      });
    },
  };
}
