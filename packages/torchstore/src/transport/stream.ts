import { connect, type NetConnectOpts, Socket } from 'node:net';
import { connect as connectTls, TLSSocket, type ConnectionOptions as TlsOptions } from 'node:tls';
import { type ByteSink, pour } from './byte-sink.ts';

/** What a stream reads goes to its sink, which may be exchanged by the sink itself. */
export interface Intake {
  sink: ByteSink;
}

/** A stream that has shaken hands, and what was read behind that. */
export interface OpenedStream {
  readonly stream: Socket;
  readonly intake: Intake;
  readonly rest: Uint8Array;
}

/** The stream ends when its sink throws. */
function onread(intake: Intake, stream: () => Socket) {
  let { sink } = intake;
  let memory: Uint8Array = new Uint8Array(0);
  return {
    // Asked for at the end of each read: when the next one comes, there may be another sink.
    buffer: () => {
      sink = intake.sink;
      memory = sink.next();
      return memory;
    },
    callback: (bytes: number) => {
      try {
        if (sink === intake.sink) sink.advance(bytes);
        else pour(memory.subarray(0, bytes), intake.sink);
      } catch (error) {
        stream().destroy(asError(error));
      }
      return true;
    },
  };
}

const asError = (error: unknown) => (error instanceof Error ? error : new TypeError(String(error)));

/** Connects a stream that reads into the memory of its sink. */
export function connectStream(
  to: NetConnectOpts & { readonly tls?: Pick<TlsOptions, 'ca'> | undefined },
  intake: Intake,
): Socket {
  const { tls, ...target } = to;
  const options = { ...target, onread: onread(intake, () => stream) };
  const stream: Socket = tls === undefined ? connect(options) : connectTls({ ...options, ...tls });
  return stream;
}

/**
 * Has a stream that was accepted, and has not read yet, read into the memory of its sink.
 * @returns the stream to use instead
 */
export function acceptStream(accepted: Socket, intake: Intake): Socket {
  // Node lets a socket read into given memory when it is made only, and makes those of a server itself. So another is
  // made on the same handle: a third of the time of a large transfer is the copy that this saves.
  const handle: unknown = Reflect.get(accepted, '_handle');
  if (accepted instanceof TLSSocket || handle === null || typeof handle !== 'object') {
    accepted.on('data', (bytes: Buffer) => {
      try {
        pour(bytes, intake.sink);
      } catch (error) {
        accepted.destroy(asError(error));
      }
    });
    return accepted;
  }
  Reflect.set(accepted, '_handle', null);
  const options = { handle: handle as never, onread: onread(intake, () => stream) };
  const stream = new Socket(options); // whose types know only some of the handles that it takes
  stream.once('close', () => accepted.destroy()); // which the server waits for
  stream.resume();
  return stream;
}
