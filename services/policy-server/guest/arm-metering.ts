import { checkTable, fuelGlobal } from "./metering.ts";

/**
 * Puts the host's check into a metered guest (metering.ts): from now on the guest calls it every so often, the first time
 * at once. To stop the guest the check throws a trap (deadline.ts). Does nothing for a module that was not metered.
 */
export function armMetering(instance: WebAssembly.Instance, check: () => void): void {
  const table = instance.exports[checkTable];
  const fuel = instance.exports[fuelGlobal];
  if (!(table instanceof WebAssembly.Table) || !(fuel instanceof WebAssembly.Global)) return;
  const adapter = new WebAssembly.Instance(adapterModule, { h: { c: () => (check(), 0) } });
  table.set(0, adapter.exports.c as () => number);
  fuel.value = 0;
}

// A table takes only WebAssembly functions: this module exports the function that it imports, `() -> i32`.
const adapterModule = new WebAssembly.Module(Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7f],
  ...[0x02, 0x07, 0x01, 0x01, 0x68, 0x01, 0x63, 0x00, 0x00],
  ...[0x07, 0x05, 0x01, 0x01, 0x63, 0x00, 0x00],
));
