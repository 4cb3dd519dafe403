import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";

type Labels = Record<string, string | number>;

/** The metrics of one process, in Prometheus' text format. Asking twice for a name gives the same instrument. */
export type Metrics = {
  counter(name: string, help: string, labels?: readonly string[]): { inc(labels?: Labels, by?: number): void };
  gauge(name: string, help: string, labels?: readonly string[]): { set(value: number, labels?: Labels): void };
  histogram(name: string, help: string, options?: HistogramOptions): { observe(value: number, labels?: Labels): void };
  /** The whole page. */
  text(): Promise<{ contentType: string; body: string }>;
};

export type HistogramOptions = { labels?: readonly string[]; buckets?: readonly number[] };

/** A registry of its own; `processMetrics` adds memory, CPU and event-loop figures of this process. */
export function createMetrics({ processMetrics = false } = {}): Metrics {
  const registry = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: registry });

  const once = <T>(name: string, create: () => T): T => registry.getSingleMetric(name) as T | undefined ?? create();
  return {
    counter(name, help, labels = []) {
      const counter = once(name, () => new Counter({ name, help, labelNames: labels, registers: [registry] }));
      return { inc: (values = {}, by = 1) => counter.inc(values, by) };
    },
    gauge(name, help, labels = []) {
      const gauge = once(name, () => new Gauge({ name, help, labelNames: labels, registers: [registry] }));
      return { set: (value, values = {}) => gauge.set(values, value) };
    },
    histogram(name, help, { labels = [], buckets } = {}) {
      const create = () =>
        new Histogram({
          name,
          help,
          labelNames: labels,
          registers: [registry],
          ...(buckets ? { buckets: [...buckets] } : {}),
        });
      const histogram = once(name, create);
      return { observe: (value, values = {}) => histogram.observe(values, value) };
    },
    async text() {
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}
