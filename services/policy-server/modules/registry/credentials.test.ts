import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { makeScratch } from "../../../../runtime/testing/scratch.ts";
import { registryScene } from "../../testing/registry-scene.ts";
import { wasm } from "../../testing/supply.ts";
import { putBlob, putPolicy, type TestRegistry } from "../../testing/registry.ts";
import { parseImageReference } from "./image-reference.ts";
import { mediaTypes } from "./manifest.ts";
import { pushModule } from "./push.ts";

const scratch = await makeScratch("registry");
test.after(scratch.end);
const { signal, fresh } = scratch;
const { wasmLayer } = mediaTypes;
const { start, supplyFor, dockerConfig } = registryScene(scratch);

const basic = (text: string) => `Basic ${btoa(text)}`;

test("registry: user and password go to the registry that asks, and to no other host or error", async () => {
  const registry = await start(), elsewhere = await start();
  putPolicy(registry);
  registry.intercept = (request) => {
    if (request.headers.get("authorization") !== basic("user:secret")) {
      return new Response("", { status: 401, headers: { "www-authenticate": 'Basic realm="r"' } });
    }
    if (!request.url.includes("/blobs/")) return undefined;
    const location = `http://${elsewhere.host}/v2/x/blobs/${new URL(request.url).pathname.split("/").at(-1)}`;
    return new Response(null, { status: 307, headers: { location } });
  };
  putBlob(elsewhere, { bytes: wasm, mediaType: wasmLayer });
  const dockerConfigDir = await dockerConfig({
    auths: { [`https://${registry.host}/v2/`]: { auth: btoa("user:secret") } },
  });
  const sources = { insecureSources: new Set([elsewhere.host]) };
  const supply = await supplyFor(registry, { dockerConfigDir, sources });
  assert.is(await supply.outcome(`${registry.host}/a/policy:v1`), "8 bytes of registry");
  assert.is(registry.seen.filter(({ authorization }) => authorization === null).length, 1);
  assert.equal(elsewhere.seen.map(({ authorization }) => authorization), [null]);

  const wrong = await dockerConfig({ auths: { [registry.host]: { username: "user", password: "wrong-secret" } } });
  const refused = await supplyFor(registry, { dockerConfigDir: wrong, sources });
  const outcome = await refused.outcome(`${registry.host}/a/policy:v1`);
  assert.match(outcome, /^DOWNLOAD_UNAUTHORIZED: .*the registry refuses the credentials for "localhost:\d+"$/);
  const none = await (await supplyFor(registry, { sources })).outcome(`${registry.host}/a/policy:v1`);
  assert.match(none, /^DOWNLOAD_UNAUTHORIZED: .*asks for credentials, and there are none for "localhost:\d+"$/);
  assert.not.match([...supply.lines, ...refused.lines, outcome].join(), /secret|c2VjcmV0/);
});

test("registry: what is uploaded elsewhere goes there without credentials", async () => {
  const registry = await start(), elsewhere = await start();
  const authorization = basic("user:secret");
  registry.intercept = (request) => {
    if (request.headers.get("authorization") !== authorization) {
      return new Response("", { status: 401, headers: { "www-authenticate": "Basic realm=r" } });
    }
    if (request.method !== "POST") return undefined;
    return new Response(null, {
      status: 202,
      headers: { location: `http://${elsewhere.host}/v2/x/blobs/uploads/1?signed=1` },
    });
  };
  const dockerConfigDir = await dockerConfig({ auths: { [registry.host]: { auth: btoa("user:secret") } } });
  const supply = await supplyFor(registry, {
    dockerConfigDir,
    sources: { insecureSources: new Set([elsewhere.host]) },
  });
  const image = parseImageReference(`${registry.host}/a/policy:v1`);
  await pushModule({ image, module: wasm }, { registry: supply.registry, signal });
  assert.equal(elsewhere.seen.map(({ method, authorization }) => [method, authorization]), [["PUT", null], [
    "PUT",
    null,
  ]]);
});

