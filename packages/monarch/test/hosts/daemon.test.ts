import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { clientTls, readCredentials } from '../../src/hosts/credentials.ts';
import { ANSWER, connectionKey, writePrologue } from '../../src/hosts/prologue.ts';
import { GONE, GONE_CODE, PROTOCOL, ROUTES } from '../../src/hosts/protocol.ts';
import { packHello } from '../../src/wire/handshake.ts';
import { SUBPROTOCOL } from '../../src/wire/upgrade.ts';
import { isAlive } from '../fixtures/alive.ts';
import { type RunningHost, scratchFolder, startHost, tokenFile } from '../fixtures/start-host.ts';
import { until } from '../fixtures/until.ts';

const TOKEN = 'a token of the tests, 32 letters';
const scratch = scratchFolder();
const credentials = readCredentials({ token: TOKEN });
/** No TLS. */
const PLAIN = {};
afterAll(() => scratch[Symbol.dispose]());

async function hostWith(args: readonly string[], place = {}): Promise<RunningHost> {
  const host = await startHost(args, place);
  onTestFinished(async () => await host.stop());
  return host;
}

/** A connection to a daemon that ends with the test. */
function dial({ address }: RunningHost, path: string, tls = clientTls(credentials), headers = {}): WebSocket {
  const socket = new WebSocket(`${tls === PLAIN ? 'ws' : 'wss'}://${address}${path}`, SUBPROTOCOL, { ...tls, headers });
  onTestFinished(() => socket.terminate());
  return socket;
}

/** Asks for a process by a prologue, and says what comes of it; `connection` is then open. */
async function askFor(
  { port }: RunningHost,
  prologue: string | Buffer,
): Promise<{ answer: string; connection: Socket }> {
  const connection = createConnection(port, '127.0.0.1');
  onTestFinished(() => void connection.destroy());
  connection.on('error', () => {});
  connection.write(prologue);
  const answer = await new Promise<string>((resolve) => {
    connection.once('data', ([byte]) => resolve(byte === ANSWER.ready ? 'ready' : byte === ANSWER.gone ? 'gone' : '?'));
    connection.once('close', () => resolve('nothing'));
  });
  return { answer, connection };
}

/** The first thing that becomes of a connection. */
async function outcome(socket: WebSocket): Promise<string> {
  return await new Promise((resolve) => {
    socket.once('open', () => resolve('open'));
    socket.once('unexpected-response', (_, { statusCode }) => resolve(`status ${statusCode}`));
    socket.once('error', ({ message }) => resolve(message));
  });
}

const REQUEST = {
  protocol: PROTOCOL,
  node: 'v24',
  machine: 'h1',
  name: 'a test',
  partitionTimeoutMs: 100,
  again: false,
};

async function attach(host: RunningHost, program: string, request: object = REQUEST, tls = clientTls(credentials)) {
  const socket = dial(host, ROUTES.attach(program), tls);
  socket.once('open', () => socket.send(JSON.stringify(request)));
  const answer: Record<string, unknown> = await new Promise((resolve, reject) => {
    socket.once('message', (data) => resolve(JSON.parse(String(data))));
    socket.once('error', reject);
    socket.once('close', (code) => reject(new RangeError(`closed with ${code}`)));
  });
  return { socket, answer };
}

/** Bytes that a raw connection gets before it is ended by the other side. */
async function received(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (data) => {
    text += data.toString('latin1');
  });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

const programs = (function* () {
  for (let i = 0; ; i++) yield `program-of-the-tests-${i}`;
})();
const newProgram = () => programs.next().value ?? '';

/** Pid of the agent that the latest line of the daemon tells of. */
async function agentOf(host: RunningHost): Promise<number> {
  await until(() => host.lines.some((line) => line.startsWith('attached ')));
  return Number(
    host.lines
      .findLast((line) => line.startsWith('attached '))
      ?.split(' ')
      .at(-1),
  );
}

/** An empty folder for the directories of daemons, gone with the test. */
function temporaryFolder(): string {
  const { folder, [Symbol.dispose]: remove } = scratchFolder();
  onTestFinished(remove);
  return folder;
}

