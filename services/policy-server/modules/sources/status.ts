// pure
import { type ErrorCode, KubewardenError } from "../../../../contracts/errors.ts";

/** Answers that another moment may change. */
export const transientStatuses: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Failures that another moment may change: of networks, not of what was asked for. */
export function isTransient(error: unknown): boolean {
  const codes: readonly ErrorCode[] = ["DOWNLOAD_FAILED", "DOWNLOAD_TRUNCATED", "DOWNLOAD_PROXY_FAILED"];
  return error instanceof KubewardenError && codes.includes(error.code);
}

/** The error of an answer that is not what was asked for; `url` without credentials. */
export function statusError(url: string, status: number, why = ""): KubewardenError {
  const [code, words] = meaningOf(status);
  const detail = why === "" ? "" : `: ${why}`;
  return new KubewardenError(code, `Cannot download "${url}": the server answered ${status}, ${words}${detail}`);
}

function meaningOf(status: number): [ErrorCode, string] {
  if (status === 401) return ["DOWNLOAD_UNAUTHORIZED", "it wants other credentials"];
  if (status === 403) return ["DOWNLOAD_FORBIDDEN", "it does not allow this"];
  if (status === 404 || status === 410) return ["DOWNLOAD_NOT_FOUND", "there is no such thing"];
  if (status === 408 || status === 425 || status === 429) return ["DOWNLOAD_BUSY", "it was asked too often"];
  if (status >= 500) return ["DOWNLOAD_SERVER_FAILED", "it failed"];
  return ["DOWNLOAD_FAILED", "which is no answer to this"];
}
