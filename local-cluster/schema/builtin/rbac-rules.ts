// pure
import type { KubeObject } from "../../../contracts/kubernetes.ts";
import { type FieldError, invalid, notSupported, required } from "../field-error.ts";
import { equalJson } from "../clone.ts";
import { recordAt, records, strings } from "./access.ts";

const group = "rbac.authorization.k8s.io";

/** `ValidatePolicyRule` on every rule of a Role or ClusterRole. */
export function roleErrors(role: KubeObject): FieldError[] {
  return records(role.rules).flatMap((rule, index) => {
    const path = `rules[${index}]`;
    const urls = strings(rule.nonResourceURLs);
    const empty = (field: string) => strings(rule[field]).length === 0;
    const errors = empty("verbs") ? [required(`${path}.verbs`, "verbs must contain at least one value")] : [];
    if (urls.length > 0) {
      if (role.kind === "Role") {
        errors.push(invalid(`${path}.nonResourceURLs`, urls, "namespaced rules cannot apply to non-resource URLs"));
      }
      if (!empty("apiGroups") || !empty("resources") || !empty("resourceNames")) {
        errors.push(
          invalid(
            `${path}.nonResourceURLs`,
            urls,
            "rules cannot apply to both regular resources and non-resource URLs",
          ),
        );
      }
      return errors;
    }
    if (empty("apiGroups")) {
      errors.push(required(`${path}.apiGroups`, "resource rules must supply at least one api group"));
    }
    if (empty("resources")) {
      errors.push(required(`${path}.resources`, "resource rules must supply at least one resource"));
    }
    return errors;
  });
}

/** `ValidateRoleBinding`: what it refers to is fixed, and every subject is whole. */
export function bindingErrors(binding: KubeObject, old: KubeObject | undefined): FieldError[] {
  const roleRef = recordAt(binding, "roleRef") ?? {};
  const kinds = binding.kind === "ClusterRoleBinding" ? ["ClusterRole"] : ["ClusterRole", "Role"];
  return [
    ...(roleRef.apiGroup === group ? [] : [notSupported("roleRef.apiGroup", roleRef.apiGroup ?? "", [group])]),
    ...(kinds.includes(String(roleRef.kind)) ? [] : [notSupported("roleRef.kind", roleRef.kind ?? "", kinds)]),
    ...(roleRef.name ? [] : [required("roleRef.name")]),
    ...(old && !equalJson(binding.roleRef, old.roleRef)
      ? [invalid("roleRef", binding.roleRef, "cannot change roleRef")]
      : []),
    ...records(binding.subjects).flatMap((subject, index) =>
      subjectErrors(subject, `subjects[${index}]`, binding.kind)
    ),
  ];
}

function subjectErrors(subject: Record<string, unknown>, path: string, kind: string): FieldError[] {
  const errors = subject.name ? [] : [required(`${path}.name`)];
  if (subject.kind === "ServiceAccount") {
    const namespaced = subject.namespace || kind === "RoleBinding";
    return namespaced ? errors : [...errors, required(`${path}.namespace`)];
  }
  if (subject.kind !== "User" && subject.kind !== "Group") {
    return [...errors, notSupported(`${path}.kind`, subject.kind, ["Group", "ServiceAccount", "User"])];
  }
  return subject.apiGroup === group
    ? errors
    : [...errors, notSupported(`${path}.apiGroup`, subject.apiGroup ?? "", [group])];
}
