import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export type RuntimeName = "node" | "deno";

/** How to start a TypeScript file on a runtime: the command and the arguments that go before the file. */
export function runtimeCommand(runtime: RuntimeName): { command: string; args: string[] } {
  return runtime === "deno"
    ? { command: denoBinary(), args: ["run", "-A", "--quiet"] }
    : { command: nodeBinary(), args: [] };
}

/** The runtime this process runs on. */
export const currentRuntime: RuntimeName = "Deno" in globalThis ? "deno" : "node";

// The binaries inside the packages, not their launchers in .bin: a signal must reach the process itself.
function denoBinary(): string {
  if (currentRuntime === "deno") return process.execPath;
  const platform = process.platform === "linux" ? "linux" : process.platform === "win32" ? "win32" : "darwin";
  const packageName = `@deno/${platform}-${process.arch}${platform === "linux" ? "-glibc" : ""}`;
  return join(packageFolder(packageName), platform === "win32" ? "deno.exe" : "deno");
}

function nodeBinary(): string {
  if (currentRuntime === "node") return process.execPath;
  const prefix = process.platform === "darwin" && process.arch === "arm64" ? "node-bin" : "node";
  return join(packageFolder(`${prefix}-${process.platform}-${process.arch}`), "bin", "node");
}

function packageFolder(name: string): string {
  return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
}
