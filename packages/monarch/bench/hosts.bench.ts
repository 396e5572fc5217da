import { fork } from 'node:child_process';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { attachToHosts, type HostMesh, thisHost } from '@forge/monarch';
import { Packr } from 'msgpackr';
import { WebSocket } from 'ws';
import { makeNetwork, whyNoNamespaces } from '../test/fixtures/namespaces.ts';
import { scratchFolder, startHost, tokenFile } from '../test/fixtures/start-host.ts';
import { Echo } from './actors/echo.ts';
import { interleaved, medianSeconds, print, seconds } from './print.ts';

const BYTES = 64 * 2 ** 20;
const CALLS = 2_000;

/** The control: a process that answers over TCP, with nothing of ours in between. */
async function openControl() {
  const child = fork(fileURLToPath(new URL('./actors/tcp.ts', import.meta.url)), [String(BYTES)]);
  const [port, sinkPort] = await new Promise<number[]>((resolve) =>
    child.once('message', (ports) => resolve(ports as number[])),
  );
  const packr = new Packr({ useRecords: false });
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
  const sink = connect({ host: '127.0.0.1', port: sinkPort ?? 0, noDelay: true });
  await Promise.all([
    new Promise((resolve) => socket.once('open', resolve)),
    new Promise((resolve) => sink.once('connect', resolve)),
  ]);
  let id = 0;
  return {
    add: async () => {
      const answer = new Promise<Buffer>((resolve) => socket.once('message', resolve));
      socket.send(packr.pack({ id: id++, endpoint: 'add', args: [1, 2] }));
      packr.unpack(await answer);
    },
    take: async (data: Uint8Array) => {
      const taken = new Promise((resolve) => sink.once('data', resolve));
      sink.write(data);
      await taken;
    },
    close: () => {
      socket.close();
      sink.destroy();
      child.disconnect();
    },
  };
}

/** From the end of a process, or of the way to it, to the handler of its owner. */
async function toSupervise(hosts: HostMesh<never>, end: (pid: number) => void): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  let startedAt = 0;
  const supervise = () => {
    resolve(performance.now() - startedAt);
    return true;
  };
  const procs = await hosts.spawnProcs({ supervise });
  const echo = await procs.spawn('echo', Echo);
  const pid = await echo.pid.callOne();
  startedAt = performance.now();
  end(pid);
  return await promise;
}

async function main(): Promise<void> {
  using scratch = scratchFolder();
  const path = tokenFile(scratch.folder, 'a token of the benches, 32 chars');
  const control = await openControl();
  const data = new Uint8Array(BYTES).fill(1);
  const kill = (pid: number) => process.kill(pid, 'SIGKILL');

  for (const guard of ['plain', 'token'] as const) {
    const daemon = await startHost(guard === 'token' ? ['--token-file', path] : []);
    {
      await using hosts = await attachToHosts([daemon.address], guard === 'token' ? { tokenFile: path } : {});
      const host = hosts.slice({ hosts: 0 });
      await using procs = await host.spawnProcs();
      const echo = await procs.spawn('echo', Echo);
      const call = await interleaved(
        async () => await medianSeconds(CALLS, async () => await echo.add.callOne(1, 2)),
        async () => await medianSeconds(CALLS, control.add),
      );
      print(`callOne to an attached host, ${guard}`, call.ours * 1e6, 'us', call.control * 1e6);
      const large = await interleaved(
        async () => await seconds(async () => await echo.take.callOne(data)),
        async () => await seconds(async () => await control.take(data)),
      );
      print(
        `64 MiB argument to an attached host, ${guard}`,
        BYTES / large.ours / 1e9,
        'GB/s',
        BYTES / large.control / 1e9,
      );
      if (guard === 'token') print('kill -9 on an attached host to supervise', await toSupervise(host, kill), 'ms');
    }
    await daemon.stop();
  }
  control.close();
  print('kill -9 on this host to supervise', await toSupervise(thisHost(), kill), 'ms');

  const why = whyNoNamespaces();
  if (why !== '') return console.error(`no figure of a partition: ${why}`);
  using network = makeNetwork(1);
  for (const machine of network.machines) {
    const daemon = await startHost(['--token-file', path], {
      listen: `${machine.address}:0`,
      command: machine.command,
    });
    let heal = () => {};
    {
      await using hosts = await attachToHosts([daemon.address], { tokenFile: path });
      const cut = () => {
        heal = machine.cut();
      };
      print('partition to supervise', await toSupervise(hosts.slice({ hosts: 0 }), cut), 'ms');
    }
    heal();
    await daemon.stop();
  }
}

await main();
