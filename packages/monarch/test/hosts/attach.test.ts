import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { checkModuleFile, checkModuleText } from '../../src/hosts/allow-list.ts';
import { attachToHosts, type HostMesh, thisHost, thisProc } from '../../src/index.ts';
import { isAlive } from '../fixtures/alive.ts';
import { Counter } from '../fixtures/counter.ts';
import { Grown } from '../fixtures/grown.ts';
import { Forwarder } from '../fixtures/probes.ts';
import { type RunningHost, scratchFolder, startHost, tokenFile } from '../fixtures/start-host.ts';
import { startProgram } from '../fixtures/start-program.ts';
import { until } from '../fixtures/until.ts';
import { watcher } from '../fixtures/watcher.ts';

const TOKEN = 'a token of the tests, 32 letters';
const scratch = scratchFolder();
const path = tokenFile(scratch.folder, TOKEN);
let one: RunningHost;
let two: RunningHost;

beforeAll(async () => {
  [one, two] = await Promise.all([startHost(['--token-file', path]), startHost(['--token-file', path])]);
});
afterAll(async () => {
  await Promise.all([one.stop(), two.stop()]);
  scratch[Symbol.dispose]();
});

async function attached(options = {}, daemons = [one, two]): Promise<HostMesh<'hosts'>> {
  const hosts = await attachToHosts(
    daemons.map(({ address }) => address),
    { tokenFile: path, ...options },
  );
  onTestFinished(async () => await hosts[Symbol.asyncDispose]());
  return hosts;
}

async function ownHost(args: readonly string[] = [], place = {}): Promise<RunningHost> {
  const host = await startHost(args, place);
  onTestFinished(async () => await host.stop());
  return host;
}

const rejection = async (work: Promise<unknown>) =>
  await work.then(
    () => expect.unreachable('it must reject'),
    (error) => error,
  );

describe('attaching', () => {
  test('hosts stand in the order of the list, whenever their addresses come', async () => {
    const late = new Promise<string>((resolve) => setImmediate(() => resolve(one.address)));
    const hosts = await attachToHosts([two.address, late], { token: TOKEN });
    onTestFinished(async () => await hosts[Symbol.asyncDispose]());
    expect(String(hosts.extent)).toBe('{ hosts: 2 }');
    const procs = await hosts.slice({ hosts: 1 }).spawnProcs();
    const { length } = one.lines;
    expect(length).toBeGreaterThan(0);
    const grown = await procs.spawn('grown', Grown);
    const agent = one.lines
      .findLast((line) => line.startsWith('attached'))
      ?.split(' ')
      .at(-1);
    const [pid] = (await grown.pid.call()).values();
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[3]).toBe(agent);
  });

  test('it fails as a whole, naming every host that cannot be attached and why; the others are given back', async () => {
    const before = one.lines.filter((line) => line.startsWith('detached')).length;
    const nobody = createServer().listen(0, '127.0.0.1');
    await once(nobody, 'listening');
    const { port } = nobody.address() as AddressInfo;
    await new Promise((resolve) => nobody.close(resolve));
    const unknown = Promise.reject(new RangeError('the scheduler gave no machine'));
    const error = await rejection(attachToHosts([`127.0.0.1:${port}`, one.address, unknown, 'gpu1'], { token: TOKEN }));
    expect(error).toMatchObject({ name: 'AttachError', code: 'ERR_MONARCH_ATTACH' });
    expect(error.hosts).toEqual([
      { address: `127.0.0.1:${port}`, reason: expect.stringContaining('ECONNREFUSED') },
      { address: expect.stringContaining('host 2'), reason: 'the scheduler gave no machine' },
      { address: 'gpu1', reason: expect.stringContaining('Write host:port') },
    ]);
    for (const { address } of error.hosts) expect(error.message).toContain(address);
    await until(() => one.lines.filter((line) => line.startsWith('detached')).length === before + 1);
  });

  test('credentials that do not fit are told as such', async () => {
    const plain = await ownHost();
    const reasons = await Promise.all(
      [
        attachToHosts([one.address], { token: 'another token of the tests' }),
        attachToHosts([one.address]),
        attachToHosts([plain.address], { token: TOKEN }),
        attachToHosts(['10.1.2.3:7000']),
      ].map(rejection),
    );
    expect(reasons.map(({ hosts }) => hosts[0].reason)).toEqual([
      'it has another token.',
      expect.stringContaining('it probably wants a token or certificates'),
      expect.stringContaining('it probably does not speak TLS'),
      'give a token or certificates: it is beyond this machine.',
    ]);
    await expect(attachToHosts([one.address], { token: TOKEN, tokenFile: path })).rejects.toThrow(/exclude each other/);
    await expect(attachToHosts([])).rejects.toMatchObject({ code: 'ERR_MONARCH_OPTION', option: 'addresses' });
    await expect(attachToHosts([one.address], { partitionTimeoutMs: 0 })).rejects.toThrow(/partitionTimeoutMs/);
  });

  test('a host that says nothing, or speaks another version, is refused', async () => {
    const mute = createServer((socket) => socket.on('error', () => {})).listen(0, '127.0.0.1');
    const other = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    onTestFinished(() => {
      mute.close();
      other.close();
    });
    await Promise.all([once(mute, 'listening'), once(other, 'listening')]);
    other.on('connection', (socket) => {
      const reason = 'it speaks version 9.9 of the protocol, the program version 1.1.';
      socket.send(JSON.stringify({ kind: 'refused', protocol: '9.9', node: 'v99', reason, isGone: false }));
    });
    const addresses = [mute, other].map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
    const { hosts } = await rejection(attachToHosts(addresses, { connectTimeoutMs: 300 }));
    expect(hosts.map(({ reason }: { reason: string }) => reason)).toEqual([
      expect.stringContaining('within 300 ms'),
      expect.stringContaining('version 9.9'),
    ]);
  });

  test('the next program finds the daemon as the first one found it', async () => {
    for (let i = 0; i < 2; i++) {
      await using hosts = await attachToHosts([one.address], { token: TOKEN });
      await using procs = await hosts.spawnProcs();
      const grown = await procs.spawn('grown', Grown);
      expect(await grown.pid.call()).toHaveLength(1);
    }
    await expect((await attached()).spawnProcs({ perHost: { hosts: 2 } })).rejects.toThrow(
      /'hosts', which the hosts have/,
    );
  });
});

