// What a run loses while its dashboard is open: seconds a step of short runs with and without one, in turns. A client without
// a browser does what the page does: it listens to the events, and asks at each for all charts, the health and completions.
// Beside it, the time that the dashboard's process computes, as a share of the machine: that it is taken from the run at most.
// Run: node bench/dashboard.bench.ts [steps] [rounds]. One JSON line a figure.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const [steps = '40', rounds = '3'] = process.argv.slice(2);
const app = path.resolve(import.meta.dirname, '../dist/main.js');
const dashboard = path.resolve(import.meta.dirname, '../../../packages/dashboard/dist/forge-dashboard.js');
/** Steps at the begin, in which graphs are made and memory is taken. */
const FIRST = 5;
const folder = mkdtempSync(path.join(tmpdir(), 'forge-dashboard-bench-'));

/** Seconds a step of one run. */
async function run(name: string, watch: (folder: string) => Promise<() => void>): Promise<number> {
  const settings = [`run.folder=${folder}`, `run.name=${name}`, `grpo.steps=${steps}`, 'grpo.groupsPerStep=8'];
  const quick = ['warmup.maxSteps=0', 'evaluation.atStart=false', 'evaluation.every=1000', 'checkpoint.every=0'];
  const child = spawn(process.execPath, [app, ...settings, ...quick], { stdio: ['ignore', 'ignore', 'inherit'] });
  const metrics = path.join(folder, name, 'metrics.jsonl');
  while (!existsSync(metrics)) await new Promise((resolve) => setTimeout(resolve, 50));
  const stop = await watch(path.join(folder, name));
  await once(child, 'exit');
  stop();
  const lines = readFileSync(metrics, 'utf8').trim().split('\n');
  const seconds = lines.map((line) => (JSON.parse(line) as { readonly wallSeconds: number }).wallSeconds);
  return (seconds.at(-1)! - seconds[FIRST - 1]!) / (seconds.length - FIRST);
}

/** Seconds that a process has computed. */
const computed = ({ pid }: ChildProcess): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

const shares: number[] = [];

/** Opens a dashboard of a run, and watches it as a page does until the returned function is called. */
async function open(watched: string): Promise<() => void> {
  const server = spawn(process.execPath, [dashboard, '--port', '0', watched], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface(server.stdout!), 'line')) as [string];
  const url = /http:\S+/.exec(line)![0];
  const name = encodeURIComponent(path.basename(watched));
  const begun = { seconds: computed(server), atMs: performance.now() };
  const end = new AbortController();
  void (async () => {
    const { body } = await fetch(new URL('/v1/events', url), { signal: end.signal });
    for await (const chunk of body!) {
      const news = /data: (.*)\n/.exec(new TextDecoder().decode(chunk))?.[1];
      if (news === undefined) continue;
      const [{ metrics }] = JSON.parse(news) as [{ readonly metrics: readonly string[] }];
      const query = metrics.map((metric) => `&metric=${encodeURIComponent(metric)}`).join('');
      const asked = [`series?run=${name}&columns=400${query}`, `health?run=${name}`, `completions?run=${name}`];
      for (const each of asked) await (await fetch(new URL(`/v1/${each}`, url), { signal: end.signal })).text();
    }
  })().catch(() => undefined); // it is ended in the middle of an answer
  return () => {
    const wallSeconds = (performance.now() - begun.atMs) / 1000;
    shares.push((computed(server) - begun.seconds) / wallSeconds / availableParallelism());
    end.abort();
    server.kill();
  };
}

try {
  const best = { with: Number.POSITIVE_INFINITY, without: Number.POSITIVE_INFINITY };
  for (let round = 0; round < Number(rounds); round++) {
    best.without = Math.min(best.without, await run(`without-${round}`, async () => () => undefined));
    best.with = Math.min(best.with, await run(`with-${round}`, open));
  }
  const control = { name: 'no dashboard', value: best.without };
  const load = loadavg()[0];
  const print = (figure: object) => process.stdout.write(`${JSON.stringify({ ...figure, load })}\n`);
  print({ bench: 'a step beside a dashboard', value: best.with, unit: 's', control, ratio: best.with / best.without });
  print({ bench: 'computing of the dashboard', value: Math.min(...shares), unit: 'share of the machine', goal: 0.01 });
} finally {
  rmSync(folder, { recursive: true });
}
