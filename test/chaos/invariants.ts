import type { KubeObject } from "../../contracts/kubernetes.ts";
import {
  annotations,
  apiGroup,
  labels,
  ownedObjectName,
  partOfValue,
  type PolicyKind,
  policyKindNames,
  policyKinds,
  uniqueName,
} from "../../contracts/names.ts";
import { parsePolicy } from "../../contracts/policy.ts";
import { policyEntryFor, policyEntryTexts } from "../../contracts/policy-config-writer.ts";
import type { Storage, StoredEvent } from "../../local-cluster/api/storage.ts";

const namespace = "kubewarden";
const servers = `policyservers.${apiGroup}`;
const webhookResource = /^(validating|mutating)webhookconfigurations\.admissionregistration\.k8s\.io$/;
const webhookResources = ["validating", "mutating"].map((each) =>
  `${each}webhookconfigurations.admissionregistration.k8s.io`
);
const kindOfResource = new Map(policyKindNames.map((kind) => [`${policyKinds[kind].plural}.${apiGroup}`, kind]));

/**
 * How long a webhook may still be registered by what was true before: for the generation before an edit, or with a pod
 * that has just been killed. Whoever writes it may have looked right before.
 */
const windowMs = 6_000;
const isRecent = ({ endedAt }: { endedAt: number }) => performance.now() - endedAt < windowMs;

type Generation = { entry: string; endedAt: number };

/**
 * Looks at every single write that the API server stores, as it is stored, and keeps what must never be: a webhook that
 * is created before every ready pod serves a generation of its policy that still counts, a ready pod that would answer
 * 404 for a registered path, a webhook that is there when its policy or PolicyServer has gone.
 */
