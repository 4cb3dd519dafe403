import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { admissionResponse } from "../../../contracts/admission.ts";
import { silentLog } from "../../../runtime/telemetry/log.ts";
import { createMetrics } from "../../../runtime/telemetry/metrics.ts";
import { exchange } from "../../../runtime/net/net.ts";
import { type Sample, samplesOf } from "../../../runtime/testing/prometheus-page.ts";
import type { TaskOutcome } from "../guest/protocol.ts";
import { apiHandler } from "../api/routes.ts";
import type { CataloguedPolicy } from "../policies/catalogue.ts";
import { startPolicyServer } from "../server.ts";
import { configFor } from "../testing/config.ts";
import { exampleUrl } from "../testing/guests.ts";
import { runnableWith } from "../testing/runnable.ts";
import { evaluationMetrics } from "./evaluation-metrics.ts";
import { poolObserver, startCountingShed } from "./pool-metrics.ts";
import { countRequests } from "./request-metrics.ts";

const runnable = runnableWith({ timeoutMs: 1 });
const policies: [string, CataloguedPolicy][] = [
  ["p", { kind: "policy", runnable, rules: { policy: "p", mode: "protect", allowedToMutate: false } }],
  ["m", { kind: "policy", runnable, rules: { policy: "m", mode: "monitor", allowedToMutate: false } }],
  ["broken", {
    kind: "broken",
    rules: { policy: "broken", mode: "protect", allowedToMutate: false },
    problems: [{ policy: "broken", code: "SETTINGS_INVALID", message: "labels must be a list" }],
  }],
];

/** An API over these policies whose guests answer as told after having waited. */
function api(outcome: TaskOutcome = { kind: "validated", answer: { accepted: true } }, waitedMs = 0) {
  const metrics = createMetrics();
  const handler = apiHandler({
    catalogue: new Map(policies),
    run: (task) => {
      task.begun?.(waitedMs);
      return Promise.resolve(outcome);
    },
    log: silentLog,
    alwaysAcceptNamespace: "kube-system",
    evaluations: evaluationMetrics(metrics),
  });
  const counted = countRequests(handler, metrics);
  return {
    async post(path: string, body: unknown = review()) {
      const headers = { "content-type": "application/json" };
      return await counted(
        new Request(`http://server${path}`, { method: "POST", headers, body: JSON.stringify(body) }),
      );
    },
    async samples(name: string) {
      return samplesOf((await metrics.text()).body).filter((sample) => sample.name === name && sample.value > 0);
    },
  };
}

function review(more: Record<string, unknown> = {}) {
  const kind = { group: "", version: "v1", kind: "Pod" };
  const resource = { group: "", version: "v1", resource: "pods" };
  return { request: { uid: "U", kind, resource, operation: "CREATE", userInfo: {}, requestKind: kind, ...more } };
}

const total = "kubewarden_policy_evaluations_total";
const labelsOf = (samples: Sample[]) => samples.map(({ labels }) => labels);

test("metrics: an evaluation has upstream's labels, the same for count and latency", async () => {
  const { post, samples } = api();
  await post("/validate/p", review({ namespace: "default" }));
  const labels = {
    policy_name: "p",
    policy_mode: "protect",
    resource_kind: "Pod",
    resource_request_operation: "CREATE",
    accepted: "true",
    mutated: "false",
    request_origin: "validate",
    resource_namespace: "default",
  };
  assert.equal(await samples(total), [{ name: total, labels, value: 1 }]);
  assert.equal(labelsOf(await samples("kubewarden_policy_evaluation_latency_milliseconds_count")), [labels]);
  assert.equal(labelsOf(await samples("kubewarden_policy_evaluation_duration_seconds_count")), [
    { policy_name: "p", policy_mode: "protect", request_origin: "validate" },
  ]);
});

