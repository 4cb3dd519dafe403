import { KubewardenError } from "../../contracts/errors.ts";
import { stringifyJson } from "../../contracts/json.ts";
import { type KubeObject, refOf } from "../../contracts/kubernetes.ts";
import type { Kube } from "../../runtime/kube/kube.ts";
import type { WatchCache } from "../../runtime/kube/watch-cache.ts";
import { type Member, nextMembers, targetPort } from "./endpoint-members.ts";
import { keyOf, type Loop, partsOfKey } from "./loop.ts";
import { controllerReferenceTo, type Service } from "./objects.ts";
import type { Pod } from "./pod.ts";

/** Which pods are behind which Service: for the API server's calls to webhooks, and as Endpoints and EndpointSlices. */
export class ServiceEndpoints {
  readonly #members = new Map<string, Member[]>();
  readonly #turns = new Map<string, number>();
  readonly #options: { kube: Kube; services: WatchCache; pods: WatchCache; leaveDelayMs: () => number };

  constructor(options: { kube: Kube; services: WatchCache; pods: WatchCache; leaveDelayMs: () => number }) {
    this.#options = options;
  }

  /** A pod behind a Service's port, each in turn; undefined where there is none. */
  resolve(service: { namespace: string; name: string; port: number }): { host: string; port: number } | undefined {
    const key = `${service.namespace}/${service.name}`;
    const object = this.#options.services.get(service.name, service.namespace) as Service | undefined;
    const port = object?.spec.ports?.find((each) => each.port === service.port);
    const members = this.#members.get(key) ?? [];
    const turn = this.#turns.get(key) ?? 0;
    const member = members[turn % Math.max(1, members.length)];
    this.#turns.set(key, turn + 1);
    const target = member && port && targetPort(port, member);
    return member && target !== undefined ? { host: member.ip, port: target } : undefined;
  }

  loop(): Loop {
    const { services, pods } = this.#options;
    const servicesIn = (namespace: string | undefined) =>
      services.list().filter((each) => each.metadata.namespace === namespace).map(keyOf);
    return {
      name: "endpoint-controller",
      sources: [
        { cache: services, keysFor: (object) => [keyOf(object)] },
        { cache: pods, keysFor: (object) => servicesIn(object.metadata.namespace) },
      ],
      reconcile: (key, signal) => this.#reconcile(key, signal),
    };
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<number | undefined> {
    const { kube, services, pods, leaveDelayMs } = this.#options;
    const { namespace, name } = partsOfKey(key);
    const service = services.get(name, namespace) as Service | undefined;
    if (!service || service.metadata.deletionTimestamp !== undefined) {
      this.#members.delete(key);
      await kube.remove({ apiVersion: "v1", kind: "Endpoints", name, namespace }, { signal });
      return undefined;
    }
    if (service.spec.selector === undefined) return undefined;
    const nowMs = Date.now();
    const members = nextMembers(this.#members.get(key) ?? [], {
      service,
      pods: pods.list() as readonly Pod[],
      nowMs,
      leaveDelayMs,
    });
    this.#members.set(key, members);
    await writeObject(kube, endpointsFor(service, members), signal);
    await writeObject(kube, endpointSliceFor(service, members), signal);
    const leaving = members.flatMap((each) => each.leavesAtMs ?? []);
    return leaving.length === 0 ? undefined : Math.max(1, Math.min(...leaving) - nowMs);
  }
}

function endpointsFor(service: Service, members: readonly Member[]): KubeObject {
  const { name, namespace, labels } = service.metadata;
  const subsets = members.length === 0 ? [] : [{
    addresses: members.map((each) => ({ ip: each.ip, targetRef: podReference(each, namespace) })),
    ports: portsOf(service, members),
  }];
  return { apiVersion: "v1", kind: "Endpoints", metadata: { name, namespace, labels }, subsets };
}

function endpointSliceFor(service: Service, members: readonly Member[]): KubeObject {
  const { name, namespace } = service.metadata;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${name}-local`,
      namespace,
      labels: {
        "kubernetes.io/service-name": name,
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
      },
      ownerReferences: [controllerReferenceTo(service)],
    },
    addressType: "IPv4",
    endpoints: members.map((each) => ({
      addresses: [each.ip],
      conditions: {
        ready: each.leavesAtMs === undefined,
        serving: true,
        terminating: each.leavesAtMs !== undefined,
      },
      targetRef: podReference(each, namespace),
    })),
    ports: portsOf(service, members),
  };
}

function podReference({ podName, uid }: Member, namespace: string | undefined) {
  return { kind: "Pod", name: podName, namespace, uid };
}

function portsOf(service: Service, members: readonly Member[]) {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = members[0] && targetPort(port, members[0]);
    return number === undefined ? [] : [{
      ...(port.name === undefined ? {} : { name: port.name }),
      port: number,
      protocol: port.protocol ?? "TCP",
    }];
  });
}

/** Creates the object or brings it up to date; one that already says the same is left alone. */
async function writeObject(kube: Kube, wanted: KubeObject, signal: AbortSignal): Promise<void> {
  const live = await kube.get(refOf(wanted), { signal });
  if (!live) {
    await kube.create(wanted, { signal }).catch((error) => {
      if (!(error instanceof KubewardenError && error.code === "KUBE_ALREADY_EXISTS")) throw error;
    });
    return;
  }
  const { metadata: _metadata, ...content } = wanted;
  const known = Object.fromEntries(Object.keys(content).map((key) => [key, live[key]]));
  if (stringifyJson(known) === stringifyJson(content)) return;
  await kube.patch(refOf(live), content, { type: "merge", signal });
}
