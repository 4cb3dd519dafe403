// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import type { Container, EnvVar, Pod } from "../workloads/pod.ts";
import { fieldValue, resourceValue } from "./downward.ts";
import { expandVariables } from "./expand.ts";

/** Reads a ConfigMap or Secret of the pod's namespace; undefined if it does not exist. */
export type ReadSource = (kind: "ConfigMap" | "Secret", name: string) => KubeObject | undefined;

/** The environment of a container, or the sentence that goes into `CreateContainerConfigError`. */
export type Environment = { env: Record<string, string> } | { problem: string };

/**
 * Builds a container's environment as the kubelet does: `envFrom` first, then `env` in order, where the last of two
 * equal names wins and `$(NAME)` sees what was defined before it.
 */
export function environmentFor(
  { pod, container, read }: { pod: Pod; container: Container; read: ReadSource },
): Environment {
  const env: Record<string, string> = {};
  for (const source of container.envFrom ?? []) {
    const [kind, reference] = source.secretRef
      ? ["Secret", source.secretRef] as const
      : ["ConfigMap", source.configMapRef] as const;
    const object = reference ? read(kind, reference.name) : undefined;
    if (!object && reference?.optional !== true) {
      return { problem: `${kind.toLowerCase()} "${reference?.name ?? ""}" not found` };
    }
    for (const key of Object.keys((object?.data ?? {}) as Record<string, string>)) {
      const value = textOf(object, key);
      if (/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(key) && value !== undefined) env[`${source.prefix ?? ""}${key}`] = value;
    }
  }
  for (const variable of container.env ?? []) {
    const found = variable.valueFrom
      ? valueFrom(variable, { pod, container, read })
      : { value: expandVariables(variable.value ?? "", env) };
    if (found.problem !== undefined) return { problem: found.problem };
    if (found.value !== undefined) env[variable.name] = found.value;
  }
  return { env };
}

function valueFrom(
  variable: EnvVar,
  { pod, container, read }: { pod: Pod; container: Container; read: ReadSource },
): { value?: string; problem?: string } {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = variable.valueFrom ?? {};
  if (fieldRef) {
    const value = fieldValue(pod, fieldRef.fieldPath);
    return value === undefined
      ? { problem: `env "${variable.name}": unsupported fieldPath "${fieldRef.fieldPath}"` }
      : { value };
  }
  if (resourceFieldRef) {
    const named = pod.spec.containers.find((each) => each.name === resourceFieldRef.containerName) ?? container;
    const value = resourceValue(named, resourceFieldRef);
    return value === undefined
      ? { problem: `env "${variable.name}": unsupported container resource "${resourceFieldRef.resource}"` }
      : { value };
  }
  const kind = secretKeyRef ? "Secret" : "ConfigMap";
  const reference = secretKeyRef ?? configMapKeyRef;
  if (!reference) return { problem: `env "${variable.name}": its valueFrom names no source the local cluster knows` };
  const object = read(kind, reference.name);
  const value = textOf(object, reference.key);
  if (value !== undefined || reference.optional === true) return { value };
  const label = kind.toLowerCase();
  return {
    problem: object
      ? `couldn't find key ${reference.key} in ${kind} ${pod.metadata.namespace}/${reference.name}`
      : `${label} "${reference.name}" not found`,
  };
}

function textOf(object: KubeObject | undefined, key: string): string | undefined {
  const value = (object?.data as Record<string, string> | undefined)?.[key];
  if (value === undefined || object?.kind !== "Secret") return value;
  return new TextDecoder().decode(Uint8Array.fromBase64(value));
}
