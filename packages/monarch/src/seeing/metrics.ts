import { Counter, Gauge, type MetricObjectWithValues, type MetricValueWithName, Registry } from 'prom-client';
import { type Buckets, countUpTo } from './latency-histogram.ts';
import type { ChildReport, ProcessReport } from './process-report.ts';

/** Bounds of the histogram of durations in milliseconds, 64 µs to 67 s; buckets of a process end exactly there. */
const BOUNDS_MS = Array.from({ length: 21 }, (_, i) => 2 ** (6 + i) / 1_000);

type Values = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];

/** The metrics of a program, in the format of Prometheus, of what its process `root` told. */
export async function metricsText(root: ProcessReport): Promise<string> {
  const registry = new Registry();
  const processes = [...walk({ id: root.id, name: 'the program', pid: 0, state: 'running', report: root })];
  const told = processes.flatMap(({ name, state, report }) =>
    report === undefined || state === 'ended' ? [] : [{ labels: { process: report.id, name }, report }],
  );
  const actors = told.flatMap(({ labels: { process }, report }) =>
    report.actors.map((actor) => ({
      labels: { process, mesh: actor.mesh, rank: String(actor.rank), actor: String(actor.actor) },
      actor,
    })),
  );
  const endpoints = actors.flatMap(({ labels, actor }) =>
    actor.endpoints.map((counts) => ({ labels: { ...labels, endpoint: counts.name }, counts })),
  );
  const traffic = told.flatMap(({ labels: { process }, report }) =>
    report.peers.map((peer) => ({ labels: { process, peer: peer.id }, peer })),
  );
  const gauge = (name: string, help: string, values: Values) => {
    const metric = new Gauge({ name, help, labelNames: namesOf(values), registers: [registry] });
    for (const [labels, value] of values) metric.set(labels, value);
  };
  const counter = (name: string, help: string, values: Values) => {
    const metric = new Counter({ name, help, labelNames: namesOf(values), registers: [registry] });
    for (const [labels, value] of values) metric.inc(labels, value);
  };
  gauge(
    'monarch_process_up',
    'Whether the process answered in time.',
    processes.map(({ id, name, state }) => [{ process: id, name }, state === 'running' ? 1 : 0]),
  );
  const ofProcess = (value: (report: ProcessReport) => number): Values =>
    told.map(({ labels, report }) => [labels, value(report)]);
  gauge(
    'monarch_process_uptime_seconds',
    'Age.',
    ofProcess(({ usage }) => usage.uptimeMs / 1_000),
  );
  gauge(
    'monarch_process_resident_bytes',
    'Resident memory.',
    ofProcess(({ usage }) => usage.rssBytes),
  );
  gauge(
    'monarch_process_heap_bytes',
    'Heap in use.',
    ofProcess(({ usage }) => usage.heapBytes),
  );
  counter(
    'monarch_process_cpu_seconds_total',
    'Time of all threads.',
    ofProcess(({ usage }) => usage.cpuMs / 1_000),
  );
  counter(
    'monarch_process_busy_seconds_total',
    'Time of the event loop.',
    ofProcess(({ usage }) => usage.busyMs / 1_000),
  );
  counter(
    'monarch_failures_total',
    'Failures of actors and processes.',
    ofProcess(({ failureCount }) => failureCount),
  );
  const ofActor = (value: (actor: (typeof actors)[number]['actor']) => number): Values =>
    actors.map(({ labels, actor }) => [labels, value(actor)]);
  gauge(
    'monarch_actor_up',
    'Whether the actor takes messages.',
    ofActor(({ state }) => (state === 'running' ? 1 : 0)),
  );
  gauge(
    'monarch_mailbox_length',
    'Messages that wait.',
    ofActor(({ mailboxLength }) => mailboxLength),
  );
  gauge(
    'monarch_mailbox_high_water',
    'Most that ever waited.',
    ofActor(({ mailboxHighWater }) => mailboxHighWater),
  );
  const ofEndpoint = (value: (counts: (typeof endpoints)[number]['counts']) => number): Values =>
    endpoints.map(({ labels, counts }) => [labels, value(counts)]);
  counter(
    'monarch_calls_total',
    'Messages that arrived.',
    ofEndpoint(({ calls }) => calls),
  );
  counter(
    'monarch_call_errors_total',
    'Messages whose endpoint threw.',
    ofEndpoint(({ errors }) => errors),
  );
  gauge(
    'monarch_calls_in_flight',
    'Messages that wait or are handled.',
    ofEndpoint(({ inFlight }) => inFlight),
  );
  const ofPeer = (value: (peer: (typeof traffic)[number]['peer']) => number): Values =>
    traffic.map(({ labels, peer }) => [labels, value(peer)]);
  counter(
    'monarch_sent_messages_total',
    'Messages sent to a process.',
    ofPeer(({ sentMessages }) => sentMessages),
  );
  counter(
    'monarch_sent_bytes_total',
    'Arguments and results sent.',
    ofPeer(({ sentBytes }) => sentBytes),
  );
  counter(
    'monarch_received_messages_total',
    'Messages of a process.',
    ofPeer(({ receivedMessages }) => receivedMessages),
  );
  counter(
    'monarch_received_bytes_total',
    'Arguments and results received.',
    ofPeer(({ receivedBytes }) => receivedBytes),
  );
  registry.registerMetric(
    new Durations(endpoints.map(({ labels, counts: { buckets, totalMs } }) => ({ labels, buckets, totalMs }))),
  );
  return await registry.metrics();
}

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly buckets: Buckets;
  readonly totalMs: number;
}

const DURATIONS = 'monarch_call_duration_seconds';

/** A histogram that was counted elsewhere: the library's own can only observe one value at a time. */
class Durations extends Gauge {
  readonly #series: readonly Series[];

  constructor(series: readonly Series[]) {
    super({ name: DURATIONS, help: 'From arrival to end.', registers: [] });
    this.#series = series;
  }

  override async get(): Promise<MetricObjectWithValues<MetricValueWithName<string>>> {
    const described = await super.get();
    const values = this.#series.flatMap(({ labels, buckets, totalMs }) => {
      const count = countUpTo(buckets, Number.POSITIVE_INFINITY);
      return [
        ...BOUNDS_MS.map((boundMs) => ({
          metricName: `${DURATIONS}_bucket`,
          labels: { ...labels, le: String(boundMs / 1_000) },
          value: countUpTo(buckets, boundMs),
        })),
        { metricName: `${DURATIONS}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
        { metricName: `${DURATIONS}_sum`, labels, value: totalMs / 1_000 },
        { metricName: `${DURATIONS}_count`, labels, value: count },
      ];
    });
    // The text has the type's name; the declarations give it as a number.
    return { ...described, type: 'histogram' as never, values };
  }
}

function namesOf(values: Values): string[] {
  return [...new Set(values.flatMap(([labels]) => Object.keys(labels)))];
}

function* walk(child: ChildReport): Generator<ChildReport> {
  yield child;
  for (const inner of child.report?.processes ?? []) yield* walk(inner);
}
