import { KubewardenError } from "../../contracts/errors.ts";
import { downloadFailed, type NetOptions, openExchange, withoutCredentials } from "./stream.ts";
import { withDeadline } from "../sleep.ts";

export type NetRequest = Omit<NetOptions, "idleMs"> & {
  /** A larger answer throws `DOWNLOAD_TOO_LARGE`. */
  maxBytes: number;
  /** For the whole answer. */
  timeoutMs?: number;
};

export type NetAnswer = {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array<ArrayBuffer>;
};

/** One request and its whole answer, whatever its status. Throws a code of `DOWNLOAD_`. */
export async function exchange(url: string, options: NetRequest): Promise<NetAnswer> {
  const { maxBytes, timeoutMs = 60_000, signal } = options;
  try {
    return await withDeadline({ ms: timeoutMs, signal }, async (limited) => {
      const { status, headers, body } = await openExchange(url, { ...options, idleMs: timeoutMs, signal: limited });
      return { status, headers, body: await wholeOf(body, { url, maxBytes }) };
    });
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof KubewardenError) throw cause;
    throw downloadFailed(url, `no complete answer within ${timeoutMs} ms`, { cause });
  }
}

/** A body as one piece. Throws DOWNLOAD_TOO_LARGE. */
export async function wholeOf(
  body: AsyncIterable<Uint8Array>,
  { url, maxBytes }: { url: string; maxBytes: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(url, maxBytes);
    chunks.push(chunk);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

export function tooLarge(url: string, maxBytes: number): KubewardenError {
  const message = `Cannot download "${withoutCredentials(url)}": larger than ${maxBytes} bytes`;
  return new KubewardenError("DOWNLOAD_TOO_LARGE", message);
}
