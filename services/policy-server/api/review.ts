// pure
import { type AdmissionRequest, parseAdmissionReview } from "../../../contracts/admission.ts";
import { KubewardenError } from "../../../contracts/errors.ts";
import { stringifyJson } from "../../../contracts/json.ts";
import type { Question } from "../admission/question.ts";

export type Endpoint = "validate" | "audit" | "validate_raw";

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

/** What a request body asks of a policy. Throws ADMISSION_REVIEW_INVALID if the JSON has another shape. */
export function questionOf(endpoint: Endpoint, policyId: string, body: unknown): Question {
  if (endpoint === "validate_raw") {
    const request = rawRequest(body);
    return { policyId, uid: uidOf(request), purpose: "validate", text: stringifyJson(request), original: "request" };
  }
  const request = parseAdmissionReview(body);
  const members = forwarded.filter((name) => request[name] !== undefined && request[name] !== null);
  return {
    policyId,
    uid: request.uid,
    purpose: endpoint,
    namespace: request.namespace ?? undefined,
    text: stringifyJson(Object.fromEntries(members.map((name) => [name, request[name]]))),
    original: "object",
  };
}

function rawRequest(body: unknown): unknown {
  if (typeof body === "object" && body !== null && Object.hasOwn(body, "request")) {
    return (body as { request: unknown }).request;
  }
  throw new KubewardenError("ADMISSION_REVIEW_INVALID", "missing field `request`");
}

function uidOf(request: unknown): string {
  const uid = (request as { uid?: unknown } | null | undefined)?.uid;
  return typeof uid === "string" ? uid : "";
}
