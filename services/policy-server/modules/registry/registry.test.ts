import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sha256Hex } from "../../../../runtime/digest.ts";
import { sleep } from "../../../../runtime/sleep.ts";
import { makeScratch } from "../../../../runtime/testing/scratch.ts";
import { registryScene } from "../../testing/registry-scene.ts";
import { longWasm, testSupply, type TestSupplyOptions, wasm } from "../../testing/supply.ts";
import { putBlob, putManifest, putPolicy, type TestRegistry } from "../../testing/registry.ts";
import type { VerifyImage } from "../fetch.ts";
import { parseImageReference } from "./image-reference.ts";
import { mediaTypes } from "./manifest.ts";
import { pushModule } from "./push.ts";

const scratch = await makeScratch("registry");
test.after(scratch.end);
const { signal, fresh } = scratch;
const { ociIndex, ociManifest, wasmLayer, wasmConfig } = mediaTypes;
const { start, supplyFor } = registryScene(scratch);

test("registry: what is pushed can be pulled by tag and by the digest that the push returned", async () => {
  const registry = await start();
  const supply = await supplyFor(registry);
  const image = parseImageReference(`${registry.host}/a/b/policy:v1`);
  const module = longWasm(50_000);
  const immutable = await pushModule({ image, module }, { registry: supply.registry, annotations: { a: "b" }, signal });
  assert.match(immutable, /^localhost:\d+\/a\/b\/policy@sha256:[0-9a-f]{64}$/);
  for (const url of [`registry://${registry.host}/a/b/policy:v1`, `${registry.host}/a/b/policy:v1`, immutable]) {
    assert.equal((await (await supplyFor(registry)).fetch(url)).bytes, module);
  }
  const { bytes } = registry.manifests.get("a/b/policy v1")!;
  const manifest = JSON.parse(new TextDecoder().decode(bytes));
  assert.equal(manifest.config, { mediaType: wasmConfig, digest: `sha256:${sha256Hex("{}")}`, size: 2 });
  assert.equal(manifest.annotations, { a: "b" });
});

test("registry: an index leads to a manifest, a digest of it too", async () => {
  const registry = await start();
  const entry = putPolicy(registry, { reference: "only" });
  const index = putManifest(registry, {
    repository: "a/policy",
    reference: "v1",
    content: { mediaType: ociIndex, manifests: [{ ...entry, platform: { os: "wasi", architecture: "wasm" } }] },
  });
  const supply = await supplyFor(registry);
  assert.is(await supply.outcome(`${registry.host}/a/policy:v1`), "8 bytes of registry");
  assert.is(await supply.outcome(`${registry.host}/a/policy@${index.digest}`), "8 bytes of store");
});

const layerless = { mediaType: wasmLayer, size: 8, digest: `sha256:${"0".repeat(64)}` };
const bad: [string, (registry: TestRegistry) => void, RegExp][] = [
  ["a tag that is not there", () => {}, /^DOWNLOAD_NOT_FOUND: could not pull policy .*there is no such image/],
  ["no layers", (registry) => putPolicy(registry, { layers: [] }), /^DOWNLOAD_LAYERS_INVALID: .*empty layers$/],
  [
    "two layers",
    (registry) => {
      const layer = putBlob(registry, { bytes: wasm, mediaType: wasmLayer });
      putPolicy(registry, { layers: [layer, layer] });
    },
    /^DOWNLOAD_LAYERS_INVALID: .*2 WebAssembly layers/,
  ],
  [
    "a layer of another type",
    (registry) => putPolicy(registry, { layers: [putBlob(registry, { bytes: wasm, mediaType: "application/x-tar" })] }),
    /^DOWNLOAD_MEDIA_TYPE_INVALID: .*Incompatible layer media type: application\/x-tar/,
  ],
  [
    "something that is no manifest",
    (registry) =>
      putManifest(registry, { repository: "a/policy", reference: "v1", content: { mediaType: "application/json" } }),
    /^DOWNLOAD_MEDIA_TYPE_INVALID: .*"application\/json", which is no image manifest/,
  ],
  [
    "a layer that is missing",
    (registry) => putPolicy(registry, { layers: [layerless] }),
    /^DOWNLOAD_NOT_FOUND: .*not its layer/,
  ],
  [
    "a layer that is other content",
    (registry) => {
      const layer = putBlob(registry, { bytes: wasm, mediaType: wasmLayer });
      putPolicy(registry, { layers: [layer] });
      registry.blobs.set(layer.digest, Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0));
    },
    /^DOWNLOAD_DIGEST_MISMATCH: .*instead of sha256:/,
  ],
  [
    "a layer that is shorter than announced",
    (registry) =>
      putPolicy(registry, { layers: [{ ...putBlob(registry, { bytes: wasm, mediaType: wasmLayer }), size: 9 }] }),
    /^DOWNLOAD_TRUNCATED: .*8 bytes of 9/,
  ],
  [
    "a layer that is longer than announced",
    (registry) =>
      putPolicy(registry, { layers: [{ ...putBlob(registry, { bytes: wasm, mediaType: wasmLayer }), size: 7 }] }),
    /^DOWNLOAD_TOO_LARGE: .*larger than 7 bytes/,
  ],
  [
    "a layer that is larger than any module",
    (registry) => putPolicy(registry, { layers: [{ ...layerless, size: 1e9 }] }),
    /^DOWNLOAD_TOO_LARGE: .*larger than 67108864 bytes/,
  ],
  [
    "a layer that is no module",
    (registry) =>
      putPolicy(registry, { layers: [putBlob(registry, { bytes: new Uint8Array(5), mediaType: wasmLayer })] }),
    /^MODULE_INVALID: invalid wasm file/,
  ],
];
for (const [what, prepare, expected] of bad) {
  test(`registry: ${what} is told as that, and leaves nothing half-written`, async () => {
    const registry = await start();
    prepare(registry);
    const folder = fresh();
    const outcome = await (await supplyFor(registry, { folder })).outcome(`${registry.host}/a/policy:v1`);
    assert.match(outcome, expected);
    const left = await readdir(folder, { recursive: true }).catch(() => []);
    assert.equal(left.filter((name) => /\.partial$|\.wasm$/.test(name)), []);
  });
}

