import type { Replica } from '../replicas/replica.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { FanoutOutcome } from './fanout-error.ts';
import { Plan } from './plan.ts';

/** Calls every replica that takes requests, past the queue, and each that is starting before its first request. */
export async function fanout(
  dispatcher: Dispatcher,
  replicas: readonly Replica[],
  plan: Plan,
  args: readonly unknown[],
): Promise<readonly FanoutOutcome<unknown>[]> {
  // Without an outage the calls go out before this returns, as those of route do. A service that has stopped refuses.
  if (dispatcher.isClosed || dispatcher.serving.length === 0) {
    const { timeoutMs } = plan;
    const waitedMs = await dispatcher.opening(plan);
    const rest = timeoutMs === undefined ? plan : new Plan({ ...plan, timeoutMs: Math.max(1, timeoutMs - waitedMs) });
    return await fanout(dispatcher, replicas, rest, args);
  }
  for (const replica of replicas) replica.miss({ endpoint: plan.endpoint, args });
  const calls = dispatcher.serving.map(async (replica): Promise<FanoutOutcome<unknown>> => {
    try {
      return { replica: replica.index, ok: true, value: await dispatcher.routeTo(replica, plan, args) };
    } catch (error) {
      return { replica: replica.index, ok: false, error };
    }
  });
  return await Promise.all(calls);
}
