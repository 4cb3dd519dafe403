import { parseJson } from "../../contracts/json.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { userInfoOf } from "../auth/reviews.ts";
import { recordAt, strings } from "../schema/builtin/access.ts";
import { isRecord } from "../schema/schema.ts";
import { type FailureStatus, StatusError } from "../schema/status-error.ts";
import type { AdmissionAttributes } from "./admission.ts";

const apiVersion = "admission.k8s.io/v1";

/** The `request` of an AdmissionReview v1, as the API server sends it. */
export function reviewRequestFor(attributes: AdmissionAttributes, uid: string): Record<string, unknown> {
  const { type: { group, version, kind, plural }, subresource, name, namespace, operation, user } = attributes;
  const gvk = { group, version, kind }, gvr = { group, version, resource: plural };
  return {
    uid,
    kind: gvk,
    resource: gvr,
    ...(subresource ? { subResource: subresource } : {}),
    requestKind: gvk,
    requestResource: gvr,
    ...(subresource ? { requestSubResource: subresource } : {}),
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    operation,
    userInfo: userInfoOf(user),
    object: attributes.object ?? null,
    oldObject: attributes.oldObject ?? null,
    dryRun: attributes.dryRun,
    options: attributes.options,
  };
}

/** What a webhook said, checked; `patch` only from a mutating one. */
export type Verdict = {
  readonly allowed: boolean;
  readonly warnings: readonly string[];
  readonly patch?: unknown;
  readonly result: Record<string, unknown>;
};

/**
 * Checks an answer as `VerifyAdmissionResponse` does. Throws an Error whose message completes "failed calling webhook":
 * the failurePolicy decides what becomes of it.
 */
export function verdictOf(answer: string, uid: string, mutating: boolean): Verdict {
  const review: unknown = parseJson(answer);
  if (!isRecord(review)) throw new Error("webhook response is no AdmissionReview");
  const response = recordAt(review, "response");
  if (!response) throw new Error("webhook response was absent");
  if (response.uid !== uid) {
    throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? "")}`);
  }
  if (review.apiVersion !== apiVersion || review.kind !== "AdmissionReview") {
    throw new Error(
      `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${review.apiVersion ?? ""}, ` +
        `Kind=${review.kind ?? ""}`,
    );
  }
  const { patch, patchType } = response;
  const hasPatch = typeof patch === "string" && patch !== "";
  if (!mutating && hasPatch) throw new Error("validating webhook may not return response.patch");
  if (!mutating && patchType !== undefined && patchType !== null) {
    throw new Error("validating webhook may not return response.patchType");
  }
  if (hasPatch && (patchType === undefined || patchType === null)) {
    throw new Error("webhook returned response.patch but not response.patchType");
  }
  if (!hasPatch && patchType !== undefined && patchType !== null) {
    throw new Error("webhook returned response.patchType but not response.patch");
  }
  if (hasPatch && patchType !== "JSONPatch") {
    throw new Error(`webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`);
  }
  return {
    allowed: response.allowed === true,
    warnings: strings(response.warnings),
    result: recordAt(response, "status") ?? {},
    ...(hasPatch ? { patch: parseJson(Buffer.from(patch, "base64").toString("utf8")) } : {}),
  };
}

/** The failure a client gets for a denied request (`webhookerrors.ToStatusErr`). */
export function denial(webhook: string, result: Record<string, unknown>): StatusError {
  const denied = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const { message, reason, code, details } = result;
  const words = typeof message === "string" && message !== ""
    ? `: ${message}`
    : typeof reason === "string" && reason !== ""
    ? `: ${reason}`
    : " without explanation";
  return new StatusError(
    typeof code === "number" && code >= 400 ? code : 400,
    typeof reason === "string" && reason !== "" ? reason : undefined,
    `${denied}${words}`,
    isRecord(details) ? details as FailureStatus["details"] : undefined,
  );
}

/** The failure where a webhook could not be asked and its failurePolicy is Fail. */
export function callFailure(webhook: string, why: string): StatusError {
  const message = `failed calling webhook ${JSON.stringify(webhook)}: ${why}`;
  return new StatusError(500, "InternalError", `Internal error occurred: ${message}`, {
    causes: [{ reason: "", message }],
  });
}

/** The object a patch left, or an Error where it is none. */
export function patchedObject(value: unknown): KubeObject {
  if (!isRecord(value) || !isRecord(value.metadata) || typeof value.kind !== "string") {
    throw new Error("the patch does not leave an object");
  }
  return value as KubeObject;
}
