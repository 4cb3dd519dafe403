import { noSources } from "../../../contracts/policy-config.ts";
import { fetchModule } from "../modules/fetch.ts";
import type { ExecutionMode } from "../policies/execution-mode.ts";
import { withSection } from "./guests.ts";

/** A module of `testing/rego`, compiled by OPA, as a policy of this mode. */
export async function regoModule(
  name: "lab" | "missing",
  executionMode: ExecutionMode,
): Promise<Uint8Array<ArrayBuffer>> {
  const { href } = new URL(`rego/${name}.wasm`, import.meta.url);
  const wasm = await fetchModule(href, { sources: noSources, signal: new AbortController().signal });
  return withSection(wasm, JSON.stringify({ rules: [], mutating: false, executionMode }));
}
