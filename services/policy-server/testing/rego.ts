import { readBytes } from "../../../runtime/files.ts";
import type { ExecutionMode } from "../policies/execution-mode.ts";
import { withSection } from "./guests.ts";

/** A module of `testing/rego`, compiled by OPA, as a policy of this mode. */
export async function regoModule(
  name: "lab" | "missing" | "seen",
  executionMode: ExecutionMode,
): Promise<Uint8Array<ArrayBuffer>> {
  const wasm = await readBytes(new URL(`rego/${name}.wasm`, import.meta.url).pathname);
  return withSection(wasm, JSON.stringify({ rules: [], mutating: false, executionMode }));
}
