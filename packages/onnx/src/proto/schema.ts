import protobuf from 'protobufjs/light.js';

/** `{ name: [id, type] }`; a type that ends in `*` is repeated. */
const messages: Readonly<Record<string, Readonly<Record<string, readonly [id: number, type: string]>>>> = {
  ModelProto: {
    irVersion: [1, 'int64'],
    opsetImport: [8, 'OperatorSetIdProto*'],
    producerName: [2, 'string'],
    graph: [7, 'GraphProto'],
  },
  OperatorSetIdProto: { domain: [1, 'string'], version: [2, 'int64'] },
  GraphProto: {
    node: [1, 'NodeProto*'],
    name: [2, 'string'],
    initializer: [5, 'TensorProto*'],
    input: [11, 'ValueInfoProto*'],
    output: [12, 'ValueInfoProto*'],
  },
  NodeProto: {
    input: [1, 'string*'],
    output: [2, 'string*'],
    name: [3, 'string'],
    opType: [4, 'string'],
    domain: [7, 'string'],
    attribute: [5, 'AttributeProto*'],
  },
  AttributeProto: {
    name: [1, 'string'],
    type: [20, 'int32'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    t: [5, 'TensorProto'],
    ints: [8, 'int64*'],
  },
  TensorProto: {
    dims: [1, 'int64*'],
    dataType: [2, 'int32'],
    name: [8, 'string'],
    rawData: [9, 'bytes'],
    externalData: [13, 'StringStringEntryProto*'],
    dataLocation: [14, 'int32'],
  },
  StringStringEntryProto: { key: [1, 'string'], value: [2, 'string'] },
  ValueInfoProto: { name: [1, 'string'], type: [2, 'TypeProto'] },
  TypeProto: { tensorType: [1, 'TensorTypeProto'] },
  TensorTypeProto: { elemType: [1, 'int32'], shape: [2, 'TensorShapeProto'] },
  TensorShapeProto: { dim: [1, 'DimensionProto*'] },
  DimensionProto: { dimValue: [1, 'int64'], dimParam: [2, 'string'] },
};

/**
 * The messages of an ONNX file that Forge writes, under their official field numbers.
 *
 * Source: onnx/onnx, `onnx/onnx.proto` (IR version 9). `TypeProto.Tensor` and `TensorShapeProto.Dimension` are nested
 * there; the wire format does not know names.
 */
export const schema = protobuf.Root.fromJSON({
  nested: Object.fromEntries(
    Object.entries(messages).map(([message, fields]) => [
      message,
      {
        edition: 'proto2', // onnx.proto is: a field that is set is written, even when it is 0 or empty
        fields: Object.fromEntries(
          Object.entries(fields).map(([name, [id, type]]) => [
            name,
            type.endsWith('*') ? { id, type: type.slice(0, -1), rule: 'repeated' } : { id, type },
          ]),
        ),
      },
    ]),
  ),
});
