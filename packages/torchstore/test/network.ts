import { connect, createServer, type Socket } from 'node:net';
import type { StoreReference } from '../src/index.ts';
import { decodeWebSocketHead } from '../src/transport/websocket-head.ts';

/** Bytes that a network carries. */
export interface Packet {
  readonly data: Buffer;
  /** Connections are counted from 0. */
  readonly connection: number;
  /** From the client to the volume. */
  readonly isUpward: boolean;
  /** Bytes that this connection has carried before, in this direction. */
  readonly start: number;
}

/** What arrives in the place of a packet. */
export type Treatment = (packet: Packet) => readonly Buffer[] | 'cut';

/** A network between clients and the first volume of a store, which a test may treat badly. */
export interface Network extends AsyncDisposable {
  /** The store as clients behind the network see it. */
  readonly reference: StoreReference;
  /** Connections so far. */
  readonly connections: number;
  /** Bytes that have arrived so far. */
  readonly carried: { readonly up: number; readonly down: number };
  /** Cuts everything, and refuses new connections until it is up again. */
  isDown: boolean;
}

/** Starts a network. @param treat what happens to each packet; it arrives as it is by default */
export async function startNetwork(
  reference: StoreReference,
  treat: Treatment = ({ data }) => [data],
): Promise<Network> {
  const sockets = new Set<Socket>();
  const carried = { up: 0, down: 0 };
  let isDown = false;
  let connections = 0;
  const target = Number(new URL(reference.volumes[0]!.url).port);
  const server = createServer((near) => {
    if (isDown) {
      near.destroy();
      return;
    }
    const connection = connections;
    connections += 1;
    const far = connect(target, '127.0.0.1');
    const pair = [near, far];
    const pass = (from: Socket, to: Socket, isUpward: boolean) => {
      let start = 0;
      from.on('data', (data: Buffer) => {
        if (to.destroyed) return;
        const parts = treat({ data, connection, isUpward, start });
        start += data.length;
        if (parts === 'cut') {
          for (const socket of pair) socket.destroy();
          return;
        }
        for (const part of parts) {
          carried[isUpward ? 'up' : 'down'] += part.length;
          if (!to.write(part)) {
            from.pause();
            to.once('drain', () => from.resume());
          }
        }
      });
    };
    pass(near, far, true);
    pass(far, near, false);
    for (const [socket, other] of [pair, pair.toReversed()] as [Socket, Socket][]) {
      sockets.add(socket);
      socket.on('error', () => {}); // 'close' follows
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroySoon();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const [first, ...others] = reference.volumes;
  return {
    reference: { ...reference, volumes: [{ ...first!, url: `ws://127.0.0.1:${port}` }, ...others] },
    carried,
    get connections() {
      return connections;
    },
    get isDown() {
      return isDown;
    },
    set isDown(down: boolean) {
      isDown = down;
      if (down) for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Cuts each of the first connections once it has carried so many bytes, both directions together. */
export function cutsAfter(limits: readonly number[]): Treatment {
  const left = [...limits];
  return ({ data, connection }) => {
    const rest = left[connection];
    if (rest === undefined) return [data];
    left[connection] = rest - data.length;
    return rest > data.length ? [data] : 'cut';
  };
}

/** Treats whole messages instead of packets: what is done to each one that goes up, counted from 0 on each connection. */
export function messages(treat: (message: Buffer, index: number) => readonly Buffer[]): Treatment {
  const states = new Map<number, { rest: Buffer; index: number }>();
  return ({ data, connection, isUpward }) => {
    if (!isUpward) return [data];
    const state = states.get(connection) ?? { rest: Buffer.alloc(0), index: -1 };
    states.set(connection, state);
    state.rest = Buffer.concat([state.rest, data]);
    const passed: Buffer[] = [];
    for (let end = messageEnd(state.rest, state.index); end !== undefined; end = messageEnd(state.rest, state.index)) {
      const message = state.rest.subarray(0, end);
      passed.push(...(state.index < 0 ? [message] : treat(message, state.index)));
      state.rest = state.rest.subarray(end);
      state.index += 1;
    }
    return passed;
  };
}

/** Where the first message ends, or the handshake before all messages; undefined when more must come. */
function messageEnd(bytes: Buffer, index: number): number | undefined {
  if (index < 0) {
    const end = bytes.indexOf('\r\n\r\n');
    return end < 0 ? undefined : end + 4;
  }
  const head = decodeWebSocketHead(bytes, 2 ** 24);
  const end = head === undefined ? Number.POSITIVE_INFINITY : head.headBytes + head.length;
  return end <= bytes.length ? end : undefined;
}
