import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ModelFolder, makeModelFolder } from '../model-folder.ts';

const command = fileURLToPath(new URL('../../src/server/forge-generate.ts', import.meta.url));
let folder: ModelFolder;
beforeAll(async () => {
  folder = await makeModelFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

/** The command, killed when it is left. */
function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [command, ...args], { stdio: 'pipe' });
  return { child, exited: once(child, 'exit'), [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

async function urlOf(child: ChildProcess): Promise<string> {
  for await (const line of createInterface(child.stdout!)) {
    const url = /http:\S+/.exec(line)?.[0];
    if (url !== undefined) return url;
  }
  throw new Error('it ended before it listened');
}

test('serves until it is told to stop, and ends well', async () => {
  using served = start('serve', '--model', folder.path, '--port', '0', '--threads', '1', '--served-model-name', 'it');
  const url = await urlOf(served.child);
  const body = JSON.stringify({ model: 'it', prompt: 'Two and two', max_tokens: 4 });
  const response = await fetch(`${url}/completions`, { method: 'POST', body });
  expect(await response.json()).toMatchObject({ object: 'text_completion', usage: { completion_tokens: 4 } });
  served.child.kill('SIGTERM');
  expect(await served.exited).toEqual([0, null]);
});

test('chats line by line', async () => {
  using chat = start('chat', '--model', folder.path, '--threads', '1', '--max-tokens', '5', '--temperature', '0');
  const printed = text(chat.child.stdout!);
  chat.child.stdin?.write('Hello\n/reset\nHello\n/exit\nnever read\n');
  expect(await chat.exited).toEqual([0, null]);
  const [first, second, ...rest] = (await printed).split('\n').filter((line) => line !== '');
  expect(first).toBe(second); // greedy, and forgotten in between
  expect(first?.length).toBeGreaterThan(0);
  expect(rest).toEqual([]);
});

test('chats until its input ends, within a pattern', async () => {
  using chat = start('chat', '--model', folder.path, '--threads', '1', '--regex', 'yes!|no!');
  const printed = text(chat.child.stdout!);
  chat.child.stdin?.end('Is it?\nIs it not?\n');
  expect(await chat.exited).toEqual([0, null]);
  expect(await printed).toMatch(/^(yes|no)!\n(yes|no)!\n$/);
});

test('says what is wrong and ends with 2 or 1', async () => {
  using misspelt = start('serve', '--mode', 'x');
  const said = text(misspelt.child.stderr!);
  expect(await misspelt.exited).toEqual([2, null]);
  expect(await said).toMatch(/^forge-generate: .*--mode/);
  using missing = start('chat', '--model', '/nowhere');
  const reason = text(missing.child.stderr!);
  expect(await missing.exited).toEqual([1, null]);
  expect(await reason).toMatch(/^forge-generate: .*\/nowhere/);
});
