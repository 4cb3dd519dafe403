import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ConditionType, findCondition } from "../contracts/conditions.ts";
import type { KubeObject, ObjectRef } from "../contracts/kubernetes.ts";
import { apiVersion, labels, policyKindNames } from "../contracts/names.ts";
import { type LocalCluster, startLocalCluster } from "../local-cluster/cluster.ts";
import type { RunningPod } from "../local-cluster/node/node.ts";
import { eventually } from "../local-cluster/testing/observe.ts";
import { connectKube, type Kube } from "../runtime/kube/kube.ts";
import { type Sample, samplesOf } from "../runtime/testing/prometheus-page.ts";
import { renderKustomization } from "../tools/kustomize.ts";
import type { RuntimeName } from "../tools/runtimes.ts";

const here = dirname(fileURLToPath(import.meta.url));
/** The double as an image of the local cluster. */
export const doubleImage = "policy-server-double:1";
const images = { "policy-server-double": { file: join(here, "doubles/policy-server.ts") } };

/** A local cluster with all three controllers, where a double plays the policy servers: its pods only become ready. */
export type ControllersCluster = {
  cluster: LocalCluster;
  kube: Kube;
  /** Running pods of a controller. */
  pods(controller: string): RunningPod[];
  stop(): Promise<void>;
};

type Options = {
  /** Folders of deploy/kustomize; default `base`. */
  kustomizations?: readonly string[];
  runtime?: RuntimeName;
  disturbances?: boolean;
  /** Whether PolicyServer `default` of the installation is made, run by the double; otherwise tests make their own. */
  withDefaults?: boolean;
  /** Changes what is installed; nothing is made of what it answers `undefined` for. */
  change?: (object: KubeObject) => KubeObject | undefined;
};

export async function startControllersCluster(o: Options = {}): Promise<ControllersCluster> {
  const { disturbances = false, change = (same: KubeObject) => same, runtime, kustomizations = ["base"] } = o;
  const defaults = (object: KubeObject) => o.withDefaults ? defaultsOfDouble(object) : undefined;
  const cluster = await startLocalCluster({ images, disturbances, ...(runtime ? { runtime } : {}) });
  try {
    const kube = await connectKube({ kubeconfig: cluster.kubeconfigPath });
    const folders = kustomizations.map((each) => join(here, "../deploy/kustomize", each));
    for (const object of (await Promise.all(folders.map(renderKustomization))).flat()) {
      const wanted = object.metadata.name === "kubewarden-defaults" ? defaults(object) : change(object);
      if (wanted) await kube.apply(wanted, { fieldManager: "kubectl" });
    }
    for (const kind of ["PolicyServer", ...policyKindNames]) {
      await eventually(`${kind} is served`, () => kube.list({ apiVersion, kind }));
    }
    const pods = (controller: string) =>
      cluster.node.pods().filter((pod) => pod.labels[labels.component] === controller);
    return { cluster, kube, pods, stop: () => cluster.stop() };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

function defaultsOfDouble(object: KubeObject): KubeObject {
  const [server] = Object.values(object.data as Record<string, string>);
  return { ...object, data: { "default.yaml": `${server}  image: ${doubleImage}\n` } };
}

/** A PolicyServer that the double runs. */
export function doublePolicyServer(name: string): KubeObject {
  const spec = { replicas: 1, image: doubleImage };
  return { apiVersion, kind: "PolicyServer", metadata: { name }, spec };
}

/** A policy about what nobody here makes, so that its webhook is never called. */
export function uncalledPolicy(name: string, policyServer: string, spec: object = {}): KubeObject {
  const rules = [{ apiGroups: [""], apiVersions: ["v1"], resources: ["endpoints"], operations: ["CREATE"] }];
  return {
    apiVersion,
    kind: "ClusterAdmissionPolicy",
    metadata: { name },
    spec: { module: "registry://x.example/policy:v1", mutating: false, rules, policyServer, ...spec },
  };
}

export const policyRef = (name: string): ObjectRef => ({ apiVersion, kind: "ClusterAdmissionPolicy", name });

/** Tells of objects whether a condition has that status, and that reason. */
export function is(type: ConditionType, status: string, reason?: string): (object: KubeObject) => boolean {
  return (object) => {
    const found = findCondition(object, type);
    return found?.status === status && (reason === undefined || found.reason === reason);
  };
}

/** What the pods of a controller say of themselves. */
export async function metricsOf(pods: readonly RunningPod[]): Promise<Sample[]> {
  const pages = await Promise.all(
    pods.map(async ({ podIP }) => await (await fetch(`http://${podIP}:8080/metrics`)).text()),
  );
  return pages.flatMap(samplesOf);
}

/**
 * Requests to the API so far, `verb resource` to count. Without Leases, which are renewed all the time, without watches,
 * which the server ends when it likes, and without discovery.
 */
export async function requestsOf(pods: readonly RunningPod[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { name, labels: { verb, resource = "" }, value } of await metricsOf(pods)) {
    if (name !== "kubewarden_api_requests_total" || verb === "watch") continue;
    if (resource === "-" || resource.startsWith("leases.")) continue;
    const key = `${verb} ${resource}`;
    counts.set(key, (counts.get(key) ?? 0) + value);
  }
  return counts;
}

/** An object of the installation; the Deployments of these controllers with more environment, and with so many replicas. */
export function withEnvironment(
  object: KubeObject,
  controllers: readonly string[],
  { replicas, env }: { replicas?: number; env: Record<string, string> },
): KubeObject {
  if (object.kind !== "Deployment" || !controllers.includes(object.metadata.name)) return object;
  const copy = structuredClone(object) as KubeObject & {
    spec: { replicas: number; template: { spec: { containers: { env?: { name: string; value: string }[] }[] } } };
  };
  if (replicas !== undefined) copy.spec.replicas = replicas;
  for (const container of copy.spec.template.spec.containers) {
    container.env = [...container.env ?? [], ...Object.entries(env).map(([name, value]) => ({ name, value }))];
  }
  return copy;
}
