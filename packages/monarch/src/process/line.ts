import type { Payload } from '../wire/codec.ts';
import type { Message } from '../wire/message.ts';
import type { Peer } from './peer.ts';

/** A link in use, with the calls that came in by it and still run. */
export interface Line {
  readonly peer: Peer;
  readonly running: Map<number, Incoming>;
  readonly lends: boolean;
  readonly confirms: boolean;
  /** What is replied is sent. */
  readonly isOpen: boolean;
  reply(message: Message, payload?: Payload): void;
}

/** A call that came in and still runs. */
export interface Incoming {
  cancel(why: 'timeout' | 'abort' | 'gone'): void;
  grant(credit: number): void;
}

/** Messages that ask for something to be run here. */
export type RequestMessage = Extract<Message, readonly ['call' | 'stream' | 'cast', ...(readonly unknown[])]>;
