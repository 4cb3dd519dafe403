/**
 * Plays a story once undisturbed and then `--runs` times with one SIGKILL each, and compares what is left.
 *
 *   npm run chaos -- [--runs 50] [--seed 1]
 */
import { parseArgs } from "node:util";
import { messageOf } from "../../contracts/errors.ts";
import { policiesFolder } from "../../local-cluster/demo/manifests.ts";
import { serveModules } from "../../local-cluster/demo/module-server.ts";
import { killFor, named } from "./choose.ts";
import { differences } from "./dump.ts";
import { playStory } from "./run.ts";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "50" }, seed: { type: "string", default: "1" } },
});
const runs = Number(values.runs), firstSeed = Number(values.seed);
if (!Number.isInteger(runs) || runs < 1 || !Number.isInteger(firstSeed)) {
  console.error("Usage: npm run chaos -- [--runs N] [--seed N]");
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
}
const modules = await serveModules(policiesFolder);
const histogram = new Map<string, number>();
let failures = 0;
try {
  const common = { modulesHost: modules.host, signal: stop.signal };
  const undisturbed = await playStory({ ...common, seed: firstSeed });
  console.log(
    "writes of an undisturbed run:",
    JSON.stringify(undisturbed.writes),
    `${Object.keys(undisturbed.dump).length} objects`,
  );
  for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
    const kill = killFor(seed, undisturbed.writes);
    const started = performance.now();
    const outcome = await playStory({ ...common, seed, kill, expected: undisturbed.dump })
      .catch((error) => ({ dump: {}, fell: undefined, problem: messageOf(error) }));
    const found = "problem" in outcome ? [outcome.problem] : differences(undisturbed.dump, outcome.dump);
    if (found.length > 0) failures++;
    const where = outcome.fell ? `${kill.controller} ${kill.phase} ${outcome.fell}` : "the kill was not reached";
    histogram.set(where, (histogram.get(where) ?? 0) + 1);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `${found.length ? "FAIL" : "ok  "} seed ${seed}: ${named(kill)} (${outcome.fell ?? "not reached"}), ${seconds} s`,
    );
    for (const line of found.slice(0, 10)) console.log(`       ${line}`);
    stop.signal.throwIfAborted();
  }
} finally {
  await modules.stop();
}

console.log("\nWhere the kills fell:");
for (const [where, count] of [...histogram].sort(([, a], [, b]) => b - a)) {
  console.log(`${String(count).padStart(4)} ${"#".repeat(count)} ${where}`);
}
console.log(`\n${runs - failures} of ${runs} runs ended as the undisturbed one`);
process.exit(failures === 0 ? 0 : 1);
