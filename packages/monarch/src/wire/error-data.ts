import { inspect } from 'node:util';
import * as errors from '../errors.ts';

/** An error as plain data. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  /** Its own fields, `code` included. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  /** Of an AggregateError. */
  readonly errors?: readonly unknown[];
}

const STANDARD = new Set(['name', 'message', 'stack', 'cause', 'errors']);

/** Prototypes that a rebuilt error may have; any other name gets a plain Error that says its name. */
const PROTOTYPES = new Map<string, object>(
  [
    ...[Error, TypeError, RangeError, SyntaxError, ReferenceError, URIError, EvalError, AggregateError],
    ...[errors.ExtentError, errors.ActorClassError, errors.UnsendableError, errors.DecodeError, errors.OwnershipError],
    ...[errors.ActorError, errors.MeshFailure, errors.OverflowError, errors.ArgumentError, errors.SelfCallError],
    ...[errors.OptionError, errors.EndpointError, errors.PortError, errors.OversizeError],
    ...[errors.BufferBoundsError, errors.BufferDroppedError],
  ].map((type) => [type.name, type.prototype]),
);

/** Takes an error apart. `sendable` says whether a field may cross; one that may not becomes its printed form. */
export function errorToData(error: Error, sendable: (value: unknown) => boolean): ErrorData {
  const crossing = (value: unknown) => (sendable(value) ? value : inspect(value, { depth: 1 }));
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(error)) if (!STANDARD.has(key)) fields[key] = crossing(value);
  if ('code' in error) fields['code'] = crossing(error.code);
  return {
    name: String(error.name),
    message: String(error.message),
    stack: String(error.stack ?? `${error.name}: ${error.message}`),
    fields,
    ...('cause' in error && { cause: crossing(error.cause) }),
    ...('errors' in error && Array.isArray(error.errors) && { errors: error.errors.map(crossing) }),
  };
}

/** Rebuilds an error: name, message, remote stack, own fields and cause. Runs no code of the sender. */
export function errorFromData(data: ErrorData): Error {
  const error = new Error(data.message);
  Object.setPrototypeOf(error, PROTOTYPES.get(data.name) ?? Error.prototype);
  const hidden = { enumerable: false, writable: true, configurable: true };
  Object.defineProperty(error, 'name', { ...hidden, value: data.name });
  Object.defineProperty(error, 'stack', { ...hidden, value: data.stack });
  if ('cause' in data) Object.defineProperty(error, 'cause', { ...hidden, value: data.cause });
  if ('errors' in data) Object.defineProperty(error, 'errors', { ...hidden, value: data.errors });
  const visible = { ...hidden, enumerable: true };
  for (const [key, value] of Object.entries(data.fields)) Object.defineProperty(error, key, { ...visible, value });
  return error;
}