/** Makes a registry want tokens of a place of its own, which gives them to who shows one of the allowed authorizations. */
function wantTokens(registry: TestRegistry, { allowed, seconds = 300 }: { allowed: RegExp; seconds?: number }) {
  const asked: string[] = [];
  registry.intercept = async (request) => {
    const url = new URL(request.url);
    if (url.pathname === "/token") {
      const shown = `${request.method} ${
        request.headers.get("authorization") ?? "anonymous"
      } ${url.search} ${await request.text()}`;
      asked.push(decodeURIComponent(shown).trim());
      if (!allowed.test(shown)) return new Response("", { status: 401 });
      return Response.json({ token: `token-${asked.length}`, expires_in: seconds });
    }
    if (request.headers.get("authorization") === `Bearer token-${asked.length}`) return undefined;
    const challenge = `Bearer realm="http://${registry.host}/token",service="reg",scope="repository:a/policy:pull"`;
    return new Response("", { status: 401, headers: { "www-authenticate": challenge } });
  };
  return asked;
}

test("registry: a token is asked for once for a repository, with service and scope, and again when it is over", async () => {
  const registry = await start();
  putPolicy(registry);
  putPolicy(registry, { reference: "v2" });
  const asked = wantTokens(registry, { allowed: /anonymous/ });
  const supply = await supplyFor(registry);
  assert.is(await supply.outcome(`${registry.host}/a/policy:v1`), "8 bytes of registry");
  assert.is(await supply.outcome(`${registry.host}/a/policy:v2`), "8 bytes of store");
  assert.equal(asked, ["GET anonymous ?service=reg&scope=repository:a/policy:pull"]);
  // The registry forgets what it gave.
  asked.push("");
  assert.match(await supply.outcome(`${registry.host}/a/policy:v3`), /^DOWNLOAD_NOT_FOUND/);
  assert.is(asked.length, 3);
  const short = await start();
  putPolicy(short);
  const again = wantTokens(short, { allowed: /anonymous/, seconds: 0 });
  assert.is(await (await supplyFor(short)).outcome(`${short.host}/a/policy:v1`), "8 bytes of registry");
  assert.is(again.length, 2);
});

