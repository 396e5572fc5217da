/**
 * A way for frames to one other process. A real one keeps order and loses nothing until it ends; a simulated one may
 * delay, reorder and repeat all but the first frame, which comes first.
 */
export interface Connection {
  /** Sends one frame made of these parts, which are not changed before they have arrived. Never blocks. */
  send(parts: readonly Uint8Array[]): void;
  /** Bytes taken and not yet with the system. */
  readonly bufferedBytes: number;
  /** Ends it after what was sent; `onEnd` follows. */
  close(): void;
}

/** What a connection tells its user. */
export interface ConnectionEvents {
  /** A frame came. Its memory may be used again after the call. */
  readonly onFrame: (frame: Uint8Array) => void;
  /** What was buffered is with the system. */
  readonly onDrain: () => void;
  /** Once. No frame comes after it. */
  readonly onEnd: (reason: string, cause?: Error) => void;
}

/** Takes a connection that another process has opened to this one. Who it is says its first frame. */
export type Accept = (connection: Connection) => ConnectionEvents;

/** Why no connection came about. */
export interface Refusal {
  /** The process will never answer again; otherwise trying again may help. */
  readonly gone: boolean;
  readonly reason: string;
  readonly cause?: Error;
}

/** A connection that is being opened: either `onOpen` or `onRefused` follows. */
export interface Dialling extends ConnectionEvents {
  readonly onOpen: (connection: Connection) => void;
  readonly onRefused: (refusal: Refusal) => void;
}

/** Ways from this process to the others of its program. */
export interface Network {
  /** Opens a connection to a process. */
  dial(id: string, dialling: Dialling): void;
  /**
   * How long a session with a process outlives its connection: 0 between processes of one machine, where a connection
   * ends only with its process.
   */
  resumeMs(id: string): number;
  /**
   * Tells when a process is known to be lost although a session with it might wait longer, until the returned function
   * is called. Not between processes of one machine.
   */
  watch?(id: string, onLost: (reason: string) => void): () => void;
  /** Opens a connection that another process has asked for by `ticket`, because nobody can open one to this machine. */
  dialBack?(id: string, ticket: string): void;
  /** Takes no more connections; open ones stay. */
  close(): void;
}
