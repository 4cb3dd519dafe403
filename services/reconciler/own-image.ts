import type { Kube } from "../../runtime/kube/kube.ts";

type Options = { kube: Kube; env: Readonly<Record<string, string | undefined>>; override: string };

/**
 * The image that PolicyServers run which name none: the one given, else the one of this process's own pod (by POD_NAME
 * and POD_NAMESPACE). Undefined where neither is known. One image holds all services.
 */
export function ownImageReader({ kube, env, override }: Options): (signal: AbortSignal) => Promise<string | undefined> {
  let known: string | undefined = override || undefined;
  return async (signal) => {
    const { POD_NAME: name, POD_NAMESPACE: namespace } = env;
    if (known !== undefined || !name || !namespace) return known;
    const pod = await kube.get({ apiVersion: "v1", kind: "Pod", name, namespace }, { signal });
    const { containers = [] } = (pod?.spec ?? {}) as { containers?: { name: string; image?: string }[] };
    known = (containers.find((each) => each.name === "reconciler") ?? containers[0])?.image;
    return known;
  };
}
