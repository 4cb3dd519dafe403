/**
 * Builds both images with buildah and runs them: every service says how it is used, and a policy server gets ready, as the
 * image's user. Without --node-image and --deno-image the base images are made from this machine's own runtimes, so that
 * nothing is pulled; what the dependencies are installed from is npm's registry.
 *
 *   npm run check:image -- [--runtime node|deno] [--node-image IMAGE] [--deno-image IMAGE]
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildArguments, root } from "./image/builder.ts";
import { baseFromHost } from "./image/host-base.ts";

const { values } = parseArgs({
  options: { runtime: { type: "string" }, "node-image": { type: "string" }, "deno-image": { type: "string" } },
});
if (spawnSync("buildah", ["--version"]).error !== undefined) {
  console.log("skipped: buildah is not installed (Debian: apt-get install buildah), so no image was built here");
  process.exit(0);
}
const storage = mkdtempSync(join(tmpdir(), "kubewarden-image-"));
const options = ["--root", join(storage, "root"), "--runroot", join(storage, "run"), "--storage-driver", "vfs"];
const buildah = (...args: string[]) =>
  execFileSync("buildah", [...options, ...args], { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
    .trim();
let passed = 0, failed = 0;
try {
  for (const runtime of ["node", "deno"] as const) {
    if (values.runtime === undefined || values.runtime === runtime) await tryImage(runtime);
  }
} finally {
  rmSync(storage, { recursive: true, force: true });
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

async function tryImage(runtime: "node" | "deno"): Promise<void> {
  const nodeImage = values["node-image"] ?? baseFromHost(buildah, "node");
  const denoImage = runtime === "node" ? undefined : values["deno-image"] ?? baseFromHost(buildah, "deno");
  const tag = `localhost/kubewarden-edge:${runtime}`;
  const [command, ...rest] = buildArguments("buildah", { runtime, tag, nodeImage, denoImage });
  buildah(command!, "--isolation", "chroot", "--pull-never", "--quiet", ...rest);
  console.log(`built   ${tag}`);
  const container = buildah("from", "--pull-never", tag);
  const { OCIv1 } = JSON.parse(buildah("inspect", container)) as {
    OCIv1: { config: { Entrypoint: string[]; User: string } };
  };
  const { Entrypoint: entrypoint, User: user } = OCIv1.config;
  const inside = ["run", "--isolation", "chroot", "--env", "HOME=/tmp", container, "--"];
  check(`${runtime}: the user is a number that is not root`, user === "65533:65533");
  for (const service of ["certs", "reconciler", "webhook-registrar", "policy-server"]) {
    const help = attempt([...inside, ...entrypoint, service, "--help"]);
    check(`${runtime}: ${service} says how it is used`, help.includes("Usage: "));
  }
  const writing = attempt([...inside, "/bin/sh", "-c", "echo x > /app/package.json && echo written"]);
  check(`${runtime}: nothing of the image can be written to`, !writing.includes("written"));
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  check(
    `${runtime}: a policy server gets ready`,
    await serves([...inside, ...entrypoint], port),
  );
  buildah("rm", container);
}

function attempt(args: string[]): string {
  const { stdout } = spawnSync("buildah", [...options, ...args], { encoding: "utf8" });
  return stdout;
}

/** Starts the policy server without policies and asks its probe until it is ready. */
async function serves(command: string[], port: number): Promise<boolean> {
  const script = `echo '{}' > /tmp/policies.yml; exec "$@" --policies /tmp/policies.yml --policies-download-dir /tmp ` +
    `--addr 127.0.0.1 --port ${port} --readiness-probe-port ${port + 1} --shutdown-delay 0`;
  const at = command.indexOf("--");
  const args = [...options, ...command.slice(0, at + 1), "/bin/sh", "-c", script, "sh", ...command.slice(at + 1)];
  const child = spawn("buildah", args, { stdio: "ignore" });
  const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
  const isReady = async () =>
    (await fetch(`http://127.0.0.1:${port + 1}/readiness`).catch(() => undefined))?.ok === true;
  let ready = false;
  for (let tries = 0; tries < 300 && !ready && child.exitCode === null; tries++) {
    ready = await isReady();
    if (!ready) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill("SIGTERM");
  await ended;
  return ready;
}

function check(what: string, holds: boolean): void {
  console.log(`${holds ? "ok     " : "FAIL   "} ${what}`);
  if (holds) passed++;
  else failed++;
}
