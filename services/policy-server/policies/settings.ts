// pure
import { KubewardenError } from "../../../contracts/errors.ts";
import type { RunGuest } from "../admission/run-policy.ts";
import type { Runnable } from "./catalogue.ts";

/**
 * The least time a policy has for its settings. It is the first run of a module, parts of which are compiled only now, on
 * a processor that all of them share: the limit of an evaluation would let a server start or not by chance.
 */
const leastTimeoutMs = 10_000;

/**
 * Asks a policy whether it takes its settings. Throws SETTINGS_INVALID with the policy's own words, or GUEST_FAILED
 * (reference/policy-server.md 3.7.3, 4.5.5).
 */
export async function assertSettings(runnable: Runnable, run: RunGuest, signal: AbortSignal): Promise<void> {
  const payload = new TextEncoder().encode(runnable.settings);
  const limited = { ...runnable, timeoutMs: Math.max(runnable.timeoutMs ?? 0, leastTimeoutMs) };
  const outcome = await run(limited, { operation: "validate_settings", payload }, signal);
  switch (outcome.kind) {
    case "settings":
      if (outcome.answer.valid) return;
      throw invalid(outcome.answer.message ?? "no message");
    case "invalid-answer":
      throw invalid(`error: ${outcome.message}`);
    case "timed-out":
      throw invalid("validate_settings exceeded the allowed execution time");
    case "failed":
      if (outcome.phase === "call") {
        throw invalid(
          `Error invoking settings validation callback: GuestCallFailure(${JSON.stringify(outcome.message)})`,
        );
      }
      throw new KubewardenError(
        "GUEST_FAILED",
        `WebAssembly failure: cannot rehydrate PolicyEvaluatorPre: ${outcome.message}`,
      );
    case "validated":
      throw new KubewardenError("GUEST_FAILED", `Policy "${runnable.policy}" answered another question`);
  }
}

function invalid(detail: string): KubewardenError {
  return new KubewardenError("SETTINGS_INVALID", `Policy settings are invalid: ${detail}`);
}
