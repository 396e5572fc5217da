import type { Context } from '../actor/context.ts';
import { DecodeError, MeshFailure } from '../errors.ts';
import { Exports } from '../memory/exports.ts';
import type { ProcessMemory } from '../memory/process-memory.ts';
import { WarmMemory } from '../memory/warm-memory.ts';
import type { Encode } from '../mesh/adverbs.ts';
import { extentOf, type Point } from '../mesh/extent.ts';
import { thisHost } from '../mesh/host-mesh.ts';
import { thisProc } from '../mesh/proc-mesh.ts';
import type { SpawnedMesh } from '../mesh/spawned-mesh.ts';
import { Ports } from '../ports/ports.ts';
import type { Platform } from '../program/platform.ts';
import type { Program } from '../program/program.ts';
import { Promises } from '../references/promises.ts';
import { REFERENCE_KINDS } from '../references/reference-kinds.ts';
import { FailureNotes } from '../seeing/failure-notes.ts';
import type { Clock } from '../time/clock.ts';
import { encode, type Payload } from '../wire/codec.ts';
import { Heading } from '../wire/heading.ts';
import type { AnyActorClass } from './actor-classes.ts';
import { AGENT, type AgentMethodName } from './agent.ts';
import type { CellSpec } from './cell-spec.ts';
import { Cells } from './cells.ts';
import { Exchange, type ExchangeOptions } from './exchange.ts';
import { IncomingCall } from './incoming-call.ts';
import type { Line, RequestMessage } from './line.ts';
import type { Loss, Peer } from './peer.ts';
import { machineOf } from './process-id.ts';
import { StandIns } from './stand-ins.ts';
import { answerOf } from './unary-call.ts';

/** Where something is that is about no actor. */
const NOWHERE = extentOf<never>({}).point(0);

/** What makes one process of a program. */
export interface LocalProcessOptions {
  readonly id: string;
  readonly dial: ExchangeOptions['dial'];
  readonly platform: Platform;
  readonly program: Program;
  readonly onLost: ExchangeOptions['onLost'];
}

/** Something that an agent is told. */
interface Told {
  readonly method: AgentMethodName;
  readonly point: Point<string>;
  readonly payload: Payload;
}

/** This process's part of a program: the actors that live here, and the way to all others. */
export class LocalProcess {
  readonly id: string;
  readonly platform: Platform;
  /** That it is a part of. */
  readonly program: Program;
  readonly clock: Clock;
  readonly exchange: Exchange;
  /** Lent to and taken from other processes of this machine; `undefined`: everything is sent in frames. */
  readonly memory: ProcessMemory | undefined;
  /** Memory that others read and write through RemoteBuffers. */
  readonly exports = new Exports(this);
  /** Classes spawned from here, so that actors in this very process are of the same class object. */
  readonly classes = new Map<string, AnyActorClass>();
  /** Classes that are spawned in place of others. */
  readonly standIns = new StandIns();
  /** Of its actors, and of the processes that it started. */
  readonly failures = new FailureNotes();
  /** For what is sent to other machines. */
  readonly #warmMemory = new WarmMemory();
  readonly #meshes = new Map<string, SpawnedMesh>();
  #hasLeft = false;
  #count = 0;

  constructor({ id, platform, program, dial, onLost }: LocalProcessOptions) {
    this.id = id;
    this.platform = platform;
    this.program = program;
    this.clock = platform.clock;
    this.memory = platform.openMemory?.();
    this.exchange = new Exchange({
      id,
      clock: platform.clock,
      dial,
      wrap: (id, opening) =>
        (machineOf(id) === machineOf(this.id) ? this.memory?.lendOver(opening) : undefined) ?? opening,
      onLost,
      onDropped: (target, { actor, heading: { endpoint } }, loss) => {
        if (target.isSilent) return;
        target.isSilent = true;
        const why = loss instanceof MeshFailure ? loss.message : `${actor} ${loss.problem}`;
        platform.write('stderr', `forge: broadcasts to ${actor} are dropped, first '${endpoint}': ${why}\n`);
      },
      onUnwanted: ({ buffers }) => {
        for (const buffer of buffers) this.memory?.reader.giveBack(buffer);
      },
      onRequest: (line, message, payload) => this.#request(line, message, payload),
      revive: (kind, data) => {
        const revive = REFERENCE_KINDS.get(kind);
        if (revive === undefined) throw new DecodeError(`'${kind}' is not a kind of value.`);
        return revive(this, data);
      },
    });
  }

  readonly cells = new Cells(this);

  /** The ports that were opened here, and the ways to those of others. */
  readonly ports = new Ports(this);

  /** Promises that were sent from here. */
  readonly promises = new Promises(this);

