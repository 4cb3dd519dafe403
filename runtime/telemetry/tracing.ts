import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span as SdkSpan,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
  type Tracer as SdkTracer,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  type BatchSpanProcessorOptions,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { boundedText } from "./bounded-text.ts";
import type { Span, SpanAttributes, Tracer } from "./span.ts";

export type TracingOptions = BatchSpanProcessorOptions & { scope: string; resource: Resource; sampler: Sampler };

/** A tracer whose spans go to the exporter in batches; when that does not take them, new ones are dropped. */
export function createTracing(
  { scope, resource, sampler, ...batching }: TracingOptions,
): { tracer: Tracer; close: () => Promise<void> } {
  const provider = new TracerProvider({ resource, sampler, spanProcessors: [new BatchSpanProcessor(batching)] });
  const sdk = provider.getTracer(scope);
  const tracer: Tracer = {
    start(name, { attributes = {}, headers } = {}) {
      const parent = headers === undefined ? ROOT_CONTEXT : propagator.extract(ROOT_CONTEXT, headers, headersGetter);
      const options = { kind: headers === undefined ? SpanKind.INTERNAL : SpanKind.SERVER };
      const span = sdk.startSpan(name, { ...options, attributes: readable(attributes) }, parent);
      return span.isRecording() ? spanOf(span, sdk, parent) : undefined;
    },
  };
  return { tracer, close: () => provider.shutdown() };
}

/**
 * Which traces are recorded: `OTEL_TRACES_SAMPLER` and its argument, a share from 0 to 1. Default: all, but those whose
 * caller decided against.
 */
export function samplerFor(name = "parentbased_always_on", share = 1): Sampler {
  const plain = name.replace(/^parentbased_/, "");
  const root = plain === "always_off"
    ? new AlwaysOffSampler()
    : plain === "traceidratio"
    ? new TraceIdRatioBasedSampler(share)
    : new AlwaysOnSampler();
  return plain === name && ["always_on", "always_off", "traceidratio"].includes(name)
    ? root
    : new ParentBasedSampler({ root });
}

/** `traceparent` and `tracestate` (https://www.w3.org/TR/trace-context/). */
const propagator = new W3CTraceContextPropagator();
const headersGetter: TextMapGetter<Headers> = {
  get: (headers, name) => headers.get(name) ?? undefined,
  keys: (headers) => [...headers.keys()],
};

function spanOf(span: SdkSpan, sdk: SdkTracer, parent: Context): Span {
  const inside = trace.setSpan(parent, span);
  return {
    traceId: span.spanContext().traceId,
    set: (attributes) => void span.setAttributes(readable(attributes)),
    event: (name, attributes) => void span.addEvent(name, readable(attributes)),
    fail: (message) => void span.setStatus({ code: SpanStatusCode.ERROR, message: boundedText(message, maxLength) }),
    child: (name, attributes = {}) =>
      spanOf(sdk.startSpan(name, { attributes: readable(attributes) }, inside), sdk, inside),
    end: () => span.end(),
  };
}

// Spans wait in a queue: what one of them may hold is bounded as their number is.
const maxLength = 4096;

function readable(attributes: SpanAttributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).filter(([, value]) => value !== undefined).map(([name, value]) => [
      name,
      typeof value === "string" ? boundedText(value, maxLength) : value,
    ]),
  );
}
