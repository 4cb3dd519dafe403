/**
 * Benchmarks, run by hand: `npm run bench` for the short ones, or by name:
 *
 *   npm run bench -- metering | guests | startup | load [--seconds N] | soak [--minutes N] | rotation [--minutes N]
 *     | context [--objects N] [--evaluations N]  [--runtime node|deno]
 *   npm run bench -- controllers [--servers N] [--policies N] [--shards 1,2,4] [--qps N]
 *
 * They print ratios, each measured within one run: figures of different machines do not compare.
 */
import { parseArgs } from "node:util";
import type { RuntimeName } from "../tools/runtimes.ts";
import { benchContext } from "./context.ts";
import { benchControllers } from "./controllers/main.ts";
import { benchGuests } from "./guests.ts";
import { benchLoad } from "./load/main.ts";
import { meteringRatio } from "./metering.ts";
import { benchRotation } from "./rotation/main.ts";
import { soak } from "./soak/main.ts";
import { benchStartup } from "./startup/main.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runtime: { type: "string" },
    seconds: { type: "string" },
    minutes: { type: "string" },
    objects: { type: "string" },
    evaluations: { type: "string" },
    servers: { type: "string" },
    policies: { type: "string" },
    shards: { type: "string" },
    qps: { type: "string" },
  },
});
const { runtime, ...numbers } = values;
const wrong = Object.entries(numbers).filter(([, text]) => !text.split(",").every((each) => Number(each) > 0));
if (runtime !== undefined && runtime !== "node" && runtime !== "deno") wrong.push(["runtime", runtime]);
if (wrong.length > 0) {
  for (const [flag, text] of wrong) {
    const expected = flag === "runtime" ? "node or deno" : "a number above 0";
    console.error(`--${flag} is ${expected}, not "${text}"`);
  }
  process.exit(2);
}
const runtimes: RuntimeName[] = values.runtime === undefined ? ["node", "deno"] : [values.runtime as RuntimeName];
const seconds = Number(values.seconds ?? 8);

const benchmarks: Record<string, () => void | Promise<void>> = {
  guests: benchGuests,
  metering: () => console.log(`metered guest / plain guest, 50 KB review: ${meteringRatio().toFixed(2)} x the time`),
  load: async () => {
    for (const runtime of runtimes) await benchLoad({ runtime, seconds });
  },
  startup: async () => {
    for (const runtime of runtimes) await benchStartup({ runtime });
  },
  context: async () => {
    const sizes = { objects: Number(values.objects ?? 10_000), evaluations: Number(values.evaluations ?? 10_000) };
    for (const runtime of runtimes) await benchContext({ runtime, ...sizes });
  },
  controllers: async () => {
    const qps = Number(values.qps ?? 50);
    const sizes = { servers: Number(values.servers ?? 20), policies: Number(values.policies ?? 2_000), qps };
    const shards = (values.shards ?? "1,2,4").split(",").map(Number);
    for (const runtime of runtimes) await benchControllers({ runtime, ...sizes, shards });
  },
  soak: async () => {
    for (const runtime of runtimes) await soak({ runtime, minutes: Number(values.minutes ?? 10) });
  },
  rotation: async () => {
    for (const runtime of runtimes) await benchRotation({ runtime, minutes: Number(values.minutes ?? 10) });
  },
};
const chosen = positionals.length > 0 ? positionals : ["metering", "load", "startup"];
const unknown = chosen.filter((name) => !Object.hasOwn(benchmarks, name));
if (unknown.length > 0) {
  console.error(`no benchmark "${unknown.join('", "')}": there are ${Object.keys(benchmarks).join(", ")}`);
  process.exit(2);
}
for (const name of chosen) await benchmarks[name]?.();
