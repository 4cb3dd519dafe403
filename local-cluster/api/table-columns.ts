// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { groupResourceOf, type ResourceType } from "../schema/resource-type.ts";
import { isRecord } from "../schema/schema.ts";
import { age } from "./age.ts";
import { valueAt } from "./values.ts";

/** A column of a Table and how a cell of it is made. */
export type Column = {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
  readonly valueOf: (object: KubeObject, now: Date) => unknown;
};

/** The columns between name and age of a built-in kind, as k8s.io/kubernetes `printers` has them. */
export function builtinColumns(type: ResourceType): Column[] | undefined {
  return columns[groupResourceOf(type)];
}

const text = (name: string, valueOf: Column["valueOf"], priority = 0): Column => ({
  name,
  type: "string",
  priority,
  valueOf,
});
const number = (name: string, valueOf: Column["valueOf"]): Column => ({ name, type: "integer", valueOf });
const at = (...path: string[]) => (object: KubeObject) => valueAt(object, ...path);
const numberAt = (...path: string[]) => (object: KubeObject) => Number(valueAt(object, ...path) ?? 0);
const countAt = (...path: string[]) => (object: KubeObject) => sizeOf(valueAt(object, ...path));
const selectorText = (...path: string[]) => (object: KubeObject) =>
  Object.entries(recordAt(object, ...path)).map(([key, value]) => `${key}=${value}`).join(",") || "<none>";
const containers = text("Containers", (object) => namesOf(podSpec(object).containers, "name"), 1);
const images = text("Images", (object) => namesOf(podSpec(object).containers, "image"), 1);
const createdAt = text("Created At", ({ metadata }) => metadata.creationTimestamp);
const webhooks = number("Webhooks", countAt("webhooks"));

const columns: Record<string, Column[]> = {
  "pods": [
    text("Ready", (pod) => {
      const statuses = listAt(pod, "status", "containerStatuses");
      return `${statuses.filter((each) => each.ready === true).length}/${listAt(pod, "spec", "containers").length}`;
    }),
    text("Status", podStatus),
    text("Restarts", (pod, now) => podRestarts(pod, now)),
    text("Age", ({ metadata }, now) => age(metadata.creationTimestamp, now)),
    text("IP", (pod) => at("status", "podIP")(pod) ?? "<none>", 1),
    text("Node", (pod) => at("spec", "nodeName")(pod) ?? "<none>", 1),
    text("Nominated Node", (pod) => at("status", "nominatedNodeName")(pod) ?? "<none>", 1),
    text("Readiness Gates", () => "<none>", 1),
  ],
  "deployments.apps": [
    text(
      "Ready",
      (object) => `${numberAt("status", "readyReplicas")(object)}/${numberAt("spec", "replicas")(object)}`,
    ),
    number("Up-to-date", numberAt("status", "updatedReplicas")),
    number("Available", numberAt("status", "availableReplicas")),
    text("Age", ({ metadata }, now) => age(metadata.creationTimestamp, now)),
    containers,
    images,
    text("Selector", selectorText("spec", "selector", "matchLabels"), 1),
  ],
  "replicasets.apps": [
    number("Desired", numberAt("spec", "replicas")),
    number("Current", numberAt("status", "replicas")),
    number("Ready", numberAt("status", "readyReplicas")),
    text("Age", ({ metadata }, now) => age(metadata.creationTimestamp, now)),
    containers,
    images,
    text("Selector", selectorText("spec", "selector", "matchLabels"), 1),
  ],
  "services": [
    text("Type", at("spec", "type")),
    text("Cluster-IP", at("spec", "clusterIP")),
    text("External-IP", () => "<none>"),
    text(
      "Port(s)",
      (object) =>
        listAt(object, "spec", "ports").map((port) => `${port.port}/${port.protocol ?? "TCP"}`).join(",") || "<none>",
    ),
    text("Age", ({ metadata }, now) => age(metadata.creationTimestamp, now)),
    text("Selector", selectorText("spec", "selector"), 1),
  ],
  "secrets": [text("Type", at("type")), number("Data", countAt("data"))],
  "configmaps": [number("Data", countAt("data"))],
  "serviceaccounts": [number("Secrets", countAt("secrets"))],
  "namespaces": [text("Status", at("status", "phase"))],
  "nodes": [
    text("Status", (node) => {
      const ready = listAt(node, "status", "conditions").find((each) => each.type === "Ready");
      return ready?.status === "True" ? "Ready" : "NotReady";
    }),
    text("Roles", () => "<none>"),
    text("Age", ({ metadata }, now) => age(metadata.creationTimestamp, now)),
    text("Version", at("status", "nodeInfo", "kubeletVersion")),
  ],
  "events": [
    text("Last Seen", (event, now) => age(event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp, now)),
    text("Type", at("type")),
    text("Reason", at("reason")),
    text("Object", (event) => {
      const { kind, name } = recordAt(event, "involvedObject");
      return `${String(kind ?? "").toLowerCase()}/${name ?? ""}`;
    }),
    text("Source", (event) => at("source", "component")(event) ?? at("reportingComponent")(event) ?? "", 1),
    text("Message", at("message")),
    text("Age", ({ metadata }, now) => age(metadata.creationTimestamp, now), 1),
    text("Count", (event) => String(at("count")(event) ?? 1), 1),
    text("Name", ({ metadata }) => metadata.name, 1),
  ],
  "endpoints": [
    text("Endpoints", (object) => {
      const addresses = listAt(object, "subsets").flatMap((subset) =>
        listAt(subset, "addresses").flatMap(({ ip }) => listAt(subset, "ports").map(({ port }) => `${ip}:${port}`))
      );
      return addresses.join(",") || "<none>";
    }),
  ],
  "endpointslices.discovery.k8s.io": [
    text("AddressType", at("addressType")),
    text("Ports", (object) => listAt(object, "ports").map(({ port }) => port).join(",") || "<unset>"),
    text(
      "Endpoints",
      (object) => listAt(object, "endpoints").flatMap(({ addresses }) => addresses ?? []).join(",") || "<unset>",
    ),
  ],
  "poddisruptionbudgets.policy": [
    text("Min Available", (object) => String(at("spec", "minAvailable")(object) ?? "N/A")),
    text("Max Unavailable", (object) => String(at("spec", "maxUnavailable")(object) ?? "N/A")),
    number("Allowed Disruptions", numberAt("status", "disruptionsAllowed")),
  ],
  "leases.coordination.k8s.io": [text("Holder", at("spec", "holderIdentity"))],
  "validatingwebhookconfigurations.admissionregistration.k8s.io": [webhooks],
  "mutatingwebhookconfigurations.admissionregistration.k8s.io": [webhooks],
  "roles.rbac.authorization.k8s.io": [createdAt],
  "clusterroles.rbac.authorization.k8s.io": [createdAt],
  "rolebindings.rbac.authorization.k8s.io": [text("Role", roleOf)],
  "clusterrolebindings.rbac.authorization.k8s.io": [text("Role", roleOf)],
  "customresourcedefinitions.apiextensions.k8s.io": [createdAt],
};

