import { readFileSync } from 'node:fs';
import { QUANTIZATIONS, type Quantization } from '@forge/models';
import { Random } from '@forge/tensor';
import { Engine, Runner, resolveSamplingParams } from '../src/index.ts';
import { largeModel } from './model.ts';
import { type Contender, openPeer } from './peer.ts';
import { print, printRounds } from './print.ts';
import { takeTurns } from './turns.ts';

// Decoding and prefill through the engine by form of the weights, at the shape of Qwen3-0.6B with random weights, against
// peers of the same form in turns. PEER_PYTHON names the interpreter that runs them; without it there are none.
// Run: node bench/quantized.bench.ts [float32|int8|int8-blocks|int4 …]; LAYERS=4 for a small machine, SEQUENCES=1 for less.
const threads = 2;
const numLayers = Number(process.env['LAYERS'] ?? 28);
const numPromptTokens = 64;
const numNewTokens = 24;
const numRounds = Number(process.env['ROUNDS'] ?? 3);
const batches = (process.env['SEQUENCES'] ?? '1,16').split(',').map(Number);

type Form = 'float32' | Quantization;

const peers: Readonly<Record<Form, readonly (readonly ['llama.cpp' | 'transformers', string])[]>> = {
  float32: [
    ['llama.cpp', 'F32'],
    ['transformers', 'float32'],
  ],
  int8: [
    ['llama.cpp', 'Q8_0'],
    ['transformers', 'bfloat16'],
  ],
  'int8-blocks': [['llama.cpp', 'Q8_0']],
  int4: [['llama.cpp', 'Q4_0']],
};

const isForm = (name: string): name is Form => name in peers;
const wanted = process.argv.slice(2).filter(isForm);

for (const form of wanted.length > 0 ? wanted : (['float32', ...QUANTIZATIONS] as const)) {
  await using stack = new AsyncDisposableStack();
  const contenders: Contender[] = [];
  for (const [kind, peerForm] of peers[form]) {
    const peer = await openPeer(kind, peerForm);
    if (peer) contenders.push(stack.use(peer));
  }
  const own = stack.use(await openOwn(form));
  for (const numSequences of batches) {
    const measures = [own, ...contenders].map((each) => {
      return [each.name, () => each.measure(numSequences, numPromptTokens, numNewTokens)] as const;
    });
    const rates = await takeTurns(numRounds, Object.fromEntries(measures));
    const what = `${numSequences} × ${numPromptTokens} tokens, ${numLayers} layers of the 0.6B shape, ${threads} threads`;
    for (const figure of ['decode', 'prefill'] as const) {
      const ratesOf = ({ name }: Contender) => rates[name]!.map((rate) => rate[figure]);
      for (const each of contenders.length > 0 ? contenders : [own]) {
        const bench = `${figure} ${what}, ${form}; control: ${each.name}`;
        printRounds({ bench, values: ratesOf(own), unit: 'tokens/s', controls: ratesOf(each) });
      }
    }
  }
  const peakGb = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1e6;
  print({ bench: `peak memory so far, ${form}; control: float32 weights`, value: peakGb, unit: 'GB', control: 2.4 });
}

/** This package, through its engine. */
async function openOwn(form: Form): Promise<Contender> {
  const { config, weights } = largeModel(numLayers);
  const quantization = form === 'float32' ? undefined : form;
  const runner = await Runner.open(config, weights, { threads, quantization });
  const engine = new Engine({ runner, decode: (ids) => ids.join(' ') });
  const random = new Random(0);
  return {
    name: `forge ${form}`,
    async measure(numSequences, numPrompt, numNew) {
      const started = performance.now();
      const params = resolveSamplingParams({ maxTokens: numNew });
      const [completions] = await Promise.all([
        Promise.all(
          Array.from({ length: numSequences }, async () => {
            const ids = Array.from({ length: numPrompt }, () => random.integer(config.vocabSize));
            return (await engine.generate({ text: '', ids }, params))[0]!;
          }),
        ),
      ]);
      const firstMs = Math.max(...completions.map(({ timing }) => timing.firstTokenMs));
      const totalMs = performance.now() - started;
      return {
        prefill: (numSequences * numPrompt * 1e3) / firstMs,
        decode: (numSequences * (numNew - 1) * 1e3) / (totalMs - firstMs),
      };
    },
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}
