// pure
import { type AdmissionResponse, admissionResponse } from "../../../contracts/admission.ts";
import type { PolicyAnswer } from "./policy-answer.ts";

/** What of a policy's configuration decides about its verdicts. */
export type VerdictRules = {
  policy: string;
  mode: "protect" | "monitor";
  allowedToMutate: boolean;
  /** Replaces the policy's own rejection message. */
  message?: string | undefined;
};

/** The plain response to a policy's answer, before any rule (reference/policy-server.md 2.7). */
export function responseTo(uid: string, answer: PolicyAnswer): AdmissionResponse {
  const { accepted, message, code, mutation, auditAnnotations = null, warnings = null } = answer;
  if (mutation?.kind === "nothing-to-mutate") {
    const message =
      "Incoming object is null, which happens only with DELETE operations, but the policy is attempting " +
      "a mutation. This is not allowed";
    return admissionResponse({ uid, allowed: false, status: { message } });
  }
  const patch = mutation === undefined ? {} : { patch: base64(mutation.patch) };
  const status = { ...(message === undefined ? {} : { message }), ...(code === undefined ? {} : { code }) };
  return admissionResponse({
    uid,
    allowed: accepted,
    ...patch,
    ...(Object.keys(status).length === 0 ? {} : { status }),
    auditAnnotations,
    warnings,
  });
}

/** Monitor mode, mutation constraint, custom message: in this order (reference/policy-server.md 2.6.9). */
export function applyVerdictRules(response: AdmissionResponse, rules: VerdictRules): AdmissionResponse {
  if (rules.mode === "monitor") return waveThrough(response);
  const constrained = rules.allowedToMutate ? response : refuseMutation(response, rules.policy);
  return rules.message === undefined ? constrained : withCustomMessage(constrained, rules.message);
}

/** What monitor mode makes of a response. */
export function waveThrough({ uid, auditAnnotations, warnings }: AdmissionResponse): AdmissionResponse {
  return admissionResponse({ uid, allowed: true, auditAnnotations, warnings });
}

function refuseMutation(response: AdmissionResponse, policy: string): AdmissionResponse {
  const { uid, patch, auditAnnotations, warnings } = response;
  if (patch === undefined) return response;
  const message =
    `Request rejected by policy ${policy}. The policy attempted to mutate the request, but it is currently ` +
    "configured to not allow mutations.";
  return admissionResponse({ uid, allowed: false, status: { message }, auditAnnotations, warnings });
}

function withCustomMessage(response: AdmissionResponse, message: string): AdmissionResponse {
  if (response.allowed) return response;
  const causes = [
    ...response.status?.details?.causes ?? [],
    { reason: null, message: response.status?.message ?? "", field: null },
  ];
  const status = { ...response.status, message, details: { ...response.status?.details, causes } };
  return admissionResponse({ ...response, status });
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}
