import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type RunFile, type RunSession, recordSession } from '../src/record/run-file.ts';
import { surroundingsOf } from '../src/record/surroundings.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'forge-run-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

const manifest = path.resolve(import.meta.dirname, '../package.json');
const here = surroundingsOf(manifest);
const session: RunSession = { ...here, started: '2026-01-01T00:00:00.000Z', args: ['run.seed=2'], seed: 2 };
const read = () => (JSON.parse(readFileSync(path.join(folder, 'run.json'), 'utf8')) as RunFile).sessions;

test('surroundings name Node, processors and the packages in use, those of packages of Forge included', () => {
  expect(here.node).toBe(process.versions.node);
  expect(here.cpu).toMatch(/ × \d+$/);
  const installed = JSON.parse(
    readFileSync(path.join(path.dirname(manifest), 'node_modules/zod/package.json'), 'utf8'),
  );
  expect(here.packages['zod']).toBe((installed as { version: string }).version);
  expect(here.packages).toMatchObject({ '@forge/onnx': expect.any(String), 'onnxruntime-node': expect.any(String) });
});

test('a run that begins has a file of its own; one that goes on adds to it and tells what has changed', () => {
  expect(recordSession(folder, session, { isResumed: false })).toEqual([]);
  const packages = { ...here.packages, zod: '0.0.1' };
  expect(recordSession(folder, { ...session, packages, memoryGiB: 1 }, { isResumed: true })).toEqual([
    `zod: ${here.packages['zod']} → 0.0.1`,
  ]);
  expect(recordSession(folder, { ...session, packages, node: '1.0.0' }, { isResumed: true })).toEqual([
    `node: ${here.node} → 1.0.0`,
  ]);
  expect(read()).toHaveLength(3);
  expect(recordSession(folder, session, { isResumed: false })).toEqual([]);
  expect(read()).toEqual([session]);
});

test('a damaged file does not keep a run from going on', () => {
  writeFileSync(path.join(folder, 'run.json'), '{"sessions":');
  expect(recordSession(folder, session, { isResumed: true })).toEqual([]);
  expect(read()).toEqual([session]);
});
