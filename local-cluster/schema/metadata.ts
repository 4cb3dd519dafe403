// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";
import { records, stringEntries, strings } from "./builtin/access.ts";
import { equalJson } from "./clone.ts";
import { duplicate, type FieldError, forbidden, invalid, required } from "./field-error.ts";
import { annotationErrors, labelErrors, nameCheckFor, problems, qualifiedNameProblems } from "./names.ts";
import type { ResourceType } from "./resource-type.ts";

/** metadata as k8s.io/apimachinery `ValidateObjectMeta` and `ValidateObjectMetaUpdate` check it. */
export function metadataErrors(type: ResourceType, object: KubeObject, old?: KubeObject): FieldError[] {
  const { metadata } = object;
  const checkName = nameCheckFor(type.group, type.kind);
  const errors: FieldError[] = [];
  if (typeof metadata.generateName === "string" && metadata.generateName !== "") {
    // Checked as a name that ends in a letter, since five of them follow.
    errors.push(...problems("metadata.generateName", `${metadata.generateName}a`, checkName));
  }
  if (!metadata.name) errors.push(required("metadata.name", "name or generateName is required"));
  else errors.push(...problems("metadata.name", metadata.name, checkName));
  if (type.namespaced && !metadata.namespace) errors.push(required("metadata.namespace"));
  if (!type.namespaced && metadata.namespace) {
    errors.push(forbidden("metadata.namespace", "not allowed on this type"));
  }
  errors.push(
    ...labelErrors("metadata.labels", stringEntries(metadata.labels)),
    ...annotationErrors("metadata.annotations", stringEntries(metadata.annotations)),
    ...ownerErrors(object),
    ...finalizerErrors(type, object),
  );
  return old ? [...errors, ...changeErrors(object, old)] : errors;
}

function ownerErrors({ metadata }: KubeObject): FieldError[] {
  const owners = records(metadata.ownerReferences);
  const controllers = owners.filter(({ controller }) => controller === true);
  const path = "metadata.ownerReferences";
  return [
    ...owners.flatMap((owner) =>
      ["apiVersion", "kind", "name", "uid"].flatMap((field) =>
        typeof owner[field] === "string" && owner[field] !== "" ? [] : [
          invalid(
            `${path}.${field}`,
            owner[field] ?? "",
            field === "apiVersion" ? "version must not be empty" : "must not be empty",
          ),
        ]
      )
    ),
    ...(controllers.length > 1
      ? [invalid(
        path,
        owners,
        `Only one reference can have Controller set to true. Found "true" in references for ${
          controllers[0]?.name
        } and ` +
          `${controllers[1]?.name}`,
      )]
      : []),
    ...owners.flatMap(({ uid }, index) =>
      owners.findIndex((each) => each.uid === uid) < index ? [duplicate(`${path}[${index}]`, { uid })] : []
    ),
  ];
}

/** Finalizers are qualified names; the kinds of k8s.io/kubernetes itself, unlike CRDs and their objects, need a domain. */
function finalizerErrors(type: ResourceType, { metadata }: KubeObject): FieldError[] {
  const standard = ["kubernetes", "orphan", "foregroundDeletion"];
  return strings(metadata.finalizers).flatMap((finalizer) => {
    const wrong = problems("metadata.finalizers", finalizer, qualifiedNameProblems);
    const lenient = type.custom || type.group === "apiextensions.k8s.io";
    const unqualified = !lenient && !finalizer.includes("/") && !standard.includes(finalizer);
    return unqualified
      ? [
        ...wrong,
        invalid(
          "metadata.finalizers",
          finalizer,
          "name is neither a standard finalizer name nor is it fully qualified",
        ),
      ]
      : wrong;
  });
}

function changeErrors({ metadata }: KubeObject, { metadata: old }: KubeObject): FieldError[] {
  const errors = (["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp"] as const).flatMap((field) =>
    (metadata[field] ?? undefined) === (old[field] ?? undefined)
      ? []
      : [invalid(`metadata.${field}`, metadata[field], "field is immutable")]
  );
  if (old.deletionTimestamp) {
    const added = strings(metadata.finalizers).filter((each) => !strings(old.finalizers).includes(each));
    if (added.length > 0) {
      errors.push(
        forbidden(
          "metadata.finalizers",
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${
            added.map((each) => JSON.stringify(each)).join(", ")
          }}`,
        ),
      );
    }
  }
  return errors;
}

/** `field is immutable` where a value differs from the stored one. */
export function immutable(path: string, value: unknown, old: unknown): FieldError[] {
  return equalJson(value, old) ? [] : [invalid(path, value, "field is immutable")];
}
