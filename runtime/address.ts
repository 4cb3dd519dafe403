// pure
import { KubewardenError } from "../contracts/errors.ts";

export type Address = { host: string; port: number };

/** Reads `:8080`, `127.0.0.1:8080`, `[::1]:8080`; `0` is "off" (undefined). No host means `defaultHost`. Throws `USAGE`. */
export function parseAddress(text: string, defaultHost: string): Address | undefined {
  if (text === "0") return undefined;
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new KubewardenError("USAGE", `Cannot listen on "${text}": expected host:port or :port`);
  }
  return { host: match[1] || match[2] || defaultHost, port };
}
