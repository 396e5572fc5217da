import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type HubServerOptions, serveHub } from '@forge/hub/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { chooseFiles } from '../src/files/choose-files.ts';
import { DatasetActor, type FileSource, readTasks, resolveFiles } from '../src/index.ts';
import { all, golden, gsm8k, temporaryFolder } from './temporary-folder.ts';

const name = 'forge-test/gsm8k';

/** A folder with these files: records of a split, or a text. */
function folderWith(files: Readonly<Record<string, readonly number[] | string>>): string {
  const folder = temporaryFolder();
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    if (file.endsWith('.parquet')) copyFileSync(golden('gsm8k-zstd.parquet'), path.join(folder, file));
    else writeFileSync(path.join(folder, file), typeof content === 'string' ? content : content.map(gsm8k).join('\n'));
  }
  return folder;
}

/** A hub that serves such a folder, and an empty cache. */
async function hubWith(folder: string, options: Partial<HubServerOptions> = {}) {
  const server = await serveHub({ kind: 'dataset', name, folder, ...options });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const cacheFolder = path.join(temporaryFolder(), 'hub');
  return { server, cacheFolder, hub: { endpoint: server.endpoint, cacheFolder, token: '', retries: 0 } };
}

const targetsOf = async (source: FileSource) => (await all(readTasks(source))).map(({ target }) => Number(target));

const card = `---
license: mit
configs:
- config_name: main
  data_files:
  - split: train
    path: main/tr*
  - split: test
    path:
    - main/test-*
- config_name: socratic
  data_files: socratic/**
---
# Grade school math
`;

const files = {
  'README.md': card,
  'main/train-00000-of-00002.jsonl': [1, 2],
  'main/train-00001-of-00002.jsonl': [3],
  'main/test-00000-of-00001.jsonl': [4],
  'socratic/deep/a.jsonl': [5],
  'script.py': 'print()',
};

describe('which files are meant', () => {
  const chosen = (available: readonly string[], part = {}) => {
    const choice = chooseFiles(available, part);
    return 'files' in choice ? choice.files : choice.problem;
  };

  test.each<readonly [readonly string[], object, readonly string[] | string]>([
    [['a.jsonl', 'b.jsonl', 'c.txt'], {}, ['a.jsonl', 'b.jsonl']],
    [['train.jsonl', 'test.jsonl', 'dev.jsonl'], {}, ['train.jsonl']],
    [['train.jsonl', 'test.jsonl', 'dev.jsonl'], { split: 'validation' }, ['dev.jsonl']],
    [['data/train-1.parquet', 'data/test-1.parquet', 'train.jsonl'], {}, ['data/train-1.parquet']],
    [['a/train/0.parquet', 'b/train/0.parquet'], { config: 'b' }, ['b/train/0.parquet']],
    [['constraints.jsonl', 'test.jsonl'], {}, ['constraints.jsonl']],
    [['hard.jsonl', 'easy.jsonl'], { split: 'hard' }, ['hard.jsonl']],
    [['train.jsonl'], { split: 'test' }, 'has no split test. It has train'],
    [['a/train.jsonl'], { config: 'b' }, 'has no folder b of records. It has a'],
    [['a.txt'], {}, 'has no .jsonl, .json, .csv and no .parquet files'],
  ])('of %j with %j: %j', (available, part, expected) => {
    expect(chosen(available, part)).toEqual(expected);
  });

  test('a folder is what its card declares, as on the hub', async () => {
    const folder = folderWith(files);
    expect(await targetsOf({ path: folder, config: 'main' })).toEqual([1, 2, 3]);
    expect(await targetsOf({ path: folder, config: 'main', split: 'test' })).toEqual([4]);
    expect(await targetsOf({ path: folder, config: 'socratic' })).toEqual([5]);
    await expect(resolveFiles(folder)).rejects.toThrow(/the data set has several configs: name one of main, socratic/);
    await expect(resolveFiles(folder, { config: 'main', split: 'dev' })).rejects.toThrow(
      /no split dev\. It has train, test/,
    );
  });

  test('a path that ends like a file of records is no name, whether it is there or not', async () => {
    expect(await resolveFiles('data/absent.jsonl')).toEqual(['data/absent.jsonl']);
    expect(await resolveFiles('absent.csv')).toEqual(['absent.csv']);
  });
});

