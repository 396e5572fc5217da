import { EndpointError } from '../errors.ts';
import type { Caller, Member } from '../process/pending-call.ts';
import type { MeshReference } from '../references/mesh-reference.ts';
import { Heading } from '../wire/heading.ts';
import { makeReferable, referenceOf } from '../wire/referable.ts';
import type { Encode } from './adverbs.ts';
import { EndpointAdverbs, EndpointStreams } from './adverbs.ts';
import { Chooser } from './choose.ts';
import type { NamedExtent } from './extent.ts';
import type { CallOptions } from './handle.ts';
import type { Names, PartSizes, Parts } from './reshape.ts';
import { type Selection, select } from './selection.ts';

/** What a handle needs of the process it is used in. */
export interface HandleHome extends Caller {
  readonly encode: Encode;
  /** A number from 0 to below 1. */
  readonly random: () => number;
}

/** What only the spawner's handle can do. */
export interface Ownership {
  stop(reason?: string): Promise<void>;
}

/** The actors of a handle; `undefined` for any other object. */
export function meshReferenceOf(handle: object): MeshReference | undefined {
  const reference = referenceOf(handle);
  // `meshHandle` is the only one who refers to meshes.
  return reference?.kind === 'mesh' ? (reference.data as MeshReference) : undefined;
}

/** A handle on the actors of a reference: its endpoints are properties. Awaiting it gives the handle itself. */
export function meshHandle(home: HandleHome, reference: MeshReference, ownership?: Ownership): object {
  const mesh = new MeshTarget(home, reference);
  const handle = new Proxy(mesh, {
    get: (target, name) => {
      if (typeof name === 'string' && Object.hasOwn(reference.endpoints, name)) return target.endpoint(name);
      if (name === 'stop') return ownership === undefined ? undefined : (reason?: string) => ownership.stop(reason);
      if (name === Symbol.asyncDispose) return ownership === undefined ? undefined : () => ownership.stop();
      // RESERVED_NAMES keeps endpoints off these names.
      if (isBuiltin(name)) return target[name];
      return typeof name === 'string' && reference.methods.includes(name) ? noEndpoint(reference, name) : undefined;
    },
    has: (_, name) => isBuiltin(name) || Object.hasOwn(reference.endpoints, name),
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  });
  return makeReferable(handle, () => ({ kind: 'mesh', data: reference }));
}

/** What every handle answers to beside its endpoints. */
const BUILTINS = ['extent', 'length', 'slice', 'flatten', 'split', 'rename', 'toString'] as const;

function isBuiltin(name: string | symbol): name is (typeof BUILTINS)[number] {
  return (BUILTINS as readonly (string | symbol)[]).includes(name);
}

/** Stands where code without types expects a method, and says what is there instead. */
function noEndpoint({ name, endpoints }: MeshReference, method: string): () => never {
  return () => {
    const names = Object.keys(endpoints).join(', ');
    const advice = `Make it one, \`readonly ${method} = endpoint(…)\`, or call one of: ${names}.`;
    throw new EndpointError(name, method, `is a method of the actor, but no endpoint. ${advice}`);
  };
}

/** The adverbs of an endpoint, as a function that says how to use them when it is called. */
function inWords<T extends object>(adverbs: T, mesh: string, endpoint: string, ways: readonly string[]): T {
  const refuse = () => {
    const calls = ways.map((way) => `${endpoint}.${way}(…)`).join(', ');
    throw new EndpointError(mesh, endpoint, `cannot be called like this. Say how: ${calls}.`);
  };
  return Object.assign(refuse, adverbs);
}

class MeshTarget {
  readonly extent: NamedExtent<string>;
  readonly length: number;
  readonly #home: HandleHome;
  readonly #reference: MeshReference;
  readonly #members: readonly Member[];
  readonly #endpoints = new Map<string, EndpointAdverbs | EndpointStreams>();

  constructor(home: HandleHome, reference: MeshReference) {
    const { extent, addresses, name, whole } = reference;
    this.extent = extent;
    this.length = extent.size;
    this.#home = home;
    this.#reference = reference;
    this.#members = addresses.map(([process, actor, rank]) => ({
      target: home.exchange.target(process, actor),
      mesh: name,
      point: whole.point(rank),
    }));
  }

  readonly slice = (selection: Selection<string>): object => {
    const { extent, ranks } = select(this.extent, selection);
    const { addresses } = this.#reference;
    return meshHandle(this.#home, { ...this.#reference, extent, addresses: ranks.map((rank) => addresses[rank]!) });
  };

  readonly flatten = (name: string): object => this.#reshaped(this.extent.flatten(name));

  readonly split = (parts: Parts<string>, sizes?: PartSizes<string, Parts<string>>): object =>
    this.#reshaped(this.extent.split(parts, sizes));

  readonly rename = (names: Names<string>): object => this.#reshaped(this.extent.rename(names));

  readonly toString = (): string => `${this.#reference.name} ${this.extent}`;

  #reshaped(extent: NamedExtent<string>): object {
    return meshHandle(this.#home, { ...this.#reference, extent });
  }

  endpoint(name: string): EndpointAdverbs | EndpointStreams {
    let adverbs = this.#endpoints.get(name);
    if (adverbs === undefined) {
      // Asked only for names that the reference lists.
      const { kind, timeoutMs, concurrency = 1 } = this.#reference.endpoints[name]!;
      const options: CallOptions = timeoutMs === undefined ? {} : { timeoutMs };
      const called = { heading: new Heading(name, this.extent), isSerial: concurrency === 1 };
      const mesh = {
        ...{ home: this.#home, name: this.#reference.name, extent: this.extent, members: this.#members },
        chooser: new Chooser(this.#members, this.#home.random),
      };
      adverbs =
        kind === 'stream'
          ? inWords(new EndpointStreams(mesh, called, options), mesh.name, name, ['stream'])
          : inWords(new EndpointAdverbs(mesh, called, options), mesh.name, name, [
              'call',
              'callOne',
              'choose',
              'broadcast',
            ]);
      this.#endpoints.set(name, adverbs);
    }
    return adverbs;
  }
}
