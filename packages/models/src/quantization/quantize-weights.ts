// R rows of a weight, I input width
import { type Graph, graph, input, openSession, type Session } from '@forge/onnx';
import { bytesPerElement, copyRegion, elementCount, type Tensor, tensor, viewElements } from '@forge/tensor';
import type { ModelConfig } from '../config.ts';
import type { Weights } from '../weights.ts';
import { formats } from './formats.ts';
import { type MultipliedWeight, multipliedWeights, type Quantization, sizeOf } from './quantization.ts';
import { type PartType, type Quantized, quantizedNames } from './quantized-format.ts';

/** So many are in the processor's caches together, in every form that they go through. */
const ELEMENTS_PER_RUN = 1 << 18;

/** When it is multiplied, as the head of a tied model, it is looked up as well. */
const EMBEDDING = 'model.embed_tokens.weight';

/**
 * The inputs of a quantised generation graph: quantised forms of the weights that are multiplied, and the others as they
 * are. Rounds to nearest. Leaves the event loop free, and all but one thread: onnxruntime does the work, some rows at a time.
 *
 * @throws the reason of `signal`, within a run of its abort.
 */
export async function quantizeWeights(
  config: ModelConfig,
  weights: Weights,
  quantization: Quantization,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Readonly<Record<string, Tensor>>> {
  const multiplied = multipliedWeights(config);
  const inputs: Record<string, Tensor> = { ...weights };
  for (const { parts } of multiplied) for (const { name } of parts) if (name !== EMBEDDING) delete inputs[name];
  for (const [I, each] of Map.groupBy(multiplied, (weight) => sizeOf(weight)[1])) {
    signal?.throwIfAborted();
    await using session = await openSession(quantizingGraph(quantization, I), { threads: 1 });
    for (const weight of each) {
      const { values, scales } = await quantized(session, { weight, weights, quantization, signal });
      const names = quantizedNames(weight.name, quantization);
      inputs[names.values] = values;
      inputs[names.scales] = scales;
    }
  }
  return inputs;
}

function quantizingGraph(quantization: Quantization, I: number): Graph {
  const weight_RI = input('weight', 'float32', ['rows', I]);
  return graph({ ...formats[quantization].quantize(weight_RI) });
}

interface Quantizing {
  readonly weight: MultipliedWeight;
  readonly weights: Weights;
  readonly quantization: Quantization;
  readonly signal: AbortSignal | undefined;
}

async function quantized(
  session: Session,
  { weight, weights, quantization, signal }: Quantizing,
): Promise<Quantized<Tensor>> {
  const [O, I] = sizeOf(weight);
  const { partsOf } = formats[quantization];
  const rowsPerRun = Math.max(1, Math.floor(ELEMENTS_PER_RUN / I));
  const [values, scales] = (['values', 'scales'] as const).map(
    (part) => new Target(partsOf(O, I)[part], partsOf(rowsPerRun, I)[part]),
  ) as [Target, Target]; // one for each
  let at = 0;
  for (const { name } of weight.parts) {
    const { data, shape } = weights[name]!; // the caller's, of this config
    for (let from = 0; from < shape[0]!; from += rowsPerRun) {
      const R = Math.min(rowsPerRun, shape[0]! - from);
      const rows_RI = tensor('float32', [R, I], data.subarray(from * I, (from + R) * I));
      const types = partsOf(R, I);
      const fetches = { values: values.rows(types.values, at), scales: scales.rows(types.scales, at) };
      await session.run({ weight: rows_RI }, fetches);
      signal?.throwIfAborted();
      values.place(fetches.values, at);
      scales.place(fetches.scales, at);
      at += R;
    }
  }
  return { values: values.whole, scales: scales.whole };
}

/** A part of a whole weight, which is written some rows at a time. */
class Target {
  readonly whole: Tensor;
  readonly #outputAxis: number;
  /** Where rows are written first whose place is not one piece. */
  readonly #scratch: Tensor;

  constructor(whole: PartType, rows: PartType) {
    this.whole = tensor(whole.dtype, whole.shape);
    this.#outputAxis = whole.outputAxis;
    this.#scratch = this.#outputAxis === 0 ? this.whole : tensor(rows.dtype, rows.shape);
  }

  /** Memory for the rows from `at` on. */
  rows({ dtype, shape }: PartType, at: number): Tensor {
    const count = elementCount(shape);
    const first = this.#outputAxis === 0 ? (at * count) / shape[0]! : 0;
    const { buffer } = this.#scratch.data;
    return tensor(dtype, shape, viewElements(dtype, buffer, { byteOffset: first * bytesPerElement(dtype), count }));
  }

  /** Brings rows to their place from `at` on, if they were not written there. */
  place(rows: Tensor, at: number): void {
    if (this.#outputAxis === 0) return;
    const sourceOffset = rows.shape.map(() => 0);
    const targetOffset = sourceOffset.with(this.#outputAxis, at);
    copyRegion(rows, this.whole, { sourceOffset, targetOffset, size: rows.shape });
  }
}
