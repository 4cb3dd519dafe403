import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { SourcesFile } from "../../../contracts/policy-config.ts";
import { serve } from "../../../runtime/http/server.ts";
import { issueAuthority, issueLeaf } from "../../certs/x509.ts";
import { exampleUrl } from "../testing/guests.ts";
import { longWasm, testSupply, type TestSupplyOptions, wasm } from "../testing/supply.ts";
import { downloadLimits } from "./sources/limits.ts";

const stop = new AbortController();
const { signal } = stop;
const root = await mkdtemp(join(tmpdir(), "fetch-"));
const servers: Server[] = [];
test.after(async () => {
  stop.abort();
  for (const each of servers) {
    each.close();
    each.closeAllConnections();
  }
  await rm(root, { recursive: true });
});

const asked: string[] = [];
function handler(request: Request): Response {
  const { pathname } = new URL(request.url);
  asked.push(`${pathname} ${request.headers.get("authorization") ?? "anonymous"}`);
  if (pathname === "/policy.wasm") return new Response(wasm);
  if (pathname === "/page") return new Response("<html>");
  const [, status] = /^\/status\/(\d+)$/.exec(pathname) ?? [];
  return new Response("gone", { status: Number(status ?? 404) });
}
const options = { host: "127.0.0.1", port: 0, signal, drainMs: 0 };
const authority = await issueAuthority(new Date());
const leaf = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
const tls = { cert: leaf.certificate, key: leaf.privateKey };
const plain = await serve(handler, options);
const secure = await serve(handler, { ...options, tls });
const [plainHost, secureHost] = [`localhost:${plain.port}`, `localhost:${secure.port}`];

function freshFolder(): string {
  return join(root, crypto.randomUUID());
}

async function fetched(
  url: string,
  sources: Partial<SourcesFile> = {},
  o: Partial<TestSupplyOptions> = {},
): Promise<string> {
  const supply = await testSupply({ folder: freshFolder(), sources, signal, ...o });
  return await supply.outcome(url);
}
const trusted = {
  sourceAuthorities: new Map([[secureHost, [{ type: "Data" as const, data: authority.certificate }]]]),
};
const insecure = (...hosts: string[]) => ({ insecureSources: new Set(hosts) });

test("fetch: a file, used in place", async () => {
  const folder = freshFolder();
  assert.match(await fetched(exampleUrl("hostile/trap"), {}, { folder }), /^\d+ bytes of file$/);
  assert.equal(await readdir(folder).catch(() => []), []);
});

test("fetch: a file that is not there", async () => {
  assert.match(await fetched("file:///no/such/policy.wasm"), /^MODULE_FETCH_FAILED: .*no such file/i);
});

test("fetch: http only from hosts that are listed as insecure", async () => {
  assert.match(await fetched(`http://${plainHost}/policy.wasm`), /^DOWNLOAD_INSECURE_REFUSED: .*insecure_sources/);
  assert.is(await fetched(`http://${plainHost}/policy.wasm`, insecure(plainHost)), "8 bytes of web");
});

test("fetch: an insecure host that has no such file says so, whatever else was tried", async () => {
  assert.is(
    await fetched(`http://${plainHost}/none`, insecure(plainHost)),
    `DOWNLOAD_NOT_FOUND: Cannot download "http://${plainHost}/none": the server answered 404, there is no such thing`,
  );
});

test("fetch: says once what each way of asking an insecure host brought", async () => {
  const outcome = await fetched("https://localhost:1/a", insecure("localhost:1"));
  assert.match(outcome, /^DOWNLOAD_FAILED: Cannot download "https:.*; Cannot download "http:/s);
  assert.is(outcome.match(/https:/g)?.length, 1);
});

test("fetch: https only with a trusted certificate, unless the host is insecure", async () => {
  const url = `https://${secureHost}/policy.wasm`;
  assert.match(await fetched(url), /^DOWNLOAD_CERTIFICATE_UNTRUSTED: /);
  assert.is(await fetched(url, trusted), "8 bytes of web");
  assert.is(await fetched(url, insecure(secureHost)), "8 bytes of web");
});

const statuses: [number, string][] = [
  [401, "DOWNLOAD_UNAUTHORIZED"],
  [403, "DOWNLOAD_FORBIDDEN"],
  [404, "DOWNLOAD_NOT_FOUND"],
  [418, "DOWNLOAD_FAILED"],
  [429, "DOWNLOAD_BUSY"],
  [500, "DOWNLOAD_SERVER_FAILED"],
  [503, "DOWNLOAD_SERVER_FAILED"],
];
for (const [status, code] of statuses) {
  test(`fetch: an answer of ${status} is ${code}, and names the URL and the status`, async () => {
    const folder = freshFolder();
    const outcome = await fetched(`https://${secureHost}/status/${status}`, trusted, { folder });
    assert.ok(outcome.startsWith(`${code}: Cannot download "https://${secureHost}/status/${status}": `), outcome);
    assert.match(outcome, `the server answered ${status}`);
    assert.equal(await readdir(join(folder, "partial")), []);
  });
}

