// pure
import { KubewardenError, messageOf } from "../../../contracts/errors.ts";
import type { GuestTask, TaskOutcome } from "../guest/protocol.ts";
import type { ContextData, Runnable } from "../policies/catalogue.ts";
import { isRego } from "../policies/execution-mode.ts";
import { guestInput } from "./guest-input.ts";
import type { PolicyAnswer } from "./policy-answer.ts";

/** Runs a task of a policy in a sandbox; rejects only for an aborted signal and with OVERLOADED. */
export type RunGuest = (runnable: Runnable, task: GuestTask, signal: AbortSignal) => Promise<TaskOutcome>;

/** Whether a task was refused because too many wait: no answer of a policy, and nothing to decide upon. */
export function isOverload(error: unknown): boolean {
  return error instanceof KubewardenError && error.code === "OVERLOADED";
}

/** What every evaluation of one request shares. `text` is the request as JSON. */
export type GuestInput = { text: string; original: "object" | "request" };

/** Upstream's words for a guest that was stopped at its deadline (reference/policy-server.md 3.9.4). */
export const deadlineMessage = "Policy execution interrupted because it exceeded the allowed execution time";
const regoDeadlineMessage = "internal server error: guest code interrupted, execution deadline exceeded";

/**
 * One policy's answer to a request. What a guest does wrong during its call is an answer too: a rejection with code 500.
 * Throws GUEST_FAILED if the guest could not even be started (reference/policy-server.md 4.5).
 */
export async function runPolicy(
  runnable: Runnable,
  input: GuestInput,
  { run, signal }: { run: RunGuest; signal: AbortSignal },
): Promise<PolicyAnswer> {
  const { mode, settings, policy } = runnable;
  if (mode === "gatekeeper" && input.original === "request") {
    return failure("internal server error: Gatekeeper does not support raw validation requests");
  }
  let context: ContextData | undefined;
  try {
    context = await runnable.contextData?.(signal);
  } catch (error) {
    signal.throwIfAborted();
    return failure(messageOf(error));
  }
  const given = guestInput(mode, { request: input.text, settings, context: context?.json });
  const task = { operation: "validate" as const, ...given, original: input.original };
  const outcome = await run(withTimeLeft(runnable, context), task, signal);
  switch (outcome.kind) {
    case "validated":
      return outcome.answer;
    case "timed-out":
      return failure(isRego(mode) ? regoDeadlineMessage : outcome.lastWords ?? deadlineMessage);
    case "invalid-answer":
      return failure(`internal server error: ${outcome.message}`);
    case "failed":
      if (outcome.phase === "call") {
        return failure(`internal server error: ${isRego(mode) ? "" : "Guest call failure: "}${outcome.message}`);
      }
      throw new KubewardenError(
        "GUEST_FAILED",
        `Cannot start policy "${policy}": Initialization failed: ${outcome.message}`,
      );
    case "settings":
      throw new KubewardenError("GUEST_FAILED", `Policy "${policy}" answered another question`);
  }
}

/** What was waited for is part of the evaluation, whose time is limited as a whole. */
function withTimeLeft(runnable: Runnable, context: ContextData | undefined): Runnable {
  const { timeoutMs } = runnable;
  if (context === undefined || timeoutMs === undefined) return runnable;
  return { ...runnable, timeoutMs: Math.max(0, timeoutMs - context.tookMs) };
}

function failure(message: string): PolicyAnswer {
  return { accepted: false, message, code: 500, failed: true };
}
