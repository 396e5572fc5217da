import { describe, expect, test } from 'vitest';
import { extentOf } from '../../src/mesh/extent.ts';
import { systemClock } from '../../src/time/clock.ts';
import { Heading } from '../../src/wire/heading.ts';
import type { Link, Opening } from '../../src/wire/link.ts';
import { channelOf, type Message } from '../../src/wire/message.ts';
import type { Packet } from '../../src/wire/packet.ts';
import { Session, type SessionFaults } from '../../src/wire/session.ts';
import { Sessions } from '../../src/wire/sessions.ts';
import { RoughNetwork, type Roughness } from '../fixtures/rough-network.ts';

const HEADING = new Heading('f', extentOf({}));
const ROUGH: Roughness = { reorder: 0.3, repeat: 0.2, cut: 0.02, refuse: 0.3 };
const RESUME_MS = 5_000;

/** One side: what it has sent and received, by channel. */
interface Side {
  readonly sent: Map<number, number[]>;
  readonly received: Map<number, number[]>;
  readonly ended: string[];
  link: Link | undefined;
}

function side(): Side & { readonly opening: Opening } {
  const received = new Map<number, number[]>();
  const ended: string[] = [];
  const made: Side & { opening: Opening } = {
    ...{ sent: new Map<number, number[]>(), received, ended, link: undefined },
    opening: {
      onOpen: (link) => {
        made.link = link;
      },
      onPacket: ({ message, payload }) => note(received, message, stampOf(payload)),
      onClose: (reason) => void ended.push(reason),
    },
  };
  return made;
}

function note(by: Map<number, number[]>, message: Message, stamp: number): void {
  const channel = channelOf(message) ?? Number.NaN;
  const stamps = by.get(channel) ?? [];
  stamps.push(stamp);
  by.set(channel, stamps);
}

/** A payload that names itself, in its bytes and at both ends of its buffers. */
function stamped(stamp: number, sizes: readonly number[]): Packet['payload'] {
  const bytes = new Uint8Array(Float64Array.of(stamp).buffer);
  return { bytes, buffers: sizes.map((size) => new Uint8Array(size).fill(stamp % 251)) };
}

function stampOf({ bytes, buffers }: Packet['payload']): number {
  const stamp = new Float64Array(new Uint8Array(bytes).buffer)[0] ?? Number.NaN;
  const isWhole = buffers.every((buffer) => buffer.every((byte) => byte === stamp % 251));
  return isWhole ? stamp : Number.NaN;
}

/** A random exchange over a rough network: both sides, when nothing is to happen any more. */
async function exchange(seed: number, roughness: Roughness, faults?: SessionFaults) {
  const world = new RoughNetwork(seed, roughness);
  const [a, b] = [side(), side()];
  let nonce = 0;
  const sessions = (id: string, accept: Opening) => {
    const made = new Sessions({ id, clock: world.clock, nonce: () => `n${nonce++}`, accept: () => accept, faults });
    made.use(world.network(id, made.accept, RESUME_MS));
    return made;
  };
  sessions('b', b.opening);
  sessions('a', a.opening).dial('b', a.opening);
  let [larges, arrivals] = [0, 0];
  const { random } = world;
  for (let stamp = 1; stamp <= 60; stamp++) {
    const from = random.pick([a, b]);
    const channel = 1 + random.below(4);
    const isLarge = random.chance(0.15);
    const sizes = isLarge ? [random.below(300_000), 70_000, random.below(3)] : random.pick([[], [random.below(500)]]);
    world.queue.add(random.between(10, 400), () => {
      const message: Message = random.chance(0.5) ? ['cast', channel, HEADING, 0, undefined] : ['item', channel];
      if (from.link === undefined || from.ended.length > 0) return;
      const payload = stamped(stamp, sizes);
      const onArrived = () => {
        arrivals++;
        // Memory that is written again once it has arrived must not be sent any more.
        for (const buffer of payload.buffers) buffer.fill(253);
      };
      if (isLarge) larges++;
      from.link.send({ message, payload: { ...payload, ...(isLarge && { onArrived }) } });
      note(from.sent, message, stamp);
    });
  }
  await world.run();
  return { a, b, world, larges, arrivals };
}

const delivered = ({ a, b }: { a: Side; b: Side }) => {
  expect(b.received).toEqual(a.sent);
  expect(a.received).toEqual(b.sent);
};

describe('a session', () => {
  test('delivers everything once and in order, over connections that delay, reorder, repeat and break', async () => {
    let [cuts, sent] = [0, 0];
    for (let seed = 1; seed <= 60; seed++) {
      const { a, b, world, larges, arrivals } = await exchange(seed, ROUGH);
      expect([seed, a.ended, b.ended, arrivals]).toEqual([seed, [], [], larges]);
      delivered({ a, b });
      cuts += world.cuts;
      sent += [...a.sent.values(), ...b.sent.values()].flat().length;
    }
    // The exchanges were rough, and not empty.
    expect(cuts).toBeGreaterThan(60);
    expect(sent).toBeGreaterThan(2_000);
  });

  test.each<keyof SessionFaults>(['withoutDedupe', 'withoutReorder', 'withoutAck'])(
    'the same exchanges go wrong %s',
    async (fault) => {
      const isRight = async (seed: number) => {
        const ends = await exchange(seed, ROUGH, { [fault]: true });
        try {
          delivered(ends);
          return ends.a.ended.length === 0;
        } catch {
          return false;
        }
      };
      let wrong = 0;
      for (let seed = 1; seed <= 10; seed++) wrong += (await isRight(seed)) ? 0 : 1;
      expect(wrong).toBeGreaterThan(0);
    },
  );
});

test('a packet whose call is cancelled before it has left is given back to who sent it', () => {
  const unsent: Message[] = [];
  const session = new Session({
    clock: systemClock,
    resumeMs: 0,
    events: { onPacket: () => {}, onClose: () => {}, onUnsent: ({ message }) => unsent.push(message) },
  });
  const calls: Message[] = [1, 2].map((id) => ['call', id, 7, HEADING, 0, 0, undefined]);
  for (const message of calls) session.send({ message, payload: stamped(1, [300_000]) });
  session.send({ message: ['cancel', 2, 'abort'], payload: stamped(2, []) });
  expect(unsent).toEqual([calls[1]]);
  session.close();
});
