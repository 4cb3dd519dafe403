// pure
import type { policyLoadReasons } from "../../contracts/conditions.ts";
import type { ErrorCode } from "../../contracts/errors.ts";

type LoadReason = (typeof policyLoadReasons)[number];

/** Codes of `ErrorCode` that a policy server reports of single policies, beside those that begin with `DOWNLOAD_`. */
const reasonOfCode: Partial<Record<ErrorCode, LoadReason>> = {
  DNS_LOOKUP_FAILED: "ModuleFetchFailed",
  DOCKER_CONFIG_INVALID: "ModuleFetchFailed",
  GUEST_FAILED: "ModuleInvalid",
  MODULE_FETCH_FAILED: "ModuleFetchFailed",
  MODULE_INCOMPATIBLE: "ModuleInvalid",
  MODULE_INVALID: "ModuleInvalid",
  MODULE_UNSUPPORTED: "ModuleInvalid",
  SETTINGS_INVALID: "SettingsInvalid",
  TRUST_ROOT_UNAVAILABLE: "VerificationFailed",
  VERIFICATION_FAILED: "VerificationFailed",
  VERIFICATION_FILE_INVALID: "VerificationFailed",
};

/** The published reason for a code in a policy server's termination message. */
export function loadReasonOf(code: string): LoadReason {
  if (code.startsWith("DOWNLOAD_")) return "ModuleFetchFailed";
  return reasonOfCode[code as ErrorCode] ?? "PolicyLoadFailed";
}
