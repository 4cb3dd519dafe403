import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeScratch } from "../../../../runtime/testing/scratch.ts";
import { registryScene } from "../../testing/registry-scene.ts";
import { longWasm, wasm } from "../../testing/supply.ts";
import { putBlob, putManifest, putPolicy } from "../../testing/registry.ts";
import { mediaTypes } from "./manifest.ts";

const scratch = await makeScratch("registry");
test.after(scratch.end);
const { ociManifest, wasmLayer, wasmConfig } = mediaTypes;
const { start, supplyFor, dockerConfig } = registryScene(scratch);

test("mirrors: are asked first and in order, with their own credentials; the registry itself is the last", async () => {
  const origin = await start(), empty = await start(), mirror = await start();
  putPolicy(origin);
  const sourceMirrors = new Map([[origin.host, ["localhost:1", empty.host, `${mirror.host}/copy`]]]);
  const insecureSources = new Set(["localhost:1", empty.host, mirror.host]);
  const dockerConfigDir = await dockerConfig({ auths: { [origin.host]: { auth: btoa("origin:secret") } } });
  const o = () => ({ dockerConfigDir, sources: { sourceMirrors, insecureSources } });
  const supply = await supplyFor(origin, o());
  assert.is(await supply.outcome(`${origin.host}/a/policy:v1`), "8 bytes of registry");
  assert.match(supply.lines.join(), "A mirror did not help");
  assert.equal(mirror.seen[0]?.path, "/v2/copy/a/policy/manifests/v1");
  const layer = putBlob(mirror, { bytes: wasm, mediaType: wasmLayer });
  const config = putBlob(mirror, { bytes: new TextEncoder().encode("{}"), mediaType: wasmConfig });
  const content = { schemaVersion: 2, mediaType: ociManifest, config, layers: [layer] };
  putManifest(mirror, { repository: "copy/a/policy", reference: "v2", content });
  origin.seen.length = 0;
  assert.is(await (await supplyFor(origin, o())).outcome(`${origin.host}/a/policy:v2`), "8 bytes of registry");
  assert.equal(origin.seen, []);
  assert.equal(mirror.seen.filter(({ authorization }) => authorization !== null), []);
});

test("mirrors: one that gives other content than its digest says is passed over", async () => {
  const origin = await start(), mirror = await start();
  putPolicy(origin);
  putPolicy(mirror);
  for (const [digest, bytes] of mirror.blobs) if (bytes.length === 8) mirror.blobs.set(digest, longWasm(8));
  const sources = { sourceMirrors: new Map([[origin.host, [mirror.host]]]), insecureSources: new Set([mirror.host]) };
  mirror.blobs.forEach((bytes) => bytes.length === 8 && bytes.fill(7, 4));
  const supply = await supplyFor(origin, { sources });
  assert.equal((await supply.fetch(`${origin.host}/a/policy:v1`)).bytes, wasm);
});

test.run();
