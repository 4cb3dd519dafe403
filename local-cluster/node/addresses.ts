import { createServer } from "node:net";
import { KubewardenError } from "../../contracts/errors.ts";

/**
 * Loopback addresses for pods: a random 127.x/16 per cluster, so that several clusters live side by side on one
 * machine and two pods may both listen on 8443. An address rests as long as possible before it is used again.
 */
export class AddressPool {
  readonly hostIP: string;
  readonly #prefix: number;
  readonly #taken = new Set<string>();
  #next: number;

  constructor(random: () => number = Math.random) {
    this.#prefix = 2 + Math.floor(random() * 250);
    this.#next = Math.floor(random() * 60_000);
    this.hostIP = `127.${this.#prefix}.255.1`;
  }

  /** An address no living pod has. */
  take(): string {
    for (;;) {
      const number = this.#next++ % 64_770;
      const address = `127.${this.#prefix}.${Math.floor(number / 254)}.${1 + number % 254}`;
      if (this.#taken.has(address)) continue;
      this.#taken.add(address);
      return address;
    }
  }

  release(address: string): void {
    this.#taken.delete(address);
  }
}

/** Throws `CLUSTER_ADDRESS_UNAVAILABLE` where the system has no loopback addresses beyond 127.0.0.1 (macOS). */
export async function requireLoopbackRange(address: string): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, address, resolve);
    });
  } catch (cause) {
    throw new KubewardenError(
      "CLUSTER_ADDRESS_UNAVAILABLE",
      `Cannot give pods addresses of their own: this machine cannot listen on ${address}; on macOS add addresses with "sudo ifconfig lo0 alias ${address} up"`,
      { cause },
    );
  } finally {
    server.close();
  }
}