test("metrics: it is the policy's own word that is counted, with its code, also in monitor mode and for audit", async () => {
  const { post, samples } = api({ kind: "validated", answer: { accepted: false, code: 418 } });
  for (const path of ["/validate/m", "/audit/p"]) await post(path);
  const found = labelsOf(await samples(total));
  assert.equal(
    found.map(({ policy_mode, accepted, request_origin, error_code }) => [
      policy_mode,
      accepted,
      request_origin,
      error_code,
    ]),
    [["monitor", "false", "validate", "418"], ["protect", "false", "audit", "418"]],
  );
  assert.is(found.some((each) => "resource_namespace" in each), false);
});

test("metrics: resource_kind is the kind that was requested, empty where none is named", async () => {
  const { post, samples } = api();
  await post("/validate/p", review({ requestKind: { group: "apps", version: "v1", kind: "Scale" } }));
  await post("/validate/p", review({ requestKind: null }));
  assert.equal(labelsOf(await samples(total)).map((each) => each.resource_kind), ["Scale", ""]);
});

test("metrics: a raw evaluation says where it comes from, too", async () => {
  const { post, samples } = api();
  await post("/validate_raw/p", { request: { food: "hay" } });
  assert.equal(labelsOf(await samples(total)), [
    { policy_name: "p", policy_mode: "protect", accepted: "true", mutated: "false", request_origin: "validate" },
  ]);
});

test("metrics: a request that is always accepted counts as accepted", async () => {
  const { post, samples } = api({ kind: "validated", answer: { accepted: false } });
  await post("/validate/p", review({ namespace: "kube-system" }));
  const [labels] = labelsOf(await samples(total));
  assert.equal([labels?.accepted, labels?.resource_namespace], ["true", "kube-system"]);
});

test("metrics: what a mutation is refused for counts as mutated", async () => {
  const mutation = { kind: "patch", patch: "[]" } as const;
  const { post, samples } = api({ kind: "validated", answer: { accepted: true, mutation } });
  await post("/validate/p");
  const [labels] = labelsOf(await samples(total));
  assert.equal([labels?.accepted, labels?.mutated], ["true", "true"]);
});

test("metrics: a broken policy is counted with the code of its problem, and has no latency", async () => {
  const { post, samples } = api();
  await post("/validate/broken");
  assert.equal(labelsOf(await samples(total)), [{ policy_name: "broken", initialization_error: "SETTINGS_INVALID" }]);
  assert.equal(await samples("kubewarden_policy_evaluation_latency_milliseconds_count"), []);
});

test("metrics: the time a guest waited is no part of its latency", async () => {
  const { post, samples } = api({ kind: "validated", answer: { accepted: true } }, 1e9);
  await post("/validate/p");
  assert.equal(await samples("kubewarden_policy_evaluation_duration_seconds_sum"), []);
});

test("metrics: answers are counted by endpoint and status, evaluations or not", async () => {
  const { post, samples } = api({ kind: "failed", phase: "init", message: "m" });
  for (const path of ["/validate/p", "/audit/unknown", "/validate_raw/p", "/elsewhere"]) await post(path);
  await post("/validate/p", {});
  const found = await samples("kubewarden_policy_http_requests_total");
  assert.equal(found.map(({ labels: { endpoint, code } }) => `${endpoint} ${code}`).sort(), [
    "audit 404",
    "other 404",
    "validate 422",
    "validate 500",
    "validate_raw 500",
  ]);
  assert.equal(await samples(total), []);
});

