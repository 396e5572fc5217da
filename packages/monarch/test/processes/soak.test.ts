import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startProgram } from '../fixtures/start-program.ts';

/** What the heap may grow by: compiled code, and what is remembered of what ended. 100 bytes a call would show. */
const SLACK_BYTES = 1_000_000;

test.runIf(process.platform === 'linux')(
  'calls, and actors and processes that come and go, leave memory, files, timers, sockets and processes as they were',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'soak-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const program = startProgram('soak', ['10000', '100', '6'], { TMPDIR: directory });
    const { before, after } = JSON.parse(await program.line('held'));
    const { bytes: bytesBefore, ...heldBefore } = before;
    const { bytes: bytesAfter, ...heldAfter } = after;
    expect(heldAfter).toEqual(heldBefore);
    expect(bytesAfter - bytesBefore).toBeLessThan(SLACK_BYTES);
    expect(await program.ended()).toMatchObject({ code: 0 });
  },
);
