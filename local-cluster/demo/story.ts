import type { KubeObject } from "../../contracts/kubernetes.ts";
import { ownedObjectName, uniqueName } from "../../contracts/names.ts";
import {
  policy,
  policyServer,
  type Stage,
  untilAdmitted,
  untilCondition,
  untilDenied,
  untilGone,
  untilPolicyStatus,
} from "./looks.ts";
import { readManifest } from "./manifests.ts";

export type Step = { title: string; run(stage: Stage): Promise<string | void> };

const fieldManager = "demo";
const deploymentsNamespace = "kubewarden";
const privilegedPods = policy("ClusterAdmissionPolicy", "privileged-pods");
const tenantPolicy = policy("AdmissionPolicy", "required-labels", "tenant-a");

async function applyAll({ kube, wait }: Stage, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) await kube.apply(object, { fieldManager, force: true, signal: wait.signal });
}

async function applyManifest(stage: Stage, name: string): Promise<void> {
  await applyAll(stage, await readManifest(name, stage.modulesHost));
}

async function untilServerReady(stage: Stage, name: string): Promise<void> {
  await untilCondition(stage, policyServer(name), "CertSecretReconciled");
  await untilCondition(stage, policyServer(name), "DeploymentReconciled");
  const deployment = { apiVersion: "apps/v1", kind: "Deployment", name: ownedObjectName(name) };
  await untilCondition(stage, { ...deployment, namespace: deploymentsNamespace }, "Available");
}

function quoted(denial: string): string {
  return `"${denial.slice(denial.indexOf("admission webhook"))}"`;
}

/** The seed's story, step by step. `installation` is what `deploy/kustomize/overlays/default` renders to. */
export function storyOf(installation: readonly KubeObject[]): Step[] {
  return [
    {
      title: "the installation is applied",
      run: async (stage) => {
        await applyAll(stage, installation);
        return `${installation.length} objects`;
      },
    },
    { title: "the default policy server is ready", run: (stage) => untilServerReady(stage, "default") },
    {
      title: "a policy becomes active",
      run: async (stage) => {
        await applyManifest(stage, "namespaces");
        await applyManifest(stage, "policy-server-default");
        await applyManifest(stage, "privileged-pods");
        await untilCondition(stage, privilegedPods, "PolicyActive");
        return "ClusterAdmissionPolicy privileged-pods";
      },
    },
    {
      title: "an ordinary Pod is admitted",
      run: async (stage) => {
        await untilAdmitted(stage, { name: "ordinary" });
      },
    },
    {
      title: "a privileged Pod is denied",
      run: async (stage) =>
        quoted(await untilDenied(stage, { name: "greedy", privileged: true }, "Privileged container is not allowed")),
    },
    {
      title: "a Pod is mutated",
      run: async (stage) => {
        await applyManifest(stage, "add-labels");
        await untilCondition(stage, policy("ClusterAdmissionPolicy", "add-labels"), "PolicyActive");
        const label = (pod: KubeObject) => pod.metadata.labels?.["cost-center"];
        const pod = await untilAdmitted(
          stage,
          { name: "labelled" },
          (pod) => label(pod) !== undefined || "admitted without the label",
        );
        return `label cost-center=${label(pod)}`;
      },
    },
    {
      title: "the same module serves twice, with different settings",
      run: async (stage) => {
        await untilCondition(stage, policy("ClusterAdmissionPolicy", "privileged-pods-trusted"), "PolicyActive");
        await untilAdmitted(stage, { namespace: "trusted", name: "agent", privileged: true });
        await untilDenied(stage, { name: "agent", privileged: true }, "Privileged container is not allowed");
        return "one image may run privileged in namespace trusted, not in default";
      },
    },
    {
      title: "a policy without its server waits",
      run: async (stage) => {
        await applyManifest(stage, "tenant-policy");
        await untilPolicyStatus(stage, tenantPolicy, "unschedulable");
        return "AdmissionPolicy required-labels is unschedulable";
      },
    },
    {
      title: "its server is created and the policy becomes active by itself",
      run: async (stage) => {
        await applyManifest(stage, "tenant-policy-server");
        await untilServerReady(stage, "tenant-a");
        await untilCondition(stage, tenantPolicy, "PolicyActive");
      },
    },
    {
      title: "two policy servers answer side by side",
      run: async (stage) => {
        const denial = await untilDenied(
          stage,
          { namespace: "tenant-a", name: "nobodys" },
          "Missing required labels: owner",
        );
        await untilDenied(stage, { name: "greedy", privileged: true }, "Privileged container is not allowed");
        return quoted(denial);
      },
    },
    {
      title: "a policy is deleted and its webhook is gone",
      run: async (stage) => {
        await stage.kube.remove(privilegedPods, { signal: stage.wait.signal });
        const name = uniqueName("ClusterAdmissionPolicy", privilegedPods);
        const kind = "ValidatingWebhookConfiguration";
        await untilGone(stage, { apiVersion: "admissionregistration.k8s.io/v1", kind, name });
        await untilGone(stage, privilegedPods);
        await untilAdmitted(stage, { name: "greedy", privileged: true });
        return "the privileged Pod is admitted now";
      },
    },
  ];
}
