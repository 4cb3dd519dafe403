import type { User } from "../auth/user.ts";
import { authorizeRequest } from "./access.ts";
import type { ApiContext } from "./context.ts";
import { badRequest } from "./failures.ts";

/**
 * Who the request is to be judged as: the user that `Impersonate-User` (and `-Group`, `-Uid`) names, if the real one may
 * `impersonate` them; the real one where no such header is there.
 */
export function impersonated(context: Pick<ApiContext, "authorize">, real: User, headers: Headers): User {
  const username = headers.get("impersonate-user");
  const groups = (headers.get("impersonate-group") ?? "").split(",").map((each) => each.trim()).filter((each) => each);
  if (username === null) {
    if (groups.length > 0) throw badRequest("requested groups without impersonating a user");
    return real;
  }
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username);
  const mayImpersonate = (resource: string, name: string, namespace?: string) =>
    authorizeRequest(context, real, {
      method: "POST",
      path: "",
      query: new URLSearchParams(),
      verb: "impersonate",
      target: { group: "", version: "v1", resource, name, ...(namespace === undefined ? {} : { namespace }) },
    });
  if (account) mayImpersonate("serviceaccounts", account[2] ?? "", account[1]);
  else mayImpersonate("users", username);
  for (const group of groups) mayImpersonate("groups", group);
  const implied = account ? ["system:serviceaccounts", `system:serviceaccounts:${account[1]}`] : [];
  const own = groups.length > 0 ? groups : implied;
  const standing = username === "system:anonymous" ? [] : ["system:authenticated"];
  const uid = headers.get("impersonate-uid");
  return { username, ...(uid === null ? {} : { uid }), groups: [...new Set([...own, ...standing])] };
}
