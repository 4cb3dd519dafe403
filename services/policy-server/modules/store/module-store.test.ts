import { execFileSync, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sha256Hex } from "../../../../runtime/digest.ts";
import { createLog } from "../../../../runtime/telemetry/log.ts";
import { currentRuntime, runtimeCommand } from "../../../../tools/runtimes.ts";
import { longWasm, wasm } from "../../testing/supply.ts";
import { ModuleStore } from "./module-store.ts";

const root = await mkdtemp(join(tmpdir(), "store-"));
test.after(() => rm(root, { recursive: true }));

function fresh(folder = join(root, crypto.randomUUID())) {
  const lines: { level: string; message: string }[] = [];
  const log = createLog({ write: (line) => lines.push(JSON.parse(line)) });
  return { folder, lines, store: new ModuleStore(folder, { log }) };
}
const digest = `sha256:${sha256Hex(wasm)}`;
const path = (folder: string) => join(folder, "sha256", `${digest.slice(7)}.wasm`);

async function put(store: ModuleStore, bytes = wasm, expected?: string) {
  const incoming = await store.receive(expected);
  try {
    await incoming.write(bytes.subarray(0, 3));
    await incoming.write(bytes.subarray(3));
    return await incoming.commit();
  } finally {
    await incoming.discard();
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(() => "no error", (error) => error.code ?? error.message);
}

test("store: a module is kept by its digest and given back to any later process", async () => {
  const { folder, store } = fresh();
  assert.is(await store.module(digest), undefined);
  assert.equal(await put(store, wasm, digest), { digest, bytes: wasm });
  assert.equal(await fresh(folder).store.module(digest), wasm);
  assert.equal(await readdir(join(folder, "partial")), []);
});

test("AT-106: store: what is no module, or not the one that was announced, leaves nothing", async () => {
  const { folder, store } = fresh();
  const json = new TextEncoder().encode('{"not":"wasm"}');
  assert.is(await codeOf(put(store, json)), "MODULE_INVALID");
  assert.is(await codeOf(put(store, wasm, `sha256:${"0".repeat(64)}`)), "DOWNLOAD_DIGEST_MISMATCH");
  const dropped = await store.receive();
  await dropped.write(wasm);
  await dropped.discard();
  assert.equal([await readdir(folder), await readdir(join(folder, "partial"))], [["partial"], []]);
});

test("store: what restarts is what came after that", async () => {
  const incoming = await fresh().store.receive(digest);
  await incoming.write(longWasm(1000));
  await incoming.restart();
  assert.is(incoming.size, 0);
  await incoming.write(wasm);
  assert.equal((await incoming.commit()).bytes, wasm);
});

test("store: a digest of SHA-512 is one, too", async () => {
  const expected = `sha512:${await hexOf("SHA-512", wasm)}`;
  const { folder, store } = fresh();
  assert.is((await put(store, wasm, expected)).digest, expected);
  assert.equal(await fresh(folder).store.module(expected), wasm);
});

async function hexOf(algorithm: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest(algorithm, bytes)).toHex();
}

test("store: a damaged file is as if it were not there, and is said", async () => {
  const { folder, store, lines } = fresh();
  await put(store);
  await writeFile(path(folder), longWasm(8000));
  assert.is(await store.module(digest), undefined);
  assert.equal(lines.map(({ level, message }) => [level, message]), [
    ["warn", "A stored file is damaged and is fetched again"],
  ]);
  await put(store);
  assert.equal(await store.module(digest), wasm);
});

test("store: what a URL meant is known to a later process, and a damaged note is none", async () => {
  const { folder, store } = fresh();
  await store.keepReference("https://u:secret@h/a?key=secret", { module: digest });
  await store.keepReference("r.io/a:1", { module: digest, manifest: digest });
  const { store: later } = fresh(folder);
  assert.equal(await later.reference("r.io/a:1"), { module: digest, manifest: digest });
  assert.equal(await later.reference("https://u:secret@h/a?key=secret"), { module: digest, manifest: undefined });
  assert.is(await later.reference("https://h/a"), undefined);
  for (const name of await readdir(join(folder, "references"))) {
    assert.not.match(await readFile(join(folder, "references", name), "utf8"), "secret");
    await writeFile(join(folder, "references", name), '{"module":"../../etc"}');
  }
  assert.is(await later.reference("r.io/a:1"), undefined);
});

test("AT-107: store: what upstream put there is found by its URL; an empty folder has nothing", async () => {
  const { folder, store } = fresh();
  assert.is(await store.ofUpstream("ghcr.io/a/policy:v1"), undefined);
  for (
    const [file, url] of [
      ["registry/ghcr.io/a/policy:v1", "registry://ghcr.io/a/policy:v1"],
      ["https/host:8443/policy.wasm", "https://host:8443/policy.wasm"],
    ] as const
  ) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), wasm);
    assert.equal(await store.ofUpstream(url), wasm);
  }
});

