import { request as httpsRequest } from "node:https";
import { parseJson, stringifyJson } from "../../contracts/json.ts";
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { ApiServer } from "../api/server.ts";

/** A raw answer: no client library between the rule and the wire. */
export type Answer = {
  readonly status: number;
  /** The body as JSON; a string where it is none. */
  // deno-lint-ignore no-explicit-any -- rules look into many shapes
  readonly body: any;
  readonly warnings: readonly string[];
};

export type RequestOptions = {
  contentType?: string;
  token?: string;
  accept?: string;
  headers?: Record<string, string>;
};

/** Speaks to an API server as curl would: as the administrator unless a token says otherwise. */
export type RawClient = {
  request(method: string, path: string, body?: unknown, options?: RequestOptions): Promise<Answer>;
  /** The lines of a watch until `enough` says so; ends by itself when the server ends it. */
  watch(path: string, enough: (lines: WatchLine[]) => boolean): Promise<WatchLine[]>;
  /** Server-side apply. */
  apply(path: string, object: unknown, manager: string, query?: string): Promise<Answer>;
};

export type WatchLine = { type: string; object: KubeObject & { code?: number } };

export function rawClient(server: Pick<ApiServer, "url" | "caPem" | "kubeconfig">): RawClient {
  const config = JSON.parse(server.kubeconfig()) as { users: { user: { token: string } }[] };
  const adminToken = config.users[0]?.user.token ?? "";
  const open = (method: string, path: string, body: string | undefined, options: RequestOptions) => {
    const headers: Record<string, string> = { "User-Agent": "rules/1.0", ...options.headers };
    if (options.token !== "") headers.Authorization = `Bearer ${options.token ?? adminToken}`;
    if (options.accept !== undefined) headers.Accept = options.accept;
    if (body !== undefined) {
      headers["Content-Type"] = options.contentType ?? "application/json";
      headers["Content-Length"] = String(Buffer.byteLength(body));
    }
    return httpsRequest(new URL(server.url + path), { method, headers, ca: server.caPem, agent: false });
  };
  const request: RawClient["request"] = (method, path, body, options = {}) =>
    new Promise((resolve, reject) => {
      const text = body === undefined || typeof body === "string" ? body : stringifyJson(body);
      const outgoing = open(method, path, text, options);
      outgoing.on("error", reject);
      outgoing.on("response", (incoming) => {
        let received = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => received += chunk);
        incoming.on("error", reject);
        incoming.on("end", () => {
          const warning = incoming.headers.warning;
          const warnings = warning === undefined ? [] : [warning].flat().flatMap((each) => each.split(/, (?=299 )/));
          resolve({ status: incoming.statusCode ?? 0, body: parsed(received), warnings });
        });
      });
      outgoing.end(text);
    });
  return {
    request,
    apply: (path, object, manager, query = "") =>
      request("PATCH", `${path}?fieldManager=${manager}${query}`, object, {
        contentType: "application/apply-patch+yaml",
      }),
    watch: (path, enough) =>
      new Promise((resolve, reject) => {
        const lines: WatchLine[] = [];
        const outgoing = open("GET", path, undefined, {});
        outgoing.on("error", reject);
        outgoing.on("response", (incoming) => {
          let rest = "";
          incoming.setEncoding("utf8");
          const done = () => {
            resolve(lines);
            outgoing.destroy();
          };
          incoming.on("data", (chunk: string) => {
            const parts = (rest + chunk).split("\n");
            rest = parts.pop() ?? "";
            for (const part of parts) lines.push(parseJson(part) as WatchLine);
            if (enough(lines)) done();
          });
          incoming.on("end", done);
          incoming.on("error", done);
          if (enough(lines)) done();
        });
        outgoing.end();
      }),
  };
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    // Logs and health checks answer plain text.
    return text;
  }
}
