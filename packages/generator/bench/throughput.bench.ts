import { type Completion, Generator, type Runner } from '../src/index.ts';
import { median } from './median.ts';
import { openPeer } from './peer.ts';
import { print, printRounds } from './print.ts';
import { config, generate, openEngine, openRunner, promptOf, setting, threads } from './small-engine.ts';
import { makeSmallFolder } from './small-folder.ts';
import { takeTurns } from './turns.ts';

// Decoding by a model so small that overhead shows: one engine that splits each product over two threads, and two replicas of
// one thread each. PEER_PYTHON names the interpreter that runs onnxruntime-genai.
const numRounds = 15;
/** Of all generations in a turn of a contender: about a fifth of a second. */
const numTurnSequences = 160;
const numPromptTokens = 16;
const numTokens = 48;
/** The peer takes no more. */
const maxPeerSequences = 32;

const one = `one engine of ${threads} threads`;
const replicas = `${threads} replicas of one thread`;
const alone = 'the runner alone';

/** The median of some times in one turn. */
const repeated = (numTimes: number, measure: () => Promise<number>) => async (): Promise<number> => {
  const measured: number[] = [];
  while (measured.length < numTimes) measured.push(await measure());
  return median(measured);
};

type Generate = (prompts: readonly (readonly number[])[]) => Promise<readonly Completion[]>;

/** Tokens a second of the decode steps; all sequences begin together. */
async function decodeRate(numSequences: number, generateAll: Generate): Promise<number> {
  const prompts = Array.from({ length: numSequences }, () => promptOf(numPromptTokens));
  const started = performance.now();
  const completions = await generateAll(prompts);
  const totalMs = performance.now() - started;
  if (completions.some(({ tokenIds }) => tokenIds.length < numTokens)) throw new RangeError('a completion is short');
  const firstMs = Math.max(...completions.map(({ timing }) => timing.firstTokenMs));
  return (numSequences * (numTokens - 1) * 1e3) / (totalMs - firstMs);
}

/** The same steps by the runner alone: each sequence is continued by a fixed token. */
async function runnerRate(runner: Runner, numSequences: number): Promise<number> {
  const room = { numSlots: numSequences, longest: numPromptTokens + numTokens };
  const rows = Array.from({ length: numSequences }, (_, slot) => ({ ids: promptOf(numPromptTokens), slots: [slot] }));
  await runner.prefill(rows, room);
  const started = performance.now();
  for (let at = 1; at < numTokens; at++) {
    await runner.decode(rows.map(() => ({ nextId: at % config.vocabSize, numTokens: numPromptTokens + at })));
  }
  return (numSequences * (numTokens - 1) * 1e3) / (performance.now() - started);
}

await using stack = new AsyncDisposableStack();
const folder = stack.use(await makeSmallFolder());
const peer = await openPeer('onnxruntime-genai', 'fp32');
if (peer) stack.use(peer);

for (const isPacked of [true, false]) {
  for (const numSequences of [32, 128]) {
    await using engine = await openEngine({ maxSequences: numSequences }, isPacked);
    await using runner = await openRunner(isPacked);
    await using service = await Generator.options({ numReplicas: threads, procs: 1 }).asService({
      model: folder.path,
      threads: 1,
      maxSequences: numSequences / threads,
      packedWeights: isPacked,
    });
    const sampling = { maxTokens: numTokens };
    const byEngine: Generate = async (prompts) =>
      (await Promise.all(prompts.map((ids) => generate(engine, ids, sampling)))).flat();
    const byReplicas: Generate = async (prompts) => {
      const size = numSequences / threads;
      const shares = Array.from({ length: threads }, (_, at) => prompts.slice(at * size, (at + 1) * size));
      return (await Promise.all(shares.map((share) => service.generateBatch.route(share, sampling)))).flat(2);
    };
    const numRepeats = Math.ceil(numTurnSequences / numSequences);
    const rivals = numSequences <= maxPeerSequences && peer ? [peer] : [];
    const rates = await takeTurns<string, number>(numRounds, {
      [one]: repeated(numRepeats, () => decodeRate(numSequences, byEngine)),
      [replicas]: repeated(numRepeats, () => decodeRate(numSequences, byReplicas)),
      [alone]: repeated(numRepeats, () => runnerRate(runner, numSequences)),
      ...Object.fromEntries(
        rivals.map((rival) => [
          rival.name,
          repeated(numRepeats, async () => (await rival.measure(numSequences, numPromptTokens, numTokens)).decode),
        ]),
      ),
    });
    const pairs = [
      [one, alone],
      [replicas, one],
      ...rivals.flatMap(({ name }) => [
        [one, name],
        [replicas, name],
      ]),
    ];
    const what = `decode ${numSequences} sequences, ${isPacked ? 'packed' : 'fed'} weights, 0.8M parameters`;
    for (const [own, control] of pairs as [string, string][]) {
      const bench = `${what}, ${own}; control: ${control}`;
      printRounds({ bench, values: rates[own]!, unit: 'tokens/s', controls: rates[control]! });
    }
  }
}

await using engine = await openEngine();
/** Milliseconds until each of `n` completions of a prompt of 512 tokens has its first token. */
async function firstTokens(n: number): Promise<number> {
  const completions = await generate(engine, promptOf(512), { n, maxTokens: 1 });
  return Math.max(...completions.map(({ timing }) => timing.firstTokenMs));
}
const first = await takeTurns(numRounds, {
  single: repeated(5, () => firstTokens(1)),
  group: repeated(5, () => firstTokens(8)),
});
printRounds({
  bench: `first tokens of 8 completions of a 512-token prompt, ${setting}; control: of one`,
  values: first.group,
  unit: 'ms',
  controls: first.single,
});

await using narrow = await openRunner();
await using wide = await openRunner();
const rows = Array.from({ length: 32 }, () => ({ nextId: 1, numTokens: 40 }));
await narrow.reserve({ numSlots: rows.length, longest: 64 }, false);
await wide.reserve({ numSlots: rows.length, longest: 4096 }, false);
const stepsMs: readonly [number[], number[]] = [[], []];
for (let round = 0; round < 400; round++) {
  for (const [at, runner] of [narrow, wide].entries()) {
    const started = performance.now();
    await runner.decode(rows);
    stepsMs[at]!.push(performance.now() - started);
  }
}
print({
  bench: `step of 32 sequences of 40 tokens in slots of 4096, ${setting}; control: in slots of 64`,
  value: median(stepsMs[1]),
  unit: 'ms',
  control: median(stepsMs[0]),
});
