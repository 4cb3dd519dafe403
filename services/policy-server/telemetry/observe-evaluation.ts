import type { AdmissionResponse } from "../../../contracts/admission.ts";
import type { Span } from "../../../runtime/telemetry/span.ts";
import type { Question } from "../admission/question.ts";
import type { RunGuest } from "../admission/run-policy.ts";
import type { VerdictRules } from "../admission/verdict-rules.ts";
import type { EvaluationObserver } from "./evaluation-observer.ts";
import { tracedRun } from "./guest-spans.ts";

/** Who is told of an evaluation; both may be absent. */
export type Observers = { evaluations?: EvaluationObserver | undefined; span?: Span | undefined };

/**
 * Watches one evaluation from here on: guests are to be run by `run`, and `answered` records the policy's plain answer and
 * hands it back.
 */
export function observeEvaluation(
  question: Question,
  { rules, run, evaluations, span }: Observers & { rules: VerdictRules; run: RunGuest },
): { run: RunGuest; answered: (plain: AdmissionResponse) => AdmissionResponse } {
  const started = performance.now();
  let waitedMs = 0;
  const begun = (ms: number) => void (waitedMs += ms);
  const traced = span === undefined ? run : tracedRun(run, (name, attributes) => span.child(name, attributes));
  return {
    run: (runnable, task, signal) => traced({ ...runnable, begun }, task, signal),
    answered(plain) {
      const ms = Math.max(0, performance.now() - started - waitedMs);
      evaluations?.evaluated({ rules, origin: question.purpose, facts: question.facts, plain, ms });
      return plain;
    },
  };
}
