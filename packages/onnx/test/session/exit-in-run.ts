import { setImmediate } from 'node:timers/promises';
import { tensor } from '@forge/tensor';
import { graph, input, matMul, openSession, type Value } from '../../src/index.ts';

const x = input('x', 'float32', [256, 256]);
const first = matMul(x, x);
let last: Value = first;
for (let i = 0; i < 5_000; i += 1) last = matMul(last, x);
const session = await openSession(graph({ first, last }), { runtime: 'c-api' });
const written = tensor('float32', [256, 256], new Float32Array(256 * 256).fill(-1));
void session.run({ x: tensor('float32', [256, 256]) }, { first: written, last: tensor('float32', [256, 256]) });
while (written.data[0] === -1) await setImmediate();
process.stdout.write('under way\n');
process.exit();
