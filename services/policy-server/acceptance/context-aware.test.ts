// Policies that ask a cluster: a real API over the wire, found by a kubeconfig.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { type ApiServer, startApiServer } from "../../../local-cluster/api/server.ts";
import { connectKube, type Kube } from "../../../runtime/kube/kube.ts";
import {
  type PolicyServerProcess,
  reviewOf,
  send,
  startPolicyServerProcess,
  verdictOf,
} from "../../../test/policy-server-process.ts";
import { askingCommand } from "../testing/asking-guests.ts";
import { exampleUrl } from "../testing/guests.ts";

const resources = [
  { apiVersion: "apps/v1", kind: "Deployment" },
  { apiVersion: "v1", kind: "Namespace" },
  { apiVersion: "v1", kind: "Service" },
];
const policy = (more: Record<string, unknown> = {}) => ({
  module: exampleUrl("context-aware/policy"),
  hostCapabilities: ["*"],
  contextAwareResources: resources,
  ...more,
});
const namesUnique = { ...policy(), module: exampleUrl("unique-external-names/policy") };

let api: ApiServer, kube: Kube, folder: string, server: PolicyServerProcess;
test.before(async () => {
  api = await startApiServer({ seed: 11 });
  folder = await mkdtemp(join(tmpdir(), "context-aware-"));
  await writeFile(join(folder, "kubeconfig"), api.kubeconfig());
  kube = await connectKube({ kubeconfig: join(folder, "kubeconfig") });
  await kube.create(object("Namespace", "web"));
  const [lists, mayI] = await Promise.all([
    command("list_resources_all", { api_version: "v1", kind: "Namespace" }),
    command("can_i", { subject_access_review: { user: "jo", resource_attributes: mayList }, disable_cache: true }),
  ]);
  server = await startPolicyServerProcess({
    env: { KUBECONFIG: join(folder, "kubeconfig"), KUBEWARDEN_NAMESPACED_POLICIES_OWN_NAMESPACE_ONLY: "true" },
    policies: {
      "context-aware": policy(),
      "nothing-granted": policy({ hostCapabilities: [] }),
      "other-kinds": policy({ contextAwareResources: resources.slice(0, 1) }),
      "right-needed": policy({ settings: { mayGetNamespaces: true } }),
      "wasi-lists": policy({ module: lists }),
      "wasi-lists-nothing": policy({ module: lists, hostCapabilities: [] }),
      "wasi-may-i": policy({ module: mayI }),
      "unique-names": namesUnique,
      "namespaced-web-unique": { ...namesUnique, namespacedName: { Namespace: "web", Name: "unique" } },
    },
  });
});
test.after(async () => {
  await server.stop();
  await api.stop();
  await rm(folder, { recursive: true });
});

const mayList = { verb: "list", resource: "namespaces" };
/** URL of a WASI command that makes this host call. */
async function command(operation: string, question: unknown): Promise<string> {
  const file = join(folder, `${operation}.wasm`);
  await writeFile(file, await askingCommand({ namespace: "kubernetes", operation, question }));
  return pathToFileURL(file).href;
}
/** What a policy has said on its standard error so far. */
const wordsOf = (policy: string) =>
  server.log.map(({ message }) => String(message)).filter((each) => each.startsWith(`Guest module ${policy}: `)).join();

function object(kind: string, name: string, more: Record<string, unknown> = {}): KubeObject {
  return { apiVersion: "v1", kind, metadata: { name }, ...more };
}

async function verdict(id: string, object: unknown = deploymentIn("web")) {
  const { namespace } = (object as KubeObject).metadata;
  const body = reviewOf(object as KubeObject, { resource: "deployments", ...(namespace ? { namespace } : {}) });
  const { allowed, status } = verdictOf(await send(`${server.url}/validate/${id}`, { body }));
  return allowed ? "allowed" : status?.message ?? "";
}

function deploymentIn(namespace: string): unknown {
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace } };
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  if (!await comes(condition, 30_000)) throw new Error(`never: ${what}`);
}

