import { bytesOf, type Tensor } from '@forge/tensor';
import { elementTypes } from '../element-type.ts';
import type { Graph, GraphNode, Port } from '../graph.ts';
import { domainOf, OPSET_VERSION } from '../operators.ts';
import type { Attribute } from '../value.ts';
import { schema } from './schema.ts';

/** The version of the file format that belongs to the operator set. Source: onnx.proto, `Version`. */
const IR_VERSION = 9;

/** Source: onnx.proto, `AttributeProto.AttributeType`. */
const attributeTypes = { float: 1, int: 2, string: 3, tensor: 4, ints: 7 } as const;

/** The bytes of an ONNX file. Equal graphs give equal bytes. */
export function encodeModel(graph: Graph): Uint8Array {
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
      initializer: graph.constants.map(({ name, tensor }) => tensorProto(tensor, name)),
      input: graph.inputs.map(valueInfoProto),
      output: graph.outputs.map(valueInfoProto),
    },
  };
  return schema.lookupType('ModelProto').encode(model).finish();
}

function nodeProto({ name, op, inputs, outputs, attributes }: GraphNode): object {
  const attribute = Object.entries(attributes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => attributeProto(key, value));
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

function tensorProto(tensor: Tensor, name?: string): object {
  const named = name === undefined ? {} : { name };
  return { ...named, dims: tensor.shape, dataType: elementTypes[tensor.dtype], rawData: bytesOf(tensor) };
}

function valueInfoProto({ name, dtype, shape }: Port): object {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: elementTypes[dtype], shape: { dim } } } };
}
