import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pod, reviewOf, send, startPolicyServerProcess, verdictOf } from "../../../test/policy-server-process.ts";
import { talk } from "../../../test/raw-connection.ts";
import { issueAuthority, issueLeaf } from "../../certs/x509.ts";
import { exampleUrl } from "../testing/guests.ts";
import { forCases, shown } from "./cases.ts";
import { mutatedBytes } from "./mutate-bytes.ts";

const folder = await mkdtemp(join(tmpdir(), "fuzz-handshakes-"));
const authority = await issueAuthority(new Date());
const leaf = await issueLeaf({ authority, dnsName: "localhost", now: new Date() });
const [certFile, keyFile, caFile] = ["crt", "key", "ca"].map((name) => join(folder, name)) as [string, string, string];
await writeFile(certFile, leaf.certificate);
await writeFile(keyFile, leaf.privateKey);
await writeFile(caFile, authority.certificate);
const server = await startPolicyServerProcess({
  policies: { privileged: { module: exampleUrl("privileged-pods/policy") } },
  env: { KUBEWARDEN_CERT_FILE: certFile, KUBEWARDEN_KEY_FILE: keyFile, KUBEWARDEN_CLIENT_CA_FILE: caFile },
});
test.after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});
const port = Number(new URL(server.url).port);
const body = reviewOf(pod({ privileged: true }));

/** What a client says first. */
async function clientHello(): Promise<Uint8Array> {
  const heard = Promise.withResolvers<Uint8Array>();
  const listener = createServer((socket) => {
    socket.on("error", () => {}); // The client is told nothing and goes away.
    socket.once("data", (chunk: Buffer) => {
      heard.resolve(new Uint8Array(chunk));
      socket.destroy();
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as { port: number };
  const client = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  client.on("error", () => {}); // There is no server to talk to.
  const hello = await heard.promise;
  client.destroy();
  listener.close();
  return hello;
}

test("fuzz: whatever comes instead of a handshake gets no answer of HTTP, and the server lives on", async () => {
  const hello = await clientHello();
  const plain = new TextEncoder().encode(`POST /validate/privileged HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}`);
  await forCases({ count: 600, atOnce: 24 }, async (random) => {
    const bytes = mutatedBytes(random, random.oneIn(4) ? plain : hello);
    const cut = random.oneIn(3) ? random.below(bytes.length + 1) : 0;
    const back = await talk(bytes, { port, cut, end: random.oneIn(2), leaveAfterMs: 300 });
    assert.not.match(new TextDecoder("latin1").decode(back), "200 OK", `${shown(bytes)} -> ${shown(back)}`);
  });
  const client = await issueLeaf({ authority, dnsName: "client", now: new Date() });
  const answer = await send(`${server.url}/validate/privileged`, { body, ca: authority.certificate, client });
  assert.is(verdictOf(answer).allowed, false);
});

test.run();
