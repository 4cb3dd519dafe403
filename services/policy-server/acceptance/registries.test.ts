import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pod, reviewOf, send, startPolicyServerProcess, verdictOf } from "../../../test/policy-server-process.ts";
import { type AnyRegistry, type AnyRegistryOptions, startAnyRegistry } from "../../../test/registry-of-any-kind.ts";
import { startTokenServer } from "../../../test/token-server.ts";
import { issueAuthority, issueLeaf } from "../../certs/x509.ts";
import { parseImageReference } from "../modules/registry/image-reference.ts";
import { mediaTypes, parseManifest } from "../modules/registry/manifest.ts";
import { pushModule } from "../modules/registry/push.ts";
import { exampleUrl } from "../testing/guests.ts";
import { testSupply, type TestSupplyOptions } from "../testing/supply.ts";

const stop = new AbortController();
const { signal } = stop;
const root = await mkdtemp(join(tmpdir(), "registries-"));
const running: AnyRegistry[] = [];
test.after(async () => {
  stop.abort();
  await Promise.all(running.map((each) => each.stop()));
  await rm(root, { recursive: true });
});

const module = new Uint8Array(await readFile(fileURLToPath(exampleUrl("privileged-pods/policy"))));
const authority = await issueAuthority(new Date());
const tls = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });

async function start(options: AnyRegistryOptions = {}): Promise<AnyRegistry> {
  const registry = await startAnyRegistry(options);
  running.push(registry);
  return registry;
}

const supplyFor = (o: Partial<TestSupplyOptions>) =>
  testSupply({ folder: join(root, crypto.randomUUID()), signal, ...o });

async function dockerConfig(host: string, text: string): Promise<string> {
  const folder = join(root, crypto.randomUUID());
  await mkdir(folder);
  await writeFile(join(folder, "config.json"), JSON.stringify({ auths: { [host]: { auth: btoa(text) } } }));
  return folder;
}

/** Pushes the policy, and pulls it by tag and by digest into new stores. */
async function thereAndBack({ host }: AnyRegistry, o: Partial<TestSupplyOptions>): Promise<string> {
  const image = parseImageReference(`${host}/kubewarden/tests/pod-privileged:v0.2.5`);
  const { registry, reader } = await supplyFor(o);
  const immutable = await pushModule({ image, module }, { registry, annotations: { "a.b": "c" }, signal });
  for (const url of [`registry://${host}/kubewarden/tests/pod-privileged:v0.2.5`, immutable]) {
    const { bytes, from } = await (await supplyFor(o)).fetch(url);
    assert.is(from, "registry");
    assert.equal(bytes, module);
  }
  const manifest = await reader.manifest(image);
  assert.is(immutable.split("@")[1], manifest?.digest);
  const parsed = parseManifest(manifest!);
  assert.ok(parsed.kind === "manifest");
  assert.equal([parsed.config.mediaType, parsed.layers.map(({ mediaType }) => mediaType)], [
    mediaTypes.wasmConfig,
    [mediaTypes.wasmLayer],
  ]);
  const config = await reader.blob(image, { descriptor: parsed.config, maxBytes: 100 });
  assert.is(new TextDecoder().decode(config), "{}");
  assert.equal(await reader.referrers(image, { digest: manifest?.digest ?? "" }), []);
  return immutable;
}

