import { setTimeout as sleep } from "node:timers/promises";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { ObjectReader } from "../auth/object-reader.ts";
import type { Admission, AdmissionAttributes, AdmissionContext } from "./admission.ts";
import { SeenConfigurations } from "./configurations.ts";
import { accountOf, checkEscalation, checkNamespace, checkPodSecurity, completedPod } from "./plugins.ts";
import { runMutatingWebhooks, runValidatingWebhooks } from "./webhooks.ts";

/** The admission chain of an API server: built-in plugins and webhooks, in Kubernetes' order. */
export function createAdmission(context: AdmissionContext): Admission {
  const { reader } = context;
  const seen = new SeenConfigurations(reader, context.configurationDelayMs ?? (() => 0));
  return {
    async mutate(attributes, signal) {
      checkNamespace(attributes, reader);
      const { type, operation, object, subresource } = attributes;
      const isNewPod = type.group === "" && type.kind === "Pod" && operation === "CREATE" && !subresource;
      if (isNewPod && object) await defaultAccountOf(object, attributes, { reader, signal });
      const completed = isNewPod && object ? completedPod(object, attributes, reader) : object;
      const current = completed ? { ...attributes, object: completed } : attributes;
      return await runMutatingWebhooks(current, { context, seen, signal });
    },
    async validate(attributes, signal) {
      const warnings = ["CREATE", "UPDATE"].includes(attributes.operation) ? checkPodSecurity(attributes, reader) : [];
      checkEscalation(attributes, reader);
      return { warnings: [...warnings, ...await runValidatingWebhooks(attributes, { context, seen, signal })] };
    },
    configurationChanged: () => seen.changed(),
    stop: () => seen.stop(),
  };
}

/** A new namespace has its `default` ServiceAccount a moment later: upstream looks ten times before it refuses a Pod. */
async function defaultAccountOf(
  pod: KubeObject,
  attributes: AdmissionAttributes,
  { reader, signal }: { reader: ObjectReader; signal: AbortSignal },
): Promise<void> {
  const account = accountOf(pod, attributes);
  if (account.name !== "default") return;
  for (let attempt = 1; attempt < 10; attempt++) {
    if (reader.get({ apiVersion: "v1", kind: "ServiceAccount", ...account })) return;
    await sleep(150, undefined, { signal });
  }
}
