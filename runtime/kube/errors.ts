// pure
import { type ErrorCode, KubewardenError } from "../../contracts/errors.ts";
import { parseJson } from "../../contracts/json.ts";

const codes: Record<number, ErrorCode> = {
  400: "KUBE_INVALID",
  401: "KUBE_UNAUTHORIZED",
  403: "KUBE_FORBIDDEN",
  404: "KUBE_NOT_FOUND",
  409: "KUBE_CONFLICT",
  410: "KUBE_GONE",
  422: "KUBE_INVALID",
  429: "KUBE_BUSY",
  503: "KUBE_BUSY",
  504: "KUBE_BUSY",
};

/** The error for a refusing answer; `what` reads like `apply Secret "ns/name"`. The message carries the server's words. */
export function kubeErrorFor(what: string, status: number, body: string | object): KubewardenError {
  const { message, reason } = typeof body === "string"
    ? readStatus(body)
    : body as { message?: string; reason?: string };
  const code = reason === "AlreadyExists" ? "KUBE_ALREADY_EXISTS" : codes[status] ?? "KUBE_FAILED";
  return new KubewardenError(code, `Cannot ${what}: ${message || `the API server answered ${status}`}`);
}

/** A `metav1.Status`, or the plain text that a proxy in front of the API server may send instead. */
function readStatus(body: string): { message?: string; reason?: string } {
  try {
    const status = parseJson(body);
    if (typeof status === "object" && status !== null) return status;
  } catch {
    // Not JSON: the text itself is the message.
  }
  return { message: body.trim().slice(0, 500) };
}
