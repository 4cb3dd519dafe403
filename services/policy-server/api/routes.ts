import { admissionReviewOf } from "../../../contracts/admission.ts";
import { messageOf } from "../../../contracts/errors.ts";
import { stringifyJson } from "../../../contracts/json.ts";
import type { Refusal as ServerRefusal } from "../../../runtime/http/server.ts";
import { respond } from "../../../runtime/http/respond.ts";
import { evaluate, type EvaluationContext } from "../admission/evaluate.ts";
import type { Question } from "../admission/question.ts";
import { endWith, startRequestSpan, type Tracing } from "../telemetry/request-span.ts";
import { type Endpoint, parseReviewBody, questionOf, type ReviewBody } from "./review.ts";

/**
 * Object and old object of the largest size an API server takes, with room to spare. Upstream's 2 MiB is too little
 * (reference/policy-server.md 12.8).
 */
export const maxBodyBytes = 8 * 1024 * 1024;

const path = /^\/(validate|audit|validate_raw)\/([^/]+)$/;

/** `tracing` undefined: no spans at all. */
export type ApiContext = Omit<EvaluationContext, "span"> & { tracing?: Tracing | undefined };

/** The API as one web-standard function: `POST /validate|audit|validate_raw/<id>` (reference/policy-server.md 2). */
export function apiHandler(context: ApiContext): (request: Request) => Promise<Response> {
  return async (request) => {
    const [, endpoint, segment] = path.exec(new URL(request.url).pathname) ?? [];
    const policyId = segment === undefined ? undefined : decoded(segment);
    if (endpoint === undefined || policyId === undefined) return respond(404, {}, null);
    if (request.method !== "POST") return respond(405, { allow: "POST" }, null);
    const question = await readQuestion(endpoint as Endpoint, policyId, request);
    if ("status" in question) return bodyRefused(endpoint as Endpoint, question);
    return await answer(endpoint as Endpoint, question, { context, request });
  };
}

async function answer(
  endpoint: Endpoint,
  question: Question,
  { context, request: { headers, signal } }: { context: ApiContext; request: Request },
): Promise<Response> {
  const { policyId } = question;
  const started = performance.now();
  const span = context.tracing && startRequestSpan(context.tracing, { endpoint, question, headers });
  const evaluation = span === undefined
    ? await evaluate(question, context, signal)
    : await endWith(span, evaluate(question, { ...context, span }, signal));
  const ms = Math.round(performance.now() - started);
  const fields = { policy: policyId, endpoint, uid: question.uid, ms, trace_id: span?.traceId };
  if (evaluation.kind === "unknown-policy") return problem(404, `unknown policy: ${policyId}`);
  if (evaluation.kind === "overloaded") {
    // An API server asks again by itself, within the webhook's time.
    return json(429, { message: "Too many requests wait for this policy server", status: 429 }, { "retry-after": "1" });
  }
  if (evaluation.kind === "failed") {
    context.log.error(`Evaluation error: ${evaluation.message}`, fields);
    return problem(500, "Something went wrong");
  }
  const { response } = evaluation;
  const { allowed, patch, status } = response;
  context.log.info("Request evaluated", { ...fields, allowed, mutated: patch !== undefined, code: status?.code });
  return json(200, endpoint === "validate_raw" ? { response } : admissionReviewOf(response));
}

/** A body that is not taken, with the status and upstream's words for it (reference/policy-server.md 2.2). */
type Refusal = { status: number; message: string };

async function readQuestion(endpoint: Endpoint, policyId: string, request: Request): Promise<Question | Refusal> {
  const [mediaType = ""] = (request.headers.get("content-type") ?? "").split(";");
  if (!/^application\/([^/]+\+)?json$/i.test(mediaType.trim())) {
    return { status: 415, message: "Expected request with `Content-Type: application/json`" };
  }
  const bytes = await request.bytes();
  // The server itself stops reading there; behind another one the limit holds as well.
  if (bytes.length > maxBodyBytes) return { status: 413, message: refusals[413] };
  let body: ReviewBody;
  try {
    body = parseReviewBody(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    return { status: 400, message: `Failed to parse the request body as JSON: ${messageOf(error)}` };
  }
  try {
    return questionOf(endpoint, policyId, body);
  } catch (error) {
    return {
      status: 422,
      message: `Failed to deserialize the JSON body into the target type: ${messageOf(error)}`,
    };
  }
}

/** What is said of a request that does not get to the handler; of 413 in upstream's words. */
const refusals: Record<ServerRefusal, string> = {
  400: "Bad request",
  408: "The request body did not arrive in time",
  413: "Failed to buffer the request body: length limit exceeded",
  503: "Too many requests at the same time",
};

/** The answer to a request that the server does not hand to the API, in the shape of the endpoint it was for. */
export function refuseRequest(request: Request, status: ServerRefusal): Response {
  const [, endpoint] = path.exec(new URL(request.url).pathname) ?? [];
  const headers = status === 503 ? { "retry-after": "1" } : {};
  return bodyRefused(endpoint as Endpoint | undefined, { status, message: refusals[status] }, headers);
}

/** `/validate` says it as JSON, the other endpoints as plain text. */
function bodyRefused(endpoint: Endpoint | undefined, { status, message }: Refusal, headers = {}): Response {
  return endpoint === "validate"
    ? json(status, { message, status }, headers)
    : respond(status, { "content-type": "text/plain; charset=utf-8", ...headers }, message);
}

function problem(status: number, message: string): Response {
  return json(status, { message, status });
}

function json(status: number, body: unknown, headers = {}): Response {
  return respond(status, { "content-type": "application/json", ...headers }, stringifyJson(body));
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    // Not a percent-encoding, so no policy can have that name.
    return undefined;
  }
}
