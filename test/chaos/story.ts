import type { KubeObject } from "../../contracts/kubernetes.ts";
import {
  policy,
  policyServer,
  type Stage,
  untilCondition,
  untilGone,
  untilPolicyStatus,
} from "../../local-cluster/demo/looks.ts";
import { readManifest } from "../../local-cluster/demo/manifests.ts";

const fieldManager = "chaos";

async function apply({ kube, wait }: Stage, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) await kube.apply(object, { fieldManager, force: true, signal: wait.signal });
}

export async function installation(stage: Stage, rendered: readonly KubeObject[]): Promise<void> {
  await apply(stage, rendered);
  await apply(stage, await readManifest("namespaces", stage.modulesHost));
  // The reconciler makes the default server; what the manifest adds needs it to be there.
  await untilCondition(stage, policyServer("default"), "CertSecretReconciled");
  await apply(stage, await readManifest("policy-server-default", stage.modulesHost));
}

/** Makes, changes and deletes policies and a policy server, each time waiting until the controllers have followed. */
export async function story(stage: Stage): Promise<void> {
  const { modulesHost, kube, wait } = stage;
  const trusted = policy("ClusterAdmissionPolicy", "privileged-pods-trusted");
  const labelling = policy("ClusterAdmissionPolicy", "add-labels");
  const tenant = policy("AdmissionPolicy", "required-labels", "tenant-a");

  await apply(stage, await readManifest("privileged-pods", modulesHost));
  await apply(stage, await readManifest("tenant-policy", modulesHost));
  await untilCondition(stage, trusted, "PolicyActive");
  await untilPolicyStatus(stage, tenant, "unschedulable");

  await apply(stage, await readManifest("tenant-policy-server", modulesHost));
  await apply(stage, await readManifest("add-labels", modulesHost));
  await untilCondition(stage, tenant, "PolicyActive");
  await untilCondition(stage, labelling, "PolicyActive");

  const settings = { labels: { "cost-center": "changed" } };
  await kube.patch(labelling, { spec: { settings } }, { type: "merge", signal: wait.signal });
  await kube.remove(trusted, { signal: wait.signal });
  await untilGone(stage, trusted);
  await kube.remove(policyServer("tenant-a"), { signal: wait.signal });
  await untilGone(stage, policyServer("tenant-a"));
  await untilPolicyStatus(stage, tenant, "unschedulable");
  await untilCondition(stage, labelling, "PolicyUniquelyReachable");
}
