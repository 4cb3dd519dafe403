import { messageOf } from "../../../contracts/errors.ts";
import type { Span, SpanAttributes, Tracer } from "../../../runtime/telemetry/span.ts";
import type { Evaluation } from "../admission/evaluate.ts";
import type { Question } from "../admission/question.ts";
import type { Endpoint } from "../api/review.ts";

/** `host` is the name of the machine or pod. */
export type Tracing = { tracer: Tracer; host: string };

const names = { validate: "validation", audit: "audit", validate_raw: "validation_raw" } as const;

/**
 * Begins the span of one request, inside the trace its headers tell of. Names and fields: reference/policy-server.md 8.3;
 * nothing of the object is among them.
 */
export function startRequestSpan(
  { tracer, host }: Tracing,
  { endpoint, question, headers }: { endpoint: Endpoint; question: Question; headers: Headers },
): Span | undefined {
  const { policyId, uid, facts } = question;
  return tracer.start(names[endpoint], {
    headers,
    attributes: {
      request_uid: uid,
      host,
      policy_id: policyId,
      ...(facts === undefined ? {} : {
        name: facts.name ?? "",
        namespace: facts.namespace ?? "",
        operation: facts.operation,
        subresource: facts.subResource ?? "",
        kind_group: facts.kind.group,
        kind_version: facts.kind.version,
        kind: facts.kind.kind,
        resource_group: facts.resource.group,
        resource_version: facts.resource.version,
        resource: facts.resource.resource,
      }),
    },
  });
}

/** Ends the span with the evaluation, whatever comes of it, and hands its outcome on. */
export async function endWith(span: Span, evaluation: Promise<Evaluation>): Promise<Evaluation> {
  try {
    const outcome = await evaluation;
    if (outcome.kind === "answered") span.set(answerAttributes(outcome));
    else span.fail(outcome.kind === "failed" ? outcome.message : outcome.kind);
    return outcome;
  } catch (error) {
    span.fail(messageOf(error));
    throw error;
  } finally {
    span.end();
  }
}

function answerAttributes({ response }: Evaluation & { kind: "answered" }): SpanAttributes {
  const { allowed, patch, status } = response;
  return {
    allowed,
    mutated: patch !== undefined,
    response_code: status?.code,
    response_message: status?.message,
  };
}
