import { type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { KubewardenError, messageOf } from "../../contracts/errors.ts";
import type { KubeAccess, KubeAccessSource } from "./config.ts";
import type { RateLimit } from "./rate-limit.ts";
import { sleep } from "../sleep.ts";

export type KubeRequest = {
  method: string;
  /** Path and query below the server's URL. */
  path: string;
  body?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
};

/** Requests with credentials, kept-alive connections and the retries that are safe for every verb. */
export type KubeTransport = {
  readonly server: string;
  /** The whole answer as text. Throws `KUBE_UNREACHABLE`. */
  send(request: KubeRequest): Promise<{ status: number; body: string }>;
  /** The answer's head; the body is read as it comes. `lifetimeMs` ends it if the server never does. */
  open(request: KubeRequest, lifetimeMs: number): Promise<{ status: number; body: IncomingMessage }>;
};

/** Every request that goes out takes its turn at the limit and is told with the answer's status, 0 for none. */
export type KubeTransportOptions = {
  userAgent?: string;
  limit?: RateLimit | undefined;
  onRequest?: ((request: KubeRequest, status: number) => void) | undefined;
};

const answerWithinMs = 35_000;
const throttledAttempts = 5;
/** Longer waits than this are no throttling but a mistake. */
const longestThrottleMs = 60_000;

export function createKubeTransport(source: KubeAccessSource, options: KubeTransportOptions = {}): KubeTransport {
  const { userAgent = "kubewarden-edge", limit, onRequest = () => {} } = options;
  return {
    server: source.server,
    async send(request) {
      const answer = await throttled(request, answerWithinMs);
      return { status: answer.statusCode ?? 0, body: await textOf(answer, request) };
    },
    async open(request, lifetimeMs) {
      const body = await throttled(request, lifetimeMs);
      return { status: body.statusCode ?? 0, body };
    },
  };

  /** As client-go: comes again when the server asks for it (priority and fairness, or it is starting). */
  async function throttled(request: KubeRequest, lifetimeMs: number): Promise<IncomingMessage> {
    for (let attempt = 1;; attempt++) {
      const answer = await exchange(request, lifetimeMs);
      const waitMs = 1000 * Number(answer.headers["retry-after"] ?? NaN);
      const asked = answer.statusCode === 429 || (answer.statusCode ?? 0) >= 500;
      if (!asked || !(waitMs >= 0) || attempt >= throttledAttempts) return answer;
      await textOf(answer, request); // Frees the connection.
      await sleep(Math.min(waitMs, longestThrottleMs), request.signal);
    }
  }

  async function exchange(request: KubeRequest, lifetimeMs: number): Promise<IncomingMessage> {
    const answer = await attempt(request, lifetimeMs, true);
    if (answer.statusCode !== 401) return answer;
    // The token may have been rotated since it was read.
    answer.resume();
    await source.reload();
    return await attempt(request, lifetimeMs, true);
  }

  async function attempt(request: KubeRequest, lifetimeMs: number, mayRetry: boolean): Promise<IncomingMessage> {
    request.signal?.throwIfAborted();
    await limit?.(request.signal);
    const access = await source.current();
    let reused = false;
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const outgoing = start(access, request, userAgent);
        // Said twice: under Deno the signal of a request that waits for its first byte on a kept connection does nothing.
        const aborted = () => {
          reject(request.signal?.reason);
          outgoing.destroy();
        };
        request.signal?.addEventListener("abort", aborted, { once: true });
        const timer = setTimeout(
          () => outgoing.destroy(new Error(`no complete answer within ${lifetimeMs} ms`)),
          lifetimeMs,
        );
        outgoing.on("response", (answer: IncomingMessage) => resolve(answer));
        outgoing.on("error", (error) => {
          reused = outgoing.reusedSocket;
          reject(error);
        });
        outgoing.on("close", () => {
          clearTimeout(timer);
          request.signal?.removeEventListener("abort", aborted);
        });
        outgoing.end(request.body);
      });
      onRequest(request, answer.statusCode ?? 0);
      return answer;
    } catch (cause) {
      onRequest(request, 0);
      request.signal?.throwIfAborted();
      // The server closed an idle connection just as we used it; only a POST may have had an effect that a second one repeats.
      if (reused && mayRetry && request.method !== "POST") return await attempt(request, lifetimeMs, false);
      throw unreachable(source.server, cause);
    }
  }
}

function start(access: KubeAccess, request: KubeRequest, userAgent: string) {
  const headers: Record<string, string> = {
    Accept: "application/json",
    "User-Agent": userAgent,
    ...access.headers,
    ...request.headers,
  };
  if (request.body !== undefined) headers["Content-Length"] = String(Buffer.byteLength(request.body));
  const options = { method: request.method, headers, agent: access.agent, signal: request.signal };
  const open = access.server.startsWith("http:") ? httpRequest : httpsRequest;
  return open(new URL(access.server + request.path), options);
}

async function textOf(answer: IncomingMessage, { signal }: KubeRequest): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer);
  } catch (cause) {
    signal?.throwIfAborted();
    throw unreachable("the API server", cause);
  }
  signal?.throwIfAborted();
  return Buffer.concat(chunks).toString("utf8");
}

/** `KUBE_UNREACHABLE` with the network's own words. */
export function unreachable(server: string, cause: unknown): KubewardenError {
  const code = (cause as NodeJS.ErrnoException)?.code;
  const words = messageOf(cause) || code || "connection failed";
  return new KubewardenError("KUBE_UNREACHABLE", `Cannot reach ${server}: ${words}`, { cause });
}
