import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { issueAuthority, issueLeaf } from "../../services/certs/x509.ts";
import { serve } from "../http/server.ts";
import { exchange } from "./net.ts";
import { followRedirects, type Redirectable } from "./redirects.ts";
import { openExchange, withoutCredentials } from "./stream.ts";

const stop = new AbortController();
test.after(() => stop.abort());
const limits = { maxBytes: 1000, signal: stop.signal };

async function start(handler: (request: Request) => Response | Promise<Response>) {
  return await serve(handler, { host: "127.0.0.1", port: 0, signal: stop.signal, drainMs: 0 });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(() => "no error", (error) => error.code ?? error.message);
}

async function follow(url: string, request: Redirectable = { headers: {} }): Promise<string> {
  const answer = await followRedirects(
    url,
    request,
    (target, headers) => openExchange(target, { headers, signal: stop.signal }),
  );
  let text = "";
  for await (const chunk of answer.body) text += new TextDecoder().decode(chunk);
  return text;
}

test("redirects: lead to the bytes", async () => {
  const { url } = await start((request) =>
    request.url.endsWith("/a")
      ? new Response(null, { status: 302, headers: { location: "/b" } })
      : new Response("bytes")
  );
  assert.is(await follow(`${url}/a`), "bytes");
});

test("redirects: do not hand credentials to another host, not even to another port of the same", async () => {
  const seen: (string | null)[] = [];
  const other = await start((request) => {
    seen.push(request.headers.get("authorization"), request.headers.get("x-any"));
    return new Response("bytes");
  });
  const { url } = await start((request) => {
    seen.push(request.headers.get("authorization"));
    const location = request.url.endsWith("/a") ? "/b" : other.url.replace("//", "//user:word@");
    return new Response(null, { status: 307, headers: { location } });
  });
  await follow(`${url}/a`, { headers: { "x-any": "1" }, authorization: "Basic x" });
  assert.equal(seen, ["Basic x", "Basic x", null, "1"]);
});

test("redirects: an endless row, a foreign scheme and a step from https to http are refused", async () => {
  const { url } = await start((request) =>
    new Response(null, { status: 302, headers: { location: request.url.endsWith("/loop") ? "/loop" : "file:///etc" } })
  );
  assert.is(await codeOf(follow(`${url}/loop`)), "DOWNLOAD_REDIRECT_REFUSED");
  assert.is(await codeOf(follow(`${url}/file`)), "DOWNLOAD_REDIRECT_REFUSED");
  const down = followRedirects("https://a/", { headers: {} }, () =>
    Promise.resolve({
      url: "https://a/",
      status: 302,
      headers: { location: `${url}/plain` },
      body: (async function* () {})(),
      close() {},
    }));
  assert.is(await codeOf(down), "DOWNLOAD_REDIRECT_REFUSED");
});

test("exchange: refuses what is too large, declared or not", async () => {
  const { url } = await start((request) =>
    request.url.endsWith("/declared")
      ? new Response("x".repeat(1001), { headers: { "content-length": "1001" } })
      : new Response(
        new ReadableStream({
          start(controller) {
            for (let i = 0; i < 11; i++) controller.enqueue(new Uint8Array(100));
            controller.close();
          },
        }),
      )
  );
  assert.is(await codeOf(exchange(`${url}/declared`, limits)), "DOWNLOAD_TOO_LARGE");
  assert.is(await codeOf(exchange(`${url}/streamed`, limits)), "DOWNLOAD_TOO_LARGE");
});

test("exchange: a foreign scheme and a closed port fail", async () => {
  assert.is(await codeOf(exchange("http://127.0.0.1:1/", limits)), "DOWNLOAD_FAILED");
  for (const each of ["file:///etc/hosts", "nonsense"]) {
    assert.is(await codeOf(exchange(each, limits)), "DOWNLOAD_URL_INVALID");
  }
});

test("exchange: an answer that breaks off fails", async () => {
  const server = createServer((socket) => {
    socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"));
    socket.on("error", () => {}); // The client may reset.
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  assert.is(await codeOf(exchange(`http://127.0.0.1:${port}/`, limits)), "DOWNLOAD_TRUNCATED");
  server.close();
});

test("exchange: a silent server is given up after the time limit, and at once when aborted", async () => {
  const { url } = await start(() => new Promise(() => {}));
  assert.is(await codeOf(exchange(url, { ...limits, timeoutMs: 30 })), "DOWNLOAD_FAILED");
  const abort = new AbortController();
  const waiting = exchange(url, { ...limits, signal: abort.signal }).catch((error) => error);
  abort.abort(new Error("enough"));
  assert.is((await waiting).message, "enough");
});

test("exchange: https needs a known authority, which the caller may name, or waive", async () => {
  const authority = await issueAuthority(new Date());
  const { certificate: cert, privateKey: key } = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
  const options = { host: "127.0.0.1", port: 0, signal: stop.signal, drainMs: 0, tls: { cert, key } };
  const { port } = await serve(() => new Response("safe"), options);
  const url = `https://localhost:${port}/`;
  assert.is(await codeOf(exchange(url, limits)), "DOWNLOAD_CERTIFICATE_UNTRUSTED");
  assert.is((await exchange(url, { ...limits, ca: [authority.certificate] })).body.length, 4);
  assert.is((await exchange(url, { ...limits, insecure: true })).body.length, 4);
});

test("exchange: an expired certificate and one of another name are told apart", async () => {
  const old = new Date(Date.now() - 2 * 365 * 86_400_000);
  const authority = await issueAuthority(old);
  const codeFor = async (dnsName: string, now: Date) => {
    const { certificate: cert, privateKey: key } = await issueLeaf({ authority, dnsName, now });
    const options = { host: "127.0.0.1", port: 0, signal: stop.signal, drainMs: 0, tls: { cert, key } };
    const { port } = await serve(() => new Response("safe"), options);
    return await codeOf(exchange(`https://localhost:${port}/`, { ...limits, ca: [authority.certificate] }));
  };
  assert.is(await codeFor("localhost", old), "DOWNLOAD_CERTIFICATE_EXPIRED");
  assert.is(await codeFor("elsewhere.example", new Date()), "DOWNLOAD_CERTIFICATE_UNTRUSTED");
  assert.is(await codeFor("localhost", new Date()), "no error");
});

test("net: a URL is shown without user, password and query", () => {
  assert.is(withoutCredentials("https://u:p@x@h/a?X-Signature=s"), "https://h/a?…");
  assert.is(withoutCredentials("ghcr.io/a@sha256:1"), "ghcr.io/a@sha256:1");
});

test.run();
