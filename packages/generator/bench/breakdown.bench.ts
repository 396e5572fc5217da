import { Session } from 'node:inspector/promises';
import { print } from './print.ts';
import { generate, openEngine, promptOf, setting } from './small-engine.ts';

// Where the time of the event loop's thread goes while a full batch is computed, by V8's sampling profiler. onnxruntime works
// on that thread and on another one, so its own time is what the others are compared with.
const numRounds = 30;
const numTokens = 48;

/** What the functions of a file are for; the first that matches. */
const parts: readonly (readonly [part: string, of: RegExp])[] = [
  ['onnxruntime', /^<anonymous> $/], // native functions have no file
  ['waiting for other threads', /^\(idle\)/],
  ['collecting garbage', /^\(garbage collector\)/],
  ['sampling', /generator\/src\/sampling\/|tensor\/dist\/random/],
  ['prefixes that are kept', /generator\/src\/runner\/cache\/(prefix|kv-cache|kv-memory)/],
  ['assembling the batch', /generator\/src\/runner\//],
  ['binding and checking a run', /onnx\/dist\//],
  ['sequences and requests', /generator\/src\/(engine|text)\//],
  ['turns of the event loop', / node:(?!inspector)/],
];

for (const numSequences of [32, 128]) {
  await using engine = await openEngine({ maxSequences: numSequences }, true);
  const round = () =>
    Promise.all(Array.from({ length: numSequences }, () => generate(engine, promptOf(16), { maxTokens: numTokens })));
  for (let warmUp = 0; warmUp < 10; warmUp++) await round();

  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 50 });
  await session.post('Profiler.start');
  const startedAtMs = performance.now();
  for (let count = 0; count < numRounds; count++) await round();
  const stepMs = (performance.now() - startedAtMs) / numRounds / numTokens;
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
      bench: `${part}, ${numSequences} sequences, ${setting}; control: the step, with its part of the prefill`,
      value: (stepMs * count) / numAll,
      unit: 'ms',
      control: stepMs,
    });
  }
}
