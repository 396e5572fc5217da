import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { attachToHosts, type HostMesh } from '../../src/index.ts';
import { isAlive } from '../fixtures/alive.ts';
import { Counter } from '../fixtures/counter.ts';
import { Grown } from '../fixtures/grown.ts';
import { makeNetwork, type Namespace, type Network, whyNoNamespaces } from '../fixtures/namespaces.ts';
import { Forwarder, Recorder } from '../fixtures/probes.ts';
import { type RunningHost, scratchFolder, startHost, tokenFile } from '../fixtures/start-host.ts';
import { until } from '../fixtures/until.ts';
import { watcher } from '../fixtures/watcher.ts';

const why = whyNoNamespaces();

describe.skipIf(why !== '')(`machines on a network${why && ` (skipped: ${why})`}`, () => {
  const scratch = scratchFolder();
  const path = tokenFile(scratch.folder, 'a token of the tests of networks');
  let network: Network;
  let daemons: RunningHost[];
  let first: Namespace;
  let second: Namespace;

  const serve = async ({ address, command }: Namespace) =>
    await startHost(['--token-file', path, '--orphan-ms', '500'], { listen: `${address}:0`, command });

  beforeAll(async () => {
    network = makeNetwork(2);
    [first, second] = network.machines as [Namespace, Namespace];
    daemons = await Promise.all(network.machines.map(serve));
  });
  afterAll(async () => {
    await Promise.all(daemons.map(async (daemon) => await daemon.stop()));
    network[Symbol.dispose]();
    scratch[Symbol.dispose]();
  });

  async function attached(options = {}): Promise<HostMesh<'hosts'>> {
    const hosts = await attachToHosts(
      daemons.map(({ address }) => address),
      { tokenFile: path, ...options },
    );
    onTestFinished(async () => await hosts[Symbol.asyncDispose]());
    return hosts;
  }
  const pause = async (ms: number) => await new Promise((resolve) => setTimeout(resolve, ms));

  test('call each other and the program', async () => {
    const procs = await (await attached()).spawnProcs();
    const counters = await procs.spawn('counters', Counter, 0);
    const forwarders = await procs.spawn('forwarders', Forwarder);
    const list = [counters.slice({ hosts: 0 }), counters.slice({ hosts: 1 })];
    expect([...(await forwarders.incrementIn.call({ list }, 1)).values()].flat().sort()).toEqual([1, 1, 2, 2]);
  });

  test('that are cut off for less than the limit lose nothing, and do nothing twice', async () => {
    const { seen, supervise } = watcher();
    const procs = await (await attached()).spawnProcs({ supervise });
    const recorders = await procs.spawn('recorders', Recorder);
    const counters = await procs.spawn('counters', Counter, 0);
    const forwarders = await procs.spawn('forwarders', Forwarder);
    let sent = 0;
    let calls = 0;
    const answers: number[] = [];
    const send = () => {
      recorders.note.broadcast(sent++);
      calls++;
      // By way of the first machine to the second.
      const one = counters.slice({ hosts: 1 });
      void forwarders
        .slice({ hosts: 0 })
        .incrementIn.callOne({ list: [one] }, 1)
        .then(([count]) => answers.push(count ?? 0));
    };
    // Packets are dropped, and connections wait; then connections end, and sessions wait.
    for (const interrupt of [first.cut, first.refuse]) {
      for (let i = 0; i < 20; i++) send();
      const heal = interrupt();
      for (let i = 0; i < 20; i++) send();
      await pause(1_000);
      for (let i = 0; i < 20; i++) send();
      heal();
      await until(() => answers.length === calls);
    }
    const expected = Array.from({ length: sent }, (_, i) => i);
    for (const notes of (await recorders.seen.call()).values()) expect(notes).toEqual(expected);
    expect(answers).toEqual(expected.map((i) => i + 1));
    expect(seen).toEqual([]);
  });

  test('that are cut off for longer are lost, with everything on them; the others are not', async () => {
    const { seen, supervise } = watcher();
    const hosts = await attached({ partitionTimeoutMs: 1_000 });
    const procs = await hosts.spawnProcs({ supervise });
    const grown = await procs.spawn('grown', Grown);
    const [families] = [[...(await grown.raise.call()).values()]];
    const hanging = grown.slice({ hosts: 1 }).hang.callOne();
    const heal = second.cut();
    onTestFinished(() => heal());
    await expect(hanging).rejects.toMatchObject({ kind: 'unreachable' });
    await until(() => seen.length === 1);
    expect(seen[0]).toMatchObject({ mesh: 'grown', kind: 'unreachable', points: [{ rank: 1 }] });
    expect(seen[0]?.message).toContain('was silent for 1000 ms');
    expect(await grown.slice({ hosts: 0 }).pid.callOne()).toBe(families[0]?.[0]);
    // Over there everything ends, too, though nobody can tell it to.
    await until(() => !families[1]?.some(isAlive));
    expect(families[0]?.every(isAlive)).toBe(true);
    await expect(hosts.slice({ hosts: 1 }).spawnProcs({ supervise })).rejects.toMatchObject({ kind: 'unreachable' });
  });

  test('serve the next program when they are back', async () => {
    const procs = await (await attached()).spawnProcs();
    const grown = await procs.spawn('grown', Grown);
    expect(await grown.pid.call()).toHaveLength(2);
  });

  test('that cannot reach each other are still reached by the program', async () => {
    const { seen, supervise } = watcher();
    const procs = await (await attached({ partitionTimeoutMs: 1_000 })).spawnProcs({ supervise });
    const counters = await procs.spawn('counters', Counter, 0);
    const forwarders = await procs.spawn('forwarders', Forwarder);
    const [from, to] = [forwarders.slice({ hosts: 0 }), counters.slice({ hosts: 1 })];
    expect(await from.incrementIn.callOne({ list: [to] }, 1)).toEqual([1]);
    const heal = first.cut(second);
    onTestFinished(() => heal());
    await expect(from.incrementIn.callOne({ list: [to] }, 1)).rejects.toMatchObject({
      cause: { code: 'ERR_MONARCH_MESH', kind: 'unreachable' },
    });
    expect(await counters.increment.call(0)).toHaveLength(2);
    expect(seen).toEqual([]);
  });

  test('whose daemon is killed are lost at once with its processes', async () => {
    const { seen, supervise } = watcher();
    const daemon = await serve(second);
    const hosts = await attachToHosts([daemon.address], { tokenFile: path, partitionTimeoutMs: 1_000 });
    onTestFinished(async () => await hosts[Symbol.asyncDispose]());
    const grown = await (await hosts.spawnProcs({ supervise })).spawn('grown', Grown);
    const [pid = 0] = [...(await grown.pid.call()).values()];
    daemon.child.kill('SIGKILL');
    await until(() => !isAlive(pid) && seen.length === 1);
    expect(seen[0]?.kind).toBe('unreachable');
  });

  test('with a slow link that loses packets do all of the above, slowly', async () => {
    const { seen, supervise } = watcher();
    const procs = await (await attached()).spawnProcs({ supervise });
    const recorders = await procs.spawn('recorders', Recorder);
    // One in 100 is lost on the way there, and 10 Mbit a second come back.
    first.lose(100);
    first.limit(10);
    const data = new Float32Array(2 ** 17).fill(1);
    const large = recorders.overwrite.call(data);
    for (let i = 0; i < 200; i++) {
      recorders.note.broadcast(i);
      if (i % 20 === 0) await recorders.echo.call(i);
    }
    expect([...(await large).values()].every((answer) => answer.every((x) => x === 9))).toBe(true);
    const expected = Array.from({ length: 200 }, (_, i) => i);
    for (const notes of (await recorders.seen.call()).values()) expect(notes).toEqual(expected);
    const numbers: number[] = [];
    for await (const { value } of recorders.slice({ hosts: 0 }).numbers.stream(500)) numbers.push(value);
    expect(numbers).toEqual(Array.from({ length: 500 }, (_, i) => i));
    expect(seen).toEqual([]);
  });
});
