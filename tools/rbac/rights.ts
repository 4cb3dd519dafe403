// pure
import type { KubeObject } from "../../contracts/kubernetes.ts";

/** One verb on one resource that a Role or ClusterRole gives. `resource` may name a subresource, as `pods/log`. */
export type Right = {
  role: string;
  group: string;
  resource: string;
  verb: string;
  resourceNames?: readonly string[];
};

/** What one request needed, of whom. */
export type Use = { account: string; group: string; resource: string; verb: string; name?: string; allowed: boolean };

type Rule = { apiGroups: string[]; resources: string[]; verbs: string[]; resourceNames?: string[] };

/** Every single right of the roles among these objects. */
export function rightsOf(objects: readonly KubeObject[]): Right[] {
  return objects.filter(isRole).flatMap((role) =>
    rulesOf(role).flatMap(({ apiGroups, resources, verbs, resourceNames }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.map((verb) => ({
            role: nameOf(role),
            group,
            resource,
            verb,
            ...(resourceNames ? { resourceNames } : {}),
          }))
        )
      )
    )
  );
}

/** The same objects, of which nobody has that right by that role any more. */
export function withoutRight(objects: readonly KubeObject[], right: Right): KubeObject[] {
  return objects.map((object) => {
    if (!isRole(object) || nameOf(object) !== right.role) return object;
    const kept = rightsOf([object]).filter((each) => textOf(each) !== textOf(right));
    const rules = kept.map(({ group, resource, verb, resourceNames }) => ({
      apiGroups: [group],
      resources: [resource],
      verbs: [verb],
      ...(resourceNames ? { resourceNames } : {}),
    }));
    return { ...object, rules } as KubeObject;
  });
}

/** Whether a request is one that the right is for. */
export function isFor(right: Right, use: Use): boolean {
  return right.group === use.group && right.resource === use.resource && right.verb === use.verb &&
    (right.resourceNames === undefined || (use.name !== undefined && right.resourceNames.includes(use.name)));
}

/** The ServiceAccounts that a role is bound to. */
export function accountsOf(role: string, objects: readonly KubeObject[]): string[] {
  type Binding = { roleRef: { kind: string; name: string }; subjects?: { kind: string; name: string }[] };
  return objects.filter(({ kind }) => kind.endsWith("RoleBinding")).flatMap((each) => {
    const { roleRef, subjects = [] } = each as unknown as Binding;
    if (`${roleRef.kind} ${roleRef.name}` !== role) return [];
    return subjects.filter(({ kind }) => kind === "ServiceAccount").map(({ name }) => name);
  });
}

/** A right as a person reads it. */
export function textOf({ role, group, resource, verb, resourceNames }: Right): string {
  const names = resourceNames ? ` named ${resourceNames.join(" or ")}` : "";
  return `${role}: ${verb} ${resource}${group === "" ? "" : `.${group}`}${names}`;
}

function isRole({ kind }: KubeObject): boolean {
  return kind === "Role" || kind === "ClusterRole";
}

function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.name}`;
}

function rulesOf(role: KubeObject): Rule[] {
  return (role as unknown as { rules?: Rule[] }).rules ?? [];
}
