import { Agent, request } from "node:https";
import { connect } from "node:tls";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { issueAuthority, issueLeaf } from "../../services/certs/x509.ts";
import { type Handler, serve } from "./server.ts";
import { respond } from "./respond.ts";
import { sleep } from "../sleep.ts";
import { raw } from "../testing/raw-client.ts";

const authority = await issueAuthority(new Date());
const { certificate: cert, privateKey: key } = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
const stops: AbortController[] = [];
test.after(() => stops.forEach((each) => each.abort()));

async function start(handler: Handler, drainMs = 60_000) {
  const stop = new AbortController(), stopping = new AbortController();
  stops.push(stop);
  const server = await serve(handler, {
    host: "127.0.0.1",
    port: 0,
    signal: stop.signal,
    stopping: stopping.signal,
    tls: { cert, key },
    drainMs,
  });
  return { ...server, stopping: () => stopping.abort(), stop: () => stop.abort() };
}

type Answer = { connection: string | undefined; body: string };

function ask(port: number, agent: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ port, host: "127.0.0.1", rejectUnauthorized: false, agent }, async (answer) => {
      let body = "";
      for await (const chunk of answer) body += chunk;
      resolve({ connection: answer.headers.connection, body });
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

test("drain: once asked to stop, each answer ends its connection, and new connections are served", async () => {
  const server = await start(() => respond(200, {}, "answer"));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  assert.equal(await ask(server.port, agent), { connection: "keep-alive", body: "answer" });
  server.stopping();
  for (let i = 0; i < 3; i++) assert.equal(await ask(server.port, agent), { connection: "close", body: "answer" });
  server.stop();
  await server.closed;
  assert.is(await ask(server.port, agent).catch(({ code }) => code), "ECONNREFUSED");
  agent.destroy();
});

test("drain: nothing is lost of what clients ask over kept connections while the server stops", async () => {
  const release = Promise.withResolvers<void>();
  let over = false, answers = 0, running = 0;
  const server = await start(async () => {
    running++;
    const last = over;
    if (last) await release.promise;
    running--;
    return respond(200, {}, last ? "last" : "answer");
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const clients = Array.from({ length: 16 }, async () => {
    for (let body = "answer"; body !== "last"; answers++) body = (await ask(server.port, agent)).body;
  });
  await until(() => answers > 50);
  server.stopping();
  const before = answers;
  await until(() => answers > before + 50);
  over = true;
  await until(() => running === 16);
  server.stop();
  release.resolve();
  await Promise.all(clients);
  await server.closed;
  agent.destroy();
});

test("drain: a connection that was made before the end may still ask once, an idle one does not hold it up", async () => {
  const server = await start(() => respond(200, {}, "answer"));
  const idle = new Promise((resolve) => {
    const socket = connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      socket.resume();
      server.stop();
    });
    socket.on("close", resolve);
  });
  const late = new Promise<string>((resolve) => {
    let got = "";
    const socket = connect({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false }, async () => {
      await until(() => stops.at(-1)!.signal.aborted);
      socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    });
    socket.on("data", (chunk) => got += chunk);
    socket.on("close", () => resolve(got));
  });
  assert.match(await late, /^HTTP\/1.1 200 .*connection: close.*answer$/is);
  await idle;
  await server.closed;
});

test("drain: requests that run one behind the other on a connection are all answered", async () => {
  const release = Promise.withResolvers<void>();
  let running = 0;
  const server = await start(async ({ url }) => {
    running++;
    if (url.endsWith("/2")) await release.promise;
    return respond(200, {}, new URL(url).pathname);
  });
  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const answers = raw(server.port, get("/1") + get("/2"), { tls: {} });
  await until(() => running === 2);
  server.stop();
  release.resolve();
  assert.match(await answers, /\/1HTTP.*\/2$/s);
  await server.closed;
});

test.run();
