import { connect as connectTcp } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { issueAuthority, issueLeaf } from "../../services/certs/x509.ts";
import { type Handler, serve, type ServeOptions } from "./server.ts";
import { exchange } from "../net/net.ts";
import { shownCertificate } from "../testing/shown-certificate.ts";

const never = new AbortController().signal;
const stops: AbortController[] = [];

async function start(handler: Handler, options: Partial<ServeOptions> = {}) {
  const stop = new AbortController();
  stops.push(stop);
  const server = await serve(handler, { host: "127.0.0.1", port: 0, signal: stop.signal, ...options });
  return { ...server, stop: () => stop.abort() };
}

test.after(() => stops.forEach((each) => each.abort()));

function request(url: string, o: { method?: string; body?: string; ca?: string[]; insecure?: boolean } = {}) {
  return exchange(url, { maxBytes: 1e6, signal: never, ...o });
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test("server: hands method, path, headers and body to the handler and its answer back", async () => {
  const { url } = await start(async (request) => {
    const { pathname, search } = new URL(request.url);
    const body = `${request.method} ${pathname}${search} ${await request.text()}`;
    return new Response(body, { status: 201, headers: { "x-seen": request.headers.get("user-agent") ?? "none" } });
  });
  const answer = await exchange(`${url}/a/b?c=d`, {
    method: "POST",
    body: "héllo",
    headers: { "user-agent": "me" },
    maxBytes: 100,
    signal: never,
  });
  assert.is(answer.status, 201);
  assert.is(text(answer.body), "POST /a/b?c=d héllo");
  assert.is(answer.headers["x-seen"], "me");
});

test("server: a declared body over the limit gets 413 and never reaches the handler", async () => {
  let called = false;
  const { url } = await start(() => {
    called = true;
    return new Response();
  }, { maxBodyBytes: 10 });
  assert.is((await request(url, { method: "POST", body: "x".repeat(11) })).status, 413);
  assert.is((await request(url, { method: "POST", body: "x".repeat(10) })).status, 200);
  assert.ok(called);
});

test("server: a body over the limit of unknown length gets 413", async () => {
  const { port } = await start(() => new Response("reached"), { maxBodyBytes: 10 });
  const answer = await raw(
    port,
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n14\r\n01234567890123456789\r\n",
  );
  assert.match(answer, /^HTTP\/1.1 413 /);
});

test("server: an upload that breaks off never reaches the handler", async () => {
  let calls = 0;
  const { url, port } = await start(() => {
    calls++;
    return new Response();
  });
  await raw(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf", { end: true });
  await request(url);
  assert.is(calls, 1);
});

test("server: clients that leave at any point leave it standing", async () => {
  const { url, port } = await start(async (request) => {
    const { length } = await request.text();
    return new Response(new Uint8Array(length * 1000));
  });
  const whole = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n${"x".repeat(1000)}`;
  await Promise.all(Array.from({ length: 40 }, (_, i) =>
    new Promise<void>((resolve) => {
      const socket = connectTcp(port, "127.0.0.1", () => {
        socket.write(whole.slice(0, 1 + i * 27), () => setTimeout(() => socket.resetAndDestroy(), i % 4));
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve());
    })));
  assert.is((await request(url, { method: "POST", body: "x" })).body.length, 1000);
});

test("server: a handler that throws becomes 500 without its words", async () => {
  const { url } = await start(() => {
    throw new Error("private");
  });
  const answer = await request(url);
  assert.is(answer.status, 500);
  assert.not.match(text(answer.body), "private");
});

test("server: a streamed answer arrives piece by piece, and its signal tells when the client leaves", async () => {
  const left = Promise.withResolvers<void>();
  const { port } = await start((request) => {
    request.signal.addEventListener("abort", () => left.resolve());
    return new Response(
      new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode("one")) }),
    );
  });
  const socket = connectTcp(port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  const seen = await new Promise<string>((resolve) => {
    let got = "";
    socket.on("data", (chunk) => (got += chunk).includes("one") && resolve(got));
  });
  assert.match(seen, "200 OK");
  socket.destroy();
  await left.promise;
});

test("server: after the signal a running request finishes, a new one is refused, idle connections close", async () => {
  const arrived = Promise.withResolvers<void>(), release = Promise.withResolvers<void>();
  const server = await start(async () => {
    arrived.resolve();
    await release.promise;
    return new Response("done");
  });
  const running = request(server.url);
  await arrived.promise;
  server.stop();
  const refused = await request(server.url).catch((error) => error);
  assert.is(refused.code, "DOWNLOAD_FAILED");
  release.resolve();
  assert.is(text((await running).body), "done");
  await server.closed;
});

test("server: under TLS a running request finishes too, and what never ends is cut off", async () => {
  const authority = await issueAuthority(new Date());
  const { certificate: cert, privateKey: key } = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
  const arrived = Promise.withResolvers<void>(), release = Promise.withResolvers<void>();
  const server = await start(async ({ url }) => {
    arrived.resolve();
    await (url.endsWith("/never") ? new Promise(() => {}) : release.promise);
    return new Response("done");
  }, { tls: { cert, key }, drainMs: 300 });
  const running = request(server.url, { insecure: true });
  const hanging = request(`${server.url}/never`, { insecure: true }).catch((error) => error);
  await arrived.promise;
  server.stop();
  release.resolve();
  assert.is(text((await running).body), "done");
  assert.is((await hanging).code, "DOWNLOAD_FAILED");
  await server.closed;
});

test("server: new certificates serve new connections, unusable ones change nothing", async () => {
  const authority = await issueAuthority(new Date());
  const first = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
  const second = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
  const { port, setTls } = await start(() => new Response(), {
    tls: { cert: first.certificate, key: first.privateKey },
  });
  const before = await serialOf(port);
  setTls({ cert: second.certificate, key: second.privateKey });
  const after = await serialOf(port);
  assert.is.not(after, before);
  assert.throws(() => setTls({ cert: "rubbish", key: second.privateKey }));
  assert.throws(() => setTls({ cert: first.certificate, key: second.privateKey }));
  assert.is(await serialOf(port), after);
});

test("server: with a client CA nobody gets in without a certificate", async () => {
  const authority = await issueAuthority(new Date());
  const { certificate: cert, privateKey: key } = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
  const { url } = await start(() => new Response(), { tls: { cert, key, clientCa: authority.certificate } });
  const refused = await request(url, { insecure: true }).catch((error) => error);
  assert.is(refused.code, "DOWNLOAD_FAILED");
});

const serialOf = async (port: number) => (await shownCertificate({ port })).serialNumber;

/** Sends bytes and collects what comes until the server closes. */
function raw(port: number, bytes: string, { end = false } = {}): Promise<string> {
  return new Promise((resolve) => {
    let got = "";
    const socket = connectTcp(port, "127.0.0.1", () => end ? socket.end(bytes) : socket.write(bytes));
    socket.on("data", (chunk) => got += chunk);
    socket.on("error", () => resolve(got));
    socket.on("close", () => resolve(got));
  });
}

test.run();
