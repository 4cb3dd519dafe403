import { test } from "uvu";
import * as assert from "uvu/assert";
import { immutableReference, parseImageReference } from "./image-reference.ts";

const hex = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const digest = `sha256:${hex}`;

const read: [string, string, string, string][] = [
  ["busybox", "docker.io", "library/busybox", "latest"],
  ["busybox:1.36", "docker.io", "library/busybox", "1.36"],
  ["org/image:1", "docker.io", "org/image", "1"],
  ["docker.io/busybox", "docker.io", "library/busybox", "latest"],
  ["index.docker.io/org/image", "docker.io", "org/image", "latest"],
  ["ghcr.io/a/b/c:v1.2.3", "ghcr.io", "a/b/c", "v1.2.3"],
  ["localhost/a", "localhost", "a", "latest"],
  ["registry.local:5000/a/b", "registry.local:5000", "a/b", "latest"],
  ["127.0.0.1:5000/a:1", "127.0.0.1:5000", "a", "1"],
  ["[::1]:5000/a:1", "[::1]:5000", "a", "1"],
  [`ghcr.io/a/b@${digest}`, "ghcr.io", "a/b", digest],
  [`ghcr.io/a/b:v1@${digest}`, "ghcr.io", "a/b", digest],
];
for (const [text, registry, repository, reference] of read) {
  test(`AT-120: image references: ${text}`, () => {
    assert.equal(parseImageReference(text), { registry, repository, reference });
  });
}

for (
  const text of [
    "",
    "ghcr.io/",
    "ghcr.io/A/b",
    "ghcr.io/a/../b",
    "ghcr.io/a:",
    "ghcr.io/a:b c",
    "ghcr.io/a@sha256:1",
    "a b/c",
  ]
) {
  test(`image references: "${text}" is none`, () => {
    assert.throws(() => parseImageReference(text), (error: { code?: string }) => error.code === "DOWNLOAD_URL_INVALID");
  });
}

const image = { registry: "r:5000", repository: "a/b", reference: "v1" };

test("AT-120: a pushed manifest is called by its digest", () => {
  const url = (each: string) => `https://r:5000/v2/a/b/manifests/${each}`;
  assert.is(immutableReference(image, url(digest)), `r:5000/a/b@${digest}`);
  assert.is(immutableReference(image, url(`sha512:${hex}${hex}`)), `r:5000/a/b@sha512:${hex}${hex}`);
});

const refused: [string, string][] = [
  ["https://r/v2/a/b/manifests/sha256:xyz", "The digest of the returned manifest is not valid: sha256:xyz"],
  ["https://r/v2/a/b/manifests/sha256:1234", "The digest of the returned manifest is not valid: sha256:1234"],
  [`https://r/v2/a/b/manifests/sha384:${hex}`, `unknown algorithm 'sha384' for manifest sha384:${hex}`],
  ["nonsense", "Cannot extract manifest digest from the OCI registry response: nonsense"],
];
for (const [url, message] of refused) {
  test(`AT-120: a registry that answers a push with ${url} is not understood`, () => {
    assert.throws(() => immutableReference(image, url), (error: Error) => error.message === message);
  });
}

test.run();
