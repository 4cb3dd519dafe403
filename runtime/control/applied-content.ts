// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { canonical } from "./status-apply.ts";

/**
 * What of a stored object an apply of `body` could change: its content without the status and, of its labels and
 * annotations, those that the body names. While it is what an apply left, the same apply would be a no-op, whatever
 * others write into status, labels or annotations.
 */
export function appliedContent({ metadata, status: _, ...content }: KubeObject, body: KubeObject): string | undefined {
  const { labels, annotations, ownerReferences } = metadata;
  return canonical({
    ...content,
    uid: metadata.uid,
    labels: named(labels, body.metadata.labels),
    annotations: named(annotations, body.metadata.annotations),
    ownerReferences,
  });
}

function named(values: Record<string, string> = {}, wanted: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([key]) => Object.hasOwn(wanted, key)));
}
