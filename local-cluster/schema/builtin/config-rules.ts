// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { equalJson } from "../clone.ts";
import { duplicate, type FieldError, forbidden, invalid, required } from "../field-error.ts";
import { immutable } from "../metadata.ts";
import { dataKeyProblems, dnsLabelProblems, labelErrors, portNameProblems, problems } from "../names.ts";
import { recordAt, records, stringEntries } from "./access.ts";
import { portNumberErrors } from "./pod-rules.ts";

const maxBytes = 1024 * 1024;

/** ConfigMaps and Secrets: keys, size, and what `immutable: true` forbids. */
export function dataErrors(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const entries = [...stringEntries(object.data), ...stringEntries(object.binaryData)];
  const size = entries.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  return [
    ...entries.flatMap(([key]) => problems(`data[${key}]`, key, dataKeyProblems)),
    ...(size > maxBytes
      ? [
        { path: "", reason: "FieldValueTooLong", message: `Too long: may not be more than ${maxBytes} bytes` } as const,
      ]
      : []),
    ...(old ? frozenErrors(object, old) : []),
  ];
}

function frozenErrors(object: KubeObject, old: KubeObject): FieldError[] {
  if (old.immutable !== true) return [];
  const why = "field is immutable when `immutable` is set";
  return [
    ...(object.immutable === true ? [] : [forbidden("immutable", why)]),
    ...["data", "binaryData"].filter((field) => !equalJson(object[field] ?? {}, old[field] ?? {})).map((field) =>
      forbidden(field, why)
    ),
  ];
}

const neededKeys: Readonly<Record<string, readonly string[]>> = {
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/dockercfg": [".dockercfg"],
};

export function secretErrors(secret: KubeObject, old: KubeObject | undefined): FieldError[] {
  const data = recordAt(secret, "data") ?? {};
  return [
    ...dataErrors(secret, old),
    ...(neededKeys[String(secret.type)] ?? []).filter((key) => !(key in data)).map((key) => required(`data[${key}]`)),
    ...(old ? immutable("type", secret.type, old.type) : []),
  ];
}

/** `ValidateService`. */
export function serviceErrors(service: KubeObject, old: KubeObject | undefined): FieldError[] {
  const spec = recordAt(service, "spec") ?? {};
  const ports = records(spec.ports);
  const needsPorts = spec.type !== "ExternalName" && spec.clusterIP !== "None";
  const keptAddress = old && recordAt(old, "spec")?.type !== "ExternalName" && spec.type !== "ExternalName";
  return [
    ...(ports.length === 0 && needsPorts ? [required("spec.ports")] : []),
    ...ports.flatMap((port, index) => servicePortErrors(port, index, ports)),
    ...labelErrors("spec.selector", stringEntries(spec.selector)),
    ...(keptAddress ? immutable("spec.clusterIP", spec.clusterIP, recordAt(old, "spec")?.clusterIP) : []),
    ...(spec.type === "ExternalName" && !spec.externalName ? [required("spec.externalName")] : []),
  ];
}

function servicePortErrors(port: Record<string, unknown>, index: number, all: Record<string, unknown>[]): FieldError[] {
  const path = `spec.ports[${index}]`;
  const { name, port: number, protocol, targetPort } = port;
  const first = all.findIndex((each) => each.port === number && each.protocol === protocol);
  return [
    ...(name
      ? problems(`${path}.name`, String(name), dnsLabelProblems)
      : all.length > 1
      ? [required(`${path}.name`)]
      : []),
    ...(name && all.findIndex((each) => each.name === name) < index ? [duplicate(`${path}.name`, name)] : []),
    ...portNumberErrors(`${path}.port`, number),
    ...(typeof targetPort === "string"
      ? problems(`${path}.targetPort`, targetPort, portNameProblems)
      : portNumberErrors(`${path}.targetPort`, targetPort)),
    ...(first < index ? [duplicate(path, { protocol, port: number })] : []),
  ];
}

/** `ValidateLeaseSpec`. */
export function leaseErrors(lease: KubeObject): FieldError[] {
  const spec = recordAt(lease, "spec") ?? {};
  const seconds = spec.leaseDurationSeconds, transitions = spec.leaseTransitions;
  return [
    ...(typeof seconds === "number" && seconds <= 0
      ? [invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")]
      : []),
    ...(typeof transitions === "number" && transitions < 0
      ? [invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0")]
      : []),
    ...(spec.holderIdentity === "" ? [invalid("spec.holderIdentity", "", "must not be empty")] : []),
  ];
}

/** An Event lives in the namespace of what it is about. */
export function eventErrors(event: KubeObject): FieldError[] {
  const about = recordAt(event, "involvedObject") ?? recordAt(event, "regarding") ?? {};
  const namespace = about.namespace ?? "";
  const fits = namespace === "" ? event.metadata.namespace === "default" : namespace === event.metadata.namespace;
  return fits ? [] : [invalid("involvedObject.namespace", namespace, "does not match event.namespace")];
}
