import { KubewardenError } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { WatchCache } from "../../runtime/kube/watch-cache.ts";
import type { Loop } from "./loop.ts";

/** Gives every namespace its `default` ServiceAccount and the ConfigMap `kube-root-ca.crt` that pods mount. */
export function serviceAccountLoop(
  { kube, namespaces, serviceAccounts, caPem }: {
    kube: Kube;
    namespaces: WatchCache;
    serviceAccounts: WatchCache;
    caPem: string;
  },
): Loop {
  return {
    name: "serviceaccount-controller",
    sources: [
      { cache: namespaces, keysFor: ({ metadata }) => [metadata.name] },
      { cache: serviceAccounts, keysFor: ({ metadata }) => [metadata.namespace ?? ""] },
    ],
    async reconcile(namespace, signal) {
      const known = namespaces.get(namespace);
      if (!known || known.metadata.deletionTimestamp !== undefined) return undefined;
      const created = [
        { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace } },
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: "kube-root-ca.crt", namespace },
          data: { "ca.crt": caPem },
        },
      ];
      for (const object of created) await createMissing(kube, object, signal);
      return undefined;
    },
  };
}

async function createMissing(kube: Kube, object: KubeObject, signal: AbortSignal): Promise<void> {
  const { name, namespace } = object.metadata;
  if (await kube.get({ apiVersion: object.apiVersion, kind: object.kind, name, namespace }, { signal })) return;
  await kube.create(object, { signal }).catch((error) => {
    if (!(error instanceof KubewardenError && error.code === "KUBE_ALREADY_EXISTS")) throw error;
  });
}
