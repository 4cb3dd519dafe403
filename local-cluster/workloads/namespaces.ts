import { KubewardenError } from "../../contracts/errors.ts";
import { parseJson, stringifyJson } from "../../contracts/json.ts";
import { type KindRef, type KubeObject, refOf } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { WatchCache } from "../../runtime/kube/watch-cache.ts";
import type { Loop } from "./loop.ts";

/** Empties a namespace that is being deleted, then takes the `kubernetes` finalizer off its spec. */
export function namespaceLoop({ kube, namespaces }: { kube: Kube; namespaces: WatchCache }): Loop {
  return {
    name: "namespace-controller",
    sources: [{
      cache: namespaces,
      keysFor: ({ metadata }) => metadata.deletionTimestamp === undefined ? [] : [metadata.name],
    }],
    async reconcile(name, signal) {
      const namespace = await kube.get({ apiVersion: "v1", kind: "Namespace", name }, { signal });
      if (namespace?.metadata.deletionTimestamp === undefined) return undefined;
      const left = await removeContents(kube, name, signal);
      if (left > 0) return 200;
      const finalized = { ...namespace, spec: { ...(namespace.spec as object | undefined), finalizers: [] } };
      const { status, body } = await kube.request("PUT", `/api/v1/namespaces/${name}/finalize`, {
        body: stringifyJson(finalized),
        headers: { "Content-Type": "application/json" },
        signal,
      });
      if (status >= 300 && status !== 404) throw new KubewardenError("KUBE_FAILED", `Cannot finalize ${name}: ${body}`);
      return undefined;
    },
  };
}

/** Deletes every object of the namespace; answers how many are still there (pods end gracefully). */
async function removeContents(kube: Kube, namespace: string, signal: AbortSignal): Promise<number> {
  let left = 0;
  for (const kind of await namespacedKinds(kube, signal)) {
    const { items } = await kube.list(kind, { namespace, signal });
    for (const object of items) {
      left++;
      if (object.metadata.deletionTimestamp === undefined) await removeOne(kube, object, signal);
    }
  }
  return left;
}

async function removeOne(kube: Kube, object: KubeObject, signal: AbortSignal): Promise<void> {
  await kube.remove(refOf(object), { propagationPolicy: "Background", signal }).catch((error) => {
    // Replaced meanwhile: the next look sees the new one.
    if (!(error instanceof KubewardenError && error.code === "KUBE_CONFLICT")) throw error;
  });
}

/** Every kind with a namespace that can be listed and deleted, from discovery. */
async function namespacedKinds(kube: Kube, signal: AbortSignal): Promise<KindRef[]> {
  type Group = { preferredVersion: { groupVersion: string } };
  type Resource = { name: string; kind: string; namespaced: boolean; verbs: string[] };
  const groups = await read<{ groups: Group[] }>(kube, "/apis", signal);
  const groupVersions = ["v1", ...groups.groups.map((each) => each.preferredVersion.groupVersion)];
  const lists = await Promise.all(groupVersions.map(async (apiVersion) => {
    const path = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
    const { resources } = await read<{ resources: Resource[] }>(kube, path, signal);
    return resources.filter(({ name, namespaced, verbs }) =>
      namespaced && !name.includes("/") && verbs.includes("list") && verbs.includes("delete")
    ).map(({ kind }) => ({ apiVersion, kind }));
  }));
  return lists.flat();
}

async function read<T>(kube: Kube, path: string, signal: AbortSignal): Promise<T> {
  const { status, body } = await kube.request("GET", path, { signal });
  if (status !== 200) throw new KubewardenError("KUBE_FAILED", `Cannot read ${path}: ${status}`);
  return parseJson(body) as T;
}
