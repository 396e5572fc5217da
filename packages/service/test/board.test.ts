import { type ProcessNode, type ProgramTree, serveAdmin } from '@forge/monarch';
import { expect, test } from 'vitest';
import { Counter, Metered } from './fixtures/counter.ts';

async function boards(): Promise<ProcessNode['boards']> {
  await using admin = await serveAdmin();
  const answer = await fetch(new URL('v1/tree', admin.url));
  // What the admin page says that it answers.
  const tree = (await answer.json()) as ProgramTree;
  return tree.hosts.flatMap(({ processes }) => processes.flatMap((process) => process.boards));
}

test('the admin page shows each service with its replicas, as long as it runs', async () => {
  const options = { kind: 'inline', numReplicas: 2, replicaMaxConcurrentRequests: 1 } as const;
  {
    await using service = await Counter.options({ ...options, meshName: 'counters' }).asService(0);
    await using _session = await service.session();
    await service.increment.route(1);
    const running = [service.wait.route(), service.wait.route(), service.wait.route()];
    const [board] = await boards();
    expect(board?.title).toBe('service counters');
    const column = (name: string) => board?.rows.map((row) => row[1 + board.columns.indexOf(name)]);
    expect(board?.rows.map(([replica]) => replica)).toEqual(['all', 0, 1]);
    expect(column('state')).toEqual(['2 of 2 healthy', 'healthy', 'healthy']);
    expect(column('in flight')).toEqual([2, 1, 1]);
    expect(column('waiting')).toEqual([1, 0, 0]);
    expect(column('sessions')).toEqual([1, 0, 0]);
    expect(column('calls')).toEqual([1, 1, 0]);
    await service.open.fanout();
    await service.open.fanout();
    await Promise.all(running);
  }
  expect(await boards()).toEqual([]);
});

test('a service that is refused for the name of an endpoint leaves nothing', async () => {
  await expect(Metered.options({ kind: 'inline' }).asService()).rejects.toMatchObject({ code: 'ERR_SERVICE_OPTIONS' });
  expect(await boards()).toEqual([]);
});