test("fetch: an error page is no module, and nothing of it is kept", async () => {
  const folder = freshFolder();
  assert.match(await fetched(`https://${secureHost}/page`, trusted, { folder }), /^MODULE_INVALID: invalid wasm file/);
  assert.equal(await readdir(folder), ["partial"]);
  assert.equal(await readdir(join(folder, "partial")), []);
});

test("fetch: user and password of a URL are sent to its host, and are in no error and no file", async () => {
  const folder = freshFolder();
  const supply = await testSupply({ folder, sources: trusted, signal });
  assert.is(await supply.outcome(`https://user:secret@${secureHost}/policy.wasm`), "8 bytes of web");
  assert.is(asked.at(-1), `/policy.wasm Basic ${btoa("user:secret")}`);
  const outcome = await supply.outcome(`https://user:secret@${secureHost}/none?token=secret`);
  assert.not.match(outcome + supply.lines.join(), /secret/);
  const [reference = ""] = await readdir(join(folder, "references"));
  assert.not.match(await supply.outcome(`file://${join(folder, "references", reference)}`), /secret/);
});

type Answering = (range: string | undefined, body: Uint8Array) => [number, Record<string, string>, Uint8Array];

/** A server whose first answers break off or fail; it says what it was asked. */
async function shakySource(answers: Answering[]) {
  const content = longWasm(300_000);
  const ranges: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const range = request.headers.range;
    ranges.push(range && `${range} ${request.headers["if-range"] ?? ""}`.trim());
    const next = answers[ranges.length - 1];
    const whole: ReturnType<Answering> = [200, {}, content];
    const [status, headers, body] = next?.(range, content) ?? whole;
    response.writeHead(status, headers);
    const declared = Number(headers["content-length"] ?? body.length);
    response.write(body, () => body.length < declared ? response.destroy() : response.end());
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const host = `localhost:${(server.address() as AddressInfo).port}`;
  // The way by TLS is tried first and leaves no request.
  return { url: `http://${host}/p.wasm`, ranges, sources: insecure(host) };
}
const etag = '"v1"';

test("fetch: a download that breaks off goes on where it was, if the server vouches that it is still the same", async () => {
  const { url, ranges, sources } = await shakySource([
    (_, body) => [200, { "content-length": "300000", etag }, body.subarray(0, 100_000)],
    (range, body) => {
      // What was under way when the connection broke may be lost.
      const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1]);
      return [206, { etag, "content-range": `bytes ${start}-299999/300000` }, body.subarray(start)];
    },
  ]);
  const supply = await testSupply({ folder: freshFolder(), sources, signal });
  const { bytes } = await supply.fetch(url);
  assert.equal(bytes, longWasm(300_000));
  assert.is(ranges.length, 2);
  assert.match(ranges[1] ?? "", /^bytes=[1-9]\d*- "v1"$/);
});

test("fetch: a download that breaks off begins again, if the server does not vouch for it or has something new", async () => {
  const broken = (headers: Record<string, string>) => (_: unknown, body: Uint8Array) =>
    [200, { "content-length": "300000", ...headers }, body.subarray(0, 100_000)] as [
      number,
      Record<string, string>,
      Uint8Array,
    ];
  for (const [first, range] of [[broken({}), /^$/], [broken({ etag }), /^bytes=\d+- "v1"$/]] as const) {
    const { url, ranges, sources } = await shakySource([first]);
    const supply = await testSupply({ folder: freshFolder(), sources, signal });
    assert.equal((await supply.fetch(url)).bytes, longWasm(300_000));
    assert.is(ranges.length, 2);
    assert.match(ranges[1] ?? "", range);
  }
});

test("fetch: one that always breaks off is truncated, and leaves nothing", async () => {
  const broken = (_: unknown, body: Uint8Array): [number, Record<string, string>, Uint8Array] => [
    200,
    { "content-length": "300000" },
    body.subarray(0, 1000),
  ];
  const { url, ranges, sources } = await shakySource([broken, broken, broken, broken]);
  const folder = freshFolder();
  assert.match(await fetched(url, sources, { folder }), /^DOWNLOAD_TRUNCATED: Cannot download .* broke off/);
  assert.is(ranges.length, 3);
  assert.equal(await readdir(join(folder, "partial")), []);
});

