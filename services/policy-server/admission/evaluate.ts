import { type AdmissionResponse, admissionResponse } from "../../../contracts/admission.ts";
import { messageOf } from "../../../contracts/errors.ts";
import type { Log } from "../../../runtime/telemetry/log.ts";
import type { Catalogue, CataloguedPolicy } from "../policies/catalogue.ts";
import { parsePolicyId } from "../policies/policy-id.ts";
import { brokenMessage } from "../policies/problems.ts";
import { observeEvaluation, type Observers } from "../telemetry/observe-evaluation.ts";
import { evaluateGroup } from "./group.ts";
import type { Question } from "./question.ts";
import { isOverload, type RunGuest, runPolicy } from "./run-policy.ts";
import { applyVerdictRules, responseTo, waveThrough } from "./verdict-rules.ts";

export type Evaluation =
  | { kind: "answered"; response: AdmissionResponse }
  | { kind: "unknown-policy" }
  /** Too many requests wait already; asking again later may help. */
  | { kind: "overloaded" }
  /** Nothing that a policy decided; the text is for our log only. */
  | { kind: "failed"; message: string };

export type EvaluationContext = Observers & {
  catalogue: Catalogue;
  run: RunGuest;
  log: Log;
  alwaysAcceptNamespace?: string | undefined;
};

/** The whole story of one request, below the API and above the sandbox (reference/policy-server.md 2.6). */
export async function evaluate(
  question: Question,
  context: EvaluationContext,
  signal: AbortSignal,
): Promise<Evaluation> {
  const { policyId, uid, namespace, purpose } = question;
  const id = parsePolicyId(policyId);
  if (id === undefined) return { kind: "failed", message: `Not a valid Policy ID: ${policyId}` };
  // Members are part of their group; they do not answer on their own.
  const policy = id.member === undefined ? context.catalogue.get(id.name) : undefined;
  if (policy === undefined) return { kind: "unknown-policy" };
  const { run, answered } = observeEvaluation(question, { ...context, rules: policy.rules });
  if (namespace !== undefined && namespace === context.alwaysAcceptNamespace) {
    return { kind: "answered", response: answered(admissionResponse({ uid, allowed: true })) };
  }
  if (policy.kind === "broken") {
    const { rules, problems } = policy;
    context.evaluations?.notInitialized(rules.policy, problems[0]?.code ?? "GUEST_FAILED");
    const status = { message: brokenMessage(policyId, problems), code: 500 };
    const plain = admissionResponse({ uid, allowed: false, status });
    // Its mode decides what that means, as it does for an answer; upstream rejects in monitor mode, too.
    return {
      kind: "answered",
      response: purpose === "validate" && rules.mode === "monitor" ? waveThrough(plain) : plain,
    };
  }
  try {
    const plain = answered(await plainResponse(policy, question, run, signal));
    if (purpose === "audit") return { kind: "answered", response: plain };
    if (policy.rules.mode === "monitor") logMonitored(context.log, plain, policy);
    return { kind: "answered", response: applyVerdictRules(plain, policy.rules) };
  } catch (error) {
    if (signal.aborted) throw error;
    if (isOverload(error)) return { kind: "overloaded" };
    return { kind: "failed", message: messageOf(error) };
  }
}

async function plainResponse(
  policy: Exclude<CataloguedPolicy, { kind: "broken" }>,
  question: Question,
  run: RunGuest,
  signal: AbortSignal,
): Promise<AdmissionResponse> {
  if (policy.kind === "policy") {
    return responseTo(question.uid, await runPolicy(policy.runnable, question, { run, signal }));
  }
  return await evaluateGroup(question.uid, policy, (member) => runPolicy(member, question, { run, signal }));
}

function logMonitored(log: Log, response: AdmissionResponse, { rules }: CataloguedPolicy): void {
  log.info("policy evaluation (monitor mode)", {
    policy_id: rules.policy,
    allowed_to_mutate: rules.allowedToMutate,
    mutated: response.patch !== undefined,
    // A patch holds parts of the object, which may be a Secret.
    response: { ...response, patch: undefined },
  });
}