describe('a name on the hub', () => {
  test('is the files of its config and split, in the layout of huggingface_hub, and no others', async () => {
    const { server, hub, cacheFolder } = await hubWith(folderWith(files));
    expect(await targetsOf({ path: name, config: 'main', hub })).toEqual([1, 2, 3]);
    const fetched = server.contentRequests().toSorted();
    expect(fetched).toEqual(['README.md', 'main/train-00000-of-00002.jsonl', 'main/train-00001-of-00002.jsonl']);
    const cached = path.join(cacheFolder, 'datasets--forge-test--gsm8k');
    expect(await readFile(path.join(cached, 'refs', 'main'), 'utf8')).toBe(server.commit);
    expect(readdirSync(path.join(cached, 'snapshots', server.commit, 'main'))).toHaveLength(2);
    expect(await targetsOf({ path: `hf://datasets/${name}`, config: 'main', split: 'test', hub })).toEqual([4]);
    expect(await targetsOf({ path: name, config: 'main', hub })).toEqual([1, 2, 3]);
    expect(server.contentRequests()).toHaveLength(4);
  });

  test('is opened from the cache without network, and says what of it is not there', async () => {
    const { server, hub } = await hubWith(folderWith(files));
    await targetsOf({ path: name, config: 'main', hub });
    const { length } = server.requests;
    const offline = { ...hub, offline: true };
    expect(await targetsOf({ path: name, config: 'main', hub: offline })).toEqual([1, 2, 3]);
    await expect(targetsOf({ path: name, config: 'main', split: 'test', hub: offline })).rejects.toMatchObject({
      code: 'ERR_HUB_DOWNLOAD',
      message: expect.stringMatching(/test is not in .* Fetch the dataset once without it\./),
    });
    expect(server.requests).toHaveLength(length);
  });

  test('that was cut goes on where it ended, and a damaged file is not kept', async () => {
    const folder = folderWith({ 'data/train-0.parquet': '', 'data/test-0.parquet': '' });
    const file = 'data/train-0.parquet';
    const cut = await hubWith(folder, { faults: [{ file, cutAfterBytes: 1000, times: 2 }] });
    expect(await targetsOf({ path: name, hub: { ...cut.hub, retries: 3 } })).toHaveLength(50);
    const ranges = cut.server.requests.filter(({ at, range }) => at === 'storage' && range !== 'bytes=0-0');
    expect(ranges.at(-1)?.range).toMatch(/^bytes=2000-/);
    const damaged = await hubWith(folder, { faults: [{ file, isDamaged: true }] });
    await expect(targetsOf({ path: name, hub: damaged.hub })).rejects.toMatchObject({ reason: 'damaged' });
  });

  test('in formats that are not read is taken from the copy in Parquet', async () => {
    const converted = folderWith({ 'main/train/0000.parquet': '', 'main/test/0000.parquet': '' });
    const { hub } = await hubWith(folderWith({ 'data.csv': 'a,b' }), {
      branches: { 'refs/convert/parquet': converted },
    });
    expect(await targetsOf({ path: name, config: 'main', hub })).toHaveLength(50);
  });

  test('that is not there, or has no such part, is refused by its name', async () => {
    const { hub } = await hubWith(folderWith(files));
    const refusal = (source: Omit<FileSource, 'hub'>) =>
      all(readTasks({ ...source, hub })).catch((error: Error) => error.message);
    expect(await refusal({ path: 'forge-test/absent' })).toMatch(
      /forge-test\/absent is not at .*\/datasets\/forge-test\/absent/,
    );
    expect(await refusal({ path: name })).toBe(`${name} has several configs: name one of main, socratic.`);
    expect(await refusal({ path: name, config: 'x' })).toBe(`${name} has no config x. It has main, socratic.`);
    expect(await refusal({ path: name, config: 'main', revision: 'v2' })).toBe(`${name} has no revision v2.`);
  });

  test('is a data set like any other', async () => {
    const { hub } = await hubWith(folderWith({ 'data/train-0.parquet': '' }));
    const options = { path: name, hub, streaming: true, bufferSize: 16 };
    await using dataset = await DatasetActor.asActor(options);
    expect(await dataset.sources.callOne()).toEqual([{ name, share: 1, size: 50 }]);
    expect(await dataset.sampleAt.callOne(49)).toMatchObject({ epoch: 0, source: name });
  });
});
