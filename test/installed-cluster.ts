import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { KubeObject, ObjectRef } from "../contracts/kubernetes.ts";
import { labels } from "../contracts/names.ts";
import { type LocalCluster, startLocalCluster } from "../local-cluster/cluster.ts";
import { policyServer, type Stage, untilCondition } from "../local-cluster/demo/looks.ts";
import { policiesFolder, readManifest } from "../local-cluster/demo/manifests.ts";
import { serveModules } from "../local-cluster/demo/module-server.ts";
import { until } from "../local-cluster/demo/until.ts";
import type { RunningPod } from "../local-cluster/node/node.ts";
import { connectKube, type Kube } from "../runtime/kube/kube.ts";
import { renderKustomization } from "../tools/kustomize.ts";

/** What `kubectl apply -k` gets. */
export const overlay = join(dirname(fileURLToPath(import.meta.url)), "../deploy/kustomize/overlays/default");
export const deploymentsNamespace = "kubewarden";
export const fieldManager = "someone";

export type InstalledCluster = {
  cluster: LocalCluster;
  kube: Kube;
  stage: Stage;
  /** `http://host` of the example modules and of those in `moreModules`. */
  modules: { examples: string; more: string };
  stop(): Promise<void>;
};

type InstallOptions = {
  /** A folder with more modules. */
  moreModules: string;
  /** Changes what is installed. */
  change?: (object: KubeObject) => KubeObject;
};

/** A local cluster with everything installed and the PolicyServer `default` made. */
export async function installedCluster({ moreModules, change = (same) => same }: InstallOptions): Promise<
  InstalledCluster
> {
  const examples = await serveModules(policiesFolder);
  const more = await serveModules(moreModules);
  const cluster = await startLocalCluster();
  const stop = async () => {
    await cluster.stop();
    await Promise.all([examples.stop(), more.stop()]);
  };
  try {
    const kube = await connectKube({ kubeconfig: cluster.kubeconfigPath, userAgent: fieldManager });
    const wait = { limitMs: 60_000, signal: new AbortController().signal };
    const stage: Stage = { kube, modulesHost: examples.host, wait };
    const rendered = (await renderKustomization(overlay)).map((object) =>
      withServerSettings(object, [examples.host, more.host])
    );
    await applyAll(kube, rendered.map(change));
    await untilCondition(stage, policyServer("default"), "CertSecretReconciled");
    await applyAll(kube, await readManifest("namespaces", examples.host));
    await applyAll(kube, await readManifest("privileged-pods", examples.host));
    const modules = { examples: `http://${examples.host}`, more: `http://${more.host}` };
    return { cluster, kube, stage, modules, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What PolicyServer `default` needs besides, from its first rollout on. */
function withServerSettings(object: KubeObject, insecureSources: string[]): KubeObject {
  if (object.kind !== "ConfigMap" || object.metadata.name !== "kubewarden-defaults") return object;
  const [[key, text]] = Object.entries(object.data as Record<string, string>) as [[string, string]];
  const server = parse(text) as KubeObject & { spec: object };
  // Long enough for endpoints that lag by up to 3 s; the usual 10 s would be the better part of every rollout here.
  const env = [{ name: "KUBEWARDEN_SHUTDOWN_DELAY", value: "4" }];
  // JSON is YAML.
  return { ...object, data: { [key]: JSON.stringify({ ...server, spec: { ...server.spec, insecureSources, env } }) } };
}

export async function applyAll(kube: Kube, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) await kube.apply(object, { fieldManager, force: true });
}

/** Pods with living processes whose label `name` is `value`. */
export function runningPods({ cluster }: InstalledCluster, name: string, value: string): RunningPod[] {
  return cluster.node.pods().filter((pod) => pod.labels[name] === value);
}

/** Pods that serve PolicyServer `default`. */
export function servingPods(installed: InstalledCluster): RunningPod[] {
  return runningPods(installed, labels.policyServer, "default");
}

/** Waits until an object is as asked; fails with what was seen last. */
export async function untilObject(
  { kube, wait }: Stage,
  ref: ObjectRef,
  isRight: (object: KubeObject) => true | string,
): Promise<KubeObject> {
  let found: KubeObject | undefined;
  await until(`${ref.kind} "${ref.name}" as expected`, async () => {
    found = await kube.get(ref, { signal: wait.signal });
    return found === undefined ? "no such object" : isRight(found);
  }, wait);
  if (found === undefined) throw new Error("unreachable");
  return found;
}

/** Removes an object and waits until a controller has made it again. */
export async function removedAndMadeAgain(
  stage: Stage,
  ref: ObjectRef,
): Promise<{ old: KubeObject; made: KubeObject }> {
  const old = (await stage.kube.get(ref))!;
  await stage.kube.remove(ref);
  const made = await untilObject(stage, ref, ({ metadata }) => metadata.uid !== old.metadata.uid || "the old one");
  return { old, made };
}
