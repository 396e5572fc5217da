import { appendFileSync } from 'node:fs';
import path from 'node:path';
import type { RunLog } from '@forge/run';
import type { ServiceState } from '@forge/service';

/** Part of a run: an actor, which lives as long as the run does, or a service, whose replicas come and go. */
export interface ProcessPart {
  readonly name: string;
  readonly kind: 'actor' | 'service';
  readonly replicas: readonly {
    readonly index: number;
    readonly state: string;
    readonly restarts: number;
    /** Why it was last lost. */
    readonly cause?: string;
  }[];
}

type Service = { readonly state: () => ServiceState };

/** Milliseconds between two lines. */
const INTERVAL_MS = 1_000;

/** Writes which processes a run has, and how they are, to `processes.jsonl`: a line whenever that changes, one a second at most. */
export class ProcessLog implements Disposable {
  readonly #log: RunLog;
  readonly #actors: readonly string[];
  readonly #services = new Map<string, Service>();
  #timer: NodeJS.Timeout | undefined;
  #written = '';

  /** @param actors - those that live as long as the run. */
  constructor(log: RunLog, actors: readonly string[]) {
    this.#log = log;
    this.#actors = actors;
  }

  /** A service has started, in the place of one of the same name that may have been there. */
  add(name: string, service: Service): void {
    this.#services.set(name, service);
    this.changed();
  }

  /** A replica is in another state. */
  changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#write(false);
    }, INTERVAL_MS).unref();
  }

  /** The run ends, and its processes with it. */
  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#write(true);
  }

  #write(isOver: boolean): void {
    const parts: readonly ProcessPart[] = [
      ...this.#actors.map((name) => actorPart(name, isOver)),
      ...Array.from(this.#services, ([name, service]) => servicePart(name, service.state(), isOver)),
    ];
    const told = JSON.stringify(parts);
    if (told === this.#written) return;
    this.#written = told;
    const place = { step: this.#log.steps(), wallSeconds: Math.round(this.#log.seconds * 1000) / 1000 };
    appendFileSync(path.join(this.#log.folder, 'processes.jsonl'), `${JSON.stringify({ ...place, parts })}\n`);
  }
}

function actorPart(name: string, isOver: boolean): ProcessPart {
  return { name, kind: 'actor', replicas: [{ index: 0, state: isOver ? 'stopped' : 'healthy', restarts: 0 }] };
}

function servicePart(name: string, { replicas }: ServiceState, isOver: boolean): ProcessPart {
  return {
    name,
    kind: 'service',
    replicas: replicas.map(({ index, state, restarts, cause }) => ({
      index,
      state: isOver ? 'stopped' : state,
      restarts,
      ...(cause !== undefined && { cause: cause instanceof Error ? cause.message : String(cause) }),
    })),
  };
}
