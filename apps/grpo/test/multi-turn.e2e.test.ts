import { readFileSync } from 'node:fs';
import path from 'node:path';
import { until, untimed } from '@forge/run/testing';
import { describe, expect, test } from 'vitest';
import { type CompletionLine, grpoSteps, readCompletions, readMetrics } from './fixtures/run-files.ts';
import { startApp } from './fixtures/start-app.ts';
import { temporaryFolder } from './fixtures/temporary-folder.ts';
import { tiny } from './fixtures/tiny.ts';

const folder = temporaryFolder();
const STEPS = 4;
const settings = [
  ...tiny,
  'dataset.task=alphabet-sort',
  'generator.maxTokens=12',
  'reward.functions=[environment]',
  'reward.right.function=environment',
  `grpo.steps=${STEPS}`,
  'warmup.maxSteps=4',
  'grpo.maxPolicyAge=0',
  'trainer.threads=1',
  'evaluation.every=2',
  'checkpoint.every=1',
  'run.resume=latest',
];

async function run(name: string, killAfter?: number): Promise<string> {
  await using app = startApp([`run.folder=${folder}`, `run.name=${name}`, ...settings], { folder, name });
  const target = path.join(folder, name);
  if (killAfter !== undefined) {
    await until(() => app.isOver() || grpoSteps(target) >= killAfter);
    app.child.kill('SIGKILL');
  }
  const { code, stderr } = await app.ended;
  if (killAfter === undefined) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return target;
}

describe('a run of several turns', () => {
  test('goes on to the last bit where it was killed, and tells what was said', async () => {
    const whole = await run('whole');
    const killed = await run('killed', 2);
    await run('killed');
    expect(readMetrics(killed).map(untimed)).toEqual(readMetrics(whole).map(untimed));
    const bytesOf = (target: string) => readFileSync(path.join(target, 'completions.jsonl'));
    expect(bytesOf(killed).equals(bytesOf(whole))).toBe(true);

    const lines = readCompletions(whole) as readonly (CompletionLine & { readonly messages?: readonly Said[] })[];
    const long = lines.filter(({ messages }) => messages !== undefined && messages.length > 1);
    expect(long.length).toBeGreaterThan(0);
    for (const { messages, completion } of long) {
      expect(messages!.map(({ role }) => role)).toEqual(['assistant', 'user', 'assistant']);
      expect(messages![1]!.content).toMatch(/^Add: /);
      expect(messages![2]!.content).toBe(completion);
    }
    const turns = readMetrics(whole).flatMap((line) => line['episode/turns'] ?? []);
    expect(turns).toHaveLength(STEPS);
    expect(Math.max(...turns.map(Number))).toBeGreaterThan(1);
  }, 300_000);
});

interface Said {
  readonly role: string;
  readonly content: string;
}
