import { appendFileSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { serveDashboard } from '../src/index.ts';

/** Opening a run of 100,000 steps with 30 metrics in a browser, looking closer, and how long a new step takes to be drawn. */
const [STEPS, METRICS, LIVE] = [100_000, 30, 10];
const executablePath = process.env['CHROMIUM'] ?? ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync);
const folder = mkdtempSync(path.join(tmpdir(), 'forge-dashboard-bench-'));
const names = Array.from({ length: METRICS }, (_, i) => `${['reward', 'loss', 'perf'][i % 3]}/metric${i}`);
const line = (step: number, value = Math.sin(step / 1e3)) =>
  `${JSON.stringify({ step, wallSeconds: step / 10, phase: 'grpo', ...Object.fromEntries(names.map((name, i) => [name, value + Math.sin(step * (i + 1))])) })}\n`;

function print(bench: string, value: number, unit: string, facts: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(`${JSON.stringify({ bench, value, unit, ...facts, load: loadavg()[0] })}\n`);
}

try {
  const file = path.join(folder, 'metrics.jsonl');
  for (let from = 1; from <= STEPS; from += 10_000) {
    appendFileSync(file, Array.from({ length: 10_000 }, (_, i) => line(from + i)).join(''));
  }
  writeFileSync(path.join(folder, 'config.yaml'), 'seed: 1\n');
  const begun = performance.now();
  await using dashboard = await serveDashboard([folder]);
  const read = performance.now() - begun;
  print('dashboard/read', read, 'ms', { steps: STEPS, metrics: METRICS, megabytes: statSync(file).size / 1e6 });
  if (executablePath === undefined) print('dashboard/open', Number.NaN, 'ms', { note: 'no Chromium on this machine' });
  else {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
    const browser = await chromium.launch({ executablePath, args });
    try {
      const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
      const opened = performance.now();
      await page.goto(dashboard.url);
      await page.waitForSelector('.chart canvas');
      print('dashboard/open', performance.now() - opened + read, 'ms', {
        of: 'reading and the charts in sight',
        goal: 2_000,
      });
      const delays: number[] = [];
      for (let i = 1; i <= LIVE; i++) {
        const shown = page.waitForFunction(
          (step) => document.querySelector('#runs small')?.textContent?.includes(step),
          (STEPS + i).toLocaleString('en-US'),
          { polling: 10 },
        );
        const at = performance.now();
        appendFileSync(file, line(STEPS + i));
        await shown;
        delays.push(performance.now() - at);
      }
      print('dashboard/live', Math.max(...delays), 'ms', { of: 'the longest of ten new steps', goal: 1_000 });
    } finally {
      await browser.close();
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
