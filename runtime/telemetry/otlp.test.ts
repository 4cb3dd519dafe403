import { createServer } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createLog, silentLog } from "./log.ts";
import { startTelemetry, type Telemetry } from "./otlp.ts";
import { limitedWarnings } from "./otlp-log.ts";
import { type Collector, startGrpcCollector, startHttpCollector } from "../testing/otlp-collector.ts";

const quick = { OTEL_METRIC_EXPORT_INTERVAL: "100", OTEL_BSP_SCHEDULE_DELAY: "50" };
const both = { service: "testing", pushMetrics: true, pushTraces: true, log: silentLog };

/** OpenTelemetry's libraries read the environment of the process, once, when they start. */
async function withEnv<T>(env: Record<string, string>, act: () => Promise<T>): Promise<T> {
  const all = { ...quick, ...env };
  Object.assign(process.env, all);
  try {
    return await act();
  } finally {
    for (const name of Object.keys(all)) delete process.env[name];
  }
}

function report({ metrics, tracer }: Telemetry): void {
  metrics.counter("done_total", "Done", ["what", "ok"]).inc({ what: "x", ok: true });
  const span = tracer?.start("work", { attributes: { a: "b", absent: undefined } });
  const inner = span?.child("part");
  inner?.event("said", { level: "info" });
  inner?.end();
  span?.end();
}

async function assertArrived({ until, metrics, spans }: Collector): Promise<void> {
  const metric = await until(() => metrics.get("done_total"));
  assert.equal([metric.scope, metric.kind, metric.points], ["kubewarden", "sum", [
    { attributes: { what: "x", ok: true }, value: 1 },
  ]]);
  assert.is(metric.resource["service.name"], "testing");
  const work = await until(() => spans.find(({ name }) => name === "work"));
  const part = await until(() => spans.find(({ name }) => name === "part"));
  assert.equal([work.scope, work.attributes, work.parentSpanId], ["testing", { a: "b" }, ""]);
  assert.is(work.resource["service.name"], "testing");
  assert.equal([part.traceId, part.parentSpanId], [work.traceId, work.spanId]);
  assert.equal(part.events, [{ name: "said", attributes: { level: "info" } }]);
}

