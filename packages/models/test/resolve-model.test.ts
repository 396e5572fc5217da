import { fork } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type DownloadProgress, HubAccessError, HubDownloadError, HubNotFoundError } from '@forge/hub';
import { type HubServer, type HubServerOptions, serveHub } from '@forge/hub/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadConfig, loadLora, loadModel, loadTokenizer, type ResolveOptions, resolveModel } from '../src/index.ts';
import { goldenFolder, modelWithTokenizer, temporaryFolder } from './temporary-folder.ts';

const model = 'forge-test/qwen3-tiny';

/** A model on a hub of its own, and an empty cache. */
async function hubWith(options: Partial<HubServerOptions> = {}, golden = 'qwen3_tied') {
  const sharded = golden === 'qwen3_untied_sharded' ? { maxShardBytes: 120_000 } : {};
  const folder = await modelWithTokenizer(golden, sharded);
  const server = await serveHub({ name: model, folder, ...options });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const cacheFolder = join(await temporaryFolder(), 'hub');
  const at: ResolveOptions = { endpoint: server.endpoint, cacheFolder, token: '', retries: 0 };
  return { folder, server, at, cached: join(cacheFolder, 'models--forge-test--qwen3-tiny') };
}

const blobsIn = (cached: string): Promise<string[]> => readdir(join(cached, 'blobs')).catch(() => []);

/** Bytes of the largest file whose download has begun. */
async function beginningIn(cached: string): Promise<number> {
  const sizes = (await blobsIn(cached))
    .filter((blob) => blob.endsWith('.incomplete'))
    .map(async (name) => (await lstat(join(cached, 'blobs', name)).catch(() => undefined))?.size);
  return Math.max(0, ...(await Promise.all(sizes)).map((size) => size ?? 0));
}

/** Ranges that were asked for of a file, the probe for its size left out. */
const rangesOf = ({ requests }: HubServer, file: string): readonly (string | undefined)[] =>
  requests
    .filter(({ path, at, range }) => at === 'storage' && path === `/${file}` && range !== 'bytes=0-0')
    .map(({ range }) => range);

/** An address at which nobody listens. */
async function nobodyThere(): Promise<string> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo; // of a server on a port
  await new Promise((closed) => server.close(closed));
  return `http://127.0.0.1:${port}`;
}

describe('a name on the hub', () => {
  test.each(['qwen3_tied', 'qwen3_untied_sharded'])('%s becomes the model that its folder is', async (golden) => {
    const { folder, at } = await hubWith({}, golden);
    const { config, weights, tokenizer } = await loadModel(model, at);
    const expected = await loadModel(folder);
    expect(config).toEqual(expected.config);
    expect(weights).toEqual(expected.weights);
    expect(tokenizer.encode('Hello')).toEqual(expected.tokenizer.encode('Hello'));
  });

  test('is laid out as huggingface_hub does, with what transformers needs and no more', async () => {
    const { at, cached, server } = await hubWith();
    const folder = await resolveModel(model, at);
    expect(folder).toBe(join(cached, 'snapshots', server.commit));
    expect(await readFile(join(cached, 'refs', 'main'), 'utf8')).toBe(server.commit);
    expect((await readdir(folder)).toSorted()).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    for (const name of await readdir(folder)) {
      expect((await lstat(join(folder, name))).isSymbolicLink()).toBe(true);
      expect(await readlink(join(folder, name))).toMatch(/^\.\.\/\.\.\/blobs\/([0-9a-f]{40}|[0-9a-f]{64})$/);
    }
    expect(await blobsIn(cached)).toHaveLength(4);
  });

  test('is not downloaded twice, and another commit brings only what changed', async () => {
    const { at, folder, server } = await hubWith();
    await resolveModel(model, at);
    const first = server.contentRequests().length;
    await resolveModel(model, at);
    expect(server.contentRequests()).toHaveLength(first);
    await writeFile(join(folder, 'generation_config.json'), '{"temperature": 0.6}');
    await using later = await serveHub({ name: model, folder, version: 'second' });
    const { generation } = await loadModel(model, { ...at, endpoint: later.endpoint });
    expect(generation.temperature).toBe(0.6);
    expect(later.contentRequests()).toEqual(['generation_config.json']);
  });

  test('needs no weights for its tokenizer, and only its config for that', async () => {
    const { at, server } = await hubWith();
    await loadConfig(model, at);
    expect(server.contentRequests()).toEqual(['config.json']);
    expect((await loadTokenizer(model, at)).encode('Hi')).toEqual([39, 72]);
    expect(server.contentRequests()).not.toContain('model.safetensors');
  });

  test('of adapters brings their two files', async () => {
    const { at, server } = await hubWith({ folder: join(goldenFolder('peft'), 'qwen2') });
    const config = await loadConfig(goldenFolder('qwen2'));
    expect(await loadLora(model, config, at)).toEqual(await loadLora(join(goldenFolder('peft'), 'qwen2'), config));
    expect(server.contentRequests().toSorted()).toEqual(['adapter_config.json', 'adapter_model.safetensors']);
  });

  test('that is asked for twice at the same time is downloaded once', async () => {
    const { at, server } = await hubWith();
    const [one, other] = await Promise.all([resolveModel(model, at), resolveModel(model, at)]);
    expect(one).toBe(other);
    expect(new Set(server.contentRequests()).size).toBe(server.contentRequests().length);
  });

  test('a commit that is in the cache needs no network at all', async () => {
    const { at, server } = await hubWith();
    const folder = await resolveModel(model, at);
    const { length } = server.requests;
    expect(await resolveModel(model, { ...at, revision: server.commit })).toBe(folder);
    expect(server.requests).toHaveLength(length);
  });

  test('may be written as hf://, with a revision', async () => {
    const { at, server } = await hubWith();
    const folder = await resolveModel(`hf://${model}`, at);
    expect(await resolveModel(`hf://${model}@${server.commit}`, at)).toBe(folder);
    await expect(resolveModel(`hf://${model}@v2`, at)).rejects.toMatchObject({
      message: `${model} has no revision v2.`,
    });
  });

  test('gives way to a folder of that name, and a path that is no name is left alone', async () => {
    const { at, server } = await hubWith();
    const here = process.cwd();
    const folder = await temporaryFolder();
    await mkdir(join(folder, model), { recursive: true });
    process.chdir(folder);
    try {
      expect(await resolveModel(model, at)).toBe(model);
    } finally {
      process.chdir(here);
    }
    for (const path of ['./models/absent', '/models/absent', 'absent', 'a/b/c', '../up', 'owner/..', 'a/b@main']) {
      expect(await resolveModel(path, at)).toBe(path);
    }
    expect(server.requests).toEqual([]);
  });
});

