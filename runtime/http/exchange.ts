import type { Readable, Writable } from "node:stream";
import { BodyBuffer, type BodyRefusal, type ByteBudget, readBody } from "./body.ts";
import { type HeaderValues, requestOf } from "./request.ts";
import { originOf, urlOf } from "./url.ts";
import type { Log } from "../telemetry/log.ts";
import { knownPartsOf, respond } from "./respond.ts";

/** What a handler may know besides the request. */
export type RequestInfo = {
  remoteAddress: string;
  /** The client certificate's subject common name, when one was asked for and accepted. */
  clientCommonName?: string;
};
export type Handler = (request: Request, info: RequestInfo) => Response | Promise<Response>;

/** Why a request does not get to the handler. */
export type Refusal = 400 | BodyRefusal;

/** One request and the way to answer it, over either version of the protocol. */
export type Exchange = {
  method: string;
  /** Path and query, or an absolute URL. */
  target: string;
  host: string | undefined;
  headers: HeaderValues;
  hasBody: boolean;
  info: () => RequestInfo;
  source: Readable;
  /** After the source's end: whether that was the end of the body, too. */
  isWhole: () => boolean;
  sink: Writable;
  /** After the sink's close: whether the answer was written to its end. */
  isAnswered: () => boolean;
  begin: (head: AnswerHead) => void;
  /** Ends an answer that was given without reading on. */
  leave: (body: string | Uint8Array) => void;
};

export type AnswerHead = {
  status: number;
  headers: Readonly<Record<string, string | string[]>>;
  /** Given without reading the request to its end: what follows on the connection cannot be understood. */
  last: boolean;
};

export type ExchangeOptions = {
  handler: Handler;
  /** The answer to a request that does not get to the handler; its body is empty. */
  refuse: (request: Request, refusal: Refusal) => Response;
  secure: boolean;
  maxBodyBytes: number;
  bodyTimeoutMs: number;
  budget: ByteBudget;
  log: Log;
};

const refusals: Record<Refusal, string> = {
  400: "bad request\n",
  408: "request timed out\n",
  413: "request body too large\n",
  503: "too many requests at the same time\n",
};

// A `Request` of another method cannot be made.
const askable = /^(?!(?:CONNECT|TRACE|TRACK)$)[A-Z-]+$/;

/** What a server says that has no words of its own for refusals. */
export function refusePlainly(refusal: Refusal): Response {
  const plain = { "content-type": "text/plain; charset=utf-8" };
  return respond(refusal, refusal === 503 ? { ...plain, "retry-after": "1" } : plain, refusals[refusal]);
}

/** Reads the body, asks the handler, sends its answer; a failing handler becomes a 500 without its words. */
export async function answer(exchange: Exchange, options: ExchangeOptions): Promise<void> {
  const { source, sink, headers } = exchange;
  const gone = new Gone();
  // A connection that breaks is told by "close" too; without listeners the error would end the process.
  source.on("error", () => {});
  sink.on("error", () => {});
  sink.on("close", () => exchange.isAnswered() || gone.abort());
  const length = headers["content-length"];
  const declared = typeof length === "string" ? Number(length) : undefined;
  const buffer = new BodyBuffer(options.budget, declared);
  try {
    const { maxBodyBytes: maxBytes, bodyTimeoutMs: timeoutMs } = options;
    const outcome = exchange.hasBody
      ? await readBody({ source, declared, isWhole: exchange.isWhole }, { buffer, maxBytes, timeoutMs })
      : "whole";
    if (outcome === "dropped") return;
    const origin = originOf(exchange.host, options.secure);
    const url = origin && urlOf(exchange.target, origin);
    if (url === undefined || !askable.test(exchange.method)) return await sendLast(refusePlainly(400), exchange);
    const request = (body: Uint8Array<ArrayBuffer>) =>
      requestOf({ method: exchange.method, url, headers, body, signal: () => gone.signal });
    if (outcome !== "whole") return await sendLast(options.refuse(request(new Uint8Array()), outcome), exchange);
    const response = await ask(request(buffer.whole()), exchange, options, gone);
    if (response) await send(response, exchange);
  } finally {
    buffer.release();
  }
}

async function ask(
  request: Request,
  { info, target }: Exchange,
  { handler, log }: ExchangeOptions,
  gone: Gone,
): Promise<Response | undefined> {
  try {
    return await handler(request, info());
  } catch (error) {
    if (gone.aborted) return undefined;
    log.error("handler failed", { error, method: request.method, path: target });
    return respond(500, { "content-type": "text/plain; charset=utf-8" }, "internal error\n");
  }
}

async function send(response: Response, exchange: Exchange): Promise<void> {
  const { sink, begin } = exchange;
  if (sink.destroyed) return;
  const known = knownPartsOf(response);
  if (!known) return await sendStream(response, exchange);
  const body = known.body ?? "";
  begin({ status: known.status, headers: withLength(known.headers, known.status, body), last: false });
  sink.end(exchange.method === "HEAD" ? undefined : body);
}

/** For a request that is not read to its end, and so the last one where they come one after the other. */
async function sendLast(response: Response, { sink, begin, leave, method }: Exchange): Promise<void> {
  const { status, headers, body } = knownPartsOf(response) ??
    { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
  if (sink.destroyed) return;
  begin({ status, headers: withLength(headers, status, body ?? ""), last: true });
  leave(method === "HEAD" ? "" : body ?? "");
}

function withLength(headers: Readonly<Record<string, string>>, status: number, body: string | Uint8Array) {
  if (status === 204 || status === 304) return headers;
  return { ...headers, "content-length": String(typeof body === "string" ? Buffer.byteLength(body) : body.length) };
}

async function sendStream(response: Response, { sink, begin, method }: Exchange): Promise<void> {
  const { status, body } = response;
  const headers: Record<string, string | string[]> = Object.fromEntries(response.headers);
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers["set-cookie"] = cookies;
  if (body === null && method !== "HEAD" && status !== 204 && status !== 304) headers["content-length"] = "0";
  begin({ status, headers, last: false });
  if (!body || method === "HEAD") {
    await body?.cancel();
    sink.end();
    return;
  }
  const reader = body.getReader();
  sink.on("close", () => void reader.cancel().catch(() => undefined)); // The source may have failed already.
  for (;;) {
    const { done, value } = await reader.read();
    if (done || sink.destroyed) break;
    if (!sink.write(value)) await drained(sink);
  }
  sink.end();
}

function drained(sink: Writable): Promise<void> {
  return new Promise((resolve) => {
    sink.once("drain", resolve);
    sink.once("close", resolve);
  });
}

/** Whether the client went away; the signal for it is made only when somebody wants it. */
class Gone {
  aborted = false;
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.aborted) this.abort();
    return this.#controller.signal;
  }

  abort(): void {
    this.aborted = true;
    this.#controller?.abort(new DOMException("the client went away", "AbortError"));
  }
}
