import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OwnedMesh, type ProcMesh, thisHost } from '../../src/index.ts';
import { allOf } from '../fixtures/all-of.ts';
import { Counter } from '../fixtures/counter.ts';
import { register, type SpanData, Traced, takeSpans, unregister, within } from '../fixtures/traced.ts';
import { until } from '../fixtures/until.ts';

let procs: ProcMesh<'worker'>;
let mesh: OwnedMesh<Traced, 'worker'>;

beforeAll(async () => {
  procs = await thisHost().spawnProcs({ name: 'traced', perHost: { worker: 2 }, supervise: () => true });
  mesh = await procs.spawn('traced', Traced);
});
afterAll(async () => {
  unregister();
  await procs.stop();
});

/** The spans of all processes since the last time, those of the question left out. */
async function spansOfAll(): Promise<SpanData[]> {
  const mine = takeSpans();
  const theirs = [...(await mesh.take.call()).values()].flat();
  takeSpans();
  return [...mine, ...theirs].filter(({ name }) => name !== 'traced.take');
}

const find = (spans: readonly SpanData[], name: string, kind: string): SpanData => {
  const found = spans.find((span) => span.name === name && span.kind === kind);
  if (found === undefined) throw new RangeError(`No ${kind} ${name} in ${JSON.stringify(spans)}.`);
  return found;
};

test('without an SDK here a call is traced where there is one, from there on', async () => {
  await mesh.slice({ worker: 0 }).work.callOne();
  const spans = await spansOfAll();
  expect(spans).toMatchObject([{ name: 'traced.work', kind: 'SERVER' }]);
  expect(spans[0]?.parent).toBeUndefined();
});

test('calls nest across processes, in the spans of the program and of endpoints', async () => {
  register();
  const [first, second] = [mesh.slice({ worker: 0 }), mesh.slice({ worker: 1 })];
  const root = await within('root', async () => await first.forward.callOne(second));
  const spans = await spansOfAll();
  const chain = [
    find(spans, 'traced.forward', 'CLIENT'),
    find(spans, 'traced.forward', 'SERVER'),
    find(spans, 'own', 'INTERNAL'),
    find(spans, 'traced.work', 'CLIENT'),
    find(spans, 'traced.work', 'SERVER'),
  ];
  expect(chain.map(({ parent }) => parent)).toEqual([root, ...chain.slice(0, -1).map(({ id }) => id)]);
  expect(new Set(spans.map(({ trace }) => trace)).size).toBe(1);
  expect(chain[0]?.attributes).toMatchObject({
    'rpc.system': 'monarch',
    'monarch.actor': 'traced/0',
    'monarch.mesh': 'traced',
    'monarch.rank': 0,
    'monarch.endpoint': 'forward',
    'monarch.adverb': 'callOne',
  });
  expect(chain[4]?.attributes).toMatchObject({ 'monarch.actor': 'traced/1', 'monarch.class': 'Traced' });
});

test('every way to call has its span, one a rank', async () => {
  register();
  await mesh.work.call();
  await mesh.work.choose();
  mesh.work.broadcast();
  expect(await allOf(mesh.count.stream())).toHaveLength(4);
  const spans: SpanData[] = [];
  await until(async () => {
    spans.push(...(await spansOfAll()));
    return spans.length === 14;
  });
  const made = spans.filter(({ attributes }) => 'monarch.adverb' in attributes);
  const adverbs = made.map(({ kind, attributes }) => `${kind} ${attributes['monarch.adverb']}`);
  expect(adverbs.sort()).toEqual([
    ...['CLIENT call', 'CLIENT call', 'CLIENT choose', 'CLIENT stream', 'CLIENT stream'],
    ...['PRODUCER broadcast', 'PRODUCER broadcast'],
  ]);
  // Each was handled once, within the span in which it was sent.
  const handled = spans.filter((span) => !made.includes(span));
  expect(handled.map(({ parent }) => parent).sort()).toEqual(made.map(({ id }) => id).sort());
});

test('errors are recorded on both sides', async () => {
  register();
  await expect(mesh.slice({ worker: 1 }).fail.callOne()).rejects.toThrow('too far');
  const spans = await spansOfAll();
  expect(find(spans, 'traced.fail', 'SERVER')).toMatchObject({ error: 'too far', exceptions: 1 });
  expect(find(spans, 'traced.fail', 'CLIENT')).toMatchObject({ error: 'traced/1.fail failed: too far', exceptions: 1 });
});

test('a process without an SDK handles what a traced one sends', async () => {
  register();
  const counters = await procs.slice({ worker: 0 }).spawn('counters', Counter, 1);
  const others = await thisHost().spawnProcs();
  const counter = await others.spawn('counter', Counter, 5);
  expect(await counter.increment.callOne(2)).toBe(7);
  expect((await spansOfAll()).filter(({ name }) => name.startsWith('counter.'))).toMatchObject([{ kind: 'CLIENT' }]);
  await counters.stop();
  await others.stop();
});
