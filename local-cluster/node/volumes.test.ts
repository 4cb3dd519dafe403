import { mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Pod, Volume } from "../workloads/pod.ts";
import type { ReadSource } from "./environment.ts";
import { PodVolumes } from "./pod-volumes.ts";
import { volumeContent, type VolumeFile } from "./volume-files.ts";
import { sameFiles, writeVolume } from "./volume-writer.ts";

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "n", labels: { app: "a" } },
  spec: { containers: [] },
};
const read: ReadSource = (kind, name) =>
  name !== "there" ? undefined : {
    apiVersion: "v1",
    kind,
    metadata: { name },
    data: kind === "Secret" ? { "tls.crt": btoa("cert") } : { "policies.yml": "{}", other: "x" },
  };
const filesOf = (volume: Partial<Volume>) => {
  const content = volumeContent({ name: "v", ...volume }, { pod, read, serviceAccount: { token: "t0k3n" } });
  if (content.kind !== "files") return content.kind === "problem" ? content.problem : content.kind;
  return Object.fromEntries([...content.files].map(([path, file]) => [path, [text(file), file.mode]]));
};
const text = (file: VolumeFile) => new TextDecoder().decode(file.content);

test("volumes: a ConfigMap's items under their own paths and modes", () => {
  const items = [{ key: "policies.yml", path: "conf/p.yml", mode: 0o400 }];
  assert.equal(filesOf({ configMap: { name: "there", items } }), { "conf/p.yml": ["{}", 0o400] });
});

test("volumes: a Secret's keys decoded, with the default mode", () => {
  assert.equal(filesOf({ secret: { secretName: "there", defaultMode: 0o440 } }), { "tls.crt": ["cert", 0o440] });
});

test("volumes: what is missing is a problem unless it is optional", () => {
  assert.is(filesOf({ secret: { secretName: "gone" } }), 'secret "gone" not found');
  assert.equal(filesOf({ secret: { secretName: "gone", optional: true } }), {});
  const items = [{ key: "none", path: "none" }];
  assert.is(filesOf({ configMap: { name: "there", items } }), 'configmap "n/there" has no key "none"');
});

test("volumes: projected sources come together in one folder", () => {
  const sources = [
    { serviceAccountToken: { path: "token" } },
    { configMap: { name: "there", items: [{ key: "other", path: "ca.crt" }] } },
    { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
  ];
  const files = filesOf({ projected: { sources, defaultMode: 0o644 } });
  assert.equal(files, { token: ["t0k3n", 0o644], "ca.crt": ["x", 0o644], namespace: ["n", 0o644] });
});

test("volumes: a type that is not implemented is refused by name", () => {
  assert.match(String(filesOf({ hostPath: { path: "/" } })), /"hostPath" is not implemented/);
});

test("volumes: a new version is swapped by one symlink, stale names go, nothing is left behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "volume-"));
  const file = (content: string): VolumeFile => ({ content: new TextEncoder().encode(content), mode: 0o444 });
  const first = new Map([["a", file("1")], ["sub/b", file("2")]]);
  await writeVolume(folder, first);
  assert.is(await readlink(join(folder, "a")), "..data/a");
  assert.is(await readFile(join(folder, "sub/b"), "utf8"), "2");
  assert.is((await stat(join(folder, "a"))).mode & 0o777, 0o444);
  const before = await readlink(join(folder, "..data"));

  const second = new Map([["a", file("3")]]);
  assert.not(sameFiles(first, second));
  await writeVolume(folder, second);
  assert.is(await readFile(join(folder, "a"), "utf8"), "3");
  assert.is.not(await readlink(join(folder, "..data")), before);
  const names = await readdir(folder);
  assert.equal(names.filter((name) => !name.startsWith("..2")).sort(), ["..data", "a"]);
  assert.is(names.filter((name) => name.startsWith("..2")).length, 1);
  await rm(folder, { recursive: true });
});

test("volumes: files follow a change only after the delay that is asked for, all together", async () => {
  const folder = await mkdtemp(join(tmpdir(), "volume-"));
  const stop = new AbortController();
  let data = { a: "1", b: "1" };
  const asked = Promise.withResolvers<void>();
  const volumes = new PodVolumes({
    folder,
    pod: () => ({ ...pod, spec: { containers: [], volumes: [{ name: "v", configMap: { name: "c" } }] } }),
    read: (kind) => ({ apiVersion: "v1", kind, metadata: { name: "c" }, data }),
    issueToken: () => Promise.reject(new Error("nobody asked for a token")),
    delayMs: () => {
      asked.resolve();
      return 3_600_000;
    },
  });
  const shown = async () => [await readFile(join(folder, "v/a"), "utf8"), await readFile(join(folder, "v/b"), "utf8")];
  assert.is(await volumes.write(), undefined);
  const syncing = volumes.keepInSync(stop.signal);
  data = { a: "2", b: "2" };
  volumes.sourceChanged();
  await asked.promise;
  assert.equal(await shown(), ["1", "1"]);
  await volumes.write();
  assert.equal(await shown(), ["2", "2"]);
  stop.abort();
  await syncing;
  await rm(folder, { recursive: true });
});

test.run();
