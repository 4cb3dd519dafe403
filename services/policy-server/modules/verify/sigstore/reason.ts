import { VerificationError } from "@sigstore/verify";
import { messageOf } from "../../../../../contracts/errors.ts";

/** What did not hold, in the library's words: its errors keep the more precise ones in their cause. */
export function reasonOf(error: unknown): string {
  const inner = error instanceof VerificationError ? error.cause : undefined;
  return inner === undefined ? messageOf(error) : `${messageOf(error)}: ${messageOf(inner)}`;
}
