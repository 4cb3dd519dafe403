import { messageOf } from "../../../../contracts/errors.ts";
import { backoffMs } from "../../../../runtime/backoff.ts";
import type { Log } from "../../../../runtime/telemetry/log.ts";
import { type NetStream, withoutCredentials } from "../../../../runtime/net/stream.ts";
import { sleep } from "../../../../runtime/sleep.ts";
import type { DownloadLimits } from "./limits.ts";
import { isTransient, transientStatuses } from "./status.ts";

export type Retrying = {
  url: string;
  limits: Pick<DownloadLimits, "attempts" | "minDelayMs" | "maxDelayMs">;
  log: Log;
  signal: AbortSignal;
};

// A server that asks for more is not waited for: whoever started this process starts it again.
const longestRetryAfterMs = 120_000;

/** Opens until an answer is final, with growing pauses or those that the server asks for; then it is what it is. */
export async function openWithRetries(open: () => Promise<NetStream>, retrying: Retrying): Promise<NetStream> {
  const { url, limits, log, signal } = retrying;
  for (let attempt = 1;; attempt++) {
    const last = attempt >= limits.attempts;
    let why: string, delayMs: number;
    try {
      const answer = await open();
      const wanted = retryAfterMs(answer.headers["retry-after"]);
      if (last || !transientStatuses.has(answer.status) || wanted > longestRetryAfterMs) return answer;
      answer.close();
      why = `the server answered ${answer.status}`;
      delayMs = Math.max(wanted, pauseMs(attempt, limits));
    } catch (error) {
      if (last || !isTransient(error)) throw error;
      why = messageOf(error);
      delayMs = pauseMs(attempt, limits);
    }
    log.info("A download is tried again", { url: withoutCredentials(url), attempt, why, inMs: Math.round(delayMs) });
    await sleep(delayMs, signal);
  }
}

export function pauseMs(attempt: number, { minDelayMs, maxDelayMs }: Retrying["limits"]): number {
  return backoffMs(attempt - 1, { minMs: minDelayMs, maxMs: maxDelayMs });
}

/** Retry-After is seconds or a date (RFC 9110, 10.2.3); 0 if there is none. */
function retryAfterMs(header: string | undefined): number {
  if (header === undefined) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.max(0, ms);
}