export function watchInvariants(storage: Storage): { broken: string[]; stop: () => void } {
  const broken: string[] = [];
  const generations = new Map<string, Generation[]>();
  /** Service to the pods that were ready until then. */
  const wereReady = new Map<string, { pod: KubeObject; endedAt: number }[]>();
  const stop = storage.onEvent((resource, event) => {
    const kind = kindOfResource.get(resource);
    if (kind) policyWritten(kind, event);
    else if (resource === servers && event.type === "DELETED") serverGone(event.object);
    else if (webhookResource.test(resource)) webhookWritten(event);
    else if (resource === "pods") podWritten(event);
  });
  return { broken, stop };

  function policyWritten(kind: PolicyKind, { type, object, before }: StoredEvent): void {
    const unique = uniqueName(kind, object.metadata);
    if (type === "DELETED") {
      if (standing().some(({ metadata }) => metadata.name === unique)) {
        report(`${kind} "${object.metadata.name}" is gone, its webhook stands`);
      }
      generations.delete(unique);
    } else if (type === "ADDED" || object.metadata.generation !== before?.metadata.generation) {
      const known = generations.get(unique) ?? [];
      const last = known.at(-1);
      if (last) last.endedAt = performance.now();
      generations.set(unique, [...known, { entry: entryOf(kind, object), endedAt: Infinity }]);
    }
  }

  function serverGone({ metadata }: KubeObject): void {
    for (const webhook of standing().filter((each) => serviceOf(each) === ownedObjectName(metadata.name))) {
      report(`PolicyServer "${metadata.name}" is gone, webhook "${webhook.metadata.name}" calls it`);
    }
  }

  function webhookWritten({ type, object, before }: StoredEvent): void {
    if (!isOurs(object) || type === "DELETED") return;
    const unique = object.metadata.name;
    const pods = readyPods(serviceOf(object));
    // One that takes the place of the other kind, when `mutating` changed, was let in with that one.
    const swapped = standing().some(({ kind, metadata }) => kind !== object.kind && metadata.name === unique);
    const created = type === "ADDED" ? !swapped : serviceOf(object) !== serviceOf(before ?? object);
    const what = `webhook "${unique}" is ${created ? "created" : "written"}`;
    if (created) {
      const counts = (generations.get(unique) ?? []).filter(isRecent).map(({ entry }) => entry);
      const serves = (each: KubeObject, entry: string) => entriesOf(each).get(unique) === entry;
      const recently = (wereReady.get(serviceOf(object)) ?? []).filter(isRecent).map(({ pod }) => pod);
      const served = pods.length > 0
        ? counts.some((entry) => pods.every((each) => serves(each, entry)))
        : recently.some((each) => counts.some((entry) => serves(each, entry)));
      if (!served) report(`${what}, ${pods.length} pods are ready and do not serve ${counts.join(" or ")}`);
    }
    for (const pod of pods) mustServe(pod, unique, what);
  }

  function podWritten({ type, object: pod, before }: StoredEvent): void {
    const server = pod.metadata.labels?.[labels.policyServer];
    if (server === undefined || pod.metadata.namespace !== namespace) return;
    const service = ownedObjectName(server);
    if (type === "DELETED" || !isReady(pod)) {
      const known = wereReady.get(service) ?? [];
      if (before && isReady(before)) wereReady.set(service, [...known, { pod, endedAt: performance.now() }]);
      return;
    }
    for (const webhook of standing().filter((each) => serviceOf(each) === service)) {
      mustServe(pod, webhook.metadata.name, `pod "${pod.metadata.name}" is ready`);
    }
  }

  function mustServe(pod: KubeObject, unique: string, when: string): void {
    if (!entriesOf(pod).has(unique)) {
      report(`${when}, pod "${pod.metadata.name}" would answer 404 for registered "${unique}"`);
    }
  }

  function report(text: string): void {
    if (!broken.includes(text)) broken.push(text);
  }

  function standing(): KubeObject[] {
    return webhookResources.flatMap((resource) => storage.list(resource)).filter(isOurs);
  }

  function readyPods(service: string): KubeObject[] {
    return storage.list("pods", namespace).filter((pod) =>
      ownedObjectName(pod.metadata.labels?.[labels.policyServer] ?? "") === service && isReady(pod)
    );
  }

  /** What a pod was configured with, by the immutable ConfigMap its label names. */
  function entriesOf(pod: KubeObject): Map<string, string> {
    const { [labels.policyServer]: server = "", [labels.configVersion]: version = "" } = pod.metadata.labels ?? {};
    const configMap = storage.get("configmaps", `${ownedObjectName(server)}-${version}`, namespace);
    const text = (configMap?.data as Record<string, string> | undefined)?.["policies.yml"];
    return text === undefined ? new Map() : policyEntryTexts(text);
  }

  function entryOf(kind: PolicyKind, object: KubeObject): string {
    const { policyServer = "default" } = object.spec as { policyServer?: string };
    const server = storage.get(servers, policyServer);
    const text = policyEntryFor(parsePolicy({ ...object, kind }), (server?.spec ?? {}) as object);
    return policyEntryTexts(`{"x":${text}}`).get("x") ?? "";
  }
}

/** Everything registered now: names of configurations and their only webhook. */
export function registeredWebhooks(storage: Storage): { name: string; webhook: Record<string, unknown> }[] {
  return webhookResources.flatMap((resource) => storage.list(resource)).filter(isOurs).map((each) => ({
    name: each.metadata.name,
    webhook: webhookOf(each) ?? {},
  }));
}

function isOurs({ metadata }: KubeObject): boolean {
  return metadata.labels?.[labels.partOf] === partOfValue && annotations.policyName in (metadata.annotations ?? {});
}

function webhookOf({ webhooks }: KubeObject): Record<string, unknown> | undefined {
  return (webhooks as Record<string, unknown>[] | undefined)?.[0];
}

function serviceOf(configuration: KubeObject): string {
  const client = webhookOf(configuration)?.clientConfig as { service?: { name?: string } } | undefined;
  return client?.service?.name ?? "";
}

/** Ready pods get requests, those that are about to stop too. */
function isReady(pod: KubeObject): boolean {
  const { phase, conditions } = pod.status as { phase?: string; conditions?: { type: string; status: string }[] } ?? {};
  return phase === "Running" && (conditions ?? []).some((each) => each.type === "Ready" && each.status === "True");
}
