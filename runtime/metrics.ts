import type { Attributes, Meter } from "@opentelemetry/api";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { Resource } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  type IMetricReader,
  InstrumentType,
  MeterProvider,
  MetricReader,
} from "@opentelemetry/sdk-metrics";
import { defaultMaxLabelSets, type Labels, labelSets, sdkLimitFor } from "./label-sets.ts";
import { observeProcess } from "./process-metrics.ts";

/** The metrics of one process. Asking twice for a name gives the same instrument. */
export type Metrics = {
  counter(name: string, help: string, labels?: readonly string[]): { inc(labels?: Labels, by?: number): void };
  gauge(name: string, help: string, labels?: readonly string[]): { set(value: number, labels?: Labels): void };
  /** A gauge that is read when somebody looks: label sets that `read` does not name any more are gone. */
  observed(name: string, help: string, read: () => Iterable<readonly [number, Labels]>): void;
  histogram(name: string, help: string, options?: HistogramOptions): { observe(value: number, labels?: Labels): void };
  /** All of them in Prometheus' text format. */
  text(): Promise<{ contentType: string; body: string }>;
  /** Collects a last time for those who push, and ends them. Never rejects. */
  close(): Promise<void>;
};

/** Upper bounds of the buckets; default OpenTelemetry's, which suit milliseconds. */
export type HistogramOptions = { labels?: readonly string[]; buckets?: readonly number[] };

export type MetricsOptions = {
  /** Adds memory, CPU, open files and event-loop lag of this process. */
  processMetrics?: boolean;
  /** Who else reads, e.g. a push exporter (otlp.ts), and in whose name. */
  readers?: readonly IMetricReader[];
  resource?: Resource | undefined;
  /** How many label sets one metric keeps apart; what comes later counts under `otel_metric_overflow="true"`. */
  maxLabelSets?: number;
};

/**
 * The SDK goes on telling cumulative label sets that are no longer observed, so observed gauges are read as deltas, which
 * for a gauge means the same values.
 */
export function temporalityFor(
  type: InstrumentType,
  otherwise: (type: InstrumentType) => AggregationTemporality = () => AggregationTemporality.CUMULATIVE,
): AggregationTemporality {
  return type === InstrumentType.OBSERVABLE_GAUGE ? AggregationTemporality.DELTA : otherwise(type);
}

/** Bound of label sets by instrument: what is observed is as many as there are things to tell of. */
export const maxObservedLabelSets = 100_000;

/** A set of instruments of its own, read by `text()` and by the readers given. */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  const { processMetrics = false, readers = [], resource, maxLabelSets = defaultMaxLabelSets } = options;
  const page = new PageReader({
    aggregationTemporalitySelector: (type) => temporalityFor(type),
    cardinalitySelector: (type) =>
      sdkLimitFor(type === InstrumentType.OBSERVABLE_GAUGE ? maxObservedLabelSets : maxLabelSets),
  });
  const provider = new MeterProvider({ readers: [page, ...readers], ...(resource ? { resource } : {}) });
  const meter = provider.getMeter("kubewarden");
  if (processMetrics) observeProcess(meter);
  return {
    ...instruments(meter, maxLabelSets),
    async text() {
      const { resourceMetrics, errors } = await page.collect();
      if (errors.length > 0) throw errors[0];
      return { contentType: "text/plain; version=0.0.4; charset=utf-8", body: serializer.serialize(resourceMetrics) };
    },
    async close() {
      // A collector that does not answer was told of by the exporter; there is nothing to save here.
      await provider.shutdown().catch(() => undefined);
    },
  };
}

/** No prefix, no timestamps, no resource, `target_info` or `otel_scope_...`: a page as Prometheus' own clients write it. */
const serializer = new PrometheusSerializer("", false, undefined, true, true);

function instruments(
  meter: Meter,
  maxLabelSets: number,
): Pick<Metrics, "counter" | "gauge" | "histogram" | "observed"> {
  const known = new Map<string, unknown>();
  const once = <T>(name: string, create: () => T): T => {
    const instrument = known.get(name) as T | undefined ?? create();
    known.set(name, instrument);
    return instrument;
  };
  const setsOf = (labels: readonly string[]) => {
    const sets = labelSets(labels, maxLabelSets);
    return (values: Labels) => sets(values) as Attributes;
  };
  return {
    counter: (name, help, labels = []) =>
      once(name, () => {
        const counter = meter.createCounter(name, { description: help }), sets = setsOf(labels);
        // Zero before the first event, so that the first one is seen as an increase.
        if (labels.length === 0) counter.add(0);
        return { inc: (values: Labels = {}, by = 1) => counter.add(by, sets(values)) };
      }),
    gauge: (name, help, labels = []) =>
      once(name, () => {
        const gauge = meter.createGauge(name, { description: help }), sets = setsOf(labels);
        return { set: (value: number, values: Labels = {}) => gauge.record(value, sets(values)) };
      }),
    observed(name, help, read) {
      meter.createObservableGauge(name, { description: help }).addCallback((result) => {
        for (const [value, labels] of read()) result.observe(value, labels as Attributes);
      });
    },
    histogram: (name, help, { labels = [], buckets } = {}) =>
      once(name, () => {
        const advice = buckets === undefined ? {} : { advice: { explicitBucketBoundaries: [...buckets] } };
        const histogram = meter.createHistogram(name, { description: help, ...advice }), sets = setsOf(labels);
        return { observe: (value: number, values: Labels = {}) => histogram.record(value, sets(values)) };
      }),
  };
}

/** Collected when somebody asks for the page; cumulative, as Prometheus wants it. */
class PageReader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}
