// pure
import { KubewardenError } from "../../contracts/errors.ts";

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

/** Whether text is an IPv4 or a bare IPv6 address; no name, no zone. */
export function isIpAddress(text: string): boolean {
  if (text.includes(":")) return /^[0-9a-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]/`);
  return /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/.test(text) && !/(^|\.)0\d/.test(text);
}
