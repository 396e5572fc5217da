import { ExtentError } from '../errors.ts';
import type { Destination } from '../memory/process-memory.ts';
import type { Caller, Member, Request } from '../process/pending-call.ts';
import { answerOf, UnaryCall } from '../process/unary-call.ts';
import { type Adverb, beginClientSpan } from '../seeing/spans.ts';
import type { Payload } from '../wire/codec.ts';
import type { Heading } from '../wire/heading.ts';
import { withOptions } from './call-options.ts';
import type { Chooser } from './choose.ts';
import type { NamedExtent } from './extent.ts';
import type { CallOptions, Replies } from './handle.ts';
import { SentReplies } from './replies.ts';
import { MergedStreams, type StreamItem } from './streams.ts';

/** Takes a snapshot of a value for the wire. */
export type Encode = (
  value: unknown,
  options?: {
    /** Moved instead of copied. */
    readonly transfer?: readonly ArrayBuffer[] | undefined;
    /** Where it is sent, to each at most once. @default anywhere */
    readonly to?: readonly Destination[];
  },
) => Payload;

/** The actors that a handle names. */
export interface Addressed {
  readonly home: Caller & { readonly encode: Encode };
  readonly name: string;
  readonly extent: NamedExtent<string>;
  readonly members: readonly Member[];
  readonly chooser: Chooser;
}

/** An endpoint as its callers know it. */
export interface Called {
  readonly heading: Heading;
  /** It runs in the serial lane of its actor. */
  readonly isSerial: boolean;
}

/** The adverbs of one endpoint of one mesh. Arguments that cannot be sent throw at once, before anything is. */
export class EndpointAdverbs {
  readonly #mesh: Addressed;
  readonly #endpoint: Called;
  readonly #options: CallOptions;

  constructor(mesh: Addressed, endpoint: Called, options: CallOptions) {
    this.#mesh = mesh;
    this.#endpoint = endpoint;
    this.#options = options;
  }

  call = (...args: readonly unknown[]): Replies<unknown, string> => {
    const { home, extent, members } = this.#mesh;
    const payload = this.#encode(args, members);
    return new SentReplies(extent, (onEnded) =>
      members.map((member, rank) => {
        const request = this.#request('call', rank, payloadFor(this.#mesh, member, payload));
        return new UnaryCall(home, member, request, onEnded);
      }),
    );
  };

  callOne = (...args: readonly unknown[]): Promise<unknown> =>
    rejecting(() => {
      const { home, name, members } = this.#mesh;
      const [only] = members;
      if (only === undefined || members.length !== 1) {
        const problem = `callOne needs exactly one actor, and ${name} has ${members.length}. Slice to one first.`;
        throw new ExtentError(problem);
      }
      return answerOf(home, only, this.#request('callOne', 0, this.#encode(args, members)));
    });

  choose = (...args: readonly unknown[]): Promise<unknown> =>
    rejecting(() => {
      const { home, members, chooser } = this.#mesh;
      const rank = chooser.choose(this.#options.choose ?? 'leastPending');
      // The chooser returns a rank of this mesh.
      const member = members[rank]!;
      return answerOf(home, member, this.#request('choose', rank, this.#encode(args, [member])));
    });

  broadcast = (...args: readonly unknown[]): void => {
    const { home, members } = this.#mesh;
    const { heading } = this.#endpoint;
    const payload = this.#encode(args, members);
    members.forEach((member, rank) => {
      const { target, mesh, point } = member;
      const span = beginClientSpan({ mesh, rank: point.rank, endpoint: heading.endpoint, adverb: 'broadcast' });
      home.exchange.cast(target, {
        actor: `${mesh}/${point.rank}`,
        heading,
        rank,
        payload: payloadFor(this.#mesh, member, payload),
        carrier: span?.carrier,
      });
      // Nothing comes back.
      span?.end();
    });
  };

  with = (options: CallOptions): EndpointAdverbs =>
    new EndpointAdverbs(this.#mesh, this.#endpoint, withOptions(this.#options, options));

  #encode(args: readonly unknown[], members: readonly Member[]): Payload {
    return this.#mesh.home.encode(args, { transfer: this.#options.transfer, to: peersOf(members) });
  }

  #request(adverb: Adverb, rank: number, payload: Payload): Request {
    const { timeoutMs, signal } = this.#options;
    const { heading, isSerial } = this.#endpoint;
    return { heading, rank, adverb, payload, timeoutMs, signal, isSerial };
  }
}

/** The answer of a call, or why it could not be sent: as an async function would, without its promise around the call's. */
function rejecting(send: () => Promise<unknown>): Promise<unknown> {
  try {
    return send();
  } catch (error) {
    return Promise.reject(error);
  }
}

function peersOf(members: readonly Member[]): readonly Destination[] {
  return members.map(({ target }) => target.current.peer);
}

/** Actors of this process get a copy each where several receive the same buffers: they must not see each other's writes. */
function payloadFor({ home, members }: Addressed, { target }: Member, payload: Payload): Payload {
  if (members.length === 1 || payload.buffers.length === 0 || target.peer.id !== home.exchange.id) return payload;
  return { bytes: payload.bytes, buffers: payload.buffers.map((buffer) => buffer.slice()) };
}

/** The adverbs of one stream endpoint of one mesh. */
export class EndpointStreams {
  readonly #mesh: Addressed;
  readonly #endpoint: Called;
  readonly #options: CallOptions;

  constructor(mesh: Addressed, endpoint: Called, options: CallOptions) {
    this.#mesh = mesh;
    this.#endpoint = endpoint;
    this.#options = options;
  }

  stream = (...args: readonly unknown[]): AsyncIterable<StreamItem> => {
    const { home, extent, members } = this.#mesh;
    const { heading, isSerial } = this.#endpoint;
    const { transfer, timeoutMs, signal } = this.#options;
    const open = () => {
      const encoded = home.encode(args, { transfer, to: peersOf(members) });
      const parts = members.map((member, rank) => {
        const payload = payloadFor(this.#mesh, member, encoded);
        const request = { heading, rank, adverb: 'stream', payload, timeoutMs, signal, isSerial } as const;
        return { member, point: extent.point(rank), request };
      });
      return new MergedStreams(home, parts);
    };
    return { [Symbol.asyncIterator]: open };
  };

  with = (options: CallOptions): EndpointStreams =>
    new EndpointStreams(this.#mesh, this.#endpoint, withOptions(this.#options, options));
}
