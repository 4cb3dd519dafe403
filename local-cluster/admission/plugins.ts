// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { escalationProblem } from "../auth/escalation.ts";
import type { ObjectReader } from "../auth/object-reader.ts";
import { recordAt, records } from "../schema/builtin/access.ts";
import { isRecord } from "../schema/schema.ts";
import { forbiddenRequest, StatusError } from "../schema/status-error.ts";
import type { AdmissionAttributes } from "./admission.ts";
import { priorityOf } from "./priority.ts";
import { podSecurityProblem, type SecurityLevel } from "./pod-security.ts";

type Fields = Record<string, unknown>;
const immortal = new Set(["default", "kube-system", "kube-public"]);

/** NamespaceLifecycle: an object needs its namespace, and a terminating one takes nothing new. */
export function checkNamespace(attributes: AdmissionAttributes, reader: ObjectReader): void {
  const { type, operation, namespace, name } = attributes;
  if (type.group === "" && type.kind === "Namespace") {
    if (operation === "DELETE" && immortal.has(name)) {
      throw forbiddenRequest(type, name, "this namespace may not be deleted");
    }
    return;
  }
  if (!type.namespaced || !namespace || operation === "DELETE") return;
  const stored = reader.get({ apiVersion: "v1", kind: "Namespace", name: namespace });
  if (!stored) {
    throw new StatusError(404, "NotFound", `namespaces "${namespace}" not found`, {
      name: namespace,
      kind: "namespaces",
    });
  }
  if (operation !== "CREATE" || !isTerminating(stored)) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const refusal = forbiddenRequest(type, name, why);
  throw new StatusError(403, "Forbidden", refusal.message, {
    ...refusal.status.details,
    causes: [{
      reason: "NamespaceTerminating",
      message: `namespace ${namespace} is being terminated`,
      field: "metadata.namespace",
    }],
  });
}

function isTerminating(namespace: KubeObject): boolean {
  return namespace.metadata.deletionTimestamp !== undefined || recordAt(namespace, "status")?.phase === "Terminating";
}

const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * ServiceAccount, Priority and DefaultTolerationSeconds: what every new Pod gets. Answers the completed Pod. The name of
 * the token volume comes from the Pod's own, so that the same Pod gets the same volume.
 */
export function completedPod(pod: KubeObject, attributes: AdmissionAttributes, reader: ObjectReader): KubeObject {
  const spec: Fields = { ...recordAt(pod, "spec") };
  const { name: accountName, namespace } = accountOf(pod, attributes);
  const account = reader.get({ apiVersion: "v1", kind: "ServiceAccount", namespace, name: accountName });
  if (!account) {
    const why =
      `error looking up service account ${namespace}/${accountName}: serviceaccount "${accountName}" not found`;
    throw forbiddenRequest(attributes.type, attributes.name, why);
  }
  spec.serviceAccountName = accountName;
  spec.serviceAccount = accountName;
  if (records(spec.imagePullSecrets).length === 0 && records(account.imagePullSecrets).length > 0) {
    spec.imagePullSecrets = account.imagePullSecrets;
  }
  if ((spec.automountServiceAccountToken ?? account.automountServiceAccountToken) !== false) mountToken(spec, pod);
  Object.assign(spec, priorityOf(spec, attributes, reader));
  spec.tolerations = withDefaultTolerations(records(spec.tolerations));
  return { ...pod, spec };
}

/** The ServiceAccount a Pod runs as. */
export function accountOf(pod: KubeObject, { namespace = "default" }: AdmissionAttributes) {
  return { name: String(recordAt(pod, "spec")?.serviceAccountName ?? "") || "default", namespace };
}

function mountToken(spec: Fields, pod: KubeObject): void {
  const volumes = records(spec.volumes);
  const existing = volumes.find(({ name }) => String(name).startsWith("kube-api-access-"));
  const name = existing?.name ?? `kube-api-access-${suffixFor(`${pod.metadata.namespace}/${pod.metadata.name}`)}`;
  let used = false;
  const mounting = (container: Fields): Fields => {
    const mounts = records(container.volumeMounts);
    if (mounts.some(({ mountPath }) => mountPath === tokenPath)) return container;
    used = true;
    return { ...container, volumeMounts: [...mounts, { name, readOnly: true, mountPath: tokenPath }] };
  };
  spec.containers = records(spec.containers).map(mounting);
  if (spec.initContainers) spec.initContainers = records(spec.initContainers).map(mounting);
  if (!used || existing) return;
  spec.volumes = [...volumes, { name, projected: tokenVolume }];
}

const tokenVolume = {
  defaultMode: 420,
  sources: [
    { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
    { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
    {
      downwardAPI: { items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }] },
    },
  ],
};

const alphabet = "bcdfghjklmnpqrstvwxz2456789";

function suffixFor(text: string): string {
  let hash = 2166136261;
  for (const each of text) hash = Math.imul(hash ^ (each.codePointAt(0) ?? 0), 16777619) >>> 0;
  return Array.from({ length: 5 }, (_, index) => alphabet[Math.floor(hash / 27 ** index) % 27]).join("");
}

function withDefaultTolerations(tolerations: Fields[]): Fields[] {
  const missing = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].filter((key) =>
    !tolerations.some((each) =>
      (each.key === key || (each.key === undefined && each.operator === "Exists")) &&
      (each.effect === undefined || each.effect === "" || each.effect === "NoExecute")
    )
  );
  const added = missing.map((key) => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }));
  return [...tolerations, ...added];
}

/**
 * PodSecurity: a namespace's `enforce` label refuses pods, its `warn` label warns about pods and about templates. Answers
 * the warnings.
 */
export function checkPodSecurity(
  { type, namespace, name, object, subresource }: AdmissionAttributes,
  reader: ObjectReader,
): string[] {
  if (!object || subresource || !namespace) return [];
  const isPod = type.group === "" && type.kind === "Pod";
  const spec = isPod ? recordAt(object, "spec") : recordAt(object, "spec", "template", "spec");
  if (!spec || (!isPod && type.group !== "apps")) return [];
  const labels = reader.get({ apiVersion: "v1", kind: "Namespace", name: namespace })?.metadata.labels ?? {};
  const problem = (mode: string) => {
    const level = labels[`pod-security.kubernetes.io/${mode}`];
    const text = isLevel(level) ? podSecurityProblem(spec, level) : undefined;
    const version = labels[`pod-security.kubernetes.io/${mode}-version`] ?? "latest";
    return text === undefined ? undefined : `PodSecurity "${level}:${version}": ${text}`;
  };
  const enforced = isPod ? problem("enforce") : undefined;
  if (enforced !== undefined) throw forbiddenRequest(type, name, `violates ${enforced}`);
  const warned = problem("warn");
  return warned === undefined ? [] : [`would violate ${warned}`];
}

function isLevel(value: string | undefined): value is SecurityLevel {
  return value === "privileged" || value === "baseline" || value === "restricted";
}

/** Nobody hands out permissions they do not hold. */
export function checkEscalation(
  { type, object, oldObject, user, name }: AdmissionAttributes,
  reader: ObjectReader,
): void {
  if (type.group !== "rbac.authorization.k8s.io" || !isRecord(object)) return;
  const unchanged = oldObject &&
    ["rules", "subjects"].every((each) => JSON.stringify(object[each]) === JSON.stringify(oldObject[each]));
  const problem = unchanged ? undefined : escalationProblem(object, user, reader);
  if (problem !== undefined) throw forbiddenRequest(type, name, problem);
}
