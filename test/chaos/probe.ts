import { setTimeout } from "node:timers/promises";
import { messageOf } from "../../contracts/errors.ts";
import { callWebhook } from "../../local-cluster/admission/call.ts";
import type { ApiServer } from "../../local-cluster/api/server.ts";
import { registeredWebhooks } from "./invariants.ts";

/** Not a broken promise: nobody there for a moment, which is what kills do. */
const nobodyThere = /no endpoints available|connection refused|EOF|socket hang up|ECONN|deadline exceeded|disconnected/;

/**
 * Calls every registered webhook again and again as the API server would: by its Service, over TLS, trusting its bundle.
 * Kept is every answer that is none of a policy (404 above all) and every certificate that the bundle does not vouch for,
 * if the webhook still stands as it was called.
 */
export async function probeRegistered(
  api: ApiServer,
  signal: AbortSignal,
): Promise<{ broken: string[]; calls: number }> {
  const broken = new Set<string>();
  let calls = 0;
  while (!signal.aborted) {
    for (const { name, webhook } of registeredWebhooks(api.storage)) {
      const problem = await call(webhook);
      if (problem === undefined || nobodyThere.test(problem)) continue;
      const stands = registeredWebhooks(api.storage).some((each) => each.webhook === webhook);
      if (stands && !signal.aborted) broken.add(`webhook "${name}": ${problem}`);
    }
    await setTimeout(150, undefined, { signal }).catch(() => undefined); // Aborted: the loop ends.
  }
  return { broken: [...broken], calls };

  async function call(webhook: Record<string, unknown>): Promise<string | undefined> {
    try {
      calls++;
      await callWebhook(webhook, review, { resolveService: api.resolveService, signal });
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }
}

const pod = { group: "", version: "v1", kind: "Pod" };
const pods = { group: "", version: "v1", resource: "pods" };
const review = {
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: {
    uid: "1f0e8f6c-0000-4000-8000-000000000000",
    kind: pod,
    resource: pods,
    requestKind: pod,
    requestResource: pods,
    name: "probe",
    namespace: "default",
    operation: "CREATE",
    userInfo: { username: "probe" },
    object: {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "probe", namespace: "default" },
      spec: { containers: [{ name: "main", image: "registry.example/probe:1.0" }] },
    },
    oldObject: null,
    dryRun: true,
    options: { apiVersion: "meta.k8s.io/v1", kind: "CreateOptions" },
  },
};
