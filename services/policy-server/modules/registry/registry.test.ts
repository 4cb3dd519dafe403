import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sha256Hex } from "../../../../runtime/digest.ts";
import { sleep } from "../../../../runtime/sleep.ts";
import { longWasm, testSupply, type TestSupplyOptions, wasm } from "../../testing/supply.ts";
import { putBlob, putManifest, startTestRegistry, type TestRegistry } from "../../testing/registry.ts";
import type { VerifyImage } from "../fetch.ts";
import { parseImageReference } from "./image-reference.ts";
import { mediaTypes } from "./manifest.ts";
import { pushModule } from "./push.ts";

const stop = new AbortController();
const { signal } = stop;
const root = await mkdtemp(join(tmpdir(), "registry-"));
test.after(async () => {
  stop.abort();
  await rm(root, { recursive: true });
});
const { ociIndex, ociManifest, wasmLayer, wasmConfig } = mediaTypes;
const freshFolder = () => join(root, crypto.randomUUID());
const start = () => startTestRegistry({ signal });

function supplyFor(registry: TestRegistry, o: Partial<TestSupplyOptions> = {}) {
  const { sources = {}, ...rest } = o;
  const insecureSources = new Set([registry.host, ...sources.insecureSources ?? []]);
  return testSupply({ folder: freshFolder(), signal, ...rest, sources: { ...sources, insecureSources } });
}

/** Puts a policy `a/policy:v1` there; of other layers if they are given. */
function put(registry: TestRegistry, { layers, reference = "v1" }: { layers?: unknown[]; reference?: string } = {}) {
  const config = putBlob(registry, { bytes: new TextEncoder().encode("{}"), mediaType: wasmConfig });
  const content = {
    schemaVersion: 2,
    mediaType: ociManifest,
    config,
    layers: layers ?? [putBlob(registry, { bytes: wasm, mediaType: wasmLayer })],
  };
  return putManifest(registry, { repository: "a/policy", reference, content });
}

/** A Docker configuration in a folder of its own. */
async function dockerConfig(content: unknown): Promise<string> {
  const folder = freshFolder();
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "config.json"), typeof content === "string" ? content : JSON.stringify(content));
  return folder;
}

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
  const entry = put(registry, { reference: "only" });
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
  ["no layers", (registry) => put(registry, { layers: [] }), /^DOWNLOAD_LAYERS_INVALID: .*empty layers$/],
  [
    "two layers",
    (registry) => {
      const layer = putBlob(registry, { bytes: wasm, mediaType: wasmLayer });
      put(registry, { layers: [layer, layer] });
    },
    /^DOWNLOAD_LAYERS_INVALID: .*2 WebAssembly layers/,
  ],
  [
    "a layer of another type",
    (registry) => put(registry, { layers: [putBlob(registry, { bytes: wasm, mediaType: "application/x-tar" })] }),
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
    (registry) => put(registry, { layers: [layerless] }),
    /^DOWNLOAD_NOT_FOUND: .*not its layer/,
  ],
  [
    "a layer that is other content",
    (registry) => {
      const layer = putBlob(registry, { bytes: wasm, mediaType: wasmLayer });
      put(registry, { layers: [layer] });
      registry.blobs.set(layer.digest, Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0));
    },
    /^DOWNLOAD_DIGEST_MISMATCH: .*instead of sha256:/,
  ],
  [
    "a layer that is shorter than announced",
    (registry) => put(registry, { layers: [{ ...putBlob(registry, { bytes: wasm, mediaType: wasmLayer }), size: 9 }] }),
    /^DOWNLOAD_TRUNCATED: .*8 bytes of 9/,
  ],
  [
    "a layer that is longer than announced",
    (registry) => put(registry, { layers: [{ ...putBlob(registry, { bytes: wasm, mediaType: wasmLayer }), size: 7 }] }),
    /^DOWNLOAD_TOO_LARGE: .*larger than 7 bytes/,
  ],
  [
    "a layer that is larger than any module",
    (registry) => put(registry, { layers: [{ ...layerless, size: 1e9 }] }),
    /^DOWNLOAD_TOO_LARGE: .*larger than 67108864 bytes/,
  ],
  [
    "a layer that is no module",
    (registry) => put(registry, { layers: [putBlob(registry, { bytes: new Uint8Array(5), mediaType: wasmLayer })] }),
    /^MODULE_INVALID: invalid wasm file/,
  ],
];
for (const [what, prepare, expected] of bad) {
  test(`registry: ${what} is told as that, and leaves nothing half-written`, async () => {
    const registry = await start();
    prepare(registry);
    const folder = freshFolder();
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
  const { digest } = put(registry);
  registry.manifests.set(`a/policy ${digest}`, { mediaType: ociManifest, bytes: new TextEncoder().encode("{}") });
  const outcome = await (await supplyFor(registry)).outcome(`${registry.host}/a/policy@${digest}`);
  assert.match(outcome, /^DOWNLOAD_DIGEST_MISMATCH: /);
});

async function sizeOfPartial(folder: string): Promise<number> {
  const [name = ""] = await readdir(join(folder, "partial"));
  return (await stat(join(folder, "partial", name))).size;
}

test("registry: a layer that breaks off goes on where it was", async () => {
  const folder = freshFolder();
  const registry = await start();
  const module = longWasm(100_000);
  const layer = putBlob(registry, { bytes: module, mediaType: wasmLayer });
  put(registry, { layers: [layer] });
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
  const { digest } = put(registry);
  put(registry, { reference: "latest" });
  const folder = freshFolder();
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
  const folder = freshFolder();
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
  const vouched = put(registry);
  const folder = freshFolder();
  await (await supplyFor(registry, { folder })).fetch(`${registry.host}/a/policy:v1`);
  put(registry, { layers: [putBlob(registry, { bytes: longWasm(100), mediaType: wasmLayer })] });
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

const basic = (text: string) => `Basic ${btoa(text)}`;

test("registry: user and password go to the registry that asks, and to no other host or error", async () => {
  const registry = await start(), elsewhere = await start();
  put(registry);
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
  put(registry);
  put(registry, { reference: "v2" });
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
  put(short);
  const again = wantTokens(short, { allowed: /anonymous/, seconds: 0 });
  assert.is(await (await supplyFor(short)).outcome(`${short.host}/a/policy:v1`), "8 bytes of registry");
  assert.is(again.length, 2);
});

test("registry: user and password are shown where the tokens are, and only there", async () => {
  const registry = await start();
  put(registry);
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
  put(registry);
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
  put(registry);
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
  const folder = freshFolder();
  await mkdir(folder, { recursive: true });
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
  put(registry);
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
  put(registry);
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

test("mirrors: are asked first and in order, with their own credentials; the registry itself is the last", async () => {
  const origin = await start(), empty = await start(), mirror = await start();
  put(origin);
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
  put(origin);
  put(mirror);
  for (const [digest, bytes] of mirror.blobs) if (bytes.length === 8) mirror.blobs.set(digest, longWasm(8));
  const sources = { sourceMirrors: new Map([[origin.host, [mirror.host]]]), insecureSources: new Set([mirror.host]) };
  mirror.blobs.forEach((bytes) => bytes.length === 8 && bytes.fill(7, 4));
  const supply = await supplyFor(origin, { sources });
  assert.equal((await supply.fetch(`${origin.host}/a/policy:v1`)).bytes, wasm);
});

test("reader: what refers to an image, by the referrers API in pages, or by its tag", async () => {
  const registry = await start();
  const { digest } = put(registry);
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
  const { digest } = put(registry);
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