for (const status of [403, 429, 500]) {
  test(`registry: one that answers ${status} is told as that`, async () => {
    const registry = await start();
    registry.intercept = () => new Response("", { status });
    const outcome = await (await supplyFor(registry)).outcome(`${registry.host}/a/policy:v1`);
    const code = { 403: "DOWNLOAD_FORBIDDEN", 429: "DOWNLOAD_BUSY", 500: "DOWNLOAD_SERVER_FAILED" }[status];
    assert.ok(
      outcome.startsWith(`${code}: Cannot download "http://${registry.host}/v2/a/policy/manifests/v1": `),
      outcome,
    );
  });
}

test("registry: a manifest that is not the one of its digest is refused", async () => {
  const registry = await start();
  const { digest } = putPolicy(registry);
  registry.manifests.set(`a/policy ${digest}`, { mediaType: ociManifest, bytes: new TextEncoder().encode("{}") });
  const outcome = await (await supplyFor(registry)).outcome(`${registry.host}/a/policy@${digest}`);
  assert.match(outcome, /^DOWNLOAD_DIGEST_MISMATCH: /);
});

async function sizeOfPartial(folder: string): Promise<number> {
  const [name = ""] = await readdir(join(folder, "partial"));
  return (await stat(join(folder, "partial", name))).size;
}

test("registry: a layer that breaks off goes on where it was", async () => {
  const folder = fresh();
  const registry = await start();
  const module = longWasm(100_000);
  const layer = putBlob(registry, { bytes: module, mediaType: wasmLayer });
  putPolicy(registry, { layers: [layer] });
  let first = true;
  registry.intercept = (request) => {
    if (!request.url.includes("/blobs/") || !first) return undefined;
    first = false;
    const broken = new ReadableStream({
      async start(controller) {
        controller.enqueue(module.subarray(0, 40_000));
        // The cable is cut once something arrived.
        while (await sizeOfPartial(folder) === 0) await sleep(5);
        controller.error(new Error("the cable was cut"));
      },
    });
    return new Response(broken);
  };
  const supply = await supplyFor(registry, { folder });
  assert.equal((await supply.fetch(`${registry.host}/a/policy:v1`)).bytes, module);
  const ranges = registry.seen.filter(({ path }) => path.includes("/blobs/")).map(({ range }) => range);
  assert.is(ranges.length, 2);
  assert.match(ranges[1] ?? "", /^bytes=[1-9]\d*-$/);
});

test("store: tags are asked for again as the pull policy says, and layers that are there are not fetched again", async () => {
  const registry = await start();
  const { digest } = putPolicy(registry);
  putPolicy(registry, { reference: "latest" });
  const folder = fresh();
  const ask = async (url: string, o: Partial<TestSupplyOptions> = {}) => {
    registry.seen.length = 0;
    const outcome = await (await supplyFor(registry, { folder, ...o })).outcome(`${registry.host}/a/policy${url}`);
    return [outcome, ...registry.seen.map(({ path }) => path.replace(/sha256:.*/, "digest"))];
  };
  const manifest = (tag: string) => `/v2/a/policy/manifests/${tag}`;
  assert.equal(await ask(":v1"), ["8 bytes of registry", manifest("v1"), "/v2/a/policy/blobs/digest"]);
  assert.equal(await ask(":v1"), ["8 bytes of store"]);
  assert.equal(await ask(":v1", { policiesPullPolicy: "Always" }), ["8 bytes of store", manifest("v1")]);
  assert.equal(await ask(""), ["8 bytes of store", manifest("latest")]);
  assert.equal(await ask("", { policiesPullPolicy: "IfNotPresent" }), ["8 bytes of store"]);
  assert.equal(await ask(`@${digest}`, { policiesPullPolicy: "Always" }), ["8 bytes of store"]);
});

