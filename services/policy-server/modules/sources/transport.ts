import { KubewardenError } from "../../../../contracts/errors.ts";
import type { SourcesFile } from "../../../../contracts/policy-config.ts";
import { proxyFor, type ProxySettings } from "../../../../runtime/net/proxy.ts";
import { type NetOptions, type NetStream, openExchange, withoutCredentials } from "../../../../runtime/net/stream.ts";
import { authoritiesFor } from "./authorities.ts";

export type Transport = (url: string, request: Omit<NetOptions, "ca" | "insecure" | "proxy">) => Promise<NetStream>;

type Way = "verified" | "unverified" | "plain";
const ways: readonly Way[] = ["verified", "unverified", "plain"];

/**
 * Sends single requests as sources.yml says: which hosts may be asked without a certificate or without TLS, which
 * authorities vouch for which host, which proxy to go by (reference/policy-server.md 1.5, 3.3.9, 3.3.10). Throws codes of
 * `DOWNLOAD_`.
 */
export function transport({ sources, proxies }: { sources: SourcesFile; proxies: ProxySettings }): Transport {
  // What worked with an insecure host; the others would only fail again.
  const known = new Map<string, Way>();

  return async (url, request) => {
    const target = URL.parse(url);
    if (target === null) throw new KubewardenError("DOWNLOAD_URL_INVALID", `invalid URL "${withoutCredentials(url)}"`);
    if (isListed(target, sources.insecureSources)) return await anyWay(target, request);
    if (target.protocol === "http:") {
      const why = `the host "${target.host}" is not listed in insecure_sources`;
      throw new KubewardenError("DOWNLOAD_INSECURE_REFUSED", `Cannot download "${withoutCredentials(url)}": ${why}`);
    }
    return await send(target, "verified", request);
  };

  async function anyWay(target: URL, request: NetOptions): Promise<NetStream> {
    const tried = known.get(target.host);
    if (tried !== undefined) return await send(target, tried, request);
    const errors: unknown[] = [];
    let refusal: NetStream | undefined;
    for (const way of ways) {
      try {
        const answer = await send(target, way, request);
        if (answer.status < 400 || answer.status === 401) {
          refusal?.close();
          known.set(target.host, way);
          return answer;
        }
        // Something that listens there, but maybe not what was meant.
        if (refusal === undefined) refusal = answer;
        else answer.close();
      } catch (error) {
        request.signal.throwIfAborted();
        errors.push(error);
      }
    }
    return refusal ?? failAll(errors);
  }

  async function send(target: URL, way: Way, request: NetOptions): Promise<NetStream> {
    const url = new URL(target);
    // URLs keep a port that is the default of the other scheme.
    url.protocol = way === "plain" ? "http:" : "https:";
    const ca = way === "verified" ? await authorities(url) : undefined;
    const proxy = proxyFor(url, proxies);
    return await openExchange(url.href, { ...request, ca, insecure: way === "unverified", proxy });
  }

  async function authorities(url: URL): Promise<string[] | undefined> {
    return await authoritiesFor(url.host, sources) ?? await authoritiesFor(`${url.host}:443`, sources);
  }
}

function isListed({ host, port, protocol }: URL, hosts: ReadonlySet<string>): boolean {
  return hosts.has(host) || (port === "" && hosts.has(`${host}:${protocol === "https:" ? 443 : 80}`));
}

/** One error for all ways: its code is that of the last, since plain HTTP is what most insecure hosts speak. */
function failAll(errors: readonly unknown[]): never {
  const known = errors.filter((error) => error instanceof KubewardenError);
  const last = known.at(-1);
  if (last === undefined || known.length < errors.length) {
    throw errors.find((error) => !(error instanceof KubewardenError));
  }
  throw new KubewardenError(last.code, [...new Set(known.map((each) => each.message))].join("; "), { cause: last });
}
