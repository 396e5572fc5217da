import { isGone, type Owner } from '../owner.ts';
import { FrameService } from './frame-service.ts';
import { closeCodes, MessageSocket, type SocketEnd } from './message-socket.ts';
import { SegmentReplies } from './segment-replies.ts';
import { SegmentWrites } from './segment-writes.ts';
import type { OpenedStream } from './stream.ts';

/** What a session is served with. */
export interface ServedSessionOptions {
  readonly directory: string;
  readonly session: string;
  /** How long a client that was cut off may take to come back. */
  readonly reconnectMs: number;
  readonly onEnd: (end: SessionEnd) => void;
}

/** How a session ended. */
export type SessionEnd = 'closed' | 'lost';

/** How often a client that was cut off is looked for, on the machine where its process id means something. */
const lookMs = 50;

/**
 * A client as its volume sees it. It outlives its connection:
 *
 *   connected ──cut──▶ waiting ──the same client, a new connection──▶ connected
 *       │                 └──its process is gone, or reconnectMs──▶ ended, "lost"
 *       └──closed by the client──▶ ended
 */
export class ServedSession implements Disposable {
  readonly #options: ServedSessionOptions;
  readonly #writes: SegmentWrites;
  readonly #replies: SegmentReplies;
  #socket: MessageSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(options: ServedSessionOptions) {
    this.#options = options;
    this.#writes = new SegmentWrites(options);
    this.#replies = new SegmentReplies(options.directory);
  }

  /** Serves the client on a new connection; nothing that arrives on one before is read any more. */
  connect({ stream, intake, rest }: OpenedStream, owner: Owner | undefined): void {
    this.#socket?.cut();
    clearInterval(this.#timer);
    const service = new FrameService({ writes: this.#writes, replies: this.#replies });
    const socket = new MessageSocket(stream, 'server', {
      onHead: (head) => service.onHead(head),
      onMessage: (head) => service.onMessage(head),
      onEnd: (end) => {
        service.end();
        if (this.#socket === socket) this.#disconnect(end, owner);
      },
    });
    this.#socket = socket;
    service.serve(socket);
    socket.start(intake, rest);
  }

  #disconnect({ code }: SocketEnd, owner: Owner | undefined): void {
    this.#socket = undefined;
    if (code === closeCodes.done) {
      this.#end('closed');
      return;
    }
    const untilMs = performance.now() + this.#options.reconnectMs;
    const look = () => {
      if ((owner !== undefined && isGone(owner)) || performance.now() >= untilMs) this.#end('lost');
    };
    this.#timer = setInterval(look, lookMs);
    look();
  }

  #end(how: SessionEnd): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearInterval(this.#timer);
    this.#writes[Symbol.dispose]();
    this.#options.onEnd(how);
  }

  /** The volume ends: the client need not come back. */
  [Symbol.dispose](): void {
    this.#socket?.close(closeCodes.goingAway);
    this.#end('closed');
  }
}
