import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { caSecretName } from "../contracts/names.ts";
import { certsFlags } from "../services/certs/config.ts";
import { renderKustomization } from "../tools/kustomize.ts";

/** Overlays with an authority of others: what they set is what `certs` reads. */
const folder = join(dirname(fileURLToPath(import.meta.url)), "../deploy/kustomize/overlays");
const keyOf = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.name}`;

async function overlay(name: string) {
  const [objects, base] = await Promise.all([name, "default"].map((each) => renderKustomization(join(folder, each))));
  const known = new Set(base!.map(keyOf));
  const added = objects!.filter((each) => !known.has(keyOf(each)));
  const find = (kind: string, name: string) => objects!.find((each) => keyOf(each) === `${kind} ${name}`)!;
  const { template } = find("Deployment", "certs").spec as {
    template: { spec: { containers: { envFrom: { configMapRef: { name: string; optional: boolean } }[] }[] } };
  };
  const [{ configMapRef: reference }] = template.spec.containers[0]!.envFrom as [
    { configMapRef: { name: string; optional: boolean } },
  ];
  const settings = objects!.find((each) => keyOf(each) === `ConfigMap ${reference.name}`)?.data as
    | Record<string, string>
    | undefined;
  return { added, reference, secret: settings?.[certsFlags.providedCaSecret.env!] };
}

test("overlays: the default one has no settings for certs, and does without", async () => {
  const { reference, secret } = await overlay("default");
  assert.equal([reference.optional, secret], [true, undefined]);
});

test("overlays: byo-ca adds the settings that make kubewarden-ca the user's own", async () => {
  const { added, secret } = await overlay("byo-ca");
  assert.equal(added.map(keyOf), ["ConfigMap kubewarden-certs"]);
  assert.is(secret, caSecretName);
});

test("overlays: cert-manager adds an authority whose Secret is the one that certs signs with", async () => {
  const { added, secret } = await overlay("cert-manager");
  assert.equal(added.map(keyOf).sort(), [
    "Certificate kubewarden-ca",
    "ConfigMap kubewarden-certs",
    "Issuer kubewarden-ca",
  ]);
  const { spec, metadata } = added.find(({ kind }) => kind === "Certificate")!;
  const { isCA, secretName, issuerRef } = spec as { isCA: boolean; secretName: string; issuerRef: { name: string } };
  assert.equal([isCA, secretName, issuerRef.name], [true, secret, "kubewarden-ca"]);
  assert.is(metadata.namespace, "kubewarden");
});

test.run();
