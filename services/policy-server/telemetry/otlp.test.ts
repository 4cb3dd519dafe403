import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exchange } from "../../../runtime/net/net.ts";
import {
  type Collector,
  type CollectorTls,
  startGrpcCollector,
  startHttpCollector,
} from "../../../runtime/testing/otlp-collector.ts";
import { currentRuntime, runtimeCommand } from "../../../tools/runtimes.ts";
import { issueAuthority, issueLeaf } from "../../certs/x509.ts";
import { exampleUrl, talkative } from "../testing/guests.ts";

/** The policy-server as a process of its own, and a collector that lets in only who shows a certificate (AT-025). */
const folder = await mkdtemp(join(tmpdir(), "policy-server-otlp-"));
const children: ChildProcess[] = [];
test.after(async () => {
  for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

const authority = await issueAuthority(new Date());
const serving = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
const client = await issueLeaf({ authority, dnsName: "client", now: new Date() });
const tls: CollectorTls = { cert: serving.certificate, key: serving.privateKey, clientCa: authority.certificate };
const [ca, cert, key] = await Promise.all(
  [authority.certificate, client.certificate, client.privateKey].map(async (content, index) => {
    const path = join(folder, `otlp-${index}.pem`);
    await writeFile(path, content);
    return path;
  }),
) as [string, string, string];

const chatty = join(folder, "chatty.wasm");
await writeFile(chatty, await talkative({ level: "Info", message: "careful", pod: "hunter2" }));

async function run(env: Record<string, string>) {
  const policies = join(folder, `${crypto.randomUUID()}.yml`);
  await writeFile(
    policies,
    JSON.stringify({
      pods: { module: exampleUrl("privileged-pods/policy") },
      labels: { module: exampleUrl("required-labels/policy"), settings: { labels: ["team"] } },
      both: {
        policies: { chatty: { module: `file://${chatty}` }, pods: { module: exampleUrl("privileged-pods/policy") } },
        expression: "chatty() && pods()",
        message: "m",
      },
    }),
  );
  const { command, args } = runtimeCommand(currentRuntime);
  const entrypoint = fileURLToPath(new URL("../../entrypoint.ts", import.meta.url));
  const child = spawn(command, [...args, entrypoint, "policy-server"], {
    env: {
      ...process.env,
      KUBEWARDEN_BIND_ADDRESS: "127.0.0.1",
      KUBEWARDEN_PORT: "0",
      KUBEWARDEN_READINESS_PROBE_PORT: "0",
      KUBEWARDEN_LOG_FMT: "otlp",
      KUBEWARDEN_ENABLE_METRICS: "true",
      KUBEWARDEN_POLICIES: policies,
      KUBEWARDEN_WORKERS: "1",
      KUBEWARDEN_SHUTDOWN_DELAY: "0",
      HOSTNAME: "pod-7",
      ...env,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  let stdout = "";
  const ready = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    stdout += `${line}\n`;
    const [, url] = /Ready url=(\S+)/.exec(line) ?? [];
    if (url !== undefined) ready.resolve(url);
  });
  const exited = once(child, "close").then(([code]) => {
    ready.reject(new Error(`the server ended with ${code}: ${stdout}`));
    return { code: code as number | null, stdout };
  });
  return { url: await ready.promise, stop: () => process.kill(child.pid!, "SIGTERM"), exited };
}

const traceId = "0af7651916cd43dd8448eb211c80319c";

async function ask(url: string): Promise<void> {
  const request = {
    uid: "U",
    kind: { group: "", version: "v1", kind: "Pod" },
    resource: { group: "", version: "v1", resource: "pods" },
    requestKind: { group: "", version: "v1", kind: "Pod" },
    name: "web",
    namespace: "default",
    operation: "CREATE",
    userInfo: { username: "alice" },
    object: { metadata: {}, spec: { containers: [{ image: "hunter2" }] } },
  };
  const answer = await exchange(url, {
    method: "POST",
    body: JSON.stringify({ request }),
    headers: { "content-type": "application/json", traceparent: `00-${traceId}-b7ad6b7169203331-01` },
    maxBytes: 1e6,
    signal: new AbortController().signal,
  });
  assert.is(answer.status, 200);
}

const generic = {
  OTEL_EXPORTER_OTLP_CERTIFICATE: ca,
  OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: cert,
  OTEL_EXPORTER_OTLP_CLIENT_KEY: key,
};
const ways: [string, (tls: CollectorTls) => Promise<Collector>, (url: string) => Record<string, string>][] = [
  ["gRPC with the three variables for all signals", startGrpcCollector, (url) => ({
    ...generic,
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
  })],
  ["HTTP with the three variables for all signals", startHttpCollector, (url) => ({
    ...generic,
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
  })],
  ["gRPC with variables for each signal, spelled as the standard does", startGrpcCollector, (url) =>
    Object.fromEntries(
      ["METRICS", "TRACES"].flatMap((signal) =>
        Object.entries({ ...generic, OTEL_EXPORTER_OTLP_ENDPOINT: url }).map(([name, value]) => [
          name.replace("OTLP_", `OTLP_${signal}_`),
          value,
        ])
      ),
    )],
];
for (const [name, start, env] of ways) {
  test(`otlp: over TLS with client certificate, by ${name}`, async () => {
    const collector = await start(tls);
    const { url, stop, exited } = await run(env(collector.url));
    await ask(`${url}/validate/labels`);
    stop();
    const { code, stdout } = await exited;
    assert.is(code, 0);
    // Everything had been waiting for its minute: it came when the server stopped.
    const { metrics, spans } = collector;
    const [total, latency] = [
      metrics.get("kubewarden_policy_evaluations_total"),
      metrics.get("kubewarden_policy_evaluation_latency_milliseconds"),
    ];
    const attributes = {
      policy_name: "labels",
      policy_mode: "protect",
      resource_kind: "Pod",
      resource_request_operation: "CREATE",
      accepted: false,
      mutated: false,
      request_origin: "validate",
      resource_namespace: "default",
    };
    assert.equal([total?.kind, latency?.kind], ["sum", "histogram"]);
    for (const metric of [total, latency]) {
      assert.is(metric?.scope, "kubewarden");
      assert.is(metric?.resource["service.name"], "kubewarden-policy-server");
      assert.equal(metric?.points.map((point) => [point.attributes, point.value]), [[attributes, 1]]);
    }
    const validation = spans.find((span) => span.name === "validation");
    assert.is(validation?.scope, "kubewarden-policy-server");
    assert.is(validation?.resource["service.name"], "kubewarden-policy-server");
    assert.equal([validation?.traceId, validation?.parentSpanId], [traceId, "b7ad6b7169203331"]);
    assert.equal(validation?.attributes, {
      request_uid: "U",
      host: "pod-7",
      policy_id: "labels",
      name: "web",
      namespace: "default",
      operation: "CREATE",
      subresource: "",
      kind_group: "",
      kind_version: "v1",
      kind: "Pod",
      resource_group: "",
      resource_version: "v1",
      resource: "pods",
      allowed: false,
      mutated: false,
      response_message: validation?.attributes.response_message,
    });
    const inner = spans.find((span) => span.name === "validate");
    assert.equal([inner?.traceId, inner?.parentSpanId], [traceId, validation?.spanId]);
    assert.is(spans.filter((span) => span.name === "validate_settings").length, 4);
    assert.not.match(JSON.stringify([[...metrics.values()], spans]), "hunter2");
    // Text logs at the same time, and the way from a line to its trace.
    assert.match(stdout, new RegExp(`^\\S+ INFO  Request evaluated policy=labels .*trace_id=${traceId}`, "m"));
    collector.close();
  });
}

test("otlp: each member of a group has its span, and what a guest logs is an event without its data", async () => {
  const collector = await startGrpcCollector();
  const { url, stop, exited } = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  await ask(`${url}/audit/both`);
  stop();
  assert.is((await exited).code, 0);
  const { spans } = collector;
  const audit = spans.find(({ name }) => name === "audit");
  const members = spans.filter(({ name }) => name === "validate");
  assert.equal(members.map(({ attributes, parentSpanId }) => [attributes.policy_id, parentSpanId]), [
    ["both/chatty", audit?.spanId],
    ["both/pods", audit?.spanId],
  ]);
  assert.equal(members.map(({ events }) => events), [[
    { name: "policy_log", attributes: { level: "info", message: "careful" } },
  ], []]);
  assert.is(audit?.attributes.allowed, true);
  assert.not.match(JSON.stringify(spans), "hunter2");
  collector.close();
});

test("otlp: a collector does not get to see who shows no certificate, and the server goes on", async () => {
  const collector = await startGrpcCollector(tls);
  const { url, stop, exited } = await run({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_CERTIFICATE: ca,
    OTEL_METRIC_EXPORT_INTERVAL: "100",
    OTEL_BSP_SCHEDULE_DELAY: "100",
  });
  await ask(`${url}/validate/pods`);
  stop();
  const { code, stdout } = await exited;
  assert.is(code, 0);
  assert.match(stdout, /WARN {2}Telemetry: something does not work/);
  assert.equal([collector.metrics.size, collector.spans.length], [0, 0]);
  collector.close();
});

test("otlp: without a collector the server starts, answers and stops as ever", async () => {
  const { url, stop, exited } = await run({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:1" });
  await ask(`${url}/validate/pods`);
  stop();
  assert.is((await exited).code, 0);
});

test.run();
