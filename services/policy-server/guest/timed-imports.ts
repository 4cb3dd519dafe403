/** Imports that call `before` with their name first: what the host does for a guest counts for its time, too. */
export function timedImports(
  imports: Record<string, WebAssembly.ModuleImports>,
  before: (name: string) => void,
): WebAssembly.Imports {
  return Object.fromEntries(Object.entries(imports).map(([module, functions]) => [module, timed(functions, before)]));
}

function timed(functions: WebAssembly.ModuleImports, before: (name: string) => void): WebAssembly.ModuleImports {
  const calls = Object.entries(functions as Record<string, (...args: unknown[]) => WebAssembly.ExportValue>);
  return Object.fromEntries(calls.map(([name, call]) => [name, (...args: unknown[]) => {
    before(name);
    return call(...args);
  }]));
}
