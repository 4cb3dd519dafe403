import { readFile } from "node:fs/promises";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent, type RequestOptions } from "node:https";
import { delimiter, dirname, resolve } from "node:path";
import { KubeConfig, loadYaml } from "@kubernetes/client-node";
import { KubewardenError } from "../../contracts/errors.ts";

/** Where the API server is and how to speak to it now: headers with credentials, and a keep-alive agent. */
export type KubeAccess = { readonly server: string; headers: Record<string, string>; agent: HttpAgent | HttpsAgent };

/** Finds access to the cluster; asked before every request, since tokens change. `reload` reads the files again. */
export type KubeAccessSource = { readonly server: string; current(): Promise<KubeAccess>; reload(): Promise<void> };

export type KubeConfigOptions = { kubeconfig?: string; context?: string };

const nobodysContext = "loaded-context", nobodysServer = "http://localhost:8080";
// client-node reads certificate files for every question; a rotated token that is refused meanwhile leads to a reload.
const accessFreshMs = 5_000;

/** Reads KUBECONFIG, `~/.kube/config` or the pod's ServiceAccount, as client-node does, plus `users[].user.tokenFile`. */
export async function loadKubeAccess(options: KubeConfigOptions = {}): Promise<KubeAccessSource> {
  let config = await loadConfig(options);
  const agents = new AgentCache();
  const server = serverOf(config);
  let known: { access: Promise<KubeAccess>; at: number } | undefined;
  return {
    server,
    async reload() {
      config = await loadConfig(options);
      known = undefined;
    },
    current() {
      if (known && performance.now() - known.at < accessFreshMs) return known.access;
      const access = accessNow();
      known = { access, at: performance.now() };
      access.catch(() => known = undefined);
      return access;
    },
  };

  async function accessNow(): Promise<KubeAccess> {
    const request: RequestOptions = {};
    await config.applyToHTTPSOptions(request);
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers ?? {})) headers[name] = String(value).trim();
    if (request.auth) headers.Authorization = `Basic ${Buffer.from(request.auth).toString("base64")}`;
    const proxied = config.getCurrentCluster()?.proxyUrl !== undefined;
    // client-node's own agent opens a connection for every request: use it only for what it adds, proxies.
    const agent = proxied && request.agent ? request.agent as HttpsAgent : agents.agentFor(server, request);
    return { server, headers, agent };
  }
}

async function loadConfig({ kubeconfig, context }: KubeConfigOptions): Promise<KubeConfig> {
  const config = new KubeConfig();
  try {
    if (kubeconfig) config.loadFromFile(kubeconfig);
    else config.loadFromDefault();
    // client-node falls back to a server on localhost, which nobody has named.
    if (config.currentContext === nobodysContext && serverOf(config) === nobodysServer) {
      throw new Error("there is neither a kubeconfig nor a ServiceAccount");
    }
    const files = kubeconfig ? [kubeconfig] : (process.env.KUBECONFIG ?? "").split(delimiter).filter((each) => each);
    for (const file of files) await adoptTokenFiles(config, file);
  } catch (cause) {
    throw new KubewardenError("CONFIG_INVALID", `Cannot load the kubeconfig: ${(cause as Error).message}`, { cause });
  }
  if (context) config.setCurrentContext(context);
  // client-node refuses http:// without this, kubectl (and `kubectl proxy`) allows it.
  config.clusters = config.clusters.map((each) =>
    each.server.startsWith("http:") ? { ...each, skipTLSVerify: true } : each
  );
  return config;
}

/** client-node knows `tokenFile` only inside a pod; in a kubeconfig it is standard too, and is read again every minute. */
async function adoptTokenFiles(config: KubeConfig, file: string): Promise<void> {
  type Users = { users?: { name: string; user?: { tokenFile?: string } }[] };
  const { users = [] } = loadYaml<Users>(await readFile(file, "utf8")) ?? {};
  for (const { name, user } of users) {
    if (!user?.tokenFile) continue;
    const tokenFile = resolve(dirname(file), user.tokenFile);
    config.users = config.users.map((each) =>
      each.name === name
        ? { ...each, token: undefined, authProvider: { name: "tokenFile", config: { tokenFile } } }
        : each
    );
  }
}

function serverOf(config: KubeConfig): string {
  const server = config.getCurrentCluster()?.server;
  if (!server) {
    throw new KubewardenError("CONFIG_INVALID", "Cannot load the kubeconfig: no current context with a cluster");
  }
  return server.replace(/\/+$/, "");
}

/** One agent as long as certificates stay the same; a renewed client certificate or CA gets a new one. */
class AgentCache {
  #key = "";
  #agent: HttpAgent | HttpsAgent | undefined;

  agentFor(server: string, { ca, cert, key, rejectUnauthorized, servername }: RequestOptions): HttpAgent | HttpsAgent {
    const fingerprint = [ca, cert, key, rejectUnauthorized, servername].map(String).join("\n");
    if (this.#agent && fingerprint === this.#key) return this.#agent;
    this.#key = fingerprint;
    // A replaced agent is left to its running requests; its idle sockets end by their own timeout.
    this.#agent = server.startsWith("http:")
      ? new HttpAgent({ keepAlive: true })
      : new HttpsAgent({ keepAlive: true, ca, cert, key, rejectUnauthorized, servername });
    return this.#agent;
  }
}
