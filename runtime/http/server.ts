import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { ByteBudget } from "./body.ts";
import { Connections } from "./connections.ts";
import { answer, type Exchange, type ExchangeOptions, type Handler, refusePlainly } from "./exchange.ts";
import { listen, type ListenFlags } from "./listen.ts";
import { ClientTrust, secureOptions, type TlsOptions } from "./tls.ts";
import { http1Exchange, refuseUnreadable } from "./http1.ts";
import { http2Available, serveHttp2 } from "./http2.ts";
import { type Log, silentLog } from "../telemetry/log.ts";

export type { Handler, Refusal, RequestInfo } from "./exchange.ts";
export type { TlsOptions } from "./tls.ts";

export type ServeOptions = {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Where host and port come from, for the message if nobody can listen there. */
  flags?: ListenFlags;
  tls?: TlsOptions;
  /** Stops listening; running requests may finish within `drainMs`. */
  signal: AbortSignal;
  /** Comes before `signal`: from now on each answer over HTTP/1.1 is the last one on its connection. */
  stopping?: AbortSignal;
  /** A request with a larger body never reaches the handler. */
  maxBodyBytes?: number;
  /** All bodies together; a request that does not fit in any more never reaches the handler. */
  maxBufferedBytes?: number;
  /** One more closes the one that has rested longest; if none rests it is closed itself. */
  maxConnections?: number;
  /** The answer to what does not reach the handler, instead of a line of text; the request's body is empty. */
  refuse?: ExchangeOptions["refuse"];
  /** Time for the whole request to arrive; for its head, and for a TLS handshake, 10 s at most. */
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

const maxHeadMs = 10_000;
// No client that is meant to be here pipelines.
const maxPipelined = 32;

/**
 * Serves a fetch-shaped handler over HTTP/1.1 and, with TLS on Node, HTTP/2 for those who ask for it in the handshake;
 * resolves when listening. Throws ADDRESS_UNAVAILABLE.
 */
export async function serve(handler: Handler, options: ServeOptions): Promise<HttpServer> {
  const { host, port, tls, signal, drainMs = 10_000 } = options;
  signal.throwIfAborted();
  const connections = new Connections(options.maxConnections ?? 4096);
  const server = createServer(options);
  let trust = tls && new ClientTrust(tls);
  takeRequests(server, handler, { ...options, connections, admits: (...client) => trust?.admits(...client) ?? true });
  await listen(server, { host, port, flags: options.flags });
  const log = options.log ?? silentLog;
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
    setTls(next) {
      (server as HttpsServer).setSecureContext(secureOptions(next));
      trust = new ClientTrust(next);
    },
    closed,
  };
}

function createServer({ tls, requestTimeoutMs = 30_000, keepAliveTimeoutMs = 65_000 }: ServeOptions) {
  const headersTimeout = Math.min(maxHeadMs, requestTimeoutMs);
  const limits = {
    headersTimeout,
    // A body's own clock (its answer can have the handler's words) runs first.
    requestTimeout: requestTimeoutMs + 2 * maxHeadMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, headersTimeout),
    maxHeaderSize: 16 * 1024,
  };
  if (!tls) return createHttpServer(limits);
  const protocols = http2Available ? ["h2", "http/1.1"] : ["http/1.1"];
  return createHttpsServer({
    ...limits,
    ...secureOptions(tls),
    ALPNProtocols: protocols,
    handshakeTimeout: headersTimeout,
  });
}

function takeRequests(
  server: Server | HttpsServer,
  handler: Handler,
  options: ServeOptions & { connections: Connections; admits: ClientTrust["admits"] },
): void {
  const { tls, connections, stopping, requestTimeoutMs = 30_000, log = silentLog } = options;
  const asked: ExchangeOptions = {
    handler,
    refuse: options.refuse ?? ((_request, refusal) => refusePlainly(refusal)),
    secure: tls !== undefined,
    maxBodyBytes: options.maxBodyBytes ?? 3 * 1024 * 1024,
    bodyTimeoutMs: requestTimeoutMs,
    budget: new ByteBudget(options.maxBufferedBytes ?? 128 * 1024 * 1024),
    log,
  };
  const take = (exchange: Exchange, socket: Socket) => {
    exchange.sink.once("close", () => connections.idle(socket));
    answer(exchange, asked).catch((error) => {
      log.error("answering failed", { error });
      exchange.sink.destroy();
    });
  };

  const refused = intermittently(() => log.warn("connections are refused: too many are busy"));
  server.on("connection", (socket: Socket) => connections.add(socket) || refused());
  server.on("clientError", refuseUnreadable);
  server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const { socket } = incoming;
    if (connections.busy(socket) > maxPipelined) socket.destroy();
    else take(http1Exchange({ incoming, outgoing }, () => stopping?.aborted || options.signal.aborted), socket);
  });
  if (!tls) return;
  server.on("tlsClientError", (error: Error, socket: Socket) => {
    log.debug("TLS handshake failed", { error });
    socket.destroy();
  });
  // The server's own listeners speak HTTP/1.1.
  const http1 = server.listeners("secureConnection");
  server.removeAllListeners("secureConnection");
  server.on("secureConnection", (socket: TLSSocket) => {
    const openedAt = connections.secured(socket);
    if (openedAt === undefined || !options.admits(socket, openedAt)) return void socket.destroy();
    if (socket.alpnProtocol !== "h2") return http1.forEach((listener) => listener.call(server, socket));
    const onExchange = (exchange: Exchange) => {
      connections.busy(socket);
      take(exchange, socket);
    };
    connections.session(
      socket,
      serveHttp2(socket, { onExchange, idleTimeoutMs: options.keepAliveTimeoutMs ?? 65_000 }),
    );
  });
}

/** At most once a minute: what a flood causes must not flood the log. */
function intermittently(work: () => void): () => void {
  let next = -Infinity;
  return () => {
    if (performance.now() < next) return;
    next = performance.now() + 60_000;
    work();
  };
}
