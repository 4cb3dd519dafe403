import { connect, type Socket } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { issueAuthority, issueLeaf } from "../../services/certs/x509.ts";
import { type Handler, serve, type ServeOptions } from "./server.ts";
import { createLog } from "../telemetry/log.ts";
import { respond } from "./respond.ts";
import { sleep } from "../sleep.ts";
import { raw } from "../testing/raw-client.ts";

const stops: AbortController[] = [];
test.after(() => stops.forEach((each) => each.abort()));

async function start(options: Partial<ServeOptions> = {}, handler?: Handler) {
  const stop = new AbortController();
  stops.push(stop);
  const lines: string[] = [];
  const seen: string[] = [];
  const answer: Handler = async (request) => {
    seen.push(await request.text());
    return respond(200, {}, `answer ${seen.length}`);
  };
  const server = await serve(handler ?? answer, {
    host: "127.0.0.1",
    port: 0,
    signal: stop.signal,
    drainMs: 0,
    log: createLog({ level: "info", write: (line) => lines.push(line) }),
    ...options,
  });
  return { ...server, seen, lines };
}

const ok = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const post = (more: string) => `POST / HTTP/1.1\r\nHost: a\r\n${more}`;

const nonsense: [string, string, RegExp][] = [
  ["a request line that is none", "BLAH blah blah\r\n\r\n", /^HTTP\/1.1 400 /],
  ["an unknown version", "GET / HTTP/7.0\r\nHost: a\r\n\r\n", /^HTTP\/1.1 400 /],
  ["HTTP/2 without an upgrade", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", /^HTTP\/1.1 400 /],
  ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", /^HTTP\/1.1 400 /],
  ["no host", "GET / HTTP/1.1\r\n\r\n", /^HTTP\/1.1 400 /],
  ["a host that is none", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", /^HTTP\/1.1 400 /],
  ["a target that is none", "GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n", /^HTTP\/1.1 400 /],
  ["a header of a megabyte", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(1e6)}\r\n\r\n`, /^HTTP\/1.1 431 /],
  ["very many headers", `GET / HTTP/1.1\r\nHost: a\r\n${"X: y\r\n".repeat(1e5)}\r\n`, /^HTTP\/1.1 431 /],
  ["a method without Request", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", /^HTTP\/1.1 400 /],
  ["a tunnel", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", /^$/],
  ["a length and chunks", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), /^HTTP\/1.1 400 /],
  ["two lengths", post("Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"), /^HTTP\/1.1 400 /],
  ["a negative length", post("Content-Length: -3\r\n\r\nabc"), /^HTTP\/1.1 400 /],
  ["a length that is no number", post("Content-Length: 3x\r\n\r\nabc"), /^HTTP\/1.1 400 /],
  ["another encoding", post("Transfer-Encoding: gzip\r\n\r\nabc"), /^HTTP\/1.1 400 /],
  ["a chunk that is none", post("Transfer-Encoding: chunked\r\n\r\nZZ\r\n"), /^HTTP\/1.1 400 /],
  ["a chunk longer than told", post("Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n"), /^HTTP\/1.1 400 /],
  ["a declared body that is too large", post("Content-Length: 11\r\n\r\n"), /^HTTP\/1.1 413 /],
  [
    "a body that turns out too large",
    post("Transfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n"),
    /^HTTP\/1.1 413 /,
  ],
];

for (const [name, bytes, expected] of nonsense) {
  test(`bad clients: ${name} is refused, and the next one is served`, async () => {
    const { port, seen, lines } = await start({ maxBodyBytes: 10 });
    const answer = await raw(port, bytes);
    assert.match(answer, expected);
    assert.not.match(answer, /Error|at .*\.ts/);
    assert.equal(seen, []);
    assert.match(await raw(port, ok), /^HTTP\/1.1 200 .*answer 1/s);
    assert.equal(lines, []);
  });
}

test("bad clients: whoever is slow with head or body is shown out, and holds nobody up", async () => {
  const { port, seen } = await start({ requestTimeoutMs: 300 });
  // HTTP/0.9 as well: a head without an end.
  const heads = ["", "GET / HTTP/1.1\r\nHost: a\r\nX: ", "GET /\r\n"].map((head) => dribble(port, head));
  const bodies = [
    dribble(port, post("Content-Length: 1000\r\n\r\n")),
    dribble(port, post("Transfer-Encoding: chunked\r\n\r\n3e8\r\n")),
  ];
  assert.match(await raw(port, ok), /^HTTP\/1.1 200 /);
  for (const answer of await Promise.all(heads)) assert.match(answer, /^HTTP\/1.1 4(00|08) |^$/);
  for (const answer of await Promise.all(bodies)) assert.match(answer, /^HTTP\/1.1 408 .*request timed out/s);
  assert.is(seen.length, 1);
});

/** Sends a start and then one byte after the other for as long as it may; resolves to the answer. */
function dribble(port: number, start: string): Promise<string> {
  return new Promise((resolve) => {
    let got = "";
    const socket = connect(port, "127.0.0.1", () => start && socket.write(start));
    const timer = setInterval(() => start.length > 10 && socket.writable && socket.write("x"), 20);
    socket.on("data", (chunk) => got += chunk);
    socket.on("error", () => {});
    socket.on("close", () => {
      clearInterval(timer);
      resolve(got);
    });
  });
}

test("bad clients: a body that breaks off, by length or in chunks, never reaches the handler", async () => {
  const { port, seen } = await start();
  await raw(port, post("Content-Length: 10\r\n\r\nhalf"), { end: true });
  await raw(port, post("Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"), { end: true });
  assert.match(await raw(port, ok), /answer 1/);
  assert.equal(seen, [""]);
});

test("bad clients: the server may have its own words for refusals", async () => {
  const { port } = await start({
    maxBodyBytes: 1,
    refuse: (request, status) =>
      respond(status, {}, `${request.method} ${new URL(request.url).pathname} gets ${status}`),
  });
  assert.match(
    await raw(port, post("Content-Length: 2\r\n\r\n")),
    /^HTTP\/1.1 413 .*connection: close.*POST \/ gets 413$/is,
  );
});

test("bad clients: pipelined requests are answered in order, but not any number of them", async () => {
  const release = Promise.withResolvers<void>();
  const paths: string[] = [];
  const { port } = await start({}, async (request) => {
    const { pathname } = new URL(request.url);
    paths.push(pathname);
    await release.promise;
    return respond(200, {}, pathname);
  });
  const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
  const few = raw(port, get("/1") + get("/2") + get("/3", "Connection: close\r\n"));
  await raw(port, get("/many").repeat(500));
  assert.ok(paths.filter((each) => each === "/many").length <= 33);
  release.resolve();
  assert.match(await few, /\/1HTTP.*\/2HTTP.*\/3$/s);
});

test("bad clients: the bodies of all requests together have a bound, and whoever is one too many may come again", async () => {
  const release = Promise.withResolvers<void>();
  const { port } = await start({ maxBodyBytes: 100_000, maxBufferedBytes: 150_000 }, async (request) => {
    await release.promise;
    return respond(200, {}, String((await request.bytes()).length));
  });
  const upload = post(`Connection: close\r\nContent-Length: 100000\r\n\r\n${"x".repeat(100_000)}`);
  const uploads = [raw(port, upload), raw(port, upload)];
  // Which of the two gets the room is up to them; the other one is told at once.
  await Promise.race(uploads);
  release.resolve();
  const answers = await Promise.all(uploads);
  assert.equal(answers.map((each) => /^HTTP\/1.1 (\d+)/.exec(each)?.[1]).sort(), ["200", "503"]);
  assert.match(answers.find((each) => each.includes(" 503 "))!, /retry-after: 1/i);
  assert.match(await raw(port, upload), /^HTTP\/1.1 200 .*100000$/s);
});

async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

test("bad clients: a flood of connections closes idle ones in its favour, never busy ones", async () => {
  const release = Promise.withResolvers<void>(), arrived = Promise.withResolvers<void>();
  const { port, lines } = await start({ maxConnections: 10 }, async (request) => {
    if (!request.url.endsWith("/slow")) return respond(200, {}, "quick");
    arrived.resolve();
    await release.promise;
    return respond(200, {}, "slow");
  });
  const slow = raw(port, "GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  await arrived.promise;
  const idle = await Promise.all(Array.from({ length: 30 }, () => idleConnection(port)));
  assert.match(await raw(port, ok), /quick$/);
  await untilTrue(() => idle.filter(({ destroyed }) => destroyed).length >= 21);
  release.resolve();
  assert.match(await slow, /slow$/);
  assert.equal(lines, []);
  idle.forEach((each) => each.destroy());
});

test("bad clients: when all connections are busy one more is closed at once, and the log says so once", async () => {
  const release = Promise.withResolvers<void>();
  let running = 0;
  const { port, lines } = await start({ maxConnections: 3 }, async () => {
    running++;
    await release.promise;
    return respond(200, {}, "done");
  });
  const busy = Array.from({ length: 3 }, () => raw(port, ok));
  await untilTrue(() => running === 3);
  assert.equal(await Promise.all([raw(port, ok), raw(port, ok)]), ["", ""]);
  assert.is(lines.length, 1);
  release.resolve();
  for (const answer of await Promise.all(busy)) assert.match(answer, /done$/);
  await untilTrue(() => running === 3);
  assert.match(await raw(port, ok), /done$/);
});

function idleConnection(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(socket));
    socket.on("error", () => {});
    socket.resume();
  });
}

test("bad clients: what is no TLS, or never ends its handshake, is closed", async () => {
  const authority = await issueAuthority(new Date());
  const { certificate: cert, privateKey: key } = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
  const { port, seen } = await start({ tls: { cert, key }, requestTimeoutMs: 500 });
  const answers = [raw(port, ok), raw(port, "garbage".repeat(100)), raw(port, new Uint8Array(1000)), raw(port, "")];
  // A TLS alert at most, never an answer.
  for (const answer of await Promise.all(answers)) assert.ok(answer.length <= 7, JSON.stringify(answer));
  assert.match(await raw(port, ok, { tls: {} }), /^HTTP\/1.1 200 /);
  assert.is(seen.length, 1);
});

test.run();
