import { type ClientRequest, type IncomingMessage, request as httpRequest } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { rootCertificates } from "node:tls";
import { type ErrorCode, KubewardenError, messageOf } from "../../contracts/errors.ts";
import { certificateAge } from "./certificate.ts";
import { throughProxy, tunnel } from "./proxy.ts";

export type NetOptions = {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** PEM certificates that are trusted besides the public ones. */
  ca?: readonly string[] | undefined;
  /** Accepts any certificate. */
  insecure?: boolean;
  /** A forward proxy to go by. */
  proxy?: URL | undefined;
  /** The longest silence of the other side. */
  idleMs?: number;
  signal: AbortSignal;
};

/** An answer whose body is still to come. Whoever does not read it to its end closes it. */
export type NetStream = {
  /** Where it came from. */
  url: string;
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  /** Throws DOWNLOAD_TRUNCATED if it breaks off. */
  body: AsyncIterable<Uint8Array>;
  close(): void;
};

/** Sends a request and resolves with the head of its answer. Throws a code of `DOWNLOAD_`, or the signal's reason. */
export async function openExchange(url: string, options: NetOptions): Promise<NetStream> {
  const { body, idleMs = 60_000, signal } = options;
  signal.throwIfAborted();
  const target = URL.parse(url);
  if (target?.protocol !== "http:" && target?.protocol !== "https:") {
    throw downloadFailed(url, "not an http or https URL", { code: "DOWNLOAD_URL_INVALID" });
  }
  try {
    const request = await openRequest(target, options);
    return await new Promise((resolve, reject) => {
      const silent = () => request.destroy(new Error(`no byte within ${idleMs} ms`));
      let timer = setTimeout(silent, idleMs);
      const alive = () => {
        clearTimeout(timer);
        timer = setTimeout(silent, idleMs);
      };
      request.on("close", () => clearTimeout(timer));
      request.on("error", reject);
      request.on("response", (answer: IncomingMessage) => {
        alive();
        const close = () => {
          clearTimeout(timer);
          // A connection whose answer is read is kept for others, who must not lose it.
          if (!answer.complete || answer.readableLength > 0) request.destroy();
        };
        const chunks = chunksOf(answer, { url, alive, close, signal });
        resolve({ url, status: answer.statusCode ?? 0, headers: headersOf(answer), body: chunks, close });
      });
      request.end(body);
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw await asDownloadError(url, cause, options);
  }
}

async function openRequest(target: URL, options: NetOptions): Promise<ClientRequest> {
  const { method = "GET", headers = {}, proxy, idleMs = 60_000, signal } = options;
  const common = { method, signal };
  if (target.protocol === "http:") {
    if (proxy === undefined) return httpRequest(target, { ...common, headers });
    const throughIt = { ...common, ...throughProxy(proxy, target, headers) };
    return proxy.protocol === "https:" ? httpsRequest(throughIt) : httpRequest(throughIt);
  }
  const secure = { ...common, headers, ...trustFor(options) };
  if (proxy === undefined) return httpsRequest(target, secure);
  const socket = await tunnel(proxy, { target, timeoutMs: idleMs, signal });
  const name = target.hostname.replace(/^\[|\]$/g, "");
  // TLS begins on the connection that the proxy opened; @types/node does not know of the option.
  return httpsRequest(target, { ...secure, agent: false, socket, servername: name } as RequestOptions);
}

function trustFor({ ca = [], insecure }: NetOptions): RequestOptions {
  return {
    ...(ca.length > 0 ? { ca: [...rootCertificates, ...ca] } : {}),
    ...(insecure ? { rejectUnauthorized: false } : {}),
  };
}

type Reading = { url: string; alive: () => void; close: () => void; signal: AbortSignal };

async function* chunksOf(answer: IncomingMessage, { url, alive, close, signal }: Reading): AsyncIterable<Uint8Array> {
  const declared = Number(answer.headers["content-length"] ?? NaN);
  let size = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      alive();
      size += chunk.length;
      yield chunk;
      // While the reader worked the other side was not silent.
      alive();
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw truncated(url, messageOf(cause), cause);
  } finally {
    close();
  }
  signal.throwIfAborted();
  // A connection that broke may look like an end.
  const bodiless = answer.statusCode === 304 || answer.statusCode === 204;
  if (!answer.complete || (declared >= 0 && size !== declared && !bodiless)) {
    throw truncated(url, Number.isNaN(declared) ? "the answer has no end" : `${size} bytes of ${declared}`);
  }
}

function headersOf(answer: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : value ?? "",
    ]),
  );
}

function truncated(url: string, why: string, cause?: unknown): KubewardenError {
  return downloadFailed(url, `the answer broke off: ${why}`, { code: "DOWNLOAD_TRUNCATED", cause });
}

/** A `KubewardenError` as it is, anything else as DOWNLOAD_FAILED or, if it is about a certificate, as that. */
async function asDownloadError(url: string, cause: unknown, { proxy }: NetOptions): Promise<KubewardenError> {
  if (cause instanceof KubewardenError) {
    const { code, message } = cause;
    return code === "DOWNLOAD_PROXY_FAILED" ? downloadFailed(url, message, { code, cause }) : cause;
  }
  const words = wordsOf(cause);
  const text = `${(cause as NodeJS.ErrnoException).code} ${words}`;
  if (/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/.test(text)) {
    return downloadFailed(url, words, { code: "DOWNLOAD_CERTIFICATE_EXPIRED", cause });
  }
  if (!/SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|ALTNAME|CERT_|invalid peer certificate/i.test(text)) {
    return downloadFailed(url, words, { cause });
  }
  const { hostname, port } = new URL(url);
  const age = proxy === undefined
    ? await certificateAge({ hostname, port: Number(port || 443) }, { timeoutMs: 5000 })
    : undefined;
  return age === undefined
    ? downloadFailed(url, words, { code: "DOWNLOAD_CERTIFICATE_UNTRUSTED", cause })
    : downloadFailed(url, age, { code: "DOWNLOAD_CERTIFICATE_EXPIRED", cause });
}

export function downloadFailed(
  url: string,
  why: string,
  { code = "DOWNLOAD_FAILED", cause }: { code?: ErrorCode; cause?: unknown } = {},
): KubewardenError {
  return new KubewardenError(code, `Cannot download "${withoutCredentials(url)}": ${why}`, { cause });
}

/** What went wrong; of OpenSSL's text, which names threads and source files, only the reason. */
function wordsOf(cause: unknown): string {
  const message = messageOf(cause) || String((cause as NodeJS.ErrnoException).code);
  const reason = /SSL routines:[^:]*:([^:)\n]+)/.exec(message)?.[1];
  return reason === undefined ? message : `TLS: ${reason}`;
}

/** A URL as it may be shown: without the user and password that it may carry, and without what a query may carry. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/?#]*@/, "//").replace(/\?.*$/s, "?…");
}
