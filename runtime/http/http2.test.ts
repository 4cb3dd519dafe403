import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders } from "node:http2";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { issueAuthority, issueLeaf } from "../../services/certs/x509.ts";
import { type Handler, serve, type ServeOptions } from "./server.ts";
import { http2Available } from "./http2.ts";
import { respond } from "./respond.ts";
import { sleep } from "../sleep.ts";
import { raw } from "../testing/raw-client.ts";

const authority = await issueAuthority(new Date());
const { certificate: cert, privateKey: key } = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
const stops: AbortController[] = [];
const sessions: ClientHttp2Session[] = [];
test.after(() => {
  sessions.forEach((each) => each.destroy());
  stops.forEach((each) => each.abort());
});

async function start(handler: Handler, options: Partial<ServeOptions> = {}) {
  const stop = new AbortController();
  stops.push(stop);
  const tls = { cert, key };
  const server = await serve(handler, { host: "127.0.0.1", port: 0, signal: stop.signal, tls, drainMs: 0, ...options });
  return { ...server, stop: () => stop.abort() };
}

test("http2: is offered in the handshake where it can be served, HTTP/1.1 everywhere", async () => {
  const { port } = await start(() => respond(200, {}, "hello"));
  const agreed = (ALPNProtocols: string[]) =>
    new Promise<string | false | null>((resolve, reject) => {
      const socket: TLSSocket = connectTls(
        { port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols },
        () => {
          resolve(socket.alpnProtocol);
          socket.destroy();
        },
      );
      socket.on("error", reject);
    });
  assert.is(await agreed(["http/1.1", "h2"]), http2Available ? "h2" : "http/1.1");
  assert.is(await agreed(["http/1.1"]), "http/1.1");
  const get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  assert.match(await raw(port, get, { tls: {} }), /^HTTP\/1.1 200 .*hello$/s);
  assert.match(await raw(port, get, { tls: { ALPNProtocols: ["http/1.1"] } }), /^HTTP\/1.1 200 .*hello$/s);
});

