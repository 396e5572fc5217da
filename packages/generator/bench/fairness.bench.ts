import { resolveSamplingParams } from '../src/index.ts';
import { type Served, staticBatches, steadyLoad } from './loads.ts';
import { median } from './median.ts';
import { print, printRounds } from './print.ts';
import { openEngine, promptOf, setting, weights } from './small-engine.ts';
import { takeTurns } from './turns.ts';

const numClients = 64;
/** Of a turn of either load. */
const numRequests = 4 * numClients;
const numRounds = 12;

for (const maxSequences of [numClients, numClients / 2]) {
  await using engine = await openEngine({ maxSequences });
  const steady: Served[] = [];
  const rates = await takeTurns(numRounds, {
    async steady() {
      const served = await steadyLoad(engine, numClients, numRequests);
      steady.push(served);
      return served.tokensPerMs * 1e3;
    },
    batches: async () => 1e3 * (await staticBatches(engine, maxSequences, numRequests / maxSequences)),
  });
  const load = `steady load of ${numClients} requests on ${maxSequences} slots, ${setting}`;
  printRounds({
    bench: `${load}; control: full static batches`,
    values: rates.steady,
    unit: 'tokens/s',
    controls: rates.batches,
  });
  if (maxSequences === numClients) continue;
  print({
    bench: `longest wait of ${load}; control: the mean`,
    value: median(steady.map(({ waits }) => Math.max(...waits))),
    unit: 'means',
    control: 1,
  });
}

// One sequence of 32 tells when each of its tokens came, while the weights are exchanged.
await using engine = await openEngine();
const [quiet, updated]: readonly [number[], number[]] = [[], []];
for (let round = 0; round < 8; round++) {
  const gaps: { readonly ms: number; readonly isUpdate: boolean }[] = [];
  let version = engine.version;
  let last = 0;
  const onDelta = (): void => {
    const now = performance.now();
    if (last > 0) gaps.push({ ms: now - last, isUpdate: engine.version !== version });
    version = engine.version;
    last = now;
    if (gaps.length % 20 === 10) void engine.update(weights, version + 1, 'inFlight');
  };
  const params = resolveSamplingParams({ n: 32, maxTokens: 200 });
  const watched = engine.generate({ text: '', ids: promptOf(16) }, resolveSamplingParams({ maxTokens: 200 }), {
    onDelta,
  });
  await Promise.all([engine.generate({ text: '', ids: promptOf(16) }, { ...params, n: 31 }), watched]);
  for (const { ms, isUpdate } of gaps) (isUpdate ? updated : quiet).push(ms);
}
print({
  bench: `from token to token across an update in flight, ${setting}; control: without one`,
  value: median(updated),
  unit: 'ms',
  control: median(quiet),
});
