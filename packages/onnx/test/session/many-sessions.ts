import { tensor } from '@forge/tensor';
import { graph, input, mul, openSession } from '../../src/index.ts';

const size = 2 ** 21;
const model = graph({ y: mul(input('x', 'float32', [1]), input('w', 'float32', [size])) });
const w = tensor('float32', [size], new Float32Array(size).fill(1));

const resident = (): number => process.memoryUsage().rss;

const whileOpen: number[] = [];
const growths: number[] = [];
for (let round = 0; round < 50; round += 1) {
  const before = resident();
  const session = await openSession(model, { runtime: 'c-api', threads: 1, initializers: { w } });
  whileOpen.push(resident() - before);
  await session[Symbol.asyncDispose]();
  growths.push(resident() - before);
}
process.stdout.write(JSON.stringify({ whileOpen, growths }));
