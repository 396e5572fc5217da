import { type DType, elementCount, type Tensor, tensor } from '@forge/tensor';
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { encodeModel, type Graph, graph, type Value } from '../../src/index.ts';

/** Runs a model file with the official binding, so that these tests depend on nothing but the graph. */
export async function runModel(
  model: Graph,
  feeds: Readonly<Record<string, Tensor>>,
  threads = 1,
): Promise<Record<string, Tensor>> {
  const session = await InferenceSession.create(encodeModel(model), {
    intraOpNumThreads: threads,
    logSeverityLevel: 3,
  });
  try {
    return await runSession(session, feeds);
  } finally {
    await session.release();
  }
}

/** Runs a session of the official binding for the named outputs, all of them by default. */
export async function runSession(
  session: InferenceSession,
  feeds: Readonly<Record<string, Tensor>>,
  fetches: readonly string[] = session.outputNames,
): Promise<Record<string, Tensor>> {
  const inputs = Object.entries(feeds).map(([name, { dtype, data, shape }]) => {
    return [name, new RuntimeTensor(dtype as 'float32', data as never, [...shape])] as const; // checked at run time
  });
  const results = await session.run(Object.fromEntries(inputs), fetches);
  return Object.fromEntries(
    Object.entries(results).map(([name, { type, dims, data }]) => {
      return [name, tensor(type as DType, [...dims], data as never)]; // the binding's names are ours
    }),
  );
}

/** The numbers of one value, in row-major order. */
export async function evaluate(
  value: Value,
  feeds: Readonly<Record<string, Tensor>> = {},
  threads = 1,
): Promise<{ readonly shape: readonly number[]; readonly data: readonly number[] }> {
  const { result } = await runModel(graph({ result: value }), feeds, threads);
  return { shape: result!.shape, data: Array.from(result!.data as Iterable<number | bigint>, Number) };
}

/** A float32 tensor from numbers. */
export function float32(shape: readonly number[], values: Iterable<number>): Tensor<'float32'> {
  return tensor('float32', shape, Float32Array.from(values));
}

/** A float64 tensor from numbers. */
export function float64(shape: readonly number[], values: Iterable<number>): Tensor<'float64'> {
  return tensor('float64', shape, Float64Array.from(values));
}

/** An int64 tensor from whole numbers. */
export function int64(shape: readonly number[], values: Iterable<number>): Tensor<'int64'> {
  return tensor('int64', shape, BigInt64Array.from(values, BigInt));
}

/** `start`, `start + step`, … as many as the shape has elements. */
export function counting(shape: readonly number[], start = 0, step = 1): number[] {
  return Array.from({ length: elementCount(shape) }, (_, i) => start + i * step);
}
