import type { Log } from "../../../../runtime/telemetry/log.ts";
import { followRedirects } from "../../../../runtime/net/redirects.ts";
import type { NetStream } from "../../../../runtime/net/stream.ts";
import type { DownloadLimits } from "./limits.ts";
import { openWithRetries } from "./retry.ts";
import type { Transport } from "./transport.ts";

export type SourceRequest = {
  method?: string;
  headers?: Record<string, string>;
  /** The header of this name, for the host of the URL alone. */
  authorization?: string | undefined;
  body?: string | Uint8Array;
  /** Default: as the limits say. */
  attempts?: number;
  signal: AbortSignal;
};

/** Asks hosts for things, redirects followed and failures of the moment tried again. Throws codes of `DOWNLOAD_`. */
export type SourceClient = {
  open(url: string, request: SourceRequest): Promise<NetStream>;
  readonly limits: DownloadLimits;
  readonly log: Log;
};

export function sourceClient(
  { transport, limits, log }: { transport: Transport; limits: DownloadLimits; log: Log },
): SourceClient {
  return {
    limits,
    log,
    open(url, { headers = {}, authorization, attempts = limits.attempts, signal, ...rest }) {
      const redirectable = { headers: { "user-agent": "kubewarden-edge", ...headers }, authorization };
      const open = () =>
        followRedirects(
          url,
          redirectable,
          (target, headers) => transport(target, { ...rest, headers, idleMs: limits.idleMs, signal }),
        );
      return openWithRetries(open, { url, limits: { ...limits, attempts }, log, signal });
    },
  };
}

/** The `authorization` of a user and a password (RFC 7617). */
export function basicAuthorization({ username, password }: { username: string; password: string }): string {
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}
