// pure

/** Every code a `KubewardenError` may carry; callers decide by code, never by text. Keep sorted. */
export type ErrorCode =
  | "CONFIG_INVALID"
  | "USAGE";

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