test('the token goes to the hub, and not to where it redirects', async () => {
  const { at, server } = await hubWith({ token: 'secret of another hub' });
  await resolveModel(model, { ...at, token: 'secret of another hub' });
  const tokens = (where: 'hub' | 'storage') =>
    new Set(server.requests.filter((request) => request.at === where).map(({ authorization }) => authorization));
  expect(tokens('hub')).toEqual(new Set(['Bearer secret of another hub']));
  expect(tokens('storage')).toEqual(new Set([undefined]));
});

test('progress rises to the size of all files, with a rate', async () => {
  const { at, folder } = await hubWith();
  const seen: DownloadProgress[] = [];
  await resolveModel(model, { ...at, onProgress: (progress) => seen.push(progress) });
  const sizes = await Promise.all(
    ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'].map(
      async (name) => (await lstat(join(folder, name))).size,
    ),
  );
  const totalBytes = sizes.reduce((sum, size) => sum + size);
  expect(seen.at(-1)).toMatchObject({ name: model, bytes: totalBytes, totalBytes, secondsLeft: 0 });
  const bytes = seen.map((progress) => progress.bytes);
  expect(bytes).toEqual(bytes.toSorted((a, b) => a - b));
});

describe('a connection', () => {
  test('that is cut again and again goes on where it ended', async () => {
    const cut = { file: 'model.safetensors', cutAfterBytes: 20_000 };
    const { at, server, folder: source } = await hubWith({ faults: [cut] });
    const folder = await resolveModel(model, at);
    const { size } = await lstat(join(source, 'model.safetensors'));
    const ranges = rangesOf(server, 'model.safetensors');
    expect(ranges.length).toBeGreaterThanOrEqual(Math.floor(size / 20_000));
    expect(ranges.slice(0, 3)).toEqual([undefined, `bytes=20000-${size - 1}`, `bytes=40000-${size - 1}`]);
    expect(await readFile(join(folder, 'model.safetensors'))).toEqual(
      await readFile(join(source, 'model.safetensors')),
    );
  });

  test('that falls silent is made anew', async () => {
    const stall = { file: 'model.safetensors', stallAfterBytes: 1000, times: 1 };
    const { at, server } = await hubWith({ faults: [stall] });
    await loadModel(model, { ...at, stallTimeoutMs: 300 });
    expect(rangesOf(server, 'model.safetensors')[1]).toMatch(/^bytes=1000-/);
  });

  test('that ends with the caller leaves a beginning, from which the next download goes on', async () => {
    const stall = { file: 'model.safetensors', stallAfterBytes: 5000, times: 1 };
    const { at, cached, server } = await hubWith({ faults: [stall] });
    const controller = new AbortController();
    const reason = new Error('the user went away');
    const call = resolveModel(model, { ...at, stallTimeoutMs: 60_000, signal: controller.signal }).catch(
      (error: unknown) => error,
    );
    await expect.poll(() => beginningIn(cached)).toBe(5000);
    controller.abort(reason);
    expect(await call).toBe(reason);
    expect((await readdir(join(cached, 'snapshots', server.commit))).includes('model.safetensors')).toBe(false);
    await expect(resolveModel(model, { ...at, offline: true })).rejects.toMatchObject({ reason: 'offline' });
    await loadModel(model, at);
    expect(rangesOf(server, 'model.safetensors').at(-1)).toMatch(/^bytes=5000-/);
    expect((await blobsIn(cached)).filter((name) => name.endsWith('.incomplete'))).toEqual([]);
  });

  test('of a busy hub is tried again', async () => {
    const { at } = await hubWith({ apiStatuses: [503] });
    expect((await loadConfig(model, { ...at, retries: 1 })).numHiddenLayers).toBeGreaterThan(0);
  });
});

