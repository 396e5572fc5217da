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

const parts = (state: string, restarts: number) => [
  { name: 'trainer', kind: 'actor', replicas: [{ index: 0, state: 'healthy', restarts: 0 }] },
  { name: 'generator', kind: 'service', replicas: [{ index: 0, state, restarts }] },
];

test('what is wrong, the processes and what happened to them, and the time of steps can be asked for', async () => {
  const folder = writeRun('one');
  const lines = (file: string, records: readonly object[]) =>
    writeFileSync(path.join(folder, file), records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  lines('processes.jsonl', [
    { step: 0, wallSeconds: 1, parts: parts('healthy', 0) },
    { step: 2, wallSeconds: 5, parts: parts('recovering', 0) },
    { step: 3, wallSeconds: 6, parts: parts('healthy', 1) },
  ]);
  lines('warnings.jsonl', [
    { step: 1, wallSeconds: 2, name: 'truncated', message: 'a' },
    { step: 3, wallSeconds: 6, name: 'stall', message: 'b' },
  ]);
  appendFileSync(
    path.join(folder, 'metrics.jsonl'),
    [1, 3, 2]
      .map((seconds, i) => {
        const delay = (process: string, ms: number) => `,"${process}_perf/event_loop_delay/max_ms":${ms}`;
        const loop = i < 2 ? delay('dataset', seconds * 10) + delay('rl_trainer', seconds) : '';
        return `{"step":${i + 4},"wallSeconds":1,"perf/trainSeconds":${seconds}${loop}}\n`;
      })
      .join(''),
  );
  const dashboard = await serve(folder);
  const { body } = await ask(dashboard, '/v1/health?run=one');
  expect(body).toMatchObject({
    warnings: [{ name: 'stall' }, { name: 'truncated' }],
    processes: {
      parts: parts('healthy', 1),
      changes: [
        { wallSeconds: 6, process: 'generator/0', from: 'recovering', to: 'healthy' },
        { wallSeconds: 5, process: 'generator/0', from: 'healthy', to: 'recovering' },
        { process: 'generator/0', from: null },
        { process: 'trainer/0', from: null, to: 'healthy' },
      ],
    },
    time: [
      { fromStep: 4, toStep: 4, seconds: { train: 1 } },
      { fromStep: 5, toStep: 5, seconds: { train: 3 } },
      { fromStep: 6, toStep: 6, seconds: { train: 2 } },
    ],
    eventLoops: [
      { process: 'dataset', lastMs: 30, worstMs: 30, worstStep: 5 },
      { process: 'trainer', lastMs: 3, worstMs: 3, worstStep: 5 },
    ],
  });
  expect((await ask(dashboard, '/v1/runs')).body).toMatchObject([{ warnings: 2 }]);
});

test('a run without such files has nothing wrong, no processes and no times', async () => {
  const dashboard = await serve(writeRun('one'));
  expect((await ask(dashboard, '/v1/health?run=one')).body).toEqual({
    warnings: [],
    processes: { parts: [], changes: [] },
    time: [],
    eventLoops: [],
  });
});

test('Prometheus is told the latest number of every metric', async () => {
  const { url } = await serve(writeRun('a"b'), writeRun('two'));
  const response = await fetch(new URL('/metrics', url));
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const text = await response.text();
  expect(text.split('\n')).toEqual([
    '# HELP forge_run_step Last step of the run.',
    '# TYPE forge_run_step gauge',
    'forge_run_step{run="a\\"b"} 3',
    'forge_run_step{run="two"} 3',
    '# HELP forge_run_seconds Age of the run at that step.',
    '# TYPE forge_run_seconds gauge',
    'forge_run_seconds{run="a\\"b"} 1.5',
    'forge_run_seconds{run="two"} 1.5',
    '# HELP forge_run_warnings Warnings of the run.',
    '# TYPE forge_run_warnings gauge',
    'forge_run_warnings{run="a\\"b"} 0',
    'forge_run_warnings{run="two"} 0',
    '# HELP forge_run_metric Latest number of a metric of the run.',
    '# TYPE forge_run_metric gauge',
    'forge_run_metric{run="a\\"b",metric="reward/mean"} 0.3',
    'forge_run_metric{run="two",metric="reward/mean"} 0.3',
    '',
  ]);
});

test('completions that were trained on, turned away or not scored can be asked for', async () => {
  const folder = writeRun('one');
  const more = [
    { step: 3, completion: 'r', reward: 0, rejected: 'zeroVariance' },
    { step: 3, completion: 'u', unscored: { function: 'own', reason: 'threw', message: '"rejected":"no"' } },
  ];
  appendFileSync(path.join(folder, 'completions.jsonl'), more.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const dashboard = await serve(folder);
  const kinds = ['trained', 'rejected', 'unscored'].map(async (kind) => {
    const { body } = await ask(dashboard, `/v1/completions?run=one&kind=${kind}`);
    return (body as { rows: readonly { completion: string }[] }).rows.map(({ completion }) => completion);
  });
  expect(await Promise.all(kinds)).toEqual([['c'], ['r'], ['u']]);
});