if (http2Available) {
  test("http2: many requests on one connection, each with its own answer", async () => {
    const { port } = await start(async (request) => {
      const { host, pathname, search } = new URL(request.url);
      const words = [request.method, host, pathname + search, request.headers.get("x-a"), await request.text()];
      return respond(201, { "x-b": "c" }, words.join(" "));
    });
    const session = open(port);
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, i) => ask(session, { ":path": `/${i}?q`, "x-a": "b" }, `body ${i}`)),
    );
    assert.equal(answers.map(({ body }) => body), answers.map((_, i) => `POST localhost /${i}?q b body ${i}`));
    assert.equal([answers[0]?.status, answers[0]?.headers["x-b"]], [201, "c"]);
  });

  test("http2: a client certificate is asked for as over HTTP/1.1, and its name known to every request", async () => {
    const client = await issueLeaf({ authority, dnsName: "api-server", now: new Date() });
    const { port } = await start((_request, { clientCommonName }) => respond(200, {}, clientCommonName ?? ""), {
      tls: { cert, key, clientCa: authority.certificate },
    });
    const session = open(port, { cert: client.certificate, key: client.privateKey });
    const names = await Promise.all([ask(session), ask(session)]);
    assert.equal(names.map(({ body }) => body), ["api-server", "api-server"]);
    assert.is(await ask(open(port)).then(() => "served", () => "refused"), "refused");
  });

  test("http2: streams, GET and HEAD, and headers that only HTTP/1.1 has", async () => {
    const { port } = await start(({ method, body }) =>
      new Response(new Blob([method, String(body)]).stream(), { headers: { connection: "close", "x-a": "b" } })
    );
    const session = open(port);
    assert.equal((await ask(session, { ":method": "GET" })).body, "GETnull");
    const head = await ask(session, { ":method": "HEAD" });
    assert.equal([head.status, head.headers["x-a"], head.body], [200, "b", ""]);
  });

  test("http2: large bodies both ways, many at once, over one connection", async () => {
    const { port } = await start(async (request) => respond(200, {}, await request.bytes()), { maxBodyBytes: 8e6 });
    const session = open(port);
    const body = "0123456789".repeat(400_000);
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(session, {}, body)));
    for (const answer of answers) assert.ok(answer.body === body);
  });

  test("http2: a body that is too large, told or not, gets 413 on its stream; the connection serves on", async () => {
    let calls = 0;
    const { port } = await start(() => respond(200, {}, String(++calls)), { maxBodyBytes: 10 });
    const session = open(port);
    assert.is((await ask(session, { "content-length": "11" }, "x".repeat(11))).status, 413);
    assert.is((await ask(session, {}, "x".repeat(5e6))).status, 413);
    assert.equal((await ask(session, {}, "x".repeat(10))).body, "1");
  });

  test("http2: a slow body gets 408 and its own words", async () => {
    const refuse = (_request: Request, status: number) => respond(status, {}, "too slow");
    const { port } = await start(() => respond(200, {}, ""), { requestTimeoutMs: 200, refuse });
    const session = open(port);
    const stream = session.request({ ":method": "POST", ":path": "/" });
    const timer = setInterval(() => stream.writable && stream.write("x"), 20);
    const { status, body } = await answerOn(stream);
    clearInterval(timer);
    assert.equal([status, body], [408, "too slow"]);
    assert.is((await ask(session)).status, 200);
  });

  test("http2: a request with a broken head is refused", async () => {
    const { port } = await start(() => respond(200, {}, ""));
    const broken: Record<string, string>[] = [
      { ":authority": "a/b" },
      { ":path": "nowhere" },
      { ":method": "TRACE" },
      { "x-large": "x".repeat(20_000) },
      Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x-${i}`, "y"])),
    ];
    for (const headers of broken) {
      // Some are refused by the protocol itself, which resets the stream or ends the connection.
      const outcome = await ask(open(port), headers).then(({ status }) => status, () => 400);
      assert.ok(outcome === 400 || outcome === 431, `${Object.keys(headers)[0]}: ${outcome}`);
    }
    assert.is((await ask(open(port))).status, 200);
  });

  test("http2: a stream that is reset aborts its own request only", async () => {
    const aborted: string[] = [], release = Promise.withResolvers<void>();
    let running = 0;
    const { port } = await start(async ({ url, signal }) => {
      signal.addEventListener("abort", () => aborted.push(new URL(url).pathname));
      running++;
      await release.promise;
      return respond(200, {}, "done");
    });
    const session = open(port);
    const kept = ask(session, { ":path": "/kept" });
    const reset = session.request({ ":path": "/reset" });
    reset.on("error", () => {});
    await until(() => running === 2);
    reset.close(constants.NGHTTP2_CANCEL);
    await until(() => aborted.length > 0);
    release.resolve();
    assert.is((await kept).body, "done");
    assert.equal(aborted, ["/reset"]);
  });

  test("http2: an upload that breaks off never reaches the handler, whether its stream or its connection ends", async () => {
    const seen: string[] = [];
    const { port } = await start(async (request) => {
      seen.push(await request.text());
      return respond(200, {}, "");
    });
    const half = frame("DATA", { stream: 1, payload: "half" });
    for (const head of [postHead, postHead + literal("content-length", "1000")]) {
      const begin = preface + frame("HEADERS", { stream: 1, flags: endHeaders, payload: head }) + half;
      const acknowledged = begin + frame("PING", { payload: "12345678" });
      await raw(port, bytesOf(acknowledged), { tls: h2, until: /12345678/ });
      const reset = frame("RST_STREAM", { stream: 1, payload: "\0\0\0\x08" });
      await raw(port, bytesOf(begin + reset + frame("PING", { payload: "12345678" })), { tls: h2, until: /12345678/ });
    }
    await ask(open(port), {}, "whole");
    assert.equal(seen, ["whole"]);
  });

  test("http2: a client that opens streams only to reset them loses its connection, others theirs not", async () => {
    const { port } = await start(() => respond(200, {}, ""));
    const attacker = open(port), other = open(port);
    const over = new Promise<void>((resolve) => attacker.once("close", () => resolve()));
    while (!attacker.destroyed && !attacker.closed) {
      for (let i = 0; i < 100 && !attacker.destroyed && !attacker.closed; i++) {
        const stream = attacker.request({ ":path": "/" });
        stream.on("error", () => {});
        stream.close(constants.NGHTTP2_CANCEL);
      }
      await sleep(1);
    }
    await over;
    assert.is((await ask(other)).status, 200);
  });

  test("http2: floods of pings and settings, endless heads and garbage cost the sender its connection only", async () => {
    const { port } = await start(() => respond(200, {}, ""), { keepAliveTimeoutMs: 500 });
    const headers = frame("HEADERS", { stream: 1, payload: postHead });
    const floods = [
      frame("PING", { payload: "12345678" }).repeat(200_000),
      frame("SETTINGS", { payload: "\0\x03\0\0\0\x64" }).repeat(100_000),
      headers + frame("CONTINUATION", { stream: 1, payload: literal("x", "y".repeat(100)) }).repeat(20_000),
      frame("PRIORITY", { stream: 3, payload: "\0\0\0\0\x10" }).repeat(100_000),
      "garbage".repeat(1000),
      headers.slice(0, 12),
    ];
    // Nobody reads the answers, so whatever is answered piles up.
    await Promise.all(floods.map((flood) => raw(port, bytesOf(preface + flood), { tls: h2 })));
    assert.is((await ask(open(port))).status, 200);
  });

  test("http2: a connection without streams is closed after its time, pings or not", async () => {
    const { port } = await start(() => respond(200, {}, ""), { keepAliveTimeoutMs: 300 });
    const session = open(port);
    await ask(session);
    const timer = setInterval(() => session.closed || session.destroyed || session.ping(() => {}), 20);
    await new Promise<void>((resolve) => session.once("close", () => resolve()));
    clearInterval(timer);
  });

  test("http2: at the end every running stream gets its answer, and the connection a goodbye", async () => {
    const release = Promise.withResolvers<void>();
    let running = 0;
    const server = await start(async () => {
      running++;
      await release.promise;
      return respond(200, {}, "done");
    }, { drainMs: 60_000 });
    const session = open(server.port), idle = open(server.port);
    await ping(idle);
    const goodbyes: number[] = [];
    session.on("goaway", (code) => goodbyes.push(code));
    const closed = Promise.all([session, idle].map((each) => new Promise((resolve) => each.once("close", resolve))));
    const answers = Array.from({ length: 20 }, () => ask(session));
    await until(() => running === 20);
    server.stop();
    await until(() => goodbyes.length > 0);
    release.resolve();
    assert.ok((await Promise.all(answers)).every(({ body }) => body === "done"));
    assert.equal(goodbyes, [constants.NGHTTP2_NO_ERROR]);
    await closed;
    await server.closed;
  });

  test("http2: what never ends is cut off after the drain time", async () => {
    let running = 0;
    const server = await start(() => {
      running++;
      return new Promise<Response>(() => {});
    }, { drainMs: 100 });
    const hanging = ask(open(server.port)).catch(() => "cut off");
    await until(() => running === 1);
    server.stop();
    assert.is(await hanging, "cut off");
    await server.closed;
  });
}

const h2 = { ALPNProtocols: ["h2"] };
const types = ["DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS", "PUSH_PROMISE", "PING", "GOAWAY"] as const;
const endHeaders = 4;

/** A frame (RFC 9113 4.1), each byte a character; for what no well-behaved client would send. */
function frame(
  type: (typeof types)[number] | "CONTINUATION",
  { flags = 0, stream = 0, payload = "" }: { flags?: number; stream?: number; payload?: string },
): string {
  const number = type === "CONTINUATION" ? 9 : types.indexOf(type);
  const length = [payload.length >> 16, (payload.length >> 8) & 255, payload.length & 255];
  return String.fromCharCode(...length, number, flags, 0, 0, stream >> 8, stream & 255) + payload;
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame("SETTINGS", {});
/** A header field that is written out (RFC 7541 6.2.2); shorter than 127 bytes each. */
const literal = (name: string, value: string) =>
  `\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`;
/** `POST / https localhost`, by numbers of the static table. */
const postHead = "\x83\x84\x87\x41\x09localhost";

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function open(port: number, identity: { cert?: string; key?: string } = {}): ClientHttp2Session {
  const options = { rejectUnauthorized: false, host: "127.0.0.1", ...identity };
  const session = connect(`https://localhost:${port}`, options);
  session.on("error", () => {});
  sessions.push(session);
  return session;
}

type Answer = { status: number; headers: IncomingHttpHeaders; body: string };

function ask(session: ClientHttp2Session, headers: Record<string, string> = {}, body?: string): Promise<Answer> {
  const method = body === undefined ? "GET" : "POST";
  const stream = session.request({ ":method": method, ":path": "/", ":authority": "localhost", ...headers });
  stream.end(body);
  return answerOn(stream);
}

function answerOn(stream: ReturnType<ClientHttp2Session["request"]>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let head: IncomingHttpHeaders | undefined;
    const chunks: Uint8Array[] = [];
    stream.on("response", (headers) => head = headers);
    stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    stream.on("error", reject);
    stream.on("close", () => {
      if (head === undefined) return reject(new Error("no answer"));
      resolve({ status: Number(head[":status"]), headers: head, body: Buffer.concat(chunks).toString() });
    });
  });
}

function ping(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = () => session.ping((error) => error ? reject(error) : resolve());
    if (session.connecting) session.once("connect", go);
    else go();
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

test.run();
