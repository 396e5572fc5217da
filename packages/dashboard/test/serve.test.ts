import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Dashboard, DashboardError, serveDashboard } from '../src/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

function writeRun(name: string): string {
  const folder = path.join(temporaryFolder(), name);
  mkdirSync(folder);
  const metrics = [1, 2, 3].map((step) => ({
    step,
    wallSeconds: step / 2,
    phase: 'grpo',
    'reward/mean': step / 10,
    kl: null,
  }));
  writeFileSync(path.join(folder, 'metrics.jsonl'), metrics.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const completion = { step: 3, prompt: 'p', completion: 'c', target: 't', reward: 1 };
  writeFileSync(path.join(folder, 'completions.jsonl'), `${JSON.stringify(completion)}\n`);
  writeFileSync(path.join(folder, 'config.yaml'), 'seed: 1\n');
  return folder;
}

async function serve(...folders: readonly string[]): Promise<Dashboard> {
  const dashboard = await serveDashboard(folders, { intervalMs: 20 });
  onTestFinished(() => dashboard[Symbol.asyncDispose]());
  return dashboard;
}

const ask = async ({ url }: Dashboard, path: string) => {
  const response = await fetch(new URL(path, url));
  return { status: response.status, body: (await response.json()) as unknown };
};

test('runs, their numbers, completions and configuration can be asked for', async () => {
  const dashboard = await serve(writeRun('one'), writeRun('two'));
  expect((await ask(dashboard, '/v1/runs')).body).toMatchObject([
    { name: 'one', lines: 3, lastStep: 3, wallSeconds: 1.5, metrics: ['reward/mean'], completions: 1 },
    { name: 'two' },
  ]);
  expect((await ask(dashboard, '/v1/series?run=one&metric=reward%2Fmean&metric=kl')).body).toEqual({
    'reward/mean': { x: [1, 2, 3], y: [0.1, 0.2, 0.3] },
    kl: { x: [], y: [] },
  });
  expect((await ask(dashboard, '/v1/series?run=two&metric=reward%2Fmean&x=wallSeconds&from=1.2')).body).toEqual({
    'reward/mean': { x: [1, 1.5], y: [0.2, 0.3] },
  });
  expect((await ask(dashboard, '/v1/completions?run=one&text=C')).body).toMatchObject({
    total: 1,
    rows: [{ completion: 'c' }],
  });
  expect((await ask(dashboard, '/v1/config?run=one')).body).toEqual({ config: 'seed: 1\n' });
});

test.each([
  ['/v1/series?run=three', 404, 'there is no run three'],
  ['/v1/nothing?run=one', 404, 'there is no /v1/nothing'],
  ['/v1/series?run=one&from=x', 400, 'from is x; expected a number'],
  ['/v1/series?run=one&x=hour', 400, 'x is hour; expected step, wallSeconds'],
  ['/v1/completions?run=one&sort=up', 400, /sort is up; expected latest/],
  ['/../../etc/passwd', 404, /there is no/],
])('%s is answered with %d', async (path, status, error) => {
  const dashboard = await serve(writeRun('one'));
  const answer = await ask(dashboard, path);
  expect(answer.status).toBe(status);
  expect(answer.body).toEqual({ error: expect.stringMatching(error) });
});

test('who watches is told what was added', async () => {
  const folder = writeRun('one');
  const dashboard = await serve(folder);
  const { body } = await fetch(new URL('/v1/events', dashboard.url));
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  await reader.read();
  appendFileSync(path.join(folder, 'metrics.jsonl'), '{"step":4,"wallSeconds":2,"loss":1}\n');
  const { value } = await reader.read();
  expect(value).toMatch(/^event: changed\ndata: .*"lastStep":4.*"metrics":\["reward\/mean","kl","loss"\]|"loss"/s);
  await reader.cancel();
});

test('a page of elsewhere is refused: it would name this machine by a host of its own', async () => {
  const { url } = await serve(writeRun('one'));
  const { port } = new URL(url);
  const status = await new Promise((resolve) => {
    request({ port, path: '/v1/runs', headers: { host: 'evil.example' } }, ({ statusCode }) =>
      resolve(statusCode),
    ).end();
  });
  expect(status).toBe(403);
  expect((await fetch(url, { method: 'POST' })).status).toBe(405);
});

test('a folder that is none, and an address in use, are refused', async () => {
  await expect(serveDashboard(['/nowhere'])).rejects.toThrow(DashboardError);
  const { url } = await serve(writeRun('one'));
  const port = Number(new URL(url).port);
  await expect(serveDashboard([writeRun('two')], { port })).rejects.toThrow(/cannot listen on 127\.0\.0\.1/);
});
