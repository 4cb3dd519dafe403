import { capabilityPatterns, formatCapabilities, isCapabilityGranted } from "../../../contracts/capabilities.ts";
import { messageOf } from "../../../contracts/errors.ts";
import type { Log } from "../../../runtime/telemetry/log.ts";
import type { HostReply, HostRequest } from "../guest/protocol.ts";
import type { Runnable } from "../policies/catalogue.ts";
import type { AnswerQuestion } from "./answer.ts";
import { type IsNamespaced, staysWithin } from "./confinement.ts";
import { type HostQuestion, parseQuestion } from "./questions.ts";
import { logForPolicy } from "./tracing.ts";

export type HostOptions = {
  /** Answers what the policy may ask. */
  answer: AnswerQuestion;
  isNamespaced: IsNamespaced;
  /** Whether policies of a namespace may ask the cluster only about that namespace. */
  confineNamespacedPolicies: boolean;
  /** Counts a refusal: `capability` is a known path, or `unknown`. */
  refused: (policy: string, capability: string) => void;
  log: Log;
};

/** On whose behalf a host call is answered, and what that policy may ask for. */
export type Asker = Pick<Runnable, "policy" | "capabilities" | "contextAwareResources" | "namespace" | "span">;
export type AnswerHostCall = (request: HostRequest, asker: Asker, signal: AbortSignal) => Promise<HostReply>;

/**
 * The one gate between guests and the world. Allow-lists come first: nothing is parsed, let alone done, for a policy
 * that has not been granted the call. Order and texts: reference/policy-server.md 5.1.
 */
export function hostCallAnswerer(options: HostOptions): AnswerHostCall {
  return async ({ binding, namespace, operation, payload }, asker, signal) => {
    if (binding !== "kubewarden") return refusal(`unknown binding: ${binding}`);
    const path = `${namespace}/${operation}`;
    if (namespace === "tracing") {
      if (operation !== "log") return refusal(`unknown operation: ${operation}`);
      logForPolicy(payload, { policy: asker.policy, span: asker.span, log: options.log });
      return { ok: true, bytes: new Uint8Array() };
    }
    if (!isCapabilityGranted(asker.capabilities, path)) {
      report(path, asker, options, { allowed_capabilities: formatCapabilities(asker.capabilities) });
      return refusal(`Policy has not been granted access to the '${path}' host capability. ${reported}`);
    }
    if (!capabilityPatterns.includes(`${namespace}/*`)) return refusal(`unknown namespace: ${namespace}`);
    if (!isKnown(path)) return refusal(`unknown operation: ${operation}`);
    let question: HostQuestion;
    try {
      question = parseQuestion(path, payload);
    } catch (error) {
      return refusal(messageOf(error));
    }
    const denied = resourceDenied(question, asker);
    if (denied !== undefined) {
      report(path, asker, options, { resource: denied, allowed_resources: asker.contextAwareResources });
      return refusal(`Policy has not been granted access to Kubernetes ${denied} resources. ${reported}`);
    }
    try {
      if (!await isWithinReach(question, asker, { ...options, signal })) {
        report(path, asker, options, { namespace: asker.namespace });
        return refusal(`Policy has not been granted access to anything outside of its own namespace. ${reported}`);
      }
      return { ok: true, bytes: await options.answer(question, signal) };
    } catch (error) {
      return refusal(`Callback evaluation failure: ${messageOf(error)}`);
    }
  };
}

const reported = "The violation has been reported.";

function isKnown(path: string): boolean {
  return capabilityPatterns.includes(path) && !path.endsWith("*");
}

/** Exact match against the resources that the policy's owner has named; `can_i` is not among what they bound. */
function resourceDenied(question: HostQuestion, { contextAwareResources }: Asker): string | undefined {
  switch (question.type) {
    case "KubernetesListResourceAll":
    case "KubernetesListResourceNamespace":
    case "KubernetesGetResource": {
      const { api_version, kind } = question;
      const named = contextAwareResources.some((each) => each.apiVersion === api_version && each.kind === kind);
      return named ? undefined : `${api_version}/${kind}`;
    }
    default:
      return undefined;
  }
}

type Reach = Pick<HostOptions, "isNamespaced" | "confineNamespacedPolicies"> & { signal: AbortSignal };

async function isWithinReach(question: HostQuestion, { namespace }: Asker, reach: Reach): Promise<boolean> {
  if (!reach.confineNamespacedPolicies || namespace === undefined) return true;
  return await staysWithin(namespace, question, reach);
}

function report(path: string, { policy }: Asker, { log, refused }: HostOptions, more: Record<string, unknown>): void {
  log.error("Policy tried to use a host capability it has not been granted", { policy, capability: path, ...more });
  refused(policy, isKnown(path) ? path : "unknown");
}

function refusal(message: string): HostReply {
  return { ok: false, message };
}
