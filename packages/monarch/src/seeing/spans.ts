import type * as OpenTelemetry from '@opentelemetry/api';
import type { ActorEvent } from './channels.ts';

type Api = typeof OpenTelemetry;

/** Under this name every copy of the API finds the SDK that was registered. */
const REGISTERED: unique symbol = Symbol.for('opentelemetry.js.api.1') as never;

/** A plain property is found faster than by reflection, and it is looked for with every call. */
interface Registry {
  readonly [REGISTERED]?: object;
}

/** How a call was made. */
export type Adverb = 'call' | 'callOne' | 'choose' | 'broadcast' | 'stream';

let api: Api | undefined;
let isMissing = false;

/** The API of OpenTelemetry, once an SDK is registered in this process; before, nothing is loaded. */
function tracing(): Api | undefined {
  const registered = (globalThis as Registry)[REGISTERED];
  if (registered === undefined || isMissing || Reflect.get(registered, 'trace') === undefined) return undefined;
  api ??= loadApi();
  isMissing = api === undefined;
  return api;
}

/** Whether an SDK is registered in this process. */
export function isTracing(): boolean {
  return tracing() !== undefined;
}

function loadApi(): Api | undefined {
  const { createRequire } = process.getBuiltinModule('node:module');
  // It may be installed for the program only.
  for (const from of [import.meta.url, process.argv[1]]) {
    try {
      // The module of that name.
      if (from !== undefined) return createRequire(from)('@opentelemetry/api') as Api;
    } catch {
      // Looked for elsewhere, too; without it there are no spans.
    }
  }
  return undefined;
}

/** A span that is open. */
export class OpenSpan {
  /** To send with the message, so that spans of the receiver are within it; `undefined` when nobody propagates. */
  readonly carrier: string | undefined;
  readonly #api: Api;
  readonly #span: OpenTelemetry.Span;
  readonly #context: OpenTelemetry.Context;

  constructor(opened: Api, span: OpenTelemetry.Span, parent: OpenTelemetry.Context) {
    this.#api = opened;
    this.#span = span;
    this.#context = opened.trace.setSpan(parent, span);
    const carrier: Record<string, string> = {};
    opened.propagation.inject(this.#context, carrier);
    this.carrier = Object.keys(carrier).length === 0 ? undefined : JSON.stringify(carrier);
  }

  /** Runs `task` within it. */
  run<T>(task: () => T): T {
    return this.#api.context.with(this.#context, task);
  }

  /** Ends it; with an error, as failed by it. */
  end(error?: unknown): void {
    if (error !== undefined) {
      const shown = error instanceof Error ? error : String(error);
      this.#span.recordException(shown);
      const message = error instanceof Error ? error.message : String(error);
      this.#span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message });
    }
    this.#span.end();
  }
}

/** Runs tasks within the span that is active now, whenever that is; `undefined` when no SDK is registered. */
export function traceHere(): (<T>(task: () => T) => T) | undefined {
  const opened = tracing();
  if (opened === undefined) return undefined;
  const active = opened.context.active();
  return (task) => opened.context.with(active, task);
}

/** What a call is about. */
export interface Called {
  readonly mesh: string;
  readonly rank: number;
  readonly endpoint: string;
  readonly adverb: Adverb;
}

/** Begins the span of a call that is made here; `undefined` when no SDK is registered. */
export function beginClientSpan({ mesh, rank, endpoint, adverb }: Called): OpenSpan | undefined {
  const opened = tracing();
  if (opened === undefined) return undefined;
  const kind = adverb === 'broadcast' ? opened.SpanKind.PRODUCER : opened.SpanKind.CLIENT;
  const attributes = { ...attributesOf({ mesh, rank }, endpoint), 'monarch.adverb': adverb };
  const parent = opened.context.active();
  const span = tracer(opened).startSpan(`${mesh}.${endpoint}`, { kind, attributes }, parent);
  return new OpenSpan(opened, span, parent);
}

/** Begins the span of a message that is handled here, within that of its sender; `undefined` when no SDK is registered. */
export function beginServerSpan(
  who: ActorEvent,
  endpoint: string,
  { carrier, isBroadcast, waitedMs }: { carrier: string | undefined; isBroadcast: boolean; waitedMs: number },
): OpenSpan | undefined {
  const opened = tracing();
  if (opened === undefined) return undefined;
  const kind = isBroadcast ? opened.SpanKind.CONSUMER : opened.SpanKind.SERVER;
  const parent = opened.propagation.extract(opened.ROOT_CONTEXT, carrierOf(carrier));
  const attributes = {
    ...attributesOf(who, endpoint),
    'monarch.process': who.process,
    'monarch.class': who.className,
    'monarch.waited_ms': waitedMs,
  };
  const span = tracer(opened).startSpan(`${who.mesh}.${endpoint}`, { kind, attributes }, parent);
  return new OpenSpan(opened, span, parent);
}

function tracer(opened: Api): OpenTelemetry.Tracer {
  return opened.trace.getTracer('@forge/monarch');
}

function attributesOf({ mesh, rank }: Pick<ActorEvent, 'mesh' | 'rank'>, endpoint: string) {
  return {
    'rpc.system': 'monarch',
    'rpc.service': mesh,
    'rpc.method': endpoint,
    'monarch.actor': `${mesh}/${rank}`,
    'monarch.mesh': mesh,
    'monarch.rank': rank,
    'monarch.endpoint': endpoint,
  };
}

/** What came in a message; a carrier that is none is no reason not to handle it. */
function carrierOf(text: string | undefined): Record<string, string> {
  try {
    const value: unknown = JSON.parse(text ?? '{}');
    // Propagators look up texts in it, and find none in anything else.
    return typeof value === 'object' && value !== null ? (value as Record<string, string>) : {};
  } catch {
    return {};
  }
}
