import type { DType } from '@forge/tensor';
import type { Dim } from './dim.ts';

const brackets = (shape: readonly Dim[]): string => `[${shape.join(', ')}]`;

/** Operands of one operator do not fit together. A mistake in the model definition, never in the data. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
  readonly code = 'ERR_ONNX_SHAPE';
  readonly op: string;
  readonly shapes: readonly (readonly Dim[])[];

  constructor(op: string, shapes: readonly (readonly Dim[])[], reason = 'the sizes do not fit together') {
    super(`${op} cannot be applied to ${shapes.map(brackets).join(' and ')}: ${reason}.`);
    this.op = op;
    this.shapes = shapes;
  }
}

/** An operator was applied to a dtype that it does not take. */
export class DTypeError extends Error {
  override readonly name = 'DTypeError';
  readonly code = 'ERR_ONNX_DTYPE';
  readonly op: string;
  readonly dtypes: readonly (DType | undefined)[];

  constructor(op: string, dtypes: readonly (DType | undefined)[], reason: string) {
    super(`${op} cannot be applied to ${dtypes.map((dtype) => dtype ?? 'nothing').join(', ')}: ${reason}.`);
    this.op = op;
    this.dtypes = dtypes;
  }
}

/** A gradient was asked for that does not exist. */
export class GradientError extends Error {
  override readonly name = 'GradientError';
  readonly code = 'ERR_ONNX_GRADIENT';
  readonly op: string;

  constructor(op: string, reason: string) {
    super(`No gradient through ${op}: ${reason}.`);
    this.op = op;
  }
}

/** A graph breaks a rule that every model file must obey, such as two inputs with one name. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
  readonly code = 'ERR_ONNX_GRAPH';
  /** The name of the input, output or node that is at fault. */
  readonly subject: string;

  constructor(subject: string, reason: string) {
    super(`"${subject}" ${reason}.`);
    this.subject = subject;
  }
}
