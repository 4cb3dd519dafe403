// pure
import type { Container, Pod } from "../workloads/pod.ts";
import { parseQuantity } from "./quantity.ts";

/** What a container without a limit may use: the node's own size, as the downward API answers. */
export const nodeCapacity: Readonly<Record<string, string>> = { cpu: "4", memory: "8Gi", "ephemeral-storage": "64Gi" };

/** The value of a downward API `fieldPath`, or undefined if the local cluster does not know that path. */
export function fieldValue(pod: Pod, fieldPath: string): string | undefined {
  const keyed = /^metadata\.(labels|annotations)\['([^']*)'\]$/.exec(fieldPath);
  if (keyed) return pod.metadata[keyed[1] as "labels" | "annotations"]?.[keyed[2] ?? ""] ?? "";
  const values: Record<string, string> = {
    "metadata.name": pod.metadata.name,
    "metadata.namespace": pod.metadata.namespace ?? "",
    "metadata.uid": pod.metadata.uid ?? "",
    "metadata.labels": listed(pod.metadata.labels),
    "metadata.annotations": listed(pod.metadata.annotations),
    "spec.nodeName": pod.spec.nodeName ?? "",
    "spec.serviceAccountName": pod.spec.serviceAccountName ?? "default",
    "status.podIP": pod.status?.podIP ?? "",
    "status.podIPs": pod.status?.podIPs?.map((each) => each.ip).join(",") ?? "",
    "status.hostIP": pod.status?.hostIP ?? "",
    "status.hostIPs": pod.status?.hostIPs?.map((each) => each.ip).join(",") ?? "",
  };
  return values[fieldPath];
}

/** The value of a `resourceFieldRef`, divided and rounded up; undefined if it cannot be read. */
export function resourceValue(
  container: Container | undefined,
  reference: { resource: string; divisor?: string },
): string | undefined {
  const [side, ...rest] = reference.resource.split(".");
  const name = rest.join(".");
  const limit = container?.resources?.limits?.[name] ?? nodeCapacity[name];
  const quantity = side === "limits" ? limit : container?.resources?.requests?.[name] ?? limit;
  // An absent divisor is stored as "0" by the API server and means 1.
  const divisor = parseQuantity(reference.divisor ?? "1") || 1;
  const value = quantity === undefined ? undefined : parseQuantity(quantity);
  return value === undefined ? undefined : String(Math.ceil(value / divisor));
}

function listed(map: Record<string, string> | undefined): string {
  return Object.entries(map ?? {}).toSorted(([a], [b]) => a < b ? -1 : 1)
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`).join("\n");
}
