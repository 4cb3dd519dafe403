import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sleep } from "../../../runtime/sleep.ts";
import { shownCertificate } from "../../../runtime/testing/shown-certificate.ts";
import {
  type ClientCertificate,
  type PolicyServerProcess,
  reviewOf,
  send,
  startPolicyServerProcess,
  verdictOf,
} from "../../../test/policy-server-process.ts";
import { issueAuthority, issueLeaf } from "../../certs/x509.ts";
import { exampleUrl } from "../testing/guests.ts";

const now = new Date();
const authority = await issueAuthority(now);
const policies = { "pod-privileged": { module: exampleUrl("privileged-pods/policy") } };
const body = reviewOf({ kind: "Pod" });

const folder = await mkdtemp(join(tmpdir(), "policy-server-certificates-"));
const servers: PolicyServerProcess[] = [];
test.after(async () => {
  for (const each of servers) await each.stop();
  await rm(folder, { recursive: true });
});

async function start(env: Record<string, string>): Promise<PolicyServerProcess> {
  const server = await startPolicyServerProcess({ policies, env });
  servers.push(server);
  return server;
}

async function file(content: string): Promise<string> {
  const path = join(folder, crypto.randomUUID());
  await writeFile(path, content);
  return path;
}

/** A CA and a client's certificate of it. */
async function clientAuthority() {
  const ca = await issueAuthority(now);
  return { ca: ca.certificate, client: await issueLeaf({ authority: ca, dnsName: "client", now }) };
}

type Client = ClientCertificate | undefined;
const validate = (server: PolicyServerProcess, client?: Client) =>
  send(`${server.url}/validate/pod-privileged`, { body, ca: authority.certificate, client });
const isAccepted = async (server: PolicyServerProcess, client?: Client) =>
  verdictOf(await validate(server, client)).allowed;
/** Whether a client gets no answer at all. */
const isShutOut = (server: PolicyServerProcess, client?: Client) =>
  validate(server, client).then(() => false, () => true);
const readiness = async (server: PolicyServerProcess) => (await send(server.readinessUrl, { method: "GET" })).status;

async function until(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 60_000; !await look();) {
    if (performance.now() > deadline) throw new Error(`waited a minute until ${what}`);
    await sleep(50);
  }
}

/** The name in the certificate that the server shows. */
async function servedName(url: string, { certificate: cert, privateKey: key }: ClientCertificate): Promise<string> {
  const { hostname: host, port } = new URL(url);
  return (await shownCertificate({ host, port: Number(port), cert, key })).subjectAltName ?? "";
}

test("AT-024: a new certificate is served once its key is there too, and new client CAs let their clients in", async () => {
  const [before, after] = [
    await issueLeaf({ authority, dnsName: "localhost", now }),
    await issueLeaf({ authority, dnsName: "cert2.example.com", now }),
  ];
  const olds = [await clientAuthority(), await clientAuthority()];
  const news = [await clientAuthority(), await clientAuthority()];
  const [certFile, keyFile] = [await file(before.certificate), await file(before.privateKey)];
  const caFiles = [await file(olds[0]!.ca), await file(olds[1]!.ca)];
  const server = await start({
    KUBEWARDEN_CERT_FILE: certFile,
    KUBEWARDEN_KEY_FILE: keyFile,
    KUBEWARDEN_CLIENT_CA_FILE: caFiles.join(","),
  });
  const name = () => servedName(server.url, olds[0]!.client);
  assert.is(await readiness(server), 200);
  assert.is(await name(), "DNS:localhost");

  const linesBefore = server.log.length;
  await writeFile(certFile, after.certificate);
  // It says that it cannot take them over; until then it may not have looked.
  const complaint = () => server.log.slice(linesBefore).some(({ level }) => level === "warn" || level === "error");
  await until("the certificate without its key was looked at", complaint);
  assert.is(await name(), "DNS:localhost");
  assert.is(await isAccepted(server, olds[1]!.client), true);

  await writeFile(keyFile, after.privateKey);
  await until("the new certificate is served", async () => await name() === "DNS:cert2.example.com");

  for (const [index, path] of caFiles.entries()) await writeFile(path, news[index]!.ca);
  // The certificate has another name now, so these clients look at the answer only.
  const letIn = (client: ClientCertificate) => certificateStatus(server, client);
  for (const { client } of news) await until("new clients are let in", async () => await letIn(client) === 200);
  for (const { client } of olds) await until("former clients are shut out", async () => await letIn(client) !== 200);
});

async function certificateStatus(server: PolicyServerProcess, client: ClientCertificate): Promise<number | undefined> {
  const options = { body, ca: authority.certificate, client, servername: "cert2.example.com" };
  return (await send(`${server.url}/validate/pod-privileged`, options).catch(() => undefined))?.status;
}

test("AT-026: plain HTTP, server TLS and client certificates of three CAs all serve, readiness always without TLS", async () => {
  const leaf = await issueLeaf({ authority, dnsName: "localhost", now });
  const serverFiles = {
    KUBEWARDEN_CERT_FILE: await file(leaf.certificate),
    KUBEWARDEN_KEY_FILE: await file(leaf.privateKey),
  };
  const plain = await start({});
  assert.match(plain.url, /^http:/);
  assert.equal([await readiness(plain), await isAccepted(plain)], [200, true]);

  const secure = await start(serverFiles);
  assert.match(secure.url, /^https:/);
  assert.match(secure.readinessUrl, /^http:/);
  assert.equal([await readiness(secure), await isAccepted(secure)], [200, true]);

  const known = await Promise.all([clientAuthority(), clientAuthority(), clientAuthority()]);
  const caFiles = await Promise.all(known.map(({ ca }) => file(ca)));
  const mutual = await start({ ...serverFiles, KUBEWARDEN_CLIENT_CA_FILE: caFiles.join(",") });
  assert.is(await readiness(mutual), 200);
  for (const { client } of known) assert.is(await isAccepted(mutual, client), true);
  assert.is(await isShutOut(mutual), true);
  assert.is(await isShutOut(mutual, (await clientAuthority()).client), true);
});

test.run();
