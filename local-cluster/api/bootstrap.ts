import { bootstrapRbac } from "../auth/bootstrap.ts";
import { groupResourceOf } from "../schema/resource-type.ts";
import type { ApiContext } from "./context.ts";
import { prepareNew } from "./write/create.ts";

/** Namespaces that every cluster has. */
const initialNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

/** What is there before the first request. */
export function bootstrap(context: ApiContext): void {
  const namespaces = initialNamespaces.map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } }));
  for (const object of [...namespaces, ...bootstrapRbac()]) {
    const type = context.types.ofKind(object);
    if (type === undefined) throw new Error(`no type for ${object.apiVersion} ${object.kind}`);
    const request = {
      verb: "create",
      type,
      user: { username: "system:apiserver", groups: ["system:masters"] },
      dryRun: false,
      fieldManager: "kube-apiserver",
      fieldValidation: "Strict" as const,
      contentType: "application/json",
      body: "",
      force: false,
      signal: new AbortController().signal,
      warn: () => undefined,
    };
    context.storage.create(groupResourceOf(type), prepareNew(context, request, object));
  }
}