test("AT-122: push, manifest, digest and pull against an HTTP registry, which must be listed as insecure", async () => {
  const registry = await start();
  await thereAndBack(registry, { sources: { insecureSources: new Set([registry.host]) } });
  const outcome = await (await supplyFor({})).outcome(`${registry.host}/kubewarden/tests/pod-privileged:v0.2.5`);
  assert.match(outcome, /^DOWNLOAD_FAILED: .*https:\/\/localhost:\d+\/v2\//);
});

test("AT-122: an HTTPS registry needs its authority in source_authorities, or to be listed as insecure", async () => {
  const registry = await start({ tls });
  const sourceAuthorities = new Map([[registry.host, [{ type: "Data" as const, data: authority.certificate }]]]);
  const url = await thereAndBack(registry, { sources: { sourceAuthorities } });
  assert.match(await (await supplyFor({})).outcome(url), /^DOWNLOAD_CERTIFICATE_UNTRUSTED: /);
  await thereAndBack(registry, { sources: { insecureSources: new Set([registry.host]) } });
});

// user:open sesame, by bcrypt.
const htpasswd = "user:$2b$05$DXhg01e/JawJZXzC.MwRqeqNdjEXovG62CXjJ3cjy4ynXj4ii7LiC\n";

test("AT-122: a registry with users is read with credentials of Docker's configuration", async () => {
  const registry = await start({ htpasswd, authorization: `Basic ${btoa("user:open sesame")}` });
  const sources = { insecureSources: new Set([registry.host]) };
  const right = await dockerConfig(registry.host, "user:open sesame");
  const url = await thereAndBack(registry, { sources, dockerConfigDir: right });
  assert.match(await (await supplyFor({ sources })).outcome(url), /^DOWNLOAD_UNAUTHORIZED: .*there are none for/);
  const wrong = await supplyFor({ sources, dockerConfigDir: await dockerConfig(registry.host, "user:guess") });
  assert.match(await wrong.outcome(url), /^DOWNLOAD_UNAUTHORIZED: .*refuses the credentials/);
});

test("registries: one with tokens gives them to who has the credentials, for what is to be done", async () => {
  const right = `Basic ${btoa("user:open sesame")}`;
  const tokens = await startTokenServer({ accepts: (authorization) => authorization === right, signal });
  const registry = await start({ token: tokens });
  const sources = { insecureSources: new Set([registry.host, tokens.host]) };
  const dockerConfigDir = await dockerConfig(registry.host, "user:open sesame");
  const url = await thereAndBack(registry, { sources, dockerConfigDir });
  const repository = "repository:kubewarden/tests/pod-privileged";
  // Once for the push, once for reading of the same supply, and once for each of the two pulls.
  assert.equal(tokens.asked.toSorted(), [
    ...Array.from({ length: 3 }, () => `${right} ${repository}:pull`),
    `${right} ${repository}:pull,push`,
  ]);
  assert.match(await (await supplyFor({ sources })).outcome(url), /^DOWNLOAD_UNAUTHORIZED: .*no token$/);
});

test("registries: a policy-server serves a policy of a private registry, and starts again without it", async () => {
  const registry = await start({ tls, htpasswd, authorization: `Basic ${btoa("user:open sesame")}` });
  const dockerConfigDir = await dockerConfig(registry.host, "user:open sesame");
  const authorities = [{ type: "Data" as const, data: authority.certificate }];
  const sources = { source_authorities: { [registry.host]: authorities } };
  const supply = await supplyFor({
    dockerConfigDir,
    sources: { sourceAuthorities: new Map([[registry.host, authorities]]) },
  });
  const image = parseImageReference(`${registry.host}/policies/privileged:v1`);
  await pushModule({ image, module }, { registry: supply.registry, signal });
  await writeFile(join(root, "sources.yml"), JSON.stringify(sources));
  const env = {
    KUBEWARDEN_SOURCES_PATH: join(root, "sources.yml"),
    KUBEWARDEN_DOCKER_CONFIG_JSON_PATH: dockerConfigDir,
    KUBEWARDEN_POLICIES_DOWNLOAD_DIR: join(root, "downloads"),
  };
  const policies = { "pod-privileged": { module: `registry://${registry.host}/policies/privileged:v1` } };
  const seen: unknown[] = [];
  for (const round of ["registry", "store"]) {
    const server = await startPolicyServerProcess({ policies, env });
    const review = { body: reviewOf(pod({ privileged: true })) };
    const { allowed, status } = verdictOf(await send(`${server.url}/validate/pod-privileged`, review));
    seen.push([allowed, status?.message, server.log.find((each) => each["message"] === "Module fetched")?.["from"]]);
    await server.stop();
    if (round === "registry") await registry.stop();
  }
  running.splice(running.indexOf(registry), 1);
  const rejected = [false, "Privileged container is not allowed"];
  assert.equal(seen, [[...rejected, "registry"], [...rejected, "store"]]);
});

test.run();
