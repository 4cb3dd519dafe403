import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ForwardProxy, startForwardProxy } from "../../../test/forward-proxy.ts";
import { pod, reviewOf, send, startPolicyServerProcess, verdictOf } from "../../../test/policy-server-process.ts";
import { type AnyRegistry, startAnyRegistry } from "../../../test/registry-of-any-kind.ts";
import { issueAuthority, issueLeaf } from "../../certs/x509.ts";
import { parseImageReference } from "../modules/registry/image-reference.ts";
import { pushModule } from "../modules/registry/push.ts";
import { asking } from "../testing/asking-guests.ts";
import { exampleUrl } from "../testing/guests.ts";
import { testSupply } from "../testing/supply.ts";

const stop = new AbortController();
const { signal } = stop;
const root = await mkdtemp(join(tmpdir(), "proxies-"));
const running: (AnyRegistry | ForwardProxy)[] = [];
test.after(async () => {
  stop.abort();
  await Promise.all(running.map((each) => "close" in each ? each.close() : each.stop()));
  await rm(root, { recursive: true });
});

const image = "kubewarden/tests/pod-privileged:v0.2.5";
const module = new Uint8Array(await readFile(fileURLToPath(exampleUrl("privileged-pods/policy"))));
const authority = await issueAuthority(new Date());
const tls = await issueLeaf({ authority, dnsName: "ghcr.io", now: new Date() });

/** A registry that has the policy. By TLS it is `ghcr.io` to whoever reaches it under that name. */
async function startRegistry({ secure }: { secure: boolean }): Promise<AnyRegistry> {
  const registry = await startAnyRegistry(secure ? { tls } : {});
  running.push(registry);
  const sources = { insecureSources: new Set([registry.host]) };
  const supply = await testSupply({ folder: join(root, "pushing"), sources, signal });
  await pushModule({ image: parseImageReference(`${registry.host}/${image}`), module }, {
    registry: supply.registry,
    signal,
  });
  return registry;
}

async function startProxy(routes: Record<string, string> = {}): Promise<ForwardProxy> {
  const proxy = await startForwardProxy({ routes });
  running.push(proxy);
  return proxy;
}

/** Serves the policy with this sources.yml, asks it, and gives its answer's message. */
function served(host: string, sources: object, env: Record<string, string> = {}): Promise<string | undefined> {
  return servedModule({ module: `registry://${host}/${image}` }, sources, env);
}

/** The same for a policy that asks for the manifest of the image in that registry. */
async function manifestSeen(host: string, sources: object): Promise<string | undefined> {
  const file = join(root, `${crypto.randomUUID()}.wasm`);
  const question = `${host}/${image}`;
  await writeFile(file, await asking({ namespace: "oci", operation: "v1/oci_manifest", question }));
  return await servedModule({ module: pathToFileURL(file).href, hostCapabilities: ["oci/*"] }, sources);
}

async function servedModule(
  policy: object,
  sources: object,
  env: Record<string, string> = {},
): Promise<string | undefined> {
  const file = join(root, `${crypto.randomUUID()}.yml`);
  await writeFile(file, JSON.stringify(sources));
  const server = await startPolicyServerProcess({
    policies: { "pod-privileged": policy },
    env: { KUBEWARDEN_SOURCES_PATH: file, KUBEWARDEN_POLICIES_DOWNLOAD_DIR: join(root, crypto.randomUUID()), ...env },
  });
  try {
    const body = reviewOf(pod({ privileged: true }));
    return verdictOf(await send(`${server.url}/validate/pod-privileged`, { body })).status?.message;
  } finally {
    await server.stop();
  }
}

const rejection = "Privileged container is not allowed";
const trusting = { source_authorities: { "ghcr.io": [{ type: "Data", data: authority.certificate }] } };

for (const [what, alsoHttp] of [["alone", false], ["beside an HTTP proxy", true]] as const) {
  test(`AT-027: a policy of ghcr.io is pulled by the HTTPS proxy of sources.yml, ${what}`, async () => {
    const registry = await startRegistry({ secure: true });
    const proxy = await startProxy({ "ghcr.io:443": registry.host });
    const proxies = { https_proxy: proxy.url, ...(alsoHttp && { http_proxy: "http://127.0.0.1:1" }) };
    // The environment has another one, which does not count.
    const env = { HTTPS_PROXY: "http://127.0.0.1:1" };
    assert.is(await served("ghcr.io", { ...trusting, proxies }, env), rejection);
    assert.equal(new Set(proxy.log), new Set(["CONNECT ghcr.io:443"]));
  });
}

test("AT-028: a policy of an insecure registry is pulled by the HTTP proxy", async () => {
  const registry = await startRegistry({ secure: false });
  const proxy = await startProxy();
  const sources = { insecure_sources: [registry.host], proxies: { http_proxy: proxy.url } };
  assert.is(await served(registry.host, sources), rejection);
  assert.is(proxy.log[0], `GET http://${registry.host}/v2/kubewarden/tests/pod-privileged/manifests/v0.2.5`);
});

test("AT-029: a registry in no_proxy is asked without the proxy", async () => {
  const registry = await startRegistry({ secure: true });
  const proxy = await startProxy();
  const proxies = { https_proxy: proxy.url, http_proxy: proxy.url, no_proxy: "localhost" };
  assert.is(await served(registry.host, { insecure_sources: [registry.host], proxies }), rejection);
  assert.equal(proxy.log, []);
});

test("AT-103: a policy's question for a manifest goes by the HTTPS proxy, and past it to a registry in no_proxy", async () => {
  const registry = await startRegistry({ secure: true });
  const proxy = await startProxy({ "ghcr.io:443": registry.host });
  const proxies = { https_proxy: proxy.url };
  assert.is(await manifestSeen("ghcr.io", { ...trusting, proxies }), undefined);
  assert.equal(new Set(proxy.log), new Set(["CONNECT ghcr.io:443"]));
  const past = { insecure_sources: [registry.host], proxies: { ...proxies, no_proxy: "localhost" } };
  const asked = proxy.log.length;
  assert.is(await manifestSeen(registry.host, past), undefined);
  assert.is(proxy.log.length, asked);
});

test.run();