describe('processes on attached hosts', () => {
  let hosts: HostMesh<'hosts'>;
  beforeAll(async () => {
    const addresses = [one.address, two.address];
    hosts = await attachToHosts(addresses, { tokenFile: path, partitionTimeoutMs: 1_000 });
  });
  afterAll(async () => await hosts[Symbol.asyncDispose]());

  test('are numbered host by host, and know the hosts that they are on', async () => {
    const procs = await hosts.spawnProcs({ perHost: { gpus: 2 } });
    expect(procs.extent.labels).toEqual(['hosts', 'gpus']);
    const grown = await procs.spawn('grown', Grown);
    const directories = [...(await grown.directory.call()).values()];
    expect(new Set(directories).size).toBe(2);
    expect(directories[0]).toBe(directories[1]);
    expect(procs.hosts.extent.labels).toEqual(['hosts']);
    await expect(hosts.spawnProcs({ kind: 'inline' })).rejects.toMatchObject({ option: 'kind' });
  });

  test('reach each other, processes of the program, and are reached by them', async () => {
    const there = await (await hosts.spawnProcs()).spawn('there', Forwarder);
    const here = await thisHost().spawnProcs({ name: 'here' });
    onTestFinished(async () => await here.stop());
    const counter = await here.spawn('counter', Counter, 0);
    const forwarder = await here.spawn('forwarder', Forwarder);
    // From each host to a process that does not listen to them.
    const answers = [...(await there.incrementIn.call({ list: [counter] }, 1)).values()].flat();
    expect(answers.sort()).toEqual([1, 2]);
    const far = await (await hosts.slice({ hosts: 1 }).spawnProcs()).spawn('far', Counter, 10);
    expect(await forwarder.incrementIn.callOne({ list: [far] }, 1)).toEqual([11]);
    expect(await there.slice({ hosts: 0 }).incrementIn.callOne({ list: [far] }, 1)).toEqual([12]);
    const mine = await thisProc().spawn('mine', Counter, 100);
    expect(await there.slice({ hosts: 1 }).incrementIn.callOne({ list: [mine] }, 1)).toEqual([101]);
  });

  test('call a process of the program that has ended: they are told, as anybody', async () => {
    const { seen, supervise } = watcher();
    const there = await (await hosts.slice({ hosts: 0 }).spawnProcs()).spawn('there', Forwarder);
    const here = await thisHost().spawnProcs({ name: 'here', supervise });
    onTestFinished(async () => await here.stop());
    const counter = await here.spawn('counter', Counter, 0);
    process.kill(await counter.pid.callOne(), 'SIGKILL');
    await until(() => seen.length === 1);
    const error = await rejection(there.incrementIn.callOne({ list: [counter] }, 1));
    expect(error.cause).toMatchObject({ kind: 'signal', process: { signal: 'SIGKILL' } });
  });

  test('are lost with their exit codes, signals and last lines, as those of this machine', async () => {
    const { seen, supervise } = watcher();
    const procs = await hosts.spawnProcs({ supervise, name: 'workers' });
    const grown = await procs.spawn('grown', Grown);
    const [, pid = 0] = [...(await grown.pid.call()).values()];
    const hanging = grown.slice({ hosts: 1 }).hang.callOne();
    process.kill(pid, 'SIGKILL');
    await expect(hanging).rejects.toMatchObject({ kind: 'signal', process: { pid, signal: 'SIGKILL' } });
    grown.slice({ hosts: 0 }).die.broadcast();
    await until(() => seen.length === 2);
    expect(seen[1]).toMatchObject({ mesh: 'grown', points: [{ rank: 0 }], process: { stderrTail: ['last words'] } });
    expect(await (await hosts.spawnProcs()).spawn('again', Counter, 0)).toHaveLength(2);
  });

  test('print lines that arrive here with name and rank', async () => {
    const procs = await hosts.spawnProcs({ name: 'workers' });
    const lines = procs.logs();
    const grown = await procs.spawn('grown', Grown);
    await grown.slice({ hosts: 1 }).print.callOne(['from afar']);
    const { value } = await lines.next();
    expect(value).toMatchObject({ text: 'from afar', rank: 1 });
    await lines.return?.();
  });

  test('get large arrays as they were when they were sent, however often their memory is used again', async () => {
    const grown = await (await hosts.spawnProcs()).spawn('grown', Grown);
    const far = [0, 1].map((i) => grown.slice({ hosts: i }));
    const data = new Uint8Array(6 * 2 ** 20);
    const answers: Promise<boolean>[] = [];
    for (let round = 0; round < 12; round++) {
      data.fill(round);
      for (const one of far) answers.push(Promise.resolve(one.isAll.callOne(data, round)));
      if (round % 3 === 2) await answers.at(-2);
    }
    data.fill(99);
    expect(new Set(await Promise.all(answers))).toEqual(new Set([true]));
  });

  test('may be busy for longer than a machine may be silent', async () => {
    const procs = await hosts.spawnProcs();
    const grown = await procs.spawn('grown', Grown);
    await grown.block.call(2_000);
    expect(await grown.pid.call()).toHaveLength(2);
  });

  test('end with the actor that started them, which has lost its process', async () => {
    const { supervise } = watcher();
    const procs = await hosts.slice({ hosts: 0 }).spawnProcs({ supervise });
    const grown = await procs.spawn('grown', Grown);
    const [pid = 0, child = 0] = await grown.raise.callOne();
    expect(isAlive(child)).toBe(true);
    process.kill(pid, 'SIGKILL');
    await until(() => !isAlive(child));
  });

  test('end with the actor that started them, on another machine as well', async () => {
    const { supervise } = watcher();
    const procs = await hosts.slice({ hosts: 0 }).spawnProcs({ supervise });
    const grown = await procs.spawn('grown', Grown);
    const child = await grown.raiseOn.callOne(hosts.slice({ hosts: 1 }));
    expect(isAlive(child)).toBe(true);
    process.kill(await grown.pid.callOne(), 'SIGKILL');
    await until(() => !isAlive(child));
  });

  test('attach no hosts themselves', async () => {
    const procs = await thisHost().spawnProcs();
    onTestFinished(async () => await procs.stop());
    const grown = await procs.spawn('grown', Grown);
    await expect(grown.attach.callOne(one.address, TOKEN)).rejects.toMatchObject({
      cause: { code: 'ERR_MONARCH_OWNERSHIP' },
    });
  });
});

