/** The gate: every check that must be green before a commit. `--quick` leaves the tests out, and what they must have shown. */
import { spawnSync } from "node:child_process";

const quick = process.argv.includes("--quick");
const steps: [string, string[]][] = [
  ["format", ["deno", "fmt", "--check", "--quiet"]],
  ["lint", ["deno", "lint", "--quiet"]],
  ["types (tsc)", ["tsc", "-p", "."]],
  ["types (deno)", [
    "deno",
    "check",
    "--quiet",
    "contracts",
    "runtime",
    "services",
    "local-cluster",
    "test",
    "tools",
    "bench",
  ]],
  ["import rules", ["node", "tools/check-imports.ts"]],
  ["generated files", ["node", "tools/generate.ts", "--check"]],
  ["compatibility page", ["node", "tools/check-compatibility.ts", "--quick"]],
  // They end with the check of the compatibility page against what ran.
  ...(quick ? [] : [["tests", ["node", "tools/test.ts"]] as [string, string[]]]),
];

for (const [name, [command, ...args]] of steps) {
  const started = performance.now();
  const { status, error } = spawnSync(command ?? "", args, { stdio: "inherit" });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (status !== 0) {
    console.error(`FAILED ${name} (${seconds} s)${error ? `: ${error.message}` : ""}`);
    process.exit(1);
  }
  console.log(`ok     ${name} (${seconds} s)`);
}