test("registry: user and password are shown where the tokens are, and only there", async () => {
  const registry = await start();
  putPolicy(registry);
  const asked = wantTokens(registry, { allowed: new RegExp(basic("user:secret")) });
  const dockerConfigDir = await dockerConfig({ auths: { [registry.host]: { auth: btoa("user:secret") } } });
  const supply = await supplyFor(registry, { dockerConfigDir });
  assert.is(await supply.outcome(`${registry.host}/a/policy:v1`), "8 bytes of registry");
  assert.is(asked.length, 1);
  const shown = registry.seen.filter(({ path }) => !path.startsWith("/token")).map(({ authorization }) =>
    authorization
  );
  assert.equal(new Set(shown), new Set([null, "Bearer token-1"]));
  const none = await (await supplyFor(registry)).outcome(`${registry.host}/a/policy:v1`);
  assert.match(none, /^DOWNLOAD_UNAUTHORIZED: .*\/token\?…": the server answered 401/);
});

test("registry: an identity token is exchanged for one of the registry", async () => {
  const registry = await start();
  putPolicy(registry);
  const asked = wantTokens(registry, { allowed: /refresh_token=id-secret/ });
  const dockerConfigDir = await dockerConfig({ auths: { [registry.host]: { identitytoken: "id-secret" } } });
  const supply = await supplyFor(registry, { dockerConfigDir });
  assert.is(await supply.outcome(`${registry.host}/a/policy:v1`), "8 bytes of registry");
  assert.match(
    asked[0] ?? "",
    /^POST anonymous {2}grant_type=refresh_token&.*service=reg&scope=repository:a\/policy:pull/,
  );
});

test("registry: no password goes where the tokens are by plain http, if that host is not listed as insecure", async () => {
  const registry = await start(), thief = await start();
  putPolicy(registry);
  registry.intercept = () => {
    const headers = { "www-authenticate": `Bearer realm="http://${thief.host}/token"` };
    return new Response("", { status: 401, headers });
  };
  const dockerConfigDir = await dockerConfig({ auths: { [registry.host]: { auth: btoa("user:secret") } } });
  const outcome = await (await supplyFor(registry, { dockerConfigDir })).outcome(`${registry.host}/a/policy:v1`);
  assert.match(outcome, /^DOWNLOAD_INSECURE_REFUSED: /);
  assert.equal(thief.seen, []);
});

/** Puts programs on the PATH of this process. */
async function withPrograms<T>(programs: Record<string, string>, work: () => Promise<T>): Promise<T> {
  const folder = fresh();
  await mkdir(folder);
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  const before = process.env.PATH;
  process.env.PATH = `${folder}:${before}`;
  try {
    return await work();
  } finally {
    process.env.PATH = before;
  }
}

test("credentials: a registry's own helper is asked first, the helper for all last", async () => {
  const registry = await start();
  putPolicy(registry);
  const shown: (string | null)[] = [];
  registry.intercept = (request) => {
    const authorization = request.headers.get("authorization");
    if (authorization !== null) return void shown.push(authorization);
    return new Response("", { status: 401, headers: { "www-authenticate": "Basic realm=r" } });
  };
  const say = (name: string) =>
    `read server; test "$1" = get && printf '{"ServerURL":"x","Username":"${name}","Secret":"%s"}' "$server"`;
  await withPrograms({ "docker-credential-own": say("own"), "docker-credential-all": say("all") }, async () => {
    const auth = { auth: btoa("file:x") };
    for (
      const config of [
        { credHelpers: { [registry.host]: "own" }, auths: { [registry.host]: auth }, credsStore: "all" },
        { auths: { [registry.host]: auth }, credsStore: "all" },
        { auths: { [registry.host]: {} }, credsStore: "all" },
      ]
    ) {
      const supply = await supplyFor(registry, { dockerConfigDir: await dockerConfig(config) });
      assert.is(await supply.outcome(`${registry.host}/a/policy:v1`), "8 bytes of registry");
    }
  });
  const expected = [`own:${registry.host}`, "file:x", `all:${registry.host}`];
  assert.equal([...new Set(shown)], expected.map(basic));
});

const helpers: [string, string, RegExp][] = [
  [
    "that fails",
    "echo hush; echo hush >&2; exit 3",
    /^DOWNLOAD_CREDENTIAL_HELPER_FAILED: .*docker-credential-bad: it ended with 3$/,
  ],
  [
    "that answers nonsense",
    "echo hush",
    /^DOWNLOAD_CREDENTIAL_HELPER_FAILED: .*its answer is not a user and a secret$/,
  ],
  ["that says a lot", "yes hush", /^DOWNLOAD_CREDENTIAL_HELPER_FAILED: .*said more than 1000000 bytes$/],
  [
    "that knows nothing",
    "echo credentials not found in native keychain; exit 1",
    /^DOWNLOAD_UNAUTHORIZED: .*there are none for/,
  ],
];
for (const [what, script, expected] of helpers) {
  test(`credentials: a helper ${what} is the error where credentials are needed, and its words are not told`, async () => {
    const registry = await start();
    registry.intercept = () => new Response("", { status: 401, headers: { "www-authenticate": "Basic realm=r" } });
    await withPrograms({ "docker-credential-bad": script }, async () => {
      const supply = await supplyFor(registry, { dockerConfigDir: await dockerConfig({ credsStore: "bad" }) });
      const outcome = await supply.outcome(`${registry.host}/a/policy:v1`);
      assert.match(outcome, expected);
      assert.not.match(outcome + supply.lines.join(), "hush");
    });
  });
}

test("credentials: those that cannot be read do not keep what is public away, and are the error of what is not", async () => {
  const registry = await start();
  putPolicy(registry);
  wantTokens(registry, { allowed: /anonymous/ });
  const config = { credHelpers: { [registry.host]: "there-is-none" } };
  const supply = await supplyFor(registry, { dockerConfigDir: await dockerConfig(config) });
  assert.is(await supply.outcome(`${registry.host}/a/policy:v1`), "8 bytes of registry");
  assert.match(supply.lines.join(), "Going on without credentials");
  wantTokens(registry, { allowed: /Basic/ });
  const broken = await supplyFor(registry, { dockerConfigDir: await dockerConfig("{ secret") });
  const outcome = await broken.outcome(`${registry.host}/a/policy:v1`);
  assert.match(outcome, /^DOCKER_CONFIG_INVALID: Cannot read registry credentials from .*not JSON$/);
});

test.run();
