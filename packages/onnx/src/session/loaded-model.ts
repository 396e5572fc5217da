import type { Tensor } from '@forge/tensor';
import type { Graph } from '../graph.ts';
import { encodeModel, encodeModelBeside } from '../proto/encode-model.ts';
import { unknownName } from './plan-run.ts';

/** Smaller constants are part of the bytes: sizes and axes are, which onnxruntime reads before it knows of other memory. */
const MIN_BESIDE_BYTES = 1024;

/** A model on its way into onnxruntime: its bytes, and the initializers whose elements are not among them. */
export interface LoadedModel {
  /** The bytes, in which initializers beside them are constants in files of their own, or inputs. */
  encode(beside: 'external' | 'inputs'): Uint8Array;
  readonly beside: readonly { readonly name: string; readonly location: string; readonly tensor: Tensor }[];
  /** Names of constants that are among the bytes. */
  readonly inside: readonly string[];
}

/** A graph with its large constants where they are. */
export function loadedGraph(graph: Graph): LoadedModel {
  const isBeside = ({ tensor }: Graph['constants'][number]): boolean => tensor.data.byteLength >= MIN_BESIDE_BYTES;
  const beside = graph.constants.filter(isBeside).map((each, i) => ({ ...each, location: `initializer-${i}` }));
  const constants = graph.constants.filter((each) => !isBeside(each));
  return {
    beside,
    inside: constants.map(({ name }) => name),
    encode(form) {
      if (form === 'external') {
        return encodeModelBeside(graph, new Map(beside.map(({ name, location }) => [name, { location, offset: 0 }])));
      }
      const inputs = beside.map(({ name, tensor: { dtype, shape } }) => ({ name, dtype, shape }));
      return encodeModel({ ...graph, inputs: [...graph.inputs, ...inputs], constants });
    },
  };
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
  const bytes = model.buffer instanceof ArrayBuffer ? model : Uint8Array.from(model);
  return { beside: [], inside: [], encode: () => bytes };
}