test("store: a folder that cannot be written to is said once, and modules stay in memory", async () => {
  const blocked = join(root, "a file");
  await writeFile(blocked, "");
  const { store, lines } = fresh(join(blocked, "store"));
  assert.equal((await put(store, wasm, digest)).bytes, wasm);
  assert.is(await codeOf(put(store, longWasm(100), digest)), "DOWNLOAD_DIGEST_MISMATCH");
  await store.keepManifest(digest, wasm);
  await store.keepReference("r.io/a:1", { module: digest });
  assert.is(await store.module(digest), undefined);
  assert.equal(lines.map(({ level }) => level), ["warn"]);
  assert.match(lines[0]?.message ?? "", "cannot be written to");
});

test("store: a folder that is filled but read-only is read", async () => {
  const { folder, store } = fresh();
  await put(store);
  await chmod(folder, 0o555);
  const { store: later, lines } = fresh(folder);
  assert.equal(await later.module(digest), wasm);
  assert.equal(lines, []);
  await chmod(folder, 0o755);
});

test("store: several processes may put the same module there at the same time", async () => {
  const { folder } = fresh();
  const stores = Array.from({ length: 8 }, () => fresh(folder).store);
  const kept = await Promise.all(stores.map((store) => put(store, longWasm(200_000))));
  assert.is(new Set(kept.map((each) => each.digest)).size, 1);
  assert.equal(await readdir(join(folder, "partial")), []);
  assert.is((await readdir(join(folder, "sha256"))).length, 1);
});

/** Runs a program that begins to take in a module, says so, and waits; returns once it said so. */
async function startHalfway(folder: string) {
  const script = join(dirname(fileURLToPath(import.meta.url)), "../../testing/half-a-module.ts");
  const { command, args } = runtimeCommand(currentRuntime);
  const child = spawn(command, [...args, script, folder], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("exit", () => reject(new Error("ended too early")));
  });
  return child;
}

test("store: what a killed process left is removed by the next start, what a living one writes is not", async () => {
  const { folder, store, lines } = fresh();
  const killed = await startHalfway(folder), living = await startHalfway(folder);
  const gone = new Promise((resolve) => killed.once("exit", resolve));
  killed.kill("SIGKILL");
  await gone;
  assert.is((await readdir(join(folder, "partial"))).length, 2);
  await store.cleanUp();
  const [rest, ...others] = await readdir(join(folder, "partial"));
  assert.equal(others, []);
  assert.match(rest ?? "", `.${living.pid}.`);
  assert.is(lines[0]?.message, "Removed unfinished downloads of processes that are gone");
  const ended = new Promise((resolve) => living.once("exit", resolve));
  living.kill("SIGKILL");
  await ended;
  assert.equal(await readdir(folder), ["partial"]);
});

test("store: leftovers of the same process number in an earlier life, and of other machines, go in their time", async () => {
  const { folder, store } = fresh();
  const partial = join(folder, "partial");
  await mkdir(partial, { recursive: true });
  const id = crypto.randomUUID();
  const hour = 3_600_000;
  const files: [string, number, boolean][] = [
    [`${hostname()}.${process.pid}.${id}.partial`, performance.timeOrigin - 60_000, false],
    [`${hostname()}.${process.pid}.${crypto.randomUUID()}.partial`, Date.now(), true],
    [`elsewhere.1.${id}.partial`, Date.now() - hour / 2, true],
    [`elsewhere.2.${id}.partial`, Date.now() - 2 * hour, false],
    ["something of others", 0, true],
  ];
  for (const [name, ms] of files) {
    await writeFile(join(partial, name), "");
    await utimes(join(partial, name), ms / 1000, ms / 1000);
  }
  await store.cleanUp();
  const left = new Set(await readdir(partial));
  assert.equal(files.map(([name]) => left.has(name)), files.map(([, , stays]) => stays));
});

/** Mounts a file system of 64 KiB; undefined where this process may not. */
function smallDisk(folder: string) {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], { stdio: "pipe" });
  } catch {
    return undefined; // Not root, not Linux, or in a container that may not mount.
  }
  return {
    freeze: () => void execFileSync("mount", ["-o", "remount,ro", folder]),
    unmount: () => void execFileSync("umount", [folder]),
  };
}

test("store: a full disk is said, nothing half-written remains, what fits still does; then it is read-only", async () => {
  const folder = join(root, "small");
  await mkdir(folder);
  const disk = smallDisk(folder);
  if (disk === undefined) {
    console.log("A full disk cannot be made here: mounting needs root on Linux");
    return;
  }
  try {
    const { store } = fresh(folder);
    const error = await put(store, longWasm(200_000)).catch((each) => each);
    assert.is(error.code, "DOWNLOAD_STORE_FAILED");
    assert.is(error.message, `Cannot keep modules in "${folder}": no space is left on its disk`);
    assert.equal(await readdir(join(folder, "partial")), []);
    await put(store);
    disk.freeze();
    const later = fresh(folder);
    assert.equal(await later.store.module(digest), wasm);
    assert.equal((await put(later.store, longWasm(200_000))).bytes, longWasm(200_000));
    assert.equal(later.lines.map(({ level }) => level), ["warn"]);
  } finally {
    disk.unmount();
  }
});

test.run();