describe('the modules of a host', () => {
  const folder = join(scratch.folder, 'allowed');
  const outside = join(scratch.folder, 'outside');
  beforeAll(() => {
    mkdirSync(folder);
    mkdirSync(outside);
    writeFileSync(join(outside, 'link.ts'), '');
    symlinkSync(join(outside, 'link.ts'), join(folder, 'link.ts'));
  });

  test('are below its folders: a class of another is refused here, before anything is sent', async () => {
    const host = await ownHost(['--allow', folder]);
    const hosts = await attachToHosts([host.address]);
    onTestFinished(async () => await hosts[Symbol.asyncDispose]());
    const procs = await hosts.spawnProcs();
    await expect(procs.spawn('counter', Counter, 0)).rejects.toMatchObject({
      code: 'ERR_MONARCH_MODULE',
      host: host.address,
      module: Counter.module,
      message: expect.stringContaining('--allow'),
    });
    const variables = ['NODE_OPTIONS', 'LD_PRELOAD', 'FORGE_ALLOW'];
    for (const name of variables) await expect(hosts.spawnProcs({ env: { [name]: 'x' } })).rejects.toThrow(name);
  });

  test('are loaded from nowhere else, whoever asks', async () => {
    const file = join(folder, 'insider.ts');
    const at = (path: string) => new URL(path, import.meta.url).href;
    const source = [
      `import { Actor, endpoint, thisProc } from '${at('../../src/index.ts')}';`,
      `import { Counter } from '${Counter.module}';`,
      'export class Insider extends Actor {',
      '  static readonly module: string = import.meta.url;',
      "  readonly spawn = endpoint(async () => void (await thisProc().spawn('counter', Counter, 0)));",
      '}',
    ];
    writeFileSync(file, source.join('\n'));
    const { Insider } = await import(pathToFileURL(file).href);
    const host = await ownHost(['--allow', folder]);
    const hosts = await attachToHosts([host.address]);
    onTestFinished(async () => await hosts[Symbol.asyncDispose]());
    const insider = await (await hosts.slice({ hosts: 0 }).spawnProcs()).spawn('insider', Insider);
    const error = await rejection(Reflect.get(insider, 'spawn').callOne());
    expect(error.cause.cause).toMatchObject({ code: 'ERR_MONARCH_MODULE', module: Counter.module });
  });

  test.each([
    [(at: string) => pathToFileURL(join(at, 'actor.ts')).href, true],
    [(at: string) => pathToFileURL(join(at, 'deep/er/actor.ts')).href, true],
    [(at: string) => pathToFileURL(`${at}-not/actor.ts`).href, false],
    [(at: string) => `${pathToFileURL(at).href}/../outside/link.ts`, false],
    [(at: string) => `${pathToFileURL(at).href}/%2e%2e/outside/link.ts`, false],
    [(at: string) => `${pathToFileURL(at).href}/..%2foutside/link.ts`, false],
    [(at: string) => `file://elsewhere${at}/actor.ts`, false],
    [(at: string) => join(at, 'actor.ts'), false],
    [() => 'data:text/javascript,export default 1', false],
    [() => 'node:fs', false],
    [() => 'https://example.org/actor.ts', false],
    [() => '', false],
  ])('are files below its folders, by the text of their URL: case %#', (module, isAllowed) => {
    const check = () => checkModuleText(module(folder), [folder], 'gpu1');
    if (isAllowed) expect(check).not.toThrow();
    else expect(check).toThrow(/gpu1 loads actor modules from .* only/);
  });

  test('are where their links lead', () => {
    const link = pathToFileURL(join(folder, 'link.ts')).href;
    expect(() => checkModuleText(link, [folder], 'gpu1')).not.toThrow();
    expect(() => checkModuleFile(link, [folder], 'gpu1')).toThrow(/only, not/);
    expect(() => checkModuleFile(link, [folder, outside], 'gpu1')).not.toThrow();
  });
});

