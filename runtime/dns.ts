import { lookup } from "node:dns/promises";
import { KubewardenError, messageOf } from "../contracts/errors.ts";
import { abortable } from "./abortable.ts";
import { limiter } from "./limiter.ts";

// The system's resolver holds a thread of a small pool for as long as it takes, and files are read in that pool, too.
const inTurn = limiter(2);
const running = new Map<string, Promise<string[]>>();

/**
 * Addresses of a host, IPv4 and IPv6 in the order of the system's resolver; whoever asks for the same name meanwhile
 * gets the same answer. The signal ends the waiting, the resolver itself cannot be stopped. Throws `DNS_LOOKUP_FAILED`.
 */
export async function lookUpAddresses(host: string, signal: AbortSignal): Promise<string[]> {
  signal.throwIfAborted();
  return await abortable(running.get(host) ?? startLookup(host), signal);
}

function startLookup(host: string): Promise<string[]> {
  const started = inTurn(() => addressesOf(host)).finally(() => running.delete(host));
  running.set(host, started);
  // Everybody who waited may be gone by the time it fails.
  started.catch(() => undefined);
  return started;
}

async function addressesOf(host: string): Promise<string[]> {
  if (host === "") throw failed(host, "the name is empty");
  if (host.length > 255) throw failed(host.slice(0, 255), "the name is too long");
  try {
    const addresses = await lookup(host, { all: true, order: "verbatim" });
    return addresses.map(({ address }) => address);
  } catch (cause) {
    throw failed(host, messageOf(cause), cause);
  }
}

function failed(host: string, why: string, cause?: unknown): KubewardenError {
  return new KubewardenError("DNS_LOOKUP_FAILED", `Cannot look up "${host}": ${why}`, { cause });
}
