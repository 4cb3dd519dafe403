import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { currentRuntime, runtimeCommand } from "../../tools/runtimes.ts";

const program = fileURLToPath(new URL("../testing/program.ts", import.meta.url));
let folder: string;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "process-"));
});
test.after(async () => await rm(folder, { recursive: true }));

/** Runs the program; `signals` are sent one by one, each when the named text was printed. */
async function run(mode: string, signals: [string, NodeJS.Signals][] = []) {
  const { command, args } = runtimeCommand(currentRuntime);
  const terminationLog = join(folder, `${mode}.log`);
  const child = spawn(command, [...args, program, mode], {
    env: { ...process.env, TERMINATION_MESSAGE_PATH: terminationLog },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "", errors = "";
  child.stderr.on("data", (chunk) => errors += chunk);
  child.stdout.on("data", (chunk) => {
    output += chunk;
    const [next] = signals;
    if (!next || !output.includes(next[0])) return;
    signals.shift();
    // Not child.kill: after that Deno reports the signal as the way it ended, whatever the child did.
    if (child.pid) process.kill(child.pid, next[1]);
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  const message = existsSync(terminationLog) ? await readFile(terminationLog, "utf8") : undefined;
  return { code, output, errors, message };
}

test("process: a usage error is told plainly and exits 2", async () => {
  const { code, errors, message } = await run("usage");
  assert.is(code, 2);
  assert.match(errors, "error: no such flag");
  assert.is(message, "no such flag");
});

test("process: a failure exits 1 and leaves its message, cut to what Kubernetes keeps", async () => {
  const { code, output, message } = await run("fail");
  assert.is(code, 1);
  assert.match(output, '"level":"error"');
  assert.match(message ?? "", /^it is wrong: ä+$/);
  const { length } = new TextEncoder().encode(message);
  assert.ok(length <= 4096 && length > 4090, `${length} bytes`);
});

for (const mode of ["crash", "reject"]) {
  test(`process: what nobody caught exits 1 with its message (${mode})`, async () => {
    const { code, message } = await run(mode);
    assert.is(code, 1);
    assert.match(message ?? "", /^nobody (caught|awaited) this$/);
  });
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`process: ${signal} lets it end in order, with 0 and no message`, async () => {
    const { code, output, message } = await run("wait", [["ready", signal]]);
    assert.is(code, 0);
    assert.match(output, "stopped in order");
    assert.is(message, undefined);
  });
}

test("process: the signal's own reason thrown at the end is no failure", async () => {
  assert.is((await run("throw-when-stopped", [["ready", "SIGTERM"]])).code, 0);
});

test("process: a second signal ends it at once", async () => {
  assert.is((await run("stubborn", [["ready", "SIGTERM"], ["no\n", "SIGTERM"]])).code, 143);
});

test.run();
