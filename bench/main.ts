/**
 * Benchmarks, run by hand: `npm run bench` for all of them, `npm run bench -- load [--runtime node|deno] [--seconds N]` for
 * one, `npm run bench -- soak [--minutes N]` for the soak, which is not among all. They print ratios, each measured within one run: figures of different machines do not compare.
 */
import { parseArgs } from "node:util";
import type { RuntimeName } from "../tools/runtimes.ts";
import { benchLoad } from "./load/main.ts";
import { meteringRatio } from "./metering.ts";
import { soak } from "./soak/main.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runtime: { type: "string" }, seconds: { type: "string" }, minutes: { type: "string" } },
});
const runtimes: RuntimeName[] = values.runtime === undefined ? ["node", "deno"] : [values.runtime as RuntimeName];
const seconds = Number(values.seconds ?? 8);

const benchmarks: Record<string, () => void | Promise<void>> = {
  metering: () => console.log(`metered guest / plain guest, 50 KB review: ${meteringRatio().toFixed(2)} x the time`),
  load: async () => {
    for (const runtime of runtimes) await benchLoad({ runtime, seconds });
  },
  soak: async () => {
    for (const runtime of runtimes) await soak({ runtime, minutes: Number(values.minutes ?? 10) });
  },
};
const chosen = positionals.length > 0 ? positionals : ["metering", "load"];
const unknown = chosen.filter((name) => !Object.hasOwn(benchmarks, name));
if (unknown.length > 0) {
  console.error(`no benchmark "${unknown.join('", "')}": there are ${Object.keys(benchmarks).join(", ")}`);
  process.exit(2);
}
for (const name of chosen) await benchmarks[name]?.();