const protocols = [["gRPC, the default", startGrpcCollector, {}], ["HTTP", startHttpCollector, {
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
}]] as const;
for (const [name, start, env] of protocols) {
  test(`otlp: metrics and spans arrive by ${name}`, async () => {
    const collector = await start();
    const telemetry = await withEnv(
      { ...env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
      () => startTelemetry(both),
    );
    report(telemetry);
    await assertArrived(collector);
    await telemetry.close();
    collector.close();
  });
}

test("otlp: each signal may have a protocol and an endpoint of its own", async () => {
  const [metrics, traces] = [await startHttpCollector(), await startGrpcCollector()];
  const telemetry = await withEnv({
    OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "http/protobuf",
    OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${metrics.url}/v1/metrics`,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces.url,
  }, () => startTelemetry(both));
  report(telemetry);
  await metrics.until(() => metrics.metrics.get("done_total"));
  await traces.until(() => traces.spans[1]);
  assert.equal([metrics.spans.length, traces.metrics.size], [0, 0]);
  await telemetry.close();
  metrics.close();
  traces.close();
});

test("otlp: what is left is sent when it is closed", async () => {
  const collector = await startGrpcCollector();
  const telemetry = await withEnv({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_METRIC_EXPORT_INTERVAL: "3600000",
    OTEL_BSP_SCHEDULE_DELAY: "3600000",
  }, () => startTelemetry(both));
  report(telemetry);
  await telemetry.close();
  await assertArrived(collector);
  collector.close();
});

test("otlp: the environment names the service where it does", async () => {
  const collector = await startGrpcCollector();
  const env = { OTEL_SERVICE_NAME: "ours", OTEL_RESOURCE_ATTRIBUTES: "team=a,service.version=9", HOSTNAME: "pod-1" };
  const telemetry = await withEnv(
    { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, ...env },
    () => startTelemetry({ ...both, pushTraces: false }),
  );
  assert.is(telemetry.tracer, undefined);
  report(telemetry);
  const { resource } = await collector.until(() => collector.metrics.get("done_total"));
  assert.equal(
    ["service.name", "service.version", "service.instance.id", "team"].map((each) => resource[each]),
    ["ours", "9", "pod-1", "a"],
  );
  await telemetry.close();
  collector.close();
});

test("otlp: a trace goes on from the request's headers, and its caller may decide against it", async () => {
  const collector = await startGrpcCollector();
  const telemetry = await withEnv({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, () => startTelemetry(both));
  const { tracer } = telemetry;
  const [traceId, parent] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
  const headers = (traceparent: string) => new Headers({ traceparent, tracestate: "vendor=1" });
  assert.is(tracer?.start("unwanted", { headers: headers(`00-${traceId}-${parent}-00`) }), undefined);
  const span = tracer?.start("wanted", { headers: headers(`00-${traceId}-${parent}-01`) });
  assert.is(span?.traceId, traceId);
  span?.fail("no");
  span?.end();
  tracer?.start("new", { headers: headers("nonsense") })?.end();
  const wanted = await collector.until(() => collector.spans.find(({ name }) => name === "wanted"));
  assert.equal([wanted.traceId, wanted.parentSpanId, wanted.statusCode], [traceId, parent, 2]);
  const fresh = await collector.until(() => collector.spans.find(({ name }) => name === "new"));
  assert.equal([fresh.parentSpanId, fresh.traceId === traceId], ["", false]);
  assert.is(collector.spans.some(({ name }) => name === "unwanted"), false);
  await telemetry.close();
  collector.close();
});

test("otlp: the sampler is the environment's", async () => {
  const counts: number[] = [];
  for (const sampler of ["always_off", "parentbased_always_off", "always_on", "unheard_of"]) {
    const telemetry = await withEnv(
      { OTEL_TRACES_SAMPLER: sampler, OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:1" },
      () => startTelemetry({ ...both, pushMetrics: false }),
    );
    counts.push(telemetry.tracer?.start("x") === undefined ? 0 : 1);
    await telemetry.close();
  }
  assert.equal(counts, [0, 0, 1, 1]);
});

test("otlp: a long text of a span is cut", async () => {
  const collector = await startGrpcCollector();
  const telemetry = await withEnv({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url }, () => startTelemetry(both));
  telemetry.tracer?.start("long", { attributes: { text: "a".repeat(1e6) } })?.end();
  const { attributes } = await collector.until(() => collector.spans[0]);
  assert.is(String(attributes.text).length, 4096);
  await telemetry.close();
  collector.close();
});

/** Addresses where no collector answers: one refuses, one takes connections and says nothing. */
const absent = await new Promise<[string, string]>((resolve) => {
  const silent = createServer((socket) => void socket.unref()).listen(0, "127.0.0.1", () => {
    silent.unref();
    const { port } = silent.address() as { port: number };
    resolve(["http://localhost:1", `http://localhost:${port}`]);
  });
});
for (const [index, name] of ["is not there", "never answers"].entries()) {
  for (const protocol of ["grpc", "http/protobuf"]) {
    test(`otlp: a collector that ${name} holds up nothing, by ${protocol}`, async () => {
      const lines: string[] = [];
      const log = createLog({ write: (line) => lines.push(line) });
      const telemetry = await withEnv({
        OTEL_EXPORTER_OTLP_ENDPOINT: absent[index] ?? "",
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_TIMEOUT: "200",
        OTEL_METRIC_EXPORT_INTERVAL: "50",
      }, () => startTelemetry({ ...both, log }));
      for (let count = 0; count < 10_000; count++) report(telemetry);
      while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      assert.match((await telemetry.metrics.text()).body, 'done_total{what="x",ok="true"} 10000');
      await telemetry.close();
      assert.ok(lines.length <= 5, `${lines.length} lines`);
      assert.is(JSON.parse(lines[0] ?? "").level, "warn");
    });
  }
}

test("otlp: warnings are a few a minute, say how many were left out, and tell no password", () => {
  const lines: Record<string, unknown>[] = [];
  let now = 0;
  const say = limitedWarnings(createLog({ write: (line) => lines.push(JSON.parse(line)) }), () => now);
  for (let count = 0; count < 100; count++) say("cannot reach https://me:hunter2@collector:4317", new Error("refused"));
  now = 61_000;
  say("again");
  assert.is(lines.length, 6);
  assert.is(lines[0]?.reason, "cannot reach https://collector:4317 refused");
  assert.equal([lines[5]?.reason, lines[5]?.leftOut], ["again", 95]);
});

test("otlp: an unknown protocol is told of and left aside", async () => {
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line) });
  const collector = await startGrpcCollector();
  const telemetry = await withEnv(
    { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: "pigeon" },
    () => startTelemetry({ ...both, log }),
  );
  report(telemetry);
  await assertArrived(collector);
  assert.match(lines[0] ?? "", /pigeon/);
  await telemetry.close();
  collector.close();
});

test("otlp: OTEL_SDK_DISABLED leaves the page alone", async () => {
  const telemetry = await withEnv({ OTEL_SDK_DISABLED: "true" }, () => startTelemetry(both));
  assert.is(telemetry.tracer, undefined);
  report(telemetry);
  assert.match((await telemetry.metrics.text()).body, "done_total");
  await telemetry.close();
});

test.run();
