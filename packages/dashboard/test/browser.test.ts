import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { serveDashboard } from '../src/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

const executablePath = process.env['CHROMIUM'] ?? ['/usr/bin/chromium', '/usr/bin/google-chrome'].find(existsSync);

// Without a browser on the machine there is nothing to open the page with.
describe.skipIf(executablePath === undefined)('the page in a browser', () => {
  let browser: Browser;
  beforeAll(async () => {
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking'];
    browser = await chromium.launch({ executablePath: executablePath!, args });
  });
  afterAll(() => browser.close());

  const line = (step: number, shift: number) =>
    `${JSON.stringify({ step, wallSeconds: step / 2, phase: step < 20 ? 'warmup' : 'grpo', loss: 1 / step, 'reward/mean': shift + step / 100, 'perf/seconds': 1 })}\n`;

  function writeRun(name: string, shift: number): string {
    const folder = path.join(temporaryFolder(), name);
    mkdirSync(folder);
    writeFileSync(
      path.join(folder, 'metrics.jsonl'),
      Array.from({ length: 40 }, (_, i) => line(i + 1, shift)).join(''),
    );
    const rows = Array.from({ length: 60 }, (_, i) => ({
      step: i,
      prompt: `p${i % 3}`,
      completion: `<b>c${i}</b>`,
      target: 't',
      reward: (i % 4) / 3,
      rewards: { math: 1 },
    }));
    writeFileSync(path.join(folder, 'completions.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    writeFileSync(path.join(folder, 'config.yaml'), `seed: 1\nname: ${name}\n`);
    return folder;
  }

  async function open(...folders: readonly string[]): Promise<{ page: Page; problems: string[] }> {
    const dashboard = await serveDashboard(folders, { intervalMs: 20 });
    const page = await browser.newPage({ viewport: { width: 1300, height: 900 } });
    onTestFinished(async () => {
      await page.close();
      await dashboard[Symbol.asyncDispose]();
    });
    const problems: string[] = [];
    page.on('pageerror', ({ message }) => problems.push(message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    await page.goto(dashboard.url);
    await page.waitForSelector('.chart canvas');
    return { page, problems };
  }

  const titles = (page: Page) =>
    page.locator('.chart h3').evaluateAll((all) => all.map((each) => each.firstChild?.textContent));

  test('draws a chart a metric, what people look at first in front', async () => {
    const { page, problems } = await open(writeRun('one', 0), writeRun('two', 1));
    expect(await titles(page)).toEqual(['reward/mean', 'loss', 'perf/seconds']);
    await page.waitForFunction(() => document.querySelectorAll('.chart canvas').length === 3);
    expect(await page.locator('.chart').first().locator('h3 span').textContent()).toBe('0.4 1.4');
    await page.locator('#runs input').nth(1).uncheck();
    await page.waitForFunction(() => document.querySelector('.chart h3 span')?.textContent === '0.4');
    await page.fill('#filter', 'los');
    await page.waitForFunction(() => document.querySelectorAll('.chart').length === 1);
    expect(await titles(page)).toEqual(['loss']);
    expect(problems).toEqual([]);
  });

  test('shows what is added while it is looked at', async () => {
    const folder = writeRun('one', 0);
    const { page, problems } = await open(folder);
    appendFileSync(path.join(folder, 'metrics.jsonl'), line(41, 5));
    await page.waitForFunction(() => document.querySelector('.chart h3 span')?.textContent === '5.41');
    await page.waitForFunction(() => document.querySelector('#runs small')?.textContent?.startsWith('step 41'));
    expect(problems).toEqual([]);
  });

  test('looks closer where somebody drags, and back', async () => {
    const { page, problems } = await open(writeRun('one', 0));
    const over = page.locator('.u-over').first();
    const { x, y, width } = (await over.boundingBox())!;
    await page.mouse.move(x + width * 0.25, y + 50);
    await page.mouse.down();
    await page.mouse.move(x + width * 0.5, y + 50, { steps: 4 });
    await page.mouse.up();
    await page.waitForSelector('#whole:not([hidden])');
    await page.click('#whole');
    await page.waitForSelector('#whole', { state: 'hidden' });
    expect(problems).toEqual([]);
  });

  test('shows completions as text, by what is asked for', async () => {
    const { page, problems } = await open(writeRun('one', 0));
    await page.click('[data-tab=completions]');
    await page.waitForSelector('#c-rows tr');
    expect(await page.locator('#c-rows tr').count()).toBe(50);
    expect(await page.locator('#c-rows td.text').nth(1).textContent()).toBe('<b>c59</b>');
    await page.fill('#c-text', 'c5');
    await page.waitForFunction(() => document.querySelector('#c-count')?.textContent === '11 completions');
    await page.fill('#c-min', '1');
    await page.waitForFunction(() => document.querySelector('#c-count')?.textContent === '3 completions');
    expect(problems).toEqual([]);
  });

  test('shows turn by turn what was said in several', async () => {
    const folder = writeRun('one', 0);
    const messages = ['assistant', 'tool', 'assistant'].map((role, turn) => ({ role, content: `<i>${turn}</i>` }));
    const said = { step: 41, prompt: 'p', completion: '<i>2</i>', messages, target: 't', reward: 1 };
    appendFileSync(path.join(folder, 'completions.jsonl'), `${JSON.stringify(said)}\n`);
    const { page, problems } = await open(folder);
    await page.click('[data-tab=completions]');
    await page.waitForSelector('#c-rows tr');
    const turns = page.locator('#c-rows tr').first().locator('.turn');
    expect(await turns.allTextContents()).toEqual(['assistant <i>0</i>', 'tool <i>1</i>', 'assistant <i>2</i>']);
    expect(await page.locator('#c-rows .told').allTextContents()).toEqual(['tool <i>1</i>']);
    expect(problems).toEqual([]);
  });

  test('shows what was said last, however much was said before', async () => {
    const folder = writeRun('one', 0);
    const messages = Array.from({ length: 40 }, (_, turn) => ({ role: 'assistant', content: `turn ${turn}` }));
    const said = { step: 41, prompt: 'p', completion: 'turn 39', messages, target: 't', reward: 1 };
    appendFileSync(path.join(folder, 'completions.jsonl'), `${JSON.stringify(said)}\n`);
    const { page } = await open(folder);
    await page.click('[data-tab=completions]');
    const row = page.locator('#c-rows tr').first();
    const [cell, first, last] = await Promise.all(
      [row.locator('.said'), row.locator('.turn').first(), row.locator('.turn').last()].map((each) =>
        each.boundingBox(),
      ),
    );
    expect(first!.y).toBeLessThan(cell!.y);
    expect(last!.y).toBeGreaterThan(cell!.y);
    expect(last!.y + last!.height).toBeLessThanOrEqual(cell!.y + cell!.height + 1);
  });

  test('shows what is wrong, the processes as they are, and what the time is spent on', async () => {
    const folder = writeRun('one', 0);
    const told = (state: string, restarts: number) => {
      const replicas = [{ index: 0, state, restarts, ...(restarts > 0 && { cause: 'it was <killed>' }) }];
      return `${JSON.stringify({ step: 1, wallSeconds: 1, parts: [{ name: 'generator', kind: 'service', replicas }] })}\n`;
    };
    writeFileSync(path.join(folder, 'processes.jsonl'), told('healthy', 0));
    writeFileSync(
      path.join(folder, 'warnings.jsonl'),
      `${JSON.stringify({ step: 3, wallSeconds: 2, name: 'stall', message: 'No <batch>.' })}\n`,
    );
    const seconds = { 'perf/trainSeconds': 3, 'perf/publishSeconds': 1 };
    appendFileSync(path.join(folder, 'metrics.jsonl'), `${JSON.stringify({ step: 41, wallSeconds: 9, ...seconds })}\n`);
    const { page, problems } = await open(folder);
    expect(await page.locator('#runs small').textContent()).toContain('1 warning');
    await page.click('[data-tab=health]');
    await page.waitForSelector('.tree .badge.good');
    expect(await page.locator('.warnings p').textContent()).toBe('No <batch>.');
    expect(await page.locator('.legend').textContent()).toBe('train 75.0 %publish 25.0 %');
    appendFileSync(path.join(folder, 'processes.jsonl'), told('recovering', 1));
    await page.waitForSelector('.tree .badge.bad');
    expect(await page.locator('.tree .hint').allTextContents()).toEqual([
      ' service of 1 ',
      ' 1 restart',
      'it was <killed>',
    ]);
    expect(problems).toEqual([]);
  });

  test('shows configurations side by side, with what differs marked', async () => {
    const { page, problems } = await open(writeRun('one', 0), writeRun('two', 1));
    await page.click('[data-tab=config]');
    await page.waitForSelector('#config pre');
    expect(await page.locator('#config mark').allTextContents()).toEqual(['name: one', 'name: two']);
    expect(problems).toEqual([]);
  });
});
