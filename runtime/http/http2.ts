import { type IncomingHttpHeaders, performServerHandshake, type ServerHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Exchange } from "./exchange.ts";
import { peerOf } from "./http1.ts";

/** Node only: a server of Deno 2.9's `node:http2` aborts its process when clients leave (reference/runtime-details.md 2). */
export const http2Available = !("Deno" in globalThis);

const maxHeaderBytes = 16 * 1024;
const goodbyeMs = 1000;
const connectionWindow = 16 * 1024 * 1024;

/**
 * What one connection may ask for. The windows are wide because with the default of 64 KiB a large review waits for its
 * round trips; the rest bounds what a hostile client can make us keep: streams, header lists (as HTTP/1.1's 16 KiB),
 * memory of a session in MiB, and streams opened only to be reset (a bucket of `streamResetBurst`, refilled at
 * `streamResetRate` a second; an API server whose calls time out in numbers stays far below).
 */
const options = {
  maxSessionMemory: 32,
  maxHeaderListPairs: 100,
  maxSettings: 32,
  maxSessionInvalidFrames: 100,
  maxSessionRejectedStreams: 100,
  maxOutstandingPings: 10,
  streamResetBurst: 500,
  streamResetRate: 50,
  settings: { initialWindowSize: 1024 * 1024, maxConcurrentStreams: 250, maxHeaderListSize: maxHeaderBytes },
};

export type Http2Events = {
  onExchange: (exchange: Exchange) => void;
  /** Closed when it has had no stream for so long. */
  idleTimeoutMs: number;
};

/** Speaks HTTP/2 on a connection whose handshake agreed on it. */
export function serveHttp2(socket: TLSSocket, { onExchange, idleTimeoutMs }: Http2Events): { close: () => void } {
  const session = performServerHandshake(socket, options);
  const peer = peerOf(socket);
  let streams = 0;
  let timer = setTimeout(close, idleTimeoutMs);
  // Pings and half a head do not count as use.
  function rest() {
    clearTimeout(timer);
    // Half a head also keeps a session that was closed from ending by itself.
    timer = session.closed ? setTimeout(() => session.destroy(), goodbyeMs) : setTimeout(close, idleTimeoutMs);
  }
  /** Says goodbye (GOAWAY): what has arrived is answered, what crosses it is known not to have been looked at. */
  function close() {
    if (session.closed) return;
    session.close();
    if (streams === 0) rest();
  }
  session.setLocalWindowSize(connectionWindow);
  session.on("error", () => session.destroy());
  session.on("close", () => clearTimeout(timer));
  session.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    clearTimeout(timer);
    streams++;
    stream.on("close", () => --streams === 0 && !session.destroyed && rest());
    if (sizeOf(headers) > maxHeaderBytes) return refuseHead(stream);
    onExchange(exchangeOf(stream, headers, () => peer));
  });
  return { close };
}

// The setting of that name only tells the client.
function refuseHead(stream: ServerHttp2Stream): void {
  stream.on("error", () => {}); // Told by "close" as well.
  stream.respond({ ":status": 431 }, { endStream: true });
  stream.close();
}

function sizeOf(headers: IncomingHttpHeaders): number {
  let size = 0;
  for (const name in headers) size += name.length + (headers[name]?.length ?? 0);
  return size;
}

function exchangeOf(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, info: Exchange["info"]): Exchange {
  const { ":method": method = "GET", ":path": target = "/", ":authority": host = headers.host } = headers;
  return {
    method,
    target,
    host,
    headers: { host, ...headers },
    hasBody: !stream.endAfterHeaders,
    info,
    source: stream,
    isWhole: () => !stream.aborted && !stream.destroyed,
    sink: stream,
    // A reset ends the writable side as well, as if all had been written.
    isAnswered: () => stream.writableFinished && !stream.aborted,
    begin: ({ status, headers }) => stream.respond({ ":status": status, ...withoutConnection(headers) }),
    // The answer stands without the rest of the request (RFC 9113 8.1).
    leave(body) {
      stream.end(body);
      stream.resume();
      stream.once("finish", () => stream.close());
    },
  };
}

/** HTTP/2 has no headers about the connection, and refuses to send them. */
function withoutConnection(headers: Readonly<Record<string, string | string[]>>): Record<string, string | string[]> {
  const { connection: _1, "keep-alive": _2, "transfer-encoding": _3, upgrade: _4, ...others } = headers;
  return others;
}
