// B batch, I input, H hidden: a network of two layers learns exclusive or by gradient descent
import { add, gradients, graph, input, matMul, mul, openSession, reduceMean, sigmoid, sub, tanh } from '@forge/onnx';
import { Random, type Tensor, tensor } from '@forge/tensor';

const sizes = { w1_IH: [2, 8], b1_H: [8], w2_H1: [8, 1], b2_1: [1] } as const;
const x_BI = input('x_BI', 'float32', ['batch', 2]);
const target_B1 = input('target_B1', 'float32', ['batch', 1]);
const names = Object.keys(sizes) as (keyof typeof sizes)[];
const [w1_IH, b1_H, w2_H1, b2_1] = names.map((name) => input(name, 'float32', sizes[name]));

const hidden_BH = tanh(add(matMul(x_BI, w1_IH!), b1_H!));
const output_B1 = sigmoid(add(matMul(hidden_BH, w2_H1!), b2_1!));
const error_B1 = sub(output_B1, target_B1);
const loss = reduceMean(mul(error_B1, error_B1));
const slopes = gradients(loss, [w1_IH!, b1_H!, w2_H1!, b2_1!]);
const outputs = Object.fromEntries(slopes.map((slope, i) => [`grad.${names[i]}`, slope]));

await using session = await openSession(graph({ loss, output_B1, ...outputs }), { threads: 1 });
const random = new Random(1);
const feeds: Record<string, Tensor> = {
  x_BI: tensor('float32', [4, 2], Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1)),
  target_B1: tensor('float32', [4, 1], Float32Array.of(0, 1, 1, 0)),
};
for (const name of names) {
  const weight = tensor('float32', sizes[name]);
  feeds[name] = { ...weight, data: weight.data.map(() => random.normal()) };
}
for (let step = 0; step <= 1000; step++) {
  const result = await session.run(feeds);
  if (step % 250 === 0) console.log(`step ${step} loss ${Number(result['loss']?.data[0]).toFixed(4)}`);
  for (const name of names) {
    const weight = feeds[name]!.data as Float32Array;
    const slope = result[`grad.${name}`]!.data as Float32Array;
    weight.set(weight.map((each, i) => each - 2 * slope[i]!));
  }
}
