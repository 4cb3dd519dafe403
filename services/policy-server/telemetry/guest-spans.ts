// pure
import { messageOf } from "../../../contracts/errors.ts";
import type { Span, SpanAttributes } from "../../../runtime/telemetry/span.ts";
import type { RunGuest } from "../admission/run-policy.ts";

/** A span for each run of a guest, named after what it is asked: `validate` or `validate_settings`. */
export function tracedRun(
  run: RunGuest,
  start: (name: string, attributes: SpanAttributes) => Span | undefined,
): RunGuest {
  return async (runnable, task, signal) => {
    const span = start(task.operation, { policy_id: runnable.policy });
    if (span === undefined) return await run(runnable, task, signal);
    try {
      // Host calls of this run find their span there.
      const outcome = await run({ ...runnable, span }, task, signal);
      span.set({ outcome: outcome.kind });
      if (outcome.kind === "failed" || outcome.kind === "invalid-answer") span.fail(outcome.message);
      if (outcome.kind === "timed-out") span.fail("timed out");
      return outcome;
    } catch (error) {
      span.fail(messageOf(error));
      throw error;
    } finally {
      span.end();
    }
  };
}
