import { add, exp, gradients, graph, input, mul, openSession, sin } from '@forge/onnx';
import { tensor } from '@forge/tensor';

// f(x, y) = x · sin(y) + exp(x)
const x = input('x', 'float32', []);
const y = input('y', 'float32', []);
const f = add(mul(x, sin(y)), exp(x));
const [dx, dy] = gradients(f, [x, y]);

const session = await openSession(graph({ f, dx, dy }, { inputs: [x, y] }), { threads: 1 });
const at = (number: number) => tensor('float32', [], Float32Array.of(number));
const result = await session.run({ x: at(0.5), y: at(2) });
for (const name of ['f', 'dx', 'dy'] as const) console.log(name, result[name].data[0]!.toFixed(4));
await session[Symbol.asyncDispose]();
