import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { canSeeProcesses, startProgram, until } from '../../src/testing/index.ts';

const main = path.join(import.meta.dirname, '../fixtures/busy-program.ts');

function start(name?: string) {
  const folder = mkdtempSync(path.join(tmpdir(), 'forge-run-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return {
    folder,
    program: startProgram(main, ['word'], { folder, env: { FORGE_WORD: 'well' }, ...(name && { name }) }),
  };
}

describe('a program that a test has started', () => {
  test('is heard line by line, and tells how it ended', async () => {
    await using program = start().program;
    expect(await program.line(/ready$/)).toBe('it is ready');
    expect(program.isOver()).toBe(false);
    program.child.kill('SIGTERM');
    expect(await program.ended).toEqual({ code: 3, signal: null, stdout: 'it is ready\n', stderr: 'ends well\n' });
    expect(program.isOver()).toBe(true);
    await expect(program.line(/never/)).rejects.toThrow('The program ended without /never/:\nit is ready\nends well');
  });

  test('has a temporary folder of its own, where what it leaves is found', async () => {
    const { folder, program } = start('mine');
    await using _ = program;
    await program.line(/ready/);
    program.child.kill('SIGTERM');
    await program.ended;
    expect(program.leftovers()).toEqual(['left']);
    expect(readdirSync(folder)).toEqual(['mine-tmp']);
    expect(readFileSync(path.join(folder, 'mine-tmp/left'), 'utf8')).toBe('word');
  });

  test.runIf(canSeeProcesses)('is seen with its processes, and is disposed with all of them', async () => {
    const { program } = start();
    await program.line(/ready/);
    const worker = await program.part('worker');
    expect(program.processes().map(({ pid }) => pid)).toEqual(expect.arrayContaining([program.child.pid, worker]));
    await program[Symbol.asyncDispose]();
    expect((await program.ended).signal).toBe('SIGKILL');
    await until(() => program.processes().length === 0);
    await expect(program.part('worker')).rejects.toThrow('The program ended without a process worker:');
  });

  test('must be there', () => {
    expect(() => startProgram('/nowhere/main.js', [], { folder: tmpdir() })).toThrow('/nowhere/main.js is missing');
  });
});
