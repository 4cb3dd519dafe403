import { generateKeyPairSync } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../../contracts/errors.ts";
import { serve } from "../../runtime/http/server.ts";
import { createLog, silentLog } from "../../runtime/telemetry/log.ts";
import { respond } from "../../runtime/http/respond.ts";
import { sleep } from "../../runtime/sleep.ts";
import { shownCertificate } from "../../runtime/testing/shown-certificate.ts";
import { issueAuthority, issueLeaf } from "../certs/x509.ts";
import { readTls, watchTls } from "./tls.ts";

const folder = await mkdtemp(join(tmpdir(), "policy-server-tls-"));
const stop = new AbortController();
test.after(async () => {
  stop.abort();
  await rm(folder, { recursive: true });
});

const [ours, theirs] = [await issueAuthority(new Date()), await issueAuthority(new Date())];
const leaf = () => issueLeaf({ authority: ours, dnsName: "localhost", now: new Date() });
const [first, second] = [await leaf(), await leaf()];
const [ourClient, theirClient] = await Promise.all(
  [ours, theirs].map((authority) => issueLeaf({ authority, dnsName: "client", now: new Date() })),
);
const broken = "-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
const encrypted = (type: "pkcs8" | "sec1") =>
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
    .export({ type, format: "pem", cipher: "aes-256-cbc", passphrase: "secret" }) as string;

async function write(content: string): Promise<string> {
  const path = join(folder, crypto.randomUUID());
  await writeFile(path, content);
  return path;
}

function logged() {
  const lines: Record<string, unknown>[] = [];
  return { lines, log: createLog({ write: (line) => lines.push(JSON.parse(line)) }) };
}

const refused: [string, { cert?: string; key?: string; cas?: string[] }, string][] = [
  [
    "a certificate file with none",
    { cert: "nothing" },
    'Expected at least one certificate in certificate file "CERT", found 0',
  ],
  [
    "a certificate file with a broken one",
    { cert: broken },
    'Expected at least one certificate in certificate file "CERT", found 0',
  ],
  ["a key file with none", { key: first.certificate }, 'Expected exactly one key in key file "KEY", found 0'],
  [
    "a key file with two",
    { key: first.privateKey + second.privateKey },
    'Expected exactly one key in key file "KEY", found 2',
  ],
  [
    "an encrypted PKCS #8 key",
    { key: encrypted("pkcs8") },
    'The key in key file "KEY" is encrypted, which is not supported',
  ],
  [
    "an encrypted SEC 1 key",
    {
      key:
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n",
    },
    'The key in key file "KEY" is encrypted, which is not supported',
  ],
  [
    "a key of another certificate",
    { key: second.privateKey },
    'The key in key file "KEY" does not belong to the certificate in "CERT"',
  ],
  [
    "client CA files without a usable one",
    { cas: [broken, "nothing"] },
    'Cannot build client verifier: no usable certificate in "CA0", "CA1"',
  ],
];
for (const [name, { cert = first.certificate, key = first.privateKey, cas = [] }, message] of refused) {
  test(`tls: ${name} is refused by name`, async () => {
    const [certFile, keyFile] = [await write(cert), await write(key)];
    const clientCaFiles = await Promise.all(cas.map(write));
    const said = await readTls({ certFile, keyFile, clientCaFiles }, silentLog).then(() => "taken", messageOf);
    const named = said.replace(certFile, "CERT").replace(keyFile, "KEY");
    assert.is(clientCaFiles.reduce((text, path, index) => text.replace(path, `CA${index}`), named), message);
  });
}

