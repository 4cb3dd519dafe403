import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { serve } from "../../../../runtime/http/server.ts";
import { type ForwardProxy, startForwardProxy } from "../../../../test/forward-proxy.ts";
import { issueAuthority, issueLeaf } from "../../../certs/x509.ts";
import { testSupply, type TestSupplyOptions, wasm } from "../../testing/supply.ts";

const stop = new AbortController();
const { signal } = stop;
const root = await mkdtemp(join(tmpdir(), "proxies-"));
const proxies: ForwardProxy[] = [];
test.after(async () => {
  stop.abort();
  proxies.forEach((each) => each.close());
  await rm(root, { recursive: true });
});

const options = { host: "127.0.0.1", port: 0, signal, drainMs: 0 };
const authority = await issueAuthority(new Date());
const leaf = await issueLeaf({ authority, dnsName: "modules.example", now: new Date() });
const plain = await serve(() => new Response(wasm), options);
const secure = await serve(() => new Response(wasm), {
  ...options,
  tls: { cert: leaf.certificate, key: leaf.privateKey },
});
const routes = { "modules.example:443": `127.0.0.1:${secure.port}`, "modules.example": `127.0.0.1:${plain.port}` };

async function startProxy(o: Parameters<typeof startForwardProxy>[0] = { routes }): Promise<ForwardProxy> {
  const proxy = await startForwardProxy(o);
  proxies.push(proxy);
  return proxy;
}

async function fetched(url: string, { sources, ...o }: Partial<TestSupplyOptions>): Promise<string> {
  const authorities = [{ type: "Data" as const, data: authority.certificate }];
  const trusting = { sourceAuthorities: new Map([["modules.example", authorities]]), ...sources };
  const supply = await testSupply({ folder: join(root, crypto.randomUUID()), signal, ...o, sources: trusting });
  const outcome = await supply.outcome(url);
  assert.not.match(outcome + supply.lines.join(), "word");
  return outcome;
}

test("AT-109: sources: proxies of the file go before those of the environment, as a whole", async () => {
  const ofFile = await startProxy(), ofEnvironment = await startProxy();
  const environment = { proxies: { httpsProxy: ofEnvironment.url, noProxy: "modules.example" } };
  const url = "https://modules.example/p.wasm";
  assert.is(await fetched(url, { ...environment, sources: { proxies: { httpsProxy: ofFile.url } } }), "8 bytes of web");
  assert.equal([ofFile.log, ofEnvironment.log], [["CONNECT modules.example:443"], []]);
});

test("AT-109: sources: without proxies of the file those of the environment count", async () => {
  const proxy = await startProxy();
  const url = "https://modules.example/p.wasm";
  assert.is(await fetched(url, { proxies: { httpsProxy: proxy.url } }), "8 bytes of web");
  assert.equal(proxy.log, ["CONNECT modules.example:443"]);
});

test("AT-121: an http URL goes by the http proxy, an https one by a tunnel, whose proxy learns nothing of who asks whom", async () => {
  const proxy = await startProxy();
  const withPassword = proxy.url.replace("//", "//me:word@");
  const settings = { proxies: { httpProxy: withPassword, httpsProxy: withPassword } };
  const insecureSources = new Set(["modules.example"]);
  assert.is(await fetched("https://you:word@modules.example/a.wasm", settings), "8 bytes of web");
  const closed = await startProxy({ routes: { "modules.example": routes["modules.example"] } });
  const plainOnly = { proxies: { httpProxy: closed.url, httpsProxy: closed.url }, sources: { insecureSources } };
  assert.is(await fetched("http://modules.example/b.wasm", plainOnly), "8 bytes of web");
  assert.equal(proxy.log, ["CONNECT modules.example:443"]);
  assert.equal(proxy.authorizations, [`Basic ${btoa("me:word")}`]);
  assert.is(closed.log.at(-1), "GET http://modules.example/b.wasm");
});

test("proxies: one that refuses, and one that is not there, are told as that", async () => {
  const refusing = await startProxy({ refuse: 407 });
  const url = "https://modules.example/p.wasm";
  assert.is(
    await fetched(url, { proxies: { httpsProxy: refusing.url } }),
    `DOWNLOAD_PROXY_FAILED: Cannot download "${url}": the proxy ${
      new URL(refusing.url).host
    } answered 407 to CONNECT modules.example:443`,
  );
  const none = await fetched(url, { proxies: { httpsProxy: "http://me:word@127.0.0.1:1" } });
  assert.match(none, /^DOWNLOAD_PROXY_FAILED: .*the proxy 127\.0\.0\.1:1 cannot be used: /);
});

test.run();