test("store: a folder that kwctl filled needs no network, and a tag in it no registry", async () => {
  const folder = fresh();
  await mkdir(join(folder, "registry/localhost:1/a"), { recursive: true });
  await writeFile(join(folder, "registry/localhost:1/a/policy:v1"), wasm);
  await writeFile(join(folder, "registry/localhost:1/a/page:v1"), "<html>");
  const supply = await testSupply({ folder, signal });
  assert.is(await supply.outcome("registry://localhost:1/a/policy:v1"), "8 bytes of upstream's store");
  assert.match(await supply.outcome("localhost:1/a/page:v1"), /^MODULE_INVALID: /);
  assert.match(await supply.outcome("localhost:1/a/other:v1"), /^DOWNLOAD_FAILED: /);
});

test("verify: exactly what was verified is run, not what the tag means or meant", async () => {
  const registry = await start();
  const vouched = putPolicy(registry);
  const folder = fresh();
  await (await supplyFor(registry, { folder })).fetch(`${registry.host}/a/policy:v1`);
  putPolicy(registry, { layers: [putBlob(registry, { bytes: longWasm(100), mediaType: wasmLayer })] });
  const supply = await supplyFor(registry, { folder, policiesPullPolicy: "IfNotPresent" });
  const asked: string[] = [];
  const verify: VerifyImage = async (image, { reader }) => {
    asked.push(`${image.repository} ${image.reference}`);
    const now = await reader.manifest(image);
    assert.is.not(now?.digest, vouched.digest);
    return vouched.digest;
  };
  assert.is(await supply.outcome(`${registry.host}/a/policy:v1`, verify), "8 bytes of store");
  assert.equal(asked, ["a/policy v1"]);
  const refuse = () => Promise.reject(new Error("no signature"));
  assert.match(await supply.outcome(`${registry.host}/a/policy:v1`, refuse), "no signature");
  assert.match(await supply.outcome("https://h/p.wasm", verify), /^VERIFICATION_FAILED: only modules of registries/);
});

test("reader: what refers to an image, by the referrers API in pages, or by its tag", async () => {
  const registry = await start();
  const { digest } = putPolicy(registry);
  const image = { registry: registry.host, repository: "a/policy", reference: "v1" };
  const { reader } = await supplyFor(registry);
  assert.equal(await reader.referrers(image, { digest }), []);
  const entry = (artifactType: string) => ({
    mediaType: ociManifest,
    digest,
    size: 1,
    artifactType,
    annotations: { a: "b" },
  });
  const content = { mediaType: ociIndex, manifests: [entry("x"), entry("y")] };
  putManifest(registry, { repository: "a/policy", reference: digest.replace(":", "-"), content });
  assert.equal(await reader.referrers(image, { digest }), [entry("x"), entry("y")]);
  assert.equal(await reader.referrers(image, { digest, artifactType: "y" }), [entry("y")]);
  registry.intercept = (request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (!pathname.includes("/referrers/")) return undefined;
    const last = searchParams.has("page");
    const headers: Record<string, string> = last ? {} : { link: `<${pathname}?page=2>; rel="next"` };
    return Response.json({ ...content, manifests: [entry(last ? "z" : "x")] }, { headers });
  };
  assert.equal(await reader.referrers(image, { digest }), [entry("x"), entry("z")]);
  assert.equal(await reader.referrers(image, { digest, artifactType: "z" }), [entry("z")]);
});

test("reader: manifests and blobs, checked and bounded", async () => {
  const registry = await start();
  const { digest } = putPolicy(registry);
  const image = { registry: registry.host, repository: "a/policy", reference: "v1" };
  const { reader } = await supplyFor(registry);
  const manifest = await reader.manifest(image);
  assert.equal([manifest?.digest, manifest?.mediaType], [digest, ociManifest]);
  assert.is(await reader.manifest({ ...image, reference: "none" }), undefined);
  const descriptor = putBlob(registry, { bytes: wasm, mediaType: "x", algorithm: "sha512" });
  assert.equal(await reader.blob(image, { descriptor, maxBytes: 8 }), wasm);
  const codeOf = (o: Parameters<typeof reader.blob>[1]) => reader.blob(image, o).then(() => "", (error) => error.code);
  assert.is(await codeOf({ descriptor, maxBytes: 7 }), "DOWNLOAD_TOO_LARGE");
  registry.blobs.set(descriptor.digest, longWasm(8).fill(1));
  assert.is(await codeOf({ descriptor, maxBytes: 8 }), "DOWNLOAD_DIGEST_MISMATCH");
  registry.blobs.delete(descriptor.digest);
  assert.is(await codeOf({ descriptor, maxBytes: 8 }), "DOWNLOAD_NOT_FOUND");
});

test.run();
