import { type ClientRequest, type IncomingMessage, request as httpRequest, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import { BlockList, isIP, isIPv6, type Socket } from "node:net";
import { KubewardenError, messageOf } from "../../contracts/errors.ts";

/** Forward proxies, as the environment of a process names them; an empty text is none. */
export type ProxySettings = {
  httpProxy?: string | undefined;
  httpsProxy?: string | undefined;
  noProxy?: string | undefined;
};

/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY; upper case goes before lower case (reference/policy-server.md 1.2.3). */
export function proxiesOf(env: Readonly<Record<string, string | undefined>>): ProxySettings {
  const valueOf = (name: string) => env[name] || env[name.toLowerCase()] || undefined;
  return { httpProxy: valueOf("HTTP_PROXY"), httpsProxy: valueOf("HTTPS_PROXY"), noProxy: valueOf("NO_PROXY") };
}

/** The proxy for a URL; undefined: none. Throws DOWNLOAD_PROXY_FAILED if the setting is no URL of a proxy. */
export function proxyFor(url: URL, { httpProxy, httpsProxy, noProxy = "" }: ProxySettings): URL | undefined {
  const setting = url.protocol === "https:" ? httpsProxy : httpProxy;
  if (!setting || isExcluded(url, noProxy)) return undefined;
  const proxy = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(setting) ? setting : `http://${setting}`);
  if (proxy?.protocol === "http:" || proxy?.protocol === "https:") return proxy;
  // Not quoted: it may hold a password.
  throw new KubewardenError("DOWNLOAD_PROXY_FAILED", "the proxy that is configured is not an http or https URL");
}

/**
 * Whether no_proxy leaves a URL out. Items, separated by commas or spaces: `*`; a domain, with or without `.` or `*.` in
 * front, which covers its subdomains; an address; a CIDR range; each of them but the range with `:port`, too.
 */
function isExcluded(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "").toLowerCase();
  const port = url.port || (url.protocol === "https:" ? "443" : "80");
  return noProxy.toLowerCase().split(/[\s,]+/).filter(Boolean).some((item) => {
    if (item === "*") return true;
    if (item.includes("/")) return isInRange(host, item);
    if (isIP(item) !== 0) return sameAddress(host, item);
    const [, name = item, itemPort] = /^(.*?)(?::(\d+))?$/.exec(item) ?? [];
    if (itemPort !== undefined && itemPort !== port) return false;
    const bare = name.replace(/^\[|\]$/g, "");
    if (isIP(bare) !== 0) return sameAddress(host, bare);
    const domain = bare.replace(/^\*?\./, "");
    return domain !== "" && isIP(host) === 0 && (host === domain || host.endsWith(`.${domain}`));
  });
}

function isInRange(host: string, range: string): boolean {
  const [, address = "", bits] = /^(.*)\/(\d{1,3})$/.exec(range) ?? [];
  if (isIP(host) === 0 || isIP(address) === 0 || Number(bits) > (isIPv6(address) ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(address, Number(bits), family(address));
  return list.check(host, family(host));
}

function sameAddress(host: string, address: string): boolean {
  if (isIP(host) === 0) return false;
  const list = new BlockList();
  list.addAddress(address, family(address));
  return list.check(host, family(host));
}

function family(address: string): "ipv4" | "ipv6" {
  return isIPv6(address) ? "ipv6" : "ipv4";
}

/** What a request to an `http` URL must be to go by a proxy: it names the whole URL. */
export function throughProxy(proxy: URL, target: URL, headers: Record<string, string>): RequestOptions {
  const whole = new URL(target);
  whole.username = whole.password = whole.hash = "";
  return {
    ...endpoint(proxy),
    path: whole.href,
    headers: { ...headers, host: target.host, ...credentials(proxy) },
    agent: false,
  };
}

/** A connection to the host of an `https` URL by CONNECT; what follows on it the proxy cannot read. */
export async function tunnel(
  proxy: URL,
  { target, timeoutMs, signal }: { target: URL; timeoutMs: number; signal: AbortSignal },
): Promise<Socket> {
  const authority = `${target.hostname}:${target.port || "443"}`;
  const failed = (why: string, cause?: unknown) =>
    new KubewardenError("DOWNLOAD_PROXY_FAILED", `the proxy ${proxy.host} ${why}`, { cause });
  try {
    return await new Promise<Socket>((resolve, reject) => {
      const request: ClientRequest = (proxy.protocol === "https:" ? httpsRequest : httpRequest)({
        ...endpoint(proxy),
        method: "CONNECT",
        path: authority,
        headers: { host: authority, ...credentials(proxy) },
        agent: false,
        signal,
      });
      const timer = setTimeout(() => request.destroy(new Error(`nothing within ${timeoutMs} ms`)), timeoutMs);
      request.on("close", () => clearTimeout(timer));
      request.on("error", reject);
      request.on("connect", (answer: IncomingMessage, socket: Socket) => {
        clearTimeout(timer);
        if (answer.statusCode === 200) return resolve(socket);
        socket.destroy();
        reject(failed(`answered ${answer.statusCode} to CONNECT ${authority}`));
      });
      request.on("response", (answer: IncomingMessage) => {
        request.destroy();
        reject(failed(`answered ${answer.statusCode} to CONNECT ${authority}`));
      });
      request.end();
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw cause instanceof KubewardenError ? cause : failed(`cannot be used: ${messageOf(cause)}`, cause);
  }
}

function endpoint({ protocol, hostname, port }: URL): RequestOptions {
  return {
    protocol,
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: port || (protocol === "https:" ? 443 : 80),
  };
}

function credentials({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "proxy-authorization": `Basic ${new TextEncoder().encode(text).toBase64()}` };
}
