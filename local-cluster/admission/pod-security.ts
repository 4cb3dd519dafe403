// pure
import { recordAt, records, strings } from "../schema/builtin/access.ts";
import { isRecord } from "../schema/schema.ts";

type Fields = Record<string, unknown>;
export type SecurityLevel = "privileged" | "baseline" | "restricted";

/** One failed control of a Pod Security Standard: what it is, and where, as the built-in admission words it. */
type Violation = { readonly reason: string; readonly detail: string };

/** What keeps a pod's spec from a Pod Security level, as one text; undefined where nothing does. */
export function podSecurityProblem(spec: Fields, level: SecurityLevel): string | undefined {
  if (level === "privileged") return undefined;
  const violations = [
    ...baselineChecks.map((check) => check(spec)),
    ...(level === "restricted" ? restrictedChecks.map((check) => check(spec)) : []),
  ].filter((each) => each !== undefined);
  if (violations.length === 0) return undefined;
  return violations.map(({ reason, detail }) => `${reason} (${detail})`).join(", ");
}

type Check = (spec: Fields) => Violation | undefined;

function containersOf(spec: Fields): Fields[] {
  return [...records(spec.initContainers), ...records(spec.containers), ...records(spec.ephemeralContainers)];
}

function security(of: Fields): Fields {
  return recordAt(of, "securityContext") ?? {};
}

/** `container "a"` or `containers "a", "b"`. */
function named(containers: Fields[]): string {
  const names = containers.map(({ name }) => JSON.stringify(name)).join(", ");
  return `${containers.length === 1 ? "container" : "containers"} ${names}`;
}

function containersWhere(holds: (container: Fields) => boolean, reason: string, must: string): Check {
  return (spec) => {
    const bad = containersOf(spec).filter(holds);
    return bad.length === 0 ? undefined : { reason, detail: `${named(bad)} ${must}` };
  };
}

const baselineCapabilities = new Set([
  ...["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"],
  ...["SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"],
]);

const added = (container: Fields) => strings(recordAt(security(container), "capabilities")?.add);
const dropped = (container: Fields) => strings(recordAt(security(container), "capabilities")?.drop);
const seccompOf = (of: Fields) => recordAt(security(of), "seccompProfile")?.type;

const baselineChecks: readonly Check[] = [
  (spec) => {
    const shared = ["hostNetwork", "hostPID", "hostIPC"].filter((each) => spec[each] === true);
    return shared.length === 0
      ? undefined
      : { reason: "host namespaces", detail: shared.map((each) => `${each}=true`).join(", ") };
  },
  containersWhere(
    (container) => security(container).privileged === true,
    "privileged",
    "must not set securityContext.privileged=true",
  ),
  containersWhere(
    (container) => added(container).some((each) => !baselineCapabilities.has(each)),
    "non-default capabilities",
    "must not include unsafe capabilities in securityContext.capabilities.add",
  ),
  (spec) => {
    const bad = records(spec.volumes).filter((each) => isRecord(each.hostPath)).map(({ name }) => JSON.stringify(name));
    const word = bad.length === 1 ? "volume" : "volumes";
    return bad.length === 0 ? undefined : { reason: "hostPath volumes", detail: `${word} ${bad.join(", ")}` };
  },
  containersWhere(
    (container) => records(container.ports).some(({ hostPort }) => typeof hostPort === "number" && hostPort > 0),
    "hostPort",
    "uses hostPorts",
  ),
  (spec) =>
    [spec, ...containersOf(spec)].some((each) => seccompOf(each) === "Unconfined")
      ? {
        reason: "seccompProfile",
        detail: 'pod or container must not set securityContext.seccompProfile.type to "Unconfined"',
      }
      : undefined,
  containersWhere(
    (container) => !["Default", undefined].includes(security(container).procMount as string | undefined),
    "procMount",
    'must not set securityContext.procMount to anything but "Default"',
  ),
];

const restrictedVolumes = new Set([
  ...[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
  ],
]);

const restrictedChecks: readonly Check[] = [
  (spec) => {
    const bad = records(spec.volumes).filter((each) =>
      Object.keys(each).some((key) => key !== "name" && !restrictedVolumes.has(key))
    );
    const names = bad.map(({ name }) => JSON.stringify(name)).join(", ");
    return bad.length === 0 ? undefined : {
      reason: "restricted volume types",
      detail: `${bad.length === 1 ? "volume" : "volumes"} ${names} uses a restricted volume type`,
    };
  },
  containersWhere(
    (container) => security(container).allowPrivilegeEscalation !== false,
    "allowPrivilegeEscalation != false",
    "must set securityContext.allowPrivilegeEscalation=false",
  ),
  containersWhere(
    (container) => !dropped(container).includes("ALL") || added(container).some((each) => each !== "NET_BIND_SERVICE"),
    "unrestricted capabilities",
    'must set securityContext.capabilities.drop=["ALL"]',
  ),
  (spec) => {
    const pod = security(spec).runAsNonRoot;
    const bad = containersOf(spec).filter((each) => (security(each).runAsNonRoot ?? pod) !== true);
    return bad.length === 0
      ? undefined
      : { reason: "runAsNonRoot != true", detail: `pod or ${named(bad)} must set securityContext.runAsNonRoot=true` };
  },
  (spec) => {
    const roots = [spec, ...containersOf(spec)].filter((each) => security(each).runAsUser === 0);
    return roots.length === 0
      ? undefined
      : { reason: "runAsUser=0", detail: "pod or container must not set runAsUser=0" };
  },
  (spec) => {
    const fits = (type: unknown) => type === "RuntimeDefault" || type === "Localhost";
    const bad = containersOf(spec).filter((each) => !fits(seccompOf(each) ?? seccompOf(spec)));
    return bad.length === 0 ? undefined : {
      reason: "seccompProfile",
      detail: `pod or ${named(bad)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
    };
  },
];
