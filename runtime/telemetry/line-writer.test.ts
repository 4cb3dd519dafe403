import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { currentRuntime, runtimeCommand } from "../../tools/runtimes.ts";
import { lineWriter } from "./line-writer.ts";

test("line writer: the lines of one turn are one write, those of the next another", async () => {
  const written: string[] = [];
  const { write } = lineWriter((text) => written.push(text));
  write("a");
  write("b");
  await new Promise((resolve) => setTimeout(resolve));
  write("c");
  while (written.length < 2) await new Promise((resolve) => setTimeout(resolve));
  assert.equal(written, ["a\nb\n", "c\n"]);
});

test("line writer: much at once does not wait for the turn to end, and a flush writes what is left once", async () => {
  const written: string[] = [];
  const { write, flush } = lineWriter((text) => written.push(text));
  write("x".repeat(100_000));
  assert.is(written.length, 1);
  write("y");
  flush();
  assert.is(written[1], "y\n");
  await new Promise((resolve) => setTimeout(resolve));
  assert.is(written.length, 2);
});

test("line writer: what a process logs right before it ends is not lost", () => {
  const { command, args } = runtimeCommand(currentRuntime);
  const log = fileURLToPath(new URL("./log.ts", import.meta.url));
  const program = `import { createLog } from ${JSON.stringify(log)};
    const log = createLog();
    for (let line = 0; line < 3000; line++) log.info("line " + line);
    process.exit(3);`;
  const inline = currentRuntime === "node" ? ["--input-type=module", "-e", program] : [];
  const { stdout, status } = currentRuntime === "node"
    ? spawnSync(command, inline, { encoding: "utf8" })
    : spawnSync(command, [...args, "-"], { encoding: "utf8", input: program });
  assert.is(status, 3);
  assert.is(stdout.trimEnd().split("\n").length, 3000);
});

test.run();
