import { createPrivateKey, X509Certificate } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { Connections } from "./http-connections.ts";
import { answer, type Handler } from "./http-exchange.ts";
import { type Log, silentLog } from "./log.ts";

export type { Handler, RequestInfo } from "./http-exchange.ts";

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
