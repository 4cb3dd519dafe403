import { getNumberFromEnv, getStringFromEnv } from "@opentelemetry/core";
import {
  defaultResource,
  detectResources,
  type Resource,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from "@opentelemetry/resources";
import { PeriodicExportingMetricReader, type PushMetricExporter } from "@opentelemetry/sdk-metrics";
import type { BatchSpanProcessorOptions } from "@opentelemetry/sdk-trace";
import { productVersion } from "../cli/cli.ts";
import { defaultMaxLabelSets, sdkLimitFor } from "./label-sets.ts";
import type { Log } from "./log.ts";
import {
  createMetrics,
  maxObservedLabelSets,
  type Metrics,
  type MetricsOptions,
  observedTemporality,
} from "./metrics.ts";
import { newMetricExporter, newSpanExporter, otlpProtocol } from "./otlp-exporters.ts";
import { logOtlpProblems } from "./otlp-log.ts";
import { sleep } from "../sleep.ts";
import type { Tracer } from "./span.ts";

export type TelemetryOptions = {
  /** `service.name` of what is pushed, and the scope of spans. */
  service: string;
  pushMetrics: boolean;
  pushTraces: boolean;
  log: Log;
};

export type Telemetry = {
  metrics: Metrics;
  /** Undefined: no traces are wanted, nothing is to be recorded. */
  tracer: Tracer | undefined;
  /** The name of the machine or pod, for spans (reference/policy-server.md 1.2.1). */
  host: string;
  /** Sends what is left, within a few seconds. Never rejects. */
  close(): Promise<void>;
};

const flushMs = 3000;

/**
 * The metrics of this process, and what pushes them and traces to a collector. Configured by OpenTelemetry's own
 * environment variables, of the process as its libraries read them (reference/policy-server.md 8.2). A collector that is
 * not there costs nothing but a few log lines: queues are bounded, exports have a timeout.
 */
export async function startTelemetry({ service, pushMetrics, pushTraces, log }: TelemetryOptions): Promise<Telemetry> {
  const host = process.env.HOSTNAME || "unknown";
  const enabled = getStringFromEnv("OTEL_SDK_DISABLED")?.toLowerCase() !== "true";
  if (!enabled || !(pushMetrics || pushTraces)) {
    const metrics = createMetrics({ processMetrics: true });
    return { metrics, tracer: undefined, host, close: () => metrics.close() };
  }
  logOtlpProblems(log);
  const resource = resourceOf(service);
  const pushing = pushMetrics ? await pushingReaders(log) : {};
  const metrics = createMetrics({ processMetrics: true, resource, ...pushing });
  const tracing = pushTraces ? await startTracing(service, resource, log) : undefined;
  return {
    metrics,
    tracer: tracing?.tracer,
    host,
    async close() {
      const closing = Promise.allSettled([metrics.close(), tracing?.close()]);
      const waiting = new AbortController();
      // Whatever is still under way then is lost with the process.
      await Promise.race([closing, sleep(flushMs, waiting.signal).catch(() => undefined)]);
      waiting.abort();
    },
  };
}

async function pushingReaders(log: Log): Promise<Pick<MetricsOptions, "readers" | "observedReaders">> {
  const exportIntervalMillis = positive("OTEL_METRIC_EXPORT_INTERVAL") ?? 60_000;
  const timeoutMs = positive("OTEL_METRIC_EXPORT_TIMEOUT") ?? 30_000;
  const readerOf = (exporter: PushMetricExporter, maxLabelSets: number) =>
    new PeriodicExportingMetricReader({
      exporter,
      exportIntervalMillis,
      exportTimeoutMillis: Math.min(timeoutMs, exportIntervalMillis),
      cardinalityLimits: { default: sdkLimitFor(maxLabelSets) },
    });
  // An exporter ends with its reader, so each has its own.
  const protocol = otlpProtocol("METRICS", log);
  const [exporter, observedExporter] = [await newMetricExporter(protocol), await newMetricExporter(protocol)] as const;
  observedExporter.selectAggregationTemporality = observedTemporality;
  return {
    readers: [readerOf(exporter, defaultMaxLabelSets)],
    observedReaders: [readerOf(observedExporter, maxObservedLabelSets)],
  };
}

async function startTracing(scope: string, resource: Resource, log: Log) {
  // Loaded only here: a server without traces has no use for it.
  const { createTracing, samplerFor } = await import("./tracing.ts");
  const exporter = await newSpanExporter(otlpProtocol("TRACES", log));
  const sampler = samplerFor(getStringFromEnv("OTEL_TRACES_SAMPLER"), getNumberFromEnv("OTEL_TRACES_SAMPLER_ARG"));
  return createTracing({ scope, resource, sampler, exporter, ...batching() });
}

function batching(): Omit<BatchSpanProcessorOptions, "exporter"> {
  const settings = {
    scheduledDelayMillis: positive("OTEL_BSP_SCHEDULE_DELAY"),
    maxQueueSize: positive("OTEL_BSP_MAX_QUEUE_SIZE"),
    maxExportBatchSize: positive("OTEL_BSP_MAX_EXPORT_BATCH_SIZE"),
    exportTimeoutMillis: positive("OTEL_BSP_EXPORT_TIMEOUT"),
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win over what we say. */
function resourceOf(service: string): Resource {
  const ours = resourceFromAttributes({
    "service.name": service,
    "service.version": productVersion,
    // Counters of several pods must stay apart.
    "service.instance.id": process.env.HOSTNAME || crypto.randomUUID(),
  });
  const detectors = [resourceAttributesEnvDetector, serviceNameEnvDetector];
  return defaultResource().merge(ours).merge(detectResources({ detectors }));
}

function positive(variable: string): number | undefined {
  const value = getNumberFromEnv(variable);
  return value !== undefined && value > 0 ? value : undefined;
}
