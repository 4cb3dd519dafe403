// pure

/** Every code a `KubewardenError` may carry; callers decide by code, never by text. Keep sorted. */
export type ErrorCode =
  | "ADDRESS_UNAVAILABLE"
  | "ADMISSION_REVIEW_INVALID"
  | "CAPABILITY_INVALID"
  | "CLUSTER_ADDRESS_UNAVAILABLE"
  | "CONFIG_INVALID"
  | "CUSTOM_RESOURCE_INVALID"
  | "DNS_LOOKUP_FAILED"
  | "DOCKER_CONFIG_INVALID"
  | "DOWNLOAD_BUSY"
  | "DOWNLOAD_CERTIFICATE_EXPIRED"
  | "DOWNLOAD_CERTIFICATE_UNTRUSTED"
  | "DOWNLOAD_CREDENTIAL_HELPER_FAILED"
  | "DOWNLOAD_DIGEST_MISMATCH"
  | "DOWNLOAD_FAILED"
  | "DOWNLOAD_FORBIDDEN"
  | "DOWNLOAD_INSECURE_REFUSED"
  | "DOWNLOAD_LAYERS_INVALID"
  | "DOWNLOAD_MEDIA_TYPE_INVALID"
  | "DOWNLOAD_NOT_FOUND"
  | "DOWNLOAD_PROXY_FAILED"
  | "DOWNLOAD_REDIRECT_REFUSED"
  | "DOWNLOAD_SERVER_FAILED"
  | "DOWNLOAD_STORE_FAILED"
  | "DOWNLOAD_TOO_LARGE"
  | "DOWNLOAD_TRUNCATED"
  | "DOWNLOAD_UNAUTHORIZED"
  | "DOWNLOAD_URL_INVALID"
  | "GROUP_EXPRESSION_INVALID"
  | "GUEST_FAILED"
  | "HOST_CALL_FAILED"
  | "KUBE_ALREADY_EXISTS"
  | "KUBE_BUSY"
  | "KUBE_CONFLICT"
  | "KUBE_FAILED"
  | "KUBE_FORBIDDEN"
  | "KUBE_GONE"
  | "KUBE_INVALID"
  | "KUBE_NOT_FOUND"
  | "KUBE_UNAUTHORIZED"
  | "KUBE_UNREACHABLE"
  | "LEASE_LOST"
  | "MODULE_FETCH_FAILED"
  | "MODULE_INCOMPATIBLE"
  | "MODULE_INVALID"
  | "MODULE_UNSUPPORTED"
  | "OVERLOADED"
  | "POLICIES_FILE_INVALID"
  | "POLICIES_INVALID"
  | "PROFILE_RUNNING"
  | "RECORDING_INVALID"
  | "SETTINGS_INVALID"
  | "SOURCES_FILE_INVALID"
  | "TRUST_ROOT_UNAVAILABLE"
  | "USAGE"
  | "VERIFICATION_FAILED"
  | "VERIFICATION_FILE_INVALID"
  | "WRITES_FAILED";

/**
 * The one error class of this project: what was attempted, on which thing, why it failed, and the cause.
 * The message is a sentence for a person and never holds a secret.
 */
export class KubewardenError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "KubewardenError";
    this.code = code;
  }
}

/** The message of any thrown value, for logs and conditions. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
