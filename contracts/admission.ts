// pure
import { z } from "zod";
import { issuesOf } from "./custom-resource.ts";
import { KubewardenError } from "./errors.ts";

/** `admission.k8s.io/v1` as it travels between an API server and a policy-server. Source: reference/policy-server.md 2. */

const text = z.string();
const optionalText = z.string().nullish();
const groupVersionKind = z.looseObject({ group: text, version: text, kind: text });
const groupVersionResource = z.looseObject({ group: text, version: text, resource: text });

const admissionRequest = z.looseObject({
  uid: text,
  kind: groupVersionKind,
  resource: groupVersionResource,
  subResource: optionalText,
  requestKind: groupVersionKind.nullish(),
  requestResource: groupVersionResource.nullish(),
  requestSubResource: optionalText,
  name: optionalText,
  namespace: optionalText,
  operation: text,
  userInfo: z.looseObject({
    username: optionalText,
    uid: optionalText,
    groups: z.array(text).nullish(),
    extra: z.record(text, z.array(text)).nullish(),
  }),
  object: z.unknown().optional(),
  oldObject: z.unknown().optional(),
  dryRun: z.boolean().nullish(),
  options: z.unknown().optional(),
});
const review = z.object({ kind: optionalText, apiVersion: optionalText, request: admissionRequest });

export type AdmissionRequest = z.infer<typeof admissionRequest>;

/**
 * The request of an AdmissionReview, as it was sent: unknown members and odd numbers included.
 * Throws `ADMISSION_REVIEW_INVALID` naming the member.
 */
export function parseAdmissionReview(value: unknown): AdmissionRequest {
  const parsed = review.safeParse(value);
  if (!parsed.success) throw new KubewardenError("ADMISSION_REVIEW_INVALID", issuesOf(parsed.error));
  return (value as { request: AdmissionRequest }).request;
}

/** `metav1.StatusReason` as an answer may carry it; source: reference/policy-server.md 2.5.5. */
export const statusReasons = [
  "",
  "Unauthorized",
  "Forbidden",
  "NotFound",
  "AlreadyExists",
  "Conflict",
  "Gone",
  "Invalid",
  "ServerTimeout",
  "Timeout",
  "TooManyRequests",
  "BadRequest",
  "MethodNotAllowed",
  "NotAcceptable",
  "RequestEntityTooLarge",
  "UnsupportedMediaType",
  "InternalError",
  "Expired",
  "ServiceUnavailable",
] as const;

/** One cause of a rejection; its members are written even when null. */
export type StatusCause = { reason: string | null; message: string | null; field: string | null };

export type StatusDetails = {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  retry_after_seconds?: number;
  causes?: StatusCause[];
};

/** Why a request was answered as it was; members that are not set are left out. */
export type ResponseStatus = {
  status?: "Success" | "Failure";
  message?: string;
  reason?: (typeof statusReasons)[number];
  details?: StatusDetails;
  code?: number;
};

/** The verdict on one request, in the order of its members on the wire. */
export type AdmissionResponse = {
  uid: string;
  allowed: boolean;
  patchType?: "JSONPatch";
  /** base64 of a JSON Patch. */
  patch?: string;
  status?: ResponseStatus;
  auditAnnotations: Record<string, string> | null;
  warnings: string[] | null;
};

/** A verdict with every member in its place and empty ones as the wire wants them: left out, or null. */
export function admissionResponse(
  { uid, allowed, patch, status, auditAnnotations, warnings }:
    & Pick<AdmissionResponse, "uid" | "allowed">
    & Partial<Omit<AdmissionResponse, "patchType">>,
): AdmissionResponse {
  return {
    uid,
    allowed,
    ...(patch === undefined ? {} : { patchType: "JSONPatch" as const, patch }),
    ...(status === undefined ? {} : { status: statusInOrder(status) }),
    auditAnnotations: auditAnnotations ?? null,
    warnings: warnings ?? null,
  };
}

function statusInOrder({ status, message, reason, details, code }: ResponseStatus): ResponseStatus {
  return {
    ...(status === undefined ? {} : { status }),
    ...(message === undefined ? {} : { message }),
    ...(reason === undefined ? {} : { reason }),
    ...(details === undefined ? {} : { details: detailsInOrder(details) }),
    ...(code === undefined ? {} : { code }),
  };
}

function detailsInOrder({ causes = [], ...rest }: StatusDetails): StatusDetails {
  return { ...rest, ...(causes.length === 0 ? {} : { causes }) };
}

/** The AdmissionReview that carries a verdict; the version is constant, whatever was asked in. */
export function admissionReviewOf(response: AdmissionResponse): Record<string, unknown> {
  return { kind: "AdmissionReview", apiVersion: "admission.k8s.io/v1", response };
}
