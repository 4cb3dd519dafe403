import { test } from "uvu";
import * as assert from "uvu/assert";
import { upstreamPath } from "./upstream-path.ts";

const paths: [string, string | undefined][] = [
  ["registry://ghcr.io/org/policy:v1", "registry/ghcr.io/org/policy:v1"],
  ["ghcr.io/org/policy:v1", "registry/ghcr.io/org/policy:v1"],
  ["ghcr.io/org/policy", "registry/ghcr.io/org/policy:latest"],
  ["localhost:5000/policy", "registry/localhost:5000/policy:latest"],
  ["ghcr.io/policy@sha256:12", "registry/ghcr.io/policy@sha256:12"],
  ["https://host/policy.wasm", "https/host/policy.wasm"],
  ["https://user:word@host:8443/a/b/policy.wasm?x=1", "https/host:8443/a/b/policy.wasm"],
  ["http://host/policy.wasm", "http/host/policy.wasm"],
  ["file:///tmp/policy.wasm", undefined],
  ["https://host/../../etc/passwd", undefined],
  ["https://host//a", undefined],
  ["https://host/", undefined],
];
for (const [url, path] of paths) {
  test(`AT-105: upstream keeps ${url} at ${path}`, () => assert.is(upstreamPath(url), path));
}

test.run();
