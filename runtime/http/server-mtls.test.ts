import { spawn } from "node:child_process";
import { Agent, request } from "node:https";
import type { ConnectionOptions } from "node:tls";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { issueAuthority, issueLeaf } from "../../services/certs/x509.ts";
import { selfSigned } from "../../test/self-signed.ts";
import { runtimeCommand } from "../../tools/runtimes.ts";
import { type HttpServer, serve } from "./server.ts";
import { respond } from "./respond.ts";

const stop = new AbortController();
test.after(() => stop.abort());

async function serverFor(clientCa: string) {
  const authority = await issueAuthority(new Date());
  const { certificate: cert, privateKey: key } = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
  const server = await serve((_request, { clientCommonName }) => respond(200, {}, clientCommonName ?? ""), {
    host: "127.0.0.1",
    port: 0,
    signal: stop.signal,
    drainMs: 0,
    tls: { cert, key, clientCa },
  });
  return { server, cert, key };
}

/** The answer's text, or "refused". */
function ask(server: HttpServer, identity: { cert?: string; key?: string; agent?: Agent }): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = request(server.url, { agent: false, rejectUnauthorized: false, ...identity }, async (answer) => {
      let text = "";
      for await (const chunk of answer) text += chunk;
      resolve(text);
    });
    outgoing.on("error", () => resolve("refused"));
    outgoing.end();
  });
}

test("mutual TLS: the client of the CA is let in and known by name, others are refused", async () => {
  const known = await selfSigned("api-server"), stranger = await selfSigned("stranger");
  const { server } = await serverFor(known.cert);
  assert.is(await ask(server, known), "api-server");
  assert.is(await ask(server, stranger), "refused");
  assert.is(await ask(server, {}), "refused");
});

test("mutual TLS: a new client CA counts for new connections", async () => {
  const before = await selfSigned("before"), after = await selfSigned("after");
  const { server, cert, key } = await serverFor(before.cert);
  assert.is(await ask(server, after), "refused");
  server.setTls({ cert, key, clientCa: after.cert });
  assert.is(await ask(server, after), "after");
  assert.is(await ask(server, before), "refused");
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`mutual TLS: a session of ${version} is resumed, but not past the end of its client's CA`, async () => {
    const known = await selfSigned("known"), next = await selfSigned("next");
    const { server, cert, key } = await serverFor(known.cert);
    const first = await connection(server, { ...known, maxVersion: version });
    assert.equal([first.answer, first.reused], ["known", false]);
    const second = await connection(server, { ...known, maxVersion: version, session: first.session });
    assert.equal([second.answer, second.reused], ["known", true]);
    server.setTls({ cert, key, clientCa: next.cert });
    const third = await connection(server, { ...known, maxVersion: version, session: second.session });
    assert.is(third.answer, "");
    const fourth = await connection(server, { maxVersion: version, session: first.session });
    assert.is(fourth.answer, "");
    // Trusted again, it may come back, whichever session it brings.
    server.setTls({ cert, key, clientCa: `${next.cert}\n${known.cert}` });
    assert.is((await connection(server, { ...known, maxVersion: version, session: second.session })).answer, "known");
  });
}

/** One request over a connection of its own, by a client on Node; the answer is empty if there was none. */
async function connection({ port }: HttpServer, options: Omit<ConnectionOptions, "session"> & { session?: string }) {
  const { command, args } = runtimeCommand("node");
  const client = fileURLToPath(new URL("../testing/resuming-client.ts", import.meta.url));
  const child = spawn(command, [...args, client, JSON.stringify({ port, ...options })], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let line = "";
  for await (const chunk of child.stdout) line += chunk;
  return JSON.parse(line) as { answer: string; reused: boolean; session?: string };
}

test("mutual TLS: connections that are open when certificates change go on, and none is dropped", async () => {
  const known = await selfSigned("known"), next = await selfSigned("next");
  const { server, cert, key } = await serverFor(known.cert);
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...known, rejectUnauthorized: false });
  const one = () => ask(server, { agent });
  assert.is(await one(), "known");
  for (let i = 0; i < 10; i++) {
    const running = Array.from({ length: 5 }, one);
    server.setTls({ cert, key, clientCa: i % 2 === 0 ? next.cert : `${known.cert}\n${next.cert}` });
    assert.equal(await Promise.all(running), Array.from({ length: 5 }, () => "known"));
  }
  agent.destroy();
});

test.run();
