// pure
import { type AdmissionRequest, parseAdmissionReview } from "../../../contracts/admission.ts";
import { KubewardenError } from "../../../contracts/errors.ts";
import { jsonMembers } from "../../../contracts/json-members.ts";
import { requestFactsOf } from "../admission/request-facts.ts";
import type { Question } from "../admission/question.ts";

export type Endpoint = "validate" | "audit" | "validate_raw";

/** A request body: what it says, and its members as they were written, so that a guest gets the sender's own bytes. */
export type ReviewBody = { value: unknown; members: ReadonlyMap<string, string> };

/** The members a guest gets to see; what is absent or null stays out (reference/policy-server.md 0.3). */
const forwarded = [
  "uid",
  "kind",
  "resource",
  "subResource",
  "requestKind",
  "requestResource",
  "requestSubResource",
  "name",
  "namespace",
  "operation",
  "userInfo",
  "object",
  "oldObject",
  "dryRun",
  "options",
] as const satisfies (keyof AdmissionRequest)[];

/** Parses a body. Throws `SyntaxError` for what is no JSON, `RangeError` for what is nested too deep. */
export function parseReviewBody(text: string): ReviewBody {
  const value: unknown = JSON.parse(text);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return { value, members: isObject ? jsonMembers(text) : new Map() };
}

/** What a request body asks of a policy. Throws ADMISSION_REVIEW_INVALID if the JSON has another shape. */
export function questionOf(endpoint: Endpoint, policyId: string, { value, members }: ReviewBody): Question {
  const requestText = members.get("request");
  if (endpoint === "validate_raw") {
    if (requestText === undefined) {
      throw new KubewardenError("ADMISSION_REVIEW_INVALID", "missing field `request`");
    }
    const { request } = value as { request: unknown };
    return { policyId, uid: uidOf(request), purpose: "validate", text: requestText, original: "request" };
  }
  const request = parseAdmissionReview(value);
  const written = jsonMembers(requestText ?? "");
  const shown = forwarded.filter((name) => (written.get(name) ?? "null") !== "null");
  return {
    policyId,
    uid: request.uid,
    purpose: endpoint,
    namespace: request.namespace ?? undefined,
    text: `{${shown.map((name) => `"${name}":${written.get(name)}`).join(",")}}`,
    original: "object",
    facts: requestFactsOf(request),
  };
}

function uidOf(request: unknown): string {
  const uid = (request as { uid?: unknown } | null)?.uid;
  return typeof uid === "string" ? uid : "";
}
