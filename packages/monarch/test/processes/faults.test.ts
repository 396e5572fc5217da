import { expect, test } from 'vitest';
import { startProgram } from '../fixtures/start-program.ts';

test('a listener of unhandled faults is told once, and the program goes on', async () => {
  const program = startProgram('faulty', ['drop']);
  expect(JSON.parse(await program.line('told'))).toEqual(['signal']);
  const { code, stderr } = await program.ended();
  expect(code).toBe(0);
  expect(stderr).not.toContain('forge:');
});

test('a listener that throws ends the program with code 1, after a report of the failure and of what it threw', async () => {
  const { code, stderr } = await startProgram('faulty', ['throw']).ended();
  expect(code).toBe(1);
  expect(stderr).toContain('forge: grown/0 failed, and the listener of unhandled faults threw: the listener is broken');
  expect(stderr).toContain('was killed by SIGKILL');
  expect(stderr).toContain('last words');
});

test('a restart that no owner sees is said in one line, and the program goes on', async () => {
  const program = startProgram('faulty', ['restart']);
  const { code, stderr } = await program.ended();
  expect(code).toBe(0);
  expect(stderr).toMatch(/^forge: grown\/0 lost its process: process \d+ was killed by SIGKILL. It is restarted.$/m);
  expect(stderr.match(/forge: /g)).toHaveLength(1);
});
