import { parseJson } from "../../contracts/json.ts";
import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";
import { annotations, ownedObjectName, type PolicyKind, uniqueName } from "../../contracts/names.ts";
import {
  policy,
  policyServer,
  type Stage,
  untilCondition,
  untilGone,
  untilPolicyStatus,
} from "../../local-cluster/demo/looks.ts";
import { readManifest } from "../../local-cluster/demo/manifests.ts";
import { until } from "../../local-cluster/demo/until.ts";

const fieldManager = "chaos";
const namespace = "kubewarden";
const privileged = policy("ClusterAdmissionPolicy", "privileged-pods");
const trusted = policy("ClusterAdmissionPolicy", "privileged-pods-trusted");
const labelling = policy("ClusterAdmissionPolicy", "add-labels");
const tenant = policy("AdmissionPolicy", "required-labels", "tenant-a");

// Policy servers need not wait for anybody when they stop: it makes a run short.
const env = [{ name: "KUBEWARDEN_SHUTDOWN_DELAY", value: "0" }];

/**
 * Makes, changes and deletes policies and policy servers. Each step waits until everything has followed, so that every
 * run goes through the same configurations, and leaves the same history of roll-outs.
 */
export async function playSteps(stage: Stage, rendered: readonly KubeObject[]): Promise<void> {
  const { kube, wait, modulesHost } = stage;
  await apply(stage, rendered.map(withoutShutdownDelay));
  await apply(stage, await readManifest("namespaces", modulesHost));
  await untilCondition(stage, policyServer("default"), "CertSecretReconciled");
  const bare = await untilServed(stage, "default", []);
  await apply(stage, await readManifest("policy-server-default", modulesHost));
  await untilServed(stage, "default", [], bare);

  const [first, second] = await readManifest("privileged-pods", modulesHost) as [KubeObject, KubeObject];
  await apply(stage, [first]);
  await untilServed(stage, "default", [privileged]);
  await apply(stage, [second]);
  await untilServed(stage, "default", [privileged, trusted]);
  await apply(stage, await readManifest("add-labels", modulesHost));
  await untilServed(stage, "default", [privileged, trusted, labelling]);

  await apply(stage, await readManifest("tenant-policy", modulesHost));
  await untilPolicyStatus(stage, tenant, "unschedulable");
  const [server] = await readManifest("tenant-policy-server", modulesHost) as [KubeObject];
  await apply(stage, [{ ...server, spec: { ...server.spec as object, env } }]);
  await untilServed(stage, "tenant-a", [tenant]);

  const settings = { labels: { "cost-center": "changed" } };
  await kube.patch(labelling, { spec: { settings } }, { type: "merge", signal: wait.signal });
  await untilServed(stage, "default", [privileged, trusted, labelling]);
  await kube.remove(trusted, { signal: wait.signal });
  await untilGone(stage, trusted);
  await untilServed(stage, "default", [privileged, labelling]);
  await kube.remove(policyServer("tenant-a"), { signal: wait.signal });
  await untilGone(stage, policyServer("tenant-a"));
  await untilPolicyStatus(stage, tenant, "unschedulable");
}

/** The same for the default server, in the ConfigMap that it is made from. */
function withoutShutdownDelay(object: KubeObject): KubeObject {
  if (object.metadata.name !== "kubewarden-defaults") return object;
  const [entry] = env;
  const added = `$1- name: ${entry?.name}\n$1  value: "${entry?.value}"\n$&`;
  const data = Object.entries(object.data as Record<string, string>)
    .map(([key, text]) => [key, text.replace(/^( *)- name: KUBEWARDEN_LOG_LEVEL$/m, added)]);
  return { ...object, data: Object.fromEntries(data) };
}

async function apply({ kube, wait }: Stage, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) await kube.apply(object, { fieldManager, force: true, signal: wait.signal });
}

/**
 * Waits until a policy server's configuration holds exactly these policies (in another version than `not`), all pods serve
 * it, and all policies are active. Returns the version.
 */
async function untilServed(stage: Stage, server: string, policies: readonly ObjectRef[], not = ""): Promise<string> {
  const { kube, wait } = stage;
  const deployment = { apiVersion: "apps/v1", kind: "Deployment", name: ownedObjectName(server), namespace };
  const configMap = { apiVersion: "v1", kind: "ConfigMap", name: ownedObjectName(server), namespace };
  const names = policies.map((each) => uniqueName(each.kind as PolicyKind, each)).sort();
  for (const each of policies) await untilCondition(stage, each, "PolicyServerConfigurationUpToDate");
  let version = "";
  await until(`configuration of PolicyServer "${server}" with ${names.join(", ") || "no policy"}`, async () => {
    const data = (await kube.get(configMap, { signal: wait.signal }))?.data as Record<string, string> | undefined;
    const found = Object.keys(parseJson(data?.["policies.yml"] ?? "{}") as object).sort();
    const standing = await kube.get(deployment, { signal: wait.signal });
    version = standing?.metadata.annotations?.[annotations.configVersion] ?? "";
    if (found.join() !== names.join() || version === not) return `${found.join(", ")} in version "${version}"`;
    const { replicas, updatedReplicas, readyReplicas } = (standing?.status ?? {}) as Record<string, number | undefined>;
    return replicas === 1 && updatedReplicas === 1 && readyReplicas === 1 || "a roll-out is under way";
  }, wait);
  for (const each of policies) {
    await untilCondition(stage, each, "PolicyUniquelyReachable");
    await untilCondition(stage, each, "PolicyActive");
  }
  return version;
}
