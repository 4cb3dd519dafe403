// pure
import type { AdmissionRequest } from "../../../contracts/admission.ts";

/** What metrics and traces say of a request: what it is about, and nothing of the object itself. */
export type RequestFacts = Pick<
  AdmissionRequest,
  "kind" | "resource" | "subResource" | "requestKind" | "name" | "namespace" | "operation"
>;

/** Only these, so that the object itself can be forgotten while the policy runs. */
export function requestFactsOf(request: AdmissionRequest): RequestFacts {
  const { kind, resource, subResource, requestKind, name, namespace, operation } = request;
  return { kind, resource, subResource, requestKind, name, namespace, operation };
}
