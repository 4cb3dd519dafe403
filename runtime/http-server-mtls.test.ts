import "reflect-metadata";
import { X509CertificateGenerator } from "@peculiar/x509";
import { request } from "node:https";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { issueAuthority, issueLeaf } from "../services/certs/x509.ts";
import { type HttpServer, serve } from "./http-server.ts";

const stop = new AbortController();
test.after(() => stop.abort());

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A self-signed client certificate, which is its own CA. */
async function client(name: string) {
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    keys,
    signingAlgorithm: algorithm,
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  return {
    cert: certificate.toString("pem"),
    key: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
  };
}

async function serverFor(clientCa: string) {
  const authority = await issueAuthority(new Date());
  const { certificate: cert, privateKey: key } = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
  const server = await serve((_request, { clientCommonName }) => new Response(clientCommonName), {
    host: "127.0.0.1",
    port: 0,
    signal: stop.signal,
    drainMs: 0,
    tls: { cert, key, clientCa },
  });
  return { server, cert, key };
}

/** The answer's text, or "refused". */
function ask(server: HttpServer, identity: { cert?: string; key?: string }): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = request(server.url, { ...identity, rejectUnauthorized: false, agent: false }, async (answer) => {
      let text = "";
      for await (const chunk of answer) text += chunk;
      resolve(text);
    });
    outgoing.on("error", () => resolve("refused"));
    outgoing.end();
  });
}

test("mutual TLS: the client of the CA is let in and known by name, others are refused", async () => {
  const known = await client("api-server"), stranger = await client("stranger");
  const { server } = await serverFor(known.cert);
  assert.is(await ask(server, known), "api-server");
  assert.is(await ask(server, stranger), "refused");
  assert.is(await ask(server, {}), "refused");
});

test("mutual TLS: a new client CA counts for new connections", async () => {
  const before = await client("before"), after = await client("after");
  const { server, cert, key } = await serverFor(before.cert);
  assert.is(await ask(server, after), "refused");
  server.setTls({ cert, key, clientCa: after.cert });
  assert.is(await ask(server, after), "after");
  assert.is(await ask(server, before), "refused");
});

test.run();