describe('content with another hash', () => {
  test.each(['model.safetensors', 'config.json'])('%s is refused and not kept', async (file) => {
    const { at, cached, server } = await hubWith({ faults: [{ file, isDamaged: true }] });
    const error = await resolveModel(model, at).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(HubDownloadError);
    expect(error).toMatchObject({ code: 'ERR_HUB_DOWNLOAD', reason: 'damaged', repository: model });
    expect(await readdir(join(cached, 'snapshots', server.commit))).not.toContain(file);
  });

  test('a beginning that is not of this file is thrown away', async () => {
    const { at, cached, server } = await hubWith();
    await resolveModel(model, { ...at });
    const pointer = join(cached, 'snapshots', server.commit, 'model.safetensors');
    const blob = join(cached, 'snapshots', server.commit, await readlink(pointer));
    await rm(blob);
    await writeFile(`${blob}.${hostname()}.incomplete`, 'not the beginning of a model');
    await loadModel(model, at);
    expect(rangesOf(server, 'model.safetensors').map((range) => range?.startsWith('bytes=28-'))).toEqual([
      undefined,
      true,
      undefined,
    ]);
  });
});

describe('a full disk', () => {
  test('is noticed before the download, by the size that the hub gives', async () => {
    const { at, cached, server } = await hubWith({ claimedBytes: 2 ** 50 });
    await expect(resolveModel(model, at)).rejects.toMatchObject({
      reason: 'diskFull',
      message: expect.stringContaining('HF_HUB_CACHE'),
    });
    expect(server.contentRequests()).toEqual([]);
    expect(await blobsIn(cached)).toEqual([]);
  });

  test.runIf(process.platform === 'linux')(
    'is an error of its own, and leaves nothing that takes up space',
    async () => {
      const { at, cached, folder } = await hubWith();
      const { createHash } = await import('node:crypto');
      const etag = createHash('sha256')
        .update(await readFile(join(folder, 'model.safetensors')))
        .digest('hex');
      const partial = `${etag}.${hostname()}.incomplete`;
      await mkdir(join(cached, 'blobs'), { recursive: true });
      await symlink('/dev/full', join(cached, 'blobs', partial)); // every write to it fails as on a full disk
      const error = await resolveModel(model, at).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'ERR_HUB_DOWNLOAD', reason: 'diskFull' });
      expect(await blobsIn(cached)).not.toContain(partial);
    },
  );
});

describe('refusals say what to do', () => {
  const failure = async (
    options: Partial<HubServerOptions>,
    more: ResolveOptions = {},
    name = model,
  ): Promise<unknown> => {
    const { at } = await hubWith(options);
    return resolveModel(name, { ...at, ...more }).catch((cause: unknown) => cause);
  };

  test('a model that is not there, or private', async () => {
    const error = await failure({}, {}, 'forge-test/absent');
    expect(error).toBeInstanceOf(HubNotFoundError);
    expect(error).toMatchObject({ code: 'ERR_HUB_NOT_FOUND', repository: 'forge-test/absent' });
    expect((error as Error).message).toMatch(/no folder here has that name\. If the model is private, set HF_TOKEN/);
    expect(await failure({ token: 'a' })).toBeInstanceOf(HubNotFoundError);
  });

  test('a token that is not accepted', async () => {
    const error = await failure({ token: 'a' }, { token: 'b' });
    expect(error).toBeInstanceOf(HubAccessError);
    expect(error).toMatchObject({ code: 'ERR_HUB_ACCESS', status: 401 });
  });

  test('a gated model', async () => {
    const error = await failure({ isGated: true });
    expect(error).toBeInstanceOf(HubAccessError);
    expect(error).toMatchObject({ status: 403, message: expect.stringMatching(/Ask for access at .*forge-test/) });
  });

  test('a revision that is not there, and one that is none', async () => {
    expect(await failure({}, { revision: 'v2' })).toMatchObject({ message: `${model} has no revision v2.` });
    expect(await failure({}, { revision: '../../secret' })).toBeInstanceOf(RangeError);
  });

  test('a model without safetensors', async () => {
    const { at } = await hubWith({ folder: goldenFolder('tokenizer') });
    await expect(loadTokenizer(model, at)).resolves.toBeDefined();
    await expect(resolveModel(model, at)).rejects.toMatchObject({ message: `${model} has no config.json.` });
  });

  test('no network', async () => {
    const at: ResolveOptions = { endpoint: await nobodyThere(), cacheFolder: await temporaryFolder(), retries: 0 };
    await expect(resolveModel(model, at)).rejects.toMatchObject({
      code: 'ERR_HUB_DOWNLOAD',
      reason: 'unreachable',
      message: expect.stringMatching(/cannot be reached \(ECONNREFUSED\)\. Check the network and HF_ENDPOINT/),
    });
  });

  test('a file that the hub does not give', async () => {
    expect(await failure({ faults: [{ file: 'model.safetensors', status: 500 }] })).toMatchObject({
      reason: 'unreachable',
    });
  });
});

