import { messageOf } from "../../contracts/errors.ts";
import { type OwnerReference, ownerReferenceTo } from "../../contracts/kubernetes.ts";
import { backoffMs } from "../../runtime/backoff.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { Log } from "../../runtime/telemetry/log.ts";
import { sleep } from "../../runtime/sleep.ts";

const retry = { minMs: 200, maxMs: 10_000 };

/**
 * The deployments namespace as the owner of every webhook: with it they go, whoever still hangs on a finalizer. A
 * PolicyServer would not do as an owner for that reason, and Kubernetes waits until the last of several owners is gone.
 * Asked once, since its uid cannot change while this process runs in it; until there is an answer. `undefined` if there
 * is no such Namespace, as where the process runs outside of the cluster.
 */
export async function ownerOfWebhooks(
  { kube, namespace, log, signal }: { kube: Kube; namespace: string; log: Log; signal: AbortSignal },
): Promise<OwnerReference | undefined> {
  for (let attempt = 0;; attempt++) {
    try {
      const found = await kube.get({ apiVersion: "v1", kind: "Namespace", name: namespace }, { signal });
      if (found) return ownerReferenceTo(found);
      log.warn("the namespace does not exist, so no webhook goes with it", { namespace });
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      log.warn("cannot read the namespace that owns the webhooks, will try again", {
        namespace,
        error: messageOf(error),
      });
      await sleep(backoffMs(attempt, retry), signal);
    }
  }
}
