import { MetricReader } from "@opentelemetry/sdk-metrics";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createMetrics, observedTemporality } from "./metrics.ts";

class Reader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

const linesOf = async (metrics: ReturnType<typeof createMetrics>, name: string) =>
  (await metrics.text()).body.split("\n").filter((line) => line.startsWith(name));

test("metrics: the page has help, type and one line a label set, and nothing of its own", async () => {
  const metrics = createMetrics();
  metrics.counter("done_total", "Things done", ["what", "ok", "code"]).inc({ what: 'a"b\n\\', ok: true, code: 7 }, 2);
  metrics.gauge("depth", "How deep").set(1.5);
  const { contentType, body } = await metrics.text();
  assert.is(contentType, "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(body.trim().split("\n"), [
    "# HELP done_total Things done",
    "# TYPE done_total counter",
    'done_total{what="a\\"b\\n\\\\",ok="true",code="7"} 2',
    "# HELP depth How deep",
    "# TYPE depth gauge",
    "depth 1.5",
  ]);
});

test("metrics: a histogram counts into its own buckets, cumulatively, over all collections", async () => {
  const metrics = createMetrics();
  const seconds = metrics.histogram("took_seconds", "Time", { labels: ["of"], buckets: [0.1, 1] });
  for (const value of [0.05, 0.5, 5]) {
    seconds.observe(value, { of: "x" });
    await metrics.text();
  }
  assert.equal(await linesOf(metrics, "took_seconds"), [
    'took_seconds_count{of="x"} 3',
    'took_seconds_sum{of="x"} 5.55',
    'took_seconds_bucket{of="x",le="0.1"} 1',
    'took_seconds_bucket{of="x",le="1"} 2',
    'took_seconds_bucket{of="x",le="+Inf"} 3',
  ]);
});

test("metrics: a counter without labels is there before its first event", async () => {
  const metrics = createMetrics();
  metrics.counter("rare_total", "Rare");
  assert.equal(await linesOf(metrics, "rare_total"), ["rare_total 0"]);
});

test("metrics: an observed gauge tells what is there when somebody looks, and nothing that is gone", async () => {
  const metrics = createMetrics({ maxLabelSets: 2 });
  let names = ["a", "b", "c", "d", "e"];
  metrics.observed("thing", "Things", () => names.map((name) => [1, { name }]));
  assert.is((await linesOf(metrics, "thing")).length, 5);
  names = ["e"];
  assert.equal(await linesOf(metrics, "thing"), ['thing{name="e"} 1']);
  names = [];
  assert.equal(await linesOf(metrics, "thing"), []);
  metrics.counter("rare_total", "Rare");
  assert.equal((await metrics.text()).body, "# HELP rare_total Rare\n# TYPE rare_total counter\nrare_total 0\n");
});

test("metrics: what another reader observed meanwhile is not on the page", async () => {
  const other = new Reader({ aggregationTemporalitySelector: observedTemporality });
  const metrics = createMetrics({ observedReaders: [other] });
  let name = "before";
  metrics.observed("thing", "Things", () => [[1, { name }]]);
  const { resourceMetrics } = await other.collect();
  assert.is(resourceMetrics.scopeMetrics[0]?.metrics[0]?.dataPoints.length, 1);
  name = "after";
  assert.equal(await linesOf(metrics, "thing"), ['thing{name="after"} 1']);
  const { resourceMetrics: later } = await other.collect();
  assert.equal(later.scopeMetrics[0]?.metrics[0]?.dataPoints.map(({ attributes }) => attributes), [{ name: "after" }]);
});

test("metrics: the same name is the same instrument", async () => {
  const metrics = createMetrics();
  for (let count = 0; count < 2; count++) metrics.counter("same_total", "Same", ["a"]).inc({ a: "x" });
  assert.equal(await linesOf(metrics, "same_total"), ['same_total{a="x"} 2']);
});

test("metrics: label sets beyond the bound count together, also after many collections", async () => {
  const metrics = createMetrics({ maxLabelSets: 3 });
  const counter = metrics.counter("wild_total", "Wild", ["of"]);
  for (let of = 0; of < 100; of++) {
    counter.inc({ of: String(of) });
    if (of % 10 === 0) await metrics.text();
  }
  counter.inc({ of: "1" });
  assert.equal(await linesOf(metrics, "wild_total"), [
    'wild_total{of="0"} 1',
    'wild_total{of="1"} 2',
    'wild_total{of="2"} 1',
    'wild_total{otel_metric_overflow="true"} 97',
  ]);
});

test("metrics: labels that nobody declared are dropped, long values are cut, absent ones left out", async () => {
  const metrics = createMetrics();
  metrics.counter("odd_total", "Odd", ["a", "b"]).inc({ a: "é".repeat(300), b: undefined, secret: "s" });
  assert.equal(await linesOf(metrics, "odd_total"), [`odd_total{a="${"é".repeat(256)}"} 1`]);
});

test("metrics: values that only look alike are told apart", async () => {
  const metrics = createMetrics();
  const counter = metrics.counter("alike_total", "Alike", ["a", "b"]);
  for (const labels of [{ a: "x,1:y" }, { a: "x", b: "y" }, { a: 1 }, { b: 1 }, { a: "1" }]) counter.inc(labels);
  assert.is((await linesOf(metrics, "alike_total")).length, 5);
});

test("metrics: the process tells of itself under the usual names", async () => {
  const metrics = createMetrics({ processMetrics: true });
  const value = async (name: string) => Number((await linesOf(metrics, `${name} `))[0]?.split(" ")[1]);
  assert.ok(await value("process_cpu_seconds_total") > 0);
  assert.ok(await value("process_resident_memory_bytes") > 1e6);
  assert.ok(Math.abs(await value("process_start_time_seconds") - Date.now() / 1000) < 3600);
  assert.ok(await value("nodejs_heap_size_total_bytes") >= await value("nodejs_heap_size_used_bytes"));
  assert.ok(await value("nodejs_eventloop_lag_seconds") >= 0);
  if (process.platform === "linux") assert.ok(await value("process_open_fds") > 0);
});

test.run();
