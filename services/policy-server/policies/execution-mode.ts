// pure

/** What kind of guest a module is; its metadata says so (reference/policy-server.md 3.6.3). */
export const executionModes = ["kubewarden-wapc", "opa", "gatekeeper", "wasi"] as const;
export type ExecutionMode = (typeof executionModes)[number];

/** Whether a module is compiled Rego, which takes its data beside its input and needs no protocol version. */
export function isRego(mode: ExecutionMode): boolean {
  return mode === "opa" || mode === "gatekeeper";
}

const wasiModules = ["wasi_snapshot_preview1", "wasi_unstable"];
const hostModules = ["host", "kubewarden:javy/host"];
const regoImports = ["memory", "opa_abort", "opa_println", ...[0, 1, 2, 3, 4].map((count) => `opa_builtin${count}`)];

/** Whether a guest of this kind is offered an import: any other one would only fail later, and less clearly. */
export function isOffered(mode: ExecutionMode, { module, name, kind }: WebAssembly.ModuleImportDescriptor): boolean {
  if (isRego(mode)) {
    return module === "env" && regoImports.includes(name) && (kind === "memory") === (name === "memory");
  }
  if (kind !== "function") return false;
  if (wasiModules.includes(module)) return true;
  return mode === "wasi" ? hostModules.includes(module) && name === "call" : module === "wapc";
}
