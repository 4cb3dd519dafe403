import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exchange } from "../../runtime/net/net.ts";
import { sleep } from "../../runtime/sleep.ts";
import { currentRuntime, runtimeCommand } from "../../tools/runtimes.ts";

/** The command line as a person sees it: texts, exit codes, files, and the way to the background. */
const folder = await mkdtemp(join(tmpdir(), "policy-server-command-line-"));
const policiesFile = join(folder, "policies.yml");
await writeFile(policiesFile, "{}");
const daemons: number[] = [];
test.after(async () => {
  for (const pid of daemons) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  await rm(folder, { recursive: true });
});

type Exit = { code: number | null; stdout: string; stderr: string };

/** Runs the image's way in to its end. */
async function run(args: string[], env: Record<string, string> = {}): Promise<Exit> {
  const { command, args: first } = runtimeCommand(currentRuntime);
  const entrypoint = fileURLToPath(new URL("../entrypoint.ts", import.meta.url));
  const child = spawn(command, [...first, entrypoint, ...args], {
    cwd: folder,
    env: {
      ...process.env,
      KUBEWARDEN_BIND_ADDRESS: "127.0.0.1",
      KUBEWARDEN_PORT: "0",
      KUBEWARDEN_READINESS_PROBE_PORT: "0",
      KUBEWARDEN_POLICIES: policiesFile,
      KUBEWARDEN_SHUTDOWN_DELAY: "0",
      ...env,
    },
  });
  let stdout = "", stderr = "";
  child.stdout.on("data", (chunk) => stdout += chunk);
  child.stderr.on("data", (chunk) => stderr += chunk);
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
}

test("command line: -V is the version, --version tells the builtins too", async () => {
  const [short, long] = await Promise.all([run(["policy-server", "-V"]), run(["--version"])]);
  assert.equal([short.code, long.code], [0, 0]);
  assert.match(short.stdout, /^\d+\.\d+\.\d+\n$/);
  const heading = "Open Policy Agent/Gatekeeper implemented builtins:";
  const [version, ...names] = long.stdout.split(`\n${heading}\n`);
  assert.is(version, short.stdout);
  const builtins = (names[0] ?? "").trimEnd().split("\n");
  assert.equal(builtins, builtins.toSorted());
  for (const name of ["json.patch", "sprintf", "time.parse_rfc3339_ns"]) assert.ok(builtins.includes(`  - ${name}`));
});

test("command line: --help fits 100 columns and tells everything but what is hidden", async () => {
  const { code, stdout } = await run(["policy-server", "--help"]);
  assert.is(code, 0);
  assert.equal(stdout.split("\n").filter((line) => line.length > 100), []);
  assert.match(stdout, /^ {2}--daemon-pid-file <path> /m);
  assert.match(stdout, /^Commands:\n {2}docs -o <file> /m);
  assert.not.match(stdout, "continue-on-errors");
});

const endings: [string[], Record<string, string>, number, RegExp][] = [
  [["--wrokers", "1"], {}, 2, /^error: unknown option '--wrokers'\n\(Did you mean --workers\?\)\nSee --help\.\n$/],
  [["policy-server", "stray"], {}, 2, /^error: unexpected argument "stray"\nSee --help\.\n$/],
  [["--workers", "0"], {}, 2, /at least one evaluation must be able to run/],
  [[], { KUBEWARDEN_DAEMON: "maybe" }, 2, /^error: environment variable KUBEWARDEN_DAEMON has the value "maybe": /],
  [["--addr", "localhost"], {}, 1, /^Error: error parsing arguments: --addr: "localhost" is no IP address\n$/],
  [["docs"], {}, 2, /^error: docs needs a file to write: -o, --output <file>\n/],
  [["docs", "-o", "/no/such/folder/cli.md"], {}, 1, /^Error: Cannot write "\/no\/such\/folder\/cli\.md": ENOENT/],
];
for (const [args, env, code, message] of endings) {
  test(`command line: ${args.join(" ")} with ${JSON.stringify(env)} ends with ${code}`, async () => {
    const exit = await run(args, env);
    assert.is(exit.code, code);
    assert.match(exit.stderr, message);
  });
}

