// pure
import { findCondition } from "../../contracts/conditions.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { viewOf } from "../../runtime/kube/object-view.ts";

/** What of a PolicyServer concerns its own key. */
export function serverView(server: KubeObject): unknown {
  return viewOf(server, { conditions: ["PolicyWebhooksCleanedUp"], fields: ["caBundle", "trustedCaDigest"] });
}

/**
 * What of a PolicyServer concerns its policies: which one it is, whether it goes away, its certificates, and since when it
 * has no ready pod.
 */
export function serverOfPolicyView(server: KubeObject): unknown {
  const { metadata, status } = server;
  const { caBundle = null } = (status ?? {}) as { caBundle?: string };
  const available = findCondition(server, "Available");
  const { status: answers = null, lastTransitionTime = null } = available ?? {};
  return [metadata.uid, metadata.deletionTimestamp ?? null, caBundle, answers, lastTransitionTime];
}

/** What of a policy: all of its status that decides, and not the mode it is served in. */
export function policyView(policy: KubeObject): unknown {
  return viewOf(policy, {
    conditions: ["PolicyServerConfigurationUpToDate", "PolicyUniquelyReachable", "PolicyActive"],
    fields: ["servedBy", "policyStatus"],
  });
}