  readonly random = (): number => this.platform.random();

  /** A number never given before in this process. */
  count(): number {
    return ++this.#count;
  }

  /** Takes a snapshot of a value for the wire. @throws {UnsendableError} */
  readonly encode: Encode = (value, { transfer = [], to = [] } = {}) => {
    const { memory } = this;
    if (to.length === 1 && to[0]?.confirms === true) return this.#warmMemory.encode(value, transfer);
    if (memory === undefined || to.length === 0) return encode(value, { transfer });
    let snapshotBytes = 0;
    const snapshot = (bytes: Uint8Array) => {
      const taken = memory.snapshot(bytes, to);
      if (taken !== undefined) snapshotBytes += bytes.length;
      return taken;
    };
    const payload = encode(value, { transfer, snapshot });
    return snapshotBytes > 0 ? { ...payload, snapshots: memory, snapshotBytes } : payload;
  };

  /** An error for the wire; always sendable. */
  encodeError(error: unknown): Payload {
    try {
      return this.encode(error);
    } catch {
      return encode(String(error)); // A thrown value that is no data is told by its text.
    }
  }

  /** Where the actors of this process are. */
  readonly place: Pick<Context, 'procs' | 'host'> = {
    get procs() {
      return thisProc();
    },
    get host() {
      return thisHost();
    },
  };

  /** Gives no number up to `last`: a process that takes the place of another has the actors that were numbered there. */
  reserve(last: number): void {
    this.#count = Math.max(this.#count, last);
  }

  /** A process is lost: calls to it reject, actors that it owned here end, and meshes spawned from here on it fail. */
  lost(peer: Peer, loss: Loss): void {
    this.exchange.lost(peer, loss);
    for (const mesh of [...this.#meshes.values()]) mesh.processLost(peer.id, loss);
    this.cells.orphan(peer.id, loss.problem);
  }

  /** Stops every actor that lives here, last spawned first. */
  async leave(reason: string): Promise<void> {
    await this.cells.stopAll(reason);
    this.#hasLeft = true;
  }

  /** Every actor has stopped, because this process was asked to end. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Remembers a mesh spawned from here, so that failures of its actors find it. */
  addMesh(uid: string, mesh: SpawnedMesh): void {
    this.#meshes.set(uid, mesh);
  }

  removeMesh(uid: string): void {
    this.#meshes.delete(uid);
  }

  meshFailed(uid: string, rank: number, failure: MeshFailure): void {
    this.#meshes.get(uid)?.failed(rank, failure);
  }

  /** Tells the process that spawned an actor of its failure. */
  tellOwner({ mesh, point, owner }: CellSpec, failure: MeshFailure): void {
    this.#cast(owner, { method: 'failed', point, payload: this.encode([mesh, failure]) });
  }

  /** Tells the agent of a process something, without an answer. */
  tell(node: string, method: AgentMethodName, args: readonly unknown[]): void {
    this.#cast(node, { method, point: NOWHERE, payload: this.encode(args) });
  }

  #cast(node: string, { method, point, payload }: Told): void {
    const { peer } = this.exchange.target(node, 0);
    const heading = new Heading(method, point.extent);
    this.exchange.send(peer, { message: ['cast', 0, heading, point.rank, undefined], payload });
  }

  /** Asks the agent of a process. Errors are told as the mesh's and rank's that it is about. */
  ask(
    node: string,
    about: { readonly mesh: string; readonly point: Point<string> },
    method: AgentMethodName,
    payload: Payload,
    timeoutMs?: number,
  ): Promise<unknown> {
    const target = this.exchange.target(node, 0);
    const heading = new Heading(method, about.point.extent);
    return answerOf(this, { target, ...about }, { heading, rank: about.point.rank, payload, timeoutMs });
  }

  #request(line: Line, message: RequestMessage, payload: Payload): void {
    const call = new IncomingCall(this.clock, line, message, payload);
    if (call.actor === 0) void this.#agent(call);
    else this.cells.receive(call);
    call.keep();
  }

  async #agent(call: IncomingCall): Promise<void> {
    const method = AGENT.get(call.endpoint);
    try {
      if (method === undefined) throw new DecodeError(`a process does not answer to '${call.endpoint}'.`);
      const args = this.exchange.decode(call.payload);
      if (!Array.isArray(args)) throw new DecodeError('its arguments are no list.');
      const result = await method(this, { from: call.line.peer.id, point: call.point }, args);
      if (call.isAwaited) call.reply('value', this.encode(result, { to: [call.line] }));
      else call.discard();
    } catch (error) {
      call.reply('error', this.encodeError(error));
      if (call.id === undefined) this.platform.write('stderr', `${call.endpoint}: ${String(error)}\n`);
    }
  }
}
