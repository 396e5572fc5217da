import { channel } from 'node:diagnostics_channel';
import { expect, onTestFinished, test } from 'vitest';
import {
  type ActorNode,
  type AdminOptions,
  type ProcessNode,
  type ProgramTree,
  serveAdmin,
  thisHost,
} from '../../src/index.ts';
import { Grown } from '../fixtures/grown.ts';
import { Printer } from '../fixtures/printer.ts';
import { Recorder } from '../fixtures/probes.ts';
import { startProgram } from '../fixtures/start-program.ts';
import { until } from '../fixtures/until.ts';

async function admin(options?: AdminOptions) {
  const server = await serveAdmin(options);
  onTestFinished(async () => await server.stop());
  const get = async (path: string, headers: Record<string, string> = {}) =>
    await fetch(new URL(path, server.url), { headers });
  const tree = async () => (await (await get('v1/tree')).json()) as ProgramTree;
  return { server, get, tree };
}

async function spawned<P extends Readonly<Record<string, number>>>(name: string, perHost: P) {
  const procs = await thisHost().spawnProcs({ name, perHost, supervise: () => true, logs: { print: false } });
  onTestFinished(async () => await procs.stop());
  return procs;
}

/** The process of a tree with this name; the latest, when tests before left others. */
function named(tree: ProgramTree, name: string): ProcessNode {
  const all = (nodes: readonly ProcessNode[]): ProcessNode[] => nodes.flatMap((node) => [node, ...all(node.processes)]);
  const found = all(tree.hosts.flatMap(({ processes }) => processes)).findLast((node) => node.name === name);
  if (found === undefined) throw new RangeError(`There is no process ${name}.`);
  return found;
}

const endpointOf = (actor: ActorNode | undefined, name: string) =>
  actor?.endpoints.find((endpoint) => endpoint.name === name);

test('the tree has processes within processes, their actors and what these handled', async () => {
  const { tree, get } = await admin();
  const procs = await spawned('outer', { worker: 2 });
  const mesh = await procs.spawn('printers', Printer);
  const one = mesh.slice({ worker: 1 });
  await one.printInside.callOne('inner', 'x\n');
  await Promise.all(Array.from({ length: 20 }, () => one.print.callOne('stdout', 'y\n')));
  const shown = await tree();
  expect(shown.hosts).toHaveLength(1);
  const outer = named(shown, 'outer/1');
  expect(outer).toMatchObject({
    kind: 'process',
    state: 'running',
    failures: [],
    actors: [{ mesh: 'printers', rank: 1 }],
  });
  expect(outer.usage?.rssBytes).toBeGreaterThan(1e7);
  expect(outer.processes).toMatchObject([{ name: 'inner/0', state: 'running', actors: [{ className: 'Printer' }] }]);
  const [actor] = outer.actors;
  expect(actor).toMatchObject({ state: 'running', mailboxLength: 0 });
  expect(actor?.mailboxHighWater).toBeGreaterThan(0);
  expect(endpointOf(actor, 'print')).toMatchObject({ calls: 20, errors: 0, inFlight: 0 });
  expect(endpointOf(actor, 'print')?.p99Ms).toBeGreaterThanOrEqual(endpointOf(actor, 'print')?.p50Ms ?? Infinity);
  expect(await (await get(`v1/${actor?.id}`)).json()).toMatchObject({ kind: 'actor', id: actor?.id, mesh: 'printers' });
  expect(await (await get(`v1/${outer.id}`)).json()).toMatchObject({ kind: 'process', name: 'outer/1' });
  expect((await get('v1/0.999999')).status).toBe(404);
  expect((await get('v1/nonsense')).status).toBe(404);
  const peer = outer.peers.find(({ id }) => id === '0');
  expect(peer?.receivedMessages).toBeGreaterThanOrEqual(21);
  expect(peer?.receivedBytes).toBeGreaterThan(20 * 'stdout y'.length);
});

