/**
 * Plays a story once undisturbed and then `--runs` times with all that may go wrong: replicas of controllers and policy
 * servers killed, the API server restarted, answers late, refused or lost. Compares what is left, and looks at every write on
 * the way and at every registered webhook for what must never be.
 *
 *   npm run chaos -- [--runs 50] [--seed 1] [--parallel 1]
 */
import { parseArgs } from "node:util";
import { messageOf } from "../../contracts/errors.ts";
import { policiesFolder } from "../../local-cluster/demo/manifests.ts";
import { serveModules } from "../../local-cluster/demo/module-server.ts";
import { differences } from "./dump.ts";
import { type Controller, controllers, mischiefFor, named } from "./mischief.ts";
import { type Outcome, playStory } from "./run.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "50" },
    seed: { type: "string", default: "1" },
    parallel: { type: "string", default: "1" },
  },
});
const runs = Number(values.runs), firstSeed = Number(values.seed), parallel = Number(values.parallel);
if (![runs, parallel].every((each) => Number.isInteger(each) && each >= 1) || !Number.isInteger(firstSeed)) {
  console.error("Usage: npm run chaos -- [--runs N] [--seed N] [--parallel N]");
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
}
const modules = await serveModules(policiesFolder);
const histogram = new Map<string, number>();
let failures = 0, calls = 0, spoilt = 0, sound = true;
try {
  const common = { modulesHost: modules.host, signal: stop.signal };
  const undisturbed = new Map<Controller, Outcome>();
  for (const standbyOf of controllers) {
    const outcome = await playStory({ ...common, seed: firstSeed, standbyOf });
    undisturbed.set(standbyOf, outcome);
    const objects = Object.keys(outcome.dump).length;
    console.log(`undisturbed, standby of ${standbyOf}: ${JSON.stringify(outcome.writes)} writes, ${objects} objects`);
    for (const line of outcome.broken) console.log(`       ${line}`);
    sound &&= outcome.broken.length === 0;
  }
  let next = firstSeed;
  const lane = async () => {
    while (next < firstSeed + runs) {
      stop.signal.throwIfAborted();
      await playSeed(next++, undisturbed, common);
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
} finally {
  await modules.stop();
}

console.log("\nWhere the blows fell:");
for (const [where, count] of [...histogram].sort(([, a], [, b]) => b - a)) {
  console.log(`${String(count).padStart(4)} ${"#".repeat(Math.min(count, 60))} ${where}`);
}
console.log(`\n${spoilt} requests spoilt, registered webhooks called ${calls} times`);
console.log(
  `${runs - failures} of ${runs} runs ended as the undisturbed one, with nothing on the way that must never be`,
);
if (!sound) console.log("The undisturbed run itself broke a promise, see above");
process.exit(failures === 0 && sound ? 0 : 1);

async function playSeed(
  seed: number,
  undisturbed: ReadonlyMap<Controller, Outcome>,
  common: { modulesHost: string; signal: AbortSignal },
): Promise<void> {
  const [first] = undisturbed.values();
  if (!first) throw new Error("no undisturbed run");
  const mischief = mischiefFor(seed, first.writes);
  const expected = undisturbed.get(mischief.standbyOf)?.dump ?? first.dump;
  const started = performance.now();
  const outcome = await playStory({ ...common, seed, mischief, expected })
    .catch((error) => ({ problem: messageOf(error) }));
  const found = "problem" in outcome ? [outcome.problem] : [...outcome.broken, ...differences(expected, outcome.dump)];
  if (found.length > 0) failures++;
  if (!("problem" in outcome)) {
    calls += outcome.calls;
    spoilt += outcome.spoilt;
    for (const where of outcome.fell) histogram.set(where, (histogram.get(where) ?? 0) + 1);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const reached = "problem" in outcome ? "" : `, ${outcome.fell.length} of ${mischief.blows.length} reached`;
  console.log(`${found.length ? "FAIL" : "ok  "} seed ${seed}: ${named(mischief)}${reached}, ${seconds} s`);
  for (const line of found.slice(0, 10)) console.log(`       ${line}`);
}
