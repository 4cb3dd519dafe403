import { type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { rootCertificates } from "node:tls";
import { KubewardenError, messageOf } from "../contracts/errors.ts";

export type NetRequest = {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** PEM certificates that are trusted besides the public ones. */
  ca?: readonly string[];
  /** Accepts any certificate. */
  insecure?: boolean;
  /** A larger answer throws `DOWNLOAD_TOO_LARGE`. */
  maxBytes: number;
  timeoutMs?: number;
  signal: AbortSignal;
};

export type NetAnswer = {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  body: Uint8Array<ArrayBuffer>;
};

const redirects = new Set([301, 302, 303, 307, 308]);

/** The body behind an http(s) URL, redirects followed. Throws `DOWNLOAD_FAILED` unless the answer is 200. */
export async function download(
  url: string,
  options: Omit<NetRequest, "method" | "body">,
): Promise<Uint8Array<ArrayBuffer>> {
  let target = url;
  for (let hops = 0; hops <= 10; hops++) {
    // Credentials are for the host they were given for.
    const headers = URL.parse(target)?.host === URL.parse(url)?.host ? options.headers : undefined;
    const answer = await exchange(target, { ...options, headers });
    const { location } = answer.headers;
    if (redirects.has(answer.status) && location) {
      const next = URL.parse(location, target);
      if (next?.protocol !== "https:" && (next?.protocol !== "http:" || target.startsWith("https:"))) {
        throw failed(url, `the server redirects to "${location}"`);
      }
      target = next.href;
      continue;
    }
    if (answer.status !== 200) throw failed(url, `the server answered ${answer.status}`);
    return answer.body;
  }
  throw failed(url, "too many redirects");
}

/** One request and its whole answer, whatever its status. Throws `DOWNLOAD_FAILED` or `DOWNLOAD_TOO_LARGE`. */
export async function exchange(url: string, options: NetRequest): Promise<NetAnswer> {
  const { method = "GET", body, maxBytes, timeoutMs = 60_000, signal } = options;
  signal.throwIfAborted();
  const target = URL.parse(url);
  if (target?.protocol !== "http:" && target?.protocol !== "https:") throw failed(url, "not an http or https URL");
  try {
    return await new Promise((resolve, reject) => {
      const request = openRequest(target, { method, headers: options.headers, signal, ...trustFor(options) });
      const timer = setTimeout(
        () => request.destroy(new Error(`no complete answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      request.on("close", () => clearTimeout(timer));
      request.on("error", reject);
      request.on("response", (answer: IncomingMessage) => {
        readBody(answer, url, maxBytes).then((bytes) => resolve(answerOf(answer, bytes)), (error) => {
          request.destroy();
          reject(error);
        });
      });
      request.end(body);
    });
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof KubewardenError) throw cause;
    throw failed(url, wordsOf(cause), cause);
  }
}

function openRequest(target: URL, options: RequestOptions) {
  return target.protocol === "http:" ? httpRequest(target, options) : httpsRequest(target, options);
}

function trustFor({ ca = [], insecure }: NetRequest): RequestOptions {
  return {
    ...(ca.length > 0 ? { ca: [...rootCertificates, ...ca] } : {}),
    ...(insecure ? { rejectUnauthorized: false } : {}),
  };
}

async function readBody(answer: IncomingMessage, url: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    new KubewardenError(
      "DOWNLOAD_TOO_LARGE",
      `Cannot download "${withoutCredentials(url)}": larger than ${maxBytes} bytes`,
    );
  const declared = Number(answer.headers["content-length"] ?? NaN);
  if (declared > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  // A connection that broke may look like an end.
  if (!answer.complete || (declared >= 0 && size !== declared && answer.statusCode !== 304)) {
    throw new Error("the answer broke off");
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function answerOf(answer: IncomingMessage, body: Uint8Array<ArrayBuffer>): NetAnswer {
  const headers = Object.entries(answer.headers).map((
    [name, value],
  ) => [name, Array.isArray(value) ? value.join(", ") : value ?? ""]);
  return { status: answer.statusCode ?? 0, headers: Object.fromEntries(headers), body };
}

function failed(url: string, why: string, cause?: unknown): KubewardenError {
  return new KubewardenError("DOWNLOAD_FAILED", `Cannot download "${withoutCredentials(url)}": ${why}`, { cause });
}

/** What went wrong; of OpenSSL's text, which names threads and source files, only the reason. */
function wordsOf(cause: unknown): string {
  const message = messageOf(cause) || String((cause as NodeJS.ErrnoException).code);
  const reason = /SSL routines:[^:]*:([^:)\n]+)/.exec(message)?.[1];
  return reason === undefined ? message : `TLS: ${reason}`;
}

/** A URL as it may be shown: without the user and password that it may carry. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//");
}