test('a healthy actor does not look failed because another failed', async () => {
  const { tree } = await admin();
  const procs = await spawned('mixed', { worker: 2 });
  const mesh = await procs.spawn('recorders', Recorder);
  await mesh.fail.call('a call that throws').settled();
  mesh.slice({ worker: 0 }).fail.broadcast('a broadcast that throws');
  await until(async () => named(await tree(), 'mixed/0').actors[0]?.state === 'failed');
  const shown = await tree();
  const [failed, healthy] = ['mixed/0', 'mixed/1'].map((name) => named(shown, name));
  expect(failed).toMatchObject({ state: 'running', failureCount: 1 });
  expect(failed?.actors[0]).toMatchObject({ failure: expect.stringContaining('a broadcast that throws') });
  expect(healthy).toMatchObject({ state: 'running', failureCount: 0, failures: [] });
  expect(healthy?.actors[0]).toMatchObject({
    state: 'running',
    lastError: { endpoint: 'fail', text: 'a call that throws' },
  });
  expect(healthy?.actors[0]).not.toHaveProperty('failure');
  expect(endpointOf(healthy?.actors[0], 'fail')).toMatchObject({ calls: 1, errors: 1 });
});

test('a process that does not answer is shown as silent with what it told last, a dead one with its end', async () => {
  const { tree, get } = await admin({ deadlineMs: 1_000 });
  const procs = await spawned('quiet', { worker: 3 });
  const mesh = await procs.spawn('grown', Grown);
  const state = (shown: ProgramTree, rank: number) => named(shown, `quiet/${rank}`).state;
  await until(async () => state(await tree(), 0) === 'running');
  await mesh
    .slice({ worker: 1 })
    .die.callOne()
    .catch(() => {});
  const { pid } = named(await tree(), 'quiet/0');
  process.kill(pid, 'SIGSTOP');
  const awake = () => void process.kill(pid, 'SIGCONT');
  let shown = await tree();
  await until(async () => {
    shown = await tree();
    return state(shown, 0) === 'silent' && state(shown, 2) === 'running';
  });
  expect(named(shown, 'quiet/0').actors).toHaveLength(1);
  expect(named(shown, 'quiet/0').asOf).toBeLessThan(shown.asOf);
  expect(named(shown, 'quiet/1')).toMatchObject({
    state: 'ended',
    exit: { signal: 'SIGKILL', stderrTail: ['last words'] },
  });
  expect(named(shown, 'quiet/2')).toMatchObject({ state: 'running', failures: [] });
  const metrics = await (await get('metrics')).text();
  expect(metrics).toMatch(/^monarch_process_up\{process="[\d.]+",name="quiet\/0"\} 0$/m);
  expect(metrics).toMatch(/^monarch_process_up\{process="[\d.]+",name="quiet\/2"\} 1$/m);
  awake();
  await until(async () => state(await tree(), 0) === 'running');
  await procs.stop();
  await until(async () => !JSON.stringify(await tree()).includes('quiet/1'));
});

test('metrics are in the format of Prometheus, and its histogram adds up', async () => {
  const { get } = await admin();
  const procs = await spawned('measured', {});
  const mesh = await procs.spawn('measured', Recorder);
  for (let i = 0; i < 7; i++) await mesh.echo.callOne(i);
  const answer = await get('metrics');
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await answer.text();
  const series = text
    .split('\n')
    .filter((line) => line.includes('mesh="measured"') && line.includes('endpoint="echo"'));
  const value = (name: string, label = '') =>
    Number(
      series
        .find((line) => line.startsWith(`${name}{`) && line.includes(label))
        ?.split(' ')
        .at(-1),
    );
  expect(value('monarch_calls_total')).toBe(7);
  expect(value('monarch_call_duration_seconds_count')).toBe(7);
  expect(value('monarch_call_duration_seconds_bucket', 'le="+Inf"')).toBe(7);
  expect(value('monarch_call_duration_seconds_sum')).toBeGreaterThan(0);
  const counts = series.filter((line) => line.startsWith('monarch_call_duration_seconds_bucket'));
  const cumulative = counts.map((line) => Number(line.split(' ').at(-1)));
  expect(cumulative).toEqual([...cumulative].sort((a, b) => a - b));
  for (const line of text.trim().split('\n')) expect(line).toMatch(/^(#.*|[a-z_]+(\{.*\})? [\d.e+-]+|)$/);
});

test('the page asks for nothing from elsewhere, and its script is a script', async () => {
  const { get } = await admin();
  const answer = await get('');
  expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'none'; connect-src 'self'/);
  const page = await answer.text();
  const script = /<script nonce="([^"]+)">(.*)<\/script>/s.exec(page);
  expect(answer.headers.get('content-security-policy')).toContain(`script-src 'nonce-${script?.[1]}'`);
  expect(() => new Function(script?.[2] ?? '(')).not.toThrow();
  expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:/);
});

