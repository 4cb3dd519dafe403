import type { Attributes, Meter } from "@opentelemetry/api";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import type { Resource } from "@opentelemetry/resources";
import { AggregationTemporality, type IMetricReader, MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
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
  /** The same for observed gauges, with `observedTemporality`. */
  observedReaders?: readonly IMetricReader[];
  resource?: Resource | undefined;
  /** How many label sets one metric keeps apart; what comes later counts under `otel_metric_overflow="true"`. */
  maxLabelSets?: number;
};

/** For readers of observed gauges: as deltas, which for a gauge means the same values. */
export function observedTemporality(): AggregationTemporality {
  // Cumulatively, the SDK goes on telling label sets that are observed no longer.
  return AggregationTemporality.DELTA;
}

/** What is observed has as many label sets as there are things to tell of. */
export const maxObservedLabelSets = 100_000;

const scope = "kubewarden";

/** A set of instruments of its own, read by `text()` and by the readers given. */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  const { processMetrics = false, readers = [], observedReaders = [], maxLabelSets = defaultMaxLabelSets } = options;
  const resource = options.resource ? { resource: options.resource } : {};
  const page = new PageReader({ cardinalitySelector: () => sdkLimitFor(maxLabelSets) });
  const provider = new MeterProvider({ readers: [page, ...readers], ...resource });
  const observedPage = new PageReader({
    aggregationTemporalitySelector: observedTemporality,
    cardinalitySelector: () => sdkLimitFor(maxObservedLabelSets),
  });
  // One provider a reader: readers that share one are shown what others have observed since they last looked.
  const observers = [observedPage, ...observedReaders].map((each) =>
    new MeterProvider({ readers: [each], ...resource })
  );
  const meter = provider.getMeter(scope);
  if (processMetrics) observeProcess(meter);
  return {
    ...instruments(meter, maxLabelSets),
    observed(name, help, read) {
      for (const each of observers) {
        each.getMeter(scope).createObservableGauge(name, { description: help }).addCallback((result) => {
          for (const [value, labels] of read()) result.observe(value, labels as Attributes);
        });
      }
    },
    async text() {
      const collected = await Promise.all([page.collect(), observedPage.collect()]);
      const [error] = collected.flatMap(({ errors }) => errors);
      if (error !== undefined) throw error;
      // Of nothing the serializer writes half a line.
      const told = collected.filter(({ resourceMetrics }) => resourceMetrics.scopeMetrics.length > 0);
      const body = told.map(({ resourceMetrics }) => serializer.serialize(resourceMetrics)).join("");
      return { contentType: "text/plain; version=0.0.4; charset=utf-8", body };
    },
    async close() {
      // A collector that does not answer was told of by the exporter; there is nothing to save here.
      await Promise.all([provider, ...observers].map((each) => each.shutdown().catch(() => undefined)));
    },
  };
}

/** No prefix, no timestamps, no resource, `target_info` or `otel_scope_...`: a page as Prometheus' own clients write it. */
const serializer = new PrometheusSerializer("", false, undefined, true, true);

function instruments(
  meter: Meter,
  maxLabelSets: number,
): Pick<Metrics, "counter" | "gauge" | "histogram"> {
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
