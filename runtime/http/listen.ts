import type { Server } from "node:net";
import { KubewardenError, messageOf } from "../../contracts/errors.ts";

/** The flags that say where to listen, named to who has to choose another place; one flag may be both. */
export type ListenFlags = { address: string; port: string };

/**
 * Resolves once the server listens. Throws ADDRESS_UNAVAILABLE with the address, what is in the way, and what to do about
 * it.
 */
export async function listen(
  server: Server,
  { host, port, flags }: { host: string; port: number; flags?: ListenFlags | undefined },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host, port }, resolve);
  try {
    await promise;
  } catch (cause) {
    const shown = host.includes(":") ? `[${host}]` : host;
    const message = `Cannot listen on ${shown}:${port}: ${reasonFor(cause, flags)}`;
    throw new KubewardenError("ADDRESS_UNAVAILABLE", message, { cause });
  } finally {
    server.off("error", reject);
  }
}

/** By the codes of the operating system. */
function reasonFor(cause: unknown, flags: ListenFlags | undefined): string {
  const by = (flag: string | undefined) => flag === undefined ? "" : ` with ${flag}`;
  switch ((cause as { code?: unknown }).code) {
    case "EADDRINUSE":
      return `another process listens there already. Stop it, or choose another port${by(flags?.port)}`;
    case "EACCES":
      return `this user may not use that port. Choose one above 1023${by(flags?.port)}`;
    case "EADDRNOTAVAIL":
    case "EAFNOSUPPORT":
    case "EINVAL": // Deno's word for the first.
      return `this machine has no such address. Choose another${by(flags?.address)}`;
    default:
      return messageOf(cause);
  }
}
