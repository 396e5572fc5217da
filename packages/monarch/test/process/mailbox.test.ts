import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Mailbox } from '../../src/process/mailbox.ts';
import { systemClock } from '../../src/time/clock.ts';

const RUN = { handle: async ({ task }: { byteLength: number; task: () => Promise<void> }) => await task() };

test('serial endpoints run one at a time in order of arrival, whatever the others do', async () => {
  const tasks = fc.array(fc.record({ endpoint: fc.constantFrom('a', 'b', 'c'), turns: fc.nat(3) }), { maxLength: 30 });
  const limits: Readonly<Record<string, number>> = { a: 1, b: 1, c: 3 };
  await fc.assert(
    fc.asyncProperty(tasks, async (arrivals) => {
      const mailbox = new Mailbox(systemClock, RUN);
      const lanes = new Map(Object.entries(limits).map(([endpoint, limit]) => [endpoint, mailbox.lane(limit)]));
      const started: { serial: number[]; c: number[] } = { serial: [], c: [] };
      let [serialRunning, concurrentRunning] = [0, 0];
      arrivals.forEach(({ endpoint, turns }, i) => {
        const task = async () => {
          const isSerial = endpoint !== 'c';
          started[isSerial ? 'serial' : 'c'].push(i);
          if (isSerial) expect(++serialRunning).toBe(1);
          else expect(++concurrentRunning).toBeLessThanOrEqual(3);
          for (let turn = 0; turn < turns; turn++) await undefined;
          if (isSerial) serialRunning--;
          else concurrentRunning--;
        };
        mailbox.post(lanes.get(endpoint)!, { byteLength: 1, task });
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
  const mailbox = new Mailbox(systemClock, RUN);
  mailbox.open();
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  for (let i = 0; i < 20; i++) {
    const task = async () => {
      const until = performance.now() + 6;
      while (performance.now() < until);
    };
    mailbox.post(mailbox.lane(1), { byteLength: 1, task });
  }
  await mailbox.idle();
  isDone = true;
  expect(turns).toBeGreaterThan(4);
});

test('holds exactly as many letters and bytes as its limits allow, whatever the lanes', () => {
  const sizes = fc.array(fc.record({ lane: fc.nat(3), byteLength: fc.nat(40) }), { maxLength: 40 });
  fc.assert(
    fc.property(
      sizes,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 200 }),
      (letters, maxMessages, maxBytes) => {
        const mailbox = new Mailbox(systemClock, { handle: async () => {} }, { maxMessages, maxBytes });
        const lanes = [1, 2, 3, 4].map((concurrency) => mailbox.lane(concurrency));
        let [messages, bytes] = [0, 0];
        for (const { lane, byteLength } of letters) {
          const fits = messages < maxMessages && (messages === 0 || bytes + byteLength <= maxBytes);
          expect(mailbox.post(lanes[lane]!, { byteLength })).toBe(fits);
          if (fits) [messages, bytes] = [messages + 1, bytes + byteLength];
          expect(mailbox.load).toEqual({ messages, bytes });
        }
      },
    ),
  );
});

test('what was handled makes room again', async () => {
  const mailbox = new Mailbox(systemClock, { handle: async () => {} }, { maxMessages: 2 });
  const post = () => mailbox.post(mailbox.lane(1), { byteLength: 10 });
  expect([post(), post(), post()]).toEqual([true, true, false]);
  mailbox.open();
  await mailbox.idle();
  expect(mailbox.load).toEqual({ messages: 0, bytes: 0 });
  expect(post()).toBe(true);
});
