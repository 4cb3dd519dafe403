// pure
import type { AdmissionResponse } from "../../../contracts/admission.ts";
import type { ErrorCode } from "../../../contracts/errors.ts";
import type { RequestFacts } from "../admission/request-facts.ts";
import type { VerdictRules } from "../admission/verdict-rules.ts";

/** One evaluation that came to an answer. */
export type ObservedEvaluation = {
  rules: VerdictRules;
  origin: "validate" | "audit";
  /** Absent for raw requests. */
  facts: RequestFacts | undefined;
  /** The policy's own answer, before mode, mutation constraint and message (reference/policy-server.md 2.6.15). */
  plain: AdmissionResponse;
  /** Time of the evaluation without the time it waited for a thread. */
  ms: number;
};

/** Is told of evaluations, for metrics. Both return at once and never throw. */
export type EvaluationObserver = {
  evaluated(evaluation: ObservedEvaluation): void;
  /** A policy that could not be made ready was asked. */
  notInitialized(policy: string, code: ErrorCode): void;
};
