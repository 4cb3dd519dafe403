import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readText, readTextIfPresent, readTogether, watchFiles, writeAtomically } from "./files.ts";

const folders: string[] = [];
test.after(async () => {
  for (const each of folders) await rm(each, { recursive: true });
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "files-"));
  folders.push(path);
  return path;
}

/** A volume as the kubelet writes it: links through `..data`, which is replaced by rename. */
async function swap(volume: string, version: string, files: Record<string, string>): Promise<void> {
  await mkdir(join(volume, version));
  for (const [name, content] of Object.entries(files)) await writeFile(join(volume, version, name), content);
  await symlink(version, join(volume, "..data_tmp"));
  await rename(join(volume, "..data_tmp"), join(volume, "..data"));
  for (const name of Object.keys(files)) {
    await symlink(join("..data", name), join(volume, name)).catch((error) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}

test("files: an absent file is undefined only where that was asked for", async () => {
  const path = join(await folder(), "absent");
  assert.is(await readTextIfPresent(path), undefined);
  assert.match(String(await readText(path).catch((error) => error.code)), "ENOENT");
});

test("files: an atomic write replaces the content, makes folders and leaves nothing beside it", async () => {
  const base = await folder(), path = join(base, "a", "b");
  await writeAtomically(path, "one");
  await writeAtomically(path, "two");
  assert.is(await readText(path), "two");
  assert.equal(await readdir(join(base, "a")), ["b"]);
});

test("files: a swapped volume is noticed, all files as of one moment", async () => {
  const volume = await folder(), stop = new AbortController();
  await swap(volume, "..1", { "tls.crt": "cert 1", "tls.key": "key 1" });
  const paths = ["tls.crt", "tls.key", "absent"].map((name) => join(volume, name));
  const known = await readTogether(paths);
  const changed = Promise.withResolvers<string[]>();
  const watching = watchFiles(paths, {
    signal: stop.signal,
    intervalMs: 5,
    known,
    onChange: (contents) => changed.resolve([...contents.values()].map((bytes) => new TextDecoder().decode(bytes))),
  });
  await swap(volume, "..2", { "tls.crt": "cert 2", "tls.key": "key 2" });
  assert.equal(await changed.promise, ["cert 2", "key 2"]);
  stop.abort();
  await watching;
});

test("files: a change that cannot be used is not the end of watching", async () => {
  const path = join(await folder(), "f"), stop = new AbortController();
  await writeFile(path, "one");
  const seen: string[] = [];
  let first = true;
  const failed = Promise.withResolvers<void>(), second = Promise.withResolvers<void>();
  const watching = watchFiles([path], {
    signal: stop.signal,
    intervalMs: 5,
    known: await readTogether([path]),
    onChange: (contents) => {
      seen.push(new TextDecoder().decode(contents.get(path)));
      if (!first) return second.resolve();
      first = false;
      failed.resolve();
      throw new Error("unusable");
    },
  });
  await writeAtomically(path, "two");
  await failed.promise;
  await writeAtomically(path, "three");
  await second.promise;
  stop.abort();
  await watching;
  assert.equal(seen, ["two", "three"]);
});

test.run();
