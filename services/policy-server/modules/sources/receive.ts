import { messageOf } from "../../../../contracts/errors.ts";
import { type NetStream, withoutCredentials } from "../../../../runtime/net/stream.ts";
import { tooLarge } from "../../../../runtime/net/net.ts";
import { sleep } from "../../../../runtime/sleep.ts";
import type { SourceClient } from "./client.ts";
import { pauseMs } from "./retry.ts";
import { isTransient, statusError } from "./status.ts";

/** Where content goes while it arrives. */
export type Sink = { readonly size: number; write(chunk: Uint8Array): Promise<void>; restart(): Promise<void> };

export type Receiving = {
  /** Opens it, with headers that ask for the rest of it. */
  open: (headers: Record<string, string>) => Promise<NetStream>;
  url: string;
  /** What the URL leads to cannot change, so that a rest always belongs to its beginning. */
  immutable: boolean;
  maxBytes: number;
  client: SourceClient;
  signal: AbortSignal;
};

/**
 * Lets content arrive in a sink, piece by piece. One that breaks off goes on where it was if the server can, or begins
 * again. Throws codes of `DOWNLOAD_`; the sink then holds a part.
 */
export async function receive(sink: Sink, receiving: Receiving): Promise<void> {
  const { open, url, immutable, client: { limits, log }, signal } = receiving;
  let validator: string | undefined;
  for (let attempt = 1;; attempt++) {
    const resumed = sink.size > 0 && (immutable || validator !== undefined);
    const answer = await open(resumed ? rangeHeaders(sink.size, immutable ? undefined : validator) : {});
    try {
      await arrange(sink, answer, url);
      // A weak one says nothing about bytes.
      validator = answer.headers["etag"]?.startsWith('"') ? answer.headers["etag"] : undefined;
      await read(answer, sink, receiving);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (attempt >= limits.attempts || !isTransient(error)) throw error;
      const inMs = Math.round(pauseMs(attempt, limits));
      log.info("A download broke off and goes on", {
        url: withoutCredentials(url),
        bytes: sink.size,
        attempt,
        why: messageOf(error),
        inMs,
      });
      await sleep(inMs, signal);
    } finally {
      answer.close();
    }
  }
}

function rangeHeaders(size: number, validator: string | undefined): Record<string, string> {
  return { range: `bytes=${size}-`, ...(validator === undefined ? {} : { "if-range": validator }) };
}

/** Makes the sink hold what comes before the answer's body: what it has for a rest, nothing for a whole. */
async function arrange(sink: Sink, { status, headers }: NetStream, url: string): Promise<void> {
  if (status === 206 && Number(/^bytes (\d+)-/.exec(headers["content-range"] ?? "")?.[1]) === sink.size) return;
  // 416: it has no rest, then what was taken for its beginning is not.
  if (status === 206 || status === 416) {
    await sink.restart();
    throw statusErrorOfRange(url, status);
  }
  if (status !== 200) throw statusError(withoutCredentials(url), status);
  if (sink.size > 0) await sink.restart();
}

function statusErrorOfRange(url: string, status: number) {
  return statusError(withoutCredentials(url), status, "not the range that was asked for");
}

async function read(answer: NetStream, sink: Sink, { url, maxBytes, client }: Receiving): Promise<void> {
  const length = Number(answer.headers["content-length"] ?? NaN);
  const total = sink.size + length;
  if (total > maxBytes) throw tooLarge(url, maxBytes);
  const started = performance.now();
  let told = started;
  for await (const chunk of answer.body) {
    if (sink.size + chunk.length > maxBytes) throw tooLarge(url, maxBytes);
    await sink.write(chunk);
    const now = performance.now();
    if (now - told < client.limits.progressMs) continue;
    told = now;
    client.log.info("A download is going on", {
      url: withoutCredentials(url),
      bytes: sink.size,
      ...(total > 0 ? { of: total } : {}),
      ms: Math.round(now - started),
    });
  }
}
