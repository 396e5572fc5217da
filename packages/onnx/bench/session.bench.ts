/** What a run costs on each runtime: the smallest one, and one with a large output. One JSON line a figure. */
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { type Tensor, tensor } from '@forge/tensor';
import { add, type Graph, graph, input, openSession, type Runtime, scalar } from '../src/index.ts';

const rounds = 7;

/** The quickest of several rounds of each contender, which take turns: a busy machine slows them alike. */
async function quickest<Name extends string>(
  contenders: Readonly<Record<Name, () => Promise<unknown>>>,
  runsPerRound: number,
): Promise<Record<Name, number>> {
  const names = Object.keys(contenders) as Name[];
  const best = Object.fromEntries(names.map((name) => [name, Number.POSITIVE_INFINITY])) as Record<Name, number>;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      const start = performance.now();
      for (let run = 0; run < runsPerRound; run += 1) await contenders[name]();
      best[name] = Math.min(best[name], (performance.now() - start) / runsPerRound);
    }
  }
  return best;
}

function report(bench: string, value: number, unit: string, control: string, ratio: number): void {
  const figures = { value: Number(value.toPrecision(3)), unit, control, ratio: Number(ratio.toPrecision(3)) };
  console.log(JSON.stringify({ bench, ...figures, cores: availableParallelism() }));
}

const increment = (size: number): Graph => graph({ y: add(input('x', 'float32', [size]), scalar(1)) });
const open = (model: Graph, runtime: Runtime) => openSession(model, { runtime });

{
  await using direct = await open(increment(4), 'c-api');
  await using binding = await open(increment(4), 'binding');
  const [x, y]: Tensor[] = [tensor('float32', [4]), tensor('float32', [4])];
  const { signal } = new AbortController();
  const times = await quickest(
    {
      direct: () => direct.run({ x: x! }, { y: y! }),
      together: () => Promise.all(Array.from({ length: 8 }, () => direct.run({ x: x! }, { y: y! }))),
      signal: () => direct.run({ x: x! }, { y: y! }, { signal }),
      allocated: () => direct.run({ x: x! }),
      binding: () => binding.run({ x: x! }, { y: y! }),
    },
    3_000,
  );
  const control = times.binding * 1e3;
  const figures = {
    'smallest run, off the event loop': times.direct,
    'smallest run, eight at once': times.together / 8,
    'smallest run, with a signal': times.signal,
    'smallest run, output allocated': times.allocated,
  };
  for (const [name, ms] of Object.entries(figures)) report(name, ms * 1e3, 'µs', 'binding', (ms * 1e3) / control);
  report('smallest run, binding', control, 'µs', 'binding', 1);
}

{
  const size = 2 ** 26;
  await using direct = await open(increment(size), 'c-api');
  await using binding = await open(increment(size), 'binding');
  const [x, y] = [tensor('float32', [size]), tensor('float32', [size])];
  y.data.fill(1);
  const times = await quickest(
    {
      direct: () => direct.run({ x }, { y }),
      allocated: () => direct.run({ x }),
      binding: () => binding.run({ x }, { y }),
    },
    1,
  );
  report('256 MiB output, in place', times.direct, 'ms', 'binding', times.direct / times.binding);
  report('256 MiB output, allocated', times.allocated, 'ms', 'binding', times.allocated / times.binding);
  report('256 MiB output, binding', times.binding, 'ms', 'binding', 1);
}