test("command line: docs writes Markdown, or AsciiDoc by the name of the file", async () => {
  const exits = await Promise.all([
    run(["policy-server", "docs", "-o", "cli.md"]),
    run(["docs", "--output", "cli.adoc"]),
  ]);
  assert.equal(exits.map(({ code }) => code), [0, 0]);
  assert.match(await readFile(join(folder, "cli.md"), "utf8"), /^# policy-server\n[^]*\| `--addr <ip>` \| /);
  assert.match(await readFile(join(folder, "cli.adoc"), "utf8"), /^= policy-server\n[^]*\n\|`\+--addr <ip>\+`\n/);
});

test("command line: log lines into a pipe have no colours", async () => {
  const { stdout } = await run(["--policies", "none.yml"]);
  assert.match(stdout, /ERROR failed/);
  assert.not.match(stdout, "\x1b");
});

const daemonArgs = [
  "--daemon",
  "--daemon-pid-file",
  "d.pid",
  "--daemon-stdout-file",
  "out",
  "--daemon-stderr-file",
  "err",
];

test("command line: a daemon serves when its starter ends, holds its pid file, and stops by SIGTERM", async () => {
  // What a process that is long gone has left.
  await writeFile(join(folder, "d.pid"), "999999999\n");
  const start = await run(daemonArgs, { KUBEWARDEN_LOG_FMT: "json" });
  assert.is(start.code, 0, start.stderr);
  const pid = Number(await readFile(join(folder, "d.pid"), "utf8"));
  daemons.push(pid);
  // The log is written a turn later than the starter is told.
  let ready: { readiness: string } | undefined;
  while (ready === undefined) {
    ready = (await readFile(join(folder, "out"), "utf8")).split("\n").slice(0, -1)
      .map((line) => JSON.parse(line)).find(({ message }) => message === "Ready");
  }
  assert.is(await readinessOf(ready.readiness), 200);

  const second = await run(daemonArgs, {});
  assert.is(second.code, 1);
  assert.is(second.stderr, `Error: Cannot daemonize: "d.pid" names process ${pid}, which still runs\n`);
  assert.match(await readFile(join(folder, "out"), "utf8"), "Ready");

  process.kill(pid, "SIGTERM");
  while (isAlive(pid)) await sleep(5);
  assert.match(await readFile(join(folder, "out"), "utf8"), "SIGTERM received, stopping");
});

test("command line: a daemon that cannot start fails its starter with its reason, and leaves no pid file", async () => {
  const args = ["--daemon-pid-file", "f.pid", "--daemon-stderr-file", "both", "--daemon-stdout-file", "both"];
  const { code, stderr } = await run(["--daemon=true", "--policies", "none.yml", ...args]);
  assert.is(code, 1);
  assert.match(stderr, /^Error: Cannot daemonize: error while loading policies from "none\.yml": ENOENT/);
  const own = await readFile(join(folder, "both"), "utf8");
  assert.match(own, /^Error: error while loading policies from "none\.yml"/m);
  assert.match(own, /ERROR failed/);
  assert.not.ok(existsSync(join(folder, "f.pid")));
});

const unwritable: [string, string][] = [
  ["--daemon-stdout-file", "Cannot create file for daemon stdout: "],
  ["--daemon-stderr-file", "Cannot create file for daemon stderr: "],
  ["--daemon-pid-file", "Cannot daemonize: "],
];
for (const [flag, message] of unwritable) {
  test(`command line: a daemon whose ${flag} cannot be written does not start`, async () => {
    const { code, stderr } = await run(["--daemon", "--daemon-pid-file", "u.pid", flag, "/no/such/folder/file"]);
    assert.is(code, 1);
    assert.ok(stderr.startsWith(`Error: ${message}`), stderr);
    assert.not.ok(existsSync(join(folder, "u.pid")));
  });
}

async function readinessOf(url: string): Promise<number> {
  return (await exchange(url, { maxBytes: 100, signal: new AbortController().signal })).status;
}

/** A process that has ended, and whose end nobody has asked for yet, counts as gone. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false; // No such process.
  }
  return process.platform !== "linux" || commandLineOf(pid) !== "";
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // It has ended since.
  }
}

test.run();
