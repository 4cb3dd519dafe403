import type { RequestAttributes, User } from "../auth/user.ts";
import { StatusError } from "../schema/status-error.ts";
import type { ApiContext } from "./context.ts";
import type { RequestInfo } from "./request-info.ts";
import { selectedName } from "./selectors.ts";

/** Refuses with 403, in the words of k8s.io/apiserver, what the user may not do. */
export function authorizeRequest({ authorize }: Pick<ApiContext, "authorize">, user: User, info: RequestInfo): void {
  const { allowed, reason } = authorize(user, attributesOf(info));
  if (allowed) return;
  const why = `${describe(user, info)}${reason === "" ? "" : `: ${reason}`}`;
  const { target } = info;
  if (target === undefined) throw new StatusError(403, "Forbidden", `forbidden: ${why}`, {});
  const { group, resource, name } = target;
  const groupResource = group === "" ? resource : `${resource}.${group}`;
  throw new StatusError(
    403,
    "Forbidden",
    `${groupResource}${name === undefined ? "" : ` "${name}"`} is forbidden: ${why}`,
    { ...(name === undefined ? {} : { name }), ...(group === "" ? {} : { group }), kind: resource },
  );
}

function attributesOf({ verb, path, target, query }: RequestInfo): RequestAttributes {
  if (target === undefined) return { verb, path };
  // A list or watch that selects one object by name is about that object (RBAC resourceNames).
  const collection = verb === "list" || verb === "watch" || verb === "deletecollection";
  const name = target.name ?? (collection ? selectedName(query.get("fieldSelector")) : undefined);
  return { ...target, verb, ...(name === undefined ? {} : { name }) };
}

function describe({ username }: User, { verb, path, target }: RequestInfo): string {
  if (target === undefined) return `User "${username}" cannot ${verb} path "${path}"`;
  const { resource, subresource, group, namespace } = target;
  const full = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where = namespace === undefined ? "at the cluster scope" : `in the namespace "${namespace}"`;
  return `User "${username}" cannot ${verb} resource "${full}" in API group "${group}" ${where}`;
}
