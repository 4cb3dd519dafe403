// pure
import type { KubeObject, ObjectMeta } from "../../../contracts/kubernetes.ts";
import { ownerReferenceTo } from "../../../contracts/kubernetes.ts";
import { commonLabels, labels, ownedObjectName } from "../../../contracts/names.ts";
import type { PolicyServer } from "../../../contracts/policy-server.ts";

/** Labels of everything the reconciler makes for a PolicyServer. Source: reference/controller.md 3.3. */
export function ownedLabels(policyServer: string): Record<string, string> {
  return { [labels.policyServer]: policyServer, ...commonLabels(policyServer) };
}

/** Metadata of an object that belongs to this PolicyServer and goes away with it. */
export function ownedMetadata(
  server: PolicyServer,
  namespace: string,
): ObjectMeta & { labels: Record<string, string> } {
  const { name } = server.metadata;
  return {
    name: ownedObjectName(name),
    namespace,
    labels: ownedLabels(name),
    ownerReferences: [ownerReferenceTo(server as KubeObject)],
  };
}

/** Leaves out members that are undefined, so that a plan reads as the object that is sent. */
export function withoutUndefined<T extends Record<string, unknown>>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
