import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { type ActorMesh, attachToHosts, type HostMesh, thisHost } from '@forge/monarch';
import { Packr } from 'msgpackr';
import { WebSocket } from 'ws';
import { clientTls } from '../src/hosts/credentials.ts';
import { makeNetwork, whyNoNamespaces } from '../test/fixtures/namespaces.ts';
import { scratchFolder, startHost, tokenFile } from '../test/fixtures/start-host.ts';
import { Echo } from './actors/echo.ts';
import { interleaved, medianSeconds, print, seconds } from './print.ts';

const BYTES = 64 * 2 ** 20;
const CALLS = 2_000;

/** The controls: a process that answers over TCP, with nothing of ours in between. */
async function openControl() {
  const credentials = { kind: 'token', key: randomBytes(32) } as const;
  const path = fileURLToPath(new URL('./actors/tcp.ts', import.meta.url));
  const child = fork(path, [String(BYTES), credentials.key.toString('hex')]);
  const ports = await new Promise<Record<'calls' | 'kept' | 'dropped' | 'secure', number>>((resolve) =>
    child.once('message', (message) => resolve(message as never)),
  );
  const packr = new Packr({ useRecords: false });
  const socket = new WebSocket(`ws://127.0.0.1:${ports.calls}`, { perMessageDeflate: false });
  const at = (port: number) => ({ host: '127.0.0.1', port, noDelay: true });
  const sinks = {
    kept: connect(at(ports.kept)),
    dropped: connect(at(ports.dropped)),
    secure: connectTls({ ...at(ports.secure), ...clientTls(credentials) }),
  };
  await Promise.all([
    new Promise((resolve) => socket.once('open', resolve)),
    new Promise((resolve) => sinks.kept.once('connect', resolve)),
    new Promise((resolve) => sinks.dropped.once('connect', resolve)),
    new Promise((resolve) => sinks.secure.once('secureConnect', resolve)),
  ]);
  let id = 0;
  return {
    add: async () => {
      const answer = new Promise<Buffer>((resolve) => socket.once('message', resolve));
      socket.send(packr.pack({ id: id++, endpoint: 'add', args: [1, 2] }));
      packr.unpack(await answer);
    },
    take: async (sink: keyof typeof sinks, data: Uint8Array) => {
      const taken = new Promise((resolve) => sinks[sink].once('data', resolve));
      sinks[sink].write(data);
      await taken;
    },
    close: () => {
      socket.close();
      for (const sink of Object.values(sinks)) sink.destroy();
      child.disconnect();
    },
  };
}

/** 64 MiB, copied when it is sent or moved, beside the same over a bare socket. */
async function largeArguments(
  echo: ActorMesh<Echo, never>,
  control: Awaited<ReturnType<typeof openControl>>,
  guard: 'plain' | 'token',
): Promise<void> {
  const data = new Uint8Array(BYTES).fill(1);
  const copied = async () => await seconds(async () => await echo.take.callOne(data));
  const moved = async () => {
    const own = new Uint8Array(BYTES).fill(1);
    return await seconds(async () => await echo.take.with({ transfer: [own.buffer] }).callOne(own));
  };
  const bare = (sink: Parameters<typeof control.take>[0]) => async () =>
    await seconds(async () => await control.take(sink, data));
  const figures = [
    ['copied', copied, 'raw TCP', bare('kept')],
    ['moved', moved, 'raw TCP', bare('kept')],
    ['copied', copied, 'raw TCP that keeps nothing', bare('dropped')],
    ['moved', moved, 'raw TCP that keeps nothing', bare('dropped')],
    ...(guard === 'token' ? ([['copied', copied, 'raw TLS of the same cipher', bare('secure')]] as const) : []),
  ] as const;
  for (const [what, ours, against, raw] of figures) {
    await ours();
    const large = await interleaved(ours, raw, 7);
    const name = `64 MiB argument to an attached host, ${guard}, ${what}, beside ${against}`;
    print(name, BYTES / large.ours / 1e9, 'GB/s', BYTES / large.control / 1e9);
  }
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
      await largeArguments(echo, control, guard);
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
