import { expect, test } from 'vitest';
import { MeshFailure } from '../../src/errors.ts';
import { extentOf } from '../../src/mesh/extent.ts';

const points = [extentOf({}).point(0)];
const exit = { pid: 12, exitCode: null, signal: 'SIGKILL', stderrTail: ['last words'] } as const;
const lost = new MeshFailure({
  mesh: 'trainer',
  points,
  kind: 'signal',
  problem: 'lost its process: process 12 was killed by SIGKILL.',
  process: exit,
});

test('a report says once how a process ended', () => {
  expect(lost.report()).toBe(`${lost.message}\n  its last lines on stderr:\n    last words`);
});

test('a failure whose message does not say how the process ended is reported with its end', () => {
  const climbed = new MeshFailure({
    mesh: 'app',
    points,
    kind: 'signal',
    problem: 'failed.',
    process: exit,
    cause: lost,
  });
  expect(climbed.report()).toContain('app/0 failed.\n  process 12 was killed by SIGKILL\n');
});
