import { downloadFailed, type NetStream, withoutCredentials } from "./stream.ts";

export type Redirectable = {
  /** May be sent to every host. */
  headers: Record<string, string>;
  /** For the host of the URL alone. */
  authorization?: string | undefined;
};

const redirects = new Set([301, 302, 303, 307, 308]);

/**
 * Opens a URL and goes where its answers lead. What authorizes is for the first host (with its port) and is not sent to any
 * other; from https nothing leads to http. Throws DOWNLOAD_REDIRECT_REFUSED, and what `open` throws.
 */
export async function followRedirects(
  url: string,
  { headers, authorization }: Redirectable,
  open: (url: string, headers: Record<string, string>) => Promise<NetStream>,
): Promise<NetStream> {
  let target = url;
  for (let hops = 0; hops <= 10; hops++) {
    const trusted = authorization !== undefined && URL.parse(target)?.host === URL.parse(url)?.host;
    const answer = await open(target, trusted ? { ...headers, authorization } : headers);
    const { location } = answer.headers;
    if (!redirects.has(answer.status) || !location) return answer;
    answer.close();
    // Where the answer came from, which may be http for a host that is listed as insecure.
    const next = URL.parse(location, answer.url);
    if (next?.protocol !== "https:" && (next?.protocol !== "http:" || answer.url.startsWith("https:"))) {
      throw refused(url, `the server redirects to "${withoutCredentials(next?.href ?? location)}"`);
    }
    // Credentials that a server puts into a URL are not ours to send.
    next.username = next.password = "";
    target = next.href;
  }
  throw refused(url, "too many redirects");
}

function refused(url: string, why: string) {
  return downloadFailed(url, why, { code: "DOWNLOAD_REDIRECT_REFUSED" });
}
