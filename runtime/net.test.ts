import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { issueAuthority, issueLeaf } from "../services/certs/x509.ts";
import { serve } from "./http-server.ts";
import { download } from "./net.ts";

const stop = new AbortController();
test.after(() => stop.abort());
const limits = { maxBytes: 1000, signal: stop.signal };

async function start(handler: (request: Request) => Response | Promise<Response>) {
  return await serve(handler, { host: "127.0.0.1", port: 0, signal: stop.signal, drainMs: 0 });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(() => "no error", (error) => error.code ?? error.message);
}

test("download: gives the bytes behind redirects", async () => {
  const { url } = await start((request) =>
    request.url.endsWith("/a")
      ? new Response(null, { status: 302, headers: { location: "/b" } })
      : new Response("bytes")
  );
  assert.is(new TextDecoder().decode(await download(`${url}/a`, limits)), "bytes");
});

test("download: does not hand credentials to another host", async () => {
  let seen: string | null = "";
  const other = await start((request) => {
    seen = request.headers.get("authorization");
    return new Response("bytes");
  });
  const { url } = await start(() => new Response(null, { status: 307, headers: { location: other.url } }));
  await download(url, { ...limits, headers: { authorization: "Basic x" } });
  assert.is(seen, null);
});

test("download: refuses what is too large, declared or not", async () => {
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
  assert.is(await codeOf(download(`${url}/declared`, limits)), "DOWNLOAD_TOO_LARGE");
  assert.is(await codeOf(download(`${url}/streamed`, limits)), "DOWNLOAD_TOO_LARGE");
});

test("download: an error status, an endless redirect, a foreign scheme and a closed port fail", async () => {
  const { url } = await start((request) =>
    request.url.endsWith("/loop")
      ? new Response(null, { status: 302, headers: { location: "/loop" } })
      : new Response("", { status: 404 })
  );
  for (const each of [`${url}/`, `${url}/loop`, "file:///etc/hosts", "http://127.0.0.1:1/", "nonsense"]) {
    assert.is(await codeOf(download(each, limits)), "DOWNLOAD_FAILED");
  }
});

test("download: an answer that breaks off fails", async () => {
  const server = createServer((socket) => {
    socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"));
    socket.on("error", () => {}); // The client may reset.
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  assert.is(await codeOf(download(`http://127.0.0.1:${port}/`, limits)), "DOWNLOAD_FAILED");
  server.close();
});

test("download: a silent server is given up after the time limit, and at once when aborted", async () => {
  const { url } = await start(() => new Promise(() => {}));
  assert.is(await codeOf(download(url, { ...limits, timeoutMs: 30 })), "DOWNLOAD_FAILED");
  const abort = new AbortController();
  const waiting = download(url, { ...limits, signal: abort.signal }).catch((error) => error);
  abort.abort(new Error("enough"));
  assert.is((await waiting).message, "enough");
});

test("download: https needs a known authority, which the caller may name, or waive", async () => {
  const authority = await issueAuthority(new Date());
  const { certificate: cert, privateKey: key } = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
  const options = { host: "127.0.0.1", port: 0, signal: stop.signal, drainMs: 0, tls: { cert, key } };
  const { port } = await serve(() => new Response("safe"), options);
  const url = `https://localhost:${port}/`;
  assert.is(await codeOf(download(url, limits)), "DOWNLOAD_FAILED");
  assert.is((await download(url, { ...limits, ca: [authority.certificate] })).length, 4);
  assert.is((await download(url, { ...limits, insecure: true })).length, 4);
});

test.run();
