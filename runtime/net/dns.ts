import { lookup } from "node:dns/promises";
import { KubewardenError, messageOf } from "../../contracts/errors.ts";
import { abortable } from "../abortable.ts";
import { limiter } from "../limiter.ts";

// The system's resolver holds a thread of a small pool for as long as it takes, and files are read in that pool, too.
const inTurn = limiter(2);
type Lookup = { addresses: Promise<string[]>; waiting: number };
const lookups = new Map<string, Lookup>();

/**
 * Addresses of a host, IPv4 and IPv6 in the order of the system's resolver; whoever asks for the same name meanwhile
 * gets the same answer. The signal ends the waiting. The resolver itself cannot be stopped, but it is not started for a
 * name that nobody waits for any more. Throws `DNS_LOOKUP_FAILED`.
 */
export async function lookUpAddresses(host: string, signal: AbortSignal): Promise<string[]> {
  signal.throwIfAborted();
  const known = lookups.get(host);
  if (known !== undefined) known.waiting++;
  const lookup = known ?? startLookup(host);
  try {
    return await abortable(lookup.addresses, signal);
  } finally {
    lookup.waiting--;
  }
}

function startLookup(host: string): Lookup {
  const { promise: addresses, resolve, reject } = Promise.withResolvers<string[]>();
  const lookup: Lookup = { addresses, waiting: 1 };
  lookups.set(host, lookup);
  // Everybody who waited may be gone by the time it fails.
  addresses.catch(() => undefined);
  void inTurn(async () => {
    if (lookup.waiting > 0) await addressesOf(host).then(resolve, reject);
    else reject(failed(host, "nobody waits for it any more"));
    lookups.delete(host);
  });
  return lookup;
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
