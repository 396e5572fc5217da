import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Constraints, Engine, Runner, resolveSamplingParams, type StructuredOutputs } from '../src/index.ts';
import { median } from './median.ts';
import { largeModel } from './model.ts';
import { print } from './print.ts';
import { vocabulary } from './vocabulary.ts';

// What a constraint costs at the vocabulary of Qwen3, and how long it holds the event loop; control: the same without.
const threads = 2;
const numLayers = Number(process.env['LAYERS'] ?? 4);
const numTokens = 24;
const numRounds = 3;
const setting = `151,936 tokens, ${numLayers} layers of the 0.6B shape, ${threads} threads`;

const { config, weights } = largeModel(numLayers);
const tokens = vocabulary(config.vocabSize);
const runner = await Runner.open(config, weights, { threads });
const constraints = await Constraints.open(
  { tokenBytes: (id) => tokens[id]?.slice(), dropsLeadingSpace: false },
  config.vocabSize,
);
await using engine = new Engine({ runner, decode: () => '', constraints });

interface Measured {
  readonly firstMs: number;
  readonly stepMs: number;
  /** The longest time that the event loop was held. */
  readonly heldMs: number;
}
async function measure(structuredOutputs?: StructuredOutputs): Promise<Measured> {
  const params = resolveSamplingParams({ maxTokens: numTokens, ...(structuredOutputs && { structuredOutputs }) });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const started = performance.now();
  const [completion] = await engine.generate({ text: '', ids: [1, 2, 3, 4] }, params);
  const totalMs = performance.now() - started;
  delay.disable();
  const { firstTokenMs, totalMs: engineMs } = completion!.timing;
  if (completion!.tokenIds.length < numTokens) throw new RangeError('the constraint ended before its last step');
  return {
    firstMs: totalMs - engineMs + firstTokenMs,
    stepMs: (engineMs - firstTokenMs) / (numTokens - 1),
    heldMs: delay.max / 1e6 - 1,
  }; // from timer to timer
}

const name = { type: 'string', minLength: 200 };
const kinds: readonly (readonly [what: string, outputs: (round: number) => StructuredOutputs])[] = [
  ['text whose state stays', (round) => ({ regex: `x{0}[^]+|y{${round}}` })],
  ['text that is counted: a new state each token', (round) => ({ regex: `[^]{${600 + round}}` })],
  ['digits, of which few tokens are', (round) => ({ regex: `[0-9]{${600 + round}}` })],
  [
    'a JSON object with a long string',
    (round) => ({ json: { type: 'object', properties: { [`name${round}`]: name }, required: [`name${round}`] } }),
  ],
];
await measure();
const cold = await measure({ regex: '[^]+' });
print({
  bench: `first token of the first constraint of an engine, ${setting}; control: without`,
  value: cold.firstMs,
  unit: 'ms',
  control: (await measure()).firstMs,
});
for (const [what, outputs] of kinds) {
  const [free, constrained, again]: readonly [Measured[], Measured[], Measured[]] = [[], [], []];
  for (let round = 0; round < numRounds; round++) {
    free.push(await measure());
    constrained.push(await measure(outputs(round)));
    again.push(await measure(outputs(round)));
  }
  const report = (bench: string, of: (measured: Measured) => number, measured: readonly Measured[]) =>
    print({
      bench: `${bench}: ${what}, ${setting}; control: without`,
      value: median(measured.map(of)),
      unit: 'ms',
      control: median(free.map(of)),
    });
  report('first token', ({ firstMs }) => firstMs, constrained);
  report('step', ({ stepMs }) => stepMs, constrained);
  report('step of a second request', ({ stepMs }) => stepMs, again);
  report('event loop held, longest', ({ heldMs }) => heldMs, [...constrained, ...again]);
}
