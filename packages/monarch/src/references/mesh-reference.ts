import type { EndpointOptions } from '../actor/endpoint.ts';
import { DecodeError } from '../errors.ts';
import { NamedExtent } from '../mesh/extent.ts';
import { isProcessId } from '../process/process-id.ts';

/** What a mesh knows of each endpoint. */
export interface EndpointCard extends EndpointOptions {
  readonly kind: 'unary' | 'stream';
}

/** Where one actor is: its process, its number there, and its rank in the mesh that was spawned. */
export type Address = readonly [process: string, actor: number, rank: number];

/** A mesh or slice as it travels in messages: plain data from which any process of the program makes a handle. */
export interface MeshReference {
  readonly name: string;
  /** Of the mesh that was spawned. */
  readonly whole: NamedExtent<string>;
  /** Of this slice. */
  readonly extent: NamedExtent<string>;
  /** In rank order of the slice. */
  readonly addresses: readonly Address[];
  readonly endpoints: Readonly<Record<string, EndpointCard>>;
  /** Methods of the actors that are no endpoints. */
  readonly methods: readonly string[];
}

/** Checks what came in a message. @throws {DecodeError} */
export function meshReference(value: unknown): MeshReference {
  // Every field that is used is checked below.
  const reference = value as MeshReference;
  const isAddress = (address: unknown) =>
    Array.isArray(address) && isProcessId(String(address[0])) && typeof address[1] === 'number';
  const { name, whole, extent, addresses, endpoints, methods } = reference;
  const isSound =
    typeof name === 'string' &&
    whole instanceof NamedExtent &&
    extent instanceof NamedExtent &&
    Array.isArray(addresses) &&
    addresses.length === extent.size &&
    addresses.every(isAddress) &&
    typeof endpoints === 'object' &&
    Array.isArray(methods);
  if (!isSound) throw new DecodeError('a mesh reference is damaged.');
  return reference;
}
