import { context, SpanKind, trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AsyncContexts } from './fixtures/async-contexts.ts';
import { Counter } from './fixtures/counter.ts';

const exporter = new InMemorySpanExporter();

beforeEach(() => {
  context.setGlobalContextManager(new AsyncContexts());
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
});

afterEach(() => {
  trace.disable();
  context.disable();
  exporter.reset();
});

test('a call that waited is part of the trace of its own caller, not of whoever freed the slot', async () => {
  await using service = await Counter.options({ kind: 'inline', replicaMaxConcurrentRequests: 1 }).asService(0);
  const callers = ['a', 'b', 'c'].map((name) =>
    trace.getTracer('test').startActiveSpan(name, async (span) => {
      await service.setValue.route(1);
      span.end();
      return span.spanContext().traceId;
    }),
  );
  const traces = await Promise.all(callers);
  const calls = exporter
    .getFinishedSpans()
    .filter(({ name, kind }) => name.endsWith('setValue') && kind === SpanKind.CLIENT);
  expect(new Set(calls.map((span) => span.spanContext().traceId))).toEqual(new Set(traces));
  expect(new Set(traces).size).toBe(3);
});