describe('nothing is left', () => {
  const args = ['--orphan-ms', '500'];
  let daemons: RunningHost[];
  beforeAll(async () => {
    daemons = await Promise.all([startHost(args), startHost(args)]);
  });
  afterAll(async () => {
    await Promise.all(daemons.map(async (daemon) => await daemon.stop()));
  });

  /** A program that uses two hosts, and the pids of everything that it has started. */
  async function start(what: string) {
    const program = startProgram('attached', [what, ...daemons.map(({ address }) => address)]);
    const pids: number[] = JSON.parse(await program.line('pids'));
    const agents = daemons.map(({ lines }) =>
      Number(
        lines
          .findLast((line) => line.startsWith('attached'))
          ?.split(' ')
          .at(-1),
      ),
    );
    const directories = agents.map((agent) => readFileSync(`/proc/${agent}/cmdline`, 'utf8').split('\0')[4] ?? '');
    expect(pids).toHaveLength(5);
    expect([...pids, ...agents].every(isAlive)).toBe(true);
    expect(directories.every((directory) => existsSync(directory))).toBe(true);
    const own = await program.line('directory');
    // All was looked at: now it may end.
    program.child.kill('SIGUSR2');
    return { program, pids, agents, directories: [...directories, own] };
  }
  const gone = async (pids: readonly number[]) => await until(() => !pids.some(isAlive));

  test.each(['exit', 'stop', 'block'])('of a program that ends by %s', async (what) => {
    const { program, pids, agents, directories } = await start(what);
    if (what === 'block') {
      await program.line('ready');
      program.child.kill('SIGKILL');
    }
    await program.ended();
    await gone([...pids, ...agents]);
    await until(() => !directories.some((directory) => existsSync(directory)));
    expect(daemons.map(({ child }) => child.exitCode)).toEqual([null, null]);
  });

  test('of a machine whose agent is killed, and the program is told', async () => {
    const { program, pids, agents, directories } = await start('wait');
    await program.line('ready');
    process.kill(agents[1] ?? 0, 'SIGKILL');
    const { code, stderr } = await program.ended();
    expect(code).toBe(1);
    expect(stderr).toContain('forge: grown/1 cannot be reached: its agent has ended.');
    await gone([...pids, ...agents]);
    await until(() => !directories.some((directory) => existsSync(directory)));
  });

  test('of a machine whose daemon is killed, and the program is told', async () => {
    const { program, pids, agents, directories } = await start('wait');
    await program.line('ready');
    daemons[0]?.child.kill('SIGKILL');
    const { code, stderr } = await program.ended();
    expect(code).toBe(1);
    expect(stderr).toContain('forge: grown/0 cannot be reached:');
    await gone([...pids, ...agents]);
    await until(() => !directories.some((directory) => existsSync(directory)));
  });
});