test("tls: a key that cannot be read is refused by name, and not shown", async () => {
  const keyFile = await write("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  const said = await readTls({ certFile: await write(first.certificate), keyFile, clientCaFiles: [] }, silentLog)
    .then(() => "taken", messageOf);
  assert.ok(said.startsWith(`Cannot read the key in key file "${keyFile}": `), said);
  assert.not.match(said, "AAAA");
});

test("tls: chains and files with several CAs are taken, unusable entries are counted", async () => {
  const { lines, log } = logged();
  const { options } = await readTls({
    certFile: await write(`${first.certificate}\n${ours.certificate}${broken}`),
    keyFile: await write(
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${first.privateKey}`,
    ),
    clientCaFiles: [await write(ours.certificate + theirs.certificate), await write(broken), await write("")],
  }, log);
  const count = (pem: unknown) => String(pem).split("BEGIN CERTIFICATE").length - 1;
  assert.equal([count(options.cert), count(options.clientCa)], [2, 2]);
  assert.equal(lines.map(({ count, unusable, filesWithoutAny }) => [count, unusable, filesWithoutAny]), [
    [1, undefined, undefined],
    [undefined, 1, 1],
  ]);
});

/** A server whose files are mounted as a Secret is: `tls.crt` -> `..data/tls.crt`, `..data` -> a folder of one version. */
async function mounted(versions: Record<string, string>) {
  const mount = join(folder, crypto.randomUUID());
  await mkdir(mount);
  const swap = async (files: Record<string, string>) => {
    const version = join(mount, `..${crypto.randomUUID()}`);
    await mkdir(version);
    for (const [name, content] of Object.entries(files)) await writeFile(join(version, name), content);
    await symlink(version, join(mount, "..data_tmp"));
    await rename(join(mount, "..data_tmp"), join(mount, "..data"));
  };
  await swap(versions);
  for (const name of Object.keys(versions)) await symlink(join("..data", name), join(mount, name));
  const files = {
    certFile: join(mount, "tls.crt"),
    keyFile: join(mount, "tls.key"),
    clientCaFiles: Object.keys(versions).filter((name) => name.startsWith("ca")).map((name) => join(mount, name)),
  };
  const { lines, log } = logged();
  const { options, contents: known } = await readTls(files, log);
  const { port, setTls } = await serve(() => respond(200, {}, ""), {
    host: "127.0.0.1",
    port: 0,
    signal: stop.signal,
    drainMs: 0,
    tls: options,
  });
  void watchTls(files, { known, options, setTls, log, signal: stop.signal });
  return { port, swap, lines };
}

type Client = { certificate: string; privateKey: string };

/** The serial number of the server's certificate over a new connection, or "refused". */
function visit(port: number, { client, agent }: { client?: Client; agent?: Agent } = {}): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = request({
      port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      agent: agent ?? false,
      ...(client ? { cert: client.certificate, key: client.privateKey } : {}),
    }, (answer) => {
      const { serialNumber } = (answer.socket as import("node:tls").TLSSocket).getPeerCertificate();
      answer.resume();
      answer.on("end", () => resolve(serialNumber));
    });
    outgoing.on("error", () => resolve("refused"));
    outgoing.end();
  });
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!await condition()) await sleep(20);
}

test("tls: a mounted Secret that is swapped is taken over; half a pair is not, and says so (AT-024)", async () => {
  const { port, swap, lines } = await mounted({ "tls.crt": first.certificate, "tls.key": first.privateKey });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const before = await visit(port, { agent });
  await swap({ "tls.crt": second.certificate, "tls.key": first.privateKey });
  await until(() => lines.length > 0);
  assert.match(
    String(lines[0]?.message),
    /^Failed to reload TLS certificates: The key in key file ".*" does not belong/,
  );
  const shown = async () => (await shownCertificate({ port })).serialNumber;
  assert.is(await shown(), before);
  await swap({ "tls.crt": second.certificate, "tls.key": second.privateKey });
  await until(async () => await shown() !== before);
  assert.is(lines.at(-1)?.message, "TLS certificates reloaded");
  // The connection that was open all the time went on with what it began with.
  assert.is(await visit(port, { agent }), before);
  agent.destroy();
});

test("tls: client CAs are taken over on their own, also beside half a pair, and unusable ones are not (AT-024)", async () => {
  const pair = { "tls.crt": first.certificate, "tls.key": first.privateKey };
  const cas = { "ca1.crt": ours.certificate, "ca2.crt": ours.certificate };
  const { port, swap, lines } = await mounted({ ...pair, ...cas });
  assert.is.not(await visit(port, { client: ourClient }), "refused");
  assert.is(await visit(port, { client: theirClient }), "refused");
  await swap({ ...pair, "tls.key": second.privateKey, "ca1.crt": theirs.certificate, "ca2.crt": theirs.certificate });
  await until(async () => await visit(port, { client: theirClient }) !== "refused");
  assert.is(await visit(port, { client: ourClient }), "refused");
  const told = lines.length;
  await swap({ ...pair, "ca1.crt": broken, "ca2.crt": "" });
  await until(() => lines.slice(told).some(({ message }) => String(message).includes("Cannot build client verifier")));
  assert.is.not(await visit(port, { client: theirClient }), "refused");
  assert.is(await visit(port), "refused");
});

test("tls: clients of each of three CA files are let in, others not (AT-026)", async () => {
  const third = await issueAuthority(new Date());
  const thirdClient = await issueLeaf({ authority: third, dnsName: "client", now: new Date() });
  const { port } = await mounted({
    "tls.crt": first.certificate,
    "tls.key": first.privateKey,
    "ca1.crt": ours.certificate,
    "ca2.crt": theirs.certificate,
    "ca3.crt": third.certificate,
  });
  for (const client of [ourClient, theirClient, thirdClient]) assert.is.not(await visit(port, { client }), "refused");
  const stranger = await issueLeaf({ authority: await issueAuthority(new Date()), dnsName: "client", now: new Date() });
  assert.is(await visit(port, { client: stranger }), "refused");
  assert.is(await visit(port), "refused");
});

test.run();
