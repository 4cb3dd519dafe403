// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { nothingToDo, type Plan } from "../../../runtime/control/plan.ts";

/** Digest of what was applied: someone's own edits stay until the ConfigMap says something new. */
export const digestAnnotation = "kubewarden.io/defaults-digest";
/** What could not be read of the defaults ConfigMap; absent when all is well. */
export const problemsAnnotation = "kubewarden.io/defaults-problems";
const managedByLabel = { "kubewarden.io/managed-by": "kubewarden-controller-defaults" };

/** One default PolicyServer: as the ConfigMap has it, and as it stands. */
export type ObservedDefault = { wanted?: KubeObject; present?: KubeObject };
/** The ConfigMap itself and what in it could not be read. */
export type ObservedDefaultsFile = { configMap: KubeObject | undefined; problems: readonly string[] };

/** What to do about one default PolicyServer, or about the ConfigMap. */
export function planDefaults(
  observed: ObservedDefault | ObservedDefaultsFile,
  sha256Hex: (text: string) => string,
): Plan {
  return "problems" in observed ? planProblems(observed) : planDefault(observed, sha256Hex);
}

/**
 * Applies a default that is missing or was applied in another form. A terminating one is made again when it is gone. One
 * that others made, as upstream's chart does, is theirs: what it runs is not ours to change.
 */
function planDefault({ wanted, present }: ObservedDefault, sha256Hex: (text: string) => string): Plan {
  if (wanted === undefined || present?.metadata.deletionTimestamp !== undefined) return nothingToDo;
  const object = defaultFor(wanted, sha256Hex);
  const digest = object.metadata.annotations?.[digestAnnotation];
  const applied = present?.metadata.annotations?.[digestAnnotation];
  if (present !== undefined && (applied === undefined || applied === digest)) return nothingToDo;
  return { ...nothingToDo, apply: [object] };
}

/** As the ConfigMap has it: an image that it leaves out stays out, and an upgrade of the reconciler is one of the server. */
function defaultFor(wanted: KubeObject, sha256Hex: (text: string) => string): KubeObject {
  const { name, labels, annotations } = wanted.metadata;
  const object = {
    apiVersion: wanted.apiVersion,
    kind: wanted.kind,
    metadata: { name, labels: { ...labels, ...managedByLabel }, annotations: { ...annotations } },
    spec: wanted.spec ?? {},
  };
  const digest = sha256Hex(JSON.stringify(object)).slice(0, 32);
  return { ...object, metadata: { ...object.metadata, annotations: { ...annotations, [digestAnnotation]: digest } } };
}

/** Says on the ConfigMap what is wrong with it. The uid keeps a late apply from reviving a deleted ConfigMap. */
function planProblems({ configMap, problems }: ObservedDefaultsFile): Plan {
  const { annotations, name, namespace, uid } = configMap?.metadata ?? {};
  const said = annotations?.[problemsAnnotation];
  const text = problems.length === 0 ? undefined : problems.join("; ");
  if (name === undefined || said === text) return nothingToDo;
  const metadata = {
    name,
    namespace,
    uid,
    ...(text === undefined ? {} : { annotations: { [problemsAnnotation]: text } }),
  };
  return { ...nothingToDo, apply: [{ apiVersion: "v1", kind: "ConfigMap", metadata }] };
}
