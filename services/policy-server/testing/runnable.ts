import type { Runnable } from "../policies/catalogue.ts";
import { wasm } from "./supply.ts";

export const emptyModule = new WebAssembly.Module(wasm);

/** A policy `p` whose module nobody runs: the test answers for its guest. */
export function runnableWith(o: Partial<Runnable> = {}): Runnable {
  return {
    policy: "p",
    digest: "d",
    mode: "kubewarden-wapc",
    module: emptyModule,
    settings: "{}",
    timeoutMs: 2_000,
    capabilities: { all: false, prefixes: [], exact: [] },
    contextAwareResources: [],
    ...o,
  };
}
