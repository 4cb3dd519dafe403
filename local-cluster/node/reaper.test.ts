import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { currentRuntime, runtimeCommand } from "../../tools/runtimes.ts";
import { eventually } from "../testing/observe.ts";
import { startReaper } from "./reaper.ts";

/** A process that only waits, as a pod would. */
function startSleeper(): ChildProcess {
  return spawn("sleep", ["600"], { stdio: "ignore", detached: true });
}

const hasEnded = (pid: number) => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

test("reaper: kills what it still knows when it is stopped, and nothing it was told to forget", async () => {
  const reaper = startReaper();
  const [known, forgotten] = [startSleeper(), startSleeper()];
  const ended = new Promise((resolve) => known.once("exit", resolve));
  reaper.add(known.pid!);
  reaper.add(forgotten.pid!);
  reaper.drop(forgotten.pid!);
  await reaper.stop();
  await ended;
  assert.not(hasEnded(forgotten.pid!));
  process.kill(forgotten.pid!, "SIGKILL");
});

test("reaper: a cluster that is killed takes its pods and its folder along", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reaper-"));
  const { command, args } = runtimeCommand(currentRuntime);
  const script = fileURLToPath(new URL("../testing/orphan-maker.ts", import.meta.url));
  const parent = spawn(command, [...args, script, folder], { stdio: ["ignore", "pipe", "inherit"] });
  const pid = await new Promise<number>((resolve) =>
    createInterface({ input: parent.stdout }).once("line", (line) => resolve(Number(line)))
  );
  assert.not(hasEnded(pid));
  process.kill(parent.pid!, "SIGKILL");
  await eventually("the orphan has ended", () => hasEnded(pid));
  await eventually("its folder is gone", () => !existsSync(folder));
});

test.run();
