import { labels, ownedObjectName } from "../../contracts/names.ts";
import { sha256Hex } from "../../runtime/digest.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import { sleep } from "../../runtime/sleep.ts";
import { isInvalid } from "./configuration.ts";
import type { Observed } from "./facts.ts";
import { pendingVersion, wouldBecomeReady } from "./wanted.ts";

type Options = { kube: Kube; signal: AbortSignal; settleMs?: number; longestMs?: number };

/**
 * Facts to act on, from `look`, which reads the caches. Policies often come in a row, as `kubectl apply -f folder` sends
 * them: before a rollout it looks again until nothing new came for a moment, so that they share one.
 */
export async function observeSettled(look: () => Observed, options: Options): Promise<Observed> {
  const { kube, signal, settleMs = 150, longestMs = 1500 } = options;
  let facts = look();
  for (let waitedMs = 0; waitedMs < longestMs; waitedMs += settleMs) {
    const pending = pendingVersion(facts, sha256Hex);
    if (pending === undefined) break;
    await sleep(settleMs, signal);
    facts = look();
    if (pendingVersion(facts, sha256Hex) === pending) break;
  }
  const invalid = facts.policies.some(isInvalid);
  return {
    ...facts,
    ...(invalid || wouldBecomeReady(facts, sha256Hex) ? await liveDeployment(kube, facts, signal) : {}),
    ...(invalid ? await liveConfigMaps(kube, facts, signal) : {}),
  };
}

// What was written for this server, live, since a cache may lag behind our own writes: the last good entry of an invalid
// policy would swing between two versions, and `PodsReady` would be said of the Deployment of a generation ago.

async function liveDeployment(kube: Kube, { name, settings: { namespace } }: Observed, signal: AbortSignal) {
  const fieldSelector = `metadata.name=${ownedObjectName(name)}`;
  const { items } = await kube.list({ apiVersion: "apps/v1", kind: "Deployment" }, {
    namespace,
    fieldSelector,
    signal,
  });
  return { deployment: items[0] };
}

async function liveConfigMaps(kube: Kube, { name, settings: { namespace } }: Observed, signal: AbortSignal) {
  const labelSelector = `${labels.policyServer}=${name}`;
  const { items } = await kube.list({ apiVersion: "v1", kind: "ConfigMap" }, { namespace, labelSelector, signal });
  return { configMaps: items };
}
