import { test } from "uvu";
import * as assert from "uvu/assert";
import { chooseManifest, type IndexEntry, mediaTypes, parseManifest, wasmLayerOf } from "./manifest.ts";

const digest = `sha256:${"0".repeat(64)}`;
const { ociManifest, ociIndex, dockerManifest, dockerList, wasmLayer } = mediaTypes;
const blob = (mediaType: string) => ({ mediaType, digest, size: 3 });

function parse(content: unknown, mediaType = "") {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  return parseManifest({ mediaType, digest, bytes: new TextEncoder().encode(text) });
}

for (const type of [ociManifest, dockerManifest]) {
  test(`manifest: ${type}, said inside or outside of it`, () => {
    const content = { config: blob("c"), layers: [{ ...blob(wasmLayer), annotations: { a: "b" } }] };
    const expected = { kind: "manifest", ...content };
    assert.equal(parse(content, type), expected);
    assert.equal(parse({ ...content, mediaType: type }, "application/json"), expected);
  });
}
for (const type of [ociIndex, dockerList]) {
  test(`manifest: ${type}`, () => {
    const entry = { ...blob(ociManifest), platform: { os: "linux", architecture: "amd64" } };
    assert.equal(parse({ manifests: [entry] }, type), { kind: "index", manifests: [entry] });
  });
}

const refused: [string, unknown, string, RegExp][] = [
  ["a page", "<html>", "text/html", /not JSON/],
  ["another kind", {}, "application/json", /media type "application\/json"/],
  ["a manifest without layers", { config: blob("c") }, ociManifest, /manifest is damaged/],
  [
    "a layer with a short digest",
    { config: blob("c"), layers: [{ ...blob("x"), digest: "sha256:1" }] },
    ociManifest,
    /damaged/,
  ],
  ["an index of nothing", { manifests: [1] }, ociIndex, /index is damaged/],
];
for (const [what, content, type, message] of refused) {
  test(`manifest: ${what} is refused`, () => {
    assert.throws(
      () => parse(content, type),
      (error: Error & { code: string }) => error.code === "DOWNLOAD_MEDIA_TYPE_INVALID" && message.test(error.message),
    );
  });
}

const here = { os: "linux", architecture: "amd64" };
const entry = (os?: string, architecture = ""): IndexEntry => ({
  ...blob(`${os}/${architecture}`),
  ...(os === undefined ? {} : { platform: { os, architecture } }),
});
const chosen: [string, IndexEntry[], string | undefined][] = [
  ["this machine's", [entry("linux", "arm64"), entry("wasi", "wasm"), entry("linux", "amd64")], "linux/amd64"],
  ["the first for wasm", [entry("linux", "arm64"), entry("wasip1", "wasm"), entry("wasi", "wasm")], "wasip1/wasm"],
  ["the only one", [entry("linux", "arm64")], "linux/arm64"],
  ["the only one beside attestations", [entry("unknown", "unknown"), entry()], "undefined/"],
  ["none of several others", [entry("linux", "arm64"), entry("linux", "s390x")], undefined],
  ["none of nothing", [], undefined],
];
for (const [what, entries, type] of chosen) {
  test(`index: takes ${what}`, () => {
    if (type !== undefined) assert.is(chooseManifest(entries, here).mediaType, type);
    else {assert.throws(() =>
        chooseManifest(entries, here), (error: { code: string }) =>
        error.code === "DOWNLOAD_NOT_FOUND");}
  });
}

const layers: [string, string[], string, string][] = [
  ["none", [], "DOWNLOAD_LAYERS_INVALID", "could not pull policy r/a:1: empty layers"],
  ["two", [wasmLayer, wasmLayer], "DOWNLOAD_LAYERS_INVALID", "could not pull policy r/a:1: 2 WebAssembly layers"],
  ["a tarball", ["t"], "DOWNLOAD_MEDIA_TYPE_INVALID", "could not pull policy r/a:1: Incompatible layer media type: t"],
  ["a tarball after it", [wasmLayer, "t"], "DOWNLOAD_MEDIA_TYPE_INVALID", "could not pull policy r/a:1: Incompatible"],
];
for (const [what, types, code, message] of layers) {
  test(`layers: ${what} cannot be a policy`, () => {
    assert.throws(
      () => wasmLayerOf(types.map(blob), "r/a:1"),
      (error: Error & { code: string }) => error.code === code && error.message.startsWith(message),
    );
  });
}
test("layers: the one that is WebAssembly is the module", () => {
  assert.equal(wasmLayerOf([blob(wasmLayer)], "r/a:1"), blob(wasmLayer));
});

test.run();
