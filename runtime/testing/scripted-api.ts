import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve, type TlsOptions } from "../http/server.ts";
import { connectKube, type Kube } from "../kube/kube.ts";

export type Seen = { method: string; path: string; query: URLSearchParams; body: string; headers: Headers };
/** Answers a request, or leaves it to the discovery that every scripted API has. */
export type Script = (seen: Seen) => Response | Promise<Response> | undefined;
export type ScriptedApi = { kube: Kube; requests: Seen[]; folder: string; kubeconfig: string; stop(): Promise<void> };

const coreResources = [
  { name: "configmaps", kind: "ConfigMap", namespaced: true },
  { name: "namespaces", kind: "Namespace", namespaced: false },
  { name: "namespaces/status", kind: "Namespace", namespaced: false },
];
const ownResources = [{ name: "policyservers", kind: "PolicyServer", namespaced: false }];

/**
 * An API server that answers by a script, and a `Kube` connected to it by a kubeconfig with a token file. With TLS its
 * certificate is for the name `api.test`.
 */
export async function scriptedApi(script: Script, tls?: TlsOptions & { ca: string }): Promise<ScriptedApi> {
  const requests: Seen[] = [];
  const stop = new AbortController();
  const { url } = await serve(async (request) => {
    const { pathname: path, searchParams: query } = new URL(request.url);
    const { method, headers } = request;
    const seen = { method, path, query, body: await request.text(), headers };
    requests.push(seen);
    return await script(seen) ?? discovery(path);
  }, { host: "127.0.0.1", port: 0, signal: stop.signal, drainMs: 0, tls });

  const folder = await mkdtemp(join(tmpdir(), "kube-"));
  await writeFile(join(folder, "token"), "first-token\n");
  const kubeconfig = join(folder, "config");
  const trust = tls && {
    "tls-server-name": "api.test",
    "certificate-authority-data": Buffer.from(tls.ca).toString("base64"),
  };
  await writeFile(kubeconfig, kubeconfigFor({ server: url, ...trust }));
  return {
    kube: await connectKube({ kubeconfig }),
    requests,
    folder,
    kubeconfig,
    async stop() {
      stop.abort();
      await rm(folder, { recursive: true });
    },
  };
}

/** A kubeconfig with one cluster, whose user's token stands in the file `token` beside it. */
export function kubeconfigFor(cluster: Record<string, unknown>): string {
  return JSON.stringify({
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user: { tokenFile: "token" } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
    "current-context": "x",
  });
}

export function json(body: string, status = 200): Response {
  return new Response(body, { status, headers: { "content-type": "application/json" } });
}

function discovery(path: string): Response {
  if (path === "/api/v1") return Response.json({ resources: coreResources });
  if (path === "/apis/policies.kubewarden.io/v1") return Response.json({ resources: ownResources });
  return Response.json({ kind: "Status", message: "the server could not find it", code: 404 }, { status: 404 });
}
