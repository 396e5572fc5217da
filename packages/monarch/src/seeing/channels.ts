import { channel } from 'node:diagnostics_channel';
import type { ProcessExit } from '../errors.ts';
import type { LogLine } from './log-line.ts';

/** An actor of this process. */
export interface ActorEvent {
  /** Id of this process. */
  readonly process: string;
  /** Name of the mesh. */
  readonly mesh: string;
  readonly rank: number;
  readonly className: string;
}

/** A message that an actor of this process handles. */
export interface CallEvent extends ActorEvent {
  readonly endpoint: string;
  readonly kind: 'call' | 'stream' | 'broadcast';
  /** Process of the caller. */
  readonly from: string;
}

/** The end of a message. */
export interface CallEndEvent extends CallEvent {
  /** From its arrival, time in the mailbox included. */
  readonly durationMs: number;
  /** What the endpoint threw. */
  readonly error?: unknown;
}

/** An actor of this process has failed, or a process that it started is lost. */
export interface FailureEvent {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly kind: string;
  readonly text: string;
}

/** A process that this one started. */
export interface ProcessEvent {
  readonly process: string;
  readonly name: string;
  readonly pid: number;
  /** How it ended; not there when it has just been started. */
  readonly exit?: ProcessExit;
}

/** What is published, by the name of its channel of `node:diagnostics_channel`, in the process where it happens. */
export interface ChannelEvents {
  readonly 'monarch:actor:spawn': ActorEvent;
  readonly 'monarch:actor:stop': ActorEvent;
  readonly 'monarch:call:start': CallEvent;
  readonly 'monarch:call:end': CallEndEvent;
  readonly 'monarch:failure': FailureEvent;
  readonly 'monarch:process:start': ProcessEvent;
  readonly 'monarch:process:exit': ProcessEvent;
  readonly 'monarch:log': LogLine;
}

/** A channel of events. */
export interface Published<Event> {
  /** Whether to make an event at all. */
  readonly hasSubscribers: boolean;
  publish(event: Event): void;
}

/** The channels, by their names. */
export const CHANNELS: { readonly [Name in keyof ChannelEvents]: Published<ChannelEvents[Name]> } = {
  'monarch:actor:spawn': channel('monarch:actor:spawn'),
  'monarch:actor:stop': channel('monarch:actor:stop'),
  'monarch:call:start': channel('monarch:call:start'),
  'monarch:call:end': channel('monarch:call:end'),
  'monarch:failure': channel('monarch:failure'),
  'monarch:process:start': channel('monarch:process:start'),
  'monarch:process:exit': channel('monarch:process:exit'),
  'monarch:log': channel('monarch:log'),
};
