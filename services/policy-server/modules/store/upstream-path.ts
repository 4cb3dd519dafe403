// pure

/**
 * Where upstream's server and kwctl keep a module below their store, `<scheme>/<host>/<path>`; an image without a tag is
 * under `:latest` (reference/policy-server.md 3.3.4, 3.3.6). undefined for files, and for what would lead elsewhere.
 */
export function upstreamPath(url: string): string | undefined {
  const [, scheme = "registry", rest = url] = /^([a-z]+):\/\/(.*)$/is.exec(url) ?? [];
  if (!["registry", "http", "https"].includes(scheme.toLowerCase())) return undefined;
  const parts = rest.replace(/[?#].*$/s, "").replace(/^[^/]*@(?=[^/]*\/)/, "").split("/");
  const last = parts.at(-1) ?? "";
  if (scheme.toLowerCase() === "registry" && !/[:@]/.test(last)) parts[parts.length - 1] = `${last}:latest`;
  const unsafe = (part: string) => part === "" || part === "." || part === ".." || /[\\\0]/.test(part);
  return parts.length < 2 || parts.some(unsafe) ? undefined : [scheme.toLowerCase(), ...parts].join("/");
}
