import { randomUUID } from "node:crypto";
import { messageOf } from "../../contracts/errors.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { equalJson } from "../schema/clone.ts";
import type { AdmissionAttributes, AdmissionContext } from "./admission.ts";
import { callWebhook } from "./call.ts";
import type { SeenConfigurations } from "./configurations.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { type Webhook, webhookMatches } from "./match.ts";
import { conditionsHold } from "./match-conditions.ts";
import { callFailure, denial, patchedObject, reviewRequestFor, type Verdict, verdictOf } from "./review.ts";
import { StatusError } from "../schema/status-error.ts";

/** Writes of webhook configurations themselves go to no webhook, or a broken one could never be repaired. */
const exempt = new Set(["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]);

type Dispatch = { readonly context: AdmissionContext; readonly seen: SeenConfigurations; readonly signal: AbortSignal };

/** Calls the mutating webhooks one after the other, each with what the one before left. */
export async function runMutatingWebhooks(
  attributes: AdmissionAttributes,
  dispatch: Dispatch,
): Promise<{ object: KubeObject | undefined; warnings: string[] }> {
  const warnings: string[] = [];
  let object = attributes.object;
  if (isExempt(attributes)) return { object, warnings };
  const invoke = async (webhook: Webhook): Promise<boolean> => {
    const current = { ...attributes, ...(object ? { object } : {}) };
    const verdict = await ask(webhook, current, dispatch, true);
    if (!verdict) return false;
    warnings.push(...verdict.warnings);
    if (verdict.patch === undefined || !object) return false;
    const patched = tolerant(webhook, () => patchWith(object as KubeObject, verdict.patch));
    if (!patched || equalJson(patched, object)) return false;
    object = dispatch.context.renormalize(attributes.type, patched);
    return true;
  };
  const webhooks = dispatch.seen.webhooks("mutating");
  let lastChange = -1;
  for (const [index, webhook] of webhooks.entries()) if (await invoke(webhook)) lastChange = index;
  for (const [index, webhook] of webhooks.entries()) {
    // A second look, once, for those that asked for it and whose object was changed after them.
    if (webhook.reinvocationPolicy === "IfNeeded" && index < lastChange) await invoke(webhook);
  }
  return { object, warnings };
}

/** Calls all matching validating webhooks at once; the first refusal in their order is the answer. */
export async function runValidatingWebhooks(attributes: AdmissionAttributes, dispatch: Dispatch): Promise<string[]> {
  if (isExempt(attributes)) return [];
  const asked = dispatch.seen.webhooks("validating").map((webhook) => ask(webhook, attributes, dispatch, false));
  const answers = await Promise.allSettled(asked);
  const refused = answers.find((each) => each.status === "rejected");
  if (refused) throw refused.reason;
  return answers.flatMap((each) => each.status === "fulfilled" ? each.value?.warnings ?? [] : []);
}

function isExempt({ type }: AdmissionAttributes): boolean {
  return type.group === "admissionregistration.k8s.io" && exempt.has(type.kind);
}

/** One webhook's verdict; undefined where it was not asked or failed under failurePolicy Ignore. Denials are thrown. */
async function ask(
  webhook: Webhook,
  attributes: AdmissionAttributes,
  { context, signal }: Dispatch,
  mutating: boolean,
): Promise<Verdict | undefined> {
  if (!webhookMatches(webhook, attributes, context.reader) || !conditionsHold(webhook, attributes)) return undefined;
  const uid = randomUUID();
  const review = {
    kind: "AdmissionReview",
    apiVersion: "admission.k8s.io/v1",
    request: reviewRequestFor(attributes, uid),
  };
  let verdict: Verdict;
  try {
    verdict = verdictOf(await callWebhook(webhook, review, { ...context, signal }), uid, mutating);
  } catch (error) {
    signal.throwIfAborted();
    return tolerant(webhook, () => {
      throw error;
    });
  }
  if (!verdict.allowed) throw denial(String(webhook.name), verdict.result);
  return verdict;
}

/** Runs what may fail for the webhook's own fault: under failurePolicy Ignore that is as if it had not been asked. */
function tolerant<T>(webhook: Webhook, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof StatusError) throw error;
    if (webhook.failurePolicy === "Ignore") return undefined;
    throw callFailure(String(webhook.name), messageOf(error));
  }
}

function patchWith(object: KubeObject, patch: unknown): KubeObject {
  const patched = applyJsonPatch(object, patch);
  if (typeof patched === "string") throw new Error(`the webhook's patch cannot be applied: ${patched}`);
  return patchedObject(patched.value);
}
