import { createPrivateKey, X509Certificate } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { type Log, silentLog } from "./log.ts";

/** What a handler may know besides the request. */
export type RequestInfo = {
  remoteAddress: string;
  /** The client certificate's subject common name, when one was asked for and accepted. */
  clientCommonName?: string;
};
export type Handler = (request: Request, info: RequestInfo) => Response | Promise<Response>;

export type TlsOptions = {
  /** PEM. */
  cert: string | Uint8Array;
  key: string | Uint8Array;
  /** PEM; when present only clients with a certificate of this CA are let in. */
  clientCa?: string | Uint8Array;
};

export type ServeOptions = {
  host: string;
  /** 0 picks a free one. */
  port: number;
  tls?: TlsOptions;
  /** Stops listening; running requests may finish within `drainMs`. */
  signal: AbortSignal;
  /** A larger body is answered with 413 and never reaches the handler. */
  maxBodyBytes?: number;
  /** Time for the whole request to arrive. */
  requestTimeoutMs?: number;
  keepAliveTimeoutMs?: number;
  drainMs?: number;
  log?: Log;
};

export type HttpServer = {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Takes new certificates for new connections; throws on unusable ones and keeps the old. */
  setTls(tls: TlsOptions): void;
  /** When the last connection is gone after the signal. */
  readonly closed: Promise<void>;
};

/** Serves a fetch-shaped handler over HTTP/1.1; resolves when listening. */
export async function serve(handler: Handler, options: ServeOptions): Promise<HttpServer> {
  const { host, port, tls, signal, maxBodyBytes = 3 * 1024 * 1024, drainMs = 10_000, log = silentLog } = options;
  signal.throwIfAborted();
  const connections = new Connections();
  const server: Server | HttpsServer = tls ? createHttpsServer(secureOptions(tls)) : createHttpServer();
  server.headersTimeout = Math.min(10_000, options.requestTimeoutMs ?? 30_000);
  server.requestTimeout = options.requestTimeoutMs ?? 30_000;
  server.keepAliveTimeout = options.keepAliveTimeoutMs ?? 65_000;
  // Under TLS the first is the raw connection, which carries the second: it never counts as idle.
  server.on("connection", (socket: Socket) => connections.add(socket, tls !== undefined));
  server.on("secureConnection", (socket: Socket) => connections.add(socket, false));
  server.on("tlsClientError", (error: Error) => log.debug("TLS handshake failed", { error }));
  server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    connections.busy(incoming.socket);
    outgoing.on("close", () => connections.idle(incoming.socket));
    answer(handler, { incoming, outgoing, maxBodyBytes, secure: tls !== undefined, log }).catch((error) => {
      log.error("answering failed", { error });
      incoming.socket.destroy();
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  server.on("error", (error) => log.error("server failed", { error }));
  const closed = new Promise<void>((resolve) => server.once("close", () => resolve()));
  const stop = () => {
    server.close();
    connections.drain(drainMs);
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });

  const actual = (server.address() as AddressInfo).port;
  const shown = host.includes(":") ? `[${host}]` : host;
  return {
    url: `${tls ? "https" : "http"}://${shown}:${actual}`,
    host,
    port: actual,
    setTls: (next) => (server as HttpsServer).setSecureContext(secureOptions(next)),
    closed,
  };
}

/** Throws on what cannot serve; Deno itself would take it and then fail every handshake. */
function secureOptions({ cert, key, clientCa }: TlsOptions) {
  const text = (pem: string | Uint8Array) => typeof pem === "string" ? pem : new TextDecoder().decode(pem);
  const matching = new X509Certificate(text(cert)).checkPrivateKey(createPrivateKey(text(key)));
  if (!matching) throw new Error("the private key does not belong to the certificate");
  if (clientCa) new X509Certificate(text(clientCa));
  const client = clientCa ? { ca: text(clientCa), requestCert: true, rejectUnauthorized: true } : {};
  return { cert: text(cert), key: text(key), minVersion: "TLSv1.2" as const, ...client };
}

type Exchange = {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
  maxBodyBytes: number;
  secure: boolean;
  log: Log;
};

async function answer(handler: Handler, exchange: Exchange): Promise<void> {
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

/** Open connections and whether each is busy; our own books, since not every runtime keeps them. */
class Connections {
  readonly #busy = new Map<Socket, boolean>();
  #draining = false;

  add(socket: Socket, busy: boolean): void {
    this.#busy.set(socket, busy);
    socket.on("close", () => this.#busy.delete(socket));
  }

  busy(socket: Socket): void {
    this.#busy.set(socket, true);
  }

  idle(socket: Socket): void {
    if (this.#draining) socket.end();
    else if (this.#busy.has(socket)) this.#busy.set(socket, false);
  }

  drain(ms: number): void {
    this.#draining = true;
    for (const [socket, busy] of this.#busy) if (!busy) socket.destroy();
    const timer = setTimeout(() => {
      for (const socket of this.#busy.keys()) socket.destroy();
    }, ms);
    timer.unref();
  }
}
