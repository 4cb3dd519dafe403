import { test } from "uvu";
import * as assert from "uvu/assert";
import { findCondition } from "../contracts/conditions.ts";
import type { KubeObject, ObjectRef } from "../contracts/kubernetes.ts";
import { apiVersion, caSecretName } from "../contracts/names.ts";
import { keyBlocks } from "../runtime/pem.ts";
import { policyServer, startControllerBench, until, untilCondition } from "./controller-under-test.ts";
import { handMadeAuthority } from "./hand-made-authority.ts";

const namespace = "kubewarden";
const secret = (name: string): ObjectRef => ({ apiVersion: "v1", kind: "Secret", namespace, name });
const server = (name: string): ObjectRef => ({ apiVersion, kind: "PolicyServer", name });

/** A key in every form in which it could turn up: its lines, the Secret's base64 of them, its bytes in hex. */
function formsOf(key: string): string[] {
  const body = key.split("\n").filter((line) => line.length > 16 && !line.startsWith("-"));
  const bytes = Uint8Array.fromBase64(body.join(""));
  // 30 characters in the middle of what cannot stand in any other text.
  const middle = (text: string) => text.slice(Math.floor(text.length / 2) - 15, Math.floor(text.length / 2) + 15);
  return [...body.map(middle), middle(btoa(key)), middle(bytes.toHex())];
}

test("the controllers, logging all they can, write no private key to a log, a status or an Event", async () => {
  const bench = await startControllerBench({ disturbances: true, seed: 23 });
  const { kube } = bench;
  const keys = new Set<string>();
  const collect = async () => {
    for (const { data } of (await kube.list({ apiVersion: "v1", kind: "Secret" }, { namespace })).items) {
      for (const text of Object.values(data as Record<string, string> ?? {})) {
        for (const key of keyBlocks(atob(text))) keys.add(key);
      }
    }
  };
  const seen = async (name: string) => {
    await collect();
    return await kube.get(secret(name));
  };
  try {
    await bench.start("certs", ["--log-level", "debug", "--trust-settle-time", "100ms"]);
    await bench.start("reconciler", ["--log-level", "debug"]);
    await bench.start("webhook-registrar", ["--log-level", "debug"]);
    await kube.create(policyServer("default"));
    await untilCondition(kube, server("default"), "CertSecretReconciled", "True");
    const first = (await seen(caSecretName))!;

    // Lost, damaged, half a key, a key of something else, and a Secret that refuses to be mended.
    await kube.remove(secret(caSecretName));
    await until("another authority", async () => {
      const found = await seen(caSecretName);
      return found !== undefined && found.metadata.uid !== first.metadata.uid;
    });
    const stranger = await handMadeAuthority({ now: new Date() });
    keys.add(stranger.privateKey);
    const [serving, versionOf] = [
      "policy-server-default",
      async (name: string) => (await kube.get(secret(name)))?.metadata.resourceVersion,
    ] as const;
    for (const broken of [stranger.privateKey, stranger.privateKey.slice(0, 120), btoa(stranger.privateKey)]) {
      for (const [name, key] of [[serving, "tls.key"], [caSecretName, "ca.key"]] as const) {
        await kube.patch(secret(name), { data: { [key]: btoa(broken) } }, { type: "merge" });
        const version = await versionOf(name);
        await until(`${name} mended`, async () => {
          await collect();
          return await versionOf(name) !== version;
        });
      }
    }
    const frozen: KubeObject = {
      ...{ apiVersion: "v1", kind: "Secret", type: "Opaque", immutable: true },
      metadata: { name: "policy-server-frozen", namespace },
      data: { "tls.crt": btoa(stranger.certificate), "tls.key": btoa(stranger.privateKey) },
    };
    await kube.create(frozen);
    await kube.create(policyServer("frozen"));
    await until("a refusal", async () => {
      const found = findCondition((await kube.get(server("frozen")))!, "CertSecretReconciled");
      return /immutable/.test(found?.message ?? "");
    });
    await collect();

    const logs = bench.written();
    assert.match(logs, '"level":"debug"');
    assert.match(logs, "refused");
    const others = [
      ...(await kube.list({ apiVersion, kind: "PolicyServer" })).items,
      ...(await kube.list({ apiVersion: "v1", kind: "Event" })).items,
      ...(await kube.list({ apiVersion: "v1", kind: "ConfigMap" }, { namespace })).items,
      ...(await kube.list({ apiVersion: "apps/v1", kind: "Deployment" }, { namespace })).items,
    ];
    const shown = `${logs}\n${JSON.stringify(others)}`;
    assert.not.match(shown, "PRIVATE KEY");
    assert.ok(keys.size >= 6, `${keys.size} keys`);
    for (const key of keys) for (const form of formsOf(key)) assert.not.ok(shown.includes(form), "a key is shown");
    // What is looked for is found where it is.
    for (const key of keys) assert.ok(formsOf(key).some((form) => `${key}${btoa(key)}`.includes(form)));
  } finally {
    await bench.stop();
  }
});

test.run();
