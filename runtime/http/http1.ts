import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Exchange, RequestInfo } from "./exchange.ts";

/**
 * A request over HTTP/1.1. From the moment the server is asked to stop, its answer is the last one on its connection:
 * the client comes back on a new one, which leads to another server once the endpoints have been updated. Until then it
 * may lead here again, and is served; HTTP/2 clients, which would only come back at once, are left alone for so long.
 */
export function http1Exchange(
  { incoming, outgoing }: { incoming: IncomingMessage; outgoing: ServerResponse },
  isStopping: () => boolean,
): Exchange {
  const { method = "GET", url = "/", headers, socket } = incoming;
  const bodiless = headers["content-length"] === undefined && headers["transfer-encoding"] === undefined;
  return {
    method,
    target: url,
    host: headers.host,
    headers,
    hasBody: !bodiless,
    info: () => peerOf(socket),
    source: incoming,
    isWhole: () => incoming.complete,
    sink: outgoing,
    isAnswered: () => outgoing.writableFinished,
    begin({ status, headers, last }) {
      outgoing.writeHead(status, last || isStopping() ? { ...headers, connection: "close" } : headers);
    },
    leave(body) {
      if (body.length > 0) outgoing.write(body);
      else outgoing.flushHeaders();
      // Whoever still sends would not see the answer if the connection were closed at once: it would be reset.
      const end = () => {
        clearTimeout(timer);
        outgoing.end();
      };
      const timer = setTimeout(end, lingerMs);
      incoming.once("end", end);
      incoming.once("close", end);
      incoming.resume();
    },
  };
}

const lingerMs = 1000;

/** Tells what is known about the other end of a connection. */
export function peerOf(socket: Socket): RequestInfo {
  const certificate = (socket as { getPeerCertificate?: () => { subject?: { CN?: string | string[] } } })
    .getPeerCertificate?.();
  const name = certificate?.subject?.CN;
  return { remoteAddress: socket.remoteAddress ?? "", clientCommonName: Array.isArray(name) ? name[0] : name };
}

/** What the parser could not make a request of gets a status and the end of its connection. */
export function refuseUnreadable(error: Error & { code?: string }, socket: Socket): void {
  const answering = (socket as { _httpMessage?: { headersSent: boolean } | null })._httpMessage?.headersSent;
  if (!socket.writable || answering || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const status = statusOf(error.code);
  const body = `${status.slice(4).toLowerCase()}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
}

function statusOf(code: string | undefined): string {
  if (code === "HPE_HEADER_OVERFLOW") return "431 Request Header Fields Too Large";
  if (code === "HPE_CHUNK_EXTENSIONS_OVERFLOW") return "413 Payload Too Large";
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return "408 Request Timeout";
  return "400 Bad Request";
}
