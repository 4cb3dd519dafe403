// pure
import type { IntOrString, Service, ServicePort } from "./objects.ts";
import { type ContainerPort, isPodReady, type Pod } from "./pod.ts";

/** A pod behind a Service. `leavesAtMs` is set once its end was seen: it goes on getting traffic until then. */
export type Member = { uid: string; podName: string; ip: string; ports: readonly ContainerPort[]; leavesAtMs?: number };

/**
 * Who is behind a Service now. A pod that became unready leaves at once; one that is terminating or gone leaves only
 * after `leaveDelayMs`, since endpoints reach every API server and node late.
 */
export function nextMembers(
  before: readonly Member[],
  { service, pods, nowMs, leaveDelayMs }: {
    service: Service;
    pods: readonly Pod[];
    nowMs: number;
    leaveDelayMs: () => number;
  },
): Member[] {
  const selected = pods.filter((pod) => isSelected(service, pod));
  const living = selected.filter((pod) =>
    pod.metadata.deletionTimestamp === undefined && pod.status?.podIP !== undefined &&
    (isPodReady(pod) || service.spec.publishNotReadyAddresses === true)
  );
  const leaving = before.filter(({ uid }) => {
    const pod = selected.find((each) => each.metadata.uid === uid);
    return pod === undefined || pod.metadata.deletionTimestamp !== undefined;
  }).map((member) => ({ ...member, leavesAtMs: member.leavesAtMs ?? nowMs + leaveDelayMs() }));
  return [
    ...living.map((pod): Member => ({
      uid: pod.metadata.uid ?? "",
      podName: pod.metadata.name,
      ip: pod.status?.podIP ?? "",
      ports: pod.spec.containers.flatMap((each) => each.ports ?? []),
    })),
    ...leaving.filter((each) => each.leavesAtMs > nowMs),
  ];
}

/** The port behind a Service's port on this member; undefined where the member has no port of that name. */
export function targetPort(port: ServicePort, member: Member): number | undefined {
  const target: IntOrString = port.targetPort || port.port;
  return typeof target === "number" ? target : member.ports.find((each) => each.name === target)?.containerPort;
}

function isSelected(service: Service, pod: Pod): boolean {
  const selector = Object.entries(service.spec.selector ?? {});
  return selector.length > 0 && pod.metadata.namespace === service.metadata.namespace &&
    selector.every(([key, value]) => pod.metadata.labels?.[key] === value);
}
