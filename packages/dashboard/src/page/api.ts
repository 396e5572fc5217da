/** A run as the server lists it. */
export interface RunSummary {
  readonly name: string;
  readonly folder: string;
  readonly lines: number;
  readonly skippedLines: number;
  readonly lastStep: number | null;
  readonly wallSeconds: number | null;
  readonly metrics: readonly string[];
  readonly phases: readonly { readonly phase: string; readonly step: number; readonly wallSeconds: number }[];
  readonly completions: number;
  readonly warnings: number;
}

export interface PartNode {
  readonly name: string;
  readonly kind: string;
  readonly replicas: readonly {
    readonly index: number;
    readonly state: string;
    readonly restarts: number;
    readonly cause?: string;
  }[];
}

export interface TimeBar {
  readonly fromStep: number;
  readonly toStep: number;
  readonly seconds: Readonly<Record<string, number>>;
}

export interface RunHealth {
  readonly warnings: readonly {
    readonly step: number;
    readonly wallSeconds: number;
    readonly name: string;
    readonly message: string;
  }[];
  readonly processes: {
    readonly parts: readonly PartNode[];
    readonly changes: readonly {
      readonly wallSeconds: number;
      readonly process: string;
      readonly from: string | null;
      readonly to: string;
    }[];
  };
  readonly time: readonly TimeBar[];
  readonly eventLoops: readonly {
    readonly process: string;
    readonly lastMs: number;
    readonly worstMs: number;
    readonly worstStep: number;
  }[];
}

export interface Series {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface CompletionPage {
  readonly total: number;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly isPartial: boolean;
}

type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

async function ask<T>(path: string, query: Query = {}): Promise<T> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const each of value as readonly string[]) search.append(name, each);
    else if (value !== undefined) search.set(name, String(value));
  }
  const response = await fetch(`${path}?${search}`);
  const body = (await response.json()) as T & { readonly error?: string };
  if (!response.ok) throw new Error(body.error ?? response.statusText);
  return body;
}

export const fetchRuns = (): Promise<readonly RunSummary[]> => ask('/v1/runs');
export const fetchSeries = (query: Query): Promise<Readonly<Record<string, Series>>> => ask('/v1/series', query);
export const fetchCompletions = (query: Query): Promise<CompletionPage> => ask('/v1/completions', query);
export const fetchHealth = (run: string): Promise<RunHealth> => ask('/v1/health', { run });
export const fetchConfig = (run: string): Promise<{ readonly config: string | null }> => ask('/v1/config', { run });

/** Tells of runs that have grown, until the page is left. */
export function follow(onChanged: (runs: readonly RunSummary[]) => void, onLive: (isLive: boolean) => void): void {
  const events = new EventSource('/v1/events');
  events.addEventListener('changed', ({ data }: MessageEvent<string>) =>
    onChanged(JSON.parse(data) as readonly RunSummary[]),
  );
  events.addEventListener('open', () => onLive(true));
  events.addEventListener('error', () => onLive(false));
}
