// pure
let last = { key: "", origin: undefined as string | undefined };

/** `https://host:port` as URLs spell it, undefined for a host that is none. */
export function originOf(host: string | undefined, secure: boolean): string | undefined {
  const key = `${secure ? "https" : "http"}://${host ?? "localhost"}`;
  // One client asks again and again by the same name, and parsing is a good part of an easy request.
  if (key !== last.key) {
    const url = URL.parse(key);
    const usable = url !== null && url.pathname === "/" && url.search === "" && url.hash === "" && url.username === "";
    last = { key, origin: usable ? url.origin : undefined };
  }
  return last.origin;
}

// Nothing in it that parsing would change, as long as there are no dot segments either.
const plain = /^\/[\w\-.~%!$&()*+,;=:@/?]*$/;

/** The absolute URL of a request target (a path, or a URL as for a proxy); undefined if it is neither. */
export function urlOf(target: string, origin: string): string | undefined {
  if (plain.test(target) && !/\/\.|%2e/i.test(target)) return origin + target;
  const url = URL.parse(target.startsWith("/") ? origin + target : target);
  return url?.protocol === "http:" || url?.protocol === "https:" ? url.href : undefined;
}
