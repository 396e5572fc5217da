import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { environments, tools } from '../examples/my-environment.ts';
import { taskSets } from '../src/task-sets/task-sets.ts';
import { toolEnvironment } from '../src/tools/tool-environment.ts';
import { play } from './scripted.ts';

const readme = await readFile(path.join(import.meta.dirname, '../README.md'), 'utf8');
const task = { messages: [{ role: 'user', content: 'Which number?' }], target: '7' };

test('the example of the README is the file that is tested', async () => {
  const example = await readFile(path.join(import.meta.dirname, '../examples/my-environment.ts'), 'utf8');
  expect(readme).toContain(example);
});

test('the environment of the README gives hints until it is guessed', async () => {
  const { messages, reward } = await play(await environments.guess(), task, ['5', '8', '7']);
  expect(messages.map(({ content }) => content)).toEqual(['5', 'More.', '8', 'Less.', '7']);
  expect(reward).toBe(1);
});

test('the tool of the README rolls a die, and no coin of one side', async () => {
  const roll = async (sides: number) => {
    const environment = toolEnvironment(tools)();
    await environment.reset(task);
    const { observation } = await environment.step({ text: '', toolCalls: [{ name: 'roll', arguments: { sides } }] });
    return observation![0]!.content;
  };
  expect(Number(await roll(6))).toBeLessThanOrEqual(6);
  expect(await roll(1)).toContain('The arguments do not fit: sides');
});

test('the README names all sets of tasks', () => {
  const named = [...readme.matchAll(/^\| `([\w-]+)` +\|.*\| [12] +\|/gm)].map(([, name]) => name);
  expect(named).toEqual(Object.keys(taskSets));
});
