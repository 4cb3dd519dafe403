import { admissionReviewOf } from "../../../contracts/admission.ts";
import { messageOf } from "../../../contracts/errors.ts";
import { stringifyJson } from "../../../contracts/json.ts";
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
    if (endpoint === undefined || policyId === undefined) return new Response(null, { status: 404 });
    if (request.method !== "POST") return new Response(null, { status: 405, headers: { allow: "POST" } });
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
  const bytes = await readBody(request);
  if (bytes === undefined) {
    return { status: 413, message: "Failed to buffer the request body: length limit exceeded" };
  }
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

/** The whole body, or undefined if it is too large. */
async function readBody(request: Request): Promise<Uint8Array | undefined> {
  if (Number(request.headers.get("content-length") ?? 0) > maxBodyBytes) return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** `/validate` says it as JSON, the other endpoints as plain text. */
function bodyRefused(endpoint: Endpoint, { status, message }: Refusal): Response {
  return endpoint === "validate" ? problem(status, message) : new Response(message, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}

function problem(status: number, message: string): Response {
  return json(status, { message, status });
}

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(stringifyJson(body), { status, headers: { "content-type": "application/json", ...headers } });
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    // Not a percent-encoding, so no policy can have that name.
    return undefined;
  }
}
