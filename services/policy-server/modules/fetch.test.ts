import { test } from "uvu";
import * as assert from "uvu/assert";
import { noSources, type SourcesFile } from "../../../contracts/policy-config.ts";
import { serve } from "../../../runtime/http-server.ts";
import { issueAuthority, issueLeaf } from "../../certs/x509.ts";
import { exampleUrl } from "../testing/guests.ts";
import { fetchModule } from "./fetch.ts";

const stop = new AbortController();
test.after(() => stop.abort());
const wasm = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

function handler({ url }: Request): Response {
  const { pathname } = new URL(url);
  if (pathname === "/policy.wasm") return new Response(wasm);
  return pathname === "/page" ? new Response("<html>") : new Response("gone", { status: 404 });
}
const options = { host: "127.0.0.1", port: 0, signal: stop.signal };
const authority = await issueAuthority(new Date());
const leaf = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
const plain = await serve(handler, options);
const secure = await serve(handler, { ...options, tls: { cert: leaf.certificate, key: leaf.privateKey } });
const [plainHost, secureHost] = [`localhost:${plain.port}`, `localhost:${secure.port}`];

async function fetched(url: string, sources: Partial<SourcesFile> = {}): Promise<string> {
  try {
    const bytes = await fetchModule(url, { sources: { ...noSources, ...sources }, signal: stop.signal });
    return `${bytes.length} bytes`;
  } catch (error) {
    return `${(error as { code?: string }).code}: ${(error as Error).message}`;
  }
}
const trusted = {
  sourceAuthorities: new Map([[secureHost, [{ type: "Data" as const, data: authority.certificate }]]]),
};

test("fetch: a file", async () => assert.match(await fetched(exampleUrl("hostile/trap")), /^\d+ bytes$/));

test("fetch: a file that is not there", async () => {
  assert.match(await fetched("file:///no/such/policy.wasm"), /^MODULE_FETCH_FAILED: .*no such file/i);
});

test("fetch: http only from hosts that are listed as insecure", async () => {
  assert.match(await fetched(`http://${plainHost}/policy.wasm`), /^MODULE_FETCH_FAILED: .*insecure_sources/);
  assert.is(await fetched(`http://${plainHost}/policy.wasm`, { insecureSources: new Set([plainHost]) }), "8 bytes");
});

test("fetch: says once what each way of asking an insecure host brought", async () => {
  assert.is(
    await fetched(`http://${plainHost}/none`, { insecureSources: new Set([plainHost]) }),
    `MODULE_FETCH_FAILED: Cannot download "https://${plainHost}/none": TLS: wrong version number; ` +
      `Cannot download "http://${plainHost}/none": the server answered 404`,
  );
});

test("fetch: https only with a trusted certificate, unless the host is insecure", async () => {
  const url = `https://${secureHost}/policy.wasm`;
  assert.match(await fetched(url), /^MODULE_FETCH_FAILED: /);
  assert.is(await fetched(url, trusted), "8 bytes");
  assert.is(await fetched(url, { insecureSources: new Set([secureHost]) }), "8 bytes");
});

test("fetch: an error page is no module", async () => {
  assert.match(await fetched(`https://${secureHost}/none`, trusted), /^MODULE_FETCH_FAILED: .*404/);
  assert.match(await fetched(`https://${secureHost}/page`, trusted), /^MODULE_INVALID: invalid wasm file/);
});

for (const url of ["registry://ghcr.io/a/b:c", "ghcr.io/a/b:c", "localhost:5000/a", "ftp://x/y", "https://"]) {
  test(`fetch: ${url} is refused with a reason`, async () => {
    assert.match(await fetched(url), /^MODULE_FETCH_FAILED: ./);
  });
}

test("fetch: an authority that is no certificate is refused", async () => {
  const sources = { sourceAuthorities: new Map([[secureHost, [{ type: "Data" as const, data: "text" }]]]) };
  assert.match(
    await fetched(`https://${secureHost}/policy.wasm`, sources),
    /neither|Raw certificate is not in PEM nor in DER/,
  );
});

test.run();
