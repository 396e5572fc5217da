import { expect, test } from 'vitest';
import { EventStream } from '../src/event-stream.ts';
import { Counter } from './fixtures/counter.ts';

/** Everything until the end. */
async function all<T>(events: AsyncIterable<T>): Promise<readonly T[]> {
  const seen: T[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

test('a reader gets what is told from its call on, until the end', async () => {
  const stream = new EventStream<number>();
  stream.tell(1);
  const reader = stream.read();
  stream.tell(2);
  stream.tell(3);
  expect(await reader.next()).toEqual({ value: 2, done: false });
  const rest = all(reader);
  stream.tell(4);
  stream.end();
  expect(await rest).toEqual([3, 4]);
  expect(await all(stream.read())).toEqual([]);
});

test('a reader that does not read loses the oldest', async () => {
  const stream = new EventStream<number>();
  const reader = stream.read();
  for (let i = 0; i < 10_005; i++) stream.tell(i);
  expect(await reader.next()).toEqual({ value: 5, done: false });
});

test('a service tells what happens to its replicas as events, and ends them with itself', async () => {
  const service = await Counter.options({ kind: 'inline' }).asService(0);
  const events = all(service.events());
  await service.scale(2);
  await service.drain(0);
  await service.shutdown();
  const told = (await events).map((event) =>
    event.type === 'replicaStateChanged' ? `${event.replica} ${event.to}` : event.type,
  );
  expect(told).toEqual([
    'replicaAdded',
    '1 warming',
    '1 healthy',
    '0 draining',
    '0 stopped',
    'replicaRemoved',
    '1 stopped',
  ]);
});
