import { createServer, type Server, type Socket } from 'node:net';
import { MAX_PROLOGUE_BYTES, PROLOGUE_START } from './prologue.ts';

/** Time for a peer to say what it wants. */
export const HELLO_MS = 5_000;
/** Connections that have not said what they want, of all and of one address. A program opens some hundreds at once. */
const MAX_WAITING = 2_048;
const MAX_WAITING_OF_ONE = 512;
/** A connection whose peer is gone without a word ends after some minutes. */
const KEEP_ALIVE_MS = 30_000;

const [START] = Buffer.from(PROLOGUE_START);

/** Who sees to the connections that come in at a door. */
export interface Doorkeeper {
  /** One that begins with a line that may be a prologue. Nothing was read behind it. */
  readonly onPrologue: (line: string, socket: Socket) => void;
  /** One that begins otherwise; all that came can be read. */
  readonly onOther: (socket: Socket) => void;
  /** One that was destroyed. */
  readonly onRefused: (address: string | undefined, reason: string) => void;
}

/** A server that tells by its first byte whether a connection is meant for a process, or for the daemon. */
export function frontDoor({ onPrologue, onOther, onRefused }: Doorkeeper): Server {
  const waiting = new Map<string | undefined, number>();
  let total = 0;
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  return createServer(options, (socket) => {
    const { remoteAddress: address } = socket;
    const count = waiting.get(address) ?? 0;
    const refuse = (reason: string) => {
      socket.destroy();
      onRefused(address, reason);
    };
    if (total >= MAX_WAITING || count >= MAX_WAITING_OF_ONE) return refuse('too many of its connections say nothing.');
    waiting.set(address, count + 1);
    total++;
    let read = Buffer.alloc(0);
    let isDecided = false;
    const decide = () => {
      if (isDecided) return;
      isDecided = true;
      clearTimeout(timer);
      socket.off('data', onData).off('close', decide).off('error', ignore);
      total--;
      const left = (waiting.get(address) ?? 1) - 1;
      if (left === 0) waiting.delete(address);
      else waiting.set(address, left);
    };
    const timer = setTimeout(() => {
      decide();
      refuse(read.length === 0 ? 'it said nothing.' : 'it said too little.');
    }, HELLO_MS);
    const onData = (chunk: Buffer) => {
      read = Buffer.concat([read, chunk]);
      if (read[0] !== START) {
        decide();
        // Paused, so that TLS finds what was read.
        socket.pause();
        socket.unshift(read);
        onOther(socket);
        process.nextTick(() => socket.resume());
        return;
      }
      const end = read.indexOf('\n') + 1;
      if (end === 0 && read.length < MAX_PROLOGUE_BYTES) return;
      decide();
      if (end === read.length) onPrologue(read.toString('latin1'), socket);
      else refuse('it does not begin as it should.');
    };
    const ignore = () => {};
    socket.on('data', onData).on('close', decide).on('error', ignore);
  });
}
