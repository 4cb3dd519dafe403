// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";

export const services = ["certs", "reconciler", "webhook-registrar", "policy-server"] as const;
export type Service = (typeof services)[number];

/** The installation with one service left out: a controller's Deployment is dropped, policy servers get no replicas. */
export function withoutService(installation: readonly KubeObject[], service: Service): KubeObject[] {
  if (service !== "policy-server") return installation.filter((each) => !runs(each, service));
  return installation.map((each) =>
    each.kind === "ConfigMap" && each.data ? { ...each, data: withoutReplicas(each.data) } : each
  );
}

function runs(object: KubeObject, service: Service): boolean {
  type Spec = { template?: { spec?: { containers?: { args?: string[] }[] } } };
  const containers = (object.spec as Spec | undefined)?.template?.spec?.containers ?? [];
  return object.kind === "Deployment" && containers.some((container) => container.args?.[0] === service);
}

function withoutReplicas(data: unknown): Record<string, string> {
  const entries = Object.entries(data as Record<string, string>);
  return Object.fromEntries(entries.map(([key, text]) => [key, text.replace(/^(\s*replicas:) \d+$/gm, "$1 0")]));
}
