/**
 * Runs every `*.test.ts` as a process of its own, on Node and on Deno, and ends with the line `N passed, N failed`. What
 * ran is kept under .cache/test-runs; a run of everything ends with the check of docs/compatibility.md against it.
 *
 *   node tools/test.ts [--runtime node|deno] [--jobs N] [path-part ...]
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compatibilityProblems } from "./check-compatibility.ts";
import { runtimeCommand, type RuntimeName } from "./runtimes.ts";
import { sourceFiles } from "./source-files.ts";
import { contentHash, recordPath, writeRecord } from "./test-records.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runtime: { type: "string" }, jobs: { type: "string" }, "timeout-seconds": { type: "string" } },
});
const runtimes: RuntimeName[] = values.runtime === undefined ? ["node", "deno"] : [values.runtime as RuntimeName];
// One more than there are processors: a test waits half of its time.
const jobs = Number(values.jobs ?? availableParallelism() + 1);
const timeoutMs = 1000 * Number(values["timeout-seconds"] ?? 600);

type Job = { runtime: RuntimeName; file: string };
type Outcome = { passed: number; failed: number; skipped: number };

const files = (await sourceFiles(root)).filter((file) =>
  file.endsWith(".test.ts") && (positionals.length === 0 || positionals.some((part) => file.includes(part)))
);
const queue = runtimes.flatMap((runtime) => files.map((file) => ({ runtime, file })));
const total: Outcome = { passed: 0, failed: 0, skipped: 0 };
await Promise.all(Array.from({ length: jobs }, work));
if (positionals.length === 0 && runtimes.length === 2) {
  const problems = await compatibilityProblems({ mustHaveRun: true });
  problems.forEach((each) => console.log(`FAIL ${each}`));
  total.failed += problems.length;
}
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);

async function work(): Promise<void> {
  for (let next = queue.shift(); next; next = queue.shift()) {
    const started = performance.now();
    const record = recordPath(root, next), namesFile = `${record}.names`;
    mkdirSync(dirname(record), { recursive: true });
    rmSync(record, { force: true });
    const hash = contentHash(join(root, next.file));
    const { code, output } = await run(next, namesFile);
    const outcome = outcomeOf(code, output);
    writeRecord(record, { hash, ...outcome, names: namesIn(namesFile) });
    total.passed += outcome.passed;
    total.failed += outcome.failed;
    total.skipped += outcome.skipped;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(
      `${outcome.failed ? "FAIL" : "ok  "} ${next.runtime} ${next.file} (${outcome.passed} passed, ${seconds} s)`,
    );
    if (outcome.failed) console.log(output);
  }
}

/** uvu's own totals; a process that crashed, printed none or ran no test counts as one failure more. */
function outcomeOf(code: number | null, output: string): Outcome {
  const count = (label: string) => Number(new RegExp(`^\\s*${label}:\\s+(\\d+)`, "m").exec(output)?.[1] ?? 0);
  const all = count("Total"), passed = count("Passed"), skipped = count("Skipped");
  const failed = all - passed - skipped;
  const crashed = failed === 0 && (code !== 0 || all === 0);
  return { passed, skipped, failed: failed + (crashed ? 1 : 0) };
}

/** What a run wrote down; nothing if it came to an early end. */
function namesIn(namesFile: string): string[] {
  try {
    return JSON.parse(readFileSync(namesFile, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  } finally {
    rmSync(namesFile, { force: true });
  }
}

function run({ runtime, file }: Job, namesFile: string): Promise<{ code: number | null; output: string }> {
  const { command, args } = runtimeCommand(runtime);
  return new Promise((resolve) => {
    const child = spawn(command, [...args, "tools/run-test.ts", file, namesFile], {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "0" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    let output = "";
    child.stdout.on("data", (chunk) => output += chunk);
    child.stderr.on("data", (chunk) => output += chunk);
    child.on("error", (error) => resolve({ code: 1, output: `${output}\n${error.message}` }));
    child.on(
      "close",
      (code) => resolve({ code, output: code === null ? `${output}\nstopped after ${timeoutMs} ms` : output }),
    );
  });
}
