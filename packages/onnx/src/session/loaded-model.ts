import type { Tensor } from '@forge/tensor';
import type { Graph } from '../graph.ts';
import { encodeModelBeside } from '../proto/encode-model.ts';
import { unknownName } from './plan-run.ts';

/** Smaller constants are part of the bytes: sizes and axes are, which onnxruntime reads before it knows of other memory. */
const MIN_BESIDE_BYTES = 1024;

/** A model on its way into onnxruntime: its bytes, and the initializers whose elements are not among them. */
export interface LoadedModel {
  readonly bytes: Uint8Array;
  readonly beside: readonly { readonly name: string; readonly location: string; readonly tensor: Tensor }[];
}

/** A graph with its large constants where they are. */
export function loadedGraph(graph: Graph): LoadedModel {
  const beside = graph.constants
    .filter(({ tensor }) => tensor.data.byteLength >= MIN_BESIDE_BYTES)
    .map((constant, i) => ({ ...constant, location: `initializer-${i}` }));
  const external = new Map(beside.map(({ name, location }) => [name, { location, offset: 0 }]));
  return { bytes: encodeModelBeside(graph, external), beside };
}

/**
 * The bytes of a file, which are all there is.
 *
 * @throws {RunArgumentError} when there are initializers: a file has its own.
 */
export function loadedBytes(model: Uint8Array, initializers: Readonly<Record<string, Tensor>> = {}): LoadedModel {
  const [name] = Object.keys(initializers);
  if (name !== undefined) throw unknownName('initializer', name, []);
  // onnxruntime takes no shared memory.
  return { bytes: model.buffer instanceof ArrayBuffer ? model : Uint8Array.from(model), beside: [] };
}