function podStatus(pod: KubeObject): string {
  const reasons = listAt(pod, "status", "containerStatuses").flatMap((status) => {
    const { waiting, terminated } = recordAt(status, "state");
    if (isRecord(waiting) && waiting.reason) return [String(waiting.reason)];
    if (isRecord(terminated)) return [String(terminated.reason ?? `ExitCode:${terminated.exitCode}`)];
    return [];
  });
  if (pod.metadata.deletionTimestamp !== undefined) return "Terminating";
  return reasons.at(0) ?? String(valueAt(pod, "status", "reason") ?? valueAt(pod, "status", "phase") ?? "Unknown");
}

function podRestarts(pod: KubeObject, now: Date): string {
  const statuses = listAt(pod, "status", "containerStatuses");
  const restarts = statuses.reduce((sum, { restartCount }) => sum + Number(restartCount ?? 0), 0);
  const lastEnd = statuses.map((each) => valueAt(each, "lastState", "terminated", "finishedAt")).filter(Boolean).sort()
    .at(-1);
  return lastEnd === undefined ? String(restarts) : `${restarts} (${age(lastEnd, now)} ago)`;
}

function roleOf(binding: KubeObject): string {
  const { kind, name } = recordAt(binding, "roleRef");
  return `${kind ?? ""}/${name ?? ""}`;
}

function podSpec(object: KubeObject): Record<string, unknown> {
  return recordAt(object, "spec", "template", "spec");
}

function namesOf(list: unknown, field: string): string {
  return (Array.isArray(list) ? list : []).map((each) => isRecord(each) ? each[field] : "").join(",");
}

function recordAt(value: unknown, ...path: string[]): Record<string, unknown> {
  const found = valueAt(value, ...path);
  return isRecord(found) ? found : {};
}

function listAt(value: unknown, ...path: string[]): Record<string, unknown>[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found.filter(isRecord) : [];
}

function sizeOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return isRecord(value) ? Object.keys(value).length : 0;
}