describe('a daemon with a token', () => {
  let host: RunningHost;
  beforeAll(async () => {
    host = await startHost(['--token-file', tokenFile(scratch.folder, TOKEN)]);
  });
  afterAll(async () => await host.stop());

  test('accepts who has the token, and starts an agent for its program', async () => {
    const { socket, answer } = await attach(host, newProgram());
    expect(answer).toMatchObject({ kind: 'accepted', protocol: PROTOCOL, node: process.version });
    expect(answer['allow']).toEqual([expect.stringMatching(/^\//)]);
    const agent = await agentOf(host);
    expect(isAlive(agent)).toBe(true);
    socket.send('detach');
    await new Promise((resolve) => socket.once('close', resolve));
    expect(isAlive(agent)).toBe(false);
    expect(host.lines.at(-1)).toBe('detached a test as h1: it has left');
  });

  test('gives nothing to who has another token, and tells of it once', async () => {
    const other = clientTls(readCredentials({ token: 'another token of the tests' }));
    for (let i = 0; i < 3; i++)
      expect(await outcome(dial(host, ROUTES.watch(newProgram()), other))).toMatch(/EPROTO|decrypt error/);
    await until(() => host.lines.some((line) => line.startsWith('refused')));
    expect(host.lines.filter((line) => line.startsWith('refused'))).toEqual([
      'refused 127.0.0.1: it has another token. (told once for each address)',
    ]);
  });

  test('gives nothing to who does not speak TLS, or has no token', async () => {
    const plain = createConnection(host.port, '127.0.0.1');
    plain.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await received(plain)).not.toContain('HTTP');
    const anonymous = connectTls({ port: host.port, host: '127.0.0.1', rejectUnauthorized: false });
    await expect(
      new Promise((resolve, reject) => anonymous.once('secureConnect', resolve).once('error', reject)),
    ).rejects.toThrow(/handshake failure|EPROTO/);
  });

  test('refuses a program that speaks another version, telling both', async () => {
    const { answer } = await attach(host, newProgram(), { ...REQUEST, protocol: '9.9' });
    expect(answer).toMatchObject({ kind: 'refused', protocol: PROTOCOL, isGone: false });
    expect(answer['reason']).toContain(`version ${PROTOCOL} of the protocol, the program version 9.9`);
  });

  test('refuses requests that are none of its protocol, and lives on', async () => {
    expect((await attach(host, newProgram(), { ...REQUEST, machine: '../x' })).answer['reason']).toContain('damaged');
    expect(await outcome(dial(host, '/'))).toBe('status 404');
    expect(await outcome(dial(host, '/attach/short'))).toBe('status 404');
    // A page in a browser of this machine sends its origin.
    expect(await outcome(dial(host, ROUTES.watch(newProgram()), PLAIN, { origin: 'https://example.org' }))).not.toBe(
      'open',
    );
    expect(
      await outcome(dial(host, ROUTES.watch(newProgram()), clientTls(credentials), { origin: 'https://example.org' })),
    ).toBe('status 403');
    expect(await outcome(dial(host, ROUTES.watch(newProgram())))).toBe(`status ${GONE}`);
  });

  test('gives nothing for garbage, before or behind the encryption, and lives on', async () => {
    const garbage = Array.from({ length: 40 }, (_, i) => randomBytes(1 + i * i));
    await Promise.all(
      garbage.map(async (bytes, i) => {
        const place = { port: host.port, host: '127.0.0.1' };
        const socket = i % 2 === 0 ? createConnection(place) : connectTls({ ...place, ...clientTls(credentials) });
        socket.once(i % 2 === 0 ? 'connect' : 'secureConnect', () => socket.end(bytes));
        expect(await received(socket)).not.toContain('101 Switching');
      }),
    );
    expect(await outcome(dial(host, ROUTES.watch(newProgram())))).toBe(`status ${GONE}`);
  });

  test('refuses headers that are too long, and messages that are too long', async () => {
    expect(
      await outcome(dial(host, ROUTES.watch(newProgram()), clientTls(credentials), { x: 'x'.repeat(10_000) })),
    ).not.toBe('open');
    const socket = dial(host, ROUTES.attach(newProgram()));
    socket.once('open', () => socket.send('x'.repeat(100_000)));
    expect(await new Promise((resolve) => socket.once('close', resolve))).toBe(1009);
  });

  test('hands a connection on to the process that its prologue names, or says that it has ended', async () => {
    const program = newProgram();
    const { socket } = await attach(host, program);
    expect((await askFor(host, writePrologue(program, 'h1'))).answer).toBe('ready');
    expect((await askFor(host, writePrologue(program, 'h1.7'))).answer).toBe('gone');
    expect((await askFor(host, writePrologue(program, 'h2.1.3'))).answer).toBe('gone');
    socket.send('detach');
    await new Promise((resolve) => socket.once('close', resolve));
    expect((await askFor(host, writePrologue(program, 'h1'))).answer).toBe('gone');
  });

  test('gives nothing for a prologue that proves nothing, and tells of it once', async () => {
    const own = await hostWith(['--token-file', tokenFile(scratch.folder, TOKEN)]);
    const program = newProgram();
    await attach(own, program);
    const good = writePrologue(program, 'h1');
    const other = writePrologue(newProgram(), 'h1');
    const words = (text: string) => text.split(' ');
    const bad = [
      other,
      // Of this program, with the proof of another, or for another process.
      [...words(good).slice(0, 4), words(other)[4]].join(' '),
      good.replace(' h1 ', ' h1.1 '),
      good.replace(' h1 ', ' ../h1 '),
      // Of another version.
      good.replace('forge/', 'forge/9'),
      good.replace(PROTOCOL, '9.9'),
      // With something behind it, or none at all.
      `${good}x`,
      Buffer.concat([Buffer.from('f'), randomBytes(64), Buffer.from('\n')]),
      'f'.repeat(10_000),
    ];
    for (const prologue of bad) expect((await askFor(own, prologue)).answer).toBe('nothing');
    expect((await askFor(own, good)).answer).toBe('ready');
    // Whoever has listened has nothing of it.
    expect((await askFor(own, good)).answer).toBe('nothing');
    expect(own.lines.filter((line) => line.startsWith('refused'))).toEqual([
      'refused 127.0.0.1: it asked for a process, and did not prove that it belongs to its program. (told once for each address)',
    ]);
  });

  test('a process gives nothing to who has another key, and tells of it', async () => {
    const program = newProgram();
    await attach(host, program);
    const { connection } = await askFor(host, writePrologue(program, 'h1'));
    const stranger = connectTls({ ...clientTls(connectionKey(newProgram())), socket: connection, servername: '' });
    await expect(
      new Promise((resolve, reject) => stranger.once('secureConnect', resolve).once('error', reject)),
    ).rejects.toThrow(/decrypt error|EPROTO|ECONNRESET/);
    expect(await host.line('a test: forge: refused')).toContain('a connection from 127.0.0.1');
    const plain = (await askFor(host, writePrologue(program, 'h1'))).connection;
    plain.write(packHello({ from: '0', to: 'h1', session: 'x', received: 0, resumes: false }));
    // What comes is an alert of TLS at most.
    expect((await received(plain)).length).toBeLessThan(16);
    const known = (await askFor(host, writePrologue(program, 'h1'))).connection;
    const opened = connectTls({ ...clientTls(connectionKey(program)), socket: known, servername: '' });
    await new Promise((resolve, reject) => opened.once('secureConnect', resolve).once('error', reject));
  });

  test('tells who watches a program for another machine when it ends', async () => {
    const program = newProgram();
    const { socket } = await attach(host, program);
    const watch = dial(host, ROUTES.watch(program));
    expect(await outcome(watch)).toBe('open');
    const closed = new Promise((resolve) => watch.once('close', resolve));
    socket.send('detach');
    expect(await closed).toBe(GONE_CODE);
    expect(await outcome(dial(host, ROUTES.watch(program)))).toBe(`status ${GONE}`);
  });

  test('keeps the agents of two programs apart', async () => {
    const [first, second] = [newProgram(), newProgram()];
    const one = await attach(host, first);
    const agents = [await agentOf(host)];
    const two = await attach(host, second);
    agents.push(await agentOf(host));
    one.socket.send('detach');
    await until(() => !isAlive(agents[0] ?? 0));
    expect((await askFor(host, writePrologue(first, 'h1'))).answer).toBe('gone');
    expect((await askFor(host, writePrologue(second, 'h1'))).answer).toBe('ready');
    expect(isAlive(agents[1] ?? 0)).toBe(true);
    two.socket.send('detach');
  });

  test('a program that comes back in time finds its agent; one that does not finds it gone', async () => {
    const program = newProgram();
    const first = await attach(host, program);
    const agent = await agentOf(host);
    first.socket.terminate();
    const again = await attach(host, program, { ...REQUEST, again: true });
    expect(again.answer['kind']).toBe('accepted');
    expect(isAlive(agent)).toBe(true);
    again.socket.send('detach');
    await until(() => !isAlive(agent));
    const late = await attach(host, program, { ...REQUEST, again: true });
    expect(late.answer).toMatchObject({ kind: 'refused', isGone: true });
  });

  test('when an agent dies its program is told at once', async () => {
    const { socket } = await attach(host, newProgram());
    const closed = new Promise((resolve) => socket.once('close', resolve));
    process.kill(await agentOf(host), 'SIGKILL');
    expect(await closed).toBe(GONE_CODE);
  });

  test('cuts connections that say nothing, at every stage', async () => {
    const silent = createConnection(host.port, '127.0.0.1');
    const asking = createConnection(host.port, '127.0.0.1');
    asking.write('forge/');
    const halfway = connectTls({ ...clientTls(credentials), port: host.port, host: '127.0.0.1' });
    halfway.once('secureConnect', () => halfway.write('GET /watch HTTP/1.1\r\nHost: x\r\nX: '));
    const attached = dial(host, ROUTES.attach(newProgram()));
    expect(await outcome(attached)).toBe('open');
    const cut = [silent, asking, halfway].map(async (socket) => await received(socket));
    await Promise.all([...cut, new Promise((resolve) => attached.once('close', resolve))]);
  });
});

test('without credentials it serves loopback, and nothing else', async () => {
  const host = await hostWith([]);
  expect(host.lines[0]).toContain('plain, for this machine only');
  expect((await attach(host, newProgram(), REQUEST, PLAIN)).answer['kind']).toBe('accepted');
  await expect(startHost([], { listen: '0.0.0.0:0' })).rejects.toThrow(
    /0\.0\.0\.0 can be reached by others.*--token-file/,
  );
});

test.each([
  [
    ['--token-file', tokenFile(scratch.folder, 'a token that others may read', 0o644)],
    /may be read by others.*chmod 600/,
  ],
  [['--token-file', tokenFile(scratch.folder, 'short')], /fewer than 16.*openssl rand/],
  [['--token-file', '/nowhere/at/all'], /\/nowhere\/at\/all cannot be read/],
  [['--cert', 'x'], /--cert, --key and --ca go together/],
  [['--allow', '/nowhere/at/all'], /allow: \/nowhere\/at\/all cannot be read/],
  [['--orphan-ms', 'soon'], /'soon' is no number of milliseconds/],
  [['--lissten', 'x'], /Unknown option .--lissten.*--help/s],
])('a command line that cannot be is refused: %j', async (args, problem) => {
  await expect(startHost(args)).rejects.toThrow(problem);
});

test('processes end when their program was silent for too long', async () => {
  const temporary = temporaryFolder();
  const host = await hostWith(['--orphan-ms', '300'], { temporary });
  const { socket } = await attach(host, newProgram(), { ...REQUEST, partitionTimeoutMs: 1 }, PLAIN);
  const agent = await agentOf(host);
  socket.terminate();
  expect(await host.line('detached')).toMatch(/^a test as h1: it was silent for \d+ ms$/);
  expect(isAlive(agent)).toBe(false);
  const [own = ''] = readdirSync(temporary);
  expect(readdirSync(join(temporary, own))).toEqual(['alive']);
});

test.each(['SIGTERM', 'SIGINT', 'SIGKILL'] as const)(
  'a daemon that ends by %s leaves no process and no directory of a program',
  async (signal) => {
    const temporary = temporaryFolder();
    const host = await startHost([], { temporary });
    await attach(host, newProgram(), REQUEST, PLAIN).then(({ socket }) => socket.on('error', () => {}));
    const agent = await agentOf(host);
    const [own = ''] = readdirSync(temporary);
    expect(readdirSync(join(temporary, own))).toEqual(['1', 'alive']);
    host.child.kill(signal);
    await host.ended();
    await until(() => !isAlive(agent));
    if (signal === 'SIGKILL') {
      await until(() => readdirSync(join(temporary, own)).join() === 'alive');
      // The next one tidies up.
      const next = await hostWith([], { temporary });
      expect(existsSync(join(temporary, own))).toBe(false);
      await next.stop();
    }
    expect(readdirSync(temporary)).toEqual([]);
  },
);

test('a folder among those of daemons that is none of theirs stays', async () => {
  const temporary = temporaryFolder();
  const folder = mkdtempSync(join(temporary, 'forge-host-'));
  await hostWith([], { temporary });
  expect(existsSync(folder)).toBe(true);
});

test('allowed folders are told as they were named and as they are', async () => {
  const folder = join(scratch.folder, 'real');
  mkdirSync(folder);
  symlinkSync(folder, join(scratch.folder, 'link'));
  const host = await hostWith(['--allow', join(scratch.folder, 'link')]);
  const { answer } = await attach(host, newProgram(), REQUEST, PLAIN);
  expect(answer['allow']).toEqual([join(scratch.folder, 'link'), folder]);
});

// Node cannot make certificates by itself.
describe.skipIf(spawnSync('openssl', ['version']).status !== 0)('certificates (made with openssl)', () => {
  const at = (name: string) => join(scratch.folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe', cwd: scratch.folder });
  const authority = (name: string) =>
    openssl(
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    );
  const signed = (name: string, by: string) => {
    openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    );
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${by}.pem`,
      '-CAkey',
      `${by}.key`,
      '-days',
      '2',
      '-copy_extensions',
      'copy',
      '-out',
      `${name}.pem`,
    );
    return { cert: at(`${name}.pem`), key: at(`${name}.key`), ca: at(`${by}.pem`) };
  };
  beforeAll(() => {
    authority('ours');
    authority('theirs');
  });

  test('a daemon takes programs with a certificate of its authority, and no others', async () => {
    const files = signed('daemon', 'ours');
    const host = await hostWith(['--cert', files.cert, '--key', files.key, '--ca', files.ca]);
    const good = clientTls(readCredentials({ tls: signed('program', 'ours') }));
    expect((await attach(host, newProgram(), REQUEST, good)).answer['kind']).toBe('accepted');
    const stranger = { ...signed('stranger', 'theirs'), ca: at('ours.pem') };
    expect(
      await outcome(dial(host, ROUTES.watch(newProgram()), clientTls(readCredentials({ tls: stranger })))),
    ).not.toBe('open');
    expect(await outcome(dial(host, ROUTES.watch(newProgram()), { ca: readFileSync(at('ours.pem')) }))).not.toBe(
      'open',
    );
  });

  test('a program with a token refuses a server with a certificate, whoever signed it', async () => {
    const { cert, key } = signed('impostor', 'ours');
    const server = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    for (const trust of [{}, { ca: readFileSync(at('ours.pem')) }]) {
      const socket = connectTls({ ...clientTls(credentials), ...trust, port, host: '127.0.0.1' });
      const opened = new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
      await expect(opened).rejects.toThrow(trust.ca === undefined ? /./ : /another token/);
    }
  });
});