async function comes(condition: () => Promise<boolean>, withinMs: number): Promise<boolean> {
  const end = performance.now() + withinMs;
  while (!await condition()) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

test("AT-098: a context-aware policy asks the cluster and allows what fits it", async () => {
  assert.is(await verdict("context-aware"), "allowed");
  assert.is(await verdict("context-aware", deploymentIn("nowhere")), "There is no namespace 'nowhere'");
});

test("AT-098: a policy asks what a user may do", async () => {
  assert.match(await verdict("right-needed"), /^'.*' may not get namespaces$/);
});

test("AT-098: a WASI policy lists what is in the cluster, and asks what a user may do", async () => {
  assert.is(await verdict("wasi-lists"), "allowed");
  await until("its words", async () => /web/.test(wordsOf("wasi-lists")));
  assert.is(await verdict("wasi-may-i"), "allowed");
  await until("its words", async () => /allowed.*false/.test(wordsOf("wasi-may-i")));
  const refusal = /has not been granted access to the 'kubernetes\/list_resources_all' host/;
  assert.match(await verdict("wasi-lists-nothing"), refusal);
});

test("AT-099: without the capability nothing is asked, and the message says that access was not granted", async () => {
  assert.match(
    await verdict("nothing-granted"),
    /has not been granted access to the 'kubernetes\/list_resources_all' host/,
  );
  assert.match(await verdict("other-kinds"), /has not been granted access to Kubernetes v1\/Namespace resources/);
});

test("context: changes of the cluster are seen by the next evaluations", async () => {
  assert.is(await verdict("context-aware", deploymentIn("late")), "There is no namespace 'late'");
  await kube.create(object("Namespace", "late"));
  await until("the new namespace", async () => await verdict("context-aware", deploymentIn("late")) === "allowed");
  const service = object("Service", "new", { spec: { type: "ExternalName", externalName: "taken.example" } });
  assert.is(await verdict("unique-names", service), "allowed");
  await kube.create({ ...service, metadata: { name: "old", namespace: "late" } });
  const taken = "There is a Service with the external name 'taken.example' already";
  await until("the service", async () => await verdict("unique-names", service) === taken);
  await kube.remove({ apiVersion: "v1", kind: "Service", name: "old", namespace: "late" });
  await until("that it is gone", async () => await verdict("unique-names", service) === "allowed");
});

test("context: a change of the cluster is in the verdict within two seconds", async () => {
  // A busy machine may be late for one of them. What looks at the cluster now and then would be late for all.
  let inTime = false;
  for (let count = 0; count < 5 && !inTime; count++) {
    const isKnown = async () => await verdict("context-aware", deploymentIn(`new-${count}`)) === "allowed";
    assert.is(await isKnown(), false);
    await kube.create(object("Namespace", `new-${count}`));
    inTime = await comes(isKnown, 2_000);
    await until("the new namespace", isKnown);
  }
  assert.ok(inTime, "none of five changes was seen within two seconds");
});

test("context: a policy that is confined to its namespace lists nothing beyond it", async () => {
  const service = object("Service", "new", { spec: { type: "ExternalName", externalName: "a.example" } });
  assert.match(
    await verdict("namespaced-web-unique", service),
    /not been granted access to anything outside of its own/,
  );
});

test("context: refusals and copies of cluster objects are told as metrics", async () => {
  const page = await send(server.readinessUrl.replace("/readiness", "/metrics"), { method: "GET" });
  for (
    const line of [
      'kubewarden_policy_host_call_refusals_total{policy_name="nothing-granted",capability="kubernetes/list_resources_all"} 1',
      'kubewarden_policy_kubernetes_cache_age_seconds{api_version="v1",kind="Namespace"} 0',
    ]
  ) assert.ok(page.body.includes(line), `${line} in ${page.body}`);
});

const elsewhere = { KUBECONFIG: "", HOME: "/nowhere", KUBERNETES_SERVICE_HOST: "" };

test("context: without access to a cluster the start ends and names the policies that need it", async () => {
  const failure = await startPolicyServerProcess({ env: elsewhere, policies: { "context-aware": policy() } })
    .then(async (started) => (await started.stop(), "started"), (error) => error.message);
  assert.match(failure, /policy "context-aware": Cannot connect to Kubernetes, context aware policies would not work/);
});

test("context: without access, and with that to be ignored, policies are told when they ask", async () => {
  const env = { ...elsewhere, KUBEWARDEN_IGNORE_KUBERNETES_CONNECTION_FAILURE: "true" };
  const alone = await startPolicyServerProcess({ env, policies: { "context-aware": policy() } });
  try {
    const body = reviewOf(deploymentIn("web") as KubeObject, { resource: "deployments" });
    const { status } = verdictOf(await send(`${alone.url}/validate/context-aware`, { body }));
    assert.match(status?.message ?? "", /Callback evaluation failure: kube::Client was not initialized properly/);
    const told = alone.log.map(({ message }) => message);
    assert.ok(told.includes("Cannot connect to Kubernetes, context aware policies will not work properly"));
  } finally {
    await alone.stop();
  }
});

test("context: policies that ask no cluster are served without one", async () => {
  const { module } = policy();
  const alone = await startPolicyServerProcess({
    env: elsewhere,
    policies: { p: { module, hostCapabilities: ["*"] } },
  });
  await alone.stop();
});

test.run();
