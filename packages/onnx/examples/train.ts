// B batch, H hidden: a network of two layers learns exclusive or by gradient descent
import { add, gradients, graph, input, matMul, mul, openSession, reduceMean, sigmoid, sub, tanh } from '@forge/onnx';
import { Random, tensor } from '@forge/tensor';

const x_B2 = input('x', 'float32', ['batch', 2]);
const target_B1 = input('target', 'float32', ['batch', 1]);
const w1_2H = input('w1', 'float32', [2, 8]);
const b1_H = input('b1', 'float32', [8]);
const w2_H1 = input('w2', 'float32', [8, 1]);
const b2_1 = input('b2', 'float32', [1]);

const hidden_BH = tanh(add(matMul(x_B2, w1_2H), b1_H));
const error_B1 = sub(sigmoid(add(matMul(hidden_BH, w2_H1), b2_1)), target_B1);
const loss = reduceMean(mul(error_B1, error_B1));
const [dw1, db1, dw2, db2] = gradients(loss, [w1_2H, b1_H, w2_H1, b2_1]);
const session = await openSession(graph({ loss, dw1, db1, dw2, db2 }), { threads: 1 });
const random = new Random(1);
const normal = (shape: readonly number[]) => {
  const { data } = tensor('float32', shape);
  return tensor(
    'float32',
    shape,
    data.map(() => random.normal()),
  );
};
const parameters = { w1: normal([2, 8]), b1: normal([8]), w2: normal([8, 1]), b2: normal([1]) };
const batch = {
  x: tensor('float32', [4, 2], Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1)),
  target: tensor('float32', [4, 1], Float32Array.of(0, 1, 1, 0)),
};
for (let step = 0; step <= 1000; step++) {
  const result = await session.run({ ...batch, ...parameters });
  if (step % 250 === 0) console.log(`step ${step} loss ${result.loss.data[0]!.toFixed(4)}`);
  for (const name of ['w1', 'b1', 'w2', 'b2'] as const) {
    const { data } = parameters[name];
    data.set(data.map((weight, i) => weight - 2 * result[`d${name}`].data[i]!));
  }
}
await session[Symbol.asyncDispose]();