test("fetch: failures of the moment are tried again, Retry-After is waited for", async () => {
  const { url, ranges, sources } = await shakySource([
    () => [503, { "retry-after": "0" }, new Uint8Array()],
    () => [429, { "retry-after": "1" }, new Uint8Array()],
  ]);
  const host = new URL(url).host;
  const supply = await testSupply({ folder: freshFolder(), sources, signal });
  assert.is(await supply.outcome(url), "300000 bytes of web");
  assert.is(ranges.length, 3);
  const waits = supply.lines.map((line) => JSON.parse(line)).filter((each) => each.message.includes("tried again"));
  assert.equal(waits.map(({ url, attempt, why }) => [url, attempt, why]), [
    [`http://${host}/p.wasm`, 1, "the server answered 503"],
    [`http://${host}/p.wasm`, 2, "the server answered 429"],
  ]);
  assert.is(waits[1].inMs, 1000);
});

test("fetch: a download that takes long says how far it is", async () => {
  const { url, sources } = await shakySource([]);
  const limits = { ...downloadLimits, progressMs: 0 };
  const supply = await testSupply({ folder: freshFolder(), sources, signal, limits });
  await supply.fetch(url);
  const events = supply.lines.map((line) => JSON.parse(line));
  const { bytes, of } = events.findLast((each) => each.message === "A download is going on");
  assert.equal([bytes, of], [300_000, undefined]);
});

test("fetch: a server that asks for a day of patience is not waited for", async () => {
  const { url, ranges, sources } = await shakySource([() => [429, { "retry-after": "86400" }, new Uint8Array()]]);
  assert.match(await fetched(url, sources), /^DOWNLOAD_BUSY: .*429/);
  // Once by each way that ended in an answer.
  assert.is(ranges.length, 1);
});

test("fetch: what is larger than a module may be is refused, declared or not", async () => {
  const limits = { ...downloadLimits, maxBytes: 1000, attempts: 1 };
  const declared = await shakySource([]);
  assert.match(
    await fetched(declared.url, declared.sources, { limits }),
    /^DOWNLOAD_TOO_LARGE: .*larger than 1000 bytes/,
  );
  const streamed = await shakySource([(_, body) => [200, { "transfer-encoding": "chunked" }, body]]);
  assert.match(await fetched(streamed.url, streamed.sources, { limits }), /^DOWNLOAD_TOO_LARGE: /);
});

test("fetch: a server that says nothing, and one that never ends, are given up", async () => {
  const limits = { ...downloadLimits, attempts: 1 };
  const silent = createServer(() => {});
  servers.push(silent);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const host = `localhost:${(silent.address() as AddressInfo).port}`;
  const url = `http://${host}/p.wasm`;
  const idle = await fetched(url, insecure(host), { limits: { ...limits, idleMs: 50 } });
  assert.match(idle, /^DOWNLOAD_FAILED: .*no byte within 50 ms/s);
  const total = await fetched(url, insecure(host), { limits: { ...limits, totalMs: 200 } });
  assert.is(total, "DOWNLOAD_FAILED: not fetched within 0.2 s");
});

test("fetch: redirects lead to another host without credentials, and never from https to http", async () => {
  const seen: (string | null)[] = [];
  const other = await serve((request) => {
    seen.push(request.headers.get("authorization"));
    return new Response(wasm);
  }, { ...options, tls });
  const target = { location: "" };
  const first = await serve(
    () => new Response(null, { status: 302, headers: target }),
    { ...options, tls },
  );
  const [otherHost, firstHost] = [`localhost:${other.port}`, `localhost:${first.port}`];
  const authorities = [{ type: "Data" as const, data: authority.certificate }];
  const sources = {
    sourceAuthorities: new Map([otherHost, firstHost].map((host) => [host, authorities])),
    ...insecure(plainHost),
  };
  target.location = `https://${otherHost}/p.wasm`;
  assert.is(await fetched(`https://u:p@${firstHost}/`, sources), "8 bytes of web");
  assert.equal(seen, [null]);
  target.location = `http://${plainHost}/policy.wasm`;
  assert.match(await fetched(`https://${firstHost}/`, sources), /^DOWNLOAD_REDIRECT_REFUSED: .*redirects to "http:/);
});

test("AT-108: an unknown scheme is refused", async () => {
  assert.match(await fetched("ftp://x/y"), /^DOWNLOAD_URL_INVALID: unknown scheme "ftp"/);
});

test("fetch: an authority that is no certificate is refused at the start", async () => {
  const sources = { sourceAuthorities: new Map([[secureHost, [{ type: "Data" as const, data: "text" }]]]) };
  const error = await testSupply({ folder: root, sources, signal }).catch((each: Error) => each);
  assert.match((error as Error).message, "Raw certificate is not in PEM nor in DER");
});

test.run();
