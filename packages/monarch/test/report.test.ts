import { expect, test } from 'vitest';
import { MeshFailure } from '../src/errors.ts';
import { extentOf } from '../src/mesh/extent.ts';
import { failureReport } from '../src/report.ts';

const points = [extentOf({}).point(0)];
const exit = { pid: 12, exitCode: null, signal: 'SIGKILL', stderrTail: ['last words'] } as const;
const lost = new MeshFailure({
  mesh: 'trainer',
  points,
  kind: 'signal',
  problem: 'lost its process: process 12 was killed by SIGKILL.',
  process: exit,
});
const END = 'Nobody handled this failure: everything is stopped, with exit code 1.\n';

test('a report says once how a process ended', () => {
  expect(failureReport(lost)).toBe(`forge: ${lost.message}\n  its last lines on stderr:\n    last words\n${END}`);
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
  expect(failureReport(climbed)).toContain('forge: app/0 failed.\n  process 12 was killed by SIGKILL\n');
});
