import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseAllDocuments, stringify } from "yaml";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { kubectlPath } from "./kubectl.ts";
import { renderKustomization, renderKustomizationText } from "./kustomize.ts";

const overlays = join(dirname(fileURLToPath(import.meta.url)), "..", "deploy", "kustomize", "overlays");
const overlay = join(overlays, "default");
const kubectl = await kubectlPath();
const againstKubectl = kubectl === undefined ? test.skip : test;

async function inFolder<T>(files: Record<string, unknown>, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "kustomize-"));
  try {
    for (const [name, value] of Object.entries(files)) await writeFile(join(folder, name), stringify(value));
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const header = { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization" };
const configMap = (data: Record<string, string>) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "m", namespace: "n" },
  data,
});
const texts = [
  "",
  "plain",
  "true",
  "yes",
  "null",
  "~",
  "12",
  "1.5",
  "1e3",
  "0x1f",
  "1:30",
  "- dash",
  "-dash",
  "? question",
  "a: b",
  "a:b",
  "a #b",
  "a#b",
  "#a",
  "it's",
  "'quoted'",
  '"quoted"',
  "*",
  "&a",
  "!a",
  "[a]",
  "{a}",
  "a, b",
  "@a",
  "%a",
  "`a`",
  "|",
  " leading",
  "trailing ",
  "é ü 😀",
  "a\tb",
  "ends with colon:",
  "two  spaces and so on until the eightieth column has passed, where a line is broken  but not at two spaces",
  "word ".repeat(60).trim(),
  `- ${"quoted: word ".repeat(40).trim()}`,
  "one line\n",
  "two\nlines",
  "two\nlines\n",
  "lines\n\n\nwith gaps\n\n",
  "  indented\nfirst line\n",
];

for (const name of ["default", "byo-ca", "cert-manager"]) {
  againstKubectl(`kustomize: overlay ${name} is what kubectl kustomize prints, byte for byte`, async () => {
    const expected = execFileSync(kubectl!, ["kustomize", join(overlays, name)], { encoding: "utf8" });
    assert.is(await renderKustomizationText(join(overlays, name)), expected);
  });
}

againstKubectl("kustomize: the overlay mtls is the default one, but for the variable that asks for mutual TLS", () => {
  const render = (folder: string) => execFileSync(kubectl!, ["kustomize", folder], { encoding: "utf8" });
  const added = "        - name: KUBEWARDEN_CLIENT_CA_CONFIGMAP_NAME\n          value: kubewarden-client-ca\n";
  const mutual = render(join(overlays, "mtls"));
  assert.is(mutual.split(added).length, 2, "once");
  assert.is(mutual.replace(added, ""), render(overlay));
  const [reconciler, ...others] = parseAllDocuments(mutual).map((each) => each.toJS() as KubeObject)
    .filter((object) => JSON.stringify(object).includes("KUBEWARDEN_CLIENT_CA_CONFIGMAP_NAME"));
  assert.equal([reconciler?.kind, reconciler?.metadata.name, others], ["Deployment", "reconciler", []]);
});

againstKubectl("kustomize: odd texts are written as kubectl writes them", async () => {
  const data = Object.fromEntries(texts.map((text, index) => [`key${index}`, text]));
  await inFolder(
    { "kustomization.yaml": { ...header, resources: ["m.yaml"] }, "m.yaml": configMap(data) },
    async (at) => {
      const expected = execFileSync(kubectl!, ["kustomize", at], { encoding: "utf8" });
      assert.is(await renderKustomizationText(at), expected);
    },
  );
});

test("kustomize: the overlay names one image, everywhere the same", async () => {
  const objects = await renderKustomization(overlay);
  const images = JSON.stringify(objects).match(/"image":"[^"]*"/g) ?? [];
  assert.is(images.length, 3);
  assert.is(new Set(images).size, 1);
  assert.match(images[0] ?? "", /\/kubewarden-edge:/);
});

test("kustomize: namespace and CRDs come before what needs them", async () => {
  const kinds = (await renderKustomization(overlay)).map(({ kind }) => kind);
  assert.is(kinds[0], "Namespace");
  assert.ok(kinds.lastIndexOf("CustomResourceDefinition") < kinds.indexOf("ServiceAccount"));
  assert.ok(kinds.lastIndexOf("ClusterRoleBinding") < kinds.indexOf("Deployment"));
});

test("kustomize: a feature it does not have is refused, not ignored", async () => {
  await inFolder({ "kustomization.yaml": { ...header, namePrefix: "a-" } }, async (at) => {
    const outcome = await renderKustomization(at).catch((error: Error) => error.message);
    assert.match(String(outcome), '"namePrefix" needs kubectl kustomize');
  });
});

test.run();
