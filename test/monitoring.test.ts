import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parse } from "yaml";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { annotations, apiVersion, caSecretName } from "../contracts/names.ts";
import { silentLog } from "../runtime/telemetry/log.ts";
import { createMetrics } from "../runtime/telemetry/metrics.ts";
import { exchange } from "../runtime/net/net.ts";
import { samplesOf } from "../runtime/testing/prometheus-page.ts";
import { measureCertificates } from "../services/certs/measure.ts";
import { auditKey, createObserver } from "../services/certs/observe.ts";
import { issueAuthority } from "../services/certs/x509.ts";
import { startPolicyServer } from "../services/policy-server/server.ts";
import { configFor } from "../services/policy-server/testing/config.ts";
import { exampleUrl } from "../services/policy-server/testing/guests.ts";
import { observeRelaxedWebhooks } from "../services/webhook-registrar/relaxed-metric.ts";

/** `deploy/monitoring/`: the alerts do what they say, and nothing there asks for a metric that no server has. */
const folder = fileURLToPath(new URL("../deploy/monitoring/", import.meta.url));

type Panel = { id: number; type: string; title: string; datasource?: { uid: string }; targets?: { expr: string }[] };
type Dashboard = { panels: Panel[]; templating: { list: { name: string; type: string; definition?: string }[] } };
const dashboard: Dashboard = JSON.parse(await readFile(join(folder, "dashboard.json"), "utf8"));
const alerts: { groups: { rules: { alert: string; expr: string }[] }[] } = parse(
  await readFile(join(folder, "alerts.yml"), "utf8"),
);
const rules = alerts.groups.flatMap((group) => group.rules);

const { error: absent } = spawnSync("promtool", ["--version"]);
if (absent !== undefined) {
  console.log("skipped: promtool is not installed (Debian: apt-get install prometheus), so no alert is tried out here");
}
const withPromtool = absent === undefined ? test : test.skip;
withPromtool("monitoring: the alerts are rules, and each fires when it should and not when it should not", () => {
  for (const args of [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]]) {
    const { status, stdout, stderr } = spawnSync("promtool", args, { cwd: folder, encoding: "utf8" });
    assert.is(status, 0, `promtool ${args.join(" ")}:\n${stdout}${stderr}`);
  }
});

withPromtool("monitoring: every query of the dashboard can be read", async () => {
  const exprs = dashboard.panels.flatMap((panel) => panel.targets ?? []).map(({ expr }) =>
    expr.replaceAll("$__rate_interval", "5m")
  );
  const work = await mkdtemp(join(tmpdir(), "monitoring-"));
  const rules = exprs.map((expr, index) => ({ record: `panel:${index}`, expr }));
  await writeFile(join(work, "panels.yml"), JSON.stringify({ groups: [{ name: "panels", rules }] }));
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "rules", "panels.yml"], {
    cwd: work,
    encoding: "utf8",
  });
  await rm(work, { recursive: true });
  assert.is(status, 0, `${stdout}${stderr}`);
});

test("monitoring: every alert has its own test", async () => {
  const tests = await readFile(join(folder, "alerts.test.yml"), "utf8");
  for (const { alert } of rules) assert.match(tests, `alertname: ${alert}\n        exp_alerts:`);
});

test("monitoring: what the dashboard and the alerts ask for is on a server's page", async () => {
  const known = new Set([...await namesOnThePage(), ...await namesOfTheRegistrar()]);
  const queries = [
    ...rules.map((rule) => rule.expr),
    ...dashboard.panels.flatMap((panel) => panel.targets ?? []).map(({ expr }) => expr),
    ...dashboard.templating.list.flatMap(({ definition }) => definition ?? []),
  ];
  const asked = queries.flatMap((query) => query.match(/\b(kubewarden|process|nodejs)_[a-z_]+/g) ?? []);
  assert.ok(asked.length > queries.length / 2);
  assert.equal([...new Set(asked)].filter((name) => !known.has(name)), []);
});

test("monitoring: every panel of the dashboard asks the source that was chosen", () => {
  const { panels, templating } = dashboard;
  assert.is(new Set(panels.map(({ id }) => id)).size, panels.length);
  assert.is(templating.list[0]?.type, "datasource");
  for (const panel of panels.filter(({ type }) => type !== "row")) {
    assert.is(panel.datasource?.uid, "${datasource}", panel.title);
    assert.ok((panel.targets ?? []).length > 0, panel.title);
  }
});

/** The names of what webhook-registrar shows of a policy that has a deadlock guard. */
async function namesOfTheRegistrar(): Promise<string[]> {
  const nowhere = { list: () => [], get: () => undefined };
  const guarded = {
    apiVersion,
    kind: "ClusterAdmissionPolicy",
    metadata: { name: "guarded", annotations: { [annotations.relaxWhenUnavailableAfter]: "2m" } },
  };
  const metrics = createMetrics();
  observeRelaxedWebhooks(metrics, {
    policies: {
      AdmissionPolicy: nowhere,
      AdmissionPolicyGroup: nowhere,
      ClusterAdmissionPolicy: { ...nowhere, list: () => [guarded] },
      ClusterAdmissionPolicyGroup: nowhere,
    },
    webhooks: { MutatingWebhookConfiguration: nowhere, ValidatingWebhookConfiguration: nowhere },
  });
  return samplesOf((await metrics.text()).body).map(({ name }) => name);
}

/** The names of all samples a server shows that was asked once. */
async function namesOnThePage(): Promise<Set<string>> {
  const work = await mkdtemp(join(tmpdir(), "monitoring-"));
  const policiesFile = join(work, "policies.yml");
  await writeFile(policiesFile, JSON.stringify({ pods: { module: exampleUrl("privileged-pods/policy") } }));
  const stop = new AbortController();
  const server = await startPolicyServer(configFor("--policies", policiesFile), {
    log: silentLog,
    signal: stop.signal,
  });
  const version = { group: "", version: "v1" };
  const kinds = { kind: { ...version, kind: "Pod" }, resource: { ...version, resource: "pods" } };
  await exchange(`${server.url}/validate/pods`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ request: { uid: "U", ...kinds, operation: "CREATE", userInfo: {}, object: {} } }),
    maxBytes: 1e6,
    signal: stop.signal,
  });
  const page = await exchange(server.readinessUrl.replace("/readiness", "/metrics"), {
    maxBytes: 1e6,
    signal: stop.signal,
  });
  stop.abort();
  await server.closed;
  await rm(work, { recursive: true });
  return new Set([...samplesOf(new TextDecoder().decode(page.body)).map(({ name }) => name), ...await namesOfCerts()]);
}

/** The names of what certs shows of an authority and its client certificate. */
async function namesOfCerts(): Promise<string[]> {
  const now = new Date("2030-06-15T12:00:00Z");
  const authority = await issueAuthority(now);
  const secret: KubeObject = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: caSecretName, namespace: "kubewarden" },
    data: { "ca.crt": btoa(authority.certificate), "ca.key": btoa(authority.privateKey) },
  };
  const observe = createObserver({
    namespace: "kubewarden",
    settleMs: 0,
    now: () => now,
    servers: { list: () => [], get: () => undefined },
    secrets: { list: () => [secret], get: (name) => name === caSecretName ? secret : undefined },
  });
  const metrics = createMetrics();
  measureCertificates(metrics).saw(auditKey, await observe(auditKey), now);
  return samplesOf((await metrics.text()).body).map(({ name }) => name);
}

test.run();
