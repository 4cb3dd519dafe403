// pure
import { isRawNumber, stringifyJson } from "../../contracts/json.ts";
import type { PodTemplate } from "./pod.ts";

export const templateHashLabel = "pod-template-hash";

/** Kubernetes' alphabet for generated names: no vowels, no letters that look like digits. */
export const safeAlphabet = "bcdfghjklmnpqrstvwxz2456789";

/** A short name-safe hash of a pod template; the hash label itself does not count. */
export function templateHash(template: PodTemplate): string {
  const text = stringifyJson(sortKeys(withoutHashLabel(template)));
  // FNV-1a twice with different offsets: 64 bits, so that two templates of one Deployment do not meet.
  const hash = (BigInt(fnv1a(text, 0x811c9dc5)) << 32n) | BigInt(fnv1a(text, 0x01000193));
  const base = BigInt(safeAlphabet.length);
  return Array.from({ length: 10 }, (_, place) => safeAlphabet[Number(hash / base ** BigInt(place) % base)]).join("");
}

/** Whether two templates ask for the same pod. */
export function isSameTemplate(a: PodTemplate, b: PodTemplate): boolean {
  return stringifyJson(sortKeys(withoutHashLabel(a))) === stringifyJson(sortKeys(withoutHashLabel(b)));
}

/** The template with the hash label that ties a pod to its ReplicaSet. */
export function withTemplateHash(template: PodTemplate, hash: string): PodTemplate {
  return {
    ...template,
    metadata: { ...template.metadata, labels: { ...template.metadata?.labels, [templateHashLabel]: hash } },
  };
}

function withoutHashLabel(template: PodTemplate): PodTemplate {
  const labels = { ...template.metadata?.labels };
  delete labels[templateHashLabel];
  return { ...template, metadata: { ...template.metadata, labels } };
}

function fnv1a(text: string, offset: number): number {
  let hash = offset;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null || isRawNumber(value)) return value;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined && each !== null);
  return Object.fromEntries(entries.toSorted(([a], [b]) => a < b ? -1 : 1).map(([key, each]) => [key, sortKeys(each)]));
}