describe('without network', () => {
  test('the cache serves when it has all that is wanted', async () => {
    const { at } = await hubWith();
    const folder = await resolveModel(model, at);
    const away = { ...at, endpoint: await nobodyThere() };
    expect(await resolveModel(model, away)).toBe(folder);
    expect(await resolveModel(model, { ...away, offline: true })).toBe(folder);
  });

  test('offline mode asks nobody, and says what is missing', async () => {
    const { at, server } = await hubWith();
    await loadTokenizer(model, at);
    const { length } = server.requests;
    const error = await resolveModel(model, { ...at, offline: true }).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ reason: 'offline', message: expect.stringMatching(/model\.safetensors is not in/) });
    expect(server.requests).toHaveLength(length);
    await loadTokenizer(model, { ...at, offline: true });
  });

  test('a snapshot with a shard missing is not whole', async () => {
    const { at } = await hubWith({}, 'qwen3_untied_sharded');
    const folder = await resolveModel(model, at);
    await rm(join(folder, 'model-00002-of-00003.safetensors'));
    await expect(resolveModel(model, { ...at, offline: true })).rejects.toMatchObject({
      message: expect.stringContaining('1 of the 3 shards'),
    });
    expect((await readdir(await resolveModel(model, at))).length).toBeGreaterThan(5);
  });
});

describe('processes', () => {
  test('take the hub, the token and the cache from the environment', async () => {
    const { server } = await hubWith({ token: 'hf_of_the_environment' });
    const home = await temporaryFolder();
    const env = { HF_ENDPOINT: server.endpoint, HF_TOKEN: 'hf_of_the_environment', HF_HOME: home };
    const resolver = join(import.meta.dirname, 'fixtures', 'resolver.ts');
    const run = async (more: Record<string, string>) => {
      const child = fork(resolver, [JSON.stringify([model, {}])], {
        stdio: 'inherit',
        env: { ...process.env, ...env, ...more },
      });
      return (await once(child, 'exit'))[0];
    };
    expect(await run({})).toBe(0);
    const { length } = server.requests;
    expect(await run({ HF_HUB_OFFLINE: '1' })).toBe(0);
    expect(server.requests).toHaveLength(length);
    expect(await readdir(join(home, 'hub'))).toEqual(['models--forge-test--qwen3-tiny']);
  });

  const start = (at: ResolveOptions) =>
    fork(join(import.meta.dirname, 'fixtures', 'resolver.ts'), [JSON.stringify([model, at])], {
      stdio: 'inherit',
    });

  test('that want one model download it once', async () => {
    const { at, server } = await hubWith();
    const children = [start(at), start(at), start(at)];
    const codes = await Promise.all(children.map((child) => once(child, 'exit')));
    expect(codes).toEqual([
      [0, null],
      [0, null],
      [0, null],
    ]);
    expect(server.contentRequests().toSorted()).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
  });

  test('one killed in the middle does not stop the other, which goes on from there', async () => {
    const stall = { file: 'model.safetensors', stallAfterBytes: 30_000, times: 1 };
    const { at, cached, server } = await hubWith({ faults: [stall] });
    const victim = start({ ...at, stallTimeoutMs: 60_000 });
    await expect.poll(() => beginningIn(cached)).toBe(30_000);
    const waiting = loadModel(model, at);
    victim.kill('SIGKILL');
    await once(victim, 'exit');
    expect((await waiting).config.architecture).toBe('Qwen3ForCausalLM');
    expect(rangesOf(server, 'model.safetensors').at(-1)).toMatch(/^bytes=30000-/);
  });
});
