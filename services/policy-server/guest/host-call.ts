import type { HostCall } from "./guest.ts";
import { maxHostPayloadBytes, maxNameBytes } from "./guest-limits.ts";
import { bytesAt, textAt } from "./guest-memory.ts";

/**
 * Makes the host call whose eight arguments a guest passed: binding, namespace, operation and payload, a pointer and a
 * length each. Names that are no text, and what is not in memory, throw at once: the guest is broken, and nothing is to
 * be answered. What the host says, or what it throws, comes back to be told to the guest.
 */
export function performHostCall(
  memory: WebAssembly.Memory,
  [b = 0, bLen = 0, n = 0, nLen = 0, o = 0, oLen = 0, pointer = 0, length = 0]: readonly number[],
  hostCall: HostCall,
): { ok: true; bytes: Uint8Array } | { ok: false; error: unknown } {
  const name = (at: number, size: number) => textAt(memory, at, Math.min(size >>> 0, maxNameBytes));
  const binding = name(b, bLen), namespace = name(n, nLen), operation = name(o, oLen);
  const payload = bytesAt(memory, pointer, length);
  try {
    if (payload.length > maxHostPayloadBytes) throw new RangeError(`host call payload of ${payload.length} bytes`);
    return { ok: true, bytes: hostCall(binding, namespace, operation, payload.slice()) };
  } catch (error) {
    return { ok: false, error };
  }
}
