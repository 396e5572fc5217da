import { Session } from 'node:inspector/promises';
import type { Engine } from '../src/index.ts';
import { staticBatches, steadyLoad } from './loads.ts';
import { print } from './print.ts';
import { openEngine, setting } from './small-engine.ts';

// Where the time of the event loop's thread goes under full static batches and under a steady load, by V8's sampling profiler.
// onnxruntime works on that thread and on another one, so its own time is what the others are compared with.
const numRequests = 1024;
const numClients = 64;

/** So many sequences at a time. */
const loads: readonly (readonly [name: string, maxSequences: number, run: (engine: Engine) => Promise<unknown>])[] = [
  ['static batches', 32, (engine) => staticBatches(engine, 32, numRequests / 32)],
  ['static batches', 128, (engine) => staticBatches(engine, 128, numRequests / 128)],
  [`steady load of ${numClients} clients`, 32, (engine) => steadyLoad(engine, numClients, numRequests)],
];

/** What the functions of a file are for; the first that matches. */
const parts: readonly (readonly [part: string, of: RegExp])[] = [
  ['onnxruntime', /^[^(]\S* $/], // native functions have no file, and their name is not always the same
  ['waiting for other threads', /^\(idle\)/],
  ['collecting garbage', /^\(garbage collector\)/],
  ['sampling', /generator\/src\/sampling\/|tensor\/dist\/random/],
  ['prefixes that are kept', /generator\/src\/runner\/cache\/(prefix|kv-cache|kv-memory)/],
  ['assembling the batch', /generator\/src\/runner\//],
  ['binding and checking a run', /onnx\/dist\//],
  ['sequences and requests', /generator\/src\/(engine|text)\//],
  ['turns of the event loop', / node:(?!inspector)/],
];

for (const [name, maxSequences, run] of loads) {
  await using engine = await openEngine({ maxSequences }, true);
  await run(engine);

  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 50 });
  await session.post('Profiler.start');
  const startedAtMs = performance.now();
  await run(engine);
  const totalMs = performance.now() - startedAtMs;
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();

  const names = new Map(
    profile.nodes.map(({ id, callFrame: { functionName, url } }) => [id, `${functionName || '(anonymous)'} ${url}`]),
  );
  const numSamples = new Map<string, number>();
  for (const id of profile.samples ?? []) {
    const part = parts.find(([, of]) => of.test(names.get(id) ?? ''))?.[0] ?? 'all else';
    numSamples.set(part, (numSamples.get(part) ?? 0) + 1);
  }
  const numAll = profile.samples?.length ?? 0;
  for (const [part, count] of [...numSamples].sort(([, a], [, b]) => b - a)) {
    print({
      bench: `${part}, ${name} on ${maxSequences} slots, ${setting}; control: all of the time`,
      value: (totalMs * count) / numAll,
      unit: 'ms',
      control: totalMs,
    });
  }
}
