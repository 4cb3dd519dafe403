import { stringifyJson } from "../../contracts/json.ts";
import { type KubeObject, refOf } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";

/** Writes these status fields of exactly this incarnation, unless it already says so. */
export async function writeStatus(
  kube: Kube,
  object: KubeObject,
  { status, signal }: { status: Record<string, unknown>; signal: AbortSignal },
): Promise<void> {
  const known = (object.status ?? {}) as Record<string, unknown>;
  // A merge patch: null takes away what is known and no longer true.
  const body = Object.fromEntries(
    [...new Set([...Object.keys(known), ...Object.keys(status)])]
      .filter((key) => stringifyJson(sorted(known[key])) !== stringifyJson(sorted(status[key])))
      .map((key) => [key, status[key] ?? null]),
  );
  if (Object.keys(body).length === 0) return;
  await kube.patch(refOf(object), { metadata: { uid: object.metadata.uid }, status: body }, {
    type: "merge",
    subresource: "status",
    signal,
  });
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value ?? null;
  return Object.fromEntries(
    Object.entries(value).toSorted(([a], [b]) => a < b ? -1 : 1).map(([k, v]) => [k, sorted(v)]),
  );
}
