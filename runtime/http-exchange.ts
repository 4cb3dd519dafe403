import type { IncomingMessage, ServerResponse } from "node:http";
import type { Log } from "./log.ts";

/** What a handler may know besides the request. */
export type RequestInfo = {
  remoteAddress: string;
  /** The client certificate's subject common name, when one was asked for and accepted. */
  clientCommonName?: string;
};
export type Handler = (request: Request, info: RequestInfo) => Response | Promise<Response>;

/** One request and its answer on a connection. */
export type Exchange = {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
  maxBodyBytes: number;
  secure: boolean;
  log: Log;
};

/** Reads the body, asks the handler, sends its answer; a failing handler becomes a 500 without its words. */
export async function answer(handler: Handler, exchange: Exchange): Promise<void> {
  const { incoming, outgoing, log } = exchange;
  const gone = new AbortController();
  // A connection that breaks is told by "close" too; without listeners the error would end the process.
  incoming.on("error", () => {});
  outgoing.on("error", () => {});
  outgoing.on("close", () => {
    if (!outgoing.writableFinished) gone.abort(new DOMException("the client went away", "AbortError"));
  });
  const body = await readBody(incoming, exchange.maxBodyBytes);
  if (body === "dropped") return;
  if (body === "too large") return refuse(incoming, outgoing, 413);
  const request = requestOf(exchange, body, gone.signal);
  if (request === undefined) return refuse(incoming, outgoing, 400);
  let response: Response;
  try {
    response = await handler(request, infoOf(incoming));
  } catch (error) {
    if (gone.signal.aborted) return;
    log.error("handler failed", { error, method: incoming.method, path: incoming.url });
    response = new Response("internal error\n", { status: 500 });
  }
  await send(response, outgoing, incoming.method === "HEAD");
}

function requestOf(
  { incoming, secure }: Exchange,
  body: Uint8Array<ArrayBuffer>,
  signal: AbortSignal,
): Request | undefined {
  const { method = "GET", url = "/", headers } = incoming;
  try {
    const base = `${secure ? "https" : "http"}://${headers.host ?? "localhost"}`;
    const target = new URL(url.startsWith("/") ? base + url : url);
    const bodiless = method === "GET" || method === "HEAD";
    const flat = new Headers();
    for (const [name, value] of Object.entries(headers)) {
      for (const each of Array.isArray(value) ? value : [value ?? ""]) flat.append(name, each);
    }
    return new Request(target, { method, headers: flat, signal, body: bodiless ? undefined : body });
  } catch {
    // A host, path or method that is not valid: the caller answers 400.
    return undefined;
  }
}

function infoOf({ socket }: IncomingMessage): RequestInfo {
  const certificate = (socket as { getPeerCertificate?: () => { subject?: { CN?: string | string[] } } })
    .getPeerCertificate?.();
  const name = certificate?.subject?.CN;
  return { remoteAddress: socket.remoteAddress ?? "", clientCommonName: Array.isArray(name) ? name[0] : name };
}

/** The whole body; "dropped" when the client left before its end, which may still look like an end to the stream. */
function readBody(
  incoming: IncomingMessage,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | "too large" | "dropped"> {
  const declared = incoming.headers["content-length"];
  if (declared !== undefined && Number(declared) > maxBytes) return Promise.resolve("too large");
  if (declared === undefined && incoming.headers["transfer-encoding"] === undefined) {
    return Promise.resolve(new Uint8Array());
  }
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBytes) chunks.push(chunk);
      else resolve("too large");
    });
    incoming.on("end", () => {
      const complete = declared === undefined ? incoming.complete : size === Number(declared);
      resolve(complete ? concat(chunks, size) : "dropped");
    });
    incoming.on("error", () => resolve("dropped"));
    incoming.on("close", () => resolve("dropped"));
  });
}

function concat(chunks: Buffer[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

/** Answers without reading on; the connection cannot be used again. */
function refuse(incoming: IncomingMessage, outgoing: ServerResponse, status: 400 | 413): void {
  outgoing.writeHead(status, { "Connection": "close", "Content-Type": "text/plain" });
  outgoing.end(status === 413 ? "request body too large\n" : "bad request\n");
  // A client that is still sending would not read the answer if the connection were reset at once.
  incoming.resume();
  const timer = setTimeout(() => incoming.socket.destroy(), 1000);
  incoming.on("close", () => clearTimeout(timer));
}

async function send(response: Response, outgoing: ServerResponse, isHead: boolean): Promise<void> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of response.headers) headers[name] = value;
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers["set-cookie"] = cookies;
  outgoing.writeHead(response.status, headers);
  if (!response.body || isHead) {
    outgoing.end();
    return;
  }
  const reader = response.body.getReader();
  outgoing.on("close", () => void reader.cancel().catch(() => undefined)); // The source may have failed already.
  for (;;) {
    const { done, value } = await reader.read();
    if (done || outgoing.destroyed) break;
    if (!outgoing.write(value)) await drained(outgoing);
  }
  outgoing.end();
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    outgoing.once("drain", resolve);
    outgoing.once("close", resolve);
  });
}
