import { bytesOf, type Tensor } from '@forge/tensor';
import { elementTypes } from '../element-type.ts';
import { GraphError } from '../errors.ts';
import type { Graph, GraphNode, Port } from '../graph.ts';
import { domainOf, OPSET_VERSION } from '../operators.ts';
import { type Attribute, sortedAttributes } from '../value.ts';
import { schema } from './schema.ts';

/** The version of the file format that belongs to the operator set. Source: onnx.proto, `Version`. */
const IR_VERSION = 9;

/** Source: onnx.proto, `AttributeProto.AttributeType`. */
const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, ints: 7 } as const;

/** Source: onnx.proto, `TensorProto.DataLocation`. */
const DATA_LOCATION_EXTERNAL = 1;

/** A protobuf message is shorter than 2 GiB; operators and names take their part of it. */
const MAX_CONSTANT_BYTES = 2 ** 31 - 2 ** 24;

/** Where the elements of a constant lie that is not in the bytes of its model. */
export interface ExternalData {
  /** A file beside the model's. */
  readonly location: string;
  /** Bytes before the first element. */
  readonly offset: number;
}

/**
 * The bytes of an ONNX file. Equal graphs give equal bytes.
 *
 * @throws {GraphError} when the constants exceed what such a file can hold; `writeModel` puts them beside it.
 */
export function encodeModel(graph: Graph): Uint8Array {
  return encodeModelBeside(graph, new Map());
}

/** The bytes of an ONNX file, without the elements of constants that lie elsewhere, by name. @throws {GraphError} */
export function encodeModelBeside(graph: Graph, external: ReadonlyMap<string, ExternalData>): Uint8Array {
  const inside = graph.constants.filter(({ name }) => !external.has(name));
  const bytes = inside.reduce((sum, { tensor }) => sum + tensor.data.byteLength, 0);
  if (bytes > MAX_CONSTANT_BYTES) {
    throw new GraphError(graph.name, `has ${bytes} bytes of constants, more than a protobuf holds; use writeModel`);
  }
  const model = {
    irVersion: IR_VERSION,
    producerName: 'forge',
    opsetImport: [
      { domain: '', version: OPSET_VERSION },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: graph.name,
      node: graph.nodes.map(nodeProto),
      initializer: graph.constants.map((constant) => initializerProto(constant, external.get(constant.name))),
      input: graph.inputs.map(valueInfoProto),
      output: graph.outputs.map(valueInfoProto),
    },
  };
  return schema.lookupType('ModelProto').encode(model).finish();
}

function nodeProto(node: GraphNode): object {
  const { name, op, inputs, outputs } = node;
  const attribute = sortedAttributes(node).map(([key, value]) => attributeProto(key, value));
  return { name, opType: op, domain: domainOf(op), input: inputs, output: outputs, attribute };
}

function attributeProto(name: string, attribute: Attribute): object {
  if ('int' in attribute) return { name, type: attributeTypes.int, i: attribute.int };
  if ('ints' in attribute) return { name, type: attributeTypes.ints, ints: attribute.ints };
  if ('float' in attribute) return { name, type: attributeTypes.float, f: attribute.float };
  if ('string' in attribute)
    return { name, type: attributeTypes.string, s: new TextEncoder().encode(attribute.string) };
  return { name, type: attributeTypes.tensor, t: tensorProto(attribute.tensor) };
}

function initializerProto({ name, tensor }: Graph['constants'][number], external: ExternalData | undefined): object {
  if (external === undefined) return { name, ...tensorProto(tensor) };
  const { location, offset } = external;
  const entries = Object.entries({ location, offset: `${offset}`, length: `${tensor.data.byteLength}` });
  return {
    name,
    ...typeProto(tensor),
    externalData: entries.map(([key, value]) => ({ key, value })),
    dataLocation: DATA_LOCATION_EXTERNAL,
  };
}

function tensorProto(tensor: Tensor): object {
  return { ...typeProto(tensor), rawData: bytesOf(tensor) };
}

function typeProto({ shape, dtype }: Tensor): object {
  return { dims: shape, dataType: elementTypes[dtype] };
}

function valueInfoProto({ name, dtype, shape }: Port): object {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: elementTypes[dtype], shape: { dim } } } };
}