test('only who has the token is shown anything, and no page of another site', async () => {
  const { get } = await admin({ host: '0.0.0.0', token: 'a long secret' });
  expect((await get('v1/tree')).status).toBe(401);
  expect((await get('v1/tree', { authorization: 'Bearer a wrong one' })).status).toBe(401);
  expect((await get('v1/tree', { authorization: 'Bearer a long secret' })).status).toBe(200);
  expect((await get('v1/tree?token=a%20long%20secret')).status).toBe(200);
  const open = await admin();
  const post = await fetch(new URL('v1/tree', open.server.url), { method: 'POST' });
  expect(post.status).toBe(405);
  await expect(serveAdmin({ host: '0.0.0.0' })).rejects.toMatchObject({ code: 'ERR_MONARCH_ADMIN', host: '0.0.0.0' });
  await expect(serveAdmin({ token: '' })).rejects.toMatchObject({ code: 'ERR_MONARCH_ADMIN' });
  const port = Number(new URL(open.server.url).port);
  await expect(serveAdmin({ port })).rejects.toMatchObject({ code: 'ERR_MONARCH_ADMIN', port });
  await open.server.stop();
  await expect(fetch(open.server.url)).rejects.toThrow();
});

test('any program shows itself when FORGE_ADMIN is set, and ends all the same', async () => {
  const program = startProgram('printing', [], { FORGE_ADMIN: '127.0.0.1:0' });
  const { code, stderr } = await program.ended();
  expect(code).toBe(0);
  expect(stderr).toMatch(/^forge: admin at http:\/\/127\.0\.0\.1:\d+\/$/m);
  const refused = await startProgram('printing', [], { FORGE_ADMIN: 'everywhere' }).ended();
  expect(refused).toMatchObject({ code: 0, stderr: expect.stringContaining('Give host:port') });
});

test('whoever subscribes to the channels of diagnostics sees actors, calls, failures and processes', async () => {
  const seen: Record<string, unknown[]> = {};
  const names = [
    'actor:spawn',
    'actor:stop',
    'call:start',
    'call:end',
    'failure',
    'process:start',
    'process:exit',
    'log',
  ];
  for (const name of names) {
    const events: unknown[] = [];
    seen[name] = events;
    const listen = (event: unknown) => void events.push(event);
    channel(`monarch:${name}`).subscribe(listen);
    onTestFinished(() => void channel(`monarch:${name}`).unsubscribe(listen));
  }
  const inline = await thisHost().spawnProcs({ kind: 'inline' });
  const local = await inline.spawn('local', Recorder);
  await local.echo.callOne(1);
  await local.fail.callOne('no').catch(() => {});
  await inline.stop();
  expect(seen['actor:spawn']).toEqual([{ process: '0', mesh: 'local', rank: 0, className: 'Recorder' }]);
  expect(seen['actor:stop']).toEqual(seen['actor:spawn']);
  expect(seen['call:start']).toMatchObject([{ endpoint: 'echo', kind: 'call', from: '0' }, { endpoint: 'fail' }]);
  expect(seen['call:end']).toMatchObject([{ endpoint: 'echo' }, { endpoint: 'fail', error: { message: 'no' } }]);
  const procs = await spawned('watched', {});
  const grown = await procs.spawn('grown', Grown);
  await grown.die.callOne().catch(() => {});
  await procs.stop();
  expect(seen['process:start']).toMatchObject([{ name: 'watched/0' }]);
  expect(seen['process:exit']).toMatchObject([{ name: 'watched/0', exit: { signal: 'SIGKILL' } }]);
  expect(seen['failure']).toMatchObject([{ kind: 'signal', text: expect.stringContaining('grown/0') }]);
  expect(seen['log']).toMatchObject([{ text: 'last words', level: 'warn' }]);
});
