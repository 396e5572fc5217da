import { Queue } from '../collections/queue.ts';
import type { Clock } from '../time/clock.ts';
import type { Link, LinkEvents } from './link.ts';
import type { Packet } from './packet.ts';

/** Time that packets may follow each other before timers and sockets get a turn. */
const TURN_MS = 10;

/** Its reactions run as microtasks, without what `queueMicrotask` adds to each. */
const resolved = Promise.resolve();

/** A link from a process to itself: same packets, no frames. */
export function loopback({ onPacket, onClose }: LinkEvents, clock: Clock): Link {
  const waiting = new Queue<Packet>();
  let isOpen = true;
  /** What waits is delivered in a later turn of the event loop. */
  let isDeferred = false;
  /** When the first packet of this turn was sent; `undefined` when none was. */
  let turnStarted: number | undefined;

  const deliver = (): void => {
    if (isDeferred || !isOpen) return;
    if (turnStarted !== undefined && clock.now() - turnStarted > TURN_MS) {
      isDeferred = true;
      clock.soon(resume);
      return;
    }
    const packet = waiting.shift();
    if (packet !== undefined) onPacket(packet);
  };
  const resume = (): void => {
    isDeferred = false;
    for (let i = waiting.size; i > 0; i--) void resolved.then(deliver);
  };
  return {
    send: (packet) => {
      if (turnStarted === undefined) {
        turnStarted = clock.now();
        clock.soon(() => {
          turnStarted = undefined;
        });
      }
      waiting.push(packet);
      // Later, so that a sender never runs the receiver within its own call.
      if (!isDeferred) void resolved.then(deliver);
    },
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      onClose('it was closed.');
    },
  };
}
