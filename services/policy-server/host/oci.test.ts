import { test } from "uvu";
import * as assert from "uvu/assert";
import { sha256Hex } from "../../../runtime/digest.ts";
import { ManualClock } from "../../../runtime/testing/manual-clock.ts";
import { makeScratch } from "../../../runtime/testing/scratch.ts";
import { mediaTypes } from "../modules/registry/manifest.ts";
import { putBlob, putManifest, startTestRegistry } from "../testing/registry.ts";
import { testSupply } from "../testing/supply.ts";
import { imageHost } from "./oci.ts";
import type { OciQuestion } from "./questions.ts";

const { folder, signal, end } = await makeScratch("oci");
test.after(end);

const registry = await startTestRegistry({ signal });
const supply = await testSupply({ folder, signal, sources: { insecureSources: new Set([registry.host]) } });
const clock = new ManualClock();
const ask = imageHost({
  readerFor: supply.readerFor,
  platform: { os: "linux", architecture: "amd64" },
  now: () => clock.now(),
});
const answer = async (type: OciQuestion["type"], image: string) =>
  JSON.parse(new TextDecoder().decode(await ask({ type, image: `${registry.host}/${image}` }, signal)));
const failure = (type: OciQuestion["type"], image: string) => answer(type, image).catch((error) => error.message);

const bytes = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const imageConfig = bytes('{"config":{"User":"65533:65533"},"size":9007199254740993}');
const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: `sha256:${"0".repeat(64)}`, size: 1 };
function image(more: Record<string, unknown> = {}) {
  const config = putBlob(registry, { bytes: imageConfig, mediaType: "application/vnd.oci.image.config.v1+json" });
  return { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer], ...more };
}
const content = image({ annotations: { a: "b" }, subject: null, unknown: 1 });
putManifest(registry, { repository: "a/image", reference: "v1", content });
const digestOf = (value: unknown) => `sha256:${sha256Hex(bytes(value))}`;
const { subject: _, unknown: __, ...shown } = content as Record<string, unknown>;
const entries = ["arm64", "amd64"].map((architecture) => {
  const manifest = image({ annotations: { architecture } });
  putManifest(registry, { repository: "a/index", reference: architecture, content: manifest });
  const platform = { os: "linux", architecture };
  return { mediaType: mediaTypes.ociManifest, digest: digestOf(manifest), size: bytes(manifest).length, platform };
});
const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries };
putManifest(registry, { repository: "a/index", reference: "latest", content: index });

test("oci: the digest of a manifest, and of an index as it is", async () => {
  assert.equal(await answer("OciManifestDigest", "a/image:v1"), { digest: digestOf(content) });
  assert.equal(await answer("OciManifestDigest", "a/index"), { digest: digestOf(index) });
});

test("AT-100: the manifest of one image is a manifest, that of another is an index", async () => {
  assert.equal(await answer("OciManifest", "a/image:v1"), shown);
  assert.equal(await answer("OciManifest", "a/index"), index);
});

test("AT-101: the manifest and the configuration as it is; of an index those for this platform", async () => {
  const { manifest, digest, config } = await answer("OciManifestAndConfig", "a/image:v1");
  assert.equal([manifest, digest, config.config], [shown, digestOf(content), { User: "65533:65533" }]);
  const text = new TextDecoder().decode(
    await ask({ type: "OciManifestAndConfig", image: `${registry.host}/a/image:v1` }, signal),
  );
  assert.match(text, /"size":9007199254740993\}/);
  const ofIndex = await answer("OciManifestAndConfig", "a/index");
  assert.equal([ofIndex.digest, ofIndex.manifest.annotations], [entries[1]?.digest, { architecture: "amd64" }]);
});

test("oci: an answer is kept for a minute, a failure is not", async () => {
  const requests = () => registry.seen.filter(({ path }) => path.includes("moving")).length;
  assert.match(await failure("OciManifestDigest", "a/moving:v1"), /^no such image: localhost:\d+\/a\/moving:v1$/);
  putManifest(registry, { repository: "a/moving", reference: "v1", content });
  const before = requests();
  assert.equal(await answer("OciManifestDigest", "a/moving:v1"), { digest: digestOf(content) });
  putManifest(registry, { repository: "a/moving", reference: "v1", content: index });
  assert.equal(await answer("OciManifestDigest", "a/moving:v1"), { digest: digestOf(content) });
  assert.is(requests() - before, 1);
  clock.advance(60_000);
  assert.equal(await answer("OciManifestDigest", "a/moving:v1"), { digest: digestOf(index) });
});

test("oci: what is no image is said", async () => {
  assert.match(await failure("OciManifest", "A/b"), /invalid image reference/);
  putManifest(registry, { repository: "a/odd", reference: "v1", content: { mediaType: "text/plain" } });
  assert.match(await failure("OciManifest", "a/odd:v1"), /no image manifest/);
  const config = putBlob(registry, { bytes: bytes("no JSON"), mediaType: "application/json" });
  putManifest(registry, { repository: "a/text", reference: "v1", content: image({ config }) });
  assert.match(await failure("OciManifestAndConfig", "a/text:v1"), /configuration of .* is not JSON/);
});

test("oci: who does not wait any more is let go, and the registry too", async () => {
  const gone = new AbortController(), asked = Promise.withResolvers<void>(), left = Promise.withResolvers<void>();
  registry.intercept = (request) => {
    if (!request.url.includes("stuck")) return undefined;
    request.signal.addEventListener("abort", () => left.resolve());
    asked.resolve();
    return new Promise(() => {});
  };
  const waiting = ask({ type: "OciManifestDigest", image: `${registry.host}/a/stuck:v1` }, gone.signal)
    .catch((error) => error.message);
  await asked.promise;
  gone.abort(new Error("deadline"));
  assert.is(await waiting, "deadline");
  await left.promise;
});

test.run();
