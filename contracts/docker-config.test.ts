import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseDockerConfig, registryKey } from "./docker-config.ts";
import { KubewardenError } from "./errors.ts";

const basic = (text: string) => new TextEncoder().encode(text).toBase64();

test("docker config: credentials, tokens, helpers and the store are read, other parts are not looked at", () => {
  const config = parseDockerConfig({
    auths: {
      "https://ghcr.io/v2/": { auth: basic("user:pass:word") },
      "r:5000": { username: "u", password: "p", email: "x" },
      "cloud": { auth: basic("00000000:"), identitytoken: "token" },
      "https://index.docker.io/v1/": {},
    },
    credHelpers: { "docker.io": "pass" },
    credsStore: "desktop",
    HttpHeaders: { a: 1 },
  });
  assert.equal([...config.auths], [
    ["ghcr.io", { kind: "password", username: "user", password: "pass:word" }],
    ["r:5000", { kind: "password", username: "u", password: "p" }],
    ["cloud", { kind: "identity-token", token: "token" }],
  ]);
  assert.equal([...config.credHelpers], [["index.docker.io", "pass"]]);
  assert.is(config.credsStore, "desktop");
});

test("docker config: an empty file of an empty store has nothing", () => {
  assert.equal(parseDockerConfig({ auths: {}, credsStore: "" }), {
    auths: new Map(),
    credHelpers: new Map(),
    credsStore: undefined,
  });
});

test("docker config: of two entries for a registry the one that names it plainly counts", () => {
  const { auths } = parseDockerConfig({
    auths: { "https://r/v1/": { auth: basic("a:1") }, r: { auth: basic("b:2") }, "r/v2": { auth: basic("c:3") } },
  });
  assert.equal([...auths.values()], [{ kind: "password", username: "b", password: "2" }]);
});

const keys: [string, string][] = [
  ["https://ghcr.io/v2/", "ghcr.io"],
  ["GHCR.io", "ghcr.io"],
  ["localhost:5000/a/b", "localhost:5000"],
  ["docker.io", "index.docker.io"],
  ["registry-1.docker.io", "index.docker.io"],
  ["https://index.docker.io/v1/", "index.docker.io"],
];
for (const [server, key] of keys) {
  test(`docker config: ${server} means ${key}`, () => assert.is(registryKey(server), key));
}

const secret = "c2VjcmV0";
const refused: [string, unknown, string][] = [
  ["a list", [], "expected object"],
  ["auths that are a list", { auths: [secret] }, "auths: "],
  ["an auth that is a number", { auths: { r: { auth: 12345678 } } }, "auths.r.auth: expected string"],
  ["an auth that is no base64", { auths: { r: { auth: `${secret}!` } } }, "auths.r.auth: expected the base64 form"],
  ["an auth without a colon", { auths: { r: { auth: secret } } }, "auths.r.auth: expected the base64 form"],
  ["a helper with a path", { credHelpers: { r: `../${secret}` } }, "credHelpers.r: expected the name"],
  ["a store with a path", { credsStore: `/bin/${secret}` }, "credsStore: expected the name"],
  ["two entries", { auths: { r: { auth: secret }, s: { auth: secret } } }, "2 problems:\n  auths.r.auth"],
];
for (const [what, value, message] of refused) {
  test(`docker config: ${what} is refused by its key, and no value is told`, () => {
    assert.throws(
      () => parseDockerConfig(value),
      (error: unknown) =>
        error instanceof KubewardenError && error.code === "DOCKER_CONFIG_INVALID" &&
        error.message.startsWith(message) && !error.message.includes(secret) && !error.message.includes("12345678"),
    );
  });
}

test.run();
