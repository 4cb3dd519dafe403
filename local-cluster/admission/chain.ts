import type { Admission, AdmissionContext } from "./admission.ts";
import { SeenConfigurations } from "./configurations.ts";
import { checkEscalation, checkNamespace, checkPodSecurity, completedPod } from "./plugins.ts";
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
