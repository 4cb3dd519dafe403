import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import type { KubeObject } from "../contracts/kubernetes.ts";
import { goYaml } from "./go-yaml.ts";

/**
 * Renders what `deploy/kustomize` uses of kustomize (`resources` and `images`) exactly as `kubectl kustomize` does, for
 * machines without kubectl. Everything else is refused.
 */
type Image = { name: string; newName?: string; newTag?: string; digest?: string };
type Kustomization = { resources: string[]; images: Image[] };

/** The objects of a kustomization folder in the order of `kubectl kustomize`. */
export async function renderKustomization(folder: string): Promise<KubeObject[]> {
  return (await objectsOf(folder)).sort(byKindThenName);
}

/** The same as text, byte for byte what `kubectl kustomize` prints. */
export async function renderKustomizationText(folder: string): Promise<string> {
  return manifestText(await renderKustomization(folder));
}

/** Objects as one YAML stream. */
export function manifestText(objects: readonly KubeObject[]): string {
  return objects.map(goYaml).join("---\n");
}

async function objectsOf(folder: string): Promise<KubeObject[]> {
  const { resources, images } = await kustomizationOf(folder);
  const listings = await Promise.all(resources.map(async (resource) => {
    const path = join(folder, resource);
    return (await stat(path)).isDirectory() ? await objectsOf(path) : objectsIn(path);
  }));
  return listings.flat().map((object) => withImages(object, images) as KubeObject);
}

async function kustomizationOf(folder: string): Promise<Kustomization> {
  const path = join(folder, "kustomization.yaml");
  const { apiVersion, kind, resources = [], images = [], ...others } = parse(await readFile(path, "utf8"));
  if (apiVersion !== "kustomize.config.k8s.io/v1beta1" || kind !== "Kustomization") {
    throw new Error(`${path}: expected a Kustomization of kustomize.config.k8s.io/v1beta1`);
  }
  const unknown = Object.keys(others);
  if (unknown.length > 0) throw new Error(`${path}: "${unknown.join('", "')}" needs kubectl kustomize`);
  return { resources, images };
}

async function objectsIn(path: string): Promise<KubeObject[]> {
  const documents = [...parseAllDocuments(await readFile(path, "utf8"))];
  return documents.map((document) => {
    const [error] = document.errors;
    if (error) throw new Error(`${path}: ${error.message}`);
    return document.toJS() as KubeObject | null;
  }).filter((object) => object !== null);
}

/** Replaces the images of containers, wherever a list of containers stands. */
function withImages(value: unknown, images: readonly Image[]): unknown {
  if (images.length === 0 || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => withImages(each, images));
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      /^(initC|c)ontainers$/.test(key) && Array.isArray(each)
        ? each.map((container) => ({ ...container, image: imageFor(container.image, images) }))
        : withImages(each, images),
    ]),
  );
}

function imageFor(image: string, images: readonly Image[]): string {
  const [, name = "", tag = "", digest = ""] = /^(.*?)(:[\w.-]+)?(@.+)?$/.exec(image) ?? [];
  const found = images.find((each) => each.name === name);
  if (!found) return image;
  const suffix = found.digest
    ? `@${found.digest}`
    : found.newTag !== undefined
    ? `:${found.newTag}`
    : `${tag}${digest}`;
  return `${found.newName ?? name}${suffix}`;
}

/** Kustomize's default order: what others need comes first, webhooks last, kinds it does not know in between. */
const first = [
  "Namespace",
  "ResourceQuota",
  "StorageClass",
  "CustomResourceDefinition",
  "ServiceAccount",
  "PodSecurityPolicy",
  "Role",
  "ClusterRole",
  "RoleBinding",
  "ClusterRoleBinding",
  "ConfigMap",
  "Secret",
  "Endpoints",
  "Service",
  "LimitRange",
  "PriorityClass",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "Deployment",
  "StatefulSet",
  "CronJob",
  "PodDisruptionBudget",
];
const last = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

function rankOf(kind: string): number {
  if (first.includes(kind)) return first.indexOf(kind) - first.length;
  return last.includes(kind) ? 1 + last.indexOf(kind) : 0;
}

function byKindThenName(a: KubeObject, b: KubeObject): number {
  const keyOf = ({ kind, apiVersion, metadata }: KubeObject) =>
    [kind, apiVersion, metadata.namespace ?? "", metadata.name].join("\n");
  return rankOf(a.kind) - rankOf(b.kind) || (keyOf(a) < keyOf(b) ? -1 : 1);
}
