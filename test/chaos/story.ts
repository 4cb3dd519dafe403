import type { KubeObject, ObjectRef } from "../../contracts/kubernetes.ts";

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
import { type Controller, controllers } from "./mischief.ts";

const fieldManager = "chaos";
const privileged = policy("ClusterAdmissionPolicy", "privileged-pods");
const trusted = policy("ClusterAdmissionPolicy", "privileged-pods-trusted");
const labelling = policy("ClusterAdmissionPolicy", "add-labels");
const tenant = policy("AdmissionPolicy", "required-labels", "tenant-a");

// Policy servers need not wait for anybody when they stop: it makes a run short.
const serverEnv = [{ name: "KUBEWARDEN_SHUTDOWN_DELAY", value: "0" }];
/** So that whoever takes over does it within a step. */
const leaseEnv = [
  { name: "KUBEWARDEN_LEASE_DURATION", value: "4s" },
  { name: "KUBEWARDEN_LEASE_RENEW_DEADLINE", value: "3s" },
  { name: "KUBEWARDEN_LEASE_RETRY_PERIOD", value: "500ms" },
];

/**
 * Makes, changes and deletes policies and policy servers, several at a time. Between its acts it waits until all of it is
 * in force.
 */
export async function playSteps(
  stage: Stage,
  { rendered, standbyOf }: { rendered: readonly KubeObject[]; standbyOf: Controller | undefined },
): Promise<void> {
  const { modulesHost } = stage;
  const [first, second] = await readManifest("privileged-pods", modulesHost) as [KubeObject, KubeObject];
  const [labels] = await readManifest("add-labels", modulesHost) as [KubeObject];
  const [server] = await readManifest("tenant-policy-server", modulesHost) as [KubeObject];
  await apply(stage, rendered.map((each) => forChaos(each, { standbyOf, modulesHost })));
  await apply(stage, await readManifest("namespaces", modulesHost));
  await apply(stage, [first, second, labels, ...await readManifest("tenant-policy", modulesHost)]);
  await untilPolicyStatus(stage, tenant, "unschedulable");
  await untilInForce(stage, [privileged, trusted, labelling]);

  await apply(stage, [
    { ...server, spec: { ...server.spec as object, env: serverEnv } },
    withSpec(labels, { mutating: false, settings: { labels: { "cost-center": "changed" } } }),
    withSpec(first, { timeoutSeconds: 7 }),
  ]);
  await untilInForce(stage, [tenant]);
  await untilInForce(stage, [privileged, trusted, labelling]);

  await remove(stage, trusted);
  await remove(stage, policyServer("tenant-a"));
  await apply(stage, [withSpec(labels, { mutating: true })]);
  await untilGone(stage, trusted);
  await untilGone(stage, policyServer("tenant-a"));
  await untilPolicyStatus(stage, tenant, "unschedulable");
  await untilInForce(stage, [privileged, labelling]);
}

function withSpec(object: KubeObject, changes: object): KubeObject {
  return { ...object, spec: { ...object.spec as object, ...changes } };
}

/** The installation with a standby and short Leases, its default server with the host of the modules. */
function forChaos(
  object: KubeObject,
  { standbyOf, modulesHost }: { standbyOf: Controller | undefined; modulesHost: string },
): KubeObject {
  const { kind, metadata: { name } } = object;
  if (kind === "Deployment" && controllers.some((each) => each === name)) {
    const spec = structuredClone(object.spec) as { template: { spec: { containers: { env: object[] }[] } } };
    for (const container of spec.template.spec.containers) container.env.push(...leaseEnv);
    return { ...object, spec: { ...spec, replicas: name === standbyOf ? 2 : 1 } };
  }
  if (name !== "kubewarden-defaults") return object;
  const [env] = serverEnv;
  const added = `$1- name: ${env?.name}\n$1  value: "${env?.value}"\n$&`;
  const sources = `$&  insecureSources: ["${modulesHost}"]\n`;
  const data = Object.entries(object.data as Record<string, string>).map(([key, text]) => [
    key,
    text.replace(/^spec:\n/m, sources).replace(/^( *)- name: KUBEWARDEN_LOG_LEVEL$/m, added),
  ]);
  return { ...object, data: Object.fromEntries(data) };
}

/** As a user who tries again when the API server is away. */
async function apply({ kube, wait }: Stage, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) {
    await until(`${object.kind} "${object.metadata.name}" applied`, async () => {
      await kube.apply(object, { fieldManager, force: true, signal: wait.signal });
      return true;
    }, wait);
  }
}

async function remove({ kube, wait }: Stage, ref: ObjectRef): Promise<void> {
  await until(`${ref.kind} "${ref.name}" deleted`, async () => {
    await kube.remove(ref, { signal: wait.signal });
    return true;
  }, wait);
}

/** Waits until all pods of a policy server serve these policies as they are now, and all of them are active. */
async function untilInForce(stage: Stage, policies: readonly ObjectRef[]): Promise<void> {
  for (const each of policies) {
    await untilCondition(stage, each, "PolicyServerConfigurationUpToDate");
    await untilCondition(stage, each, "PolicyUniquelyReachable");
    await untilCondition(stage, each, "PolicyActive");
  }
}
