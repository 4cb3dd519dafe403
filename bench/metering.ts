import { readFileSync } from "node:fs";
import { join } from "node:path";
import { armMetering } from "../services/policy-server/guest/arm-metering.ts";
import { meterModule } from "../services/policy-server/guest/metering.ts";

/** What the countdown costs a guest that parses JSON: median time of a call, metered divided by plain, interleaved. */
export function meteringRatio(rounds = 400): number {
  const plain = readFileSync(join(import.meta.dirname ?? "", "../examples/policies/privileged-pods/policy.wasm"));
  const containers = Array.from(
    { length: 700 },
    (_, index) => ({ name: `c${index}`, image: "registry.example/some/image:1" }),
  );
  const payload = JSON.stringify({ request: { object: { spec: { containers } } }, settings: {} });
  const calls = [plain, meterModule(plain, { maxMemoryPages: 4096 })].map((wasm) => prepare(wasm, payload));
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    calls.forEach((call, which) => {
      const started = performance.now();
      call();
      if (round > rounds / 4) times[which]?.push(performance.now() - started);
    });
  }
  return median(times[1]) / median(times[0]);
}

function prepare(wasm: Uint8Array, payload: string): () => void {
  const module = new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>);
  const [operation, message] = ["validate", payload].map((each) => new TextEncoder().encode(each)) as [
    Uint8Array,
    Uint8Array,
  ];
  return () => {
    const bytes = () => new Uint8Array((instance.exports.memory as WebAssembly.Memory).buffer);
    const instance = new WebAssembly.Instance(module, {
      wapc: {
        __guest_request: (
          operationAt: number,
          at: number,
        ) => (bytes().set(operation, operationAt), bytes().set(message, at)),
        __guest_response: () => {},
        __guest_error: () => {},
      },
    });
    armMetering(instance, () => {});
    (instance.exports.__guest_call as (operation: number, payload: number) => number)(operation.length, message.length);
  };
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