test('a program that is killed with nobody left to tidy up is tidied up after by the next one', async () => {
  const { folder: temporary, [Symbol.dispose]: remove } = scratchFolder();
  onTestFinished(remove);
  const env = { TMPDIR: temporary };
  const daemon = await ownHost(['--orphan-ms', '500']);
  const killed = startProgram('alone', [daemon.address], env);
  const pids: number[] = JSON.parse(await killed.line('pids'));
  killed.child.kill('SIGKILL');
  await until(() => !pids.some(isAlive));
  const [left = ''] = readdirSync(temporary);
  expect(readdirSync(join(temporary, left))).toEqual(['0.sock']);
  const next = startProgram('alone', [daemon.address], env);
  await next.line('pids');
  await until(() => !existsSync(join(temporary, left)));
  // Its own is in use.
  expect(readdirSync(temporary)).toHaveLength(1);
  next.child.kill('SIGKILL');
});

test('two programs on the same hosts do not disturb each other', async () => {
  const daemons = await Promise.all([ownHost(), ownHost()]);
  const addresses = daemons.map(({ address }) => address);
  const [first, second] = [
    startProgram('attached', ['wait', ...addresses]),
    startProgram('attached', ['wait', ...addresses]),
  ];
  const pids: number[] = JSON.parse(await first.line('pids'));
  const others: number[] = JSON.parse(await second.line('pids'));
  await Promise.all([first.line('ready'), second.line('ready')]);
  first.child.kill('SIGKILL');
  await until(() => !pids.some(isAlive));
  expect(others.every(isAlive)).toBe(true);
  second.child.kill('SIGKILL');
});