test("metrics: what requests say cannot make them grow without bound", async () => {
  const metrics = createMetrics({ maxLabelSets: 10 });
  const { evaluated } = evaluationMetrics(metrics);
  const kind = { group: "", version: "v1", kind: "Pod" }, resource = { group: "", version: "v1", resource: "pods" };
  const rules = { policy: "p", mode: "protect", allowedToMutate: false } as const;
  for (let count = 0; count < 1000; count++) {
    const facts = { kind, resource, operation: "CREATE", namespace: `ns-${count}` };
    evaluated({ rules, origin: "validate", facts, plain: admissionResponse({ uid: "", allowed: true }), ms: 1 });
    if (count % 100 === 0) await metrics.text();
  }
  const samples = samplesOf((await metrics.text()).body);
  for (const name of [total, "kubewarden_policy_evaluation_latency_milliseconds_count"]) {
    const found = samples.filter((sample) => sample.name === name);
    assert.is(found.length, 11);
    assert.equal(found.find((sample) => sample.labels.otel_metric_overflow === "true")?.value, 990);
  }
});

test("metrics: the pool's observer counts what it is told, from zero", async () => {
  const metrics = createMetrics();
  const observer = poolObserver(metrics);
  startCountingShed(metrics, ["p"]);
  const value = async (name: string, labels: Record<string, string> = {}) =>
    samplesOf((await metrics.text()).body).find((sample) =>
      sample.name === `kubewarden_policy_${name}` && JSON.stringify(sample.labels) === JSON.stringify(labels)
    )?.value;
  const all = () =>
    Promise.all([
      value("queue_length"),
      value("requests_shed_total", { policy_name: "p" }),
      value("worker_restarts_total", { reason: "deadline" }),
      value("worker_restarts_total", { reason: "crash" }),
      value("queue_seconds_sum", { policy_name: "p" }),
      value("memory_bytes", { policy_name: "p" }),
    ]);
  assert.equal(await all(), [0, 0, 0, 0, undefined, undefined]);
  observer.waiting(3);
  observer.shed("p");
  observer.threadReplaced("deadline");
  observer.threadReplaced("crash");
  observer.dispatched("p", 500);
  observer.guestMemory("p", 2e6);
  observer.guestMemory("p", 1e6);
  assert.equal(await all(), [3, 1, 1, 1, 0.5, 1e6]);
});

test("metrics: the page of a running server, line by line", async () => {
  const folder = await mkdtemp(join(tmpdir(), "policy-server-metrics-"));
  const policiesFile = join(folder, "policies.yml");
  await writeFile(policiesFile, JSON.stringify({ pods: { module: exampleUrl("privileged-pods/policy") } }));
  const stop = new AbortController();
  const server = await startPolicyServer(configFor("--policies", policiesFile), {
    log: silentLog,
    signal: stop.signal,
  });
  const get = (url: string, body?: string) =>
    exchange(url, {
      maxBytes: 1e6,
      signal: stop.signal,
      ...(body === undefined ? {} : { method: "POST", body, headers: { "content-type": "application/json" } }),
    });
  assert.is((await get(`${server.url}/validate/pods`, JSON.stringify(review()))).status, 200);
  const page = await get(server.readinessUrl.replace("/readiness", "/metrics"));
  assert.is(page.status, 200);
  const text = new TextDecoder().decode(page.body);
  // Throws on any line that is none of the format, or has no type.
  const names = new Set(samplesOf(text).map(({ name }) => name.replace(/_(bucket|sum|count)$/, "")));
  for (
    const name of [
      "kubewarden_policy_evaluations_total",
      "kubewarden_policy_evaluation_latency_milliseconds",
      "kubewarden_policy_evaluation_duration_seconds",
      "kubewarden_policy_http_requests_total",
      "kubewarden_policy_memory_bytes",
      "kubewarden_policy_queue_length",
      "kubewarden_policy_queue_seconds",
      "kubewarden_policy_requests_shed_total",
      "kubewarden_policy_worker_restarts_total",
      "process_resident_memory_bytes",
      "process_cpu_seconds_total",
      "process_start_time_seconds",
    ]
  ) assert.ok(names.has(name), name);
  assert.is(names.has("target_info"), false);
  assert.not.match(text, "otel_scope");
  assert.is((await get(`${server.url}/metrics`)).status, 404);
  stop.abort();
  await server.closed;
  await rm(folder, { recursive: true });
});

test.run();
