import { request as httpsRequest } from "node:https";
import { stringifyJson } from "../../contracts/json.ts";
import { recordAt } from "../schema/builtin/access.ts";
import type { AdmissionContext } from "./admission.ts";
import type { Webhook } from "./match.ts";

const maxAnswerBytes = 3 * 1024 * 1024;

/** Where a webhook is: the URL as messages name it, and the address a Service resolves to. */
type Target = { readonly url: URL; readonly connect?: { host: string; port: number } };

/**
 * POSTs an AdmissionReview to a webhook over TLS and returns the answer's text. Only `caBundle` is trusted, the
 * certificate must name `<service>.<namespace>.svc`, and `timeoutSeconds` bounds all of it. Throws an Error in the words
 * that follow "failed to call webhook: ".
 */
export async function callWebhook(
  webhook: Webhook,
  review: unknown,
  { resolveService, clientCertificate, signal }:
    & Pick<AdmissionContext, "resolveService" | "clientCertificate">
    & { signal: AbortSignal },
): Promise<string> {
  const seconds = typeof webhook.timeoutSeconds === "number" ? webhook.timeoutSeconds : 10;
  const { url, connect } = targetOf(webhook, seconds, resolveService);
  const timeout = AbortSignal.timeout(seconds * 1000);
  const caBundle = recordAt(webhook, "clientConfig")?.caBundle;
  const body = stringifyJson(review);
  try {
    return await new Promise<string>((resolve, reject) => {
      const request = httpsRequest({
        method: "POST",
        host: connect?.host ?? url.hostname,
        port: connect?.port ?? (url.port || 443),
        path: `${url.pathname}${url.search}`,
        servername: url.hostname,
        headers: {
          "host": url.host,
          "content-type": "application/json",
          "accept": "application/json, */*",
          "content-length": Buffer.byteLength(body),
        },
        ...(typeof caBundle === "string" && caBundle !== ""
          ? { ca: Buffer.from(caBundle, "base64").toString("utf8") }
          : {}),
        ...clientCertificate?.(),
        agent: false,
        signal: AbortSignal.any([signal, timeout]),
      });
      request.on("error", reject);
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > maxAnswerBytes) request.destroy(new Error("the answer is too large"));
          else chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          if (response.statusCode === 200) resolve(text);
          else reject(new Error(serverError(response.statusCode ?? 0, text)));
        });
      });
      request.end(body);
    });
  } catch (error) {
    signal.throwIfAborted();
    const why = timeout.aborted ? "context deadline exceeded" : wordsOf(error);
    throw new Error(`failed to call webhook: Post "${url}": ${why}`, { cause: error });
  }
}

function targetOf(webhook: Webhook, seconds: number, resolve: AdmissionContext["resolveService"]): Target {
  const client = recordAt(webhook, "clientConfig") ?? {};
  const service = recordAt(client, "service");
  if (!service) {
    const url = new URL(String(client.url));
    url.searchParams.set("timeout", `${seconds}s`);
    return { url };
  }
  const namespace = String(service.namespace), name = String(service.name);
  const port = typeof service.port === "number" ? service.port : 443;
  const url = new URL(`https://${name}.${namespace}.svc:${port}${service.path ?? "/"}?timeout=${seconds}s`);
  const connect = resolve({ namespace, name, port });
  if (!connect) {
    throw new Error(
      `failed to call webhook: Post "${url}": no endpoints available for service ${JSON.stringify(name)}`,
    );
  }
  return { url, connect };
}

function serverError(status: number, text: string): string {
  const detail = text.trim() === "" ? "unknown" : text.trim().slice(0, 2048);
  return status >= 500
    ? `an error on the server (${JSON.stringify(detail)}) has prevented the request from succeeding`
    : `the server answered ${status}: ${detail}`;
}

function wordsOf(error: unknown): string {
  const { code, message } = error as { code?: string; message?: string };
  if (code === "ECONNREFUSED") return "dial tcp: connect: connection refused";
  if (code === "ECONNRESET") return "EOF";
  return message || String(code ?? error);
}
