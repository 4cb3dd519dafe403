import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { messageOf } from "../contracts/errors.ts";
import type { KubeObject, ObjectRef } from "../contracts/kubernetes.ts";
import { apiVersion, auditClientSecretName, caSecretName } from "../contracts/names.ts";
import { sleep } from "../runtime/sleep.ts";
import { isSignedBy } from "../services/certs/x509.ts";
import { exampleUrl } from "../services/policy-server/testing/guests.ts";
import { confirmTrust, policyServer, startControllerBench, until, untilCondition } from "./controller-under-test.ts";
import { reviewOf, send, startPolicyServerProcess, verdictOf } from "./policy-server-process.ts";

const secret = (name: string): ObjectRef => ({ apiVersion: "v1", kind: "Secret", namespace: "kubewarden", name });
const [authorityRef, servingRef] = [secret(caSecretName), secret("policy-server-default")];
const clientRef = secret(auditClientSecretName);
const server: ObjectRef = { apiVersion, kind: "PolicyServer", name: "default" };
const textOf = (object: KubeObject, key: string) => atob((object.data as Record<string, string>)[key] ?? "");

test("under mutual TLS, audit scanners and a policy server understand each other all through a change of authorities", async () => {
  const bench = await startControllerBench({ seed: 17 });
  const { kube } = bench;
  const folder = await mkdtemp(join(tmpdir(), "audit-client-"));
  const path = (name: string) => join(folder, name);
  const read = async (ref: ObjectRef) => (await kube.get(ref))!;
  /** Plays the kubelet. */
  const mount = async () => {
    const [serving, authority] = [await read(servingRef), await read(authorityRef)];
    for (const [object, key] of [[serving, "tls.crt"], [serving, "tls.key"], [authority, "ca.crt"]] as const) {
      await writeFile(path("next"), textOf(object, key));
      await rename(path("next"), path(key));
    }
  };
  const stops: (() => Promise<unknown>)[] = [];
  try {
    await bench.start("certs", ["--trust-settle-time", "6s"]);
    await kube.create(policyServer("default"));
    await untilCondition(kube, server, "CertSecretReconciled", "True");
    await until("a client certificate", () => kube.get(clientRef));
    await mount();
    const running = await startPolicyServerProcess({
      policies: { pods: { module: exampleUrl("privileged-pods/policy") } },
      env: {
        KUBEWARDEN_CERT_FILE: path("tls.crt"),
        KUBEWARDEN_KEY_FILE: path("tls.key"),
        KUBEWARDEN_CLIENT_CA_FILE: path("ca.crt"),
      },
    });
    stops.push(() => running.stop());
    /** As an audit scanner that starts now: with its certificate, trusting ca.crt. */
    const scan = async () => {
      const [authority, client] = [await read(authorityRef), await read(clientRef)];
      const answer = await send(`${running.url}/audit/pods`, {
        body: reviewOf({ kind: "Pod" }),
        ca: textOf(authority, "ca.crt"),
        client: { certificate: textOf(client, "tls.crt"), privateKey: textOf(client, "tls.key") },
        servername: "policy-server-default.kubewarden.svc",
      });
      return verdictOf(answer).allowed === true ? undefined : "another verdict";
    };
    assert.is(await scan(), undefined);

    const lost: string[] = [];
    let scans = 0, done = false;
    const loop = (work: () => Promise<void>) =>
      (async () => {
        while (!done) await work().then(() => sleep(100));
      })();
    const loops = [
      loop(mount),
      loop(() => confirmTrust(kube)),
      loop(async () => {
        const wrong = await scan().catch(messageOf);
        scans++;
        if (wrong !== undefined) lost.push(wrong);
      }),
    ];
    await kube.patch(authorityRef, [{ op: "remove", path: "/data/ca.key" }], { type: "json" });
    const next = await until("another authority", async () => {
      const found = await read(authorityRef);
      return textOf(found, "ca.key") !== "" && textOf(found, "ca.crt");
    });
    for (const ref of [servingRef, clientRef]) {
      await until(`${ref.name} of it`, async () => await isSignedBy(textOf(await read(ref), "tls.crt"), next));
    }
    const scansBefore = scans;
    await until("some more scans", () => Promise.resolve(scans > scansBefore + 10)).finally(() => done = true);
    await Promise.all(loops);
    assert.equal(lost, []);
  } finally {
    for (const stop of stops) await stop();
    await bench.stop();
    await rm(folder, { recursive: true });
  }
});

test.run();
