// Rego policies that see a cluster: a real API over the wire, found by a kubeconfig.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { startApiServer } from "../../../local-cluster/api/server.ts";
import { connectKube } from "../../../runtime/kube/kube.ts";
import { reviewOf, send, startPolicyServerProcess, verdictOf } from "../../../test/policy-server-process.ts";
import { regoModule } from "../testing/rego.ts";

const namespace = { apiVersion: "v1", kind: "Namespace" };
const object = (kind: string, metadata: { name: string; namespace?: string }) => ({
  ...{ apiVersion: "v1", kind, metadata },
  ...(kind === "Service" ? { spec: { ports: [{ port: 80 }] } } : {}),
});
const contextAwareResources = [namespace, { apiVersion: "v1", kind: "Service" }];
const folder = await mkdtemp(join(tmpdir(), "rego-inventory-"));
async function moduleUrl(mode: "opa" | "gatekeeper"): Promise<string> {
  const file = join(folder, `${mode}.wasm`);
  await writeFile(file, await regoModule("seen", mode));
  return pathToFileURL(file).href;
}
const [opa, gatekeeper] = await Promise.all([moduleUrl("opa"), moduleUrl("gatekeeper")]);

const api = await startApiServer({ seed: 12 });
await writeFile(join(folder, "kubeconfig"), api.kubeconfig());
const kube = await connectKube({ kubeconfig: join(folder, "kubeconfig") });
await kube.create(object("Namespace", { name: "web" }));
await kube.create(object("Service", { name: "front", namespace: "web" }));
const ownNamespaceOnly = { KUBEWARDEN_NAMESPACED_POLICIES_OWN_NAMESPACE_ONLY: "true" };
const server = await startPolicyServerProcess({
  env: { KUBECONFIG: join(folder, "kubeconfig"), KUBEWARDEN_POLICY_TIMEOUT: "10", ...ownNamespaceOnly },
  policies: {
    opa: { module: opa, contextAwareResources, settings: { kubernetes: "mine" } },
    gatekeeper: { module: gatekeeper, contextAwareResources },
    blind: { module: opa },
    "unknown-kind": { module: opa, contextAwareResources: [{ apiVersion: "v1", kind: "Cake" }] },
    "unknown-kind-gatekeeper": { module: gatekeeper, contextAwareResources: [{ apiVersion: "v1", kind: "Cake" }] },
    "namespaced-web-roles": {
      module: opa,
      contextAwareResources: [{ apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole" }],
      namespacedName: { Namespace: "web", Name: "roles" },
    },
    group: {
      policies: { sees: { module: gatekeeper, contextAwareResources } },
      expression: "sees()",
      message: "no",
    },
  },
});
test.after(async () => {
  await server.stop();
  await api.stop();
  await rm(folder, { recursive: true });
});

const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "web" } };
const ask = async (id: string) =>
  verdictOf(
    await send(`${server.url}/validate/${id}`, { body: reviewOf(pod, { resource: "pods", namespace: "web" }) }),
  );
type Seen = Record<string, Record<string, Record<string, Record<string, Record<string, unknown>>>>>;
const seenBy = async (id: string) => JSON.parse((await ask(id)).status?.message ?? "{}") as Seen;

test("AT-098: OPA policies see the kinds that are named for them, in place of a setting, and Gatekeeper policies too", async () => {
  const byOpa = await seenBy("opa");
  assert.equal(Object.keys(byOpa).sort(), ["namespaces", "services"]);
  assert.is(byOpa.services?.web?.front?.metadata?.name, "front");
  assert.ok("web" in (byOpa.namespaces ?? {}));
  const byGatekeeper = await seenBy("gatekeeper");
  assert.is(byGatekeeper.namespace?.web?.v1?.Service && "front" in byGatekeeper.namespace.web.v1.Service, true);
  assert.ok("web" in (byGatekeeper.cluster?.v1?.Namespace ?? {}));
  const told = server.log.filter(({ message }) =>
    String(message).startsWith("The setting `kubernetes` is overwritten")
  );
  assert.equal(told.map(({ policy }) => policy), ["opa"]);
});

test("rego: members of groups see what they are to see", async () => {
  const { status } = await ask("group");
  const [cause] = status?.details?.causes ?? [];
  assert.match(cause?.message ?? "", /"front":/);
});

test("rego: changes of the cluster are seen by the next evaluations", async () => {
  await kube.create(object("Namespace", { name: "late" }));
  const end = performance.now() + 30_000;
  while (!("late" in ((await seenBy("opa")).namespaces ?? {}))) {
    if (performance.now() > end) throw new Error("the new namespace is never seen");
  }
});

test("rego: without named kinds there is nothing to see", async () => {
  assert.is((await ask("blind")).status?.message, "internal server error: cannot interpret OPA policy result");
});

test("rego: what cannot be listed is the verdict, with code 500", async () => {
  for (const id of ["unknown-kind", "unknown-kind-gatekeeper"]) {
    const { allowed, status } = await ask(id);
    assert.equal([allowed, status], [false, { message: "Cannot find resource v1/Cake", code: 500 }]);
  }
});

test("rego: a policy that is confined to its namespace sees no cluster-wide kind, and that is counted", async () => {
  const { status } = await ask("namespaced-web-roles");
  assert.match(status?.message ?? "", /^Policy has not been granted access to anything outside of its own namespace/);
  const page = await send(server.readinessUrl.replace("/readiness", "/metrics"), { method: "GET" });
  const labels = 'policy_name="namespaced-web-roles",capability="kubernetes/list_resources_all"';
  assert.ok(page.body.includes(`kubewarden_policy_host_call_refusals_total{${labels}} 1`), page.body);
});

test.run();
