import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseModuleUrl } from "./module-url.ts";

const digest = `sha256:${"a1".repeat(32)}`;
// [text, scheme, host, path, reference]
const read: [string, string, string, string, string?][] = [
  ["ghcr.io/org/policy", "registry", "ghcr.io", "org/policy", "latest"],
  ["ghcr.io/org/policy:v1", "registry", "ghcr.io", "org/policy", "v1"],
  [`ghcr.io/org/policy@${digest}`, "registry", "ghcr.io", "org/policy", digest],
  ["registry://ghcr.io/org/policy", "registry", "ghcr.io", "org/policy", "latest"],
  ["registry://ghcr.io/org/policy:v1", "registry", "ghcr.io", "org/policy", "v1"],
  ["REGISTRY://ghcr.io/org/policy:v1", "registry", "ghcr.io", "org/policy", "v1"],
  ["localhost:5000/policy:v1", "registry", "localhost:5000", "policy", "v1"],
  ["registry://localhost:5000/policy", "registry", "localhost:5000", "policy", "latest"],
  ["192.168.1.1/policy:v1", "registry", "192.168.1.1", "policy", "v1"],
  ["192.168.1.1:5000/policy:v1", "registry", "192.168.1.1:5000", "policy", "v1"],
  ["registry://192.168.1.1:5000/policy", "registry", "192.168.1.1:5000", "policy", "latest"],
  ["org/policy:v1", "registry", "docker.io", "org/policy", "v1"],
  ["https://example.com/a/policy.wasm", "https", "example.com", "/a/policy.wasm"],
  ["https://192.168.1.1:8443/policy.wasm", "https", "192.168.1.1:8443", "/policy.wasm"],
  ["http://example.com:8080/policy.wasm", "http", "example.com:8080", "/policy.wasm"],
  ["file:///tmp/a%20policy.wasm", "file", "", "/tmp/a policy.wasm"],
];
for (const [text, scheme, host, path, reference] of read) {
  test(`AT-104: URLs of modules: ${text}`, () => {
    const url = parseModuleUrl(text);
    const seen = url.scheme === "registry"
      ? [url.image.registry, url.image.repository, url.image.reference]
      : url.scheme === "file"
      ? ["", url.path, undefined]
      : [url.url.host, url.url.pathname, undefined];
    assert.equal([url.scheme, ...seen], [scheme, host, path, reference]);
  });
}

for (const text of ["ftp://host/policy", "oci://ghcr.io/a", "https://", "http://", "", "registry://"]) {
  test(`AT-108: URLs of modules: "${text}" is refused`, () => {
    assert.throws(() => parseModuleUrl(text), (error: { code?: string }) => error.code === "DOWNLOAD_URL_INVALID");
  });
}

test.run();
