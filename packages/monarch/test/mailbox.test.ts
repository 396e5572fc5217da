import fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock } from '../src/clock.ts';
import { Mailbox } from '../src/process/mailbox.ts';

test('serial endpoints run one at a time in order of arrival, whatever the others do', async () => {
  const tasks = fc.array(fc.record({ endpoint: fc.constantFrom('a', 'b', 'c'), turns: fc.nat(3) }), { maxLength: 30 });
  const limits: Readonly<Record<string, number>> = { a: 1, b: 1, c: 3 };
  await fc.assert(
    fc.asyncProperty(tasks, async (arrivals) => {
      const mailbox = new Mailbox(systemClock);
      const started: { serial: number[]; c: number[] } = { serial: [], c: [] };
      let [serialRunning, concurrentRunning] = [0, 0];
      arrivals.forEach(({ endpoint, turns }, i) => {
        mailbox.post(endpoint, limits[endpoint] ?? 1, async () => {
          const isSerial = endpoint !== 'c';
          started[isSerial ? 'serial' : 'c'].push(i);
          if (isSerial) expect(++serialRunning).toBe(1);
          else expect(++concurrentRunning).toBeLessThanOrEqual(3);
          for (let turn = 0; turn < turns; turn++) await undefined;
          if (isSerial) serialRunning--;
          else concurrentRunning--;
        });
        if (i === 3) mailbox.open();
      });
      mailbox.open();
      await mailbox.idle();
      const arrived = (isSerial: boolean) =>
        arrivals.flatMap(({ endpoint }, i) => ((endpoint !== 'c') === isSerial ? [i] : []));
      expect(started).toEqual({ serial: arrived(true), c: arrived(false) });
    }),
  );
});

test('a long queue of short messages lets timers and sockets have their turn', async () => {
  const mailbox = new Mailbox(systemClock);
  mailbox.open();
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  for (let i = 0; i < 20; i++) {
    mailbox.post('busy', 1, async () => {
      const until = performance.now() + 6;
      while (performance.now() < until);
    });
  }
  await mailbox.idle();
  isDone = true;
  expect(turns).toBeGreaterThan(4);
});
